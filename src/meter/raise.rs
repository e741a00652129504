//! Raising: which alerts follow from a work, decided with everything else in its transaction.

use super::posting::Posting;
use crate::domain::account::{Account, UsageStatus};
use crate::domain::alert::wording::{LimitFacts, unpriced};
use crate::domain::alert::{
    AlertKind, NewAlert, VELOCITY_CALLS_MIN, armed_from, armed_until, crossed, highest_reached,
    is_told, reached_at_this_pace,
};
use crate::domain::call::Call;
use crate::domain::counter::Counter;
use crate::domain::limit::{Books, EffectiveLimit, LimitState, status_of_share};
use crate::domain::plan::{Limit, Maximum, Metric, Policy};
use crate::domain::time::{Timestamp, Window};
use crate::error::Result;
use crate::storage::{Head, PeriodMark, View, WindowKey};

impl Posting {
    /// Marks the usage period and raises what the calls of this work are cause for; the limits
    /// that are passed although they refuse.
    ///
    /// This is on the path of every record: it compares numbers, and builds texts only when
    /// there is something to tell.
    pub(crate) fn mark_period(&mut self) -> Vec<LimitState> {
        let books = self.books();
        let (mut status, mut exceeded, mut raised) = (UsageStatus::Active, Vec::new(), Vec::new());
        for effective in self.limits.iter() {
            let limit = &effective.limit;
            let Maximum::AtMost(maximum) = limit.maximum else { continue };
            let used = books.used(limit);
            status = status.max(status_of_share(limit.policy, used, maximum));
            if is_exceeded(limit, used) {
                exceeded.push(books.state(effective, &[]));
            }
            if used > 0 && maximum > 0 {
                self.raise_thresholds(effective, used, &mut raised);
                self.raise_velocity(effective, used, &books, &mut raised);
            }
        }
        for (_, call) in &self.changes.calls {
            if call.cost.is_none() && call.call_count > 0 {
                let alert = unpriced(call, self.now, Vec::new());
                if !self.account.told.contains(&alert.key) {
                    let channels = self.channels(self.standing.usage_period.ends_at);
                    raised.push(NewAlert { channels, ..alert });
                }
            }
        }
        let mark =
            PeriodMark { span: self.standing.usage_period, usage_status: status, at: self.now };
        self.changes.periods.push(mark);
        self.keep(raised);
        exceeded
    }

    /// Raises the highest threshold that each limit has reached, where the user does not know
    /// yet: the limits have changed since, not the use.
    pub(crate) fn raise_reached(&mut self) {
        let books = self.books();
        let mut raised = Vec::new();
        for effective in self.limits.iter() {
            let used = books.used(&effective.limit);
            if let Some(threshold) = highest_reached(&effective.limit, used) {
                self.raise_reached_threshold(effective, used, threshold, &mut raised);
            }
        }
        self.keep(raised);
    }

    /// Keeps alerts. A work may mark its period twice, first for a hold that it charges.
    fn keep(&mut self, raised: Vec<NewAlert>) {
        for alert in raised {
            if !self.changes.alerts.iter().any(|known| known.key == alert.key) {
                self.changes.alerts.push(alert);
            }
        }
    }

    /// The thresholds that this work's calls crossed, one alert each; else the highest one that
    /// is reached, if the user does not know yet.
    fn raise_thresholds(&self, own: &EffectiveLimit, used: i128, raised: &mut Vec<NewAlert>) {
        let limit = &own.limit;
        let Some(highest) = highest_reached(limit, used) else { return };
        let before = used - self.added_to(limit);
        let facts = self.facts(own, used);
        let channels = || self.channels(armed_until(limit.window, self.at, facts.usage_period));
        let first = raised.len();
        raised.extend(crossed(limit, before, used).map(|t| facts.threshold(t, channels())));
        if raised.len() == first {
            self.raise_reached_threshold(own, used, highest, raised);
        }
    }

    fn raise_reached_threshold(
        &self,
        own: &EffectiveLimit,
        used: i128,
        threshold: u8,
        raised: &mut Vec<NewAlert>,
    ) {
        let limit = &own.limit;
        let facts = self.facts(own, used);
        if !is_told(&self.account.told, limit, threshold, facts.armed_from) {
            let until = armed_until(limit.window, self.at, facts.usage_period);
            raised.push(facts.threshold(threshold, self.channels(until)));
        }
    }

    fn raise_velocity(
        &self,
        own: &EffectiveLimit,
        used: i128,
        books: &Books<'_>,
        raised: &mut Vec<NewAlert>,
    ) {
        let limit = &own.limit;
        let period = self.standing.usage_period;
        let Some(reached_at) = reached_at_this_pace(limit, used, period, self.now) else { return };
        let is_known = self.account.told.iter().any(|key| {
            key.kind == AlertKind::Velocity
                && key.armed_from == period.starts_at
                && key.subject == limit.name
        });
        if is_known {
            return;
        }
        let calls = match limit.metric {
            Metric::Calls => used,
            _ => books.used(&Limit { metric: Metric::Calls, ..Limit::clone(limit) }),
        };
        if calls >= VELOCITY_CALLS_MIN {
            let channels = self.channels(period.ends_at);
            raised.push(self.facts(own, used).velocity(reached_at, channels));
        }
    }

    fn facts<'a>(&'a self, own: &'a EffectiveLimit, used: i128) -> LimitFacts<'a> {
        let limit = &own.limit;
        let usage_period = self.standing.usage_period;
        let has_end = limit.window != Window::Lifetime;
        // A plan helps when it leaves room above what is used; a limit of the user's own survives
        // every change of plan.
        let upgrade = self.catalogue.upgrade(&self.standing.plan_id, &limit.name, used + 1);
        let upgrade = upgrade.filter(|_| !own.is_override);
        LimitFacts {
            limit,
            used,
            catalogue: &self.catalogue,
            upgrade,
            resets_at: has_end.then(|| limit.window.span(self.at, usage_period).ends_at),
            armed_from: armed_from(limit.window, self.at, usage_period),
            usage_period,
            now: self.now,
        }
    }

    /// The channels of an alert; none once its time is over.
    fn channels(&self, until: Timestamp) -> Vec<String> {
        if self.now < until { self.rules.alert_channels.clone() } else { Vec::new() }
    }

    /// What this work's calls have added to a limit's use.
    fn added_to(&self, limit: &Limit) -> i128 {
        let span = self.books().span(limit.window);
        let is_counted = |call: &Call| {
            limit.covers(&call.provider, &call.operation)
                && match limit.window {
                    Window::Period => call.period_starts_at == span.starts_at,
                    _ => span.contains(call.occurred_at),
                }
        };
        let calls = self.changes.calls.iter().map(|(_, call)| call);
        calls.filter(|call| is_counted(call)).map(|c| Counter::of(c).amount(&limit.metric)).sum()
    }
}

/// The alerts that a user's changed limits are cause for at once, when its account becomes
/// `after`. Counters are those of the view, so [`windows_of_all`] must have asked for them.
pub(crate) fn raised_by_change(
    view: &View,
    after: Account,
    now: Timestamp,
    rules: &std::sync::Arc<super::posting::Rules>,
) -> Result<Vec<NewAlert>> {
    let plan = after.standing(now, &view.head.catalogue).plan_id;
    if view.head.catalogue.plan(&plan).is_err() {
        // A store without its default plan: there are no limits to tell of.
        return Ok(Vec::new());
    }
    let mut view = view.clone();
    let user = after.user.clone();
    view.holds.clear();
    view.head.account = Some(std::sync::Arc::new(after));
    let mut posting = Posting::new(&view, &user, now, now, rules)?;
    posting.raise_reached();
    Ok(posting.changes.alerts)
}

/// The windows of every kind at an instant, whichever the limits will be.
#[expect(clippy::unnecessary_wraps, reason = "it stands where windows are asked for")]
pub(crate) fn windows_of_all(head: &Head, now: Timestamp) -> Result<Vec<WindowKey>> {
    let unseen = Account::new(0, "", now);
    let account = head.account.as_deref().unwrap_or(&unseen);
    let period = account.standing(now, &head.catalogue).usage_period;
    let tracked = account.tracked.keys().copied().chain([Window::Period]);
    Ok(tracked
        .map(|window| WindowKey { window, starts_at: window.span(now, period).starts_at })
        .collect())
}

/// Whether recorded use is above what the limit lets through.
fn is_exceeded(limit: &Limit, used: i128) -> bool {
    let policy = limit.policy;
    policy != Policy::Soft && policy.ceiling(limit.maximum).is_some_and(|ceiling| used > ceiling)
}
