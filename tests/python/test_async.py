"""The asynchronous meter: completed by the store's thread, on any loop, losing nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import alwrity_metering as am
import pytest
import uvloop
from alwrity_metering import errors

from conftest import CHAT

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine on a loop of its own."""
    new = asyncio.new_event_loop if request.param == "asyncio" else uvloop.new_event_loop

    def run(main: Coroutine[Any, Any, None]) -> None:
        loop = new()
        loop.set_debug(False)
        try:
            loop.run_until_complete(main)
        finally:
            loop.close()

    return run


@pytest.fixture
def waiting(meter: am.Meter) -> am.AsyncMeter:
    return am.AsyncMeter(meter)


class Lock:
    """A foreign writer that keeps the store busy, as long as it is wanted."""

    def __init__(self, path: Any) -> None:
        self._path = str(path)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Lock:
        program = (
            "import sqlite3, sys\n"
            f"db = sqlite3.connect({self._path!r}, isolation_level=None)\n"
            "db.execute('BEGIN IMMEDIATE')\n"
            "print('held', flush=True)\n"
            "sys.stdin.read()\n"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "held\n"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.communicate("")


def held(meter: am.Meter) -> int:
    return int(meter.query("SELECT count(*) FROM holds WHERE state = 0").rows[0][0] or 0)


def test_every_verb_of_the_meter_is_awaitable() -> None:
    synchronous = {"open", "close", "path", "closed", "now", "queued_failures"}
    verbs = {name for name in dir(am.Meter) if not name.startswith("_")} - synchronous
    assert verbs <= set(dir(am.AsyncMeter))
    assert len(verbs) > 50


def test_many_tasks_lose_nothing(waiting: am.AsyncMeter, run: Run) -> None:
    async def one(task: int) -> None:
        for number in range(25):
            key = f"{task}/{number}"
            receipt = await waiting.record_call(
                "u1", **CHAT, input_tokens=1, output_tokens=1, idempotency_key=key
            )
            assert receipt.idempotency_key == key

    async def main() -> None:
        await asyncio.gather(*(one(task) for task in range(32)))
        summary = await waiting.usage_summary("u1")
        assert (summary.total_calls, summary.total_tokens) == (800, 1600)

    run(main())
    assert waiting.meter.verify().is_ok


def test_a_limit_holds_among_tasks(waiting: am.AsyncMeter, run: Run) -> None:
    passed = 0

    async def one() -> None:
        nonlocal passed
        for _ in range(10):
            try:
                async with waiting.reserve("u1", **CHAT, max_output_tokens=1) as hold:
                    await asyncio.sleep(0)
                    await hold.settle(output_tokens=1)
                    passed += 1
            except am.UsageLimitExceededException as error:
                assert error.decision.limit is not None
                assert error.decision.limit.name == "gemini_calls"

    async def main() -> None:
        await asyncio.gather(*(one() for _ in range(16)))

    run(main())
    assert passed == 100


def test_answers_and_errors_are_those_of_the_meter(waiting: am.AsyncMeter, run: Run) -> None:
    async def main() -> None:
        await waiting.record_call("u1", **CHAT, input_tokens=1, idempotency_key="k")
        with pytest.raises(errors.IdempotencyConflictError):
            await waiting.record_call("u1", **CHAT, input_tokens=2, idempotency_key="k")
        with pytest.raises(errors.InvalidNameError):
            await waiting.record_call("", **CHAT)
        with pytest.raises(TypeError):
            await waiting.record_call("u1", **CHAT, vendor_cost_usd=0.1)  # type: ignore[arg-type]
        with pytest.raises(errors.UnknownHoldError):
            await waiting.release("u1", "0" * 32)
        answers = await waiting.record_calls(
            [am.CallRecord(user="u2", provider="exa", input_tokens=n) for n in range(300)]
            + [am.CallRecord(user="u1", provider="gemini", input_tokens=3, idempotency_key="k")]
        )
        assert all(isinstance(answer, am.Receipt) for answer in answers[:-1])
        assert isinstance(answers[-1], errors.IdempotencyConflictError)
        both = [am.CallRequest(provider=name) for name in ("gemini", "tavily")]
        granted = await waiting.reserve_all("u1", both)
        assert not isinstance(granted, am.Decision)
        assert await granted[0].release() == "released"
        refused = await waiting.reserve("u1", provider="openai", model="gpt-4o")
        assert refused.outcome == "refused"
        assert not (await waiting.check_limits("u1", [{"provider": "openai"}])).allowed
        assert (await waiting.verify()).is_ok
        assert (await waiting.calls("u2", limit=2)).total_count == 300

    run(main())


def test_an_exception_or_a_cancellation_releases_the_hold(waiting: am.AsyncMeter, run: Run) -> None:
    async def fails() -> None:
        async with waiting.reserve("u1", **CHAT):
            raise ZeroDivisionError

    async def hangs(entered: asyncio.Event) -> None:
        async with waiting.reserve("u1", **CHAT):
            entered.set()
            await asyncio.sleep(3600)

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await fails()
        entered = asyncio.Event()
        task = asyncio.create_task(hangs(entered))
        await entered.wait()
        assert held(waiting.meter) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert held(waiting.meter) == 0

    run(main())


def test_a_stream_settles_from_its_last_chunk(waiting: am.AsyncMeter, run: Run) -> None:
    async def chunks() -> Any:
        yield {"candidates": []}
        yield {"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 12}}

    async def main() -> None:
        async with waiting.reserve("u1", **CHAT) as hold:
            assert len([chunk async for chunk in hold.stream(chunks())]) == 2
        assert hold.receipt is not None
        assert hold.receipt.usage == {"input_tokens": 9, "output_tokens": 12}

    run(main())


def test_a_work_that_has_not_begun_is_taken_back(waiting: am.AsyncMeter, run: Run) -> None:
    async def main() -> None:
        with Lock(waiting.meter.path):
            tasks = [
                asyncio.create_task(waiting.record_call("u1", **CHAT)),
                asyncio.create_task(asyncio.wait_for(waiting.reserve("u1", **CHAT), 3600)),
            ]
            await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in outcomes)
        await waiting.flush()
        assert (await waiting.usage_summary("u1")).total_calls == 0
        assert held(waiting.meter) == 0

    run(main())


def test_a_hold_whose_caller_has_gone_is_given_back(waiting: am.AsyncMeter, run: Run) -> None:
    """Cancelled at every moment between the start and the answer."""

    async def main() -> None:
        for pause_s in [0, 0, 0.0001, 0.0003, 0.001, 0.002] * 10:
            task = asyncio.ensure_future(waiting.reserve("u1", **CHAT, ttl_ms=604_800_000))
            await asyncio.sleep(0)
            time.sleep(pause_s)
            task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            if isinstance(outcome, am.AsyncReservation):
                await outcome.release()
        # The last ones are given back by works of their own.
        for _ in range(200):
            if held(waiting.meter) == 0:
                break
            await asyncio.sleep(0.01)
        assert held(waiting.meter) == 0

    run(main())


def test_nothing_is_recorded_twice_or_lost_when_callers_are_cancelled(
    waiting: am.AsyncMeter, run: Run
) -> None:
    answered: set[str] = set()

    async def one(key: str) -> None:
        await waiting.record_call("u1", **CHAT, idempotency_key=key)
        answered.add(key)

    async def main() -> None:
        for number in range(60):
            task = asyncio.create_task(one(f"k{number}"))
            await asyncio.sleep(0.0002 * (number % 7))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await waiting.flush()
        for key in answered:
            receipt = await waiting.record_call("u1", **CHAT, idempotency_key=key)
            assert receipt.status == "duplicate"
        summary = await waiting.usage_summary("u1")
        assert len(answered) <= summary.total_calls <= 60

    run(main())
    assert waiting.meter.verify().is_ok


def test_a_busy_store_is_told_within_the_timeout(
    make_meter: Callable[..., am.Meter], run: Run
) -> None:
    waiting = am.AsyncMeter(make_meter(busy_timeout_ms=200))

    async def main() -> None:
        with Lock(waiting.meter.path):
            started = time.monotonic()
            with pytest.raises(errors.OverloadedError) as caught:
                await waiting.record_call("u1", **CHAT)
            assert 0.15 < time.monotonic() - started < 5
            assert caught.value.is_retryable
        # Nothing was done, and the meter works again.
        await waiting.record_call("u1", **CHAT)
        assert (await waiting.usage_summary("u1")).total_calls == 1

    run(main())


def test_a_full_queue_is_waited_for(make_meter: Callable[..., am.Meter], run: Run) -> None:
    waiting = am.AsyncMeter(make_meter(queue_capacity=4))

    async def main() -> None:
        lock = Lock(waiting.meter.path).__enter__()
        tasks = [asyncio.create_task(waiting.record_call("u1", **CHAT)) for _ in range(40)]
        await asyncio.sleep(0.1)
        assert not any(task.done() for task in tasks)
        lock.__exit__()
        await asyncio.gather(*tasks)
        many = [am.CallRecord(user="u1", provider="exa") for _ in range(50)]
        assert len(await waiting.record_calls(many)) == 50

    run(main())
    assert waiting.meter.usage_summary("u1").total_calls == 90


def test_several_loops_share_a_meter(waiting: am.AsyncMeter) -> None:
    async def main() -> None:
        await asyncio.gather(*(waiting.record_call("u1", **CHAT) for _ in range(50)))

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waiting.meter.usage_summary("u1").total_calls == 200


def test_a_loop_that_is_closed_harms_nobody(waiting: am.AsyncMeter) -> None:
    """Answers that nobody fetches: records stay, holds are given back."""
    loop = asyncio.new_event_loop()

    async def begin() -> None:
        for verb in (waiting.record_call, waiting.reserve):
            task = asyncio.ensure_future(verb("u1", **CHAT))
            tasks.append(task)
        await asyncio.sleep(0)

    async def another() -> None:
        await waiting.record_call("u1", **CHAT)

    tasks: list[Any] = []
    loop.run_until_complete(begin())
    waiting.meter.flush()
    assert held(waiting.meter) == 1
    loop.close()
    # The next loop finds the closed one.
    asyncio.run(another())
    waiting.meter.flush()
    assert held(waiting.meter) == 0
    assert waiting.meter.usage_summary("u1").total_calls == 2


def test_the_end_of_the_interpreter_commits_what_was_begun(meter: am.Meter) -> None:
    program = f"""
import asyncio, alwrity_metering as am
meter = am.AsyncMeter.open({str(meter.path)!r})
async def main():
    tasks = [asyncio.ensure_future(meter.record_call("u1", provider="exa")) for _ in range(20)]
    await asyncio.sleep(0)
    for _ in range(20):
        meter.meter.queue_call("u2", provider="exa")
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
"""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert [meter.usage_summary(user).total_calls for user in ("u1", "u2")] == [20, 20]
