"""Who a provider's call is for, and whether it is metered already: known to the code around it."""

from __future__ import annotations

from contextvars import ContextVar, Token
from types import TracebackType

USER: ContextVar[str | None] = ContextVar("alwrity_metering_user", default=None)
IS_METERED: ContextVar[bool] = ContextVar("alwrity_metering_is_metered", default=False)


class metering_user:  # noqa: N801 (it is called like a function)
    """Says for whom the calls inside the block are made; the innermost block counts.

    >>> import alwrity_metering as am
    >>> with am.metering_user("ada"):
    ...     pass  # every call to a provider in here is Ada's

    It holds for the thread or the task that entered it and for the tasks that it starts.
    """

    def __init__(self, user: str) -> None:
        self._user = user
        self._tokens: list[Token[str | None]] = []

    def __enter__(self) -> None:
        self._tokens.append(USER.set(self._user))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        USER.reset(self._tokens.pop())


class unmetered:  # noqa: N801
    """Lets the calls inside the block pass: they are free, or metered by other means.

    A block of ``with meter.reserve(...)`` does the same: what it makes is what it holds for.
    """

    def __init__(self) -> None:
        self._tokens: list[Token[bool]] = []

    def __enter__(self) -> None:
        self._tokens.append(IS_METERED.set(True))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        IS_METERED.reset(self._tokens.pop())
