"""The middleware, in process: what is reserved, what is settled, what is refused, what is left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import contract
import httpx
import pytest
from alwrity_metering.fastapi import Estimate, MeteringMiddleware, RouteRule, tokens_of_body
from backend import FLASH, Backend, user_of_request
from fastapi import HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from starlette.testclient import TestClient

WRITE = RouteRule("/write", "gemini", model=FLASH, operation="chat", estimate=Estimate(1000, 500))
GEMINI = {"usageMetadata": {"promptTokenCount": 800, "candidatesTokenCount": 100}}
OPENAI_USAGE = {"prompt_tokens": 800, "completion_tokens": 100, "total_tokens": 900}


def tokens(call: Any) -> tuple[int, int]:
    return call.usage.get("input_tokens", 0), call.usage.get("output_tokens", 0)


def writes(backend: Backend, **answers: Any) -> None:
    """Adds a route `/write` that does what the test's function does."""
    backend.app.add_api_route("/write", answers["does"], methods=["POST", "GET"])


def test_a_route_says_what_its_provider_answered(backend: Backend) -> None:
    async def write(request: Request) -> dict[str, str]:
        assert backend.held_calls() == 1
        request.state.metering.response = GEMINI
        return {"text": "…"}

    backend.metered(WRITE)
    writes(backend, does=write)
    answer = backend.client().post("/write")
    assert answer.json() == {"text": "…"}
    (call,) = backend.logged()
    assert tokens(call) == (800, 100)
    assert (call.usage_source, call.status_code, call.model) == ("reported", 200, FLASH)
    assert (call.endpoint, call.method) == ("/write", "POST")
    assert call.response_time_ms is not None and call.response_size_bytes == len(answer.content)
    assert backend.held_calls() == 0


@pytest.mark.parametrize("replaces", [False, True])
def test_a_route_says_quantities(backend: Backend, replaces: bool) -> None:
    """In the call, or by a plain mapping in its place."""

    async def write(request: Request) -> None:
        used = {"input_tokens": 10, "output_tokens": 5}
        if replaces:
            request.state.metering = used
        else:
            request.state.metering.usage = used

    backend.metered(WRITE)
    writes(backend, does=write)
    backend.client().post("/write")
    assert tokens(backend.logged()[0]) == (10, 5)


def test_usage_is_read_from_a_json_answer(backend: Backend) -> None:
    async def write() -> dict[str, Any]:
        return {"text": "…", **GEMINI}

    backend.metered(WRITE)
    writes(backend, does=write)
    backend.client().post("/write")
    call = backend.logged()[0]
    assert tokens(call) == (800, 100) and call.usage_source == "reported"


def test_a_json_answer_beyond_the_limit_is_estimated(backend: Backend) -> None:
    async def write() -> dict[str, Any]:
        return {"text": "x" * 5000, **GEMINI}

    backend.metered(WRITE, body_bytes_max=4096)
    writes(backend, does=write)
    answer = backend.client().post("/write")
    assert len(answer.json()["text"]) == 5000
    call = backend.logged()[0]
    assert tokens(call) == (1000, 500) and call.usage_source == "estimated"


def test_an_answer_that_reports_nothing_is_estimated_and_marked(backend: Backend) -> None:
    async def write() -> str:
        return "words"

    backend.metered(WRITE)
    writes(backend, does=write)
    backend.client().post("/write")
    call = backend.logged()[0]
    assert tokens(call) == (1000, 500) and call.usage_source == "estimated"


def events(*, cut: bool = False) -> Iterator[bytes]:
    for text in ["Hel", "lo"]:
        chunk = {"choices": [{"index": 0, "delta": {"content": text}}], "usage": None}
        yield f"data: {json.dumps(chunk)}\n\n".encode()
    if cut:
        raise ConnectionError("the provider hung up, with a secret prompt in its text")
    yield f"data: {json.dumps({'choices': [], 'usage': OPENAI_USAGE})}\n\n".encode()
    yield b"data: [DONE]\n\n"


def streams(backend: Backend, *, cut: bool = False) -> None:
    async def stream() -> StreamingResponse:
        return StreamingResponse(events(cut=cut), media_type="text/event-stream")

    rule = RouteRule("/stream", "mistral", operation="chat", estimate=Estimate(1000, 500))
    backend.metered(rule)
    backend.app.add_api_route("/stream", stream, methods=["POST"])


def test_a_stream_passes_untouched_and_is_read(backend: Backend) -> None:
    streams(backend)
    answer = backend.client().post("/stream")
    assert answer.content == b"".join(events())
    call = backend.logged()[0]
    assert tokens(call) == (800, 100) and call.usage_source == "reported"


def test_a_stream_that_breaks_is_charged_for_what_came(backend: Backend) -> None:
    streams(backend, cut=True)
    with pytest.raises(ConnectionError):
        TestClient(backend.app, headers={"authorization": "Bearer ada"}).post("/stream")
    call = backend.logged()[0]
    assert call.usage_source == "estimated" and call.usage["output_tokens"] >= 1
    assert call.error_message == "ConnectionError", "never its text"
    assert backend.held_calls(limit="mistral_calls") == 0


@pytest.mark.parametrize("status", [301, 400, 404, 422, 429])
def test_a_route_that_refuses_has_paid_nobody(backend: Backend, status: int) -> None:
    async def write() -> Response:
        return RedirectResponse("/", 301) if status == 301 else JSONResponse({}, status)

    backend.metered(WRITE)
    writes(backend, does=write)
    answer = backend.client().post("/write", follow_redirects=False)
    assert answer.status_code == status
    assert backend.logged() == [] and backend.held_calls() == 0


def test_a_refusal_that_reports_usage_is_charged_for_it(backend: Backend) -> None:
    async def write(request: Request) -> None:
        request.state.metering.response = GEMINI
        raise HTTPException(409, "made, but not kept")

    backend.metered(WRITE)
    writes(backend, does=write)
    backend.client().post("/write")
    call = backend.logged()[0]
    assert tokens(call) == (800, 100) and call.status_code == 409


def test_an_exception_is_a_failed_call_that_uses_up_nothing(backend: Backend) -> None:
    async def write() -> None:
        raise RuntimeError("a secret prompt")

    backend.metered(WRITE)
    writes(backend, does=write)
    assert backend.client().post("/write").status_code == 500
    call = backend.logged()[0]
    assert (call.status_code, dict(call.usage), call.error_message) == (500, {}, "RuntimeError")
    stats = backend.get("/usage/ada")["data"]
    assert stats["total_calls"] == 1 and stats["error_rate"] == 100.0
    assert stats["usage_percentages"]["gemini_calls"] == 0.0
    assert backend.held_calls() == 0


def test_a_route_that_calls_nobody_gives_its_hold_back(backend: Backend) -> None:
    async def write(request: Request) -> dict[str, str]:
        request.state.metering.release()
        return {"text": "from the cache"}

    backend.metered(WRITE)
    writes(backend, does=write)
    assert backend.client().post("/write").status_code == 200
    assert backend.logged() == [] and backend.held_calls() == 0


def test_a_refusal_has_the_body_and_the_headers_of_the_contract(backend: Backend) -> None:
    async def write() -> None:
        raise AssertionError("it must not be called")

    backend.record(call_count=100, usage={"input_tokens": 100})
    backend.metered(WRITE)
    writes(backend, does=write)
    answer = backend.client().post("/write")
    assert answer.status_code == 429
    body = contract.check("refusal 429", answer.json())
    assert body["provider"] == "gemini"
    assert body["usage_info"] == {
        "provider": "gemini",
        "operation_type": "chat",
        "limit": 100,
        "usage_percentage": 100.0,
        "type": "gemini",
        "error_type": "call_limit",
        "current_calls": 100,
        "resets_at": "2027-01-01T00:00:00Z",
    }
    assert body["message"].startswith(
        "API call limit reached for gemini. Used 100 of 100 calls this billing period."
    )
    headers = answer.headers
    left = 24 * 86400 + 12 * 3600
    assert headers["retry-after"] == str(left)
    assert headers["ratelimit-policy"] == '"gemini_calls";q=100;qu="requests"'
    assert headers["ratelimit"] == f'"gemini_calls";r=0;t={left}'
    assert headers["x-ratelimit-limit"] == "100"
    assert headers["x-ratelimit-remaining"] == "0"
    assert headers["x-ratelimit-reset"] == "1798761600"


def test_every_metered_answer_says_what_is_left(backend: Backend) -> None:
    async def write(request: Request) -> JSONResponse:
        request.state.metering.usage = {"input_tokens": 10}
        return JSONResponse({}, headers={"X-RateLimit-Limit": "mine"})

    backend.metered(WRITE)
    writes(backend, does=write)
    answer = backend.client().post("/write")
    # The limit with the least room, this call included.
    assert answer.headers["ratelimit-policy"] == '"gemini_tokens";q=100000;qu="tokens"'
    assert answer.headers["ratelimit"].startswith('"gemini_tokens";r=98500;t=')
    assert answer.headers["x-ratelimit-remaining"] == "98500"
    assert answer.headers["x-ratelimit-limit"] == "mine", "the application's own stands"
    assert "retry-after" not in answer.headers
    unmetered = backend.client().get("/api/subscription/plans")
    assert "ratelimit" not in unmetered.headers


def test_a_token_limit_and_a_cost_limit_have_their_numbers(backend: Backend) -> None:
    backend.metered(
        RouteRule("/tokens", "gemini", model=FLASH, estimate=Estimate(90_000, 9_000)),
        RouteRule("/cost", "gemini", model="gemini-2.5-pro", estimate=Estimate(100, 20)),
    )
    backend.record(usage={"input_tokens": 5000, "output_tokens": 100})
    tokens_body = contract.check("refusal 429", backend.client().post("/tokens").json())
    usage = tokens_body["usage_info"]
    assert (usage["current_tokens"], usage["requested_tokens"]) == (5100, 99_000)
    assert (usage["limit"], usage["error_type"]) == (100_000, "token_limit")
    backend.record(provider="tavily", usage={"searches": 1}, vendor_cost_usd="1.9999")
    answer = backend.client().post("/cost")
    cost = contract.check("refusal 429", answer.json())["usage_info"]
    assert cost["error_type"] == "cost_limit" and cost["limit"] == 2.0
    assert 1.9999 < cost["current_cost"] <= 2.01
    assert answer.headers["ratelimit-policy"] == '"monthly_cost";q=2000000;qu="micro-usd"'


def test_what_is_not_in_the_plan_is_refused_at_once(backend: Backend) -> None:
    backend.metered(RouteRule("/ask", "openai", model="gpt-4o-mini"))
    body = contract.check("refusal 429", backend.client().post("/ask").json())
    assert body["usage_info"]["limit"] == 0 and body["usage_info"]["usage_percentage"] == 100.0
    assert "not part of the Free plan" in body["message"]


def test_a_stranger_is_no_user(backend: Backend) -> None:
    backend.metered(WRITE)
    answer = backend.client(None).post("/write")
    assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"


def test_regression_32_no_header_and_no_query_names_the_user(backend: Backend) -> None:
    async def write() -> dict[str, Any]:
        return GEMINI

    backend.metered(WRITE)
    writes(backend, does=write)
    headers = {"x-user-id": "bob", "user-id": "bob", "user-agent": "openai gemini"}
    answer = backend.client().post("/write?user_id=bob", headers=headers)
    assert answer.status_code == 200
    assert len(backend.logged("ada")) == 1 and backend.logged("bob") == []
    backend.client().get("/api/examples", headers=headers)
    assert len(backend.logged("ada")) == 1


def test_a_rule_that_checks_keeps_and_records_nothing(backend: Backend) -> None:
    async def write(request: Request) -> dict[str, Any]:
        assert request.state.metering.hold is None and backend.held_calls() == 0
        return GEMINI

    rule = RouteRule("/write", "gemini", model=FLASH, enforcement="check")
    backend.metered(rule)
    writes(backend, does=write)
    answer = backend.client().post("/write")
    assert answer.status_code == 200 and "ratelimit" in answer.headers
    assert backend.logged() == []
    backend.record(call_count=100, usage={"input_tokens": 1})
    assert backend.client().post("/write").status_code == 429


def test_an_estimate_reads_the_body_and_the_route_gets_all_of_it(backend: Backend) -> None:
    seen: list[bytes] = []

    async def write(request: Request) -> None:
        seen.append(await request.body())
        hold = request.state.metering.hold
        assert hold.usage["output_tokens"] == 77
        assert hold.usage["input_tokens"] > 100
        request.state.metering.usage = {"input_tokens": 1}

    estimate = tokens_of_body(output_tokens_max=200)
    rule = RouteRule("/write", "gemini", model=FLASH, estimate=estimate, reads_body=True)
    backend.metered(rule)
    writes(backend, does=write)
    sent = json.dumps({"prompt": "a word and another " * 50, "max_tokens": 77}).encode()
    assert backend.client().post("/write", content=sent).status_code == 200
    assert seen == [sent]


def test_a_body_in_parts_and_beyond_the_limit_reaches_the_route_whole(backend: Backend) -> None:
    seen: list[int] = []

    async def write(request: Request) -> None:
        seen.append(len(await request.body()))
        request.state.metering.usage = {"input_tokens": 1}

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"word " * 100

    estimate = tokens_of_body(output_tokens_max=10)
    rule = RouteRule("/write", "gemini", model=FLASH, estimate=estimate, reads_body=True)
    backend.metered(rule, body_bytes_max=2000)
    writes(backend, does=write)

    async def run() -> None:
        transport = httpx.ASGITransport(app=backend.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://h") as client:
            headers = {"authorization": "Bearer ada"}
            answer = await client.post("/write", content=parts(), headers=headers)
            assert answer.status_code == 200

    asyncio.run(run())
    assert seen == [50_000]


def test_a_user_whose_subscription_has_expired_pays_first(backend: Backend) -> None:
    async def write() -> dict[str, Any]:
        return GEMINI

    backend.metered(WRITE)
    writes(backend, does=write)
    backend.meter.subscribe("ada", "basic", paid="ch_1", auto_renew=False)
    assert backend.client().post("/write").status_code == 200
    backend.later(days=40)
    answer = backend.client().post("/write")
    assert answer.status_code == 402
    body = contract.check("refusal 402", answer.json())
    assert body["usage_info"] == {"expired": True, "period_end": "2027-01-07T12:00:00Z"}
    assert backend.get("/status/ada")["data"]["can_use_api"] is False
    backend.meter.renew("ada", paid="ch_2")
    assert backend.client().post("/write").status_code == 200


def test_a_host_may_go_on_with_the_default_plan(backend: Backend) -> None:
    async def write() -> dict[str, Any]:
        return GEMINI

    backend.metered(WRITE, lapsed="default_plan")
    writes(backend, does=write)
    backend.meter.subscribe("ada", "basic", paid="ch_1", auto_renew=False)
    backend.later(days=40)
    assert backend.client().post("/write").status_code == 200


def test_a_request_that_is_cancelled_before_it_answers_leaves_its_hold(backend: Backend) -> None:
    """Whether the provider was called is not known: the option `expired_holds` decides."""

    async def write() -> None:
        await asyncio.sleep(3600)

    backend.metered(WRITE)
    writes(backend, does=write)
    asyncio.run(cancelled(backend, until="held"))
    assert backend.logged() == [] and backend.held_calls() == 1
    backend.later(hours=1)
    assert backend.held_calls() == 0


@pytest.mark.parametrize("how", ["cancelled", "left"])
def test_a_stream_whose_client_has_gone_is_charged_for_what_came(
    backend: Backend, how: str
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for chunk in list(events())[:2]:
            yield chunk
        await asyncio.sleep(3600)

    async def write() -> StreamingResponse:
        return StreamingResponse(endless(), media_type="text/event-stream")

    backend.metered(RouteRule("/write", "mistral", operation="chat", estimate=Estimate(1000, 500)))
    writes(backend, does=write)
    asyncio.run(cancelled(backend, until="body", leaves=how == "left"))
    (call,) = backend.logged()
    assert call.usage_source == "estimated" and call.status_code == 200
    assert backend.held_calls(limit="mistral_calls") == 0


async def cancelled(backend: Backend, until: str, *, leaves: bool = False) -> None:
    """Sends a POST to `/write`, and when it is held, or when two parts have come, its client
    leaves or its task is cancelled."""
    bodies = 0
    reached, asked = asyncio.Event(), asyncio.Event()

    async def send(message: Any) -> None:
        nonlocal bodies
        bodies += message["type"] == "http.response.body"
        if bodies == 2:
            reached.set()

    async def receive() -> Any:
        if not asked.is_set():
            asked.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        await reached.wait()
        if not leaves:
            await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": "POST",
        "path": "/write",
        "raw_path": b"/write",
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer ada")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "http_version": "1.1",
    }
    task = asyncio.create_task(backend.app(scope, receive, send))
    if until == "held":
        while not backend.held_calls():
            await asyncio.sleep(0.001)
    else:
        await reached.wait()
    if leaves:
        await task
        return
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_store_that_fails_refuses(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    backend.metered(WRITE)
    backend.path.unlink()  # The file is gone under the meter: nothing can be told any more.
    answer = backend.client().post("/write")
    assert answer.status_code == 503
    contract.check("refusal 503", answer.json())
    assert backend.emergency.refused_count == 1
    monkeypatch.setenv("USAGE_LIMITS_EMERGENCY_FAIL_OPEN", "0")
    assert backend.client().post("/write").status_code == 503


def test_the_emergency_switch_lets_through_counted_and_logged(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def write() -> dict[str, Any]:
        return GEMINI

    backend.metered(WRITE)
    writes(backend, does=write)
    backend.path.unlink()
    monkeypatch.setenv("USAGE_LIMITS_EMERGENCY_FAIL_OPEN", "1")
    for count in (1, 2):
        assert backend.client().post("/write").status_code == 200
        assert backend.emergency.passed_count == count
    assert "let a request of /write through" in caplog.text


def test_a_websocket_and_a_lifespan_pass(backend: Backend) -> None:
    seen: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["type"])

    middleware = MeteringMiddleware(
        app, meter=backend.meter, current_user=user_of_request, rules=[WRITE]
    )

    async def run() -> None:
        for kind in ["websocket", "lifespan"]:
            await middleware({"type": kind, "path": "/write"}, None, None)  # type: ignore[arg-type]

    asyncio.run(run())
    assert seen == ["websocket", "lifespan"]
