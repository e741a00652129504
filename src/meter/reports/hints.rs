//! Hints through the meter.

use serde::Serialize;

use super::day_label;
use crate::domain::call::in_range;
use crate::domain::money::Money;
use crate::domain::name;
use crate::domain::report::hint::{Hint, HintScope, hints};
use crate::error::Result;
use crate::meter::Meter;

/// Which hints are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindHints {
    /// The use of the last UTC days, today included, 1–731.
    pub days: i64,
    /// Which providers they may name.
    pub scope: HintScope,
}

impl Default for FindHints {
    /// The last 30 days, among the providers that the user has used.
    fn default() -> Self {
        Self { days: 30, scope: HintScope::UsedProviders }
    }
}

/// What a user could save.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hints {
    /// The user.
    pub user: String,
    /// The first day, `YYYY-MM-DD`.
    pub first_day: String,
    /// The last day.
    pub last_day: String,
    /// The largest saving of every use together.
    pub saving_max: Money,
    /// The uses that would have cost less elsewhere, the largest saving first.
    pub hints: Vec<Hint>,
}

impl Meter {
    /// What a user's calls of the last days would have cost on cheaper models of the same
    /// operation, at today's list prices. Whether those models are good enough is for people to
    /// judge.
    ///
    /// # Errors
    /// `invalid_argument` for another number of days, and the store's.
    pub fn hints(&self, user: &str, choice: &FindHints) -> Result<Hints> {
        let user = name::user(user)?;
        let FindHints { days, scope } = *choice;
        in_range("days", days, 1, 731)?;
        let now = self.now();
        let today = now.day_number();
        let first = today - days + 1;
        let rollups = self.inner.store.days(user, first, today + 1)?;
        let hints = hints(&rollups, &*self.inner.store.catalogue()?, now, scope)?;
        let best = hints.iter().filter_map(|hint| hint.cheaper.first()).map(|one| one.saving);
        Ok(Hints {
            user: user.to_owned(),
            first_day: day_label(first),
            last_day: day_label(today),
            saving_max: Money::sum(best)?,
            hints,
        })
    }
}
