"""Verbs that are called seldom or take long: an event loop hands each to a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from typing_extensions import Unpack

    from . import results as r
    from ._arguments import (
        AlertPageFilter,
        BillingCycle,
        CallFilter,
        CallMade,
        CallOutcome,
        CallRequest,
        CancelAt,
        ExternalNames,
        HintScope,
        InvoicePaid,
        LimitTerms,
        PageChoice,
        PriceChoice,
        SubscriptionTerms,
        UpgradeTerms,
    )
    from ._meter import Meter
    from ._native import HoldReceipt

P = ParamSpec("P")
T = TypeVar("T")


async def aside(verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The answer of a verb that may take long, from a thread."""
    return await asyncio.to_thread(verb, *args, **kwargs)


class SeldomVerbs:
    """The verbs of ``Meter`` by the same names, awaitable."""

    meter: Meter
    """The meter beneath: its verbs may be used too, where waiting does no harm."""

    async def queue_call(self, user: str, **call: Unpack[CallMade]) -> str:
        """See ``Meter.queue_call``."""
        return await aside(self.meter.queue_call, user, **call)

    async def queue_settle(
        self,
        user: str,
        hold: HoldReceipt | str,
        **outcome: Unpack[CallOutcome],
    ) -> None:
        """See ``Meter.queue_settle``."""
        return await aside(self.meter.queue_settle, user, hold, **outcome)

    async def queue_release(self, user: str, hold: HoldReceipt | str) -> None:
        """See ``Meter.queue_release``."""
        return await aside(self.meter.queue_release, user, hold)

    async def flush(self) -> None:
        """See ``Meter.flush``."""
        return await aside(self.meter.flush)

    async def calls(self, user: str, **filters: Unpack[CallFilter]) -> r.CallPage:
        """See ``Meter.calls``."""
        return await aside(self.meter.calls, user, **filters)

    async def compare(
        self,
        user: str,
        *,
        days: int = 30,
        sla_ms: int | None = None,
    ) -> r.Comparison:
        """See ``Meter.compare``."""
        return await aside(self.meter.compare, user, days=days, sla_ms=sla_ms)

    async def estimate(
        self, user: str, *, messages: Any, **call: Unpack[CallRequest]
    ) -> r.CallEstimate:
        """See ``Meter.estimate``."""
        return await aside(self.meter.estimate, user, messages=messages, **call)

    async def calibrations(self) -> tuple[r.ModelCalibration, ...]:
        """See ``Meter.calibrations``."""
        return await aside(self.meter.calibrations)

    async def hints(
        self,
        user: str,
        *,
        days: int = 30,
        scope: HintScope = "used_providers",
    ) -> r.Hints:
        """See ``Meter.hints``."""
        return await aside(self.meter.hints, user, days=days, scope=scope)

    async def set_limit(
        self,
        user: str,
        name: str,
        maximum: Decimal | int | str | None,
        **terms: Unpack[LimitTerms],
    ) -> r.UserLimits:
        """See ``Meter.set_limit``."""
        return await aside(self.meter.set_limit, user, name, maximum, **terms)

    async def clear_limit(self, user: str, name: str) -> r.UserLimits:
        """See ``Meter.clear_limit``."""
        return await aside(self.meter.clear_limit, user, name)

    async def alerts(
        self,
        user: str,
        **filters: Unpack[AlertPageFilter],
    ) -> r.AlertPage:
        """See ``Meter.alerts``."""
        return await aside(self.meter.alerts, user, **filters)

    async def operator_alerts(self, **filters: Unpack[AlertPageFilter]) -> r.AlertPage:
        """See ``Meter.operator_alerts``."""
        return await aside(self.meter.operator_alerts, **filters)

    async def mark_read(self, user: str, alert_id: int) -> None:
        """See ``Meter.mark_read``."""
        return await aside(self.meter.mark_read, user, alert_id)

    async def mark_all_read(self, user: str) -> int:
        """See ``Meter.mark_all_read``."""
        return await aside(self.meter.mark_all_read, user)

    async def dismiss(self, user: str, alert_id: int) -> None:
        """See ``Meter.dismiss``."""
        return await aside(self.meter.dismiss, user, alert_id)

    async def dismiss_operator_alert(self, alert_id: int) -> None:
        """See ``Meter.dismiss_operator_alert``."""
        return await aside(self.meter.dismiss_operator_alert, alert_id)

    async def deliver_alerts(
        self,
        channel: str,
        send: Callable[[r.Delivery], object],
    ) -> r.Delivered:
        """See ``Meter.deliver_alerts``."""
        return await aside(self.meter.deliver_alerts, channel, send)

    async def outbox(self) -> tuple[r.OutboxCount, ...]:
        """See ``Meter.outbox``."""
        return await aside(self.meter.outbox)

    async def seed(self, plan_set: str = "default") -> r.Seeded:
        """See ``Meter.seed``."""
        return await aside(self.meter.seed, plan_set)

    async def plans(self) -> tuple[r.Plan, ...]:
        """See ``Meter.plans``."""
        return await aside(self.meter.plans)

    async def put_plans(self, toml: str) -> int:
        """See ``Meter.put_plans``."""
        return await aside(self.meter.put_plans, toml)

    async def prices(self, provider: str | None = None) -> tuple[r.PriceVersion, ...]:
        """See ``Meter.prices``."""
        return await aside(self.meter.prices, provider)

    async def price(
        self,
        provider: str,
        model: str = "",
        **which: Unpack[PriceChoice],
    ) -> r.PriceVersion | None:
        """See ``Meter.price``."""
        return await aside(self.meter.price, provider, model, **which)

    async def put_prices(self, csv: str) -> tuple[r.PriceWarning, ...]:
        """See ``Meter.put_prices``."""
        return await aside(self.meter.put_prices, csv)

    async def put_price(self, **price: Any) -> tuple[r.PriceWarning, ...]:
        """See ``Meter.put_price``."""
        return await aside(self.meter.put_price, **price)

    async def subscribe(
        self,
        user: str,
        plan_id: str,
        **terms: Unpack[SubscriptionTerms],
    ) -> r.SubscriptionReceipt:
        """See ``Meter.subscribe``."""
        return await aside(self.meter.subscribe, user, plan_id, **terms)

    async def confirm_payment(
        self,
        user: str,
        reference: str,
        **external: Unpack[ExternalNames],
    ) -> r.SubscriptionReceipt:
        """See ``Meter.confirm_payment``."""
        return await aside(self.meter.confirm_payment, user, reference, **external)

    async def renew(
        self,
        user: str,
        *,
        paid: str | None = None,
        waived: str | None = None,
    ) -> r.SubscriptionReceipt:
        """See ``Meter.renew``."""
        return await aside(self.meter.renew, user, paid=paid, waived=waived)

    async def upgrade(
        self,
        user: str,
        plan_id: str,
        **terms: Unpack[UpgradeTerms],
    ) -> r.SubscriptionReceipt:
        """See ``Meter.upgrade``."""
        return await aside(self.meter.upgrade, user, plan_id, **terms)

    async def downgrade(self, user: str, plan_id: str) -> r.SubscriptionReceipt:
        """See ``Meter.downgrade``."""
        return await aside(self.meter.downgrade, user, plan_id)

    async def change_cycle(
        self,
        user: str,
        billing_cycle: BillingCycle,
        *,
        paid: str | None = None,
        waived: str | None = None,
    ) -> r.SubscriptionReceipt:
        """See ``Meter.change_cycle``."""
        return await aside(self.meter.change_cycle, user, billing_cycle, paid=paid, waived=waived)

    async def cancel(
        self,
        user: str,
        *,
        when: CancelAt = "period_end",
    ) -> r.SubscriptionReceipt:
        """See ``Meter.cancel``."""
        return await aside(self.meter.cancel, user, when=when)

    async def withdraw_change(self, user: str) -> r.SubscriptionReceipt:
        """See ``Meter.withdraw_change``."""
        return await aside(self.meter.withdraw_change, user)

    async def mark_past_due(
        self,
        user: str,
        *,
        grace_until: datetime,
    ) -> r.SubscriptionReceipt:
        """See ``Meter.mark_past_due``."""
        return await aside(self.meter.mark_past_due, user, grace_until=grace_until)

    async def suspend(self, user: str) -> r.SubscriptionReceipt:
        """See ``Meter.suspend``."""
        return await aside(self.meter.suspend, user)

    async def resume(self, user: str) -> r.SubscriptionReceipt:
        """See ``Meter.resume``."""
        return await aside(self.meter.resume, user)

    async def preview_change(
        self,
        user: str,
        change: str,
        **terms: Any,
    ) -> r.ChangePreview:
        """See ``Meter.preview_change``."""
        return await aside(self.meter.preview_change, user, change, **terms)

    async def subscription_history(
        self,
        user: str,
        **page: Unpack[PageChoice],
    ) -> r.HistoryPage:
        """See ``Meter.subscription_history``."""
        return await aside(self.meter.subscription_history, user, **page)

    async def invoice(self, user: str, period: str | datetime = "current") -> r.Invoice:
        """See ``Meter.invoice``."""
        return await aside(self.meter.invoice, user, period)

    async def invoice_text(self, user: str, period: str | datetime = "current") -> str:
        """See ``Meter.invoice_text``."""
        return await aside(self.meter.invoice_text, user, period)

    async def invoice_html(self, user: str, period: str | datetime = "current") -> str:
        """See ``Meter.invoice_html``."""
        return await aside(self.meter.invoice_html, user, period)

    async def billing_history(self, user: str) -> tuple[r.Invoice, ...]:
        """See ``Meter.billing_history``."""
        return await aside(self.meter.billing_history, user)

    async def finalize_invoice(self, user: str, period: str | datetime) -> r.Invoice:
        """See ``Meter.finalize_invoice``."""
        return await aside(self.meter.finalize_invoice, user, period)

    async def finalize_ended(self, user: str) -> tuple[r.Invoice, ...]:
        """See ``Meter.finalize_ended``."""
        return await aside(self.meter.finalize_ended, user)

    async def void_invoice(
        self,
        user: str,
        period: str | datetime,
        *,
        reason: str,
    ) -> r.Invoice:
        """See ``Meter.void_invoice``."""
        return await aside(self.meter.void_invoice, user, period, reason=reason)

    async def set_invoice_payment(
        self,
        user: str,
        period: str | datetime,
        **paid: Unpack[InvoicePaid],
    ) -> r.Invoice:
        """See ``Meter.set_invoice_payment``."""
        return await aside(self.meter.set_invoice_payment, user, period, **paid)

    async def users(self) -> list[str]:
        """See ``Meter.users``."""
        return await aside(self.meter.users)

    async def verify(self) -> r.Verification:
        """See ``Meter.verify``."""
        return await aside(self.meter.verify)

    async def rebuild(self) -> int:
        """See ``Meter.rebuild``."""
        return await aside(self.meter.rebuild)

    async def query(self, sql: str) -> r.Table:
        """See ``Meter.query``."""
        return await aside(self.meter.query, sql)

    async def prune(self, older_than: datetime, *, dry_run: bool = False) -> r.Pruned:
        """See ``Meter.prune``."""
        return await aside(self.meter.prune, older_than, dry_run=dry_run)

    async def export_user(self, user: str) -> dict[str, Any]:
        """See ``Meter.export_user``."""
        return await aside(self.meter.export_user, user)

    async def erase_user(self, user: str) -> r.ErasedUser:
        """See ``Meter.erase_user``."""
        return await aside(self.meter.erase_user, user)

    async def unpriced(self) -> tuple[r.UnpricedGroup, ...]:
        """See ``Meter.unpriced``."""
        return await aside(self.meter.unpriced)

    async def re_rate(self, *, dry_run: bool = False) -> r.ReRating:
        """See ``Meter.re_rate``."""
        return await aside(self.meter.re_rate, dry_run=dry_run)
