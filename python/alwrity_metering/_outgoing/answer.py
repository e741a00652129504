"""What a provider's answer says was used, read while it passes through."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from .. import _native
from ..results import Extracted

#: More of an answer than this is not kept to be read; such an answer counts as estimated.
BODY_BYTES_MAX = 64 << 20
#: The types of answers that come in events.
_EVENTS = ("text/event-stream", "application/x-ndjson", "application/stream+json")
_ERROR_TEXT_MAX = 500


class Answer:
    """Takes the bytes of one answer as they pass, and keeps no more of them than it must.

    The events of a stream are read at once and forgotten. A whole body, or a compressed one, is
    kept until its end, since only then can it be read.
    """

    __slots__ = ("_chunks", "_headers", "_library", "_provider", "_stream", "size_bytes")

    def __init__(self, provider: str, headers: Mapping[str, str], library: ModuleType) -> None:
        self._provider = provider
        self._headers = headers
        self._library: Any = library
        is_plain = self.is_stream and not headers.get("content-encoding")
        self._stream = _native.UsageStream(provider) if is_plain else None
        self._chunks: list[bytes] | None = []
        self.size_bytes = 0

    def take(self, chunk: bytes) -> None:
        """The next bytes, as they came over the wire."""
        self.size_bytes += len(chunk)
        if self._stream is not None:
            self._stream.push(chunk)
        elif self._chunks is not None:
            self._chunks.append(chunk)
            if self.size_bytes > BODY_BYTES_MAX:
                self._chunks = None

    @property
    def is_stream(self) -> bool:
        """Whether it comes in events."""
        return self._content_type() in _EVENTS

    @property
    def is_media(self) -> bool:
        """Whether it is a picture, a sound or a film itself, which says nothing of its use."""
        return self._content_type().startswith(("image/", "audio/", "video/"))

    def used(self) -> Extracted | None:
        """What was used, as far as the bytes say that came; nothing when they do not say."""
        if self._stream is not None:
            return self._stream.finish()
        if self.is_media:
            return _native.extract_content_type(self._content_type())
        return _native.extract_usage(self._provider, self.body())

    def error_text(self) -> str | None:
        """What a refusal says, cut; the ledger redacts it."""
        try:
            body = json.loads(self.body())
        except ValueError:
            return None
        if isinstance(body, list) and body:
            body = body[0]
        error = body.get("error", body) if isinstance(body, dict) else None
        message = error.get("message") if isinstance(error, dict) else error
        return message[:_ERROR_TEXT_MAX] if isinstance(message, str) else None

    def body(self) -> bytes:
        """The body without its compression, as far as it came."""
        return b"".join(self._decoded())

    def _decoded(self) -> Iterator[bytes]:
        chunks = self._chunks or []
        if not self._headers.get("content-encoding"):
            yield from chunks
            return
        # The library knows every compression that it told the server it takes.
        stream = self._library.ByteStream(b"".join(chunks))
        shadow = self._library.Response(200, headers=self._headers, stream=stream)
        try:
            yield from shadow.iter_bytes()
        except self._library.DecodingError:
            # It was cut: what could be read has been.
            return

    def _content_type(self) -> str:
        return self._headers.get("content-type", "").partition(";")[0].strip().lower()
