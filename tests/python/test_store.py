"""The store as others see it, and the meter's own verbs of care."""

from __future__ import annotations

import gc
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import alwrity_metering as am
import pytest
from alwrity_metering import errors, results

from conftest import CHAT

SEVEN = [
    "subscription_plans",
    "user_subscriptions",
    "api_usage_logs",
    "usage_summaries",
    "api_provider_pricing",
    "usage_alerts",
    "billing_history",
]

READER = """
import json, sqlite3, sys
database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
database.row_factory = sqlite3.Row
print(json.dumps({
    view: [dict(row) for row in database.execute(f"SELECT * FROM {view}")]
    for view in sys.argv[2:]
}))
"""


def test_another_process_reads_the_seven_views(meter: am.Meter) -> None:
    # The views' clock shows whole seconds.
    yesterday = meter.now() - timedelta(days=1)
    meter.subscribe("u1", "basic", paid="ch_1", starts_at=yesterday, anchor=yesterday)
    receipt = meter.record_call("u1", **CHAT, input_tokens=374, output_tokens=44)
    meter.record_call("u1", provider="unheard-of", model="x", input_tokens=1)
    shown = subprocess.run(
        [sys.executable, "-c", READER, str(meter.path), *SEVEN],
        capture_output=True,
        check=True,
        text=True,
    )
    views: dict[str, list[dict[str, Any]]] = json.loads(shown.stdout)
    assert {name for name, rows in views.items() if rows} >= set(SEVEN) - {"billing_history"}
    (log,) = (row for row in views["api_usage_logs"] if row["provider"] == "gemini")
    assert Decimal(log["cost_total"]) == receipt.cost_usd
    assert Decimal(log["cost_total_pico_usd"]).scaleb(-12) == receipt.cost_usd
    assert (log["user_id"], log["tokens_total"]) == ("u1", 418)
    (summary,) = views["usage_summaries"]
    assert summary["total_calls"] == meter.usage_summary("u1").total_calls == 2
    assert Decimal(summary["total_cost"]) == meter.usage_summary("u1").total_cost
    assert len(views["subscription_plans"]) == len(meter.plans())
    assert views["user_subscriptions"][0]["user_id"] == "u1"


def test_a_meter_is_closed_once_and_for_all(path: Path) -> None:
    with am.Meter.open(path) as meter:
        assert not meter.closed
        assert meter.path == path
    assert meter.closed
    meter.close()
    assert repr(meter) == f"Meter({str(path)!r}, closed)"
    with pytest.raises(errors.ClosedError):
        meter.usage_summary("u1")
    # One that is forgotten commits what is queued, too.
    forgotten = am.Meter.open(path)
    forgotten.seed()
    forgotten.queue_call("u1", provider="exa")
    del forgotten
    gc.collect()
    with am.Meter.open(path) as again:
        assert again.usage_summary("u1").total_calls == 1


def test_the_clock_can_be_moved(
    make_meter: Callable[..., am.Meter], metering_clock: am.ManualClock
) -> None:
    meter = make_meter(clock=metering_clock)
    assert meter.now() == datetime(2025, 10, 1, tzinfo=timezone.utc) == metering_clock.now()
    meter.record_call("u1", **CHAT)
    metering_clock.advance(timedelta(days=31))
    assert meter.current_period("u1").label == "2025-11"
    assert meter.usage_summary("u1").total_calls == 0
    assert meter.usage_summary("u1", "2025-10").total_calls == 1
    metering_clock.set(datetime(2025, 10, 5, tzinfo=timezone.utc))
    assert meter.usage_summary("u1").total_calls == 1
    with pytest.raises(TypeError):
        am.ManualClock(datetime(2025, 10, 1))


def test_care_of_the_store(meter: am.Meter) -> None:
    meter.record_call("u1", **CHAT, input_tokens=5)
    meter.record_call("u1", provider="unheard-of", model="x", input_tokens=9)
    assert meter.users() == ["u1"]
    assert meter.unpriced()[0].calls == 1
    warnings = meter.put_price(
        provider="unheard-of", matcher="exact", model="x", variant="standard",
        effective_from=datetime(2025, 1, 1, tzinfo=timezone.utc), source="test",
        rates=[{"unit": "input_tokens", "amount_usd": Decimal("1"), "per": 1}],
    )  # fmt: skip
    assert [type(one) for one in warnings] == [results.PriceWarning]
    assert meter.re_rate(dry_run=True).cost_usd == 9
    assert meter.re_rate().is_applied
    assert meter.usage_summary("u1").unpriced_calls == 0
    assert meter.rebuild() > 0
    tomorrow = meter.now() + timedelta(days=1)
    with pytest.raises(errors.InvalidArgumentError):
        meter.prune(tomorrow)
    assert meter.prune(meter.now(), dry_run=True).calls == 2
    assert meter.export_user("u1")["user"] == "u1"
    assert meter.erase_user("u1").calls == 2
    with pytest.raises(errors.InvalidQueryError):
        meter.query("DELETE FROM calls")
    assert meter.verify().is_ok


def test_alerts_are_delivered_by_a_function(make_meter: Callable[..., am.Meter]) -> None:
    meter = make_meter(alert_channels=["mail"])
    meter.record_call("u1", provider="unheard-of", model="x", input_tokens=9)
    seen: list[results.Delivery] = []

    class GoneError(Exception):
        is_final = True

    def broken(delivery: results.Delivery) -> None:
        raise GoneError("the mailbox is gone")

    assert meter.deliver_alerts("mail", seen.append).sent == 1
    assert (seen[0].attempt, seen[0].alert.type) == (1, "unpriced")
    meter.record_call("u1", provider="unheard-of", model="y", input_tokens=9)
    assert meter.deliver_alerts("mail", broken).given_up == 1
    assert [(count.done, count.given_up) for count in meter.outbox()] == [(1, 1)]
    page = meter.alerts("u1", unread=True)
    assert (page.unread_count, page.total) == (2, 2)
    meter.mark_read("u1", page.alerts[0].id)
    assert meter.mark_all_read("u1") == 1
    meter.dismiss("u1", page.alerts[0].id)
    assert meter.alerts("u1").total == 1
    assert meter.alerts("u1", dismissed=True, kind="unpriced", severity="warning").total <= 2
    with pytest.raises(errors.AlertOfAnotherError):
        meter.mark_read("u2", page.alerts[0].id)
    assert meter.operator_alerts().total == 0


def test_the_maximum_of_an_own_limit_is_a_count_or_dollars(meter: am.Meter) -> None:
    def maximum(name: str, given: Any) -> Any:
        limits = meter.set_limit("u1", name, given).limits
        return next(limit.maximum for limit in limits if limit.name == name)

    # More than there can be dollars: a count is no money.
    assert maximum("gemini_tokens", 5_000_000_000_000) == 5_000_000_000_000
    assert maximum("monthly_cost", Decimal("0.0000825")) == Decimal("0.0000825")
    assert maximum("monthly_cost", "2") == 2
    with pytest.raises(TypeError, match="maximum must be a Decimal, an int or decimal text"):
        maximum("monthly_cost", 0.1)


def test_subscriptions_and_invoices(
    make_meter: Callable[..., am.Meter], metering_clock: am.ManualClock
) -> None:
    meter = make_meter(clock=metering_clock)
    assert meter.subscribe("u1", "basic").status == "pending"
    assert meter.confirm_payment("u1", "ch_1", payment_method="card").status == "active"
    assert meter.set_limit("u1", "gemini_calls", None).limits
    assert meter.set_limit("u1", "gemini_calls", 5, boost=True, note="a gift").limits
    assert meter.clear_limit("u1", "gemini_calls").plan_id == "basic"
    assert meter.upgrade("u1", "pro", paid="ch_2").plan_id == "pro"
    assert meter.downgrade("u1", "basic").starts_at == datetime(2025, 11, 1, tzinfo=timezone.utc)
    assert meter.withdraw_change("u1").plan_id == "pro"
    assert meter.change_cycle("u1", "yearly", waived="a gift").billing_cycle == "yearly"
    meter.suspend("u1")
    assert meter.resume("u1").status == "active"
    later = metering_clock.now() + timedelta(days=3)
    assert meter.mark_past_due("u1", grace_until=later).status == "past_due"
    assert meter.renew("u1", paid="ch_3").status == "active"
    assert meter.cancel("u1").status == "cancelled"
    with pytest.raises(TypeError, match="not both"):
        meter.renew("u1", paid="a", waived="b")
    with pytest.raises(ValueError, match="period_end"):
        meter.cancel("u1", when="tomorrow")  # type: ignore[arg-type]
    assert "total" in meter.invoice_text("u1").lower()
    assert meter.invoice_html("u1").startswith("<!")
    metering_clock.advance(timedelta(days=370))
    (finalized, *_) = meter.finalize_ended("u1")
    assert finalized.state == "finalized"
    starts_at = finalized.period.starts_at
    paid = meter.set_invoice_payment("u1", starts_at, status="paid", reference="ch_4")
    assert (paid.payment.status, paid.hash) == ("paid", finalized.hash)
    assert meter.void_invoice("u1", starts_at, reason="a test").state == "void"
    assert meter.finalize_invoice("u1", starts_at).state == "finalized"
    assert len(meter.billing_history("u1")) >= 1


def test_the_catalogue_takes_files(meter: am.Meter) -> None:
    root = Path(__file__).resolve().parents[2] / "catalogue"
    toml = (root / "plans" / "alwrity-2026.toml").read_text(encoding="utf-8")
    assert meter.put_plans(toml) == len(meter.plans())
    csv = sorted((root / "prices").glob("*.csv"))[-1].read_text(encoding="utf-8")
    head = "\n".join(csv.splitlines()[:3])
    assert isinstance(meter.put_prices(head), tuple)
    price = meter.price("openai", "gpt-4o-mini")
    assert price is not None
    assert price.model == "gpt-4o-mini"
    assert meter.price("openai", "unheard-of") is None
    with pytest.raises(errors.InvalidCatalogueError):
        meter.put_plans("nonsense")


def test_what_happens_is_logged(
    make_meter: Callable[..., am.Meter], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "alwrity_metering"):
        meter = make_meter()
        meter.record_call("secret-user", **CHAT, input_tokens=5)
        meter.reserve("secret-user", provider="openai", model="gpt-4o")
    records = {record.getMessage().split(" call_id")[0]: record for record in caplog.records}
    recorded = records["recorded a call"]
    assert (recorded.levelname, recorded.name) == ("DEBUG", "alwrity_metering.meter")
    assert recorded.fields["provider"] == "gemini"  # type: ignore[attr-defined]
    assert any(message.startswith("refused a reservation") for message in records)
    assert "secret-user" not in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING, "alwrity_metering"):
        make_meter().record_call("u1", **CHAT, input_tokens=5)
    assert caplog.records == []


def test_nothing_is_printed_unless_the_host_logs() -> None:
    program = (
        "import tempfile, alwrity_metering as am\n"
        "meter = am.Meter.open(tempfile.mkdtemp() + '/metering.db')\n"
        "meter.seed()\n"
        "meter.record_call('u1', provider='unheard-of', model='x', input_tokens=9)\n"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert (shown.stdout, shown.stderr) == (b"", b"")
