"""Subscriptions, their history and the log as the billing screens read them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alwrity_metering.results import (
    Call,
    CallPage,
    HistoryEntry,
    SubscriptionReceipt,
    SubscriptionView,
)

from . import shapes
from .names import OPERATION_OF_NAME, shown_provider
from .times import instant, instant_or_none

RENEWALS: dict[str, str] = {
    "new": "new",
    "renewal": "renewal",
    "upgrade": "upgrade",
    "downgrade": "downgrade",
    # Another cycle is paid for like a renewal; the screens have no word of its own for it.
    "cycle_change": "renewal",
}
"""The changes that are lines of the renewal history, and what they are called there."""

REASONS = {
    "expired": "The subscription has expired.",
    "suspended": "The subscription is suspended.",
    "past_due": "A payment is overdue.",
}


def is_blocked(view: SubscriptionView, now: datetime) -> bool:
    """Whether a subscription forbids calls until it is paid or resumed.

    Without a subscription, and after a cancellation, the Free plan holds instead.
    """
    if view.status in ("expired", "suspended"):
        return True
    is_late = view.status == "past_due" and view.grants_until is not None
    return is_late and view.grants_until is not None and view.grants_until <= now


def subscription(view: SubscriptionView) -> shapes.Subscription | None:
    """The subscription, if there is one."""
    if view.status is None or view.subscribed_plan_id is None:
        return None
    return {
        "plan_id": view.subscribed_plan_id,
        "status": view.status,
        "billing_cycle": view.billing_cycle,
        "current_period_start": instant(view.billing_period.starts_at),
        "current_period_end": instant(view.billing_period.ends_at),
        "auto_renew": view.auto_renew,
    }


def status(
    view: SubscriptionView, plan: shapes.Plan, limits: shapes.Limits, now: datetime
) -> shapes.SubscriptionStatus:
    """Whether the user may use the API."""
    is_active = not is_blocked(view, now)
    body: shapes.SubscriptionStatus = {
        "active": is_active,
        "plan": plan["id"],
        "tier": plan["tier"],
        "can_use_api": is_active,
        "limits": limits,
    }
    if not is_active:
        body["reason"] = REASONS[str(view.status)]
    return body


def subscribed(
    receipt: SubscriptionReceipt, plan_name: str, limits: shapes.Limits
) -> shapes.Subscribed:
    """A subscription that was made. Its id tells the plan and the instant that it began."""
    return {
        "subscription_id": f"{receipt.user}:{receipt.plan_id}:{instant(receipt.starts_at)}",
        "plan_name": plan_name,
        "billing_cycle": receipt.billing_cycle,
        "current_period_start": instant(receipt.billing_period.starts_at),
        "current_period_end": instant(receipt.billing_period.ends_at),
        "status": receipt.status,
        "limits": limits,
    }


def renewals(entries: Iterable[HistoryEntry], limit: int, offset: int) -> shapes.Renewals:
    """A page of the renewal history, newest first, from all entries."""
    lines = [entry for entry in entries if entry.change in RENEWALS]
    page = lines[offset : offset + limit]
    return {
        "renewals": [renewal(entry) for entry in page],
        "total_count": len(lines),
        "limit": limit,
        "offset": offset,
        "has_more": offset + len(page) < len(lines),
    }


def renewal(entry: HistoryEntry) -> shapes.Renewal:
    """One line of the renewal history."""
    before, previous = entry.usage_before, entry.previous_period
    usage: shapes.UsageBefore | None = None
    if before is not None:
        usage = {
            "total_calls": before.total_calls,
            "total_tokens": before.total_tokens,
            "total_cost": float(before.total_cost_usd),
            "gemini_calls": before.calls_by_provider.get("gemini", 0),
            "mistral_calls": before.calls_by_provider.get("mistral", 0),
            "usage_status": before.usage_status,
        }
    return {
        "id": entry.id,
        "plan_name": entry.plan_name,
        "plan_tier": entry.plan_tier,
        "previous_period_start": instant_or_none(previous.starts_at if previous else None),
        "previous_period_end": instant_or_none(previous.ends_at if previous else None),
        "new_period_start": instant(entry.new_period.starts_at),
        "new_period_end": instant(entry.new_period.ends_at),
        "billing_cycle": entry.billing_cycle,
        "renewal_type": RENEWALS[entry.change],
        "renewal_count": entry.renewal_count,
        "previous_plan_name": entry.previous_plan_name,
        "previous_plan_tier": entry.previous_plan_tier,
        "usage_before_renewal": usage,
        "payment_amount": float(entry.payment.amount_usd),
        "payment_status": entry.payment.status,
        "payment_date": instant_or_none(entry.payment.paid_at),
        "created_at": instant(entry.created_at),
    }


def log(page: CallPage, limit: int, offset: int) -> shapes.Log:
    """A page of the log."""
    return {
        "logs": [logged(call) for call in page.calls],
        "total_count": page.total_count,
        "limit": limit,
        "offset": offset,
        "has_more": offset + len(page.calls) < page.total_count,
    }


def logged(call: Call) -> shapes.LoggedCall:
    """A recorded call. Where no price is known its cost is 0, and `is_priced` says so."""
    tokens = (call.usage.get("input_tokens", 0), call.usage.get("output_tokens", 0))
    shown, actual = shown_provider(call.provider, call.operation), call.actual_provider
    if actual is None and shown in OPERATION_OF_NAME:
        actual = call.provider
    return {
        "id": call.call_id,
        "timestamp": instant(call.occurred_at),
        "provider": shown,
        "actual_provider_name": actual,
        "model_used": call.model or None,
        "endpoint": call.endpoint or "",
        "method": call.method or "",
        "tokens_input": tokens[0],
        "tokens_output": tokens[1],
        "tokens_total": sum(tokens),
        "cost_input": float(call.cost_input_usd),
        "cost_output": float(call.cost_output_usd),
        "cost_total": float(call.cost_usd or 0),
        "response_time": (call.response_time_ms or 0) / 1000,
        "status_code": call.status_code,
        "status": "failed" if call.status_code >= 400 else "success",
        "error_message": call.error_message,
        "billing_period": call.billing_period,
        "retry_count": call.retry_count,
        "is_aggregated": call.call_count > 1,
        "is_priced": call.cost_usd is not None,
    }
