//! Summaries: what a user used in a period, from counters alone.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Serialize;

use super::Meter;
use super::posting::{Posting, windows_at};
use crate::domain::account::{Account, UsageStatus};
use crate::domain::counter::{Counter, CounterKey};
use crate::domain::limit::{LimitState, percent, usage_status};
use crate::domain::money::Money;
use crate::domain::name;
use crate::domain::operation::Operation;
use crate::domain::time::{Span, Timestamp};
use crate::error::{Error, Result, shown};

/// Which usage periods are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PeriodChoice {
    /// The one that runs now.
    #[default]
    Current,
    /// All that start in that month, `YYYY-MM`.
    Month(String),
    /// All of them.
    All,
}

impl FromStr for PeriodChoice {
    type Err = Error;

    /// Reads `current`, `all` or `YYYY-MM`.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "current" => Ok(Self::Current),
            "all" => Ok(Self::All),
            label if Timestamp::from_month_label(label).is_ok() => Ok(Self::Month(label.into())),
            _ => Err(Error::InvalidArgument {
                name: "period",
                value: shown(text),
                expected: "`current`, `all` or a month as `YYYY-MM`".into(),
            }),
        }
    }
}

/// The usage of one provider or operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Breakdown {
    /// Recorded calls.
    pub calls: i64,
    /// Input and output tokens.
    pub tokens: i64,
    /// The known cost, in dollars.
    pub cost: Money,
    /// Calls whose cost is unknown.
    pub unpriced_calls: i64,
}

/// What a user used in a period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UsageSummary {
    /// The user.
    pub user: String,
    /// `YYYY-MM`, or `all`.
    pub billing_period: String,
    /// The first and the last instant of the periods that were added; nothing for all time.
    pub span: Option<Span>,
    /// The plan now.
    pub plan_id: String,
    /// How the limits stand in the running period.
    pub usage_status: UsageStatus,
    /// Recorded calls.
    pub total_calls: i64,
    /// Input and output tokens.
    pub total_tokens: i64,
    /// Input tokens.
    pub input_tokens: i64,
    /// Output tokens.
    pub output_tokens: i64,
    /// The known cost, in dollars.
    pub total_cost: Money,
    /// Calls whose cost is unknown: they are not in `total_cost`.
    pub unpriced_calls: i64,
    /// Calls that failed.
    pub failed_calls: i64,
    /// Failed calls in percent of all.
    pub error_rate: f64,
    /// The mean response time of the calls that have one, in ms.
    pub avg_response_time_ms: Option<i64>,
    /// By provider.
    pub provider_breakdown: BTreeMap<String, Breakdown>,
    /// By operation.
    pub operation_breakdown: BTreeMap<String, Breakdown>,
    /// The limits of the running period, in the order of the plan.
    pub limits: Vec<LimitState>,
    /// used ÷ maximum × 100 of every limit that has a maximum above 0.
    pub usage_percentages: BTreeMap<String, f64>,
}

/// What was used of one provider for one operation, in the usage periods of one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UsageLine {
    /// `YYYY-MM`: the month that the usage periods start in.
    pub billing_period: String,
    /// Who was paid.
    pub provider: String,
    /// What was done.
    pub operation: Operation,
    /// Recorded calls.
    pub calls: i64,
    /// Input and output tokens.
    pub tokens: i64,
    /// The known cost, in dollars.
    pub cost: Money,
    /// Calls whose cost is unknown.
    pub unpriced_calls: i64,
}

impl Meter {
    /// What a user used in a period: totals, breakdowns, and where its limits stand now.
    ///
    /// A month adds all usage periods that start in it. A user that was never seen used nothing.
    ///
    /// # Errors
    /// `invalid_argument` for a period that is none of `current`, `all`, `YYYY-MM`.
    pub fn usage_summary(&self, user: &str, period: &PeriodChoice) -> Result<UsageSummary> {
        let user = name::user(user)?;
        let now = self.now();
        let view = self.inner.store.look(user, &[], &move |head| windows_at(head, now))?;
        let posting = Posting::new(&view, user, now, now, &self.inner.rules)?;
        let current = posting.standing.usage_period;
        let span = match period {
            PeriodChoice::Current => Some(current),
            PeriodChoice::Month(label) => Some(month(label)?),
            PeriodChoice::All => None,
        };
        let counters = match (period, span) {
            (PeriodChoice::Current, _) => running(&posting, current),
            (_, span) => self.inner.store.period_counters(user, span.unwrap_or(Span::ALWAYS))?,
        };
        let mut summary = empty(&posting.account, &posting);
        span.map_or("all".to_owned(), |span| span.label()).clone_into(&mut summary.billing_period);
        summary.span = span;
        add(&mut summary, &counters)?;
        Ok(summary)
    }

    /// What a user used in a period, by provider and operation together: the lines of the view
    /// `usage_by_provider`, ascending by label, provider and operation. They add up to the
    /// summary of that period.
    ///
    /// # Errors
    /// `invalid_argument` for a period that is none of `current`, `all`, `YYYY-MM`.
    pub fn usage_lines(&self, user: &str, period: &PeriodChoice) -> Result<Vec<UsageLine>> {
        let user = name::user(user)?;
        let within = match period {
            PeriodChoice::Current => {
                let starts_at = self.current_period(user)?.usage_period.starts_at;
                Span { starts_at, ends_at: starts_at.plus_micros(1) }
            }
            PeriodChoice::Month(label) => month(label)?,
            PeriodChoice::All => Span::ALWAYS,
        };
        let mut lines: BTreeMap<_, Breakdown> = BTreeMap::new();
        for (key, counter) in self.inner.store.period_counters(user, within)? {
            let name = (key.starts_at.month_label(), key.provider, key.operation);
            lines.entry(name).or_default().add(&counter)?;
        }
        let line = |((billing_period, provider, operation), used)| {
            let Breakdown { calls, tokens, cost, unpriced_calls } = used;
            UsageLine { billing_period, provider, operation, calls, tokens, cost, unpriced_calls }
        };
        Ok(lines.into_iter().map(line).collect())
    }
}

/// The counters of the running period alone, of those that were read.
fn running(posting: &Posting, current: Span) -> Vec<(CounterKey, Counter)> {
    let is_running = |key: &CounterKey| {
        key.window == crate::domain::time::Window::Period && key.starts_at == current.starts_at
    };
    posting.counters.iter().filter(|(key, _)| is_running(key)).cloned().collect()
}

fn month(label: &str) -> Result<Span> {
    let starts_at = Timestamp::from_month_label(label)?;
    Ok(Span { starts_at, ends_at: starts_at.plus_months(1) })
}

fn empty(account: &Account, posting: &Posting) -> UsageSummary {
    let limits = posting.limit_states();
    let usage_percentages = limits
        .iter()
        .filter_map(|state| state.used_percent.map(|share| (state.name.clone(), share)))
        .collect();
    UsageSummary {
        user: account.user.clone(),
        billing_period: String::new(),
        span: None,
        plan_id: posting.standing.plan_id.clone(),
        usage_status: usage_status(&limits),
        total_calls: 0,
        total_tokens: 0,
        input_tokens: 0,
        output_tokens: 0,
        total_cost: Money::ZERO,
        unpriced_calls: 0,
        failed_calls: 0,
        error_rate: 0.0,
        avg_response_time_ms: None,
        provider_breakdown: BTreeMap::new(),
        operation_breakdown: BTreeMap::new(),
        limits,
        usage_percentages,
    }
}

fn add(summary: &mut UsageSummary, counters: &[(CounterKey, Counter)]) -> Result<()> {
    let mut total = Counter::default();
    for (key, counter) in counters {
        total = total.plus(counter)?;
        let providers = summary.provider_breakdown.entry(key.provider.clone());
        providers.or_default().add(counter)?;
        let operations = summary.operation_breakdown.entry(key.operation.to_string());
        operations.or_default().add(counter)?;
    }
    summary.total_calls = total.calls;
    summary.total_tokens = total.usage.total_tokens();
    summary.input_tokens = total.usage.get(&crate::Unit::InputTokens);
    summary.output_tokens = total.usage.get(&crate::Unit::OutputTokens);
    summary.total_cost = total.cost;
    summary.unpriced_calls = total.unpriced_calls;
    summary.failed_calls = total.failed_calls;
    summary.error_rate = percent(total.failed_calls.into(), total.calls.into()).unwrap_or(0.0);
    summary.avg_response_time_ms = total.response_time_ms.checked_div(total.timed_calls);
    Ok(())
}

impl Breakdown {
    /// Adds a counter.
    pub(crate) fn add(&mut self, counter: &Counter) -> Result<()> {
        self.calls = self.calls.saturating_add(counter.calls);
        self.tokens = self.tokens.saturating_add(counter.usage.total_tokens());
        self.cost = self.cost.plus(counter.cost)?;
        self.unpriced_calls = self.unpriced_calls.saturating_add(counter.unpriced_calls);
        Ok(())
    }
}
