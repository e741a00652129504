"""Reservations of an event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, TypeVar

from ._native import Decision, HoldReceipt, Receipt, UsageStream
from ._reservation import Held
from .errors import MeteringError

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from ._arguments import CallOutcome
    from ._async_meter import AsyncMeter

_logger = logging.getLogger("alwrity_metering")

Chunk = TypeVar("Chunk")


class AsyncReservation(Held):
    """The answer of ``AsyncMeter.reserve``, and the context in which the call is made.

    It behaves as ``Reservation`` does, with ``async with`` and ``await``.
    """

    __slots__ = ("_meter",)

    def __init__(
        self, meter: AsyncMeter, user: str, answer: HoldReceipt | Decision | Receipt
    ) -> None:
        super().__init__(user, answer)
        self._meter = meter

    async def __aenter__(self) -> Self:
        self.require()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._left_open()
        elif not self._is_closed:
            try:
                # Also when it is the caller's cancellation that ended the block.
                await asyncio.shield(self.release())
            except MeteringError as failure:
                _logger.warning("a hold was not released: %s", failure)

    async def settle(self, **outcome: Unpack[CallOutcome]) -> Receipt:
        """Records what the call really used, and ends the hold. See ``Reservation.settle``."""
        receipt = await self._meter.settle(self.user, self.require(), **outcome)
        self.receipt, self._is_closed = receipt, True
        return receipt

    async def release(self) -> str:
        """Gives the hold back: the call was not made. Doing so again does nothing."""
        status = await self._meter.release(self.user, self.require())
        self._is_closed = True
        return status

    def stream(
        self, chunks: AsyncIterable[Chunk], **outcome: Unpack[CallOutcome]
    ) -> AsyncIterator[Chunk]:
        """Passes a stream through and settles from its last chunk. See ``Reservation.stream``."""
        self._is_streaming = True
        return self._pass(chunks, outcome)

    async def _pass(
        self, chunks: AsyncIterable[Chunk], outcome: CallOutcome
    ) -> AsyncIterator[Chunk]:
        stream = UsageStream(self.require().provider)
        try:
            async for chunk in chunks:
                stream.push(chunk)
                yield chunk
        finally:
            await asyncio.shield(self._end(stream, outcome))

    async def _end(self, stream: UsageStream, outcome: CallOutcome) -> None:
        told = self._told_by(stream, outcome)
        if told is None:
            await self.release()
        else:
            await self.settle(**told)
