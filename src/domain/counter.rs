//! Counters and day rollups: sums of recorded calls, each a fold of the call ledger.

use super::call::Call;
use super::money::Money;
use super::operation::Operation;
use super::plan::Metric;
use super::time::{Timestamp, Window};
use super::usage::{Unit, Usage};
use crate::error::Result;

/// What a counter counts: calls of one provider and operation in one window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CounterKey {
    /// The window.
    pub window: Window,
    /// The start of the window, which is its key.
    pub starts_at: Timestamp,
    /// Who is paid.
    pub provider: String,
    /// What was done.
    pub operation: Operation,
}

/// The sum of recorded calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// All calls.
    pub calls: i64,
    /// Calls that `*_calls` limits count: all but failed ones that used nothing.
    pub limited_calls: i64,
    /// Calls with a status of 400 or more.
    pub failed_calls: i64,
    /// Calls whose cost is unknown.
    pub unpriced_calls: i64,
    /// Calls with a response time.
    pub timed_calls: i64,
    /// The response times of those, in ms.
    pub response_time_ms: i64,
    /// What was used.
    pub usage: Usage,
    /// What it cost, without unpriced calls.
    pub cost: Money,
}

impl Counter {
    /// What one call adds.
    pub fn of(call: &Call) -> Self {
        let count_if = |yes: bool| if yes { call.call_count } else { 0 };
        Self {
            calls: call.call_count,
            limited_calls: count_if(!call.is_free_failure()),
            failed_calls: count_if(call.is_failed()),
            unpriced_calls: count_if(call.cost.is_none()),
            timed_calls: count_if(call.details.response_time_ms.is_some()),
            response_time_ms: call
                .details
                .response_time_ms
                .unwrap_or(0)
                .saturating_mul(call.call_count),
            usage: call.usage.clone(),
            cost: call.cost.unwrap_or(Money::ZERO),
        }
    }

    /// Both together, or an error when a sum is out of range.
    pub fn plus(&self, other: &Self) -> Result<Self> {
        Ok(Self {
            calls: self.calls.saturating_add(other.calls),
            limited_calls: self.limited_calls.saturating_add(other.limited_calls),
            failed_calls: self.failed_calls.saturating_add(other.failed_calls),
            unpriced_calls: self.unpriced_calls.saturating_add(other.unpriced_calls),
            timed_calls: self.timed_calls.saturating_add(other.timed_calls),
            response_time_ms: self.response_time_ms.saturating_add(other.response_time_ms),
            usage: self.usage.plus(&other.usage)?,
            cost: self.cost.plus(other.cost)?,
        })
    }

    /// The quantity that a limit of that metric counts.
    pub fn amount(&self, metric: &Metric) -> i128 {
        match metric {
            Metric::Calls => self.limited_calls.into(),
            Metric::Tokens => {
                i128::from(self.usage.get(&Unit::InputTokens))
                    + i128::from(self.usage.get(&Unit::OutputTokens))
            }
            Metric::Cost => self.cost.pico_usd().into(),
            Metric::Unit(unit) => self.usage.get(unit).into(),
        }
    }
}

/// The part of a counter that a trend shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All calls.
    pub calls: i64,
    /// Input and output tokens.
    pub tokens: i64,
    /// What it cost, without unpriced calls.
    pub cost: Money,
}

impl From<&Counter> for Totals {
    fn from(counter: &Counter) -> Self {
        let tokens = counter.usage.total_tokens();
        Self { calls: counter.calls, tokens, cost: counter.cost }
    }
}

/// What a day rollup sums: calls of one user, UTC day, provider, model and operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayKey {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Who is paid.
    pub provider: String,
    /// The model, empty without one.
    pub model: String,
    /// What was done.
    pub operation: Operation,
}

/// What a bucket of response times counts: calls of one user, UTC day and provider.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResponseKey {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Who was paid.
    pub provider: String,
    /// The bucket, see [`bucket`](super::histogram::bucket).
    pub bucket: i64,
}

impl DayKey {
    /// The rollup that a call belongs to.
    pub fn of(call: &Call) -> Self {
        Self {
            day: call.occurred_at.day_number(),
            provider: call.provider.clone(),
            model: call.model.clone(),
            operation: call.operation.clone(),
        }
    }
}
