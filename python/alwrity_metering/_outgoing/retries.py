"""Retries: one record for a logical call, however often a client asks for it.

A client that retries after an error makes a new request each time. What failed is kept back here
until it is known what it was: an attempt before the one that counts, or the end of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: No client waits longer before it asks again.
KEPT_BACK_S = 180.0
KEPT_BACK_MAX = 1000
#: How often OpenAI's and Anthropic's clients retry when nobody tells them.
SDK_RETRIES_MAX = 2
_RETRIED = frozenset({408, 409, 429})

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Failure:
    """A failed attempt that may be tried again: what would be recorded of it if it is not."""

    record: Record
    retry_count: int


def told_retry_count(headers: Mapping[str, str]) -> int | None:
    """How many attempts a client says there were before this one."""
    told = headers.get("x-stainless-retry-count", "")
    return int(told) if told.isdecimal() else None


def is_retried(status: int, headers: Mapping[str, str]) -> bool:
    """Whether clients retry after such an answer."""
    told = headers.get("x-should-retry")
    if told in ("true", "false"):
        return told == "true"
    return status in _RETRIED or status >= 500


class Retries:
    """The failed attempts that are kept back, oldest first."""

    def __init__(
        self, retries_max: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._retries_max = retries_max
        self._clock = clock
        self._lock = threading.Lock()
        # Two callers may send the very same request at once.
        self._kept: list[tuple[float, bytes, Failure]] = []

    def attempt(self, request: bytes, told: int | None) -> tuple[int, Failure | None]:
        """How many attempts a request had before, and the last of them, which is no longer kept.

        `told` is what the client says of it; a client that says nothing is taken to retry when it
        asks for the very same again.
        """
        if told == 0:
            return 0, None
        with self._lock:
            for place, (_, kept, failure) in enumerate(self._kept):
                if kept == request and told in (None, failure.retry_count + 1):
                    del self._kept[place]
                    return failure.retry_count + 1, failure
        return told or 0, None

    def may_follow(self, retry_count: int, told: int | None) -> bool:
        """Whether the client may ask once more after so many retries."""
        usual = 0 if told is None else SDK_RETRIES_MAX
        return retry_count < (usual if self._retries_max is None else self._retries_max)

    def keep(self, request: bytes, failure: Failure) -> list[Record]:
        """Keeps a failure back. Those that it pushes out are to be recorded."""
        with self._lock:
            self._kept.append((self._clock(), request, failure))
            pushed = self._kept[:-KEPT_BACK_MAX]
            del self._kept[:-KEPT_BACK_MAX]
        return [failure.record for _, _, failure in pushed]

    def overdue(self) -> list[Record]:
        """The failures that nobody tried again, which are to be recorded."""
        until = self._clock() - KEPT_BACK_S
        with self._lock:
            late = [entry for entry in self._kept if entry[0] <= until]
            self._kept = [entry for entry in self._kept if entry[0] > until]
        return [failure.record for _, _, failure in late]

    def all(self) -> list[Record]:
        """All failures that are kept back: no attempt will follow."""
        with self._lock:
            kept, self._kept = self._kept, []
        return [failure.record for _, _, failure in kept]
