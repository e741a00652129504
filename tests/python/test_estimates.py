"""Estimates: what a call will probably use, and what settlements teach."""

from __future__ import annotations

import asyncio
import threading

import alwrity_metering as am
import pytest
from alwrity_metering.errors import InvalidArgumentError

from conftest import CHAT

MESSAGES = [{"role": "user", "content": "Why is the sky blue? Answer in two sentences, please."}]
SENT = {"text", "a list", "a request"}


@pytest.mark.parametrize("form", sorted(SENT))
def test_the_request_of_an_estimate_is_reserved_and_teaches(meter: am.Meter, form: str) -> None:
    told = {"text": MESSAGES[0]["content"], "a list": MESSAGES, "a request": {"messages": MESSAGES}}
    estimate = meter.estimate("u1", messages=told[form], max_output_tokens=60, **CHAT)
    assert estimate.hold is not None and estimate.hold.output_reason == "maximum"
    assert estimate.hold.input_tokens >= estimate.input_tokens > 5
    assert (estimate.learned_calls, estimate.notes) == (0, ())
    with meter.reserve("u1", **estimate.request) as hold:
        assert hold.hold is not None
        assert hold.hold.usage == {
            "input_tokens": estimate.hold.input_tokens,
            "output_tokens": 60,
        }
        assert hold.hold.cost_usd == estimate.cost_usd
        hold.settle(input_tokens=2 * estimate.input_tokens, output_tokens=44)
    (learned,) = meter.calibrations()
    assert (learned.provider, learned.calls) == (CHAT["provider"], 1)
    assert meter.estimate("u1", messages=told[form], **CHAT).learned_calls == 1


def test_a_request_names_its_model_and_its_maximum(meter: am.Meter) -> None:
    body = {"model": "gemini-2.5-flash", "max_tokens": 200, "messages": MESSAGES}
    request = meter.estimate("", messages=body, provider="gemini").request
    assert (request["model"], request["max_output_tokens"]) == ("gemini-2.5-flash", 200)
    assert request["provider"] == "gemini" and "user" not in request


def test_other_units_are_estimated_as_usage(meter: am.Meter) -> None:
    estimate = meter.estimate(
        "u1",
        messages={"prompt": "a loom", "n": 3},
        provider="openai",
        operation="image_generation",
        model="dall-e-3",
    )
    assert estimate.hold is None and estimate.input_tokens == 0
    assert estimate.request["usage"]["images"] == 3
    assert meter.check_limit("u1", **estimate.request).calls[0].operation == "image_generation"


def test_what_cannot_be_an_estimate_is_a_type_error(meter: am.Meter) -> None:
    with pytest.raises(TypeError, match="input_estimate"):
        meter.reserve("u1", **CHAT, input_estimate={"letters": 1})
    with pytest.raises(InvalidArgumentError):
        meter.estimate("u1", messages={"n": 1}, **CHAT)


def test_a_loop_estimates_alike(meter: am.Meter) -> None:
    waiting = am.AsyncMeter(meter)

    async def ask() -> None:
        estimate = await waiting.estimate("u1", messages=MESSAGES, **CHAT)
        assert estimate == meter.estimate("u1", messages=MESSAGES, **CHAT)
        assert await waiting.calibrations() == ()

    asyncio.run(ask())


@pytest.mark.parametrize("form", sorted(SENT))
def test_a_reservation_by_messages_is_held_as_it_is_estimated_and_teaches(
    meter: am.Meter, form: str
) -> None:
    told = {"text": MESSAGES[0]["content"], "a list": MESSAGES, "a request": {"messages": MESSAGES}}
    estimate = meter.estimate("u1", messages=told[form], **CHAT)
    assert estimate.hold is not None
    with meter.reserve("u1", messages=told[form], **CHAT) as hold:
        assert hold.hold is not None and hold.hold.cost_usd == estimate.cost_usd
        hold.settle(input_tokens=2 * estimate.input_tokens, output_tokens=44)
    assert [learned.calls for learned in meter.calibrations()] == [1]

    async def ask() -> None:
        async with am.AsyncMeter(meter).reserve("u1", messages=told[form], **CHAT) as hold:
            await hold.settle(input_tokens=2 * estimate.input_tokens, output_tokens=44)

    asyncio.run(ask())
    assert [learned.calls for learned in meter.calibrations()] == [2]
    more = meter.reserve("u1", messages=told[form], **CHAT).require().usage["input_tokens"]
    assert more > estimate.hold.input_tokens


def test_messages_are_counted_beside_the_event_loop(meter: am.Meter) -> None:
    threads: list[int] = []

    class Said:
        def model_dump(self) -> object:
            threads.append(threading.get_ident())
            return MESSAGES[0]

    async def ask() -> None:
        async with am.AsyncMeter(meter).reserve("u1", messages=[Said()], **CHAT) as hold:
            await hold.settle(input_tokens=12, output_tokens=44)

    asyncio.run(ask())
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


def test_a_function_that_is_metered_by_messages_teaches(meter: am.Meter) -> None:
    @am.metered(meter, user="u1", messages=lambda said: said, **CHAT)
    def ask(said: str) -> dict[str, object]:
        return {"usage": {"prompt_tokens": 31, "completion_tokens": 12, "total_tokens": 43}}

    ask(MESSAGES[0]["content"])
    assert [learned.calls for learned in meter.calibrations()] == [1]


@pytest.mark.parametrize(
    "said",
    [
        "",
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b"}}]}],
    ],
    ids=["nothing", "an image alone"],
)
def test_messages_without_text_are_reserved_too(meter: am.Meter, said: object) -> None:
    assert meter.reserve("u1", messages=said, **CHAT).granted
