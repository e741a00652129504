"""A user's account, read from the meter and put together as the screens read it."""

from __future__ import annotations

from alwrity_metering import Meter
from alwrity_metering.errors import UnknownPlanError
from alwrity_metering.results import HistoryEntry, Plan, SubscriptionReceipt, UsageLine

from . import account_bodies, plan_bodies, shapes, usage_bodies

ALERTS_MAX = 10
HISTORY_PAGE = 100


class AccountView:
    """One user's account. Nothing of it writes."""

    def __init__(self, meter: Meter, user: str) -> None:
        self._meter = meter
        self._user = user

    def _plan(self, plan_id: str) -> Plan:
        for plan in self._meter.plans():
            if plan.id == plan_id:
                return plan
        raise UnknownPlanError(f"unknown plan `{plan_id}`")

    def limits(self, *, explained: bool = False) -> shapes.Limits:
        """The limits that hold for the user: its own and its boosts included."""
        own = self._meter.limits(self._user)
        maxima = plan_bodies.maxima_of_states(own.limits)
        return plan_bodies.limits(self._plan(own.plan_id), maxima, explained=explained)

    def _lines(self, period: str) -> tuple[UsageLine, ...]:
        return self._meter.usage_lines(self._user, period)

    def stats(self, period: str) -> shapes.UsageStats:
        """What was used in a period: `current`, `all` or `YYYY-MM`."""
        unread = self._meter.alerts(self._user, unread=True, limit=ALERTS_MAX).alerts
        summary = self._meter.usage_summary(self._user, period)
        lines = self._lines(period)
        return usage_bodies.stats(summary, lines, self.limits(), unread, self._meter.now())

    def trends(self, months: int) -> shapes.Trends:
        """The last months."""
        return usage_bodies.trends(self._meter.trends(self._user, months), self._lines("all"))

    def dashboard(self, period: str | None) -> shapes.Dashboard:
        """Everything at one glance; `period` is what "the current period" shows."""
        own = self._meter.dashboard(self._user)
        total, shown = self.stats("all"), self.stats(period or "current")
        return {
            "total_usage": total,
            "current_period_usage": shown,
            "trends": self.trends(6),
            "limits": shown["limits"],
            "alerts": [usage_bodies.alert(alert) for alert in own.alerts],
            "projections": usage_bodies.projections(own),
            "summary": usage_bodies.dashboard_summary(own),
        }

    def subscription(self) -> shapes.UserSubscription:
        """The subscription, or the Free plan."""
        view = self._meter.subscription(self._user)
        subscription = account_bodies.subscription(view)
        plan = plan_bodies.plan(self._plan(view.subscribed_plan_id or view.plan_id))
        body: shapes.UserSubscription = {
            "subscription": subscription,
            "plan": plan,
            "limits": self.limits(explained=True),
        }
        if subscription is None:
            plan["is_free"] = True
            body["status"] = "free"
        return body

    def status(self) -> shapes.SubscriptionStatus:
        """Whether the user may use the API."""
        view, now = self._meter.subscription(self._user), self._meter.now()
        plan_id = view.plan_id
        if account_bodies.is_blocked(view, now):
            plan_id = view.subscribed_plan_id or plan_id
        plan = plan_bodies.plan(self._plan(plan_id))
        return account_bodies.status(view, plan, self.limits(explained=True), now)

    def subscribed(self, receipt: SubscriptionReceipt) -> shapes.Subscribed:
        """A subscription that was just made."""
        name = self._plan(receipt.plan_id).name
        return account_bodies.subscribed(receipt, name, self.limits(explained=True))

    def renewals(self, limit: int, offset: int) -> shapes.Renewals:
        """A page of the renewal history. Only some changes are its lines, so all are read."""
        entries: list[HistoryEntry] = []
        while True:
            page = self._meter.subscription_history(
                self._user, offset=len(entries), limit=HISTORY_PAGE
            )
            entries.extend(page.entries)
            if not page.has_more:
                return account_bodies.renewals(entries, limit, offset)
