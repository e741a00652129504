"""What is over a limit is not sent, and the refusal comes out where the call was made."""

from __future__ import annotations

import asyncio
import pickle
import threading
from typing import Any

import alwrity_metering as am
import anthropic
import pytest

from .scene import MESSAGES, USER, Clients, held, libraries, recorded, run
from .test_sdks import CASES, HOWS, message

FIRST_OF_EACH = [CASES[0], CASES[9], CASES[11]]
STREAM_OF_EACH = [CASES[1], CASES[10], CASES[12]]


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("case", FIRST_OF_EACH + STREAM_OF_EACH, ids=lambda case: case.id)
def test_a_refusal_reaches_the_caller_as_it_is(
    case: Any, how: str, provider: Any, store: am.Meter
) -> None:
    store.set_limit(USER, f"{case.provider}_calls", 0)
    with pytest.raises(am.UsageLimitExceededException) as caught:
        run(provider, store, how, case.call)
    limit = caught.value.decision.limit
    assert limit is not None
    assert limit.name == f"{case.provider}_calls"
    assert caught.value.code == "limit_reached"
    # Neither sent nor retried.
    assert provider.asked == []
    assert recorded(store) == ()
    assert held(store) == 0


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("case", FIRST_OF_EACH, ids=lambda case: case.id)
def test_a_refusal_can_be_pickled(case: Any, how: str, provider: Any, store: am.Meter) -> None:
    store.set_limit(USER, f"{case.provider}_calls", 0)
    with pytest.raises(am.UsageLimitExceededException) as caught:
        run(provider, store, how, case.call)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is am.UsageLimitExceededException
    assert again.decision == caught.value.decision
    # Where Anthropic's client wraps what is none of its own errors, it is one of them too.
    version = tuple(int(part) for part in anthropic.__version__.split(".")[:2])
    is_own = case.provider == "anthropic" and version >= (0, 105)
    assert isinstance(caught.value, anthropic.AnthropicError) == is_own


@pytest.mark.parametrize("its", libraries(), ids=lambda its: its.__name__)
def test_a_client_that_does_not_ask_for_errors_is_told_not_to_retry(
    its: Any, store: am.Meter
) -> None:
    store.set_limit(USER, "openai_calls", 0)
    transport = am.httpx.transport(store, user=USER)
    url = "https://api.openai.com/v1/chat/completions"
    body = {"model": "gpt-4o", "messages": MESSAGES}
    with its.Client(transport=transport) as client:
        answer = client.post(url, json=body, headers={"x-stainless-lang": "python"})
        assert (answer.status_code, answer.headers["x-should-retry"]) == (429, "false")
        assert answer.json()["error"]["type"] == "limit_reached"
        with pytest.raises(am.UsageLimitExceededException):
            answer.raise_for_status()
        with pytest.raises(am.UsageLimitExceededException):
            client.post(url, json=body)


def test_without_a_user_nothing_is_sent(provider: Any, store: am.Meter) -> None:
    with pytest.raises(am.errors.InvalidArgumentError, match="metering_user"):
        run(provider, store, "install", message(), user=None)
    with pytest.raises(am.errors.InvalidArgumentError, match="metering_user"):
        run(provider, store, "install", message(), user=lambda: None)
    assert provider.asked == []


@pytest.mark.parametrize("how", HOWS)
def test_the_innermost_block_says_whose_call_it_is(
    how: str, provider: Any, store: am.Meter
) -> None:
    with am.metering_user("bob"), am.metering_user("eve"):
        run(provider, store, how, CASES[11].call)
    with am.metering_user("bob"):
        run(provider, store, how, CASES[11].call)
    run(provider, store, how, CASES[11].call, user=lambda: "zoe")
    assert [len(recorded(store, user)) for user in (USER, "bob", "eve", "zoe")] == [0, 1, 1, 1]


def test_a_store_that_cannot_answer_lets_nothing_through(provider: Any, store: am.Meter) -> None:
    def call(clients: Clients) -> Any:
        client = clients.openai
        store.close()
        return client.chat.completions.create(model="gpt-4o", messages=MESSAGES)

    with pytest.raises(am.MeteringError):
        run(provider, store, "install", call)
    assert provider.asked == []


CALLERS = 32
ROOM = 10


def test_many_threads_make_exactly_the_calls_that_are_left(provider: Any, store: am.Meter) -> None:
    store.set_limit(USER, "openai_calls", ROOM)
    clients = Clients(provider, store)
    client = clients.openai
    outcomes: list[str] = []
    start = threading.Barrier(CALLERS)

    def caller() -> None:
        start.wait()
        try:
            client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
            outcomes.append("made")
        except am.UsageLimitExceededException:
            outcomes.append("refused")

    threads = [threading.Thread(target=caller) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clients.end()
    assert sorted(outcomes) == ["made"] * ROOM + ["refused"] * (CALLERS - ROOM)
    assert len(provider.asked) == len(recorded(store)) == ROOM
    assert held(store) == 0


def test_many_tasks_make_exactly_the_calls_that_are_left(provider: Any, store: am.Meter) -> None:
    store.set_limit(USER, "openai_calls", ROOM)

    async def main() -> list[str]:
        clients = Clients(provider, am.AsyncMeter(store))

        async def caller(place: int) -> str:
            try:
                made = await clients.openai.chat.completions.create(
                    model="gpt-4o", messages=MESSAGES, stream=bool(place % 2)
                )
                if place % 2:
                    _ = [event async for event in made]
            except am.UsageLimitExceededException:
                return "refused"
            return "made"

        outcomes = await asyncio.gather(*(caller(place) for place in range(CALLERS)))
        await clients.end_async()
        return outcomes

    assert sorted(asyncio.run(main())) == ["made"] * ROOM + ["refused"] * (CALLERS - ROOM)
    assert len(provider.asked) == len(recorded(store)) == ROOM
    assert held(store) == 0


def test_tasks_of_several_users_do_not_mix(provider: Any, store: am.Meter) -> None:
    async def main() -> None:
        clients = Clients(provider, am.AsyncMeter(store), user=None)

        async def caller(user: str) -> None:
            with am.metering_user(user):
                await clients.gemini.models.generate_content(
                    model="gemini-2.5-flash", contents="Hello."
                )

        users = [f"user{number % 4}" for number in range(CALLERS)]
        await asyncio.gather(*(caller(user) for user in users))
        await clients.end_async()

    asyncio.run(main())
    assert [len(recorded(store, f"user{number}")) for number in range(4)] == [CALLERS // 4] * 4
