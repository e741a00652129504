"""Delivering alerts while an application runs: a task that drains the outbox."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from alwrity_metering import AsyncMeter, Meter, MeteringError
from alwrity_metering.results import Delivery

from .admission import both

logger = logging.getLogger("alwrity_metering.fastapi")

Send = Callable[[Delivery], "Awaitable[None] | None"]
"""Sends one alert; an exception means that it did not arrive, and it is tried again later."""


@contextlib.asynccontextmanager
async def deliver_alerts(
    meter: Meter | AsyncMeter, channels: Mapping[str, Send], *, every_seconds: float = 5.0
) -> AsyncIterator[None]:
    """Sends waiting alerts through `channels` until the block ends: for an application's lifespan.

    The names are those of the option `alert_channels`. Any number of workers may run it: each
    alert is claimed by one of them. A `send` may be a function, which runs in a thread, or a
    coroutine function, which runs on the loop. What fails is tried again, later each time.

    Example:
        >>> @asynccontextmanager  # doctest: +SKIP
        ... async def lifespan(app):
        ...     async with deliver_alerts(meter, {"mail": send_mail}):
        ...         yield
    """
    own, _ = both(meter)
    for name in channels.keys() - set(own._alert_channels):
        logger.warning(
            "no alert of this process waits for the channel `%s`: the option `alert_channels` of"
            " its meter does not name it",
            name,
        )
    task = asyncio.create_task(drain(own, channels, every_seconds), name="deliver_alerts")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def drain(meter: Meter, channels: Mapping[str, Send], every_seconds: float) -> None:
    """Sends what is due, again and again."""
    loop = asyncio.get_running_loop()
    while True:
        for name, send in channels.items():
            try:
                await asyncio.to_thread(meter.deliver_alerts, name, in_thread(send, loop))
            except MeteringError:
                # The alerts stay in the outbox; the next round finds them.
                logger.warning("alerts of %s were not delivered", name, exc_info=True)
        await asyncio.sleep(every_seconds)


def in_thread(send: Send, loop: asyncio.AbstractEventLoop) -> Callable[[Delivery], None]:
    """A function for the thread that delivers: it waits for a coroutine on the loop."""

    def sent(delivery: Delivery) -> None:
        answer = send(delivery)
        if inspect.isawaitable(answer):
            asyncio.run_coroutine_threadsafe(waited(answer), loop).result()

    return sent


async def waited(answer: Awaitable[None]) -> None:
    """The same as a coroutine, which the loop wants."""
    await answer
