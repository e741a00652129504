"""Reading what was used out of an answer: the provider's own, or that of the host's route."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from alwrity_metering import UsageStream, extract_content_type, extract_usage
from alwrity_metering.results import Extracted

STREAMS = ("text/event-stream", "application/x-ndjson", "application/jsonl")
MADE = ("image/", "audio/", "video/")


class Reading(NamedTuple):
    """What an answer says was used."""

    usage: dict[str, int]
    is_estimated: bool = False
    vendor_cost_usd: Decimal | None = None

    def settlement(self) -> dict[str, Any]:
        """The same as a hold is settled with."""
        told: dict[str, Any] = {"usage": self.usage}
        if self.is_estimated:
            told["usage_source"] = "estimated"
        if self.vendor_cost_usd is not None:
            told["vendor_cost_usd"] = self.vendor_cost_usd
        return told


def reading(found: Extracted | None) -> Reading | None:
    """What was found, if anything was."""
    if found is None:
        return None
    return Reading(dict(found.usage), found.usage_source != "reported", found.vendor_cost_usd)


def read_answer(provider: str, answer: object) -> Reading | None:
    """What a provider's answer says was used; nothing when it reports none."""
    return reading(extract_usage(provider, answer))


class AnswerWatch:
    """Looks at an answer as it passes, and keeps no more of it than the limit.

    JSON is kept until its end, up to the limit; a stream is read event by event and not kept; of
    other answers only the type counts. What is compressed is not read.
    """

    def __init__(self, provider: str, body_bytes_max: int) -> None:
        self.status_code = 0
        self.size_bytes = 0
        self._provider = provider
        self._body_bytes_max = body_bytes_max
        self._stream: UsageStream | None = None
        self._body: bytearray | None = None
        self._made: Reading | None = None

    def start(self, status_code: int, headers: list[tuple[bytes, bytes]], *, reads: bool) -> None:
        """Takes the status, and the headers that tell how the body is read, if it is."""
        self.status_code = status_code
        if not reads:
            return
        told = {name.lower(): value.decode("latin-1").lower() for name, value in headers}
        if told.get(b"content-encoding", "identity") != "identity":
            return
        kind = told.get(b"content-type", "").split(";")[0].strip()
        if kind in STREAMS:
            self._stream = UsageStream(self._provider)
        elif kind == "application/json" or kind.endswith("+json"):
            self._body = bytearray()
        elif kind.startswith(MADE):
            self._made = reading(extract_content_type(kind))

    def push(self, chunk: bytes) -> None:
        """Takes the next part of the body."""
        self.size_bytes += len(chunk)
        if self._stream is not None:
            self._stream.push(chunk)
        elif self._body is not None:
            if self.size_bytes > self._body_bytes_max:
                self._body = None
            else:
                self._body += chunk

    def found(self) -> Reading | None:
        """What the answer says was used, as far as it came."""
        if self._stream is not None:
            return reading(self._stream.so_far())
        if self._body:
            return read_answer(self._provider, bytes(self._body).decode("utf-8", "replace"))
        return self._made
