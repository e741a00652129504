"""Errors: one class for each cause, and what the table of errors says of it."""

from __future__ import annotations

import pickle
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, cast, get_type_hints

import alwrity_metering as am
import pytest
from alwrity_metering import _native, errors
from alwrity_metering._arguments import _Units

from conftest import CHAT

TABLE = _native.error_table()
SPECIFIED = (
    am.PricingException,
    am.SubscriptionException,
    am.TrackingException,
    am.UsageLimitExceededException,
)


def test_the_classes_are_those_of_the_table() -> None:
    assert sorted(errors.BY_CODE) == sorted(row["code"] for row in TABLE)
    for row in TABLE:
        error = errors.BY_CODE[row["code"]]
        words = row["code"].split("_")
        assert error.__name__ == "".join(word.capitalize() for word in words) + "Error"
        assert getattr(errors, error.__name__) is error
        for name in ("code", "number", "http_status", "is_retryable", "hint"):
            assert getattr(error, name) == row[name]
        assert " ".join((error.__doc__ or "").split()) == row["meaning"]
        assert issubclass(error, SPECIFIED)


def test_numbers_are_of_one_error_each() -> None:
    numbers = [error.number for error in errors.BY_CODE.values()]
    assert len(set(numbers)) == len(numbers)
    assert 0 not in numbers


def test_an_error_has_its_facts(meter: am.Meter) -> None:
    with pytest.raises(errors.InvalidArgumentError) as caught:
        meter.usage_summary("u1", "last week")
    error = caught.value
    assert "`last week`" in str(error)
    assert (error.code, error.number, error.http_status) == ("invalid_argument", 106, 422)
    assert isinstance(error, ValueError)
    assert not error.is_retryable
    assert error.hint
    with pytest.raises(LookupError):
        meter.subscribe("u1", "platinum")
    with pytest.raises(am.SubscriptionException):
        meter.renew("u1")


def test_a_conflict_names_the_difference(meter: am.Meter) -> None:
    meter.record_call("u1", **CHAT, input_tokens=1, idempotency_key="k")
    with pytest.raises(errors.IdempotencyConflictError, match="input_tokens"):
        meter.record_call("u1", **CHAT, input_tokens=2, idempotency_key="k")


def test_errors_survive_pickling(meter: am.Meter) -> None:
    with pytest.raises(am.UsageLimitExceededException) as refused:
        meter.reserve("u1", provider="openai", model="gpt-4o").require()
    with pytest.raises(errors.UnknownPlanError) as unknown:
        meter.subscribe("u1", "platinum")
    again = pickle.loads(pickle.dumps(refused.value))
    assert again.decision == refused.value.decision
    assert (again.http_status, str(again)) == (429, str(refused.value))
    assert str(pickle.loads(pickle.dumps(unknown.value))) == str(unknown.value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("vendor_cost_usd", 0.1, "a Decimal, an int or decimal text"),
        ("vendor_cost_usd", True, "a Decimal, an int or decimal text"),
        ("occurred_at", datetime(2025, 10, 1), "not a naive datetime"),
        ("occurred_at", "2025-10-01T00:00:00Z", "an aware datetime"),
        ("input_tokens", 1.0, "an int, not float"),
        ("input_tokens", True, "an int, not bool"),
        ("usage", [1], "a mapping of units to ints"),
        ("usage", {"input_tokens": "1"}, "input_tokens must be an int, not str"),
        ("provider", 7, "provider must be a str, not int"),
        ("tags", {"a": 1}, "a mapping of str to str"),
        ("prompt", "secret", "unexpected keyword argument 'prompt'"),
    ],
)
def test_a_wrong_type_is_a_type_error_that_says_what_to_pass(
    meter: am.Meter, name: str, value: Any, expected: str
) -> None:
    with pytest.raises(TypeError, match=expected):
        meter.record_call("u1", **{**CHAT, name: value})
    assert meter.usage_summary("u1").total_calls == 0


def test_a_call_without_a_provider_says_what_is_missing(meter: am.Meter) -> None:
    verbs: list[Any] = [meter.record_call, meter.reserve, meter.check_limit]
    for verb in verbs:
        with pytest.raises(TypeError, match="missing keyword argument 'provider'"):
            verb("u1", model="gpt-4o")
    assert meter.usage_summary("u1").total_calls == 0


def test_every_argument_of_a_request_is_taken_and_no_other(meter: am.Meter) -> None:
    given: dict[str, Any] = dict.fromkeys(get_type_hints(am.CallRequest), 1)
    given |= {"provider": "gemini", "model": "gemini-2.5-flash", "operation": "chat"}
    given |= {"variant": "batch", "usage": {"web_searches": 2}, "input_estimate": None}
    given |= {"occurred_at": meter.now(), "idempotency_key": "k", "ttl_ms": 60_000}
    for more in ({}, {"input_tokens": 10**9}):
        call = given | more
        decision = meter.check_limit("u1", **call)
        assert decision.allowed != bool(more)
        assert decision.calls == meter.check_limits("u1", [cast("Any", call)]).calls
    hold = meter.reserve("u1", **given).require()
    assert set(hold.usage) == get_type_hints(_Units).keys() - {"usage"} | {"web_searches"}
    verbs: list[Any] = [meter.check_limit, meter.reserve]
    for verb in verbs:
        with pytest.raises(TypeError, match="unexpected keyword argument 'prompt'"):
            verb("u1", **given, prompt="secret")
        for name in ("provider", "variant", "input_tokens", "call_count", "images"):
            with pytest.raises(TypeError, match=f"{name} must be .*, not NoneType"):
                verb("u1", **given | {name: None})


@pytest.mark.parametrize("order", [("usage", "output_tokens"), ("output_tokens", "usage")])
def test_a_unit_by_its_own_name_stands_above_usage_in_any_order(
    meter: am.Meter, order: tuple[str, str]
) -> None:
    given: dict[str, Any] = {"usage": {"output_tokens": 10**9, "images": 1}, "output_tokens": 7}
    given = {name: given[name] for name in order}
    call: dict[str, Any] = {**CHAT, **given, "max_output_tokens": 1}
    assert meter.check_limit("u1", **call).allowed
    assert meter.check_limits("u1", [cast("Any", call)]).allowed
    hold = meter.reserve("u1", **call).require()
    assert hold.usage == {"output_tokens": 8, "images": 1}
    assert meter.settle("u1", hold, **given).usage == {"output_tokens": 7, "images": 1}
    assert meter.record_call("u1", **CHAT, **given).usage == {"output_tokens": 7, "images": 1}


def test_money_is_exact_however_it_is_given(meter: am.Meter) -> None:
    for given in (Decimal("0.000000000001"), "0.000000000001", Decimal("1E-12")):
        receipt = meter.record_call("u1", provider="exa", vendor_cost_usd=given)
        assert receipt.cost_usd == Decimal("0.000000000001")
    assert meter.record_call("u1", provider="exa", vendor_cost_usd=2).cost_usd == 2
    with pytest.raises(errors.InvalidAmountError, match="12 decimal places"):
        meter.record_call("u1", provider="exa", vendor_cost_usd="0.0000000000001")
    with pytest.raises(errors.AmountOutOfRangeError):
        meter.record_call("u1", provider="exa", vendor_cost_usd=10**7)


def test_an_instant_keeps_its_microseconds_from_any_zone(meter: am.Meter) -> None:
    given = datetime.fromisoformat("2025-10-01T02:00:00.000001+02:00")
    receipt = meter.record_call("u1", **CHAT, occurred_at=given)
    assert receipt.occurred_at == given
    assert receipt.occurred_at.tzinfo is timezone.utc
    assert receipt.as_dict()["occurred_at"] == "2025-10-01T00:00:00.000001Z"
    with pytest.raises(errors.InvalidTimeError):
        meter.record_call("u1", **CHAT, occurred_at=datetime(1969, 12, 31, tzinfo=timezone.utc))


def test_options_are_those_of_the_table(tmp_path: Any) -> None:
    path = tmp_path / "options.db"
    with pytest.raises(errors.InvalidOptionError, match="hold_ttl_ms"):
        am.Meter.open(path, hold_ttl_ms=0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        am.Meter.open(path, nonsense=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="not float"):
        am.Meter.open(path, unpriced_hold_usd=0.1)  # type: ignore[arg-type]
    assert not path.exists()
    with am.Meter.open(
        path,
        unpriced_hold_usd=Decimal("0.2"),
        alert_channels=["mail", "webhook"],
        synchronous="normal",
        allow_linked_file=True,
        default_output_tokens=10,
    ) as meter:
        meter.seed()
        hold = meter.reserve("u1", **CHAT).require()
        assert hold.usage["output_tokens"] == 10
        assert {count.channel for count in meter.outbox()} <= {"mail", "webhook"}
