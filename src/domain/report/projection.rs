//! Projections: where a period's use is heading.

use serde::Serialize;

use crate::domain::limit::{Amount, percent};
use crate::domain::plan::{Limit, Metric};
use crate::domain::time::{DAY_US, SECOND_US, Span, Timestamp};

/// Nothing is projected from less than an hour: the first call of a period would be a fortune.
const ELAPSED_MIN_US: i64 = 3600 * SECOND_US;
/// The days that the recent pace is taken from, today included.
pub const RECENT_DAYS: i64 = 7;

/// What was used lately, and in how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recent {
    /// How much.
    pub used: i128,
    /// In how many microseconds.
    pub length_us: i64,
}

/// The span that the recent pace is taken from: the last seven UTC days with today, or since the
/// user was first seen.
pub fn recent_span(now: Timestamp, seen_from: Timestamp) -> Span {
    let first_day = (now.day_number() - RECENT_DAYS + 1).saturating_mul(DAY_US);
    let starts_at = Timestamp::from_micros_clamped(first_day).max(seen_from.min(now));
    Span { starts_at, ends_at: now }
}

/// What a whole period's use will be at the pace of its elapsed share: used ÷ share, rounded to
/// the nearest.
pub fn by_elapsed_share(used: i128, period: Span, now: Timestamp) -> i128 {
    let length = period.length_us();
    let elapsed = now.micros_since(period.starts_at).clamp(ELAPSED_MIN_US.min(length), length);
    rounded(used * i128::from(length), elapsed.into())
}

/// What a whole period's use will be when the rest of it goes at the recent pace.
pub fn by_recent_pace(used: i128, recent: Recent, period: Span, now: Timestamp) -> i128 {
    let left = period.ends_at.micros_since(now).clamp(0, period.length_us());
    let length = recent.length_us.max(ELAPSED_MIN_US);
    used + rounded(recent.used * i128::from(left), length.into())
}

/// When a maximum is reached at a pace, if that is before the period's end. What is reached
/// already is reached now.
fn reached_at(
    used: i128,
    maximum: i128,
    pace: Recent,
    period: Span,
    now: Timestamp,
) -> Option<Timestamp> {
    if used >= maximum {
        return Some(now);
    }
    if pace.used <= 0 {
        return None;
    }
    let length = i128::from(pace.length_us.max(ELAPSED_MIN_US));
    let until = i64::try_from((maximum - used) * length / pace.used).ok()?;
    Some(now.plus_micros(until)).filter(|at| *at < period.ends_at)
}

const fn rounded(numerator: i128, denominator: i128) -> i128 {
    (numerator + denominator / 2).div_euclid(denominator)
}

/// Where one limit is heading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LimitProjection {
    /// The limit's name.
    pub name: String,
    /// What recorded calls used.
    pub used: Amount,
    /// The maximum.
    pub maximum: Amount,
    /// At the end of the period, by its elapsed share.
    pub projected: Amount,
    /// That in percent of the maximum.
    pub projected_percentage: Option<f64>,
    /// When the maximum is reached at that pace, if before the period ends.
    pub reached_at: Option<Timestamp>,
    /// At the end of the period, by the last seven days.
    pub projected_by_last_7_days: Amount,
    /// When the maximum is reached at that pace, if before the period ends.
    pub reached_at_by_last_7_days: Option<Timestamp>,
}

/// Projects a limit of the usage period; nothing for one without a maximum above 0.
pub fn project(
    limit: &Limit,
    used: i128,
    recent: Recent,
    period: Span,
    now: Timestamp,
) -> Option<LimitProjection> {
    let maximum = i128::from(limit.maximum.bound().filter(|maximum| *maximum > 0)?);
    let amount = |number| Amount::new(&limit.metric, number);
    let projected = by_elapsed_share(used, period, now);
    let so_far = Recent { used, length_us: now.micros_since(period.starts_at) };
    Some(LimitProjection {
        name: limit.name.clone(),
        used: amount(used),
        maximum: amount(maximum),
        projected: amount(projected),
        projected_percentage: percent(projected, maximum),
        reached_at: reached_at(used, maximum, so_far, period, now),
        projected_by_last_7_days: amount(by_recent_pace(used, recent, period, now)),
        reached_at_by_last_7_days: reached_at(used, maximum, recent, period, now),
    })
}

/// Whether a limit is the one on everything that a period costs.
pub fn is_cost_limit(limit: &Limit) -> bool {
    limit.metric == Metric::Cost
        && limit.provider.is_none()
        && limit.operation.is_none()
        && limit.window == crate::domain::time::Window::Period
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::Maximum;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn november() -> Span {
        Span { starts_at: at("2025-11-01T00:00:00Z"), ends_at: at("2025-12-01T00:00:00Z") }
    }

    #[test]
    fn regression_29_the_projection_divides_by_the_elapsed_share() {
        let projected = |used, now| by_elapsed_share(used, november(), at(now));
        assert_eq!(projected(1575, "2025-11-11T00:00:00Z"), 4725);
        assert_eq!(projected(1575, "2025-12-01T00:00:00Z"), 1575);
        assert_eq!(projected(1575, "2026-01-01T00:00:00Z"), 1575, "a period that is over");
        // One second after its start the period is taken as an hour old.
        assert_eq!(projected(2, "2025-11-01T00:00:01Z"), 1440);
    }

    #[test]
    fn the_recent_pace_is_of_seven_days_or_since_the_first_sight() {
        let now = at("2025-11-11T12:00:00Z");
        assert_eq!(recent_span(now, Timestamp::MIN).starts_at, at("2025-11-05T00:00:00Z"));
        let seen = at("2025-11-10T12:00:00Z");
        assert_eq!(recent_span(now, seen).length_us(), DAY_US);
        let recent = Recent { used: 10, length_us: DAY_US };
        // 19.5 days are left.
        assert_eq!(by_recent_pace(100, recent, november(), now), 295);
    }

    #[test]
    fn a_limit_is_reached_at_its_pace_or_not_at_all() {
        let limit = Limit::new("calls", Metric::Calls, Maximum::AtMost(150)).unwrap();
        let now = at("2025-11-11T00:00:00Z");
        let recent = Recent { used: 7, length_us: 7 * DAY_US };
        let found = project(&limit, 100, recent, november(), now).unwrap();
        assert_eq!(found.projected, Amount::Count(300));
        assert_eq!(found.projected_percentage, Some(200.0));
        assert_eq!(found.reached_at, Some(at("2025-11-16T00:00:00Z")));
        assert_eq!(found.projected_by_last_7_days, Amount::Count(120));
        assert_eq!(found.reached_at_by_last_7_days, None);
        let reached = project(&limit, 150, recent, november(), now).unwrap();
        assert_eq!(reached.reached_at, Some(now));
        let none = Limit { maximum: Maximum::Unlimited, ..limit };
        assert_eq!(project(&none, 100, recent, november(), now), None);
    }
}
