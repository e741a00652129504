//! Lines: what ALwrity's summaries and logs say, and what was recorded of them, side by side.

use std::collections::BTreeMap;

use alwrity_metering::Receipt;

use super::call::{self, UNKNOWN};
use super::provider::{named, shown};
use super::row::{LogRow, SummaryRow, Told};

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) calls: i64,
    pub(super) tokens: i64,
    /// In pico-dollars; a sum of many.
    pub(super) cost: i128,
}

impl Sum {
    pub(super) fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.cost = self.cost.saturating_add(other.cost);
    }
}

/// User, label of the period, and ALwrity's name of the provider.
pub(super) type Key = (String, String, String);

/// One line: everything that is known of its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// What the summary says.
    pub(super) summary: Option<Told>,
    /// What the rows of the log add up to, by the period that they name.
    pub(super) logs: Sum,
    /// How many rows those are.
    pub(super) rows: i64,
    /// Calls whose row has no cost.
    pub(super) without_cost: i64,
    /// Whether some of those have got a cost here.
    pub(super) is_priced_here: bool,
    /// Rows that were not recorded.
    pub(super) skipped: i64,
    /// Whether a row lies in another of our periods than the one that it names.
    pub(super) is_moved: bool,
    /// What the summary has beyond the logs, and is kept.
    pub(super) kept: Option<Sum>,
    /// What the receipts say, by our period.
    pub(super) imported: Sum,
}

/// All lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    pub(super) lines: BTreeMap<Key, Line>,
    /// The totals of the summaries, by user and period.
    pub(super) totals: BTreeMap<(String, String), Told>,
}

impl Lines {
    fn line(&mut self, user: &str, period: &str, provider: &str) -> &mut Line {
        let key = (user.to_owned(), period.to_owned(), provider.to_owned());
        self.lines.entry(key).or_default()
    }

    /// Adds a row of the log, whether it was recorded or not.
    fn add_row(&mut self, row: &LogRow) -> &mut Line {
        let line = self.line(&row.user, &row.period, named(&row.provider));
        line.rows += 1;
        line.logs.add(call::sum(row));
        if row.cost_total.is_none() {
            line.without_cost += call::call_count(row);
        }
        line
    }

    /// Adds a row of the log that could not be recorded.
    pub(super) fn skip(&mut self, row: &LogRow) {
        self.add_row(row).skipped += 1;
    }

    /// Adds a row of the log and its receipt.
    pub(super) fn add(&mut self, row: &LogRow, receipt: &Receipt) {
        let period = receipt.period_starts_at.month_label();
        let is_moved = period != row.period;
        let line = self.add_row(row);
        line.is_moved |= is_moved;
        line.is_priced_here |= row.cost_total.is_none() && receipt.cost_usd.is_some();
        self.add_receipt(receipt);
        if is_moved {
            self.line(&row.user, &period, named(&row.provider)).is_moved = true;
        }
    }

    /// Notes that what a summary has beyond its logs was not recorded.
    pub(super) fn leave(&mut self, key: &Key) {
        self.line(&key.0, &key.1, &key.2).skipped += 1;
    }

    fn add_receipt(&mut self, receipt: &Receipt) {
        let period = receipt.period_starts_at.month_label();
        let provider = shown(&receipt.provider, receipt.operation.as_str());
        self.line(&receipt.user, &period, provider).imported.add(Sum {
            calls: receipt.call_count,
            tokens: receipt.usage.total_tokens(),
            cost: receipt.cost_usd.map_or(0, |cost| cost.pico_usd().into()),
        });
    }

    /// Adds what is kept of a summary, and its receipt.
    pub(super) fn keep(&mut self, key: &Key, missing: Sum, receipt: &Receipt) {
        self.line(&key.0, &key.1, &key.2).kept = Some(missing);
        self.add_receipt(receipt);
    }

    /// Adds a summary; what it has beyond its logs, by the name of the provider.
    pub(super) fn add_summary(&mut self, row: &SummaryRow) -> Vec<(Key, Sum)> {
        self.totals.insert((row.user.clone(), row.period.clone()), row.total);
        let mut missing = Vec::new();
        let mut explained = Sum::default();
        for (name, told) in &row.providers {
            let line = self.line(&row.user, &row.period, name);
            line.summary = Some(*told);
            if let Some(beyond) = line.beyond(*told) {
                missing.push(((*name).to_owned(), beyond));
            }
        }
        let first: Key = (row.user.clone(), row.period.clone(), String::new());
        let of_period = |key: &Key| key.0 == row.user && key.1 == row.period;
        for (_, line) in self.lines.range(first..).take_while(|(key, _)| of_period(key)) {
            explained.add(line.logs);
        }
        for (_, beyond) in &missing {
            explained.add(*beyond);
        }
        // A total may count providers that the table has no column of.
        let rest = Line { logs: explained, rows: explained.calls, ..Line::default() };
        if let Some(beyond) = rest.beyond(row.total) {
            self.line(&row.user, &row.period, UNKNOWN).summary =
                Some(Told { calls: beyond.calls, tokens: None, cost: None });
            missing.push((UNKNOWN.to_owned(), beyond));
        }
        let key = |name: String| (row.user.clone(), row.period.clone(), name);
        missing.into_iter().map(|(name, beyond)| (key(name), beyond)).collect()
    }
}

impl Line {
    /// Adds another line of the same period; the summary stays.
    pub(super) fn add(&mut self, other: &Self) {
        self.logs.add(other.logs);
        self.rows += other.rows;
        self.without_cost += other.without_cost;
        self.is_priced_here |= other.is_priced_here;
        self.skipped += other.skipped;
        self.is_moved |= other.is_moved;
        if let Some(kept) = other.kept {
            self.kept.get_or_insert_default().add(kept);
        }
        self.imported.add(other.imported);
    }

    /// The calls that a summary has beyond these logs, with their tokens and cost; nothing when
    /// the logs have all calls. Then the logs are right about the rest too.
    fn beyond(&self, told: Told) -> Option<Sum> {
        let calls = told.calls - self.logs.calls;
        if calls <= 0 {
            return None;
        }
        let tokens = told.tokens.map_or(0, |tokens| (tokens - self.logs.tokens).max(0));
        let cost = told.cost.map_or(0, |cost| (i128::from(cost) - self.logs.cost).max(0));
        let cost = if cost <= self.rounding(cost) { 0 } else { cost };
        Some(Sum { calls, tokens, cost })
    }

    /// How far a sum of floats over these rows may be from the exact one, in pico-dollars: half a
    /// unit for each row that was rounded, and 2⁻⁵² of the sum for each addition.
    pub(super) fn rounding(&self, cost: i128) -> i128 {
        let rows = i128::from(self.rows) + 1;
        let largest = cost.abs().max(self.logs.cost.abs());
        rows + largest.saturating_mul(rows) / (1 << 52) + 1
    }
}
