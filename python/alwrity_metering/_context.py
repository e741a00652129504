"""Who a provider's call is for, and whether it is metered already: known to the code around it."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
    from types import TracebackType

T = TypeVar("T")

USER: ContextVar[str | None] = ContextVar("alwrity_metering_user", default=None)
IS_METERED: ContextVar[bool] = ContextVar("alwrity_metering_is_metered", default=False)


class _Within(Generic[T]):
    """Sets a variable for a block: for its thread or task, and for the tasks that it starts."""

    __slots__ = ("_tokens", "_value", "_variable")

    def __init__(self, variable: ContextVar[T], value: T) -> None:
        self._variable, self._value = variable, value
        self._tokens: list[Token[T]] = []

    def __enter__(self) -> None:
        self._tokens.append(self._variable.set(self._value))

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        # A block may end in another task than it began in, such as a generator that nobody
        # finished: there the variable is not set.
        with contextlib.suppress(ValueError):
            self._variable.reset(self._tokens.pop())


def metering_user(user: str) -> _Within[str | None]:
    """Says for whom the calls inside the block are made; the innermost block counts.

    It holds for the thread or the task that entered it, and for the tasks that it starts.

    >>> import alwrity_metering as am
    >>> with am.metering_user("ada"):
    ...     pass  # every metered call to a provider in here is Ada's
    """
    return _Within(USER, user)


def unmetered() -> _Within[bool]:
    """Lets the calls inside the block pass: they are free, or metered by other means.

    ``with meter.reserve(...)`` does the same for its block: what is called there is what it holds
    for.
    """
    return _Within(IS_METERED, True)


def each_unmetered(chunks: Iterable[T]) -> Iterator[T]:
    """Each chunk of a stream that is metered by other means, also if it only now makes its call."""
    stream, end = iter(chunks), object()
    while True:
        with unmetered():
            chunk = next(stream, end)
        if chunk is end:
            return
        yield chunk  # type: ignore[misc]


async def each_unmetered_async(chunks: AsyncIterable[T]) -> AsyncIterator[T]:
    """The same of an asynchronous stream."""
    stream = aiter(chunks)
    while True:
        with unmetered():
            try:
                chunk = await anext(stream)
            except StopAsyncIteration:
                return
        yield chunk
