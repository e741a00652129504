//! Alerts as a host meets them: through the meter, on a file.

mod adopted;
mod delivering;
mod operator;
mod thresholds;
mod unasked;

use alwrity_metering::domain::time::DAY_US;
use alwrity_metering::{
    Alert, AlertFilter, AlertKind, CallRecord, Clock, Limit, ManualClock, Maximum, Meter, Metric,
    Options, Page, Plan, Synchronous, Tier, Timestamp, Usage,
};
use tempfile::TempDir;

/// A meter on a file of its own, with a clock that stands still.
pub(crate) struct Bench {
    pub(crate) meter: Meter,
    pub(crate) clock: ManualClock,
    pub(crate) folder: TempDir,
}

impl Bench {
    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("metering.db")
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The first hour of October: too early for anything to be said about a pace.
pub(crate) const EARLY: &str = "2025-10-01T01:00:00Z";

/// A meter with these plans, at that hour.
pub(crate) fn bench_with(plans: &[Plan], change: impl FnOnce(&mut Options)) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(at(EARLY));
    let mut options = Options {
        clock: Clock::Manual(clock.clone()),
        synchronous: Synchronous::Normal,
        ..Options::default()
    };
    change(&mut options);
    let meter = Meter::open(folder.path().join("metering.db"), options).unwrap();
    meter.seed("default").unwrap();
    plans.iter().for_each(|plan| meter.put_plan(plan).unwrap());
    Bench { meter, clock, folder }
}

/// A meter whose Free plan allows ten Gemini calls, and whose Pro plan a hundred.
pub(crate) fn bench() -> Bench {
    bench_with(&[plan("free", 10), plan("pro", 100)], |_| {})
}

/// A plan with one limit, on Gemini calls.
pub(crate) fn plan(id: &str, gemini_calls: i64) -> Plan {
    let limit = Limit::new("gemini_calls", Metric::Calls, Maximum::AtMost(gemini_calls)).unwrap();
    let is_free = id == "free";
    Plan {
        id: id.into(),
        name: if is_free { "Free".into() } else { "Pro".into() },
        tier: if is_free { Tier::Free } else { Tier::Pro },
        price_monthly_usd: if is_free { "0" } else { "79" }.parse().unwrap(),
        price_yearly_usd: if is_free { "0" } else { "790" }.parse().unwrap(),
        included_cost_usd: None,
        description: String::new(),
        features: vec![],
        limits: vec![limit.for_provider("gemini").unwrap()],
        is_active: true,
    }
}

/// So many Gemini calls in one record.
pub(crate) fn calls(user: &str, count: i64) -> CallRecord {
    CallRecord {
        call_count: count,
        ..CallRecord::new(user, "gemini", "gemini-2.5-flash", Usage::tokens(10 * count, count))
    }
}

/// The user's alerts, the oldest first.
pub(crate) fn alerts(meter: &Meter, user: &str) -> Vec<Alert> {
    let filter = AlertFilter { with_dismissed: true, ..AlertFilter::default() };
    let page = Page { limit: 1000, ..Page::default() };
    let mut alerts = meter.alerts(user, &filter, page).unwrap().alerts;
    alerts.reverse();
    alerts
}

/// The thresholds and maxima of the user's threshold alerts, in the order of raising.
pub(crate) fn thresholds(meter: &Meter, user: &str) -> Vec<(u8, i64)> {
    alerts(meter, user)
        .into_iter()
        .filter(|alert| alert.key.kind == AlertKind::UsageThreshold)
        .map(|alert| (alert.key.threshold_percent, alert.key.maximum))
        .collect()
}

pub(crate) fn days_later(clock: &ManualClock, days: i64) {
    clock.set(clock.now().plus_micros(days * DAY_US));
}
