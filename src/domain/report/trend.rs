//! Trends: what was used in each of the last months or days, none left out.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::counter::Totals;
use crate::domain::money::Money;
use crate::domain::time::{DAY_US, Timestamp};
use crate::error::Result;

/// One provider's part of a trend; each list is as long as the trend's periods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProviderTrend {
    /// Recorded calls.
    pub calls: Vec<i64>,
    /// Input and output tokens.
    pub tokens: Vec<i64>,
    /// The known cost, in dollars.
    pub cost: Vec<Money>,
}

/// What a user used in consecutive months or days. Every list is as long as `periods`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trends {
    /// `YYYY-MM` or `YYYY-MM-DD`, the oldest first, without holes.
    pub periods: Vec<String>,
    /// Recorded calls.
    pub total_calls: Vec<i64>,
    /// Input and output tokens.
    pub total_tokens: Vec<i64>,
    /// The known cost, in dollars.
    pub total_cost: Vec<Money>,
    /// By provider, those that were used.
    pub provider_trends: BTreeMap<String, ProviderTrend>,
}

impl ProviderTrend {
    fn zeros(length: usize) -> Self {
        let (calls, tokens) = (vec![0; length], vec![0; length]);
        Self { calls, tokens, cost: vec![Money::ZERO; length] }
    }
}

impl Trends {
    fn new(periods: Vec<String>) -> Self {
        let ProviderTrend { calls, tokens, cost } = ProviderTrend::zeros(periods.len());
        Self {
            periods,
            total_calls: calls,
            total_tokens: tokens,
            total_cost: cost,
            provider_trends: BTreeMap::new(),
        }
    }

    /// The months up to the one of an instant, by the month that each usage period starts in.
    pub fn by_month<'a>(
        last: Timestamp,
        months: i64,
        periods: impl Iterator<Item = (Timestamp, &'a str, Totals)>,
    ) -> Result<Self> {
        // Counted in whole months: going back from the 31st would skip the short ones.
        let first = first_month(last, months);
        let label = |month: i64| format!("{:04}-{:02}", month.div_euclid(12), month % 12 + 1);
        let mut trends = Self::new((first..first + months).map(label).collect());
        for (starts_at, provider, totals) in periods {
            trends.add(starts_at.month_number() - first, provider, totals)?;
        }
        Ok(trends)
    }

    /// The UTC days up to a day, in days since 1970-01-01.
    pub fn by_day<'a>(
        last: i64,
        days: i64,
        rollups: impl Iterator<Item = (i64, &'a str, Totals)>,
    ) -> Result<Self> {
        let first = last - days + 1;
        let label =
            |day: i64| Timestamp::from_micros_clamped(day.saturating_mul(DAY_US)).day_label();
        let mut trends = Self::new((first..=last).map(label).collect());
        for (day, provider, totals) in rollups {
            trends.add(day - first, provider, totals)?;
        }
        Ok(trends)
    }

    fn add(&mut self, place: i64, provider: &str, totals: Totals) -> Result<()> {
        let length = self.periods.len();
        let Some(place) = usize::try_from(place).ok().filter(|place| *place < length) else {
            return Ok(());
        };
        if !self.provider_trends.contains_key(provider) {
            self.provider_trends.insert(provider.to_owned(), ProviderTrend::zeros(length));
        }
        let Totals { calls, tokens, cost } = totals;
        if let Some(own) = self.provider_trends.get_mut(provider) {
            own.calls[place] = own.calls[place].saturating_add(calls);
            own.tokens[place] = own.tokens[place].saturating_add(tokens);
            own.cost[place] = own.cost[place].plus(cost)?;
        }
        self.total_calls[place] = self.total_calls[place].saturating_add(calls);
        self.total_tokens[place] = self.total_tokens[place].saturating_add(tokens);
        self.total_cost[place] = self.total_cost[place].plus(cost)?;
        Ok(())
    }
}

/// The number of the first of so many months that end with that of an instant.
fn first_month(last: Timestamp, months: i64) -> i64 {
    last.month_number() - months + 1
}

/// The start of the first of so many months that end with that of an instant.
pub(crate) fn first_month_start(last: Timestamp, months: i64) -> Timestamp {
    let month = first_month(last, months);
    let label = format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1);
    Timestamp::from_month_label(&label).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn months_are_distinct_and_without_holes_also_on_the_31st() {
        for day in ["2025-03-31T23:59:59Z", "2025-03-01T00:00:00Z"] {
            let trends = Trends::by_month(at(day), 5, std::iter::empty()).unwrap();
            let expected = ["2024-11", "2024-12", "2025-01", "2025-02", "2025-03"];
            assert_eq!(trends.periods, expected);
            assert_eq!(trends.total_cost.len(), 5);
            assert_eq!(first_month_start(at(day), 5), at("2024-11-01T00:00:00Z"));
        }
    }

    #[test]
    fn two_periods_that_start_in_one_month_are_added() {
        let totals = Totals { calls: 2, tokens: 0, cost: Money::from_pico_usd(5) };
        let starts = ["2025-10-01T00:00:00Z", "2025-10-15T08:00:00Z", "2025-09-30T00:00:00Z"];
        let rows = starts.iter().map(|start| (at(start), "gemini", totals));
        let trends = Trends::by_month(at("2025-10-20T00:00:00Z"), 1, rows).unwrap();
        assert_eq!(trends.total_calls, [4]);
        assert_eq!(trends.provider_trends["gemini"].cost, [Money::from_pico_usd(10)]);
    }

    #[test]
    fn days_are_utc_days() {
        let totals = Totals { calls: 1, ..Totals::default() };
        let rows = [(20_368, "a", totals), (20_367, "b", totals), (20_360, "c", totals)];
        let trends = Trends::by_day(20_368, 3, rows.into_iter()).unwrap();
        assert_eq!(trends.periods, ["2025-10-05", "2025-10-06", "2025-10-07"]);
        assert_eq!(trends.total_calls, [0, 1, 1]);
        assert_eq!(trends.provider_trends.len(), 2);
    }
}
