"""Results about subscriptions and invoices. Money is in dollars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ._base import Result
from ._usage import Span


@dataclass(frozen=True, slots=True)
class Proration(Result):
    """What a change costs. No part is negative."""

    credit_usd: Decimal
    charge_usd: Decimal
    due_usd: Decimal


@dataclass(frozen=True, slots=True)
class SubscriptionReceipt(Result):
    """A user's subscription after a change."""

    user: str
    plan_id: str
    billing_cycle: str
    status: str
    """``pending`` waits for its payment and grants nothing."""
    change: str | None
    anchor: datetime
    starts_at: datetime
    usage_period: Span
    billing_period: Span
    auto_renew: bool
    grants_until: datetime | None
    proration: Proration
    payment_status: str
    is_repeat: bool


@dataclass(frozen=True, slots=True)
class ScheduledChange(Result):
    """A change that is scheduled, or waits for its payment."""

    change: str
    plan_id: str
    billing_cycle: str
    starts_at: datetime
    amount_usd: Decimal
    payment_status: str


@dataclass(frozen=True, slots=True)
class ChangePreview(Result):
    """What a change would do."""

    user: str
    current_plan_id: str
    plan_id: str
    billing_cycle: str
    change: str | None
    starts_at: datetime
    billing_period: Span
    proration: Proration
    fee_usd: Decimal
    withdrawn: tuple[ScheduledChange, ...]


@dataclass(frozen=True, slots=True)
class ExternalIds(Result):
    """The host's names of things outside."""

    stripe_customer_id: str | None = None
    stripe_subscription_id: str | None = None
    payment_method: str | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionView(Result):
    """How a user's subscription stands."""

    user: str
    plan_id: str
    plan_name: str
    tier: str
    status: str | None
    """``None`` without a subscription."""
    subscribed_plan_id: str | None
    billing_cycle: str
    auto_renew: bool
    usage_period: Span
    billing_period: Span
    renews_at: datetime | None
    grants_until: datetime | None
    scheduled: ScheduledChange | None
    pending: ScheduledChange | None
    external: ExternalIds


@dataclass(frozen=True, slots=True)
class UsageSnapshot(Result):
    """What was used before a change."""

    total_calls: int
    total_tokens: int
    total_cost_usd: Decimal
    calls_by_provider: dict[str, int]
    usage_status: str


@dataclass(frozen=True, slots=True)
class TermPayment(Result):
    """What was told about the payment of a change."""

    status: str
    amount_usd: Decimal
    reference: str | None
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class HistoryEntry(Result):
    """Something that has happened to a subscription."""

    id: int
    """The place in the user's history, from 1, oldest first."""
    change: str
    plan_id: str
    plan_name: str
    plan_tier: str
    previous_plan_id: str | None
    previous_plan_name: str | None
    previous_plan_tier: str | None
    billing_cycle: str
    previous_period: Span | None
    new_period: Span
    renewal_count: int
    usage_before: UsageSnapshot | None
    payment: TermPayment
    created_at: datetime
    is_computed: bool


@dataclass(frozen=True, slots=True)
class HistoryPage(Result):
    """A page of a subscription's history, newest first."""

    entries: tuple[HistoryEntry, ...]
    total_count: int
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine(Result):
    """One line of an invoice. Its amount is rounded once; the lines add to the total."""

    kind: str
    plan_id: str | None = None
    provider: str | None = None
    model: str | None = None
    adjusts: datetime | None = None
    calls: int
    unpriced_calls: int
    tokens: int
    cost_usd: Decimal
    amount_usd: Decimal


@dataclass(frozen=True, slots=True)
class InvoicePayment(Result):
    """What was told about the payment of an invoice."""

    status: str
    paid_at: datetime | None
    reference: str | None
    stripe_invoice_id: str | None


@dataclass(frozen=True, slots=True)
class Invoice(Result):
    """What a user owes for one billing period."""

    user: str
    billing_period: str
    id: int
    """0 for a draft."""
    state: str
    """``draft``, ``finalized`` or ``void``."""
    period: Span
    plan_id: str
    plan_name: str
    billing_cycle: str
    lines: tuple[InvoiceLine, ...]
    total_calls: int
    total_tokens: int
    total_usd: Decimal
    paid_usd: Decimal
    payment: InvoicePayment
    hash: str | None
    """SHA-256 over its numbers; ``None`` for a draft."""
    finalized_at: datetime | None
    voided_at: datetime | None
    void_reason: str | None
    base_cost_usd: Decimal
    usage_cost_usd: Decimal
    overage_cost_usd: Decimal
    due_usd: Decimal
