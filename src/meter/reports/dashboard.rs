//! The dashboard: everything about a user's running period at one glance.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::account::UsageStatus;
use crate::domain::alert::Alert;
use crate::domain::counter::Counter;
use crate::domain::limit::{Amount, EffectiveLimit, percent, status_of_share};
use crate::domain::money::Money;
use crate::domain::name;
use crate::domain::operation::Operation;
use crate::domain::plan::{Metric, Tier};
use crate::domain::report::projection::{
    LimitProjection, Recent, by_elapsed_share, by_recent_pace, is_cost_limit, project, recent_span,
};
use crate::domain::time::{DAY_US, Span, Timestamp, Window};
use crate::error::Result;
use crate::meter::Meter;
use crate::meter::posting::{Posting, windows_at};
use crate::meter::summary::Breakdown;
use crate::storage::{DaySums, Glance, Head};

/// What was used in the running period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CurrentUsage {
    /// The period's label, `YYYY-MM`.
    pub billing_period: String,
    /// The period.
    pub usage_period: Span,
    /// How the limits stand.
    pub usage_status: UsageStatus,
    /// Recorded calls.
    pub total_calls: i64,
    /// Input and output tokens.
    pub total_tokens: i64,
    /// The known cost, in dollars.
    pub total_cost: Money,
    /// Calls whose cost is unknown: they are not in `total_cost`.
    pub unpriced_calls: i64,
    /// Failed calls in percent of all.
    pub error_rate: f64,
    /// The mean response time of the calls that have one, in ms.
    pub avg_response_time_ms: Option<i64>,
    /// By provider.
    pub provider_breakdown: BTreeMap<String, Breakdown>,
}

/// The plan and its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanLimits {
    /// The plan.
    pub plan_id: String,
    /// Its name for people.
    pub plan_name: String,
    /// Its rank.
    pub tier: Tier,
    /// The maximum of each limit: nothing for "no limit", 0 for "not in the plan".
    pub limits: BTreeMap<String, Option<Amount>>,
}

/// Where the running period is heading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Projections {
    /// The period's cost at its end: cost so far ÷ elapsed share.
    pub projected_monthly_cost: Money,
    /// The limit on that; nothing when there is none.
    pub cost_limit: Option<Money>,
    /// The projected cost in percent of the limit.
    pub projected_usage_percentage: Option<f64>,
    /// The period's cost at its end when the rest goes as the last seven days did.
    pub projected_monthly_cost_by_last_7_days: Money,
    /// Where each limit of the period is heading.
    pub limits: Vec<LimitProjection>,
}

/// Everything about a user's running period at one glance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dashboard {
    /// The user.
    pub user: String,
    /// What was used.
    pub current_usage: CurrentUsage,
    /// The plan and its limits.
    pub limits: PlanLimits,
    /// used ÷ maximum × 100 of every limit that has a maximum above 0; the limit on the period's
    /// whole cost is `cost`.
    pub usage_percentages: BTreeMap<String, f64>,
    /// Where it is heading.
    pub projections: Projections,
    /// The newest unread alerts, at most five.
    pub alerts: Vec<Alert>,
    /// How many alerts are unread.
    pub unread_alerts: i64,
}

/// The most alerts of a dashboard.
const ALERTS_MAX: i64 = 5;

impl Meter {
    /// What a user used in the running period, of what it may use, and where it is heading.
    ///
    /// # Example
    /// ```
    /// # use alwrity_metering::{CallRecord, Meter, Options, Usage};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let meter = Meter::open(folder.path().join("metering.db"), Options::default())?;
    /// meter.seed("default")?;
    /// let usage = Usage::tokens(1000, 200);
    /// meter.record_call(&CallRecord::new("u1", "gemini", "gemini-2.5-flash", usage))?;
    /// let dashboard = meter.dashboard("u1")?;
    /// assert_eq!(dashboard.current_usage.total_calls, 1);
    /// assert_eq!(dashboard.limits.plan_name, "Free");
    /// assert_eq!(dashboard.usage_percentages["gemini_calls"], 1.0);
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn dashboard(&self, user: &str) -> Result<Dashboard> {
        let user = name::user(user)?;
        let now = self.now();
        let days = recent_span(now, Timestamp::MIN).starts_at.day_number()..now.day_number() + 1;
        let windows = move |head: &Head| windows_at(head, now);
        let glance = self.inner.store.glance(user, &windows, days, ALERTS_MAX)?;
        let Glance { view, recent, alerts } = glance;
        let posting = Posting::new(&view, user, now, now, &self.inner.rules)?;
        let books = posting.books();
        let amounts: Vec<i128> = posting.limits.iter().map(|own| books.used(&own.limit)).collect();
        let plan = posting.catalogue.plan(&posting.standing.plan_id)?;
        let maximum = |own: &EffectiveLimit| {
            let bound = own.limit.maximum.bound();
            let amount = bound.map(|bound| Amount::new(&own.limit.metric, bound.into()));
            (own.limit.name.clone(), amount)
        };
        Ok(Dashboard {
            user: user.to_owned(),
            current_usage: current_usage(&posting, &amounts)?,
            limits: PlanLimits {
                plan_id: plan.id.clone(),
                plan_name: plan.name.clone(),
                tier: plan.tier,
                limits: posting.limits.iter().map(maximum).collect(),
            },
            usage_percentages: percentages(&posting, &amounts),
            projections: projections(&posting, &amounts, &recent)?,
            alerts: alerts.alerts,
            unread_alerts: alerts.unread_count,
        })
    }
}

fn current_usage(posting: &Posting, used: &[i128]) -> Result<CurrentUsage> {
    let period = posting.standing.usage_period;
    let mut total = Counter::default();
    let mut provider_breakdown: BTreeMap<String, Breakdown> = BTreeMap::new();
    for (key, counter) in &posting.counters {
        if key.window == Window::Period && key.starts_at == period.starts_at {
            total = total.plus(counter)?;
            provider_breakdown.entry(key.provider.clone()).or_default().add(counter)?;
        }
    }
    Ok(CurrentUsage {
        billing_period: period.label(),
        usage_period: period,
        usage_status: status(posting, used),
        total_calls: total.calls,
        total_tokens: total.usage.total_tokens(),
        total_cost: total.cost,
        unpriced_calls: total.unpriced_calls,
        error_rate: percent(total.failed_calls.into(), total.calls.into()).unwrap_or(0.0),
        avg_response_time_ms: total.response_time_ms.checked_div(total.timed_calls),
        provider_breakdown,
    })
}

fn status(posting: &Posting, used: &[i128]) -> UsageStatus {
    let of_limit = |(own, used): (&EffectiveLimit, &i128)| {
        status_of_share(own.limit.policy, *used, own.limit.maximum.bound().unwrap_or(0))
    };
    posting.limits.iter().zip(used).map(of_limit).max().unwrap_or_default()
}

fn percentages(posting: &Posting, used: &[i128]) -> BTreeMap<String, f64> {
    let share = |(own, used): (&EffectiveLimit, &i128)| {
        let share = percent(*used, own.limit.maximum.bound()?.into())?;
        // The name that the specification's dashboard gives it.
        let is_cost = is_cost_limit(&own.limit) && own.limit.name == "monthly_cost";
        let name = if is_cost { "cost" } else { own.limit.name.as_str() };
        Some((name.to_owned(), share))
    };
    posting.limits.iter().zip(used).filter_map(share).collect()
}

fn projections(posting: &Posting, used: &[i128], recent: &DaySums) -> Result<Projections> {
    let (period, now) = (posting.standing.usage_period, posting.now);
    // An import may be older than the first sight of its user.
    let first_day = recent.first_day.map(|day| Timestamp::from_micros_clamped(day * DAY_US));
    let seen_from = posting.account.created_at.min(first_day.unwrap_or(now));
    let length_us = recent_span(now, seen_from).length_us();
    let pace = |metric: &Metric, is_covered: &dyn Fn(&str, &Operation) -> bool| {
        let covered = recent.sums.iter().filter(|(by, what, _)| is_covered(by, what));
        Recent { used: covered.map(|(_, _, sum)| sum.amount(metric)).sum(), length_us }
    };
    let own = posting
        .counters
        .iter()
        .filter(|(key, _)| key.window == Window::Period && key.starts_at == period.starts_at);
    let cost = own.map(|(_, counter)| counter.amount(&Metric::Cost)).sum();
    let projected = Money::from_total(by_elapsed_share(cost, period, now))?;
    let by_recent = by_recent_pace(cost, pace(&Metric::Cost, &|_, _| true), period, now);
    let of_cost = |own: &&EffectiveLimit| is_cost_limit(&own.limit);
    let bounds = posting.limits.iter().filter(of_cost).filter_map(|l| l.limit.maximum.bound());
    let cost_limit = bounds.min().map(Money::from_pico_usd);
    let of_limit = |(own, used): (&EffectiveLimit, &i128)| {
        let limit = &own.limit;
        if limit.window != Window::Period {
            return None;
        }
        let pace = pace(&limit.metric, &|provider, operation| limit.covers(provider, operation));
        project(limit, *used, pace, period, now)
    };
    Ok(Projections {
        projected_monthly_cost: projected,
        cost_limit,
        projected_usage_percentage: cost_limit
            .and_then(|limit| percent(projected.pico_usd().into(), limit.pico_usd().into())),
        projected_monthly_cost_by_last_7_days: Money::from_total(by_recent)?,
        limits: posting.limits.iter().zip(used).filter_map(of_limit).collect(),
    })
}
