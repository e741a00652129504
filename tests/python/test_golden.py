"""The golden cases: the same files that Rust is held to give the same digits here."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import alwrity_metering as am
import pytest

from conftest import GOLDEN

Case = dict[str, Any]


def golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


PRICING, PERIODS, DECISIONS = (golden(f"{n}.json") for n in ("pricing", "periods", "decisions"))
INGEST: list[Case] = golden("ingest/cases.json")
# A case that is lost, or comes twice, is a failure.
COUNTS = {"pricing": 80, "periods": 18, "decisions": 23, "ingest": 108}

NOW = datetime(2025, 10, 7, 12, tzinfo=timezone.utc)


def ids(cases: list[Case]) -> list[str]:
    return [case["id"] for case in cases]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def told(call: Case) -> Case:
    """A case's call as Python tells it: instants are datetimes."""
    shown = {k: v for k, v in call.items() if k != "user"}
    shown.update(shown.pop("details", {}))
    if shown.get("occurred_at"):
        shown["occurred_at"] = at(shown["occurred_at"])
    return shown


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> am.Meter:
    meter = am.Meter.open(
        tmp_path_factory.mktemp("golden") / "metering.db", clock=am.ManualClock(NOW)
    )
    meter.seed(PRICING["plan_set"])
    for price in PRICING["prices"]:
        meter.put_price(**price)
    return meter


def test_every_case_is_there_once() -> None:
    found = {
        "pricing": PRICING["cases"],
        "periods": PERIODS["cases"],
        "decisions": DECISIONS["cases"],
        "ingest": INGEST,
    }
    assert {name: len(cases) for name, cases in found.items()} == COUNTS
    assert {name: len(set(ids(cases))) for name, cases in found.items()} == COUNTS


@pytest.mark.parametrize("case", PRICING["cases"], ids=ids(PRICING["cases"]))
def test_a_call_costs_what_the_case_says(priced: am.Meter, case: Case) -> None:
    call, expect = told(case["call"]), case["expect"]
    quote = priced.quote(**call)
    shown = quote.as_dict()
    for name in ("cost_usd", "cost_input_usd", "cost_output_usd", "price_match"):
        assert shown[name] == expect[name]
    assert quote.cost_usd == (None if expect["cost_usd"] is None else Decimal(expect["cost_usd"]))
    if "variant" in expect:
        assert quote.price_version is not None
        assert quote.price_version.variant == expect["variant"]
    if "effective_from" in expect:
        assert quote.price_version is not None
        assert quote.price_version.effective_from == at(expect["effective_from"])
    receipt = priced.record_call("u", **call)
    assert receipt.cost_usd == quote.cost_usd
    assert receipt.as_dict()["cost_usd"] == expect["cost_usd"]


@pytest.mark.parametrize("case", PERIODS["cases"], ids=ids(PERIODS["cases"]))
def test_a_period_is_what_the_case_says(make_meter: Callable[..., am.Meter], case: Case) -> None:
    meter = make_meter(clock=am.ManualClock(at(case["at"])))
    meter.subscribe(
        "u",
        "pro",
        billing_cycle="yearly" if case["months"] == 12 else "monthly",
        anchor=at(case["anchor"]),
        starts_at=datetime(1970, 1, 1, tzinfo=timezone.utc),
        waived="test",
    )
    period = meter.current_period("u").billing_period
    assert (period.starts_at, period.ends_at) == (at(case["starts_at"]), at(case["ends_at"]))


@pytest.mark.parametrize("case", DECISIONS["cases"], ids=ids(DECISIONS["cases"]))
def test_a_decision_is_what_the_case_says(make_meter: Callable[..., am.Meter], case: Case) -> None:
    meter = make_meter(clock=am.ManualClock(at(case["at"])))
    if case.get("plan"):
        meter.subscribe("u", case["plan"], waived="test")
    for limit in case.get("limits", []):
        terms = {k: v for k, v in limit.items() if k not in ("name", "maximum", "is_boost")}
        maximum = None if limit["maximum"] == "unlimited" else limit["maximum"]
        boost = limit.get("is_boost", False)
        meter.set_limit("u", limit["name"], maximum, boost=boost, **terms)
    for call in case.get("recorded", []):
        meter.record_call("u", **told(call))
    for call in case.get("reserved", []):
        assert meter.reserve("u", **told(call)).granted
    wishes: list[Any] = [told(call) for call in case["requests"]]
    expect = case["expect"]
    decision = meter.check_limits("u", wishes)
    assert (decision.allowed, decision.reason) == (expect["allowed"], expect["reason"])
    assert list(decision.refusing) == expect["refusing"]
    shown = decision.as_dict()
    assert shown["cost_usd"] == expect["cost_usd"]
    assert shown["limit"]["name"] == expect["tightest"]
    if not expect["allowed"]:
        for name in ("used", "held", "wanted", "remaining"):
            assert shown["limit"][name] == expect[name]
    assert shown["resets_at"] == expect.get("resets_at")
    assert decision.upgrade_plan_id == expect.get("upgrade_plan_id")
    if "calls" in expect:
        assert [call.allowed for call in decision.calls] == expect["calls"]
    granted = not isinstance(meter.reserve_all("u", wishes), am.Decision)
    assert granted == expect["allowed"]


@pytest.mark.parametrize("case", INGEST, ids=ids(INGEST))
def test_an_answer_says_what_the_case_says(case: Case) -> None:
    body = (GOLDEN / "ingest" / case["file"]).read_bytes()
    all_found = [am.extract_usage(case["provider"], body)]
    if "stream" in case["id"]:
        stream = am.UsageStream(case["provider"])
        for start in range(0, len(body), 64):
            stream.push(body[start : start + 64])
        all_found.append(stream.finish())
    for found in all_found:
        if case.get("usage") is None:
            assert found is None
            continue
        assert found is not None
        shown = found.as_dict()
        assert shown["usage"] == case["usage"]
        assert shown["usage_source"] == case["usage_source"]
        for name in ("model", "variant", "vendor_cost_usd"):
            assert shown[name] == case[name]
        assert found.is_partial == case.get("is_partial", False)


def test_an_answer_is_read_as_a_dict_too() -> None:
    text = (Path(GOLDEN) / "ingest" / "openai-chat.json").read_text(encoding="utf-8")
    assert am.extract_usage("openai", json.loads(text)) == am.extract_usage("openai", text)
