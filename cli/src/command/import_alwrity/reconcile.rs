//! Reconciling: their numbers beside ours, and why they differ where they do.

use std::collections::BTreeMap;

use alwrity_metering::{Money, Result as Metered};
use serde::Serialize;

use super::lines::{Key, Line, Lines, Sum};
use super::row::Told;

/// Why a line is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    /// All say the same, to the pico-dollar.
    Equal,
    /// Their sum of floats is off by less than floats can tell.
    FloatRounding,
    /// The summary has less than its logs: updates were lost. The logs count.
    SummaryLostUpdates,
    /// The summary has calls whose rows are gone. They are kept as one row of that many calls.
    LogsMissing,
    /// The same calls, but the summary has more tokens or cost. The logs count.
    LogsDiffer,
    /// There is no summary.
    NoSummary,
    /// Rows name another period than the one that their time lies in here.
    OtherPeriod,
    /// Calls without a cost there, which have none here either.
    Unpriced,
    /// Calls without a cost there, which the price list here has given one.
    PricedHere,
    /// Rows could not be recorded; they are listed as problems.
    RowsSkipped,
    /// The store has calls that are not from this import.
    RecordedHere,
    /// None of these explains it.
    Unexplained,
}

impl Reason {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::FloatRounding => "float_rounding",
            Self::SummaryLostUpdates => "summary_lost_updates",
            Self::LogsMissing => "logs_missing",
            Self::LogsDiffer => "logs_differ",
            Self::NoSummary => "no_summary",
            Self::OtherPeriod => "other_period",
            Self::Unpriced => "unpriced",
            Self::PricedHere => "priced_here",
            Self::RowsSkipped => "rows_skipped",
            Self::RecordedHere => "recorded_here",
            Self::Unexplained => "unexplained",
        }
    }
}

/// What was used, as the report shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Shown {
    pub(super) calls: i64,
    /// Nothing where their table has no such column.
    pub(super) tokens: Option<i64>,
    pub(super) cost_usd: Option<Money>,
}

impl Shown {
    fn of(sum: Sum) -> Metered<Self> {
        let cost_usd = Some(Money::from_total(sum.cost)?);
        Ok(Self { calls: sum.calls, tokens: Some(sum.tokens), cost_usd })
    }

    fn told(told: Told) -> Self {
        let cost_usd = told.cost.map(Money::from_pico_usd);
        Self { calls: told.calls, tokens: told.tokens, cost_usd }
    }
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Compared {
    pub(super) user: String,
    pub(super) billing_period: String,
    /// ALwrity's name of the provider; `all` for a period.
    pub(super) provider: String,
    /// What their summary says.
    pub(super) summary: Option<Shown>,
    /// What their logs add up to.
    pub(super) logs: Shown,
    /// What the store has.
    pub(super) ours: Shown,
    /// Ours less their summary, or less their logs where there is none.
    pub(super) difference: Shown,
    pub(super) reasons: Vec<Reason>,
}

/// What a period has in all, as it stands where a provider does.
pub(super) const ALL: &str = "all";

/// Their numbers beside ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// By user, period and provider.
    pub(super) lines: Vec<Compared>,
    /// By user and period, all providers together.
    pub(super) periods: Vec<Compared>,
}

/// Sets all lines beside what the store has.
pub(super) fn compare(lines: &Lines, ours: &BTreeMap<Key, Sum>) -> Metered<Comparison> {
    let mut keys: Vec<&Key> = lines.lines.keys().chain(ours.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let empty = Line::default();
    let mut comparison = Comparison::default();
    let mut periods: BTreeMap<(String, String), (Line, Sum, Vec<Reason>)> = BTreeMap::new();
    for key in keys {
        let line = lines.lines.get(key).unwrap_or(&empty);
        let own = ours.get(key).copied().unwrap_or_default();
        let is_told = line.summary.is_some_and(|told| told != told_nothing(told));
        if !is_told && line.rows == 0 && own == Sum::default() && line.imported == own {
            continue;
        }
        let reasons = reasons(line, own);
        let period = periods.entry((key.0.clone(), key.1.clone())).or_default();
        period.0.add(line);
        period.1.add(own);
        period.2.extend(&reasons);
        comparison.lines.push(compared(key, line, own, reasons)?);
    }
    for (of, (line, own, reasons)) in periods {
        let line = Line { summary: lines.totals.get(&of).copied(), ..line };
        let reasons = reasons_of_all(&line, own, reasons);
        let key = (of.0, of.1, ALL.to_owned());
        comparison.periods.push(compared(&key, &line, own, reasons)?);
    }
    Ok(comparison)
}

fn compared(key: &Key, line: &Line, own: Sum, reasons: Vec<Reason>) -> Metered<Compared> {
    let theirs = line.summary.unwrap_or_else(|| told(line.logs));
    let (user, billing_period, provider) = key.clone();
    Ok(Compared {
        user,
        billing_period,
        provider,
        summary: line.summary.map(Shown::told),
        logs: Shown::of(line.logs)?,
        ours: Shown::of(own)?,
        difference: Shown {
            calls: own.calls - theirs.calls,
            tokens: theirs.tokens.map(|tokens| own.tokens - tokens),
            cost_usd: match theirs.cost {
                Some(cost) => Some(Money::from_total(own.cost - i128::from(cost))?),
                None => None,
            },
        },
        reasons,
    })
}

/// Why a period is as it is: nothing differs, or what its providers say, or else its totals were
/// written without them.
fn reasons_of_all(line: &Line, own: Sum, of_providers: Vec<Reason>) -> Vec<Reason> {
    if line.summary == Some(told(own)) {
        return vec![Reason::Equal];
    }
    let mut all = of_providers;
    all.retain(|reason| *reason != Reason::Equal);
    all.sort_unstable();
    all.dedup();
    if all.is_empty() { reasons(line, own) } else { all }
}

/// The same columns with 0 in each.
fn told_nothing(told: Told) -> Told {
    Told { calls: 0, tokens: told.tokens.map(|_| 0), cost: told.cost.map(|_| 0) }
}

fn told(sum: Sum) -> Told {
    let cost = i64::try_from(sum.cost).unwrap_or(i64::MAX);
    Told { calls: sum.calls, tokens: Some(sum.tokens), cost: Some(cost) }
}

/// Why a line is as it is, of which our part is `ours`.
pub(super) fn reasons(line: &Line, ours: Sum) -> Vec<Reason> {
    let mut reasons = Vec::new();
    match line.summary {
        Some(told) => reasons.extend(against_summary(line, told)),
        None if line.logs.calls > 0 => reasons.push(Reason::NoSummary),
        None => {}
    }
    let others = [
        (line.is_moved, Reason::OtherPeriod),
        (line.without_cost > 0 && !line.is_priced_here, Reason::Unpriced),
        (line.is_priced_here, Reason::PricedHere),
        (line.skipped > 0, Reason::RowsSkipped),
        (ours != line.imported, Reason::RecordedHere),
    ];
    reasons.extend(others.into_iter().filter(|(is_so, _)| *is_so).map(|(_, reason)| reason));
    if !is_explained(line) {
        reasons.push(Reason::Unexplained);
    }
    if reasons.is_empty() {
        reasons.push(Reason::Equal);
    }
    reasons
}

/// How a summary stands to its logs.
fn against_summary(line: &Line, told: Told) -> Option<Reason> {
    let calls = told.calls - line.logs.calls;
    if calls < 0 {
        return Some(Reason::SummaryLostUpdates);
    }
    if calls > 0 {
        return Some(Reason::LogsMissing);
    }
    let tokens = told.tokens.map_or(0, |tokens| tokens - line.logs.tokens);
    let cost = told.cost.map_or(0, |cost| i128::from(cost) - line.logs.cost);
    let is_rounding = cost.abs() <= line.rounding(cost);
    match (tokens, cost) {
        (0, 0) => None,
        (0, _) if is_rounding => Some(Reason::FloatRounding),
        (tokens, cost) if tokens < 0 || (tokens == 0 && cost < 0) => {
            Some(Reason::SummaryLostUpdates)
        }
        _ => Some(Reason::LogsDiffer),
    }
}

/// Whether the receipts are what the rows and what is kept of the summary add up to.
fn is_explained(line: &Line) -> bool {
    if line.is_moved || line.skipped > 0 {
        return true;
    }
    let mut expected = line.logs;
    expected.add(line.kept.unwrap_or_default());
    let is_same_cost = line.is_priced_here || expected.cost == line.imported.cost;
    let missing = line.summary.is_some_and(|told| told.calls > expected.calls);
    is_same_cost
        && !missing
        && (expected.calls, expected.tokens) == (line.imported.calls, line.imported.tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(calls: i64, tokens: i64, cost: i128) -> Sum {
        Sum { calls, tokens, cost }
    }

    fn line(told: Option<(i64, i64, i64)>, logs: Sum) -> Line {
        let told = told.map(|(calls, tokens, cost)| Told {
            calls,
            tokens: Some(tokens),
            cost: Some(cost),
        });
        Line { summary: told, logs, rows: logs.calls, imported: logs, ..Line::default() }
    }

    #[test]
    fn every_difference_has_its_reason() {
        let logs = sum(10, 100, 1_000_000_000_000);
        let of = |told| reasons(&line(told, logs), logs);
        assert_eq!(of(Some((10, 100, 1_000_000_000_000))), [Reason::Equal]);
        assert_eq!(of(Some((10, 100, 999_999_999_999))), [Reason::FloatRounding]);
        assert_eq!(of(Some((10, 100, 900_000_000_000))), [Reason::SummaryLostUpdates]);
        assert_eq!(of(Some((9, 100, 1_000_000_000_000))), [Reason::SummaryLostUpdates]);
        assert_eq!(of(Some((10, 100, 1_100_000_000_000))), [Reason::LogsDiffer]);
        assert_eq!(of(None), [Reason::NoSummary]);
        let mut kept = line(Some((12, 100, 0)), logs);
        kept.kept = Some(sum(2, 0, 0));
        kept.imported = sum(12, 100, logs.cost);
        assert_eq!(reasons(&kept, kept.imported), [Reason::LogsMissing]);
        assert_eq!(
            reasons(&line(Some((12, 100, 0)), logs), logs),
            [Reason::LogsMissing, Reason::Unexplained],
            "nothing was kept"
        );
    }

    #[test]
    fn what_the_store_has_otherwise_is_told() {
        let logs = sum(1, 2, 3);
        let own = line(Some((1, 2, 3)), logs);
        assert_eq!(reasons(&own, sum(2, 4, 6)), [Reason::RecordedHere]);
        let lost = Line { imported: Sum::default(), ..own };
        assert_eq!(reasons(&lost, Sum::default()), [Reason::Unexplained]);
    }
}
