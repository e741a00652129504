"""A provider for the measurement: one fixed answer of Gemini's form to whatever is asked. It costs
as little as it can, so that the application is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys

ANSWER = json.dumps(
    {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "All about it. " * 20}]}}],
        "usageMetadata": {"promptTokenCount": 900, "candidatesTokenCount": 512},
        "modelVersion": "gemini-2.5-flash",
    }
).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


class Provider(asyncio.Protocol):
    """Answers every request whose body has come whole."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._waiting = transport, b""

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        head, end, body = self._waiting.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if end and len(body) >= int(length or 0):
            self._waiting = b""
            self._transport.write(HEAD % len(ANSWER) + ANSWER)


async def main() -> None:
    """Serves until it is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Provider, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
