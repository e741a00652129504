"""The bodies of answers, passed on chunk by chunk; at its end the call is settled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .attempt import Attempt, Step


class Telling(Protocol):
    """What tells the meter what came of a call."""

    def do(self, steps: list[Step]) -> None: ...
    def later(self, steps: list[Step]) -> None: ...


class TellingAsync(Protocol):
    """The same for an event loop."""

    def do(self, steps: list[Step]) -> Awaitable[None]: ...
    def later(self, steps: list[Step]) -> None: ...


class Passing:
    """The body of an answer, passed on chunk by chunk; at its end the call is settled."""

    def __init__(self, stream: Any, attempt: Attempt, metering: Telling) -> None:
        self._stream = stream
        self._attempt = attempt
        self._metering = metering

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                self._attempt.take(chunk)
                yield chunk
        except Exception:
            self._end()
            raise
        self._end()

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._end()

    def _end(self) -> None:
        self._metering.do(self._attempt.over())

    def __del__(self) -> None:
        self._metering.later(self._attempt.over())


class AsyncPassing:
    """The same for an event loop."""

    def __init__(self, stream: Any, attempt: Attempt, metering: TellingAsync) -> None:
        self._stream = stream
        self._attempt = attempt
        self._metering = metering

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                self._attempt.take(chunk)
                yield chunk
        except Exception:
            await self._end()
            raise
        await self._end()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            await self._end()

    async def _end(self) -> None:
        await self._metering.do(self._attempt.over())

    def __del__(self) -> None:
        self._metering.later(self._attempt.over())


@lru_cache
def of_library(kind: Any, library: Any) -> Any:
    """The kind of body as one of a library's, which looks for its own."""
    base = library.SyncByteStream if kind is Passing else library.AsyncByteStream
    return type(kind.__name__, (kind, base), {})
