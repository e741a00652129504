"""The router: who may see what, what it answers, and that looking changes nothing."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

import contract
import pytest
from alwrity_metering import UsageLimitExceededException
from alwrity_metering.errors import OverloadedError
from alwrity_metering.fastapi import add_exception_handlers
from backend import Backend

OWNED = [
    "/usage/ada",
    "/usage/ada/trends",
    "/dashboard/ada",
    "/alerts/ada",
    "/user/ada/subscription",
    "/status/ada",
    "/renewal-history/ada",
]
GETS = ["/plans", "/pricing", "/pricing?provider=huggingface", "/usage-logs", *OWNED]


def state(backend: Backend) -> list[Any]:
    """Every row of every table, as another program reads them."""
    backend.meter.flush()
    connection = sqlite3.connect(f"file:{backend.path}?mode=ro", uri=True)
    try:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = sorted(name for (name,) in names)
        return [(t, connection.execute(f'SELECT * FROM "{t}"').fetchall()) for t in tables]
    finally:
        connection.close()


@pytest.mark.parametrize("path", OWNED)
def test_other_peoples_data_is_refused(backend: Backend, path: str) -> None:
    for user, status in [("ada", 200), ("bob", 403), (None, 401), ("root", 200), ("Ada", 403)]:
        answer = backend.client(user).get(f"/api/subscription{path}")
        assert answer.status_code == status, user
    assert backend.client("bob").get(f"/api/subscription{path}").json() == {
        "detail": "Access denied"
    }


@pytest.mark.parametrize("path", ["/plans", "/pricing"])
def test_plans_and_prices_need_no_sign_in(backend: Backend, path: str) -> None:
    assert backend.client(None).get(f"/api/subscription{path}").status_code == 200


def test_prices_are_asked_for_by_what_is_made_too(backend: Backend) -> None:
    def makers(name: str) -> set[str]:
        return {p["provider"] for p in backend.get("/pricing", provider=name)["data"]["pricing"]}

    assert makers("video") == makers("fal-ai") == makers("audio") == {"wavespeed"}
    assert makers("stability") == {"stability", "wavespeed"}
    assert makers("wavespeed") == {"wavespeed"} and makers(" Tavily ") == {"tavily"}


def test_posts_need_a_sign_in_too(backend: Backend) -> None:
    wish = {"plan_id": "free"}
    post = backend.client(None).post
    assert post("/api/subscription/subscribe/ada", json=wish).status_code == 401
    assert post("/api/subscription/alerts/1/mark-read").status_code == 401
    asked = {"operations": [{"provider": "gemini", "operation_type": "chat"}]}
    assert post("/api/subscription/preflight-check", json=asked).status_code == 401
    other = backend.client("bob").post("/api/subscription/subscribe/ada", json=wish)
    assert other.status_code == 403


def test_regression_31_a_get_changes_nothing(backend: Backend) -> None:
    backend.record(call_count=95, usage={"input_tokens": 100})
    backend.meter.subscribe("ada", "basic", paid="ch_1", auto_renew=False)
    backend.record(provider="nobody")
    backend.later(days=70)
    before = state(backend)
    for path in GETS:
        backend.get(path)
        backend.get(path.replace("ada", "nobody"), user="root")
    assert state(backend) == before


def test_regression_31_huggingface_filters(backend: Backend) -> None:
    backend.record(provider="mistral", model="m")
    backend.record(provider="gemini")
    backend.record(provider="wavespeed", operation="video_generation", model="wan-2.5")
    filtered = backend.get("/usage-logs", provider="huggingface")
    assert [call["provider"] for call in filtered["logs"]] == ["huggingface"]
    assert backend.get("/usage-logs", provider="mistral") == filtered
    video = backend.get("/usage-logs", provider="video")["logs"]
    assert [(c["provider"], c["actual_provider_name"]) for c in video] == [("video", "wavespeed")]
    assert backend.get("/usage-logs", provider="unheard of")["total_count"] == 0
    own, _ = (backend.get("/pricing", provider=p)["data"] for p in ("huggingface", "mistral"))
    assert own["total"] > 0 and {p["provider"] for p in own["pricing"]} == {"huggingface"}
    assert backend.get("/pricing", provider="unheard of")["data"] == {"pricing": [], "total": 0}


def test_the_log_is_paged_newest_first(backend: Backend) -> None:
    for number in range(7):
        backend.record(model=f"m{number}")
    first = backend.get("/usage-logs", limit=3)
    assert [call["model_used"] for call in first["logs"]] == ["m6", "m5", "m4"]
    assert (first["total_count"], first["has_more"]) == (7, True)
    last = backend.get("/usage-logs", limit=3, offset=6)
    assert [call["model_used"] for call in last["logs"]] == ["m0"] and not last["has_more"]
    assert backend.get("/usage-logs", offset=7)["logs"] == []


def test_a_month_of_the_log_is_that_of_the_usage_period(backend: Backend) -> None:
    backend.meter.subscribe("ada", "basic", paid="ch_1")
    backend.later(days=28)  # The 4th of January, in the period that began on the 7th of December.
    backend.record()
    assert backend.get("/usage-logs", billing_period="2026-12")["total_count"] == 1
    assert backend.get("/usage-logs", billing_period="2027-01")["total_count"] == 0
    assert backend.get("/usage/ada", billing_period="2026-12")["data"]["total_calls"] == 1


def test_a_failed_call_is_in_the_log_and_filters(backend: Backend) -> None:
    backend.record(status_code=503, usage={}, error_message="overloaded, key sk-abcdefghijklmnop1")
    backend.record()
    (call,) = backend.get("/usage-logs", status_code=503)["logs"]
    assert call["status"] == "failed" and call["cost_total"] == 0.0
    assert call["error_message"] == "overloaded, key [redacted]"
    assert backend.get("/usage-logs", status_code=200)["total_count"] == 1


def test_a_call_without_a_price_says_so(backend: Backend) -> None:
    backend.record(provider="nobody", model="x")
    (call,) = backend.get("/usage-logs")["logs"]
    assert call["cost_total"] == 0.0 and call["is_priced"] is False


def test_regression_29_the_dashboard_is_of_the_ledger(backend: Backend) -> None:
    backend.record()  # November would be another period: all of these are of December.
    backend.record(provider="mistral", model="openai/gpt-oss-120b:groq")
    backend.record(provider="wavespeed", operation="video_generation", model="wan-2.5")
    backend.record(provider="wavespeed", operation="chat", model="openai/gpt-oss-20b")
    backend.record(provider="stability", operation="image_generation", usage={"images": 1})
    backend.record(provider="gemini", operation="image_generation", usage={"images": 1})
    backend.record(status_code=500, usage={})
    data = backend.get("/dashboard/ada")["data"]
    usage = data["current_period_usage"]
    shown = {name: part["calls"] for name, part in usage["provider_breakdown"].items()}
    expected = {"gemini": 2, "huggingface": 1, "video": 1, "wavespeed": 1, "stability": 2}
    assert shown == expected
    parts = usage["provider_breakdown"].values()
    assert sum(part["calls"] for part in parts) == usage["total_calls"] == 7
    assert sum(part["tokens"] for part in parts) == usage["total_tokens"] == 2400
    logs = backend.get("/usage-logs")["logs"]
    ledger = sum(call["cost_total"] for call in logs)
    assert usage["total_cost"] == pytest.approx(ledger, abs=1e-12) and ledger > 0.25
    assert sum(part["cost"] for part in parts) == pytest.approx(ledger, abs=1e-12)
    assert usage["error_rate"] == pytest.approx(100 / 7, abs=1e-4)
    assert usage["usage_percentages"]["video_calls"] == 50.0
    assert usage["usage_percentages"]["gemini_calls"] == 2.0, "a failed call uses up nothing"
    assert usage["usage_percentages"]["cost"] == pytest.approx(ledger / 2 * 100, abs=1e-3)
    summary = data["summary"]
    assert summary["total_api_calls_this_month"] == 7
    # Six days and a half of 31 are over.
    projected = data["projections"]["projected_monthly_cost"]
    assert projected == pytest.approx(ledger / 6.5 * 31, rel=1e-9)
    assert data["projections"]["cost_limit"] == 2.0
    assert data["trends"]["periods"][-1] == "2026-12"
    assert data["trends"]["provider_trends"]["video"]["calls"] == [0, 0, 0, 0, 0, 1]


def test_this_month_is_the_running_period(backend: Backend) -> None:
    backend.record()
    backend.later(days=30)  # Into January.
    data = backend.get("/dashboard/ada")["data"]
    assert data["summary"]["total_api_calls_this_month"] == 0
    assert data["current_period_usage"]["total_calls"] == 0
    assert data["total_usage"]["total_calls"] == 1
    assert data["trends"]["total_calls"][-2:] == [1, 0]


def test_regression_7_a_zero_says_what_it_means(backend: Backend) -> None:
    plans = {plan["id"]: plan for plan in backend.get("/plans")["data"]["plans"]}
    free, enterprise = plans["free"], plans["enterprise"]
    assert free["limits"]["openai_calls"] == 0 == enterprise["limits"]["openai_calls"]
    assert free["_zero_means"]["openai_calls"] == "disabled"
    assert enterprise["_zero_means"]["openai_calls"] == "unlimited"
    assert free["_zero_means"]["gemini_calls"] == "limited"
    limits = backend.get("/status/ada")["data"]["limits"]
    assert limits["_zero_means"]["openai_calls"] == "disabled"
    backend.meter.set_limit("ada", "openai_calls", None)
    limits = backend.get("/status/ada")["data"]["limits"]
    assert limits["_zero_means"]["openai_calls"] == "unlimited"
    backend.meter.set_limit("ada", "gemini_calls", 900, boost=True)
    assert backend.get("/status/ada")["data"]["limits"]["limits"]["gemini_calls"] == 1000


def test_regression_30_nobody_gets_a_paid_plan_for_free(backend: Backend) -> None:
    def subscribe(plan_id: str, cycle: str = "monthly") -> Any:
        wish = {"plan_id": plan_id, "billing_cycle": cycle}
        return backend.client().post("/api/subscription/subscribe/ada", json=wish)

    before = state(backend)
    refused = subscribe("pro")
    assert refused.status_code == 402
    detail = refused.json()["detail"]
    assert detail["code"] == "PAYMENT_REQUIRED"
    assert detail["message"].startswith("The Pro plan costs $"), detail
    assert state(backend) == before, "nothing waits either"
    (due,) = backend.payments.asked
    assert (due.user, due.plan_id, str(due.amount_usd)) == ("ada", "pro", "79")
    assert backend.get("/status/ada")["data"]["plan"] == "free"
    assert subscribe("free").status_code == 200, "a plan without a fee needs no payment"
    backend.payments.reference = "ch_1"
    made = subscribe("basic")
    assert made.status_code == 200 and made.json()["data"]["plan_name"] == "Basic"
    backend.record(usage={"input_tokens": 10})
    assert subscribe("pro").json()["data"]["status"] == "active"
    assert 0 < backend.payments.asked[-1].amount_usd < 79, "what is left of Basic is credited"
    usage = backend.get("/usage/ada", billing_period="2026-12")["data"]
    assert usage["total_calls"] == 1, "an upgrade keeps what was used"
    renewals = backend.get("/renewal-history/ada")["data"]["renewals"]
    assert [line["renewal_type"] for line in renewals] == ["upgrade", "upgrade", "new"]
    assert renewals[0]["usage_before_renewal"]["gemini_calls"] == 1
    assert subscribe("nonsense").status_code == 404
    assert subscribe("pro", "weekly").status_code == 422


def test_regression_30_subscribing_again_after_an_end_works(backend: Backend) -> None:
    backend.payments.reference = "ch_1"
    client = backend.client()

    def subscribe() -> Any:
        path = "/api/subscription/subscribe/ada"
        answer = client.post(path, json={"plan_id": "basic"})
        assert answer.status_code == 200, answer.text
        return backend.get("/user/ada/subscription")["data"]

    assert subscribe()["subscription"]["status"] == "active"
    backend.meter.mark_past_due("ada", grace_until=backend.meter.now() + timedelta(days=3))
    assert backend.get("/status/ada")["data"]["active"] is True, "the grace goes on"
    backend.later(days=4)
    status = backend.get("/status/ada")["data"]
    assert (status["active"], status["reason"]) == (False, "A payment is overdue.")
    assert status["plan"] == "basic"
    assert subscribe()["subscription"]["status"] == "active"
    backend.meter.cancel("ada", when="now")
    ended = backend.get("/status/ada")["data"]
    assert (ended["active"], ended["plan"]) == (True, "free"), "back on the Free plan"
    assert subscribe()["subscription"]["status"] == "active"
    backend.meter.suspend("ada")
    assert backend.get("/status/ada")["data"]["reason"] == "The subscription is suspended."
    answer = client.post("/api/subscription/subscribe/ada", json={"plan_id": "pro"})
    assert answer.status_code == 409 and "suspended" in answer.json()["detail"]


def test_the_renewal_history_leaves_out_what_is_no_renewal(backend: Backend) -> None:
    backend.meter.subscribe("ada", "basic", paid="ch_1")
    backend.later(days=40)
    backend.meter.suspend("ada")
    backend.meter.resume("ada")
    backend.later(days=30)
    page = backend.get("/renewal-history/ada")["data"]
    kinds = [line["renewal_type"] for line in page["renewals"]]
    assert kinds == ["renewal", "renewal", "new"] and page["total_count"] == 3
    second = backend.get("/renewal-history/ada", limit=1, offset=1)["data"]
    assert second["renewals"] == page["renewals"][1:2] and second["has_more"] is True


def preflight(backend: Backend, *operations: dict[str, Any]) -> Any:
    body = {"operations": list(operations)}
    answer = backend.client().post("/api/subscription/preflight-check", json=body)
    assert answer.status_code == 200, answer.text
    return contract.check("POST /preflight-check", answer.json())


def test_regression_9_a_preflight_judges_all_operations_together(backend: Backend) -> None:
    video = {"provider": "video", "operation_type": "video_generation", "model": "wan-2.5"}
    video["actual_provider_name"] = "minimax"  # WaveSpeed is not in the Free plan at all.
    data = preflight(backend, *[video] * 30)
    assert data["can_proceed"] is False
    assert [one["allowed"] for one in data["operations"]] == [True, True] + [False] * 28
    refused = data["operations"][2]
    assert refused["limit_info"] == {"current_usage": 0, "limit": 2, "remaining": 2}
    assert "video" in refused["message"].lower()
    assert preflight(backend, video, video)["can_proceed"] is True
    # Nothing prices MiniMax's videos: each is held at the worst case, $0.10.
    assert data["estimated_cost"] == data["total_cost"] == pytest.approx(30 * 0.1)


def test_a_preflight_checks_the_cost_cap_too(backend: Backend) -> None:
    backend.record(provider="tavily", usage={"searches": 1}, vendor_cost_usd="1.999")
    tokens = {"tokens_requested": 9000, "model": "gemini-2.5-pro", "operation_type": "chat"}
    data = preflight(backend, {"provider": "gemini", **tokens})
    assert data["can_proceed"] is False
    assert data["operations"][0]["limit_info"]["limit"] == 2.0
    assert "cost" in data["operations"][0]["message"].lower()


def test_regression_31_no_limit_remains_a_finite_number(backend: Backend) -> None:
    backend.meter.subscribe("ada", "enterprise", waived="a test")
    backend.meter.set_limit("ada", "monthly_cost", None)
    data = preflight(backend, {"provider": "gemini", "operation_type": "chat"})
    assert data["can_proceed"] is True
    assert data["usage_summary"] == {"current_calls": 0, "limit": 0, "remaining": 2147483647}


def test_regression_10_a_video_by_wavespeed_counts_against_both(backend: Backend) -> None:
    backend.payments.reference = "ch_1"
    backend.meter.subscribe("ada", "basic", paid="ch_1")
    video = {"provider": "wavespeed", "operation": "video_generation", "model": "wan-2.5"}
    backend.record(**video, call_count=10)
    asked = {"provider": "wavespeed", "operation_type": "video", "model": "wan-2.5"}
    assert preflight(backend, asked)["can_proceed"] is False
    shares = backend.get("/dashboard/ada")["data"]["current_period_usage"]["usage_percentages"]
    assert (shares["wavespeed_calls"], shares["video_calls"]) == (5.0, 100.0)


def test_an_unknown_provider_is_named(backend: Backend) -> None:
    asked = {"operations": [{"provider": "acme", "operation_type": "chat"}]}
    answer = backend.client().post("/api/subscription/preflight-check", json=asked)
    assert answer.status_code == 400 and answer.json() == {"detail": "Unknown provider: acme"}


def test_regression_28_thresholds_alert_once_each(backend: Backend) -> None:
    for _ in range(100):
        backend.record(usage={"input_tokens": 1})
    alerts = backend.get("/alerts/ada")["data"]
    told = [
        (alert["threshold_percentage"], alert["severity"])
        for alert in alerts["alerts"]
        if alert["type"] == "usage_threshold" and alert["provider"] == "gemini"
    ]
    assert told == [(100, "error"), (90, "warning"), (80, "info")]
    assert alerts["unread_count"] == alerts["total"] >= 3
    number = alerts["alerts"][0]["id"]
    client = backend.client()
    for _ in range(2):
        assert client.post(f"/api/subscription/alerts/{number}/mark-read").status_code == 200
    left = backend.get("/alerts/ada", unread_only=True)["data"]
    assert left["unread_count"] == left["total"] == alerts["total"] - 1
    assert backend.get("/alerts/ada", limit=1)["data"]["total"] == alerts["total"]
    other = backend.client("bob").post(f"/api/subscription/alerts/{number}/mark-read")
    assert other.status_code == 403 and other.json() == {"detail": "Access denied"}
    assert client.post("/api/subscription/alerts/999/mark-read").status_code == 404
    backend.later(days=31)
    for _ in range(80):
        backend.record(usage={"input_tokens": 1})
    january = backend.get("/alerts/ada", unread_only=True)["data"]["alerts"][0]
    assert (january["billing_period"], january["threshold_percentage"]) == ("2027-01", 80)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/usage/ada?billing_period=2026-13", 422),
        ("/usage/ada?billing_period=all", 422),
        ("/usage/ada?billing_period=٢٠٢٦-12", 422),
        ("/usage/ada?billing_period=0000-01", 422),
        ("/usage/ada/trends?months=0", 422),
        ("/usage/ada/trends?months=25", 422),
        ("/alerts/ada?limit=101", 422),
        ("/usage-logs?limit=5001", 422),
        ("/usage-logs?offset=-1", 422),
        ("/usage-logs?offset=99999999999999999999", 422),
        ("/usage-logs?status_code=99", 422),
        ("/renewal-history/ada?limit=0", 422),
        ("/nowhere", 404),
    ],
)
def test_bad_input_is_a_real_error(backend: Backend, path: str, status: int) -> None:
    assert backend.client().get(f"/api/subscription{path}").status_code == status


def test_a_store_that_fails_is_a_503(backend: Backend) -> None:
    backend.path.unlink()
    answer = backend.client().get("/api/subscription/usage/ada")
    assert answer.status_code == 503
    contract.check("refusal 503", answer.json()["detail"])


def test_own_routes_answer_errors_of_the_meter(backend: Backend) -> None:
    add_exception_handlers(backend.app)
    backend.record(call_count=100, usage={"input_tokens": 1})

    @backend.app.post("/own")
    def own() -> None:
        with backend.meter.reserve("ada", provider="gemini", model="gemini-2.5-flash"):
            raise AssertionError("it must not be made")

    @backend.app.post("/busy")
    def busy() -> None:
        raise OverloadedError("overloaded")

    answer = backend.client().post("/own")
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
    contract.check("refusal 429", answer.json()["detail"])
    answer = backend.client().post("/busy")
    assert answer.status_code == 503
    contract.check("refusal 503", answer.json()["detail"])
    assert issubclass(UsageLimitExceededException, Exception)
