"""The server of the fake provider: real HTTP, on 127.0.0.1, and failures on demand."""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from .answers import Answer, answer, error

ASKED_MAX = 1000
_KINDS = {429: "rate_limit_error", 500: "server_error", 529: "overloaded_error"}


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class _Trouble:
    """What goes wrong with the next request."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    #: The connection ends without a word after so many pieces; 0: before any answer.
    cut_after_pieces: int | None = None


class FakeProvider:
    """Answers as OpenAI, Anthropic and Gemini do, each below a path of its own.

    `compress` answers with gzip where the client takes it. `delay_s` is how long it thinks.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        compress: bool = False,
        delay_s: float = 0.0,
    ) -> None:
        self.compress = compress
        self.delay_s = delay_s
        self._lock = threading.Lock()
        self._asked: deque[Asked] = deque(maxlen=ASKED_MAX)
        self._troubles: deque[_Trouble] = deque()
        self._server = _Server((host, port), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:8700`."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def openai_url(self) -> str:
        """The `base_url` of an OpenAI client."""
        return f"{self.url}/openai/v1"

    @property
    def anthropic_url(self) -> str:
        """The `base_url` of an Anthropic client."""
        return f"{self.url}/anthropic"

    @property
    def gemini_url(self) -> str:
        """The `base_url` of a Gemini client."""
        return f"{self.url}/gemini"

    @property
    def aliases(self) -> dict[str, str]:
        """Whose place it takes: each of its addresses, and the vendor's own."""
        return {
            f"{self.url}/openai": "https://api.openai.com",
            f"{self.url}/anthropic": "https://api.anthropic.com",
            f"{self.url}/gemini": "https://generativelanguage.googleapis.com",
            f"{self.url}/tavily": "https://api.tavily.com",
        }

    @property
    def asked(self) -> list[Asked]:
        """The requests that came, oldest first; the last thousand of them."""
        with self._lock:
            return list(self._asked)

    def fail_next(
        self, status: int, *, times: int = 1, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answers the next requests with an error."""
        with self._lock:
            self._troubles.extend([_Trouble(status=status, headers=headers or {})] * times)

    def cut_next(self, *, after_pieces: int = 0, times: int = 1) -> None:
        """Ends the next connections after so many pieces of the answer, without a word."""
        with self._lock:
            self._troubles.extend([_Trouble(cut_after_pieces=after_pieces)] * times)

    def start(self) -> FakeProvider:
        """Begins to answer, in threads of its own."""
        self._thread.start()
        return self

    def serve_forever(self) -> None:
        """Answers in this thread until it is interrupted."""
        self._server.serve_forever()

    def close(self) -> None:
        """Stops listening."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> FakeProvider:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _take(self, asked: Asked) -> _Trouble:
        with self._lock:
            self._asked.append(asked)
            return self._troubles.popleft() if self._troubles else _Trouble()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], provider: FakeProvider) -> None:
        self.provider = provider
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone, such as a worker that was killed, is no trouble of the server."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise each answer waits for the acknowledgement of the one before it.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing: a request may hold a key."""

    def _answer(self) -> None:
        provider = self.server.provider
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urlsplit(self.path).path
        headers = {name.lower(): value for name, value in self.headers.items()}
        trouble = provider._take(Asked(self.command, path, headers, body))
        if provider.delay_s:
            time.sleep(provider.delay_s)
        if trouble.cut_after_pieces == 0:
            self.close_connection = True
            return
        if trouble.status is None:
            found = answer(self.command, path, _object(body))
        else:
            kind = _KINDS.get(trouble.status, "invalid_request_error")
            found = error(path, trouble.status, kind, "The model is overloaded.")
        self._send(found, trouble)

    def _send(self, found: Answer, trouble: _Trouble) -> None:
        takes_gzip = "gzip" in (self.headers.get("accept-encoding") or "")
        is_compressed = self.server.provider.compress and takes_gzip
        self.send_response(found.status)
        self.send_header("content-type", found.content_type)
        for name, value in trouble.headers.items():
            self.send_header(name, value)
        if is_compressed:
            self.send_header("content-encoding", "gzip")
        if found.is_stream:
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self._stream(_compressed(found.pieces) if is_compressed else found.pieces, trouble)
            return
        whole = b"".join(found.pieces)
        whole = gzip.compress(whole, mtime=0) if is_compressed else whole
        self.send_header("content-length", str(len(whole)))
        self.end_headers()
        if trouble.cut_after_pieces is not None:
            self.wfile.write(whole[: len(whole) // 2])
            self.close_connection = True
            return
        self.wfile.write(whole)

    def _stream(self, pieces: tuple[bytes, ...] | Iterator[bytes], trouble: _Trouble) -> None:
        try:
            for count, piece in enumerate(pieces):
                if count == trouble.cut_after_pieces:
                    self.close_connection = True
                    return
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            # The client has heard enough.
            self.close_connection = True


def _compressed(pieces: tuple[bytes, ...]) -> Iterator[bytes]:
    """Each piece can be read as soon as it comes."""
    packer = zlib.compressobj(wbits=31)
    for piece in pieces:
        yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def _object(body: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
