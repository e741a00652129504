"""What is answered: the bodies of `tests/golden/ingest`, by vendor, path and wish."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BODIES = Path(__file__).resolve().parents[2] / "tests" / "golden" / "ingest"

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """An answer: whole, or, if it is a stream, in the pieces that are sent one by one."""

    status: int
    content_type: str
    pieces: tuple[bytes, ...]

    @property
    def is_stream(self) -> bool:
        return self.content_type.startswith("text/event-stream")


# The path, the body of a whole answer, and the body of a stream, if it can be one.
_ROUTES: tuple[tuple[str, str, str | None], ...] = (
    (r"/openai/v1/chat/completions", "openai-chat.json", "openai-chat-stream.sse"),
    (r"/openai/v1/responses", "openai-responses.json", "openai-responses-stream.sse"),
    (r"/openai/v1/embeddings", "openai-embeddings.json", None),
    (r"/openai/v1/images/generations", "openai-images-tokens.json", None),
    (r"/openai/v1/audio/transcriptions", "openai-transcription-tokens.json", None),
    (r"/anthropic/v1/messages", "anthropic-message.json", "anthropic-stream.sse"),
    (r"/gemini/[^/]+/models/[^/:]+:generateContent", "gemini-chat.json", None),
    (r"/gemini/[^/]+/models/[^/:]+:streamGenerateContent", "gemini-stream.sse", None),
    (r"/tavily/search", "tavily-search-credits.json", None),
)

_MODELS = {"object": "list", "data": [{"id": "gpt-4o", "object": "model"}]}
_SPEECH = b"ID3\x04" + bytes(200)
_GEMINI_EMBEDDING = {"embeddings": [{"values": [0.0023, -0.0093]}]}


def answer(method: str, path: str, request: Mapping[str, object]) -> Answer:
    """The answer to a request, as the vendor that the path begins with would give it."""
    if method == "GET" and path == "/openai/v1/models":
        return whole(200, _MODELS)
    if path == "/openai/v1/audio/speech":
        return Answer(200, "audio/mpeg", (_SPEECH,))
    if re.fullmatch(r"/gemini/[^/]+/models/[^/:]+:(batchEmbedContents|embedContent)", path):
        return whole(200, _GEMINI_EMBEDDING)
    for pattern, body, stream in _ROUTES:
        if re.fullmatch(pattern, path) is None:
            continue
        if stream is not None and request.get("stream") is True:
            return _events(stream, request)
        return _events(body, request) if body.endswith(".sse") else _file(body)
    return error(path, 404, "not_found_error", "There is nothing at this path.")


def error(path: str, status: int, kind: str, message: str) -> Answer:
    """A refusal in the form of the vendor that the path begins with."""
    if path.startswith("/anthropic/"):
        body: dict[str, object] = {"type": "error", "error": {"type": kind, "message": message}}
    elif path.startswith("/gemini/"):
        body = {"error": {"code": status, "message": message, "status": kind.upper()}}
    else:
        body = {"error": {"message": message, "type": kind, "param": None, "code": None}}
    return whole(status, body)


def whole(status: int, body: object) -> Answer:
    """An answer of JSON."""
    return Answer(status, JSON, (json.dumps(body).encode(),))


def _file(name: str) -> Answer:
    return Answer(200, JSON, (_read(name),))


def _events(name: str, request: Mapping[str, object]) -> Answer:
    """The events of a stream. OpenAI's chat reports its usage only to those who asked for it."""
    events = [event + b"\n\n" for event in _read(name).split(b"\n\n") if event.strip()]
    if name == "openai-chat-stream.sse":
        options = request.get("stream_options")
        wants_usage = isinstance(options, dict) and options.get("include_usage") is True
        if not wants_usage:
            events = [event for event in events if b'"prompt_tokens"' not in event]
    return Answer(200, EVENTS, tuple(events))


@cache
def _read(name: str) -> bytes:
    return (BODIES / name).read_bytes()
