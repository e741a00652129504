"""Delivering alerts while an application runs."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from alwrity_metering import ManualClock, Meter
from alwrity_metering.fastapi import deliver_alerts
from alwrity_metering.results import Delivery
from backend import NOON


@pytest.fixture
def meter(tmp_path: Path) -> Meter:
    """A meter whose alerts wait for a channel, with one that waits."""
    clock = ManualClock(NOON)
    meter = Meter.open(tmp_path / "m.db", clock=clock, alert_channels=["mail"])
    meter.seed("default")
    meter.record_call("ada", provider="gemini", model="m", call_count=80, input_tokens=80)
    return meter


def test_a_function_sends_in_a_thread_and_a_coroutine_on_the_loop(meter: Meter) -> None:
    sent: list[tuple[str, bool]] = []

    def in_thread(delivery: Delivery) -> None:
        sent.append((delivery.alert.title, threading.current_thread() is threading.main_thread()))

    async def on_loop(delivery: Delivery) -> None:
        in_thread(delivery)

    async def run(send: Any, count: int) -> None:
        async with deliver_alerts(meter, {"mail": send}, every_seconds=0.01):
            while len(sent) < count:
                await asyncio.sleep(0.01)

    waiting = meter.outbox()[0].waiting
    asyncio.run(asyncio.wait_for(run(in_thread, waiting), 30))
    assert {is_main for _, is_main in sent} == {False}
    assert "Gemini" in sent[0][0]
    meter.record_call("bob", provider="gemini", model="m", call_count=80, input_tokens=80)
    more = meter.outbox()[0].waiting
    asyncio.run(asyncio.wait_for(run(on_loop, waiting + more), 30))
    assert {is_main for _, is_main in sent[waiting:]} == {True}
    assert meter.outbox()[0].waiting == 0
    assert all(alert.is_sent for alert in meter.alerts("ada").alerts)


def test_what_does_not_arrive_waits(meter: Meter) -> None:
    tried = threading.Event()

    def fails(_delivery: Delivery) -> None:
        tried.set()
        raise ConnectionError("the mail server is down")

    async def run() -> None:
        async with deliver_alerts(meter, {"mail": fails}, every_seconds=0.01):
            while not tried.is_set():
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(run(), 30))
    count = meter.outbox()[0]
    assert count.waiting >= 1 and count.done == count.given_up == 0


def test_a_channel_that_no_alert_waits_for_is_told(
    meter: Meter, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with deliver_alerts(meter, {"mail": print, "mial": print}):
            pass

    asyncio.run(run())
    (told,) = [one for one in caplog.records if one.name == "alwrity_metering.fastapi"]
    assert "waits for the channel `mial`" in told.getMessage()


def test_the_end_of_the_block_is_the_end_of_the_task(meter: Meter) -> None:
    async def run() -> set[str]:
        async with deliver_alerts(meter, {}):
            assert "deliver_alerts" in {task.get_name() for task in asyncio.all_tasks()}
        return {task.get_name() for task in asyncio.all_tasks()}

    assert "deliver_alerts" not in asyncio.run(run())
