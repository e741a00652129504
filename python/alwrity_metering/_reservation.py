"""Reservations: room that is kept free for a call, until it is settled or released."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, overload

from ._native import Decision, HoldReceipt, Receipt, UsageStream
from .errors import CallAlreadyRecordedError, MeteringError, UsageLimitExceededException

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from ._arguments import CallOutcome
    from ._meter import Meter

_logger = logging.getLogger("alwrity_metering")

Chunk = TypeVar("Chunk")
Outcome: TypeAlias = Literal["granted", "refused", "duplicate"]


class Held:
    """What a reservation is: a hold, or why there is none."""

    __slots__ = ("_is_closed", "_is_streaming", "decision", "hold", "receipt", "user")

    user: str
    hold: HoldReceipt | None
    """What is held; ``None`` when it was refused, or is recorded already."""
    decision: Decision | None
    """Why it was refused."""
    receipt: Receipt | None
    """The proof, once it is settled; at once for a key that is recorded already."""

    def __init__(self, user: str, answer: HoldReceipt | Decision | Receipt) -> None:
        self.user = user
        self.hold = answer if isinstance(answer, HoldReceipt) else None
        self.decision = answer if isinstance(answer, Decision) else None
        self.receipt = answer if isinstance(answer, Receipt) else None
        self._is_closed = self.hold is None
        self._is_streaming = False

    @property
    def outcome(self) -> Outcome:
        """``granted``, ``refused``, or ``duplicate`` for a key that is recorded already."""
        if self.hold is not None:
            return "granted"
        return "refused" if self.decision is not None else "duplicate"

    @property
    def granted(self) -> bool:
        """Whether the call may be made."""
        return self.hold is not None

    def __repr__(self) -> str:
        shown = self.hold or self.decision or self.receipt
        return f"{type(self).__name__}({self.outcome}, {shown!r})"

    def require(self) -> HoldReceipt:
        """The hold.

        Raises ``UsageLimitExceededException`` when it was refused, ``CallAlreadyRecordedError``
        when the key's call is recorded already.
        """
        if self.hold is not None:
            return self.hold
        if self.decision is not None:
            raise UsageLimitExceededException(self.decision)
        if self.receipt is not None:
            raise CallAlreadyRecordedError(self.receipt)
        raise AssertionError("a reservation without an answer")

    def _left_open(self) -> None:
        if not (self._is_closed or self._is_streaming):
            _logger.warning(
                "a hold was neither settled nor released: it stays until it expires",
                extra={"hold_id": self.require().hold_id},
            )

    def _told_by(self, stream: UsageStream, outcome: CallOutcome) -> CallOutcome | None:
        """What a stream that has ended, or broken, says; ``None`` when it says nothing."""
        hold = self.require()
        found = stream.finish()
        if found is None:
            return None
        usage, source = dict(found.usage), found.usage_source
        # A stream that breaks early has not told its input yet: what was held is the best guess.
        if not usage.get("input_tokens") and hold.usage.get("input_tokens"):
            usage["input_tokens"], source = hold.usage["input_tokens"], "estimated"
        told: CallOutcome = {
            "usage": usage,
            "usage_source": "reported" if source == "reported" else "estimated",
        }
        if found.vendor_cost_usd is not None:
            told["vendor_cost_usd"] = found.vendor_cost_usd
        told.update(outcome)
        return told


class Reservation(Held):
    """The answer of ``Meter.reserve``, and the context in which the call is made.

    As a context manager it raises when there is no room, and releases the hold when the block
    raises. A hold that the block neither settles nor releases stays until it expires.
    """

    __slots__ = ("_meter",)

    def __init__(self, meter: Meter, user: str, answer: HoldReceipt | Decision | Receipt) -> None:
        super().__init__(user, answer)
        self._meter = meter

    def __enter__(self) -> Self:
        self.require()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._left_open()
        elif not self._is_closed:
            try:
                self.release()
            except MeteringError as failure:
                # What the block raised is what matters; the hold expires by itself.
                _logger.warning("a hold was not released: %s", failure)

    def settle(self, **outcome: Unpack[CallOutcome]) -> Receipt:
        """Records what the call really used, and ends the hold.

        With ``response`` the usage is read from the provider's answer; an answer that reports
        none counts as what was held, marked ``estimated``.
        """
        receipt = self._meter.settle(self.user, self.require(), **outcome)
        self.receipt, self._is_closed = receipt, True
        return receipt

    def release(self) -> str:
        """Gives the hold back: the call was not made. Doing so again does nothing."""
        status = self._meter.release(self.user, self.require())
        self._is_closed = True
        return status

    @overload
    def stream(
        self, chunks: Iterable[Chunk], **outcome: Unpack[CallOutcome]
    ) -> Iterator[Chunk]: ...

    @overload
    def stream(
        self, chunks: AsyncIterable[Chunk], **outcome: Unpack[CallOutcome]
    ) -> AsyncIterator[Chunk]: ...

    def stream(
        self,
        chunks: Iterable[Chunk] | AsyncIterable[Chunk],
        **outcome: Unpack[CallOutcome],
    ) -> Iterator[Chunk] | AsyncIterator[Chunk]:
        """Passes a stream through and settles from its last chunk.

        Chunks are bytes or text as they came, or the events of an SDK. When the stream breaks,
        or is left early, what is known so far is settled; nothing known, the hold is released.
        """
        self._is_streaming = True
        if isinstance(chunks, AsyncIterable):
            return self._pass_async(chunks, outcome)
        return self._pass(chunks, outcome)

    def _pass(self, chunks: Iterable[Chunk], outcome: CallOutcome) -> Iterator[Chunk]:
        stream = UsageStream(self.require().provider)
        try:
            for chunk in chunks:
                stream.push(chunk)
                yield chunk
        finally:
            self._end(stream, outcome)

    async def _pass_async(
        self, chunks: AsyncIterable[Chunk], outcome: CallOutcome
    ) -> AsyncIterator[Chunk]:
        stream = UsageStream(self.require().provider)
        try:
            async for chunk in chunks:
                stream.push(chunk)
                yield chunk
        finally:
            import asyncio  # It is there by now: a loop runs.

            loop = asyncio.get_running_loop()
            ending = loop.run_in_executor(None, self._end, stream, outcome)
            await asyncio.shield(ending)

    def _end(self, stream: UsageStream, outcome: CallOutcome) -> None:
        told = self._told_by(stream, outcome)
        if told is None:
            self.release()
        else:
            self.settle(**told)
