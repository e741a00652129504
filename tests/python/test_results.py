"""Results: frozen, comparable, picklable, and as `--json` shows them."""

from __future__ import annotations

import dataclasses
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import alwrity_metering as am
import pytest
from alwrity_metering import results

from conftest import CHAT

Answers = dict[str, Any]


@pytest.fixture
def answers(meter: am.Meter) -> Answers:
    """One answer of each kind, with something to say."""
    user = "u1"
    meter.subscribe(user, "basic", paid="ch_1", stripe_customer_id="cus_1")
    receipt = meter.record_call(
        user, **CHAT, input_tokens=374, output_tokens=44, response_time_ms=120, tags={"a": "b"}
    )
    meter.record_call(user, provider="openai", model="gpt-4o-mini", input_tokens=9)
    meter.record_call(user, provider="unheard-of", model="x", input_tokens=9)
    meter.downgrade(user, "free")
    hold = meter.reserve(user, **CHAT, input_tokens=9).require()
    estimate = meter.estimate(user, messages="Say hello, in two languages.", **CHAT)
    meter.reserve(user, **estimate.request).settle(input_tokens=8, output_tokens=5)
    return {
        "alerts": meter.alerts(user),
        "calibration": meter.calibrations()[0],
        "calls": meter.calls(user),
        "check_limit": meter.check_limit(user, **CHAT, input_tokens=9),
        "compare": meter.compare(user, sla_ms=100),
        "current_period": meter.current_period(user),
        "daily_trends": meter.daily_trends(user, 3),
        "dashboard": meter.dashboard(user),
        "estimate": estimate,
        "hints": meter.hints(user),
        "hold": hold,
        "invoice": meter.invoice(user),
        "limits": meter.limits(user),
        "plan": meter.plans()[1],
        "preview": meter.preview_change(user, "upgrade", plan_id="pro"),
        "price": meter.price(**CHAT),
        "quote": meter.quote(**CHAT, input_tokens=9),
        "re_rate": meter.re_rate(dry_run=True),
        "receipt": receipt,
        "subscription": meter.subscription(user),
        "subscription_history": meter.subscription_history(user),
        "trends": meter.trends(user, 3),
        "unpriced": meter.unpriced()[0],
        "usage_summary": meter.usage_summary(user),
        "verify": meter.verify(),
    }


def test_results_are_frozen_equal_to_their_like_and_picklable(answers: Answers) -> None:
    for name, answer in answers.items():
        again = pickle.loads(pickle.dumps(answer))
        assert again == answer, name
        assert repr(again) == repr(answer), name
        assert repr(answer).startswith(f"{type(answer).__name__}("), name
        assert answer != object()
        field = next(iter(answer.as_dict()))
        with pytest.raises((AttributeError, dataclasses.FrozenInstanceError)):
            setattr(answer, field, None)
        assert json.loads(json.dumps(answer.as_dict())) == answer.as_dict(), name


def instances(value: Any) -> list[Any]:
    """The value and everything inside of it."""
    if isinstance(value, dict):
        return [one for item in value.values() for one in instances(item)]
    if isinstance(value, tuple):
        return [one for item in value for one in instances(item)]
    if not isinstance(value, results.Result):
        return [value]
    fields = dataclasses.fields(value)  # type: ignore[arg-type]
    return [value, *(one for field in fields for one in instances(getattr(value, field.name)))]


def test_money_is_decimal_and_times_are_aware_everywhere(answers: Answers) -> None:
    kinds = {type(one) for one in instances(tuple(answers.values()))}
    assert {Decimal, datetime, results.Span, results.Breakdown, results.Rate} <= kinds
    allowed = {str, int, float, bool, bytes, type(None), Decimal, datetime}
    own = {k for k in kinds if k.__module__.startswith("alwrity_metering")}
    assert kinds - own <= allowed
    moments = [one for one in instances(tuple(answers.values())) if isinstance(one, datetime)]
    assert all(moment.utcoffset() == timedelta(0) for moment in moments)


def test_fields_are_typed_as_they_are_declared(answers: Answers) -> None:
    checked = set()
    for one in instances(tuple(answers.values())):
        if not isinstance(one, results.Result):
            continue
        for field in dataclasses.fields(one):  # type: ignore[arg-type]
            value = getattr(one, field.name)
            declared = str(field.type)
            if isinstance(value, Decimal):
                assert "Decimal" in declared, (one, field.name)
            elif isinstance(value, datetime):
                assert "datetime" in declared, (one, field.name)
            elif value is None:
                assert "None" in declared, (one, field.name)
            elif isinstance(value, tuple):
                assert declared.startswith("tuple["), (one, field.name)
            else:
                assert type(value).__name__ in declared, (one, field.name, value)
            checked.add((type(one).__name__, field.name))
    assert len(checked) > 200


def command(path: Path, *args: str) -> Any:
    shown = subprocess.run(
        [sys.executable, "-m", "alwrity_metering", "--db", str(path), "--json", *args],
        capture_output=True,
        check=False,
        text=True,
    )
    assert shown.stdout, shown.stderr
    return json.loads(shown.stdout)


COMMANDS: list[tuple[str, Callable[[am.Meter], Any]]] = [
    ("usage u1", lambda m: m.usage_summary("u1")),
    ("limits u1", lambda m: m.limits("u1")),
    ("calls u1", lambda m: m.calls("u1")),
    ("alerts u1", lambda m: m.alerts("u1")),
    ("dashboard u1", lambda m: m.dashboard("u1")),
    ("trends u1", lambda m: m.trends("u1")),
    ("compare u1 --sla-ms 100", lambda m: m.compare("u1", sla_ms=100)),
    ("plans", lambda m: m.plans()),
    ("prices --provider exa", lambda m: m.prices("exa")),
    ("verify", lambda m: m.verify()),
    ("invoice u1", lambda m: m.invoice("u1")),
]


def without_time(value: Any) -> Any:
    """What does not change between two readings of a clock that moves."""
    if isinstance(value, dict):
        changing = ("projected", "reached_at")
        return {
            key: without_time(item) for key, item in value.items() if not key.startswith(changing)
        }
    return [without_time(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("line", "ask"), COMMANDS, ids=[line for line, _ in COMMANDS])
def test_as_dict_is_what_the_command_shows(
    meter: am.Meter, answers: Answers, line: str, ask: Callable[[am.Meter], Any]
) -> None:
    assert answers
    answer = ask(meter)
    shown = [one.as_dict() for one in answer] if isinstance(answer, tuple) else answer.as_dict()
    assert without_time(shown) == without_time(command(meter.path, *line.split()))


def test_a_history_is_what_the_command_shows(meter: am.Meter, answers: Answers) -> None:
    assert answers
    shown = command(Path(meter.path), "history", "u1")
    assert meter.subscription("u1").as_dict() == shown.pop("subscription")
    assert meter.subscription_history("u1").as_dict() == shown


def test_a_receipt_is_what_the_command_shows(meter: am.Meter) -> None:
    args = "record u1 --provider exa --model x --key k --input-tokens 3 --output-tokens 4"
    shown = command(Path(meter.path), *args.split())
    receipt = meter.record_call(
        "u1", provider="exa", model="x", input_tokens=3, output_tokens=4, idempotency_key="k"
    )
    assert receipt.status == "duplicate"
    assert {**shown, "status": "duplicate", "limits_exceeded": []} == receipt.as_dict()


def test_a_table_has_values_of_every_kind(meter: am.Meter) -> None:
    table = meter.query("SELECT 1 AS a, 0.5 AS b, 'x' AS c, x'00ff' AS d, NULL AS e")
    assert table.columns == ("a", "b", "c", "d", "e")
    assert table.rows == ((1, 0.5, "x", b"\x00\xff", None),)
    assert not table.is_cut


def test_equal_results_of_plain_values_hash_alike(meter: am.Meter) -> None:
    first, second = meter.current_period("u1"), meter.current_period("u1")
    assert hash(first.usage_period) == hash(second.usage_period)
    assert len({first.usage_period, second.usage_period}) == 1
    assert datetime.now(timezone.utc) - meter.now() < timedelta(minutes=1)
