"""Minutes of two uvicorn workers under eight clients, with workers killed at random.

    make soak-http [DURATION_S=300] [SEED=1]

At the end every answered call is in the account, no limit was passed, the dashboards are those of
the ledger, and every total follows from it.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from served import CLIENTS, Served, at_once, served, wait_until

WRITE, SEARCH, STREAM = "/api/blog/write", "/api/research/search", "/api/chat/stream"
KILL_EVERY_S = 5.0
USERS = [f"soak{number}" for number in range(4)]
CALLS_MAX = 400


def main() -> None:
    """Runs, and says what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    seconds = float(os.environ.get("DURATION_S", "300"))
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", "1")))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as backend:
        for user in USERS:
            backend.meter.subscribe(user, "enterprise", waived="a soak")
            backend.meter.set_limit(user, "gemini_calls", CALLS_MAX)
        statuses, kills = run(backend, arguments.seconds, arguments.seed)
        print(f"{sum(statuses.values())} answers {dict(statuses)}, {kills} workers killed")
        check(backend, statuses)


def run(backend: Served, seconds: float, seed: int) -> tuple[Counter[str], int]:
    """Asks from all clients until the time is over, and kills workers meanwhile."""
    until, kills = time.monotonic() + seconds, 0
    done = threading.Event()

    def kill() -> None:
        nonlocal kills
        while not done.wait(KILL_EVERY_S):
            if len(backend.workers()) == 2:
                backend.kill_worker()
                kills += 1

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        counts = at_once(lambda number: act(backend, until, random.Random(seed + number)))
    finally:
        done.set()
        killer.join()
    return sum(counts, Counter()), kills


def act(backend: Served, until: float, chance: random.Random) -> Counter[str]:
    """What one client got, by path and status."""
    got: Counter[str] = Counter()
    while time.monotonic() < until:
        user = chance.choice(USERS)
        path = chance.choices([WRITE, SEARCH, STREAM, "look"], [6, 2, 1, 3])[0]
        try:
            with backend.client(user) as client:
                got[f"{user} {path} {send(client, user, path, chance)}"] += 1
        except httpx.TransportError:
            got[f"{user} {path} broken"] += 1
    return got


def send(client: httpx.Client, user: str, path: str, chance: random.Random) -> int:
    """One request; its status."""
    if path == "look":
        what = chance.choice(["dashboard", "usage", "alerts", "status", "renewal-history"])
        return client.get(f"/api/subscription/{what}/{user}").status_code
    if path == STREAM and chance.random() < 0.5:
        with client.stream("POST", path, json={"topic": "the sea"}) as answer:
            return answer.status_code  # It leaves before the end.
    return client.post(path, json={"topic": "looms"}).status_code


def check(backend: Served, statuses: Counter[str]) -> None:
    """Every answered call is in the account, and no more than were asked for."""
    failed = [name for name in statuses if name.split()[-1] not in ("200", "429", "broken")]
    assert not failed, failed
    for user in USERS:
        answered, broken = (
            sum(
                count
                for name, count in statuses.items()
                if name.startswith(user) and "look" not in name and name.endswith(ending)
            )
            for ending in ("200", "broken")
        )

        wait_until(within(backend, user, answered, answered + broken), f"the account of {user}")
        states = {state.name: state for state in backend.meter.limits(user).limits}
        assert int(states["gemini_calls"].used) <= CALLS_MAX
    checks = backend.meter.verify()
    assert checks.is_ok, checks
    compare(backend)
    print("every answered call is in the account, and every total follows from the ledger")


def within(backend: Served, user: str, least: int, most: int) -> Callable[[], bool]:
    """Whether what is recorded and held lies between two numbers."""

    def is_within() -> bool:
        return least <= backend.meter.calls(user).total_count + held(backend, user) <= most

    return is_within


def is_calls(state: Any) -> bool:
    """Whether a limit counts the calls of one of the providers that are called."""
    return state.name in ("gemini_calls", "openai_calls", "tavily_calls")


def compare(backend: Served) -> None:
    """The dashboards against the ledger, as another program reads it."""
    wait_until(lambda: not any(held(backend, user) for user in USERS), "the end of all holds")
    connection = sqlite3.connect(f"file:{backend.db}?mode=ro", uri=True)
    for user in USERS:
        sql = "SELECT count(*), total(cost_total_pico_usd) FROM api_usage_logs WHERE user_id = ?"
        calls, cost = connection.execute(sql, (user,)).fetchone()
        body: Any = backend.get(f"/dashboard/{user}", user)
        usage = body["data"]["total_usage"]
        assert usage["total_calls"] == calls, (user, usage["total_calls"], calls)
        assert abs(usage["total_cost"] - cost / 1e12) < 1e-9
    connection.close()


def held(backend: Served, user: str) -> int:
    """How many calls are held. Those of killed workers are charged when their time is over."""
    return sum(int(state.held) for state in backend.meter.limits(user).limits if is_calls(state))


if __name__ == "__main__":
    print(f"{CLIENTS} clients, two workers")
    main()
