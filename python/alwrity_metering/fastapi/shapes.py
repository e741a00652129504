"""The shapes that the billing screens read: one type for each, which FastAPI documents and checks.

Money is a JSON number in dollars here, because the screens do arithmetic on it; times are RFC 3339
in UTC. What may be absent is left out, and what may be `null` says so.
"""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field
from typing_extensions import NotRequired, TypedDict

Data = TypeVar("Data")

Month = Annotated[str, Field(pattern=r"^\d{4}-\d{2}$", examples=["2026-12"])]
"""The label of a usage period: the month that it starts in."""
Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A time in UTC, `2026-12-01T00:00:00Z`."""
Dollars = Annotated[float, Field(description="US dollars, not rounded to cents.")]
Cycle = Literal["monthly", "yearly"]


def one_of(*names: str) -> Any:
    """What is documented of a text that is one of several; the meter is what makes it so."""
    return Field(json_schema_extra={"enum": list(names)})


ZeroMeans = Annotated[str, one_of("limited", "disabled", "unlimited")]
TierName = Annotated[str, one_of("free", "basic", "pro", "enterprise")]
UsageStatus = Annotated[str, one_of("active", "warning", "limit_reached")]
CycleName = Annotated[str, one_of("monthly", "yearly")]


class Answer(TypedDict, Generic[Data]):
    """The envelope of every answer but that of `/usage-logs`."""

    success: Literal[True]
    data: Data


class LimitNumbers(TypedDict):
    """The maximum of each limit. `0` stands for "none" and for "no limit": see `_zero_means`."""

    ai_text_generation_calls: int
    gemini_calls: int
    openai_calls: int
    anthropic_calls: int
    mistral_calls: int
    tavily_calls: int
    serper_calls: int
    metaphor_calls: int
    firecrawl_calls: int
    exa_calls: int
    stability_calls: int
    video_calls: int
    image_edit_calls: int
    audio_calls: int
    wavespeed_calls: int
    gemini_tokens: int
    openai_tokens: int
    anthropic_tokens: int
    mistral_tokens: int
    monthly_cost: Dollars


class Limits(TypedDict):
    """A plan's limits."""

    plan_name: str
    tier: TierName
    limits: LimitNumbers
    features: list[str]
    _zero_means: NotRequired[
        Annotated[
            dict[str, ZeroMeans],
            Field(description="What each number stands for; a positive one is `limited`."),
        ]
    ]


class Alert(TypedDict):
    """An alert. What does not apply is left out."""

    id: int
    type: Annotated[str, one_of("usage_threshold", "velocity", "unpriced", "critical_error")]
    threshold_percentage: int
    provider: NotRequired[str]
    title: str
    message: str
    severity: Annotated[str, one_of("info", "warning", "error")]
    is_sent: bool
    sent_at: NotRequired[Instant]
    is_read: bool
    read_at: NotRequired[Instant]
    billing_period: Month
    created_at: Instant


class Alerts(TypedDict):
    """A user's alerts, newest first."""

    alerts: list[Alert]
    total: Annotated[int, Field(description="How many fit, also beyond `limit`.")]
    unread_count: int


class Marked(TypedDict):
    """The answer of marking an alert as read."""

    success: Literal[True]
    message: str


class ProviderUsage(TypedDict):
    """What was used of one provider."""

    calls: int
    tokens: int
    cost: Dollars


class UsageStats(TypedDict):
    """What a user used in a period. Limits and percentages are those of the running period."""

    billing_period: Annotated[str, Field(pattern=r"^(\d{4}-\d{2}|all)$")]
    usage_status: UsageStatus
    total_calls: int
    total_tokens: int
    total_cost: Dollars
    avg_response_time: Annotated[float, Field(description="Seconds.")]
    error_rate: Annotated[float, Field(description="Percent of the calls that failed.")]
    limits: Limits
    provider_breakdown: dict[str, ProviderUsage]
    usage_percentages: dict[str, float]
    alerts: Annotated[list[Alert], Field(description="The newest unread ones, at most 10.")]
    last_updated: Instant


class ProviderTrend(TypedDict):
    """One provider's part of the trends."""

    calls: list[int]
    cost: list[Dollars]
    tokens: list[int]


class Trends(TypedDict):
    """The last months, oldest first; every list is as long as `periods`."""

    periods: list[Month]
    total_calls: list[int]
    total_cost: list[Dollars]
    total_tokens: list[int]
    provider_trends: dict[str, ProviderTrend]


class Projections(TypedDict):
    """Where the running period is heading."""

    projected_monthly_cost: Dollars
    cost_limit: Annotated[float, Field(description="US dollars; 0 where there is no limit.")]
    projected_usage_percentage: float


class DashboardSummary(TypedDict):
    """The figures at the top of the dashboard. "This month" is the running usage period."""

    total_api_calls_this_month: int
    total_cost_this_month: Dollars
    usage_status: UsageStatus
    unread_alerts: int


class Dashboard(TypedDict):
    """Everything about a user at one glance."""

    total_usage: UsageStats
    current_period_usage: UsageStats
    trends: Trends
    limits: Limits
    alerts: Annotated[list[Alert], Field(max_length=5)]
    projections: Projections
    summary: DashboardSummary


class Plan(TypedDict):
    """A plan that can be subscribed to."""

    id: str
    name: str
    tier: TierName
    price_monthly: Dollars
    price_yearly: Dollars
    description: str
    features: list[str]
    limits: LimitNumbers
    _zero_means: dict[str, ZeroMeans]
    is_free: NotRequired[bool]


class Plans(TypedDict):
    """The plans, cheapest first."""

    plans: list[Plan]
    total: int


class Price(TypedDict):
    """What a model costs now; `null` where it is not charged by that unit."""

    provider: str
    model_name: str
    cost_per_input_token: Dollars | None
    cost_per_output_token: Dollars | None
    cost_per_request: Dollars | None
    cost_per_search: Dollars | None
    cost_per_image: Dollars | None
    cost_per_page: Dollars | None
    description: str
    effective_date: Instant


class Pricing(TypedDict):
    """The prices in force."""

    pricing: list[Price]
    total: int


class Subscription(TypedDict):
    """A user's subscription."""

    plan_id: str
    status: Annotated[
        str, one_of("active", "pending", "past_due", "suspended", "cancelled", "expired")
    ]
    billing_cycle: CycleName
    current_period_start: Instant
    current_period_end: Instant
    auto_renew: bool


class UserSubscription(TypedDict):
    """How a user's subscription stands; without one, the Free plan."""

    subscription: Subscription | None
    plan: Plan
    limits: Limits
    status: NotRequired[str]


class SubscriptionStatus(TypedDict):
    """Whether a user may use the API; the reason where not."""

    active: bool
    plan: str
    tier: TierName
    can_use_api: bool
    limits: Limits
    reason: NotRequired[str]


class Subscribed(TypedDict):
    """A subscription that was made."""

    subscription_id: str
    plan_name: str
    billing_cycle: CycleName
    current_period_start: Instant
    current_period_end: Instant
    status: str
    limits: Limits


class LoggedCall(TypedDict):
    """One recorded call. `cost_total` is 0 while the price is unknown: see `is_priced`."""

    id: int
    timestamp: Instant
    provider: str
    actual_provider_name: str | None
    model_used: str | None
    endpoint: str
    method: str
    tokens_input: int
    tokens_output: int
    tokens_total: int
    cost_input: Dollars
    cost_output: Dollars
    cost_total: Dollars
    response_time: Annotated[float, Field(description="Seconds.")]
    status_code: int
    status: Annotated[str, one_of("success", "failed")]
    error_message: str | None
    billing_period: Month
    retry_count: int
    is_aggregated: bool
    is_priced: bool


class Log(TypedDict):
    """A page of the log, newest first."""

    logs: list[LoggedCall]
    total_count: int
    limit: int
    offset: int
    has_more: bool


class UsageBefore(TypedDict):
    """What was used before a renewal."""

    total_calls: int
    total_tokens: int
    total_cost: Dollars
    gemini_calls: int
    mistral_calls: int
    usage_status: UsageStatus


class Renewal(TypedDict):
    """One line of a subscription's history."""

    id: int
    plan_name: str
    plan_tier: TierName
    previous_period_start: Instant | None
    previous_period_end: Instant | None
    new_period_start: Instant
    new_period_end: Instant
    billing_cycle: CycleName
    renewal_type: Annotated[str, one_of("new", "renewal", "upgrade", "downgrade")]
    renewal_count: int
    previous_plan_name: str | None
    previous_plan_tier: TierName | None
    usage_before_renewal: UsageBefore | None
    payment_amount: Dollars
    payment_status: Annotated[str, one_of("pending", "paid", "failed", "waived")]
    payment_date: Instant | None
    created_at: Instant


class Renewals(TypedDict):
    """A page of a subscription's history, newest first."""

    renewals: list[Renewal]
    total_count: int
    limit: int
    offset: int
    has_more: bool


class LimitRoom(TypedDict):
    """The room in a limit; without a limit, `limit` is 0 and `remaining` is 2147483647."""

    current_usage: float
    limit: float
    remaining: float


class CheckedOperation(TypedDict):
    """How one operation fares, after those before it."""

    provider: str
    operation_type: str
    cost: Dollars
    allowed: bool
    limit_info: LimitRoom | None
    message: str | None


class CallRoom(TypedDict):
    """The room for calls."""

    current_calls: int
    limit: int
    remaining: int


class Preflight(TypedDict):
    """Whether operations may be made together, and what they would cost."""

    can_proceed: bool
    estimated_cost: Dollars
    total_cost: Dollars
    cached: Literal[False]
    operations: list[CheckedOperation]
    usage_summary: CallRoom | None


class UsageRefused(TypedDict):
    """Why a call was refused, in numbers."""

    provider: NotRequired[str]
    current_calls: NotRequired[int]
    current_tokens: NotRequired[int]
    requested_tokens: NotRequired[int]
    current_cost: NotRequired[Dollars]
    current_usage: NotRequired[int]
    limit: NotRequired[float]
    usage_percentage: NotRequired[float]
    type: NotRequired[str]
    error_type: NotRequired[str]
    operation_type: NotRequired[str]
    resets_at: NotRequired[Instant]
    expired: NotRequired[bool]
    period_end: NotRequired[Instant]


class Refusal(TypedDict):
    """The body of a refusal."""

    error: str
    message: str
    provider: NotRequired[str]
    usage_info: NotRequired[UsageRefused]
    code: NotRequired[str]


class RefusedByRoute(TypedDict):
    """The body of a refusal that comes from a route."""

    detail: Refusal


class Detail(TypedDict):
    """The body of an error that says only what is wrong."""

    detail: str
