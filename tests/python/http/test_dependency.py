"""The dependency that meters one route."""

from __future__ import annotations

from typing import Any

import contract
import pytest
from alwrity_metering.fastapi import Estimate, MeteredCall, limit_dependency, tokens_of_body
from backend import FLASH, Backend, signed_in
from fastapi import Body, Depends, HTTPException, Request

GEMINI = {"usageMetadata": {"promptTokenCount": 800, "candidatesTokenCount": 100}}


def tokens(call: Any) -> tuple[int, int]:
    return call.usage.get("input_tokens", 0), call.usage.get("output_tokens", 0)


def metered(backend: Backend, does: Any, **options: Any) -> None:
    """Adds a route `/ask/{topic}` that is metered by the dependency."""
    options.setdefault("estimate", Estimate(1000, 500))
    limit = limit_dependency(
        backend.meter,
        current_user=signed_in,
        provider="gemini",
        model=FLASH,
        emergency=backend.emergency,
        **options,
    )

    async def ask(call: Any = Depends(limit)) -> Any:  # noqa: B008 (FastAPI's own way)
        return does(call)

    backend.app.add_api_route("/ask/{topic}", ask, methods=["POST"])


def test_a_route_tells_the_call_what_was_used(backend: Backend) -> None:
    def ask(call: MeteredCall) -> dict[str, str]:
        assert call.hold is not None and call.user == "ada"
        assert backend.held_calls() == 1
        call.response = GEMINI
        return {"text": "…"}

    metered(backend, ask)
    answer = backend.client().post("/ask/looms")
    assert answer.status_code == 200
    assert answer.headers["ratelimit"].startswith('"gemini_tokens";r=98500;t=')
    (call,) = backend.logged()
    assert tokens(call) == (800, 100) and call.usage_source == "reported"
    assert (call.endpoint, call.method) == ("/ask/{topic}", "POST")
    assert backend.held_calls() == 0


def test_an_answer_that_is_raised_has_the_limit_headers_too(backend: Backend) -> None:
    def ask(_call: MeteredCall) -> None:
        raise HTTPException(404, headers={"X-RateLimit-Limit": "7", "X-Own": "kept"})

    metered(backend, ask)
    answer = backend.client().post("/ask/looms")
    assert answer.status_code == 404
    assert answer.headers["ratelimit"].startswith('"gemini_tokens";r=98500;t=')
    assert answer.headers["x-own"] == "kept"
    assert answer.headers.get_list("x-ratelimit-limit") == ["7"], "the application's own stands"


def test_a_route_that_tells_nothing_is_estimated(backend: Backend) -> None:
    metered(backend, lambda _call: None)
    backend.client().post("/ask/looms")
    (call,) = backend.logged()
    assert tokens(call) == (1000, 500) and call.usage_source == "estimated"


def test_a_refusal_is_a_429_under_detail(backend: Backend) -> None:
    backend.record(call_count=100, usage={"input_tokens": 1})
    metered(backend, lambda _call: pytest.fail("it must not be called"))
    answer = backend.client().post("/ask/looms")
    assert answer.status_code == 429 and set(answer.json()) == {"detail"}
    contract.check("refusal 429", answer.json()["detail"])
    assert int(answer.headers["retry-after"]) > 0


def test_a_stranger_gets_the_hosts_own_answer(backend: Backend) -> None:
    metered(backend, lambda _call: None)
    assert backend.client(None).post("/ask/looms").status_code == 401


@pytest.mark.parametrize(("status", "recorded"), [(404, 0), (502, 1)])
def test_what_a_route_refuses_is_released_and_what_fails_is_recorded(
    backend: Backend, status: int, recorded: int
) -> None:
    def ask(_call: MeteredCall) -> None:
        raise HTTPException(status, "no")

    metered(backend, ask)
    assert backend.client().post("/ask/looms").status_code == status
    calls = backend.logged()
    assert [call.status_code for call in calls] == [status] * recorded
    assert backend.held_calls() == 0


def test_a_body_that_is_refused_has_paid_nobody(backend: Backend) -> None:
    limit = limit_dependency(backend.meter, current_user=signed_in, provider="gemini", model=FLASH)

    async def ask(words: int = Body(embed=True), call: Any = Depends(limit)) -> int:  # noqa: B008
        raise AssertionError((words, call))

    backend.app.add_api_route("/ask", ask, methods=["POST"])
    assert backend.client().post("/ask", json={"words": "many"}).status_code == 422
    assert backend.logged() == [] and backend.held_calls() == 0


def test_an_exception_is_a_failed_call(backend: Backend) -> None:
    def ask(_call: MeteredCall) -> None:
        raise RuntimeError("a secret prompt")

    metered(backend, ask)
    assert backend.client().post("/ask/looms").status_code == 500
    (call,) = backend.logged()
    assert (call.status_code, call.error_message) == (500, "RuntimeError")


def test_an_estimate_reads_the_body(backend: Backend) -> None:
    def ask(call: MeteredCall) -> None:
        assert call.hold is not None and call.hold.usage["output_tokens"] == 7
        call.usage = {"input_tokens": 1}

    metered(backend, ask, estimate=tokens_of_body())
    assert backend.client().post("/ask/looms", json={"max_tokens": 7}).status_code == 200


def test_a_store_that_fails_refuses(backend: Backend) -> None:
    metered(backend, lambda _call: None)
    backend.path.unlink()
    answer = backend.client().post("/ask/looms")
    assert answer.status_code == 503
    contract.check("refusal 503", answer.json()["detail"])


def test_the_calls_of_a_check_are_the_routes_own(backend: Backend) -> None:
    metered(backend, lambda call: {"held": call.hold is not None}, enforcement="check")
    assert backend.client().post("/ask/looms").json() == {"held": False}
    assert backend.logged() == []


def test_it_knows_the_request(backend: Backend) -> None:
    seen: list[str] = []

    def estimate(request: Request, _body: bytes) -> Estimate:
        seen.append(request.path_params["topic"])
        return Estimate(5, 5)

    metered(backend, lambda _call: None, estimate=estimate)
    backend.client().post("/ask/looms")
    assert seen == ["looms"]
