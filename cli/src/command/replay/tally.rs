//! Tallies: what a replay did, and their sum.

use std::path::Path;
use std::time::Duration;

use alwrity_metering::{Money, Receipt, Result};
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::failure::Failure;
use crate::sheet::Column::{Number, Text};

/// What was done to some rows. Tokens and cost are those of the recorded ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// Calls that were recorded now.
    pub(super) recorded: u64,
    /// Calls that had been recorded before.
    pub(super) duplicates: u64,
    /// Calls that a limit refused.
    pub(super) refused: u64,
    /// Recorded calls whose cost is unknown.
    pub(super) unpriced: u64,
    pub(super) input_tokens: i64,
    pub(super) output_tokens: i64,
    pub(super) cost_usd: Money,
    /// The refused rows, when somebody asked for them.
    pub(super) refusals: Vec<Refusal>,
}

/// A refused row, and the limit that it does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refusal {
    pub(super) row: u64,
    pub(super) user: String,
    pub(super) limit: String,
    pub(super) input_tokens: i64,
    pub(super) output_tokens: i64,
}

impl Tally {
    /// Counts a call that was recorded now.
    pub(super) fn record(&mut self, receipt: &Receipt) -> Result<()> {
        let usage = &receipt.usage;
        self.recorded += 1;
        self.input_tokens += usage.get(&alwrity_metering::Unit::InputTokens);
        self.output_tokens += usage.get(&alwrity_metering::Unit::OutputTokens);
        match receipt.cost_usd {
            Some(cost) => self.cost_usd = self.cost_usd.plus(cost)?,
            None => self.unpriced += 1,
        }
        Ok(())
    }

    /// Adds what another job did.
    pub(super) fn add(&mut self, other: Self) -> Result<()> {
        let Self {
            recorded,
            duplicates,
            refused,
            unpriced,
            input_tokens,
            output_tokens,
            cost_usd,
            refusals,
        } = other;
        self.recorded += recorded;
        self.duplicates += duplicates;
        self.refused += refused;
        self.unpriced += unpriced;
        self.input_tokens += input_tokens;
        self.output_tokens += output_tokens;
        self.cost_usd = self.cost_usd.plus(cost_usd)?;
        self.refusals.extend(refusals);
        Ok(())
    }
}

/// The end of a replay.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) tally: Tally,
    pub(super) elapsed_s: f64,
    /// Rows of the trace by second, whatever became of them.
    pub(super) calls_per_s: u64,
    /// The refused rows, when they are to be listed.
    pub(super) refusals: Option<Vec<Refusal>>,
}

impl Summary {
    pub(super) fn new(mut tally: Tally, rows: usize, elapsed: Duration, lists: bool) -> Self {
        let rows = u128::try_from(rows).unwrap_or(0);
        let per_second = (rows * 1_000_000).checked_div(elapsed.as_micros()).unwrap_or(0);
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let refusals = std::mem::take(&mut tally.refusals);
        Self {
            tally,
            // One division of whole numbers; `as_secs_f64` adds two, and shows 3.8810000000000002.
            elapsed_s: Duration::from_millis(elapsed_ms).div_duration_f64(Duration::from_secs(1)),
            calls_per_s: u64::try_from(per_second).unwrap_or(u64::MAX),
            refusals: lists.then_some(refusals),
        }
    }
}

#[derive(Serialize)]
struct SummaryView<'a> {
    recorded: u64,
    duplicates: u64,
    refused: u64,
    unpriced: u64,
    input_tokens: i64,
    output_tokens: i64,
    cost_usd: Money,
    elapsed_s: f64,
    calls_per_s: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusals: Option<Vec<RefusalView<'a>>>,
}

#[derive(Serialize)]
struct RefusalView<'a> {
    row: u64,
    user: &'a str,
    limit: &'a str,
}

impl<'a> From<&'a Refusal> for RefusalView<'a> {
    fn from(refusal: &'a Refusal) -> Self {
        let Refusal { row, user, limit, .. } = refusal;
        Self { row: *row, user, limit }
    }
}

impl Serialize for Summary {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        let refusals =
            self.refusals.as_ref().map(|refusals| refusals.iter().map(RefusalView::from).collect());
        let view = SummaryView {
            recorded: self.tally.recorded,
            duplicates: self.tally.duplicates,
            refused: self.tally.refused,
            unpriced: self.tally.unpriced,
            input_tokens: self.tally.input_tokens,
            output_tokens: self.tally.output_tokens,
            cost_usd: self.tally.cost_usd,
            elapsed_s: self.elapsed_s,
            calls_per_s: self.calls_per_s,
            refusals,
        };
        view.serialize(serializer)
    }
}

/// Writes the refused rows as CSV.
pub(super) fn write_refusals(
    path: &Path,
    refusals: &[Refusal],
) -> std::result::Result<(), Failure> {
    let failed = |error: csv::Error| {
        Failure::other(format!("could not write `{}`: {error}", path.display()))
    };
    let mut writer =
        csv::WriterBuilder::new().has_headers(false).from_path(path).map_err(failed)?;
    writer
        .write_record(["row", "user", "limit", "input_tokens", "output_tokens"])
        .map_err(failed)?;
    for refusal in refusals {
        writer.serialize(refusal).map_err(failed)?;
    }
    writer.flush().map_err(|error| Failure::file("write", path, &error))
}

/// The refused rows for people.
pub(super) fn refusals_text(refusals: &[Refusal], context: &Context<'_>) -> String {
    let mut sheet = context.sheet(&[
        Number("row"),
        Text("user"),
        Text("limit"),
        Number("input_tokens"),
        Number("output_tokens"),
    ]);
    for refusal in refusals {
        sheet.row([
            refusal.row.to_string(),
            refusal.user.clone(),
            refusal.limit.clone(),
            refusal.input_tokens.to_string(),
            refusal.output_tokens.to_string(),
        ]);
    }
    sheet.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elapsed_time_is_shown_in_milliseconds_without_noise() {
        for (ms, shown) in [(3881, "3.881"), (330, "0.33"), (0, "0"), (61_007, "61.007")] {
            let summary = Summary::new(Tally::default(), 0, Duration::from_millis(ms), false);
            assert_eq!(summary.elapsed_s.to_string(), shown);
        }
    }
}
