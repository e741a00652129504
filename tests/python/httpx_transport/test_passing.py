"""What passes as if nothing were here, and what is metered by other means."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import alwrity_metering as am
import openai
import pytest
from google import genai

from .scene import KEY, MESSAGES, USER, Clients, held, libraries, library, recorded, run
from .test_sdks import CASES, HOWS, chat

EACH_LIBRARY = pytest.mark.parametrize("its", libraries(), ids=lambda its: its.__name__)
CHAT = "https://api.openai.com/v1/chat/completions"
BODY = {"model": "gpt-4o", "messages": MESSAGES}
USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


def answering(its: Any, seen: list[Any] | None = None, **named: Any) -> Any:
    """A transport for tests that answers everything alike."""

    def answer(request: Any) -> Any:
        if seen is not None:
            seen.append(request)
        told = named or {"json": {"object": "chat.completion", "usage": USAGE}}
        return its.Response(200, **told)

    return its.MockTransport(answer)


@EACH_LIBRARY
@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", "https://example.test/v1/chat/completions"),
        ("POST", "https://api.openai.com.example.test/v1/chat/completions"),
        ("POST", "https://example.test/?to=https://api.openai.com/v1/chat/completions"),
        ("GET", "https://api.openai.com/v1/models"),
        ("GET", "https://api.openai.com/v1/videos"),
        ("POST", "https://api.openai.com/v1/files"),
        ("POST", "https://api.anthropic.com/v1/messages/count_tokens"),
        ("GET", "https://api.wavespeed.ai/api/v3/predictions/p1/result"),
    ],
)
def test_what_is_not_charged_passes_without_a_user(
    its: Any, method: str, url: str, store: am.Meter
) -> None:
    seen: list[Any] = []
    transport = am.httpx.transport(store, wrap=answering(its, seen))
    with its.Client(transport=transport) as client:
        assert client.request(method, url, json=BODY).json()["usage"] == USAGE
    assert len(seen) == 1
    assert store.query("SELECT count(*) FROM calls").rows[0][0] == 0


@EACH_LIBRARY
def test_an_answer_that_is_there_already_is_metered(its: Any, store: am.Meter) -> None:
    transport = am.httpx.transport(store, user=USER, wrap=answering(its))
    with its.Client(transport=transport) as client:
        assert client.post(CHAT, json=BODY).json()["usage"] == USAGE
    (call,) = recorded(store)
    assert (call.usage, call.usage_source) == (
        {"input_tokens": 1000, "output_tokens": 100},
        "reported",
    )

    async def main() -> None:
        again = am.httpx.async_transport(am.AsyncMeter(store), user=USER, wrap=answering(its))
        async with its.AsyncClient(transport=again) as client:
            assert (await client.post(CHAT, json=BODY)).json()["usage"] == USAGE

    asyncio.run(main())
    assert len(recorded(store)) == 2


@EACH_LIBRARY
def test_a_search_by_its_address_is_metered(its: Any, store: am.Meter) -> None:
    transport = am.httpx.transport(
        store, user=USER, wrap=answering(its, json={"searchParameters": {"q": "x"}, "credits": 1})
    )
    with its.Client(transport=transport) as client:
        client.get("https://google.serper.dev/search?q=tides&apiKey=secret")
    (call,) = recorded(store)
    assert (call.provider, call.operation) == ("serper", "search")
    assert call.usage["searches"] == 1
    # The address may hold a key: what stands after `?` is not kept.
    assert call.endpoint == "google.serper.dev/search"


@EACH_LIBRARY
def test_the_tier_that_served_a_call_is_the_one_that_is_paid(its: Any, store: am.Meter) -> None:
    body = {"object": "chat.completion", "service_tier": "default", "usage": USAGE}
    transport = am.httpx.transport(store, user=USER, wrap=answering(its, json=body))
    with its.Client(transport=transport) as client:
        client.post(CHAT, json={**BODY, "model": "o4-mini", "service_tier": "flex"})
    (call,) = recorded(store)
    standard = store.quote(
        USER, provider="openai", model="o4-mini", input_tokens=1000, output_tokens=100
    )
    assert (call.variant, call.cost_usd) == ("standard", standard.cost_usd)
    assert held(store) == 0


@EACH_LIBRARY
def test_a_form_is_read_without_its_files(its: Any, store: am.Meter) -> None:
    seen: list[Any] = []
    usage = {"input_tokens": 60, "output_tokens": 4160, "total_tokens": 4220}
    wrap = answering(its, seen, json={"created": 1, "data": [{"b64_json": ""}] * 3, "usage": usage})
    transport = am.httpx.transport(store, user=USER, wrap=wrap)
    picture = b'\x89PNG\r\n\r\nname="model"\r\n\r\nother' * 9
    with its.Client(transport=transport) as client:
        client.post(
            "https://api.openai.com/v1/images/edits",
            data={"model": "gpt-image-1", "prompt": "more sea", "n": "3"},
            files={"image": ("a.png", picture, "image/png")},
        )
    (call,) = recorded(store)
    assert (call.operation, call.model) == ("image_edit", "gpt-image-1")
    assert picture in seen[0].content


@EACH_LIBRARY
def test_a_body_that_is_made_while_it_is_sent_is_not_touched(its: Any, store: am.Meter) -> None:
    sent: list[bytes] = []

    class Reading(its.BaseTransport):  # type: ignore[misc]
        def handle_request(self, request: Any) -> Any:
            sent.extend(request.stream)
            return its.Response(200, json={"object": "chat.completion", "usage": USAGE})

    def body() -> Any:
        yield json.dumps(BODY).encode()

    transport = am.httpx.transport(store, user=USER, wrap=Reading())
    with its.Client(transport=transport) as client:
        client.post(CHAT, content=body(), headers={"content-type": "application/json"})
    assert sent == [json.dumps(BODY).encode()]
    (call,) = recorded(store)
    assert (call.model, call.usage["input_tokens"]) == ("", 1000)


@pytest.mark.parametrize("how", HOWS)
def test_a_call_inside_a_hold_is_not_metered_again(
    how: str, provider: Any, store: am.Meter
) -> None:
    with store.reserve(USER, provider="openai", model="gpt-4o", messages=MESSAGES) as hold:
        found = run(provider, store, how, chat("gpt-4o"))
        hold.settle(response=found)
    with am.unmetered():
        run(provider, store, how, chat("gpt-4o"))
    assert len(provider.asked) == 2
    assert len(recorded(store)) == 1
    run(provider, store, how, chat("gpt-4o"))
    assert len(recorded(store)) == 2


def test_a_call_inside_a_hold_of_a_loop_is_not_metered_again(
    provider: Any, store: am.Meter
) -> None:
    async def main() -> None:
        meter = am.AsyncMeter(store)
        clients = Clients(provider, meter)
        async with meter.reserve(USER, provider="openai", model="gpt-4o") as hold:
            await hold.settle(response=await chat("gpt-4o")(clients))
        await chat("gpt-4o")(clients)
        await clients.end_async()

    asyncio.run(main())
    assert len(recorded(store)) == 2


def test_a_stream_of_a_metered_function_is_not_metered_again(
    provider: Any, store: am.Meter
) -> None:
    """It makes its call only when its first event is asked for."""
    clients = Clients(provider, store)

    @am.metered(store, user=USER, provider="openai", model="gpt-4o-mini")
    def events() -> Any:
        yield from CASES[1].call(clients)

    assert len(list(events())) == 5
    (call,) = recorded(store)
    assert (call.usage, call.endpoint) == ({"input_tokens": 19, "output_tokens": 9}, None)
    clients.end()


def test_installing_again_changes_nothing(provider: Any, store: am.Meter) -> None:
    client = openai.OpenAI(base_url=provider.openai_url, api_key=KEY)
    for _ in range(3):
        am.httpx.install(client, store, user=USER, aliases=provider.aliases)
    # Nor does another meter see what is metered already.
    with client:
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert len(recorded(store)) == 1


def test_two_transports_in_a_row_meter_once(store: am.Meter) -> None:
    its = library()
    inner = am.httpx.transport(store, user=USER, wrap=answering(its))
    with its.Client(transport=am.httpx.transport(store, user=USER, wrap=inner)) as client:
        client.post(CHAT, json=BODY)
    assert len(recorded(store)) == 1


@EACH_LIBRARY
def test_a_clients_own_routes_are_metered_too(its: Any, store: am.Meter) -> None:
    mounts = {"https://api.openai.com": answering(its), "all://none.test": None}
    with its.Client(mounts=mounts) as client:
        am.httpx.install(client, store, user=USER)
        client.post(CHAT, json=BODY)
    assert len(recorded(store)) == 1


def test_googles_client_works_on_one_loop_after_another(provider: Any, store: am.Meter) -> None:
    options: Any = {"base_url": provider.gemini_url}
    client = genai.Client(api_key=KEY, http_options=options)
    if not hasattr(client._api_client._async_httpx_client, "_per_loop"):
        pytest.skip("this version of google-genai is of one loop")
    am.httpx.install(client, store, user=USER, aliases=provider.aliases)
    am.httpx.install(client, store, user=USER, aliases=provider.aliases)

    async def main() -> None:
        await client.aio.models.generate_content(model="gemini-2.5-flash", contents="Hello.")
        # What Google's client leaves to the collector: its connections of this loop.
        outer: Any = client._api_client._async_httpx_client
        await outer._client_for_running_loop().aclose()

    for _ in range(3):
        asyncio.run(main())
    assert len(recorded(store)) == 3
    client.close()


def test_what_cannot_be_metered_says_so(store: am.Meter) -> None:
    with pytest.raises(TypeError, match="a client of httpx, httpx2, openai"):
        am.httpx.install(object(), store)
    for aliases in ({"gateway": "https://api.openai.com"}, {"https://a.test": "api.openai.com"}):
        with pytest.raises(ValueError, match="is no address"):
            am.httpx.transport(store, aliases=aliases)


def test_a_client_of_google_that_uses_another_library_says_so(
    provider: Any, store: am.Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = genai.Client(api_key=KEY, http_options={"base_url": provider.gemini_url})
    monkeypatch.setattr(client._api_client, "_use_aiohttp", lambda: True)
    with pytest.raises(ValueError, match="async_client_args"):
        am.httpx.install(client, store)
    client.close()


def test_a_settlement_that_fails_spoils_no_answer(
    provider: Any, store: am.Meter, caplog: pytest.LogCaptureFixture
) -> None:
    clients = Clients(provider, store)
    stream = CASES[1].call(clients)
    store.close()
    assert len(list(stream)) == 5
    assert "could not be accounted for" in caplog.text
    clients.end()
