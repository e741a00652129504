//! Reports: dashboard, trends, comparison and hints, from counters and rollups alone. None of
//! them writes anything, and none takes longer when the log grows.

mod compare;
mod dashboard;
mod hints;
mod trends;

pub use compare::{Compare, Comparison};
pub use dashboard::{CurrentUsage, Dashboard, PlanLimits, Projections};
pub use hints::{FindHints, Hints};

use crate::domain::time::{DAY_US, Timestamp};

/// The label of a day, in days since 1970-01-01.
fn day_label(day: i64) -> String {
    Timestamp::from_micros_clamped(day.saturating_mul(DAY_US)).day_label()
}
