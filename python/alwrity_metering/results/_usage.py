"""Results about calls, limits and what was used."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from ._alerts import Alert
from ._base import Result


@dataclass(frozen=True, slots=True)
class Span(Result):
    """A half-open span of time: ``starts_at`` is inside, ``ends_at`` is not."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class LimitState(Result):
    """Where a user stands with one limit. Amounts are dollars for a limit of cost, else counts."""

    name: str
    metric: str
    provider: str | None
    operation: str | None
    window: str
    policy: str
    maximum: int | Decimal | None
    """``None`` means no limit; 0 means that the plan does not contain it."""
    used: int | Decimal
    held: int | Decimal
    wanted: int | Decimal
    remaining: int | Decimal | None
    used_percent: float | None
    resets_at: datetime | None
    is_override: bool
    thresholds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Overshoot(Result):
    """What a call used beyond its hold. All 0 when it kept within."""

    tokens: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class CallVerdict(Result):
    """How one of several calls fares, after those before it."""

    provider: str
    operation: str
    allowed: bool
    cost_usd: Decimal
    limit: LimitState | None
    message: str | None


@dataclass(frozen=True, slots=True)
class ChargeLine(Result):
    """One line of a charge: ``amount_usd`` for ``per`` units, times ``quantity``."""

    unit: str
    quantity: int
    amount_usd: Decimal
    per: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class QuotedPrice(Result):
    """Which price a quote is by."""

    id: int
    variant: str
    effective_from: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Call(Result):
    """A recorded call: one row of the ledger."""

    call_id: int
    provider: str
    operation: str
    model: str
    variant: str
    usage: dict[str, int]
    usage_source: str
    call_count: int
    status_code: int
    occurred_at: datetime
    recorded_at: datetime
    billing_period: str
    cost_usd: Decimal | None
    """``None`` when no price is known."""
    cost_input_usd: Decimal
    cost_output_usd: Decimal
    vendor_cost_usd: Decimal | None
    price_version_id: int | None
    price_match: str
    late: bool
    retry_count: int
    actual_provider: str | None = None
    endpoint: str | None = None
    method: str | None = None
    response_time_ms: int | None = None
    request_size_bytes: int | None = None
    response_size_bytes: int | None = None
    error_message: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallPage(Result):
    """A page of calls, newest first, and how many there are on all pages."""

    calls: tuple[Call, ...]
    total_count: int


@dataclass(frozen=True, slots=True)
class CurrentPeriod(Result):
    """The plan and the periods of a user now."""

    label: str
    """The month of the usage period's start, ``YYYY-MM``: for people, never a key."""
    plan_id: str
    status: str | None
    """The subscription's status; ``None`` without one."""
    starts_at: datetime
    ends_at: datetime
    usage_period: Span
    billing_period: Span


@dataclass(frozen=True, slots=True)
class Breakdown(Result):
    """The usage of one provider or operation. ``cost`` is in dollars."""

    calls: int
    tokens: int
    cost: Decimal
    unpriced_calls: int


@dataclass(frozen=True, slots=True)
class UsageSummary(Result):
    """What a user used in a period. ``total_cost`` is in dollars, without unpriced calls."""

    user: str
    billing_period: str
    span: Span | None
    plan_id: str
    usage_status: str
    total_calls: int
    total_tokens: int
    input_tokens: int
    output_tokens: int
    total_cost: Decimal
    unpriced_calls: int
    failed_calls: int
    error_rate: float
    avg_response_time_ms: int | None
    provider_breakdown: dict[str, Breakdown]
    operation_breakdown: dict[str, Breakdown]
    limits: tuple[LimitState, ...]
    usage_percentages: dict[str, float]


@dataclass(frozen=True, slots=True)
class UsageLine(Result):
    """What was used of one provider for one operation, in the usage periods of one label."""

    billing_period: str
    provider: str
    operation: str
    calls: int
    tokens: int
    cost: Decimal
    unpriced_calls: int


@dataclass(frozen=True, slots=True)
class UserLimits(Result):
    """Where a user stands with every limit, in the order of the plan."""

    user: str
    plan_id: str
    plan_name: str
    usage_period: Span
    usage_status: str
    limits: tuple[LimitState, ...]


@dataclass(frozen=True, slots=True)
class CurrentUsage(Result):
    """What was used in the running period."""

    billing_period: str
    usage_period: Span
    usage_status: str
    total_calls: int
    total_tokens: int
    total_cost: Decimal
    unpriced_calls: int
    error_rate: float
    avg_response_time_ms: int | None
    provider_breakdown: dict[str, Breakdown]


@dataclass(frozen=True, slots=True)
class PlanLimits(Result):
    """The plan, and the maximum of each limit: ``None`` for "no limit", 0 for "not in the plan"."""

    plan_id: str
    plan_name: str
    tier: str
    limits: dict[str, int | Decimal | None]


@dataclass(frozen=True, slots=True)
class LimitProjection(Result):
    """Where a limit of the period is heading."""

    name: str
    used: int | Decimal
    maximum: int | Decimal
    projected: int | Decimal
    projected_percentage: float | None
    reached_at: datetime | None
    projected_by_last_7_days: int | Decimal
    reached_at_by_last_7_days: datetime | None


@dataclass(frozen=True, slots=True)
class Projections(Result):
    """Where the running period is heading, in dollars at its end."""

    projected_monthly_cost: Decimal
    cost_limit: Decimal | None
    projected_usage_percentage: float | None
    projected_monthly_cost_by_last_7_days: Decimal
    limits: tuple[LimitProjection, ...]


@dataclass(frozen=True, slots=True)
class Dashboard(Result):
    """Everything about a user's running period at one glance."""

    user: str
    current_usage: CurrentUsage
    limits: PlanLimits
    usage_percentages: dict[str, float]
    projections: Projections
    alerts: tuple[Alert, ...]
    unread_alerts: int
