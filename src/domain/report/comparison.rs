//! Comparisons: providers and models side by side.

use std::collections::BTreeMap;

use serde::Serialize;

use super::response_time::ResponseTimes;
use crate::domain::counter::{Counter, DayKey, ResponseKey};
use crate::domain::limit::percent;
use crate::domain::money::Money;
use crate::domain::operation::Operation;
use crate::error::Result;

/// What a provider or a model did, and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Performance {
    /// Recorded calls.
    pub calls: i64,
    /// Input and output tokens.
    pub tokens: i64,
    /// The known cost, in dollars.
    pub cost: Money,
    /// Calls whose cost is unknown.
    pub unpriced_calls: i64,
    /// Calls that failed.
    pub failed_calls: i64,
    /// Failed calls in percent of all.
    pub error_rate: f64,
    /// Cost ÷ calls, rounded to a pico-dollar; nothing without priced calls.
    pub cost_per_call: Option<Money>,
    /// 1000 × cost ÷ tokens, rounded to a pico-dollar; nothing without tokens, or while some of
    /// them belong to calls of unknown cost.
    pub cost_per_1k_tokens: Option<Money>,
    /// The part of the user's whole cost, in percent.
    pub cost_share: Option<f64>,
    /// The mean response time of the calls that have one, in ms.
    pub avg_response_time_ms: Option<i64>,
}

/// A provider's line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProviderLine {
    /// Who is paid.
    pub provider: String,
    /// What it did and cost.
    #[serde(flatten)]
    pub performance: Performance,
    /// Half of the calls took no longer, in ms; at most 3.2 % off.
    pub p50_ms: Option<i64>,
    /// 95 % of the calls took no longer.
    pub p95_ms: Option<i64>,
    /// 99 % of the calls took no longer.
    pub p99_ms: Option<i64>,
    /// Calls in percent that took at most the promised time; nothing when none was given.
    pub within_sla: Option<f64>,
}

/// A model's line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelLine {
    /// Who is paid.
    pub provider: String,
    /// The model, empty when there is none.
    pub model: String,
    /// What was done.
    pub operation: Operation,
    /// What it did and cost.
    #[serde(flatten)]
    pub performance: Performance,
}

/// Providers and models side by side, the dearest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Lines {
    /// By provider.
    pub providers: Vec<ProviderLine>,
    /// By provider, model and operation.
    pub models: Vec<ModelLine>,
}

/// Compares day rollups and response times.
pub fn compare(
    days: &[(DayKey, Counter)],
    times: &[(ResponseKey, i64)],
    sla_ms: Option<i64>,
) -> Result<Lines> {
    let mut by_provider: BTreeMap<&str, Counter> = BTreeMap::new();
    let mut by_model: BTreeMap<(&str, &str, &Operation), Counter> = BTreeMap::new();
    let mut total = Counter::default();
    for (key, counter) in days {
        total = total.plus(counter)?;
        let sum = by_provider.entry(&key.provider).or_default();
        *sum = sum.plus(counter)?;
        let sum = by_model.entry((&key.provider, &key.model, &key.operation)).or_default();
        *sum = sum.plus(counter)?;
    }
    let mut histograms: BTreeMap<&str, ResponseTimes> = BTreeMap::new();
    for (key, calls) in times {
        histograms.entry(&key.provider).or_default().add(key.bucket, *calls);
    }
    let none = ResponseTimes::default();
    let mut providers = Vec::with_capacity(by_provider.len());
    for (provider, sum) in by_provider {
        let times = histograms.get(provider).unwrap_or(&none);
        providers.push(ProviderLine {
            provider: provider.to_owned(),
            performance: performance(&sum, total.cost)?,
            p50_ms: times.percentile_ms(50),
            p95_ms: times.percentile_ms(95),
            p99_ms: times.percentile_ms(99),
            within_sla: sla_ms.and_then(|sla_ms| times.within_percent(sla_ms)),
        });
    }
    let mut models = Vec::with_capacity(by_model.len());
    for ((provider, model, operation), sum) in by_model {
        models.push(ModelLine {
            provider: provider.to_owned(),
            model: model.to_owned(),
            operation: operation.clone(),
            performance: performance(&sum, total.cost)?,
        });
    }
    // Stable: lines of one cost stay in the order of their names.
    providers.sort_by_key(|line| std::cmp::Reverse(line.performance.cost));
    models.sort_by_key(|line| std::cmp::Reverse(line.performance.cost));
    Ok(Lines { providers, models })
}

fn performance(sum: &Counter, whole_cost: Money) -> Result<Performance> {
    let tokens = sum.usage.total_tokens();
    let priced_calls = sum.calls - sum.unpriced_calls;
    let divided = |times: i64, by: i64| {
        if by > 0 { sum.cost.charge(times, by).map(Some) } else { Ok(None) }
    };
    Ok(Performance {
        calls: sum.calls,
        tokens,
        cost: sum.cost,
        unpriced_calls: sum.unpriced_calls,
        failed_calls: sum.failed_calls,
        error_rate: percent(sum.failed_calls.into(), sum.calls.into()).unwrap_or(0.0),
        cost_per_call: divided(1, priced_calls)?,
        cost_per_1k_tokens: divided(1000, if sum.unpriced_calls == 0 { tokens } else { 0 })?,
        cost_share: percent(sum.cost.pico_usd().into(), whole_cost.pico_usd().into()),
        avg_response_time_ms: sum.response_time_ms.checked_div(sum.timed_calls),
    })
}
