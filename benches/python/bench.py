"""Measures the wheel beside the core alone and beside SQLAlchemy: `make bench-python`.

It needs the wheel that is built with the feature `bench`, which has the yardsticks. Rounds of the
two sides alternate, so that a busy machine slows both; each figure is the median of the rounds;
that of a check, of the differences between neighbours.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import alwrity_metering as am
from sqlalchemy import create_engine, event, text

ROUNDS = 11
CALL: dict[str, Any] = {"provider": "openai", "model": "gpt-4o-mini", "input_tokens": 374}
TASKS, EACH = 64, 30
CHECKS, CHECK_ROUNDS = 1000, 201


def opened(folder: Path) -> am.Meter:
    meter = am.Meter.open(folder / "metering.db")
    meter.seed("default")
    meter.subscribe("u1", "enterprise", waived="bench")
    meter.record_call("u1", **CALL, output_tokens=44)
    return meter


def alternated(*sides: Callable[[], float]) -> list[float]:
    """The medians of the sides, whose rounds alternate."""
    rounds = [[side() for side in sides] for _ in range(ROUNDS)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def checks(meter: Any) -> bool:
    def ours() -> float:
        begun = time.perf_counter()
        for _ in range(CHECKS):
            meter.check_limit(
                "u1",
                provider="openai",
                model="gpt-4o-mini",
                input_tokens=374,
                max_output_tokens=800,
            )
        return time.perf_counter() - begun

    def core() -> float:
        return float(meter._time_checks(CHECKS, "u1", **CALL, max_output_tokens=800))

    # Rounds this short fall into one phase of the machine, so each is compared with its neighbour.
    above_s = statistics.median(ours() - core() for _ in range(CHECK_ROUNDS))
    return show("check_limit above the core's, µs", above_s / CHECKS * 1e6, 1.0, at_most=True)


def records(meter: Any) -> bool:
    waiting = am.AsyncMeter(meter)

    async def task() -> None:
        for _ in range(EACH):
            await waiting.record_call("u1", **CALL, output_tokens=44)

    async def all_tasks() -> None:
        await asyncio.gather(*(task() for _ in range(TASKS)))

    def ours() -> float:
        begun = time.perf_counter()
        asyncio.run(all_tasks())
        return time.perf_counter() - begun

    def core() -> float:
        return float(meter._time_records(TASKS, EACH, "u1", **CALL, output_tokens=44))

    ours_s, core_s = alternated(ours, core)
    print(f"record_call, {TASKS} tasks: {TASKS * EACH / ours_s:.0f}/s")
    return show(f"that ÷ the core's {TASKS} threads", core_s / ours_s, 0.5, at_most=False)


def beside_sqlalchemy(meter: am.Meter, folder: Path) -> bool:
    """The same work as the system that this one replaces does it: read, add, write."""
    engine = create_engine(f"sqlite:///{folder / 'sqlalchemy.db'}")

    @event.listens_for(engine, "connect")
    def durable(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    with engine.begin() as database:
        database.execute(text("CREATE TABLE sums (user TEXT PRIMARY KEY, calls INT, cost REAL)"))
        database.execute(text("CREATE TABLE log (id INTEGER PRIMARY KEY, user TEXT, cost REAL)"))
        database.execute(text("INSERT INTO sums VALUES ('u1', 0, 0)"))

    def theirs() -> float:
        begun = time.perf_counter()
        for _ in range(100):
            with engine.begin() as database:
                found = database.execute(text("SELECT calls, cost FROM sums WHERE user = 'u1'"))
                calls, cost = found.one()
                database.execute(text("INSERT INTO log (user, cost) VALUES ('u1', 0.0000825)"))
                database.execute(
                    text("UPDATE sums SET calls = :calls, cost = :cost WHERE user = 'u1'"),
                    {"calls": calls + 1, "cost": cost + 0.0000825},
                )
        return time.perf_counter() - begun

    def ours() -> float:
        begun = time.perf_counter()
        for _ in range(100):
            meter.record_call("u1", **CALL, output_tokens=44)
        return time.perf_counter() - begun

    ours_s, theirs_s = alternated(ours, theirs)
    return show("record_call ÷ SQLAlchemy, one thread", theirs_s / ours_s, 0.9, at_most=False)


def show(name: str, figure: float, goal: float, *, at_most: bool) -> bool:
    is_met = figure <= goal if at_most else figure >= goal
    sign = "≤" if at_most else "≥"
    print(f"{'ok ' if is_met else 'BAD'} {name}: {figure:.2f} ({sign} {goal})")
    return is_met


def import_ms() -> float:
    """How much longer an interpreter takes that imports the package."""

    def started(program: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True)
        return (time.perf_counter() - begun) * 1000

    ours, bare = alternated(lambda: started("import alwrity_metering"), lambda: started("pass"))
    return ours - bare


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with opened(folder) as meter:
            met = [checks(meter), records(meter), beside_sqlalchemy(meter, folder)]
    met.append(show("import, ms", import_ms(), 50.0, at_most=True))
    size_mb = Path(sys.argv[1]).stat().st_size / 1e6
    met.append(show("the wheel, MB", size_mb, 8.0, at_most=True))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
