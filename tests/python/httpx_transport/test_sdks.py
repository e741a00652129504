"""The official SDKs, untouched: every call is metered to the last digit of its cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import alwrity_metering as am
import pytest

from .scene import KEY, MESSAGES, Clients, held, recorded, run

HOWS = ("install", "transport", "install-async", "transport-async")


@dataclass(frozen=True)
class Case:
    """A call of an SDK, and what is recorded of it: by the bodies of `tests/golden/ingest`, at the
    shipped prices."""

    id: str
    call: Callable[[Clients], Any]
    provider: str
    operation: str
    model: str
    usage: dict[str, int]
    cost: str | None
    source: str = "reported"


def chat(model: str, **named: Any) -> Callable[[Clients], Any]:
    return lambda c: c.openai.chat.completions.create(model=model, messages=MESSAGES, **named)


def message(**named: Any) -> Callable[[Clients], Any]:
    return lambda c: c.anthropic.messages.create(
        model="claude-sonnet-4-5", max_tokens=600, messages=MESSAGES, **named
    )


CASES = (
    Case(
        "openai-chat",
        chat("gpt-4o"),
        "openai",
        "chat",
        "gpt-4o",
        {"input_tokens": 1374, "output_tokens": 244, "cached_input_tokens": 1024},
        # 350 at $2.50, 1024 cached at $1.25, 244 at $10 a million
        "0.004595",
    ),
    Case(
        "openai-chat-stream",
        chat("gpt-4o-mini", stream=True, stream_options={"include_usage": True}),
        "openai",
        "chat",
        "gpt-4o-mini",
        {"input_tokens": 19, "output_tokens": 9},
        # 19 at $0.15, 9 at $0.60 a million
        "0.00000825",
    ),
    Case(
        "openai-chat-stream-that-reports-nothing",
        chat("gpt-4o-mini", stream=True),
        "openai",
        "chat",
        "gpt-4o-mini",
        {"input_tokens": 10, "output_tokens": 8},
        # by the scan of what was sent and of what came
        "0.0000063",
        "estimated",
    ),
    Case(
        "openai-responses",
        lambda c: c.openai.responses.create(model="gpt-5", input="Say hello."),
        "openai",
        "chat",
        "gpt-5",
        {
            "input_tokens": 328,
            "output_tokens": 752,
            "cached_input_tokens": 256,
            "reasoning_tokens": 704,
        },
        # 72 at $1.25, 256 cached at $0.125, 752 at $10 a million
        "0.007642",
    ),
    Case(
        "openai-responses-stream",
        lambda c: c.openai.responses.create(model="gpt-5", input="Say hello.", stream=True),
        "openai",
        "chat",
        "gpt-5",
        {
            "input_tokens": 328,
            "output_tokens": 752,
            "cached_input_tokens": 256,
            "reasoning_tokens": 704,
            "web_searches": 2,
            "storage_searches": 1,
        },
        # the same, 2 searches of the web at $10 and 1 of files at $2.50 a thousand
        "0.030142",
    ),
    Case(
        "openai-embeddings",
        lambda c: c.openai.embeddings.create(model="text-embedding-3-small", input="Say hello."),
        "openai",
        "embeddings",
        "text-embedding-3-small",
        {"input_tokens": 8},
        # 8 at $0.02 a million
        "0.00000016",
    ),
    Case(
        "openai-images",
        lambda c: c.openai.images.generate(model="gpt-image-1", prompt="a harbour", n=2),
        "openai",
        "image_generation",
        "gpt-image-1",
        {"input_tokens": 50, "output_tokens": 8320, "images": 2, "input_image_tokens": 40},
        # 10 at $5, 40 of images at $10, 8320 at $40 a million
        "0.33325",
    ),
    Case(
        "openai-speech",
        lambda c: c.openai.audio.speech.create(model="tts-1", voice="alloy", input="Low tide."),
        "openai",
        "audio_generation",
        "tts-1",
        # the answer is the sound itself; what is paid for was in the request
        {"requests": 1, "characters": 9},
        # 9 at $15 a million
        "0.000135",
        "estimated",
    ),
    Case(
        "openai-transcription",
        lambda c: c.openai.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=("tide.wav", b"RIFF")
        ),
        "openai",
        "chat",
        "gpt-4o-transcribe",
        {"input_tokens": 34, "output_tokens": 7, "input_audio_tokens": 30},
        # 4 at $2.50, 30 of sound at $6, 7 at $10 a million
        "0.00026",
    ),
    Case(
        "anthropic-message",
        message(),
        "anthropic",
        "chat",
        "claude-sonnet-4-5",
        {"input_tokens": 2095, "output_tokens": 503},
        # 2095 at $3, 503 at $15 a million
        "0.01383",
    ),
    Case(
        "anthropic-stream",
        message(stream=True),
        "anthropic",
        "chat",
        "claude-sonnet-4-5",
        {"input_tokens": 1972, "output_tokens": 89, "cached_input_tokens": 1500},
        # 472 at $3, 1500 cached at $0.30, 89 at $15 a million
        "0.003201",
    ),
    Case(
        "gemini-generate",
        lambda c: c.gemini.models.generate_content(model="gemini-2.5-flash", contents="Hello."),
        "gemini",
        "chat",
        "gemini-2.5-flash",
        {
            "input_tokens": 812,
            "output_tokens": 420,
            "cached_input_tokens": 512,
            "reasoning_tokens": 300,
        },
        # 300 at $0.30, 512 cached at $0.03, 420 at $2.50 a million
        "0.00115536",
    ),
    Case(
        "gemini-stream",
        lambda c: c.gemini.models.generate_content_stream(
            model="gemini-2.5-flash", contents="Hello."
        ),
        "gemini",
        "chat",
        "gemini-2.5-flash",
        {"input_tokens": 12, "output_tokens": 206, "reasoning_tokens": 200},
        # 12 at $0.30, 206 at $2.50 a million
        "0.0005186",
    ),
    Case(
        "gemini-embeddings",
        lambda c: c.gemini.models.embed_content(model="gemini-embedding-001", contents="Hello."),
        "gemini",
        "embeddings",
        "gemini-embedding-001",
        # Google says nothing of what they use
        {"input_tokens": 3},
        # 3 at $0.15 a million
        "0.00000045",
        "estimated",
    ),
)


def test_no_case_is_left_out() -> None:
    assert len(CASES) == len({case.id for case in CASES}) == 14


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_call_is_recorded_once_and_exactly(
    case: Case, how: str, provider: Any, store: am.Meter
) -> None:
    # One of the two ways with compression, streams included.
    provider.compress = how.startswith("transport")
    run(provider, store, how, case.call)
    (call,) = recorded(store)
    assert (call.provider, call.operation, call.model) == (
        case.provider,
        case.operation,
        case.model,
    )
    assert (call.usage, call.usage_source) == (case.usage, case.source)
    assert call.cost_usd == (None if case.cost is None else Decimal(case.cost))
    assert (call.status_code, call.retry_count, len(provider.asked)) == (200, 0, 1)
    assert held(store) == 0


@pytest.mark.parametrize("how", HOWS)
def test_the_answer_is_what_it_was(how: str, provider: Any, store: am.Meter) -> None:
    found = run(provider, store, how, chat("gpt-4o"))
    assert found.choices[0].message.content == "The sea is green today."
    assert found.usage.total_tokens == 1618
    events = run(provider, store, how, chat("gpt-4o-mini", stream=True))
    text = "".join(event.choices[0].delta.content or "" for event in events)
    assert text == "Grüße aus dem Hafen ⚓."
    parts = run(provider, store, how, CASES[12].call)
    assert "".join(part.text for part in parts) == "High water at noon."


@pytest.mark.parametrize("how", HOWS)
def test_the_log_tells_how_it_went_and_nothing_that_was_said(
    how: str, provider: Any, store: am.Meter
) -> None:
    run(provider, store, how, chat("gpt-4o"))
    (call,) = recorded(store)
    assert call.endpoint.endswith("/openai/v1/chat/completions")
    assert (call.method, call.request_size_bytes) == ("POST", len(provider.asked[0].body))
    assert call.response_size_bytes > 300
    assert call.response_time_ms >= 0
    files = [file.read_bytes() for file in Path(store.path).parent.glob("metering.db*")]
    assert any(b"/openai/v1/chat/completions" in kept for kept in files)
    for said in (b"Say hello", b"The sea is green", KEY.encode()):
        assert not any(said in kept for kept in files)


def test_anthropics_own_way_of_streaming_is_metered(provider: Any, store: am.Meter) -> None:
    def call(clients: Clients) -> Any:
        with clients.anthropic.messages.stream(
            model="claude-sonnet-4-5", max_tokens=600, messages=MESSAGES
        ) as stream:
            return stream.get_final_message()

    found = run(provider, store, "install", call)
    assert found.usage.output_tokens == 89
    (call_made,) = recorded(store)
    assert call_made.cost_usd == Decimal("0.003201")


def test_a_raw_answer_is_metered_too(provider: Any, store: am.Meter) -> None:
    def call(clients: Clients) -> Any:
        raw = clients.openai.chat.completions.with_raw_response
        return raw.create(model="gpt-4o", messages=MESSAGES).parse()

    assert run(provider, store, "install", call).usage.total_tokens == 1618
    (call_made,) = recorded(store)
    assert call_made.cost_usd == Decimal("0.004595")


@pytest.mark.parametrize("how", HOWS)
def test_the_answers_teach_how_many_tokens_a_model_makes_of_a_text(
    how: str, provider: Any, store: am.Meter
) -> None:
    # An answer that reports nothing teaches nothing.
    run(provider, store, how, chat("gpt-4o-mini", stream=True))
    assert store.calibrations() == ()
    run(provider, store, how, CASES[1].call)
    (learned,) = store.calibrations()
    assert (learned.model, learned.calls) == ("gpt-4o-mini", 1)
    # The texts get their share of the 19; the rest is of roles and marks.
    assert 0 < learned.reported_tokens < 19
