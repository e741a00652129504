//! Comparing providers and models.

use serde::Serialize;

use super::day_label;
use crate::domain::call::in_range;
use crate::domain::name;
use crate::domain::report::comparison::{Lines, compare};
use crate::error::Result;
use crate::meter::Meter;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compare {
    /// The last UTC days, today included, 1–731.
    pub days: i64,
    /// The promised response time in ms; without it no share within it.
    pub sla_ms: Option<i64>,
}

impl Default for Compare {
    /// The last 30 days.
    fn default() -> Self {
        Self { days: 30, sla_ms: None }
    }
}

/// Providers and models side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The user.
    pub user: String,
    /// The first day, `YYYY-MM-DD`.
    pub first_day: String,
    /// The last day.
    pub last_day: String,
    /// The promised response time in ms.
    pub sla_ms: Option<i64>,
    /// The lines, the dearest first.
    #[serde(flatten)]
    pub lines: Lines,
}

impl Meter {
    /// Compares what a user's providers and models did and cost: calls, tokens, cost, cost per
    /// call and per 1000 tokens, errors, and how long they took. Response times are kept by
    /// provider, so models have their mean alone; percentiles are at most 3.2 % off.
    ///
    /// # Errors
    /// `invalid_argument` for another number of days, and the store's.
    pub fn compare(&self, user: &str, choice: &Compare) -> Result<Comparison> {
        let user = name::user(user)?;
        let Compare { days, sla_ms } = *choice;
        in_range("days", days, 1, 731)?;
        in_range("sla_ms", sla_ms.unwrap_or(0), 0, 1 << 50)?;
        let today = self.now().day_number();
        let first = today - days + 1;
        let rollups = self.inner.store.days(user, first, today + 1)?;
        let times = self.inner.store.response_times(user, first, today + 1)?;
        Ok(Comparison {
            user: user.to_owned(),
            first_day: day_label(first),
            last_day: day_label(today),
            sla_ms,
            lines: compare(&rollups, &times, sla_ms)?,
        })
    }
}
