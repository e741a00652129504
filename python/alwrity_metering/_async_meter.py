"""The asynchronous meter: the same verbs, awaitable.

The store's thread completes what is awaited: no thread per call, and no wait for the disk or a
lock on the event loop. Reads of microseconds are done in place; what takes longer has a thread.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ._async_reservation import AsyncReservation
from ._meter import Meter, with_messages
from ._native import Decision, HoldReceipt, Mailbox, Quote, Receipt
from ._seldom import SeldomVerbs, aside
from .errors import MeteringError, OverloadedError

if TYPE_CHECKING:
    import os
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from . import results as r
    from ._arguments import CallMade, CallOutcome, CallRecord, CallRequest, MeterOptions
    from ._native import ManualClock

T = TypeVar("T")

_mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox] = (
    weakref.WeakKeyDictionary()
)

# A full queue is asked again after so many seconds, then after twice as many, up to the second.
_PAUSE_FIRST_S, _PAUSE_MAX_S = 0.001, 0.05


def _mailbox(loop: asyncio.AbstractEventLoop) -> Mailbox:
    """The mailbox of a loop, made at its first use."""
    mailbox = _mailboxes.get(loop)
    if mailbox is None:
        # Nobody fetches answers for a loop that is closed: what they hold free is given back.
        for other in [other for other in _mailboxes if other.is_closed()]:
            _mailboxes.pop(other).close()
        mailbox = Mailbox(weakref.ref(loop))
        loop.add_reader(mailbox.fileno(), mailbox.fetch)
        _mailboxes[loop] = mailbox
    return mailbox


class _Reserving:
    """What ``AsyncMeter.reserve`` returns: awaitable, and a context manager."""

    __slots__ = ("_call", "_messages", "_meter", "_reservation", "_user")

    def __init__(self, meter: AsyncMeter, user: str, call: CallRequest, messages: Any) -> None:
        self._meter, self._user, self._call, self._messages = meter, user, call, messages
        self._reservation: AsyncReservation | None = None

    async def _ask(self) -> AsyncReservation:
        call = self._call
        if self._messages is not None:
            # A long text takes milliseconds to count.
            meter = self._meter.meter
            call = await aside(with_messages, meter, self._user, call, self._messages)
        answer = await self._meter._reserved(self._user, **call)
        return AsyncReservation(self._meter, self._user, answer)

    def __await__(self) -> Generator[Any, None, AsyncReservation]:
        return self._ask().__await__()

    async def __aenter__(self) -> AsyncReservation:
        self._reservation = await self._ask()
        return await self._reservation.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._reservation is not None:
            await self._reservation.__aexit__(kind, error, trace)


class AsyncMeter(SeldomVerbs):
    """A ``Meter`` for event loops: asyncio or uvloop, several loops at once.

    A caller that is cancelled loses nothing: a work that has not begun is taken back, one that
    has begun completes, and a hold that nobody waits for any more is given back.

    >>> import asyncio
    >>> import alwrity_metering as am
    >>> async def main() -> None:
    ...     async with am.AsyncMeter.open(path) as meter:
    ...         await meter.seed("default")
    ...         async with meter.reserve(
    ...             "u1", provider="gemini", model="gemini-2.5-flash", input_tokens=9
    ...         ) as hold:
    ...             receipt = await hold.settle(input_tokens=9, output_tokens=12)
    ...         print(receipt.cost_usd)
    >>> asyncio.run(main())
    0.0000327
    """

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        clock: ManualClock | None = None,
        **options: Unpack[MeterOptions],
    ) -> Self:
        """Opens the file as ``Meter.open`` does; it may wait for the disk."""
        return cls(Meter.open(path, clock=clock, **options))

    async def close(self) -> None:
        """Commits what is queued and lets go of the file."""
        await aside(self.meter.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Async{self.meter!r}"

    async def _answer(self, start: Callable[[Mailbox], asyncio.Future[T] | None]) -> T:
        """The answer to a work, which is started again while the queue is full."""
        loop = asyncio.get_running_loop()
        mailbox = _mailbox(loop)
        future = start(mailbox)
        if future is None:
            future = await self._room(lambda: start(mailbox))
        try:
            return await future
        except asyncio.CancelledError:
            mailbox.abandon(future)
            raise

    async def _room(self, start: Callable[[], T | None]) -> T:
        """What ``start`` gives as soon as the queue has room."""
        loop = asyncio.get_running_loop()
        timeout_ms, pause_s = self.meter._busy_timeout_ms, _PAUSE_FIRST_S
        until = loop.time() + timeout_ms / 1000
        while loop.time() < until:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_MAX_S)
            started = start()
            if started is not None:
                return started
        raise OverloadedError(
            f"overloaded: the store was not free within {timeout_ms} ms, nothing was done"
        )

    # What is decided by the store's thread.

    async def record_call(self, user: str, **call: Unpack[CallMade]) -> Receipt:
        """See ``Meter.record_call``."""
        return await self._answer(lambda box: self.meter._record_call_then(box, user, call))

    async def record_calls(self, calls: Sequence[CallRecord]) -> list[Receipt | MeteringError]:
        """See ``Meter.record_calls``."""
        mailbox = _mailbox(asyncio.get_running_loop())
        futures: list[asyncio.Future[Receipt]] = []

        def begin() -> list[asyncio.Future[Receipt]] | None:
            return self.meter._record_calls_then(mailbox, calls[len(futures) :]) or None

        try:
            while len(futures) < len(calls):
                begun = begin()
                futures += await self._room(begin) if begun is None else begun
            answers = await asyncio.gather(*futures, return_exceptions=True)
        except asyncio.CancelledError:
            for future in futures:
                mailbox.abandon(future)
            raise
        return cast("list[Receipt | MeteringError]", answers)

    def reserve(
        self, user: str, *, messages: Any = None, **call: Unpack[CallRequest]
    ) -> _Reserving:
        """See ``Meter.reserve``: use it with ``async with``, or ``await`` it.

        ``messages`` are read then, in a thread: do not change them before.
        """
        return _Reserving(self, user, call, messages)

    async def _reserved(
        self, user: str, **call: Unpack[CallRequest]
    ) -> HoldReceipt | Decision | Receipt:
        return await self._answer(lambda box: self.meter._reserve_then(box, user, call))

    async def reserve_all(
        self, user: str, calls: Sequence[CallRequest]
    ) -> list[AsyncReservation] | Decision:
        """See ``Meter.reserve_all``."""
        answer = await self._answer(lambda box: self.meter._reserve_all_then(box, user, calls))
        if isinstance(answer, Decision):
            return answer
        return [AsyncReservation(self, user, one) for one in answer]

    async def settle(
        self, user: str, hold: HoldReceipt | str, **outcome: Unpack[CallOutcome]
    ) -> Receipt:
        """See ``Meter.settle``."""
        return await self._answer(lambda box: self.meter._settle_then(box, user, hold, outcome))

    async def release(self, user: str, hold: HoldReceipt | str) -> str:
        """See ``Meter.release``."""
        return await self._answer(lambda box: self.meter._release_then(box, user, hold))

    # What is read in microseconds.

    async def check_limit(self, user: str, **call: Unpack[CallRequest]) -> Decision:
        """See ``Meter.check_limit``."""
        return self.meter.check_limit(user, **call)

    async def check_limits(self, user: str, calls: Sequence[CallRequest]) -> Decision:
        """See ``Meter.check_limits``."""
        return self.meter.check_limits(user, calls)

    async def quote(self, user: str = "", **call: Unpack[CallMade]) -> Quote:
        """See ``Meter.quote``."""
        return self.meter.quote(user, **call)

    async def limits(self, user: str) -> r.UserLimits:
        """See ``Meter.limits``."""
        return self.meter.limits(user)

    async def current_period(self, user: str) -> r.CurrentPeriod:
        """See ``Meter.current_period``."""
        return self.meter.current_period(user)

    async def usage_summary(self, user: str, period: str = "current") -> r.UsageSummary:
        """See ``Meter.usage_summary``."""
        return self.meter.usage_summary(user, period)

    async def usage_lines(self, user: str, period: str = "current") -> tuple[r.UsageLine, ...]:
        """See ``Meter.usage_lines``."""
        return self.meter.usage_lines(user, period)

    async def dashboard(self, user: str) -> r.Dashboard:
        """See ``Meter.dashboard``."""
        return self.meter.dashboard(user)

    async def trends(self, user: str, months: int = 6) -> r.Trends:
        """See ``Meter.trends``."""
        return self.meter.trends(user, months)

    async def daily_trends(self, user: str, days: int = 30) -> r.Trends:
        """See ``Meter.daily_trends``."""
        return self.meter.daily_trends(user, days)

    async def subscription(self, user: str) -> r.SubscriptionView:
        """See ``Meter.subscription``."""
        return self.meter.subscription(user)
