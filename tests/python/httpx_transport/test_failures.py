"""What fails: once in the log for a logical call, and never a call that the user is charged for."""

from __future__ import annotations

import asyncio
import gc
import shutil
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import alwrity_metering as am
import openai
import pytest

from .scene import KEY, MESSAGES, SOON, USER, Clients, held, libraries, recorded, run
from .test_sdks import CASES, HOWS, chat

CALLS = {case.provider: case.call for case in (CASES[0], CASES[9], CASES[11])}
EACH = pytest.mark.parametrize("vendor", sorted(CALLS))


def ask(client: openai.OpenAI) -> None:
    """Makes a call."""
    client.chat.completions.create(model="gpt-4o", messages=MESSAGES)


@EACH
@pytest.mark.parametrize("how", HOWS)
def test_a_call_that_is_not_accepted_is_recorded_as_failed(
    vendor: str, how: str, provider: Any, store: am.Meter
) -> None:
    store.set_limit(USER, f"{vendor}_calls", 1)
    provider.fail_next(400)
    with pytest.raises(Exception, match="overloaded"):
        run(provider, store, how, CALLS[vendor])
    (call,) = recorded(store)
    assert (call.status_code, call.usage, call.cost_usd) == (400, {}, 0)
    assert call.error_message == "The model is overloaded."
    # It used up nothing: the one call that is left can be made.
    run(provider, store, how, CALLS[vendor])
    assert [call.status_code for call in recorded(store)] == [400, 200]
    assert held(store) == 0


@EACH
@pytest.mark.parametrize("how", HOWS)
def test_a_retried_call_is_one_call(vendor: str, how: str, provider: Any, store: am.Meter) -> None:
    provider.fail_next(503, times=2, headers=SOON)
    run(provider, store, how, CALLS[vendor])
    assert len(provider.asked) == 3
    (call,) = recorded(store)
    assert (call.status_code, call.retry_count) == (200, 2)
    assert call.cost_usd > 0
    assert held(store) == 0


@EACH
@pytest.mark.parametrize("how", HOWS)
def test_a_call_that_fails_for_good_is_one_failed_call(
    vendor: str, how: str, provider: Any, store: am.Meter
) -> None:
    provider.fail_next(429, times=3, headers=SOON)
    with pytest.raises(Exception, match="overloaded"):
        run(provider, store, how, CALLS[vendor])
    assert len(provider.asked) == 3
    (call,) = recorded(store)
    assert (call.status_code, call.retry_count, call.usage) == (429, 2, {})
    assert held(store) == 0


def test_a_failure_that_is_not_retried_is_recorded_when_the_client_closes(
    provider: Any, store: am.Meter
) -> None:
    provider.fail_next(500)
    client = openai.OpenAI(base_url=provider.openai_url, api_key=KEY, max_retries=5)
    am.httpx.install(client, store, user=USER, aliases=provider.aliases)
    with pytest.raises(openai.InternalServerError):
        ask(client.with_options(max_retries=0))
    # The client may retry, as far as anybody can tell.
    assert recorded(store) == ()
    assert held(store) == 0
    client.close()
    (call,) = recorded(store)
    assert (call.status_code, call.retry_count) == (500, 0)


def test_a_failure_that_is_not_retried_is_recorded_when_the_client_is_forgotten(
    provider: Any, store: am.Meter
) -> None:
    provider.fail_next(500)
    transport = am.httpx.transport(store, user=USER, aliases=provider.aliases, retries_max=9)
    its = libraries()[0]
    with its.Client() as client:
        client._transport = transport
        client.post(f"{provider.openai_url}/chat/completions", json={"messages": MESSAGES})
        assert recorded(store) == ()
        transport._wrap.close()
        client._transport = its.HTTPTransport()
    del transport
    gc.collect()
    (call,) = recorded(store)
    assert call.status_code == 500


def test_a_provider_that_says_not_to_retry_is_believed(provider: Any, store: am.Meter) -> None:
    provider.fail_next(429, headers={"x-should-retry": "false"})
    clients = Clients(provider, store)
    with pytest.raises(openai.RateLimitError):
        chat("gpt-4o")(clients)
    assert [call.status_code for call in recorded(store)] == [429]
    clients.end()


def test_a_refused_retry_leaves_the_failure_before_it(provider: Any, store: am.Meter) -> None:
    """The user's last call was made by another one in between."""
    store.set_limit(USER, "openai_calls", 1)
    clients = Clients(provider, store)
    client = clients.openai
    inner = client._client._transport._wrap

    class Between:
        """Sends; after the first failure, somebody else uses up what was left."""

        def handle_request(self, request: Any) -> Any:
            response = inner.handle_request(request)
            if response.status_code == 503:
                store.record_call(USER, provider="openai", model="gpt-4o", input_tokens=1)
            return response

        def close(self) -> None:
            inner.close()

    client._client._transport._wrap = Between()
    provider.fail_next(503, headers=SOON)
    with pytest.raises(am.UsageLimitExceededException):
        chat("gpt-4o")(clients)
    clients.end()
    assert sorted(call.status_code for call in recorded(store)) == [200, 503]
    assert held(store) == 0


@EACH
@pytest.mark.parametrize("how", HOWS)
def test_without_a_connection_nothing_is_recorded_or_held(
    vendor: str, how: str, provider: Any, store: am.Meter
) -> None:
    provider.cut_next(times=3)
    with pytest.raises(Exception, match=r"(?i)connection|disconnected"):
        run(provider, store, how, CALLS[vendor])
    assert recorded(store) == ()
    assert held(store) == 0


def test_nobody_listens(store: am.Meter) -> None:
    # A port of which it is known that nobody listens: it was just closed.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    client = openai.OpenAI(base_url=address, api_key=KEY, max_retries=0)
    am.httpx.install(client, store, user=USER, aliases={address: "https://api.openai.com/v1"})
    with client, pytest.raises(openai.APIConnectionError):
        ask(client)
    assert recorded(store) == ()
    assert held(store) == 0


def test_the_same_call_of_many_tasks_is_retried_each_for_itself(
    provider: Any, store: am.Meter
) -> None:
    provider.fail_next(503, times=8, headers=SOON)

    async def main() -> None:
        clients = Clients(provider, am.AsyncMeter(store), retries_max=9)
        client = clients.openai.with_options(max_retries=9)
        await asyncio.gather(
            *(client.chat.completions.create(model="gpt-4o", messages=MESSAGES) for _ in range(16))
        )
        await clients.end_async()

    asyncio.run(main())
    calls = recorded(store)
    assert [call.status_code for call in calls] == [200] * 16
    assert sum(call.retry_count for call in calls) == 8
    assert held(store) == 0


def test_a_redirect_is_no_call(store: am.Meter) -> None:
    its = libraries()[0]

    def moved(request: Any) -> Any:
        if request.url.path == "/v1/chat/completions":
            return its.Response(307, headers={"location": "https://api.openai.com/v1/responses"})
        usage = {"input_tokens": 12, "output_tokens": 3}
        return its.Response(200, json={"object": "response", "usage": usage})

    transport = am.httpx.transport(store, user=USER, wrap=its.MockTransport(moved))
    with its.Client(transport=transport, follow_redirects=True) as client:
        body = {"model": "gpt-4o", "messages": MESSAGES}
        client.post("https://api.openai.com/v1/chat/completions", json=body)
    (call,) = recorded(store)
    assert (call.status_code, call.usage["input_tokens"]) == (200, 12)
    assert held(store) == 0


@pytest.mark.parametrize("its", libraries(), ids=lambda its: its.__name__)
@pytest.mark.parametrize("expired_holds", ["release", "charge"])
@pytest.mark.parametrize("is_sent", [True, False])
def test_an_answer_that_is_lost_is_charged_if_the_host_says_so(
    its: Any, expired_holds: Any, is_sent: bool, tmp_path: Path, subscribed: Path
) -> None:
    path = tmp_path / "metering.db"
    shutil.copy(subscribed, path)
    clock = am.ManualClock(datetime.now().astimezone())

    def unanswered(request: Any) -> Any:
        kind = its.ReadTimeout if is_sent else its.ConnectTimeout
        raise kind("too late", request=request)

    with am.Meter.open(path, clock=clock, expired_holds=expired_holds) as meter:
        transport = am.httpx.transport(meter, user=USER, wrap=its.MockTransport(unanswered))
        with its.Client(transport=transport) as client, pytest.raises(its.TimeoutException):
            url = "https://api.openai.com/v1/chat/completions"
            client.post(url, json={"model": "gpt-4o", "messages": MESSAGES, "max_tokens": 50})
        is_charged = is_sent and expired_holds == "charge"
        assert (held(meter) > 0) == is_charged
        clock.advance(timedelta(hours=1))
        # The next write of the user finds it expired.
        meter.record_call(USER, provider="openai", model="gpt-4o", input_tokens=1)
        calls = recorded(meter)
        assert [call.usage_source for call in calls if call.usage.get("output_tokens")] == (
            ["expired_hold"] if is_charged else []
        )
        assert held(meter) == 0
