"""The meter: the handle of a store."""

from __future__ import annotations

import atexit
import contextlib
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from . import _native
from ._native import Decision
from ._reservation import Reservation
from .errors import MeteringError

if TYPE_CHECKING:
    import os
    from datetime import datetime
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from ._arguments import CallRequest, MeterOptions
    from .results import CallEstimate, Invoice

_open: weakref.WeakSet[Meter] = weakref.WeakSet()


def with_messages(meter: Meter, user: str, call: CallRequest, messages: Any) -> CallRequest:
    """The request as it is estimated by its messages, so that its settlement teaches."""
    if messages is None:
        return call
    told = cast("CallRequest", meter._estimate(user, messages, **call).request)
    if tokens := call.get("input_tokens"):
        told["input_tokens"] = told.get("input_tokens", 0) + tokens
    return told


class Meter(_native.Meter):
    """The handle of a store: one SQLite file, which any number of threads and processes share.

    Every process that meters opens its own, or inherits one by ``fork``. All money is exact, all
    times are UTC, and every verb either does all that it says or nothing. While a verb waits for
    the disk, other threads run.

    >>> import alwrity_metering as am
    >>> with am.Meter.open(path) as meter:
    ...     _ = meter.seed("default")  # plans and prices, once
    ...     receipt = meter.record_call(
    ...         "u1", provider="openai", model="gpt-4o-mini", input_tokens=374, output_tokens=44
    ...     )
    ...     receipt.cost_usd
    Decimal('0.0000825')
    """

    def __new__(
        cls,
        path: str | os.PathLike[str],
        *,
        clock: _native.ManualClock | None = None,
        **options: Unpack[MeterOptions],
    ) -> Self:
        meter = super().__new__(cls, path, clock=clock, **options)
        _open.add(meter)
        return meter

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        clock: _native.ManualClock | None = None,
        **options: Unpack[MeterOptions],
    ) -> Self:
        """Opens the file, or makes it, with the tables that this version needs.

        ``options`` are those of the table in docs/operations.md. ``clock`` is for tests.

        Raises ``InvalidOptionError`` and the ``Storage…Error`` classes.
        """
        return cls(path, clock=clock, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Meter({str(self.path)!r}{', closed' if self.closed else ''})"

    def reserve(
        self, user: str, *, messages: Any = None, **call: Unpack[CallRequest]
    ) -> Reservation:
        """Reserves a call's estimate, if it fits every limit; then make the call and settle.

        ``messages`` (a list of messages, a text, or a whole request) stands for ``input_tokens``:
        they are estimated as ``estimate`` does, and the settlement teaches. A refusal raises when
        the reservation is used as a context manager; without that, look at ``granted`` and
        ``decision``. A repeat with the same ``idempotency_key`` returns the same hold, or the
        receipt once it is recorded.

        >>> import alwrity_metering as am
        >>> with am.Meter.open(path) as meter:
        ...     _ = meter.seed("default")
        ...     with meter.reserve(
        ...         "u1", provider="gemini", model="gemini-2.5-flash",
        ...         messages="Say hello.", max_output_tokens=800,
        ...     ) as hold:
        ...         # … make the call: it used 9 tokens in and 12 out …
        ...         receipt = hold.settle(input_tokens=9, output_tokens=12)
        ...     receipt.cost_usd < hold.hold.cost_usd
        True
        """
        told = with_messages(self, user, call, messages)
        return Reservation(self, user, self._reserve(user, **told))

    def reserve_all(self, user: str, calls: Sequence[CallRequest]) -> list[Reservation] | Decision:
        """Reserves several calls together: all of them, or none; then the refusing decision."""
        answer = self._reserve_all(user, calls)
        if isinstance(answer, Decision):
            return answer
        return [Reservation(self, user, one) for one in answer]

    def estimate(self, user: str, *, messages: Any, **call: Unpack[CallRequest]) -> CallEstimate:
        """Estimates what a call will use, by its text and by what was learned of the model.

        ``messages`` is a list of messages, a text, or a whole request. Reserve ``request`` of the
        answer, and the settlement teaches: how many tokens this model makes of a text, and how
        long its answers to this user are. It writes nothing; the user may be empty.

        Raises ``InvalidArgumentError`` where there is nothing to count.

        >>> import alwrity_metering as am
        >>> with am.Meter.open(path) as meter:
        ...     _ = meter.seed("default")
        ...     estimate = meter.estimate(
        ...         "u1", messages="Say hello.", provider="gemini", model="gemini-2.5-flash"
        ...     )
        ...     with meter.reserve("u1", **estimate.request) as hold:
        ...         _ = hold.settle(input_tokens=9, output_tokens=12)
        ...     meter.calibrations()[0].calls
        1
        """
        return self._estimate(user, messages, **call)

    def invoice(self, user: str, period: str | datetime = "current") -> Invoice:
        """A user's invoice of a billing period: the finalized one, or the draft as it stands.

        ``period`` is ``"current"``, a month such as ``"2025-10"``, or the instant it starts.
        """
        return self._invoice(user, period)

    def invoice_text(self, user: str, period: str | datetime = "current") -> str:
        """The invoice as text for a terminal."""
        return self._invoice_as(user, period, "text")

    def invoice_html(self, user: str, period: str | datetime = "current") -> str:
        """The invoice as one page of HTML."""
        return self._invoice_as(user, period, "html")


@atexit.register
def _close_all() -> None:
    """Commits what is queued before the interpreter ends."""
    for meter in list(_open):
        # The core has logged what went wrong, and nobody is left to be told.
        with contextlib.suppress(MeteringError):
            meter.close()
    _native.stop_logging()
