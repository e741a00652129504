"""Errors of the host's own functions: they are answered, and none of them loses a call."""

from __future__ import annotations

from typing import Any

import pytest
from alwrity_metering.fastapi import Estimate, MeteringMiddleware, RouteRule
from backend import FLASH, Backend, user_of_request
from fastapi import HTTPException, Request

WRITE = RouteRule("/write", "gemini", model=FLASH, operation="chat", estimate=Estimate(1000, 500))


async def expired(_request: Request) -> str:
    raise HTTPException(401, "The token has expired", {"WWW-Authenticate": "Bearer"})


def forbidden(_request: Request) -> str:
    raise HTTPException(403, "Blocked")


def too_long(_request: Request, _body: bytes) -> Estimate:
    raise HTTPException(413, "Too long")


@pytest.mark.parametrize(
    ("current_user", "estimate", "status", "detail"),
    [
        (expired, Estimate(1), 401, "The token has expired"),
        (forbidden, Estimate(1), 403, "Blocked"),
        (user_of_request, too_long, 413, "Too long"),
    ],
)
def test_an_http_exception_of_the_host_is_the_answer(
    backend: Backend, current_user: Any, estimate: Any, status: int, detail: str
) -> None:
    rule = RouteRule("/write", "gemini", model=FLASH, estimate=estimate)
    backend.app.add_middleware(
        MeteringMiddleware, meter=backend.meter, current_user=current_user, rules=[rule]
    )
    answer = backend.client().post("/write")
    assert (answer.status_code, answer.json()) == (status, {"detail": detail})
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert backend.held_calls() == 0


UNREADABLE = [{"input_tokens": 1.5}, {"input_tokens": "9"}, {"input_tokens": -1}, {"": 1}]


@pytest.mark.parametrize("told", [*UNREADABLE, {"input_tokens": 1 << 70}])
@pytest.mark.parametrize("replaces", [False, True])
def test_what_a_route_tells_and_nobody_can_read_is_charged_at_the_estimate(
    backend: Backend, told: Any, replaces: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def write(request: Request) -> dict[str, str]:
        if replaces:
            request.state.metering = told
        else:
            request.state.metering.usage = told
        return {"text": "…"}

    backend.metered(WRITE)
    backend.app.add_api_route("/write", write, methods=["POST"])
    assert backend.client().post("/write").json() == {"text": "…"}
    (call,) = backend.logged()
    assert call.usage == {"input_tokens": 1000, "output_tokens": 500}
    assert (call.usage_source, call.status_code) == ("estimated", 200)
    assert backend.held_calls() == 0
    assert "cannot be read, so its estimate is charged: /write" in caplog.text


def test_a_float_as_the_vendors_cost_is_charged_at_the_estimate(backend: Backend) -> None:
    async def write(request: Request) -> None:
        request.state.metering.vendor_cost_usd = 0.1

    backend.metered(WRITE)
    backend.app.add_api_route("/write", write, methods=["POST"])
    assert backend.client().post("/write").status_code == 200
    assert [call.usage_source for call in backend.logged()] == ["estimated"]


def test_a_lapsed_subscription_is_told_by_the_name_of_its_plan(backend: Backend) -> None:
    backend.meter.subscribe("ada", "basic", paid="ch_1")
    backend.meter.suspend("ada")
    backend.metered(WRITE)
    answer = backend.client().post("/write")
    assert answer.status_code == 402
    assert answer.json()["message"].startswith("Your Basic subscription is suspended.")
