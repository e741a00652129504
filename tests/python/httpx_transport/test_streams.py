"""Streams pass through untouched; whatever way they end, what was used is recorded once."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

import alwrity_metering as am
import anthropic
import openai
import pytest

from .scene import KEY, MESSAGES, USER, Clients, held, libraries, library, recorded, run
from .test_sdks import CASES, HOWS, chat, message

STREAM: Any = chat("gpt-4o-mini", stream=True, stream_options={"include_usage": True})
BODY = {"model": "gpt-4o-mini", "messages": MESSAGES, "stream": True}


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("its", libraries(), ids=lambda its: its.__name__)
def test_every_byte_passes_as_it_came(
    its: Any, compress: bool, provider: Any, store: am.Meter
) -> None:
    provider.compress = compress
    url = f"{provider.openai_url}/chat/completions"
    heard = []
    with its.Client() as plain, its.Client() as metered:
        am.httpx.install(metered, store, user=USER, aliases=provider.aliases)
        for client in (plain, metered):
            with client.stream("POST", url, json=BODY) as response:
                heard.append(b"".join(response.iter_raw()))
            assert response.headers.get("content-encoding") == ("gzip" if compress else None)
    assert heard[0] == heard[1]
    (call,) = recorded(store)
    assert (call.usage["output_tokens"], call.response_size_bytes) == (8, len(heard[1]))


@pytest.mark.parametrize("its", libraries(), ids=lambda its: its.__name__)
def test_a_chunk_passes_before_the_next_one_is_there(its: Any, store: am.Meter) -> None:
    sent: list[int] = []

    class Slow(its.BaseTransport):  # type: ignore[misc]
        def handle_request(self, _request: Any) -> Any:
            def chunks() -> Any:
                for number in range(3):
                    sent.append(number)
                    yield b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'

            kind = {"content-type": "text/event-stream"}
            return its.Response(200, headers=kind, content=chunks())

    transport = am.httpx.transport(store, user=USER, wrap=Slow())
    url = "https://api.openai.com/v1/chat/completions"
    with its.Client(transport=transport) as client, client.stream("POST", url, json=BODY) as r:
        for number, _ in enumerate(r.iter_raw()):
            assert sent == list(range(number + 1))
    assert len(recorded(store)) == 1


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize(
    ("call", "pieces", "usage"),
    [
        # nothing but a beginning: what was sent is estimated
        (STREAM, 1, {"input_tokens": 10}),
        (STREAM, 3, {"input_tokens": 10, "output_tokens": 8}),
        # Anthropic says the input first
        (
            message(stream=True),
            4,
            {"input_tokens": 1972, "output_tokens": 15, "cached_input_tokens": 1500},
        ),
        (CASES[12].call, 1, {"input_tokens": 12, "output_tokens": 201, "reasoning_tokens": 200}),
    ],
    ids=["openai-1", "openai-3", "anthropic-4", "gemini-1"],
)
def test_a_stream_that_breaks_is_recorded_with_what_is_known(
    call: Any, pieces: int, usage: dict[str, int], how: str, provider: Any, store: am.Meter
) -> None:
    provider.cut_next(after_pieces=pieces)
    # Google's takes it for the end.
    with contextlib.suppress(openai.OpenAIError, anthropic.AnthropicError, library().HTTPError):
        run(provider, store, how, call)
    (call_made,) = recorded(store)
    assert call_made.usage == usage
    assert call_made.status_code == 200
    assert call_made.cost_usd > 0
    assert held(store) == 0
    assert len(provider.asked) == 1


@pytest.mark.parametrize("how", ["install", "transport"])
def test_a_stream_that_is_left_early_is_recorded(how: str, provider: Any, store: am.Meter) -> None:
    clients = Clients(provider, store, via=how)
    with STREAM(clients) as stream:
        for event in stream:
            if event.choices and event.choices[0].delta.content:
                break
    (call,) = recorded(store)
    assert (call.usage_source, call.usage["input_tokens"]) == ("estimated", 10)
    assert 0 < call.usage["output_tokens"] < 9
    assert held(store) == 0
    clients.end()


def test_a_stream_that_is_left_early_on_a_loop_is_recorded(provider: Any, store: am.Meter) -> None:
    async def main() -> None:
        clients = Clients(provider, am.AsyncMeter(store))
        async with await STREAM(clients) as stream:
            async for event in stream:
                if event.choices and event.choices[0].delta.content:
                    break
        await clients.end_async()

    asyncio.run(main())
    (call,) = recorded(store)
    assert call.usage_source == "estimated"
    assert held(store) == 0


def test_a_stream_that_nobody_closes_is_recorded_once_it_is_forgotten(
    provider: Any, store: am.Meter
) -> None:
    clients = Clients(provider, store)
    stream = STREAM(clients)
    next(iter(stream))
    del stream
    gc.collect()
    (call,) = recorded(store)
    assert call.usage_source == "estimated"
    assert held(store) == 0
    clients.end()


def test_a_cancelled_task_has_made_its_call(provider: Any, store: am.Meter) -> None:
    """Also where every further wait of the task is cancelled at once."""

    async def main() -> None:
        clients = Clients(provider, am.AsyncMeter(store))
        waiting = asyncio.Event()

        async def reader() -> None:
            async with await STREAM(clients) as stream:
                async for _ in stream:
                    waiting.set()
                    await asyncio.sleep(3600)

        task = asyncio.create_task(reader())
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await clients.end_async()

    asyncio.run(main())
    (call,) = recorded(store)
    assert call.usage["input_tokens"] == 10
    assert held(store) == 0


def test_a_task_that_is_cancelled_before_the_answer_gives_its_hold_back(
    provider: Any, store: am.Meter
) -> None:
    provider.delay_s = 0.5

    async def main() -> None:
        clients = Clients(provider, am.AsyncMeter(store))
        task = asyncio.create_task(chat("gpt-4o")(clients))
        while not provider.asked:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await clients.end_async()

    asyncio.run(main())
    assert recorded(store) == ()
    assert held(store) == 0


def test_an_answer_that_breaks_is_recorded_at_what_was_held(provider: Any, store: am.Meter) -> None:
    """It was made, and nobody can tell what it used. The SDK then asks again, which costs again."""
    provider.cut_next(after_pieces=1)
    run(provider, store, "install", chat("gpt-4o", max_tokens=50))
    broken, whole = recorded(store)
    assert (broken.usage["output_tokens"], broken.usage_source) == (50, "estimated")
    assert (whole.usage_source, whole.retry_count) == ("reported", 1)


def test_the_caller_sees_a_broken_stream_as_ever(provider: Any, store: am.Meter) -> None:
    def heard(client: Any) -> tuple[int, type[BaseException]]:
        provider.cut_next(after_pieces=2)
        events = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True)
        count = 0
        with pytest.raises(Exception, match=r"peer closed|Connection") as caught:
            for _ in events:
                count += 1
        return count, caught.type

    url = provider.openai_url
    with openai.OpenAI(base_url=url, api_key=KEY) as client:
        plain = heard(client)
        am.httpx.install(client, store, user=USER, aliases=provider.aliases)
        assert heard(client) == plain
    assert len(recorded(store)) == 1
