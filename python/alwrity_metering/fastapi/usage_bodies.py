"""Usage, trends, alerts and the dashboard as the billing screens read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from alwrity_metering.results import (
    Alert,
    AlertPage,
    Dashboard,
    Trends,
    UsageLine,
    UsageSummary,
)

from . import shapes
from .names import shown_provider
from .times import instant


def alert(own: Alert) -> shapes.Alert:
    """An alert; what does not apply is left out."""
    body: shapes.Alert = {
        "id": own.id,
        "type": own.type,
        "threshold_percentage": own.threshold_percentage,
        "title": own.title,
        "message": own.message,
        "severity": own.severity,
        "is_sent": own.is_sent,
        "is_read": own.is_read,
        "billing_period": own.billing_period,
        "created_at": instant(own.created_at),
    }
    if own.provider is not None:
        body["provider"] = shown_provider(own.provider)
    if own.sent_at is not None:
        body["sent_at"] = instant(own.sent_at)
    if own.read_at is not None:
        body["read_at"] = instant(own.read_at)
    return body


def alerts(page: AlertPage) -> shapes.Alerts:
    """A page of alerts."""
    return {
        "alerts": [alert(own) for own in page.alerts],
        "total": page.total,
        "unread_count": page.unread_count,
    }


def breakdown(lines: Iterable[UsageLine]) -> dict[str, shapes.ProviderUsage]:
    """What was used by the names that the screens show: they add up to the total."""
    sums: dict[str, tuple[int, int, Decimal]] = {}
    for line in lines:
        name = shown_provider(line.provider, line.operation)
        calls, tokens, cost = sums.get(name, (0, 0, Decimal(0)))
        sums[name] = (calls + line.calls, tokens + line.tokens, cost + line.cost)
    return {
        name: {"calls": calls, "tokens": tokens, "cost": float(cost)}
        for name, (calls, tokens, cost) in sorted(sums.items())
    }


def stats(
    summary: UsageSummary,
    lines: Iterable[UsageLine],
    limits: shapes.Limits,
    unread: Sequence[Alert],
    now: datetime,
) -> shapes.UsageStats:
    """What was used in a period; `lines` are those of the same period."""
    shares = {
        "cost" if name == "monthly_cost" else name: share
        for name, share in summary.usage_percentages.items()
    }
    return {
        "billing_period": summary.billing_period,
        "usage_status": summary.usage_status,
        "total_calls": summary.total_calls,
        "total_tokens": summary.total_tokens,
        "total_cost": float(summary.total_cost),
        "avg_response_time": (summary.avg_response_time_ms or 0) / 1000,
        "error_rate": summary.error_rate,
        "limits": limits,
        "provider_breakdown": breakdown(lines),
        "usage_percentages": shares,
        "alerts": [alert(own) for own in unread],
        "last_updated": instant(now),
    }


def trends(own: Trends, lines: Iterable[UsageLine]) -> shapes.Trends:
    """The last months; `lines` are those of all time."""
    places = {label: place for place, label in enumerate(own.periods)}
    costs: dict[str, list[Decimal]] = {}
    parts: dict[str, shapes.ProviderTrend] = {}
    for line in lines:
        if (place := places.get(line.billing_period)) is None:
            continue
        name = shown_provider(line.provider, line.operation)
        if name not in parts:
            zeros = [0] * len(places)
            parts[name] = {"calls": zeros, "tokens": zeros.copy(), "cost": []}
            costs[name] = [Decimal(0)] * len(places)
        parts[name]["calls"][place] += line.calls
        parts[name]["tokens"][place] += line.tokens
        costs[name][place] += line.cost
    for name, part in parts.items():
        part["cost"] = [float(cost) for cost in costs[name]]
    return {
        "periods": list(own.periods),
        "total_calls": list(own.total_calls),
        "total_cost": [float(cost) for cost in own.total_cost],
        "total_tokens": list(own.total_tokens),
        "provider_trends": dict(sorted(parts.items())),
    }


def projections(own: Dashboard) -> shapes.Projections:
    """Where the running period is heading."""
    heading = own.projections
    return {
        "projected_monthly_cost": float(heading.projected_monthly_cost),
        "cost_limit": float(heading.cost_limit or 0),
        "projected_usage_percentage": heading.projected_usage_percentage or 0.0,
    }


def dashboard_summary(own: Dashboard) -> shapes.DashboardSummary:
    """The figures at the top: of the running period, whatever else is shown below."""
    return {
        "total_api_calls_this_month": own.current_usage.total_calls,
        "total_cost_this_month": float(own.current_usage.total_cost),
        "usage_status": own.current_usage.usage_status,
        "unread_alerts": own.unread_alerts,
    }
