"""The bodies of refusals: a limit that is used up, a subscription that has ended, a store that
cannot be asked. The screens read the status and the body alone.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from alwrity_metering import Decision, MeteringError
from alwrity_metering.results import LimitState

from .names import shown_provider
from .shapes import Refusal, UsageRefused
from .times import instant

LIMIT_EXCEEDED = "Usage limit exceeded"
UNAVAILABLE = "Usage limit enforcement unavailable"
UNAVAILABLE_CODE = "USAGE_LIMIT_ENFORCEMENT_UNAVAILABLE"
ERROR_TYPES = {"calls": "call_limit", "tokens": "token_limit", "cost_usd": "cost_limit"}


def limit_refusal(decision: Decision) -> Refusal:
    """The body of a `429`: which limit is used up, what would help, when it starts anew."""
    call = next((call for call in decision.calls if not call.allowed), None)
    operation = call.operation if call else ""
    provider = shown_provider(call.provider if call else "", operation)
    state = decision.limit
    if state is not None and state.provider is not None:
        provider = shown_provider(state.provider)
    usage: UsageRefused = {"provider": provider, "operation_type": operation}
    if state is not None:
        usage = {**usage, **limit_numbers(state)}
    if decision.resets_at is not None:
        usage["resets_at"] = instant(decision.resets_at)
    return {
        "error": LIMIT_EXCEEDED,
        "message": decision.message,
        "provider": provider,
        "usage_info": usage,
    }


def limit_numbers(state: LimitState) -> UsageRefused:
    """The numbers of the limit that refuses: holds count as used, or the sum would not tell."""
    maximum = state.maximum if state.maximum is not None else 0
    taken = state.used + state.held
    usage: UsageRefused = {
        "limit": number(maximum),
        "usage_percentage": share(taken, maximum),
        "type": kind(state),
        "error_type": ERROR_TYPES.get(state.metric, "unit_limit"),
    }
    if state.metric == "calls":
        usage["current_calls"] = int(taken)
    elif state.metric == "tokens":
        usage["current_tokens"], usage["requested_tokens"] = int(taken), int(state.wanted)
    elif state.metric == "cost_usd":
        usage["current_cost"] = float(taken)
    else:
        usage["current_usage"] = int(taken)
    return usage


def expired_refusal(status: str, plan_name: str, ended_at: datetime | None) -> Refusal:
    """The body of a `402`: what was paid for is over, or nothing is granted until it is resumed."""
    usage: UsageRefused = {"expired": True}
    if ended_at is not None:
        usage["period_end"] = instant(ended_at)
    if status == "suspended":
        error, what = "Subscription suspended", "is suspended"
    else:
        error, what = "Subscription expired", "has expired"
    message = f"Your {plan_name} subscription {what}. Renew it to continue."
    return {"error": error, "message": message, "usage_info": usage}


def unavailable() -> Refusal:
    """The body of a `503`: whether the call fits cannot be told, so it is not made."""
    return {
        "error": UNAVAILABLE,
        "message": "Usage limits cannot be checked right now. Please try again in a moment.",
        "code": UNAVAILABLE_CODE,
    }


def invalid(error: MeteringError) -> Refusal:
    """The body of an error that is the request's own, such as a key that was used before."""
    return {"error": "Metering refused the request", "message": str(error), "code": error.code}


def is_unavailable(error: MeteringError) -> bool:
    """Whether an error means that limits cannot be enforced now, not that the input is wrong."""
    return error.http_status >= 500


def kind(state: LimitState) -> str:
    """What a limit is about: its name without the metric, `gemini` of `gemini_calls`."""
    for ending in ("_calls", "_tokens"):
        if state.name.endswith(ending):
            return state.name.removesuffix(ending)
    return state.name


def number(amount: int | Decimal) -> Any:
    """An amount as a JSON number."""
    return float(amount) if isinstance(amount, Decimal) else amount


def share(taken: int | Decimal, maximum: int | Decimal) -> float:
    """taken ÷ maximum × 100 to two places; a limit of 0 is used up from the beginning."""
    return round(float(taken / maximum * 100), 2) if maximum else 100.0
