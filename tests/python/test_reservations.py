"""Reservations: room is kept until the call is settled, released or goes wrong."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import alwrity_metering as am
import pytest
from alwrity_metering import errors

from conftest import CHAT, GOLDEN

ANSWER = {"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 12}}
REFUSED = am.CallRequest(provider="openai", model="gpt-4o", input_tokens=1)


def used(meter: am.Meter, user: str = "u1") -> tuple[int, int]:
    """Calls and tokens that are recorded."""
    summary = meter.usage_summary(user)
    return summary.total_calls, summary.total_tokens


def held(meter: am.Meter, user: str = "u1") -> int:
    """Calls that are held."""
    (state,) = (one for one in meter.limits(user).limits if one.name == "gemini_calls")
    assert isinstance(state.held, int)
    return state.held


class Model:
    """An object of an SDK, as pydantic makes them."""

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def model_dump(self) -> dict[str, Any]:
        return self._fields


class HttpAnswer:
    """An answer as `requests` and `httpx` have it."""

    status_code = 200
    content = json.dumps(ANSWER).encode()


class Attributes:
    """An object with attributes alone."""

    def __init__(self) -> None:
        self.usageMetadata = ANSWER["usageMetadata"]


@pytest.mark.parametrize(
    "response",
    [ANSWER, json.dumps(ANSWER), json.dumps(ANSWER).encode(), Model(**ANSWER), HttpAnswer(),
     Attributes(), Model(usageMetadata=Model(**ANSWER["usageMetadata"]))],
    ids=["dict", "text", "bytes", "model", "http", "attributes", "models in models"],
)  # fmt: skip
def test_the_usage_is_read_from_the_answer(meter: am.Meter, response: Any) -> None:
    with meter.reserve("u1", **CHAT, messages="Say hello.", max_output_tokens=800) as hold:
        assert held(meter) == 1
        receipt = hold.settle(response=response)
    assert hold.receipt == receipt
    assert receipt.usage == {"input_tokens": 9, "output_tokens": 12}
    assert receipt.usage_source == "reported"
    assert (used(meter), held(meter)) == ((1, 21), 0)
    recorded = meter.record_call("u2", **CHAT, response=response)
    assert recorded.usage == receipt.usage


def test_messages_are_estimated_in_every_form(meter: am.Meter) -> None:
    messages = [{"role": "user", "content": "Say hello to the whole world, please."}]
    forms = (messages, {"messages": messages}, messages[0]["content"])
    tokens = {
        meter.reserve("u1", **CHAT, messages=form).require().usage["input_tokens"] for form in forms
    }
    assert len(tokens) == 1
    assert 10 <= tokens.pop() <= 20
    both = meter.reserve("u1", **CHAT, messages="", input_tokens=100).require()
    assert both.usage["input_tokens"] >= 100


def test_an_exception_releases_the_hold(meter: am.Meter) -> None:
    with pytest.raises(ZeroDivisionError), meter.reserve("u1", **CHAT, input_tokens=9):
        assert held(meter) == 1
        raise ZeroDivisionError
    assert (used(meter), held(meter)) == ((0, 0), 0)


def test_a_refusal_raises_in_a_context_and_is_an_answer_without(meter: am.Meter) -> None:
    with pytest.raises(am.UsageLimitExceededException) as refused, meter.reserve("u1", **REFUSED):
        pytest.fail("the block must not run")
    decision = refused.value.decision
    assert (decision.allowed, decision.reason) == (False, "not_in_plan")
    assert refused.value.http_status == 429
    reservation = meter.reserve("u1", **REFUSED)
    assert (reservation.outcome, reservation.granted) == ("refused", False)
    assert reservation.decision is not None
    assert reservation.decision.message == decision.message
    with pytest.raises(am.UsageLimitExceededException):
        reservation.settle(input_tokens=1)


def test_a_key_is_held_once_and_recorded_once(meter: am.Meter) -> None:
    first = meter.reserve("u1", **CHAT, input_tokens=9, idempotency_key="k")
    again = meter.reserve("u1", **CHAT, input_tokens=9, idempotency_key="k")
    assert again.require().is_repeat
    assert again.require().hold_id == first.require().hold_id
    receipt = first.settle(response=ANSWER)
    recorded = meter.reserve("u1", **CHAT, input_tokens=9, idempotency_key="k")
    assert recorded.outcome == "duplicate"
    with pytest.raises(errors.CallAlreadyRecordedError) as caught, recorded:
        pytest.fail("the block must not run")
    assert caught.value.receipt.call_id == receipt.call_id


def test_an_answer_that_reports_nothing_counts_as_what_was_held(meter: am.Meter) -> None:
    with meter.reserve("u1", **CHAT, input_tokens=9, max_output_tokens=50) as hold:
        receipt = hold.settle(response={"candidates": []})
    assert receipt.usage == {"input_tokens": 9, "output_tokens": 50}
    assert receipt.usage_source == "estimated"
    with meter.reserve("u1", **CHAT, input_tokens=9, max_output_tokens=50) as hold:
        failed = hold.settle(response="<html>", status_code=502, error_message="Bad gateway")
    assert not failed.usage
    assert failed.cost_usd == 0
    # What is given by name stands above the answer.
    with meter.reserve("u1", **CHAT, input_tokens=9) as hold:
        assert hold.settle(response=ANSWER, input_tokens=1).usage == {"input_tokens": 1}


def test_a_hold_that_is_forgotten_stays_and_is_logged(
    meter: am.Meter, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), meter.reserve("u1", **CHAT, input_tokens=9) as hold:
        pass
    assert "neither settled nor released" in caplog.text
    assert held(meter) == 1
    assert hold.release() == "released"
    assert hold.release() == "already_closed"
    assert held(meter) == 0


def test_a_settled_hold_may_be_settled_again_alike(meter: am.Meter) -> None:
    hold = meter.reserve("u1", **CHAT, input_tokens=9).require()
    first = meter.settle("u1", hold, input_tokens=9, output_tokens=1)
    again = meter.settle("u1", hold.hold_id, input_tokens=9, output_tokens=1)
    assert (again.status, again.call_id) == ("duplicate", first.call_id)
    with pytest.raises(errors.HoldClosedError):
        meter.release("u1", hold)
    late = meter.reserve("u1", **CHAT, input_tokens=9)
    late.release()
    assert late.settle(response=ANSWER).late
    with pytest.raises(errors.UnknownHoldError):
        meter.release("u1", "0" * 32)
    with pytest.raises(errors.InvalidNameError):
        meter.release("u1", "nonsense")


def test_several_are_reserved_together_or_not_at_all(meter: am.Meter) -> None:
    search = am.CallRequest(provider="tavily")
    granted = meter.reserve_all(
        "u1", [search, am.CallRequest(provider="gemini", model="gemini-2.5-flash")]
    )
    assert not isinstance(granted, am.Decision)
    assert [one.outcome for one in granted] == ["granted", "granted"]
    refused = meter.reserve_all(
        "u1", [am.CallRequest(provider="gemini", model="gemini-2.5-flash"), REFUSED]
    )
    assert isinstance(refused, am.Decision)
    assert [call.allowed for call in refused.calls] == [True, False]
    assert held(meter) == 1


# Streams.


def body(name: str) -> bytes:
    return (GOLDEN / "ingest" / name).read_bytes()


def pieces(text: bytes) -> Iterator[bytes]:
    return (text[at : at + 50] for at in range(0, len(text), 50))


def test_a_stream_settles_from_its_last_chunk(meter: am.Meter) -> None:
    meter.subscribe("u1", "pro", waived="test")
    text = body("anthropic-stream.sse")
    wanted = am.extract_usage("anthropic", text)
    assert wanted is not None
    with meter.reserve("u1", provider="anthropic", model="claude-sonnet-4-5") as hold:
        assert b"".join(hold.stream(pieces(text))) == text
    assert hold.receipt is not None
    assert {k: v for k, v in hold.receipt.usage.items() if v} == wanted.usage
    assert hold.receipt.usage_source == "reported"


def test_a_stream_of_events_settles_too(meter: am.Meter) -> None:
    events = [Model(candidates=[]), Model(**ANSWER)]
    with meter.reserve("u1", **CHAT, input_tokens=9) as hold:
        assert list(hold.stream(iter(events))) == events
    assert used(meter) == (1, 21)


def test_a_stream_that_breaks_settles_what_is_known(
    meter: am.Meter, caplog: pytest.LogCaptureFixture
) -> None:
    meter.subscribe("u1", "pro", waived="test")

    def broken() -> Iterator[bytes]:
        yield from pieces(body("anthropic-stream-cut.sse"))
        raise ConnectionError

    call: Any = {"provider": "anthropic", "model": "claude-sonnet-4-5", "input_tokens": 30}
    with pytest.raises(ConnectionError), meter.reserve("u1", **call) as hold:
        list(hold.stream(broken()))
    assert hold.receipt is not None
    assert hold.receipt.usage["output_tokens"] > 0
    assert hold.receipt.usage_source == "estimated"
    # Nothing came: nothing was used, as far as anybody knows.
    with meter.reserve("u1", **call) as hold:
        assert list(hold.stream(iter([]))) == []
    assert hold.receipt is None
    assert used(meter)[0] == 1
    assert "neither settled" not in caplog.text


def test_a_stream_that_is_left_settles_what_is_known(meter: am.Meter) -> None:
    meter.subscribe("u1", "pro", waived="test")
    text = body("openai-chat-stream.sse")
    hold = meter.reserve("u1", provider="openai", model="gpt-4o", input_tokens=30)
    stream = hold.stream(pieces(text))
    for _ in range(len(text) // 100):
        next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert hold.receipt is not None
    assert hold.receipt.usage["input_tokens"] == 30
    assert hold.receipt.usage_source == "estimated"


def test_an_asynchronous_stream_may_be_passed_by_a_meter_that_waits(meter: am.Meter) -> None:
    async def chunks() -> AsyncIterator[dict[str, Any]]:
        yield ANSWER

    async def main() -> None:
        with meter.reserve("u1", **CHAT, input_tokens=9) as hold:
            async for chunk in hold.stream(chunks()):
                assert chunk is ANSWER

    asyncio.run(main())
    assert used(meter) == (1, 21)


# The decorator.


def test_a_function_is_metered(meter: am.Meter) -> None:
    @am.metered(
        meter,
        user=lambda user, prompt: user,
        messages=lambda user, prompt: prompt,
        **CHAT,
    )
    def ask(user: str, prompt: str) -> dict[str, Any]:
        """Asks."""
        if not prompt:
            raise ValueError("empty")
        assert held(meter, user) == 1
        return ANSWER

    assert (ask.__name__, ask.__doc__) == ("ask", "Asks.")
    assert ask("u1", "Say hello.") is ANSWER
    assert used(meter) == (1, 21)
    with pytest.raises(ValueError, match="empty"):
        ask("u1", "")
    assert (used(meter), held(meter)) == ((1, 21), 0)


def test_a_function_that_streams_is_metered(
    meter: am.Meter, caplog: pytest.LogCaptureFixture
) -> None:
    @am.metered(meter, user="u1", **CHAT)
    def ask() -> Iterator[dict[str, Any]]:
        yield {"candidates": []}
        yield ANSWER

    assert list(ask()) == [{"candidates": []}, ANSWER]
    assert used(meter) == (1, 21)
    assert "neither settled" not in caplog.text


def test_a_refused_function_is_not_called(meter: am.Meter) -> None:
    @am.metered(meter, user="u1", **REFUSED)
    def ask() -> None:
        pytest.fail("it must not be called")

    with pytest.raises(am.UsageLimitExceededException):
        ask()


def test_a_coroutine_is_metered_on_its_loop(meter: am.Meter) -> None:
    @am.metered(meter, user="u1", **CHAT)
    async def ask(fails: bool) -> dict[str, Any]:
        await asyncio.sleep(0)
        if fails:
            raise ValueError("failed")
        return ANSWER

    async def main() -> None:
        assert await ask(False) is ANSWER
        with pytest.raises(ValueError, match="failed"):
            await ask(True)

    asyncio.run(main())
    assert (used(meter), held(meter)) == ((1, 21), 0)


def test_bytes_that_are_no_text_are_no_usage() -> None:
    assert am.extract_usage("openai", gzip.compress(b"{}")) is None
