"""Two uvicorn workers, eight clients, real HTTP: nothing passes a limit and nothing is lost."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import contract
import httpx
import pytest
from served import CLIENTS, Served, at_once, served, wait_until

WRITE = "/api/blog/write"
SEARCH = "/api/research/search"
ROUNDS = 25
# What the fake provider's answer says, at today's list price of gemini-2.5-flash.
TOKENS = 812 + 120 + 300


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One backend for all tests of this file; each has users of its own."""
    with served(tmp_path_factory.mktemp("served")) as running:
        yield running


def post(backend: Served, user: str, path: str, count: int) -> Counter[int]:
    """The statuses of so many requests, one after the other, by one client."""
    with backend.client(user) as client:
        return Counter(client.post(path, json={"topic": "looms"}).status_code for _ in range(count))


def settled(backend: Served, user: str, calls: int) -> None:
    """Waits until what the workers have queued is committed, by what is there."""

    def is_there() -> bool:
        held = sum(int(s.held) for s in backend.meter.limits(user).limits if s.metric == "calls")
        return held == 0 and backend.meter.calls(user).total_count >= calls

    wait_until(is_there, f"the settlement of {calls} calls of {user}")


def ledger(backend: Served, sql: str) -> Any:
    """What another program reads in the file."""
    connection = sqlite3.connect(f"file:{backend.db}?mode=ro", uri=True)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_both_workers_serve(backend: Served) -> None:
    assert len(backend.workers()) == 2


def test_regression_1_and_2_eight_clients_lose_nothing_from_the_first_call_on(
    backend: Served,
) -> None:
    backend.meter.subscribe("many", "enterprise", waived="a test")
    answers = sum(at_once(lambda _: post(backend, "many", WRITE, ROUNDS)), Counter())
    count = CLIENTS * ROUNDS
    assert answers == {200: count}
    settled(backend, "many", count)
    log = backend.meter.calls("many", limit=5000)
    assert log.total_count == count
    assert {call.usage_source for call in log.calls} == {"reported"}
    summary = backend.meter.usage_summary("many")
    costs = [call.cost_usd for call in log.calls]
    assert summary.total_calls == count and summary.total_tokens == count * TOKENS
    assert None not in costs
    assert summary.total_cost == sum(cost for cost in costs if cost is not None)
    (row,) = ledger(
        backend,
        "SELECT total_calls, gemini_calls, total_tokens, total_cost_pico_usd"
        " FROM usage_summaries WHERE user_id = 'many'",
    )
    assert row == (count, count, count * TOKENS, int(summary.total_cost * 10**12))
    assert backend.meter.verify().is_ok


def test_regression_3_exactly_the_limit_passes(backend: Served) -> None:
    backend.meter.set_limit("few", "gemini_calls", 100)
    backend.meter.set_limit("few", "gemini_tokens", None)
    answers = sum(at_once(lambda _: post(backend, "few", WRITE, ROUNDS)), Counter())
    assert answers == {200: 100, 429: CLIENTS * ROUNDS - 100}
    settled(backend, "few", 100)
    assert backend.meter.usage_summary("few").total_calls == 100
    with backend.client("few") as client:
        refused = client.post(WRITE, json={"topic": "looms"})
    assert refused.status_code == 429 and refused.headers["retry-after"]
    contract.check("refusal 429", refused.json())


def test_regression_3_the_dependency_lets_exactly_the_limit_pass_too(backend: Served) -> None:
    answers = sum(at_once(lambda _: post(backend, "seek", SEARCH, 5)), Counter())
    assert answers == {200: 20, 429: CLIENTS * 5 - 20}
    settled(backend, "seek", 20)
    assert backend.meter.usage_summary("seek").total_calls == 20


def test_regression_28_the_workers_tell_each_threshold_once(backend: Served) -> None:
    at_once(lambda _: post(backend, "told", SEARCH, 4))
    settled(backend, "told", 20)
    alerts: Any = backend.get("/alerts/told", "told")["data"]
    told = Counter(
        alert["threshold_percentage"]
        for alert in alerts["alerts"]
        if alert["type"] == "usage_threshold" and alert.get("provider") == "tavily"
    )
    assert told == {80: 1, 90: 1, 100: 1}


def test_regression_29_the_dashboards_of_both_workers_agree_with_the_ledger(
    backend: Served,
) -> None:
    at_once(lambda _: post(backend, "seen", WRITE, 3) + post(backend, "seen", SEARCH, 2))
    settled(backend, "seen", 40)
    (row,) = ledger(
        backend,
        "SELECT count(*), sum(tokens_total), sum(cost_total_pico_usd) FROM api_usage_logs"
        " WHERE user_id = 'seen'",
    )
    calls, tokens, cost = row
    bodies = at_once(lambda _: backend.get("/dashboard/seen", "seen"))
    for body in bodies:
        data = contract.check("GET /dashboard/{user_id}", body)
        usage = data["current_period_usage"]
        assert (usage["total_calls"], usage["total_tokens"]) == (calls, tokens) == (40, 24 * TOKENS)
        assert usage["total_cost"] == pytest.approx(cost / 10**12, abs=1e-12)
        parts = usage["provider_breakdown"]
        assert {name: part["calls"] for name, part in parts.items()} == {"gemini": 24, "tavily": 16}
        assert sum(part["cost"] for part in parts.values()) == pytest.approx(usage["total_cost"])
        assert data["summary"]["total_api_calls_this_month"] == 40


def test_regression_31_looking_changes_nothing(backend: Served) -> None:
    post(backend, "calm", WRITE, 1)
    settled(backend, "calm", 1)
    tables = [
        name for (name,) in ledger(backend, "SELECT name FROM sqlite_master WHERE type='table'")
    ]

    def rows() -> Any:
        return [ledger(backend, f'SELECT * FROM "{table}"') for table in sorted(tables)]

    wait_until(lambda: all(count.waiting == 0 for count in backend.meter.outbox()), "delivery")
    before = rows()
    paths = ["/dashboard/calm", "/usage/calm/trends", "/status/calm", "/alerts/calm"]
    at_once(lambda _: [backend.get(path, "calm") for path in paths])
    at_once(lambda _: backend.get("/usage-logs", "calm", provider="huggingface"))
    assert rows() == before


def test_regression_32_the_user_is_who_the_authentication_says(backend: Served) -> None:
    headers = {"x-user-id": "victim", "user-agent": "OpenAI/Python gemini"}
    with backend.client("mallory") as client:
        answer = client.post(f"{WRITE}?user_id=victim", json={"topic": "x"}, headers=headers)
        assert answer.status_code == 200
        assert client.get("/api/examples", headers=headers).status_code == 404
        assert client.get("/api/subscription/dashboard/victim").status_code == 403
        forged = {"authorization": "Bearer victim." + "0" * 64}
        assert client.post(WRITE, json={"topic": "x"}, headers=forged).status_code == 401
    settled(backend, "mallory", 1)
    assert backend.meter.usage_summary("mallory").total_calls == 1
    assert "victim" not in backend.meter.users()


def test_a_stream_passes_both_ways(backend: Served) -> None:
    backend.meter.subscribe("hear", "basic", waived="a test")
    with backend.client("hear") as client:
        with client.stream("POST", "/api/chat/stream", json={"topic": "the sea"}) as answer:
            chunks = list(answer.iter_raw())
        assert b"data: [DONE]" in b"".join(chunks)
        # A client that leaves in the middle is charged for what came.
        with client.stream("POST", "/api/chat/stream", json={"topic": "the sea"}) as answer:
            next(answer.iter_raw())
    settled(backend, "hear", 2)
    calls = backend.meter.calls("hear").calls
    assert {call.model for call in calls} == {"gpt-4o-mini"}
    assert calls[-1].usage["output_tokens"] == 9 and calls[-1].usage_source == "reported"


def test_killing_a_worker_loses_no_call_that_was_answered(backend: Served) -> None:
    """Its holds stay, and become calls when they expire: the provider may have been paid."""
    backend.meter.subscribe("hurt", "enterprise", waived="a test")
    answered: Counter[int] = Counter()
    killed: list[int] = []

    def act(number: int) -> Counter[int]:
        if number == 0:
            time.sleep(0.3)
            killed.append(backend.kill_worker())
            return Counter()
        own: Counter[int] = Counter()
        for _ in range(40):
            try:
                with backend.client("hurt") as client:
                    own[client.post(WRITE, json={"topic": "looms"}).status_code] += 1
            except httpx.TransportError:
                own[0] += 1
        return own

    answered = sum(at_once(act), Counter())
    assert killed and answered[200] > 100, answered
    assert set(answered) <= {0, 200}, "no error but a broken connection"
    wait_until(lambda: len(set(backend.workers()) - set(killed)) == 2, "a new worker")

    def accounted() -> int:
        held = [s.held for s in backend.meter.limits("hurt").limits if s.name == "gemini_calls"]
        return backend.meter.calls("hurt").total_count + int(held[0])

    asked = sum(answered.values())
    wait_until(lambda: answered[200] <= accounted() <= asked, "the account of every answer")
    assert backend.meter.verify().is_ok


def test_killing_a_worker_loses_no_record_that_was_acknowledged(backend: Served) -> None:
    sent, acknowledged = [0] * CLIENTS, [set[str]() for _ in range(CLIENTS)]

    def act(number: int) -> None:
        for count in range(60):
            if number == 0 and count == 20:
                backend.kill_worker()
            sent[number] += 1
            key = f"{number}-{count}"
            try:
                with backend.client("sure") as client:
                    if client.post(f"/records/sure/{key}").is_success:
                        acknowledged[number].add(key)
            except httpx.TransportError:
                continue

    at_once(act)
    kept = {call.endpoint for call in backend.meter.calls("sure", limit=5000).calls}
    known = set[str]().union(*acknowledged)
    assert known <= kept and len(known) > CLIENTS * 30
    assert len(kept) <= sum(sent)
    assert backend.meter.verify().is_ok
