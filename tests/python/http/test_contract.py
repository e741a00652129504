"""Every endpoint of the contract, validated against the schemas that were written from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import contract
import pytest
from backend import Backend

Call = Callable[[Backend], Any]


def used(backend: Backend) -> None:
    """A user with calls of every kind, alerts, and a subscription that was changed."""
    backend.payments.reference = "ch_1"
    backend.record(provider="gemini")
    backend.later(days=20)
    subscribe(backend, "basic")
    backend.record(provider="mistral", model="openai/gpt-oss-120b:groq")
    backend.record(provider="wavespeed", operation="video_generation", model="wan-2.5")
    backend.record(provider="stability", operation="image_generation", usage={"images": 2})
    backend.record(provider="nobody", model="unpriced-1")
    backend.record(status_code=503, usage={}, error_message="down", response_time_ms=1234)
    backend.record(call_count=950, usage={"input_tokens": 1000, "output_tokens": 100})
    backend.later(days=5)
    subscribe(backend, "pro")


def subscribe(backend: Backend, plan_id: str) -> Any:
    wish = {"plan_id": plan_id, "billing_cycle": "monthly"}
    answer = backend.client().post("/api/subscription/subscribe/ada", json=wish)
    assert answer.status_code == 200, answer.text
    return answer.json()


def preflight(backend: Backend) -> Any:
    asked = [
        {"provider": "huggingface", "operation_type": "text_generation", "tokens_requested": 900},
        {"provider": "video", "operation_type": "video_generation", "model": "wan-2.5"},
        {"provider": "openai", "operation_type": "chat", "model": "gpt-4o-mini"},
    ]
    answer = backend.client().post("/api/subscription/preflight-check", json={"operations": asked})
    assert answer.status_code == 200, answer.text
    return answer.json()


def mark_read(backend: Backend) -> Any:
    page = backend.get("/alerts/ada")["data"]
    number = page["alerts"][0]["id"] if page["alerts"] else told(backend)
    answer = backend.client().post(f"/api/subscription/alerts/{number}/mark-read")
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(backend: Backend) -> int:
    backend.record(call_count=80, usage={})
    return int(backend.get("/alerts/ada")["data"]["alerts"][0]["id"])


CALLS: dict[str, Call] = {
    "GET /plans": lambda b: b.get("/plans", user=None),
    "GET /pricing": lambda b: b.get("/pricing", user=None),
    "GET /usage/{user_id}": lambda b: b.get("/usage/ada"),
    "GET /usage/{user_id}/trends": lambda b: b.get("/usage/ada/trends", months=24),
    "GET /dashboard/{user_id}": lambda b: b.get("/dashboard/ada"),
    "GET /alerts/{user_id}": lambda b: b.get("/alerts/ada"),
    "POST /alerts/{alert_id}/mark-read": mark_read,
    "GET /user/{user_id}/subscription": lambda b: b.get("/user/ada/subscription"),
    "GET /status/{user_id}": lambda b: b.get("/status/ada"),
    "POST /subscribe/{user_id}": lambda b: subscribe(b, "free"),
    "GET /usage-logs": lambda b: b.get("/usage-logs"),
    "GET /renewal-history/{user_id}": lambda b: b.get("/renewal-history/ada"),
    "POST /preflight-check": preflight,
}


def test_the_router_has_every_endpoint_and_no_other(backend: Backend) -> None:
    paths = backend.app.openapi()["paths"]
    routed = {
        f"{method.upper()} {path.removeprefix('/api/subscription')}"
        for path, methods in paths.items()
        for method in methods
    }
    assert routed == set(contract.ENDPOINTS) == set(CALLS)
    assert len(routed) == 13


@pytest.mark.parametrize("name", CALLS)
def test_the_answer_to_somebody_who_was_never_seen(backend: Backend, name: str) -> None:
    contract.check(name, CALLS[name](backend))


@pytest.mark.parametrize("name", CALLS)
def test_the_answer_to_somebody_with_a_history(backend: Backend, name: str) -> None:
    used(backend)
    contract.check(name, CALLS[name](backend))
    if name.startswith("GET /usage/"):
        return
    # And after what was paid for is over.
    backend.meter.mark_past_due("ada", grace_until=backend.meter.now())
    backend.later(days=1)
    contract.check("GET /status/{user_id}", backend.get("/status/ada"))
    contract.check("GET /user/{user_id}/subscription", backend.get("/user/ada/subscription"))


def test_every_period_of_usage_and_dashboard(backend: Backend) -> None:
    used(backend)
    for period in ["2026-11", "2026-12", "2027-01", "1999-01"]:
        stats = backend.get("/usage/ada", billing_period=period)
        stats = contract.check("GET /usage/{user_id}", stats)
        assert stats["billing_period"] == period
        shown = backend.get("/dashboard/ada", billing_period=period)
        shown = contract.check("GET /dashboard/{user_id}", shown)
        assert shown["current_period_usage"]["billing_period"] == period
    assert backend.get("/usage/ada")["data"]["billing_period"] == "all"


def test_the_schemas_refuse_what_is_wrong(backend: Backend) -> None:
    used(backend)
    body = backend.get("/dashboard/ada")
    broken: list[Callable[[Any], Any]] = [
        lambda data: data["trends"]["total_calls"].pop(),
        lambda data: data["total_usage"]["provider_breakdown"].update(mistral={}),
        lambda data: data["total_usage"].update(total_cost="0.1"),
        lambda data: data["limits"]["limits"].pop("exa_calls"),
        lambda data: data["summary"].update(extra=1),
        lambda data: data["alerts"][0].update(sent_at=None),
    ]
    for breaks in broken:
        copy = {"success": True, "data": deep_copy(body["data"])}
        breaks(copy["data"])
        with pytest.raises(AssertionError):
            contract.check("GET /dashboard/{user_id}", copy)


def deep_copy(body: Any) -> Any:
    if isinstance(body, dict):
        return {key: deep_copy(value) for key, value in body.items()}
    return [deep_copy(item) for item in body] if isinstance(body, list) else body
