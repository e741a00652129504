"""The core of alwrity-metering. Its names are public in ``alwrity_metering``."""

import os
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, final

from typing_extensions import Self, Unpack, disjoint_base

from . import results as r
from ._arguments import (
    AlertPageFilter,
    CallFilter,
    CallMade,
    CallOutcome,
    CallRecord,
    CallRequest,
    LimitTerms,
    MeterOptions,
    SubscriptionTerms,
)
from .errors import MeteringError

__all__ = [
    "Decision",
    "HoldReceipt",
    "Mailbox",
    "ManualClock",
    "Meter",
    "Quote",
    "Receipt",
    "UsageStream",
    "detect_body",
    "detect_model",
    "detect_provider",
    "error_table",
    "estimate_input_tokens",
    "estimate_request",
    "estimate_tokens",
    "extract_usage",
    "run_command",
    "stop_logging",
]

def error_table() -> list[dict[str, Any]]: ...
def estimate_tokens(text: str) -> int:
    """How many tokens a text has, to about 5 %."""

def estimate_input_tokens(messages: Any, model: str) -> int:
    """How many input tokens messages have: a list of messages, a text, or a whole request."""

def detect_provider(url: str) -> r.Detection:
    """Who is called by a request to that URL, and what for."""

def detect_model(model: str) -> r.Detection:
    """Whose model that is, and what it is for."""

def detect_body(body: Any) -> r.Detection:
    """Who is called by a request with that body, and what for."""

def estimate_request(provider: str, operation: str, request: Any) -> r.RequestEstimate | None:
    """What a request, as it is sent to a provider, will probably use."""

def extract_usage(provider: str, response: Any) -> r.Extracted | None:
    """What a provider's answer says was used; `None` when it reports nothing."""

def extract_content_type(content_type: str) -> r.Extracted | None: ...
def stop_logging() -> None: ...
def run_command(args: Sequence[str], self_command: Sequence[str]) -> int: ...

@final
class ManualClock:
    """A clock that only moves when it is told to, in either direction."""

    def __new__(cls, at: datetime) -> Self: ...
    def now(self) -> datetime:
        """The time that it shows."""

    def set(self, at: datetime) -> None:
        """Sets it to an instant."""

    def advance(self, by: timedelta) -> None:
        """Moves it by a `timedelta`, back when that is negative."""

@final
class UsageStream:
    """Reads what a stream used, chunk by chunk or event by event."""

    def __new__(cls, provider: str) -> Self: ...
    def push(self, chunk: Any) -> None:
        """Takes bytes or text as they came, or an event: a dict, or an object of an SDK."""

    def so_far(self) -> r.Extracted | None:
        """What is known so far; `None` when that is nothing."""

    def finish(self) -> r.Extracted | None:
        """What the whole stream used, `None` when that is nothing; it begins anew afterwards."""

@final
class Decision:
    """Whether calls may be made now. Being over a limit is a decision, never an error."""

    @property
    def allowed(self) -> bool: ...
    @property
    def reason(self) -> Literal["within_limits", "limit_reached", "not_in_plan"]: ...
    @property
    def user(self) -> str: ...
    @property
    def plan_id(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def limit(self) -> r.LimitState | None: ...
    @property
    def limits(self) -> tuple[r.LimitState, ...]: ...
    @property
    def refusing(self) -> tuple[str, ...]: ...
    @property
    def resets_at(self) -> datetime | None: ...
    @property
    def retry_after_ms(self) -> int | None: ...
    @property
    def upgrade_plan_id(self) -> str | None: ...
    @property
    def cost_usd(self) -> Decimal: ...
    @property
    def usage_period(self) -> r.Span: ...
    @property
    def calls(self) -> tuple[r.CallVerdict, ...]: ...
    @property
    def subscription_status(self) -> str | None: ...
    def _room(self) -> tuple[str, str, str, int, int, int | None] | None: ...
    def as_dict(self) -> dict[str, Any]: ...
    def __eq__(self, value: object, /) -> bool: ...
    @staticmethod
    def _restore(text: str) -> Decision: ...

@final
class HoldReceipt:
    """A hold that was granted: room kept free until it is settled, released or expires."""

    @property
    def hold_id(self) -> str: ...
    @property
    def idempotency_key(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def usage(self) -> dict[str, int]: ...
    @property
    def call_count(self) -> int: ...
    @property
    def cost_usd(self) -> Decimal: ...
    @property
    def is_price_known(self) -> bool: ...
    @property
    def reserved_at(self) -> datetime: ...
    @property
    def expires_at(self) -> datetime: ...
    @property
    def is_repeat(self) -> bool: ...
    @property
    def tightest(self) -> r.LimitState | None: ...
    @property
    def subscription_status(self) -> str | None: ...
    def _room(self) -> tuple[str, str, str, int, int, int | None] | None: ...
    def as_dict(self) -> dict[str, Any]: ...
    def __eq__(self, value: object, /) -> bool: ...
    @staticmethod
    def _restore(text: str) -> HoldReceipt: ...

@final
class Receipt:
    """The proof of a recorded call."""

    @property
    def status(self) -> Literal["recorded", "duplicate"]: ...
    @property
    def call_id(self) -> int: ...
    @property
    def idempotency_key(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def usage(self) -> dict[str, int]: ...
    @property
    def usage_source(self) -> Literal["reported", "estimated", "expired_hold"]: ...
    @property
    def call_count(self) -> int: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def period_starts_at(self) -> datetime: ...
    @property
    def cost_usd(self) -> Decimal | None: ...
    @property
    def cost_input_usd(self) -> Decimal: ...
    @property
    def cost_output_usd(self) -> Decimal: ...
    @property
    def vendor_cost_usd(self) -> Decimal | None: ...
    @property
    def price_version_id(self) -> int | None: ...
    @property
    def price_match(self) -> str: ...
    @property
    def late(self) -> bool: ...
    @property
    def pruned(self) -> bool: ...
    @property
    def overshoot(self) -> r.Overshoot: ...
    @property
    def limits_exceeded(self) -> tuple[r.LimitState, ...]: ...
    def as_dict(self) -> dict[str, Any]: ...
    def __eq__(self, value: object, /) -> bool: ...
    @staticmethod
    def _restore(text: str) -> Receipt: ...

@final
class Quote:
    """What a call would cost. `cost_usd` is `None` when no price is known."""

    @property
    def cost_usd(self) -> Decimal | None: ...
    @property
    def cost_input_usd(self) -> Decimal: ...
    @property
    def cost_output_usd(self) -> Decimal: ...
    @property
    def provider(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def lines(self) -> tuple[r.ChargeLine, ...]: ...
    @property
    def price_version(self) -> r.QuotedPrice | None: ...
    @property
    def price_match(self) -> str: ...
    def as_dict(self) -> dict[str, Any]: ...
    def __eq__(self, value: object, /) -> bool: ...
    @staticmethod
    def _restore(text: str) -> Quote: ...

@final
class Mailbox:
    """The answers that an event loop awaits."""

    def __new__(cls, loop_ref: Callable[[], AbstractEventLoop | None]) -> Self: ...
    def fileno(self) -> int: ...
    def fetch(self) -> None: ...
    def abandon(self, future: Future[Any]) -> None: ...
    def watch(self) -> None: ...
    def close(self) -> None: ...
    def __len__(self) -> int: ...

@disjoint_base
class Meter:
    """The handle of a store."""

    def __new__(
        cls,
        path: str | os.PathLike[str],
        *,
        clock: ManualClock | None = None,
        **options: Unpack[MeterOptions],
    ) -> Self: ...
    @property
    def path(self) -> Path: ...
    @property
    def closed(self) -> bool: ...
    def close(self) -> None:
        """Commits what is queued and lets go of the file. Closing again does nothing."""

    def now(self) -> datetime: ...
    def flush(self) -> None: ...
    def queued_failures(self) -> int: ...
    # Calls.
    def check_limit(self, user: str, **call: Unpack[CallRequest]) -> Decision:
        """Whether a call may be made now. It keeps nothing free: only `reserve` enforces."""

    def check_limits(self, user: str, calls: Sequence[CallRequest]) -> Decision:
        """Whether several calls may be made together, each seeing those before it: at most 256."""

    def settle(self, user: str, hold: HoldReceipt | str, **outcome: Unpack[CallOutcome]) -> Receipt:
        """Records what the call that was held for really used, and ends the hold."""

    def release(self, user: str, hold: HoldReceipt | str) -> str:
        """Gives a hold back: the call was not made. `released`, or `already_closed` when nothing
        was left."""

    def record_call(self, user: str, **call: Unpack[CallMade]) -> Receipt:
        """Records a call that was made, priced and counted, once per idempotency key."""

    def record_calls(self, calls: Sequence[CallRecord]) -> list[Receipt | MeteringError]:
        """Records several calls, of any users, in as few transactions as fit; one answer for
        each."""

    def queue_call(self, user: str, **call: Unpack[CallMade]) -> str:
        """Queues a record and returns its idempotency key at once: for hosts that may not wait."""

    def queue_settle(
        self, user: str, hold: HoldReceipt | str, **outcome: Unpack[CallOutcome]
    ) -> None:
        """Queues what `settle` does and returns at once; `flush` waits for the commit."""

    def queue_release(self, user: str, hold: HoldReceipt | str) -> None: ...
    def quote(self, user: str = "", **call: Unpack[CallMade]) -> Quote:
        """What a call would cost, without recording it. `cost_usd` is `None` when no price is
        known."""

    def calls(self, user: str, **filters: Unpack[CallFilter]) -> r.CallPage:
        """A page of a user's recorded calls, newest first, and how many there are in all."""

    def current_period(self, user: str) -> r.CurrentPeriod:
        """The plan and the periods of a user now; a user that was never seen is on the default
        plan."""

    # Limits and reports.
    def limits(self, user: str) -> r.UserLimits:
        """Where a user stands with every limit now, in the order of the plan."""

    def set_limit(
        self,
        user: str,
        name: str,
        maximum: Decimal | int | str | None,
        **terms: Unpack[LimitTerms],
    ) -> r.UserLimits:
        """Gives a user a limit of its own, in place of the plan's or on top of it (`boost`)."""

    def clear_limit(self, user: str, name: str) -> r.UserLimits:
        """Ends a user's own limits of that name, now: the plan's holds again."""

    def usage_summary(self, user: str, period: str = "current") -> r.UsageSummary:
        """What a user used in a period: totals, breakdowns, and where its limits stand now."""

    def usage_lines(self, user: str, period: str = "current") -> tuple[r.UsageLine, ...]: ...
    def dashboard(self, user: str) -> r.Dashboard:
        """What a user used in the running period, of what it may use, and where it is heading."""

    def trends(self, user: str, months: int = 6) -> r.Trends:
        """What a user used in each of the last months, 1 to 24, the oldest first."""

    def daily_trends(self, user: str, days: int = 30) -> r.Trends:
        """What a user used on each of the last UTC days, 1 to 731, the oldest first."""

    def compare(self, user: str, *, days: int = 30, sla_ms: int | None = None) -> r.Comparison:
        """Compares what a user's providers and models did and cost in the last `days`, 1 to 731."""

    def hints(
        self,
        user: str,
        *,
        days: int = 30,
        scope: Literal["same_provider", "used_providers", "all_providers"] = "used_providers",
    ) -> r.Hints:
        """What a user's calls of the last `days` would have cost on cheaper models, at list
        prices."""

    # Alerts.
    def alerts(self, user: str, **filters: Unpack[AlertPageFilter]) -> r.AlertPage: ...
    def operator_alerts(self, **filters: Unpack[AlertPageFilter]) -> r.AlertPage: ...
    def mark_read(self, user: str, alert_id: int) -> None: ...
    def mark_all_read(self, user: str) -> int: ...
    def dismiss(self, user: str, alert_id: int) -> None: ...
    def dismiss_operator_alert(self, alert_id: int) -> None: ...
    def deliver_alerts(self, channel: str, send: Callable[[r.Delivery], object]) -> r.Delivered: ...
    def outbox(self) -> tuple[r.OutboxCount, ...]: ...
    # The catalogue.
    def seed(self, plan_set: str = "default") -> r.Seeded: ...
    def plans(self) -> tuple[r.Plan, ...]: ...
    def put_plans(self, toml: str) -> int: ...
    def prices(self, provider: str | None = None) -> tuple[r.PriceVersion, ...]: ...
    def price(
        self,
        provider: str,
        model: str = "",
        *,
        operation: str | None = None,
        variant: str = "standard",
        at: datetime | None = None,
    ) -> r.PriceVersion | None: ...
    def put_prices(self, csv: str) -> tuple[r.PriceWarning, ...]: ...
    def put_price(self, **price: Any) -> tuple[r.PriceWarning, ...]: ...
    # Subscriptions and invoices.
    def subscribe(
        self, user: str, plan_id: str, **terms: Unpack[SubscriptionTerms]
    ) -> r.SubscriptionReceipt: ...
    def confirm_payment(
        self,
        user: str,
        reference: str,
        *,
        stripe_customer_id: str | None = None,
        stripe_subscription_id: str | None = None,
        payment_method: str | None = None,
    ) -> r.SubscriptionReceipt: ...
    def renew(
        self, user: str, *, paid: str | None = None, waived: str | None = None
    ) -> r.SubscriptionReceipt: ...
    def upgrade(
        self,
        user: str,
        plan_id: str,
        *,
        billing_cycle: Literal["monthly", "yearly"] | None = None,
        paid: str | None = None,
        waived: str | None = None,
    ) -> r.SubscriptionReceipt: ...
    def downgrade(self, user: str, plan_id: str) -> r.SubscriptionReceipt: ...
    def change_cycle(
        self,
        user: str,
        billing_cycle: Literal["monthly", "yearly"],
        *,
        paid: str | None = None,
        waived: str | None = None,
    ) -> r.SubscriptionReceipt: ...
    def cancel(
        self, user: str, *, when: Literal["period_end", "now"] = "period_end"
    ) -> r.SubscriptionReceipt: ...
    def withdraw_change(self, user: str) -> r.SubscriptionReceipt: ...
    def mark_past_due(self, user: str, *, grace_until: datetime) -> r.SubscriptionReceipt: ...
    def suspend(self, user: str) -> r.SubscriptionReceipt: ...
    def resume(self, user: str) -> r.SubscriptionReceipt: ...
    def preview_change(self, user: str, change: str, **terms: Any) -> r.ChangePreview: ...
    def subscription(self, user: str) -> r.SubscriptionView: ...
    def subscription_history(
        self, user: str, *, before_id: int | None = None, offset: int = 0, limit: int = 50
    ) -> r.HistoryPage: ...
    def billing_history(self, user: str) -> tuple[r.Invoice, ...]: ...
    def finalize_invoice(self, user: str, period: str | datetime) -> r.Invoice: ...
    def finalize_ended(self, user: str) -> tuple[r.Invoice, ...]: ...
    def void_invoice(self, user: str, period: str | datetime, *, reason: str) -> r.Invoice: ...
    def set_invoice_payment(
        self,
        user: str,
        period: str | datetime,
        *,
        status: Literal["pending", "paid", "failed", "waived"],
        reference: str | None = None,
        stripe_invoice_id: str | None = None,
    ) -> r.Invoice: ...
    # Care of the store.
    def users(self) -> list[str]: ...
    def verify(self) -> r.Verification: ...
    def rebuild(self) -> int: ...
    def query(self, sql: str) -> r.Table: ...
    def prune(self, older_than: datetime, *, dry_run: bool = False) -> r.Pruned: ...
    def export_user(self, user: str) -> dict[str, Any]: ...
    def erase_user(self, user: str) -> r.ErasedUser: ...
    def unpriced(self) -> tuple[r.UnpricedGroup, ...]: ...
    def re_rate(self, *, dry_run: bool = False) -> r.ReRating: ...
    # What the Python side is made of.
    def _reserve(
        self, user: str, **call: Unpack[CallRequest]
    ) -> HoldReceipt | Decision | Receipt: ...
    def _reserve_all(
        self, user: str, calls: Sequence[CallRequest]
    ) -> list[HoldReceipt | Receipt] | Decision: ...
    def _invoice(self, user: str, period: str | datetime) -> r.Invoice: ...
    def _invoice_as(self, user: str, period: str | datetime, form: str) -> str: ...
    @property
    def _busy_timeout_ms(self) -> int: ...
    def _record_call_then(
        self, mailbox: Mailbox, user: str, call: CallMade
    ) -> Future[Receipt] | None: ...
    def _record_calls_then(
        self, mailbox: Mailbox, calls: Sequence[CallRecord]
    ) -> list[Future[Receipt]]: ...
    def _reserve_then(
        self, mailbox: Mailbox, user: str, call: CallRequest
    ) -> Future[HoldReceipt | Decision | Receipt] | None: ...
    def _reserve_all_then(
        self, mailbox: Mailbox, user: str, calls: Sequence[CallRequest]
    ) -> Future[list[HoldReceipt | Receipt] | Decision] | None: ...
    def _settle_then(
        self, mailbox: Mailbox, user: str, hold: HoldReceipt | str, outcome: CallOutcome
    ) -> Future[Receipt] | None: ...
    def _release_then(
        self, mailbox: Mailbox, user: str, hold: HoldReceipt | str
    ) -> Future[str] | None: ...
