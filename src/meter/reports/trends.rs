//! Trends through the meter.

use crate::domain::call::in_range;
use crate::domain::name;
use crate::domain::report::trend::{Trends, first_month_start};
use crate::domain::time::Span;
use crate::error::Result;
use crate::meter::Meter;

impl Meter {
    /// What a user used in each of the last months, 1–24, up to that of the running usage
    /// period. A month is that of a usage period's start; periods that start in one month are
    /// added, and a month without any is 0.
    ///
    /// # Errors
    /// `invalid_argument` for another number of months, and the store's.
    ///
    /// # Example
    /// ```
    /// # use alwrity_metering::{CallRecord, Meter, Options, Usage};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let meter = Meter::open(folder.path().join("metering.db"), Options::default())?;
    /// meter.seed("default")?;
    /// meter.record_call(&CallRecord::new("u1", "openai", "gpt-4o-mini", Usage::tokens(374, 44)))?;
    /// let trends = meter.trends("u1", 6)?;
    /// assert_eq!(trends.periods.len(), 6);
    /// assert_eq!(trends.total_calls, [0, 0, 0, 0, 0, 1]);
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn trends(&self, user: &str, months: i64) -> Result<Trends> {
        in_range("months", months, 1, 24)?;
        // The plan is of no matter to when a period starts.
        let standing = self.account(user)?.timeline.standing(self.now(), "");
        let last = standing.usage_period.starts_at;
        let starts_at = first_month_start(last, months);
        let within = Span { starts_at, ends_at: last.plus_micros(1) };
        let totals = self.inner.store.period_totals(user, within)?;
        let rows = totals.iter().map(|(at, provider, totals)| (*at, provider.as_str(), *totals));
        Trends::by_month(last, months, rows)
    }

    /// What a user used on each of the last UTC days, 1–731, today included.
    ///
    /// # Errors
    /// `invalid_argument` for another number of days, and the store's.
    pub fn daily_trends(&self, user: &str, days: i64) -> Result<Trends> {
        in_range("days", days, 1, 731)?;
        let user = name::user(user)?;
        let today = self.now().day_number();
        let rollups = self.inner.store.days(user, today - days + 1, today + 1)?;
        let rows = rollups.iter().map(|(key, sum)| (key.day, key.provider.as_str(), sum.into()));
        Trends::by_day(today, days, rows)
    }
}
