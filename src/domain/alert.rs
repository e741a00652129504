//! Alerts: what a user is told about limits, spending and prices, and the operator about failures.
//!
//! An alert is raised once for each [`AlertKey`], in the transaction that has its cause. A limit's
//! thresholds are armed again when its next window begins and when its maximum changes.

pub mod outbox;
pub(crate) mod wording;

use serde::Serialize;

use super::named::named;
use super::plan::Limit;
use super::time::{DAY_US, Span, Timestamp, Window};

named! {
    /// What an alert is about.
    AlertKind "alert_type" {
        /// A limit's threshold was reached.
        UsageThreshold = "usage_threshold",
        /// At this pace a limit will be passed before its period ends.
        Velocity = "velocity",
        /// A call has no known price, so its cost is not in the totals.
        Unpriced = "unpriced",
        /// The store failed, or its sums are not what its ledger says.
        CriticalError = "critical_error",
    }
}

named! {
    /// How urgent an alert is.
    Severity "severity" {
        /// Good to know.
        Info = "info",
        /// Something should be done soon.
        Warning = "warning",
        /// Something does not work any more.
        Error = "error",
    }
}

impl Severity {
    /// That of a threshold in percent: below 90, below 100, or from 100 on.
    pub const fn of_threshold(percent: u8) -> Self {
        match percent {
            0..=89 => Self::Info,
            90..=99 => Self::Warning,
            _ => Self::Error,
        }
    }
}

/// What makes an alert one: of two with the same key, the second is never raised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertKey {
    /// What it is about.
    pub kind: AlertKind,
    /// The limit's name; `provider/model operation` of an unpriced call; the code of an error.
    pub subject: String,
    /// The limit's maximum, so that a changed one arms the thresholds again; else 0.
    pub maximum: i64,
    /// The threshold in percent; 100 for a velocity alert; else 0.
    pub threshold_percent: u8,
    /// When it was armed: the start of the limit's window, of the usage period, or of the day.
    pub armed_from: Timestamp,
}

/// An alert that is raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAlert {
    /// What makes it one.
    pub key: AlertKey,
    /// The start of the usage period that it belongs to.
    pub period_starts_at: Timestamp,
    /// The provider, when it is about one alone.
    pub provider: Option<String>,
    /// One line for people.
    pub title: String,
    /// What happened, for people.
    pub message: String,
    /// How urgent it is.
    pub severity: Severity,
    /// What to do about it, for people.
    pub recommended_action: Option<String>,
    /// The cheapest plan that would help.
    pub upgrade_plan_id: Option<String>,
    /// When it was raised.
    pub created_at: Timestamp,
    /// When another system, which it is taken over from, delivered it.
    pub sent_at: Option<Timestamp>,
    /// When it was read there.
    pub read_at: Option<Timestamp>,
    /// The channels that deliver it; none when it is only stored.
    pub channels: Vec<String>,
}

/// An alert that was raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The row's id, ascending in the order of raising.
    pub id: i64,
    /// The user; nothing for an alert to the operator.
    pub user: Option<String>,
    /// What makes it one.
    pub key: AlertKey,
    /// The start of the usage period that it belongs to.
    pub period_starts_at: Timestamp,
    /// The provider, when it is about one alone.
    pub provider: Option<String>,
    /// One line for people.
    pub title: String,
    /// What happened, for people.
    pub message: String,
    /// How urgent it is.
    pub severity: Severity,
    /// What to do about it, for people.
    pub recommended_action: Option<String>,
    /// The cheapest plan that would help.
    pub upgrade_plan_id: Option<String>,
    /// When it was raised.
    pub created_at: Timestamp,
    /// When a channel delivered it first.
    pub sent_at: Option<Timestamp>,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// When it was put away.
    pub dismissed_at: Option<Timestamp>,
}

impl Alert {
    /// The alert that a new one becomes.
    pub(crate) fn raised(id: i64, user: Option<&str>, alert: NewAlert) -> Self {
        let NewAlert {
            key,
            period_starts_at,
            provider,
            title,
            message,
            severity,
            recommended_action,
            upgrade_plan_id,
            created_at,
            sent_at,
            read_at,
            channels: _,
        } = alert;
        Self {
            id,
            user: user.map(str::to_owned),
            key,
            period_starts_at,
            provider,
            title,
            message,
            severity,
            recommended_action,
            upgrade_plan_id,
            created_at,
            sent_at,
            read_at,
            dismissed_at: None,
        }
    }

    /// Whether nobody has read it or put it away.
    pub const fn is_unread(&self) -> bool {
        self.read_at.is_none() && self.dismissed_at.is_none()
    }
}

/// The JSON of an alert: what is absent is left out, never `null`.
impl Serialize for Alert {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename = "Alert")]
        struct Shape<'a> {
            id: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            user: Option<&'a str>,
            #[serde(rename = "type")]
            kind: AlertKind,
            subject: &'a str,
            threshold_percentage: u8,
            #[serde(skip_serializing_if = "Option::is_none")]
            provider: Option<&'a str>,
            title: &'a str,
            message: &'a str,
            severity: Severity,
            #[serde(skip_serializing_if = "Option::is_none")]
            recommended_action: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            upgrade_plan_id: Option<&'a str>,
            is_sent: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            sent_at: Option<Timestamp>,
            is_read: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            read_at: Option<Timestamp>,
            #[serde(skip_serializing_if = "Option::is_none")]
            dismissed_at: Option<Timestamp>,
            billing_period: String,
            created_at: Timestamp,
        }
        Shape {
            id: self.id,
            user: self.user.as_deref(),
            kind: self.key.kind,
            subject: &self.key.subject,
            threshold_percentage: self.key.threshold_percent,
            provider: self.provider.as_deref(),
            title: &self.title,
            message: &self.message,
            severity: self.severity,
            recommended_action: self.recommended_action.as_deref(),
            upgrade_plan_id: self.upgrade_plan_id.as_deref(),
            is_sent: self.sent_at.is_some(),
            sent_at: self.sent_at,
            is_read: self.read_at.is_some(),
            read_at: self.read_at,
            dismissed_at: self.dismissed_at,
            billing_period: self.period_starts_at.month_label(),
            created_at: self.created_at,
        }
        .serialize(serializer)
    }
}

/// Since when a limit's thresholds are armed: the start of its window. Minutes and hours arm
/// once a day, or a busy user would be told every minute.
pub fn armed_from(window: Window, at: Timestamp, usage_period: Span) -> Timestamp {
    match window {
        Window::Minute | Window::Hour => Window::Day.span(at, usage_period).starts_at,
        own => own.span(at, usage_period).starts_at,
    }
}

/// The end of what [`armed_from`] starts: an alert that is raised later is only stored, since
/// nobody wants a mail about last year's import.
pub(crate) fn armed_until(window: Window, at: Timestamp, usage_period: Span) -> Timestamp {
    match window {
        Window::Minute | Window::Hour => Window::Day.span(at, usage_period).ends_at,
        own => own.span(at, usage_period).ends_at,
    }
}

/// Whether that much of a limit reaches a threshold. Limits of none or 0 have none.
fn reaches(limit: &Limit, used: i128, threshold: u8) -> bool {
    match limit.maximum.bound() {
        Some(maximum) if maximum > 0 => used * 100 >= i128::from(maximum) * i128::from(threshold),
        _ => false,
    }
}

/// The highest threshold that a use has reached.
pub fn highest_reached(limit: &Limit, used: i128) -> Option<u8> {
    limit.thresholds.iter().rev().copied().find(|threshold| reaches(limit, used, *threshold))
}

/// The thresholds that a use crossed: not reached before, reached after.
pub fn crossed(limit: &Limit, before: i128, after: i128) -> impl Iterator<Item = u8> {
    limit
        .thresholds
        .iter()
        .copied()
        .filter(move |threshold| !reaches(limit, before, *threshold))
        .filter(move |threshold| reaches(limit, after, *threshold))
}

/// Whether a user was told of this limit's threshold, or of a higher one, or of the same share of
/// a smaller maximum.
pub fn is_told(told: &[AlertKey], limit: &Limit, threshold: u8, armed_from: Timestamp) -> bool {
    let maximum = limit.maximum.bound().unwrap_or(i64::MAX);
    told.iter().any(|key| {
        key.kind == AlertKind::UsageThreshold
            && key.armed_from == armed_from
            && key.threshold_percent >= threshold
            && key.maximum <= maximum
            && key.subject == limit.name
    })
}

/// Velocity alerts come after this share of the period, in percent …
const VELOCITY_FROM_PERCENT: i128 = 10;
/// … and this many calls.
pub(crate) const VELOCITY_CALLS_MIN: i128 = 10;

/// When a limit will be reached at the pace of its period so far, if that is before its end.
/// Nothing before a tenth of the period is over, and nothing when it is reached already.
pub fn reached_at_this_pace(
    limit: &Limit,
    used: i128,
    period: Span,
    now: Timestamp,
) -> Option<Timestamp> {
    let maximum = i128::from(limit.maximum.bound().filter(|maximum| *maximum > 0)?);
    if limit.window != Window::Period || !period.contains(now) || used <= 0 || used >= maximum {
        return None;
    }
    let length = i128::from(period.length_us());
    let elapsed = i128::from(now.micros_since(period.starts_at));
    if elapsed * 100 < length * VELOCITY_FROM_PERCENT || used * length <= maximum * elapsed {
        return None;
    }
    let until = i64::try_from(elapsed * maximum / used).ok()?;
    Some(period.starts_at.plus_micros(until))
}

/// The start of the UTC day of an instant: since when an operator's alert is armed.
pub(crate) fn day_of(at: Timestamp) -> Timestamp {
    Timestamp::from_micros_clamped(at.day_number() * DAY_US)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::{Maximum, Metric};

    fn limit(maximum: i64) -> Limit {
        Limit::new("gemini_calls", Metric::Calls, Maximum::AtMost(maximum)).unwrap()
    }

    fn period() -> Span {
        let at = |text: &str| text.parse().unwrap();
        Span { starts_at: at("2025-10-01T00:00:00Z"), ends_at: at("2025-10-31T00:00:00Z") }
    }

    #[test]
    fn a_threshold_is_crossed_once_and_exactly_at_its_share() {
        let own = limit(1000);
        let crossed = |before, after| crossed(&own, before, after).collect::<Vec<_>>();
        assert!(crossed(798, 799).is_empty());
        assert_eq!(crossed(799, 800), [80]);
        assert!(crossed(800, 899).is_empty());
        assert_eq!(crossed(0, 1000), [80, 90, 100]);
        assert_eq!(crossed(899, 5000), [90, 100]);
        assert!(crossed(900, 100).is_empty());
    }

    #[test]
    fn no_limit_and_zero_have_no_thresholds() {
        assert_eq!(highest_reached(&limit(0), 5), None);
        let none = Limit { maximum: Maximum::Unlimited, ..limit(1) };
        assert_eq!(highest_reached(&none, i128::MAX / 1000), None);
        assert_eq!(crossed(&none, 0, 1_000_000).count(), 0);
    }

    #[test]
    fn who_was_told_of_more_is_not_told_of_less() {
        let armed_from = period().starts_at;
        let told = |maximum, threshold_percent| AlertKey {
            kind: AlertKind::UsageThreshold,
            subject: "gemini_calls".into(),
            maximum,
            threshold_percent,
            armed_from,
        };
        let own = limit(110);
        assert!(is_told(&[told(110, 80)], &own, 80, armed_from));
        assert!(is_told(&[told(100, 90)], &own, 80, armed_from), "of a smaller maximum");
        assert!(!is_told(&[told(200, 90)], &own, 80, armed_from), "the maximum fell since");
        assert!(!is_told(&[told(110, 80)], &own, 90, armed_from));
        assert!(!is_told(&[told(110, 80)], &own, 80, period().ends_at), "the next period");
    }

    #[test]
    fn a_pace_is_told_from_a_tenth_of_the_period_on() {
        let reached = |used, day: i64| {
            let now = period().starts_at.plus_micros(day * DAY_US);
            reached_at_this_pace(&limit(30), used, period(), now).map(Timestamp::day_label)
        };
        assert_eq!(reached(29, 2), None, "too early to tell");
        assert_eq!(reached(6, 3).unwrap(), "2025-10-16");
        assert_eq!(reached(3, 3), None, "exactly the plan's pace");
        assert_eq!(reached(30, 3), None, "reached already");
        assert_eq!(reached(29, 30), None, "the period is over");
    }

    #[test]
    fn minutes_and_hours_arm_once_a_day() {
        let at = "2025-10-07T12:34:56Z".parse().unwrap();
        let day = "2025-10-07T00:00:00Z".parse().unwrap();
        for window in [Window::Minute, Window::Hour, Window::Day] {
            assert_eq!(armed_from(window, at, period()), day);
        }
        assert_eq!(armed_from(Window::Period, at, period()), period().starts_at);
        assert_eq!(armed_from(Window::Lifetime, at, period()), Timestamp::MIN);
    }
}
