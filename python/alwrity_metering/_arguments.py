"""The keyword arguments of the verbs that take many: what a call is told by.

At runtime these are dictionaries, so that ``CallRequest(provider="exa")`` is a ``dict``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypedDict

Variant = Literal["standard", "batch", "flex", "priority"]
"""The service tier of a call, which providers price differently."""
BillingCycle = Literal["monthly", "yearly"]
"""How often the fee is due."""
CancelAt = Literal["period_end", "now"]
"""When a cancellation takes effect."""
HintScope = Literal["same_provider", "used_providers", "all_providers"]
"""Which providers a hint may name."""


class _Units(TypedDict, total=False):
    """Quantities of the common units, each a whole number. Subsets are inside their totals."""

    cached_input_tokens: int
    cache_write_5m_tokens: int
    cache_write_1h_tokens: int
    reasoning_tokens: int
    input_audio_tokens: int
    output_audio_tokens: int
    requests: int
    searches: int
    images: int
    pages: int
    seconds: int
    characters: int
    usage: Mapping[str, int]
    """Quantities by unit, for any unit: ``{"web_searches": 2}``. A unit that is given by its own
    name stands above it."""
    input_tokens: int
    output_tokens: int


class _Target(TypedDict, total=False):
    """What was, or will be, called."""

    model: str
    operation: str | None
    """``chat``, ``search``, …; without it the catalogue's default of the model or provider."""
    variant: Variant
    call_count: int
    """How many calls it stands for, 1 or more."""
    occurred_at: datetime | None
    """An aware datetime; without it, now."""
    idempotency_key: str | None
    """What makes a repeat harmless, 1–255 bytes; without it, one is made."""


class _Provider(TypedDict):
    provider: str
    """Who is paid: ``gemini``, ``openai``, ``tavily``."""


class CallRequest(_Provider, _Target, _Units, total=False):
    """A call that is about to be made."""

    max_output_tokens: int | None
    """The cap on output tokens; without it the option ``default_output_tokens``, for chat."""
    input_estimate: Mapping[str, int] | None
    """How the input was estimated, as ``estimate`` says it: the settlement learns from it."""
    ttl_ms: int | None
    """How long a hold lives, in ms; without it the option ``hold_ttl_ms``."""


class CallOutcome(_Units, total=False):
    """How a call turned out."""

    response: Any
    """The provider's answer, which tells what was used: a dict, JSON text, bytes, an object of
    an SDK (pydantic), or the answer of an HTTP client. What is given by name stands above it."""
    usage_source: Literal["reported", "estimated"]
    vendor_cost_usd: Decimal | int | str | None
    """What the vendor says it cost, in dollars; it wins over the list price. Never a float."""
    status_code: int
    """The HTTP status of the provider's answer, 100–599."""
    actual_provider: str | None
    endpoint: str | None
    method: str | None
    response_time_ms: int | None
    request_size_bytes: int | None
    response_size_bytes: int | None
    retry_count: int
    error_message: str | None
    """Redacted and cut before it is kept."""
    ip_address: str | None
    user_agent: str | None
    tags: Mapping[str, str]
    """At most 16."""


class CallMade(_Provider, _Target, CallOutcome, total=False):
    """A call that was made."""


class _User(TypedDict):
    user: str


class CallRecord(_User, CallMade, total=False):
    """A call that was made, and whose it was: what ``record_calls`` takes."""


class LimitTerms(TypedDict, total=False):
    """What a user's own limit is, beside its name and maximum."""

    boost: bool
    """Whether it adds to the plan's maximum, instead of replacing it."""
    metric: str | None
    """``calls``, ``tokens``, ``cost_usd`` or a unit; needed only for a new name."""
    provider: str | None
    operation: str | None
    window: Literal["period", "minute", "hour", "day", "lifetime"] | None
    policy: str | None
    """``hard``, ``soft`` or ``grace N%``."""
    thresholds: list[int] | None
    """Percentages that raise an alert."""
    starts_at: datetime | None
    ends_at: datetime | None
    note: str | None


class SubscriptionTerms(TypedDict, total=False):
    """What a user subscribes to, beside the plan."""

    billing_cycle: BillingCycle
    anchor: datetime | None
    """What periods are counted from."""
    starts_at: datetime | None
    paid: str | None
    """The host's reference of the payment."""
    waived: str | None
    """Why nobody pays."""
    auto_renew: bool
    stripe_customer_id: str | None
    stripe_subscription_id: str | None
    payment_method: str | None


class PageChoice(TypedDict, total=False):
    """Which part of a list is wanted."""

    before_id: int | None
    """The cursor: the ``id`` of the last entry that was seen."""
    offset: int
    limit: int


class PriceChoice(TypedDict, total=False):
    """Which price of a model is meant."""

    operation: str | None
    variant: Variant
    at: datetime | None
    """At that instant; without it, now."""


class ExternalNames(TypedDict, total=False):
    """The host's names of things outside."""

    stripe_customer_id: str | None
    stripe_subscription_id: str | None
    payment_method: str | None


class UpgradeTerms(TypedDict, total=False):
    """How an upgrade is paid for, and how often the fee is due from then on."""

    billing_cycle: BillingCycle | None
    paid: str | None
    waived: str | None


class InvoicePaid(TypedDict, total=False):
    """What a host tells of the payment of an invoice."""

    status: Literal["pending", "paid", "failed", "waived"]
    reference: str | None
    stripe_invoice_id: str | None


class MeterOptions(TypedDict, total=False):
    """The options of ``Meter.open``, as the core's table of options has them."""

    default_plan: str
    default_output_tokens: int
    hold_margin_percent: int
    hold_ttl_ms: int
    unpriced_hold_usd: Decimal | int | str
    unknown_price: str
    expired_holds: Literal["release", "charge"]
    durability: Literal["durable", "queued"]
    synchronous: Literal["full", "normal"]
    busy_timeout_ms: int
    queue_capacity: int
    query_rows_max: int
    alert_channels: list[str] | str
    allow_linked_file: bool
    allow_network_disk: bool


class CallFilter(TypedDict, total=False):
    """Which calls of a user are wanted, and which part of them."""

    provider: str | None
    operation: str | None
    model: str | None
    status_code: int | None
    period: str | None
    """Only calls of the usage periods of this label, ``YYYY-MM``."""
    since: datetime | None
    """Only calls made at this instant or later."""
    until: datetime | None
    """Only calls made before this instant."""
    unpriced: bool
    """Only calls whose cost is unknown."""
    before_id: int | None
    """The cursor: the ``call_id`` of the last call that was seen."""
    offset: int
    limit: int
    """At most so many, 1–5000; without it 50."""


class AlertPageFilter(TypedDict, total=False):
    """Which alerts are wanted, and which part of them."""

    unread: bool
    dismissed: bool
    """Whether dismissed ones are shown too."""
    kind: Literal["usage_threshold", "velocity", "unpriced", "critical_error"] | None
    severity: Literal["info", "warning", "error"] | None
    before_id: int | None
    offset: int
    limit: int
