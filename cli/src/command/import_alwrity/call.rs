//! Calls: rows of the log as records of ours, and what a summary has beyond its logs.
//!
//! What ALwrity charged is kept as the cost that the vendor's side reported: prices of today change
//! no past. The key of a record follows from its row alone, whichever file it lies in, so that the
//! same row is recorded once.

use alwrity_metering::domain::subscription::Timeline;
use alwrity_metering::{CallDetails, CallRecord, Money, Timestamp, Usage, UsageSource};

use super::amount::Exact;
use super::lines::Sum;
use super::provider::{Target, made, named, target};
use super::row::{LogRow, month};
use super::term::clip;

/// The tag that tells whose row it was.
pub(super) const TAG: (&str, &str) = ("imported_from", "alwrity");

/// The endpoint of a row that ALwrity put together from many.
pub(super) const AGGREGATED: &str = "[AGGREGATED]";

/// The endpoint of a call that stands for what a summary has beyond its logs.
pub(super) const SUMMARY: &str = "[SUMMARY]";

/// What stands for the provider where a total has more than its providers.
pub(super) const UNKNOWN: &str = "unknown";

/// Whether ALwrity put a row together from many.
pub(super) fn is_aggregated(row: &LogRow) -> bool {
    row.endpoint.as_deref() == Some(AGGREGATED)
}

/// How many calls a row stands for: aggregated ones say so in a column or in a text.
pub(super) fn call_count(row: &LogRow) -> i64 {
    let is_aggregated = is_aggregated(row);
    let told = |text: &Option<String>| {
        let words = text.as_deref()?.split(|c: char| !c.is_ascii_digit());
        words.filter_map(|word| word.parse::<i64>().ok()).find(|count| *count > 0)
    };
    let in_text = || told(&row.model).or_else(|| told(&row.error_message));
    let count = row.call_count.filter(|count| *count > 0);
    count.or_else(|| is_aggregated.then(in_text).flatten()).unwrap_or(1)
}

/// The tokens of a row, in and out. A total above both is input that nobody told apart.
fn tokens(row: &LogRow) -> Usage {
    let parts = row.tokens_input.saturating_add(row.tokens_output);
    let rest = row.tokens_total.saturating_sub(parts).max(0);
    Usage::tokens(row.tokens_input.saturating_add(rest), row.tokens_output)
}

/// What a row says was used.
pub(super) fn sum(row: &LogRow) -> Sum {
    Sum {
        calls: call_count(row),
        tokens: tokens(row).total_tokens(),
        cost: row.cost_total.map_or(0, |cost| cost.pico.into()),
    }
}

/// The record of a row.
pub(super) fn record(row: &LogRow) -> CallRecord {
    let call_count = call_count(row);
    let is_aggregated = is_aggregated(row);
    let model = row.model.as_deref().filter(|_| !is_aggregated).map(|model| clip(model, 128));
    let model = model.unwrap_or_default().to_lowercase();
    let Target { provider, operation } =
        target(&row.provider, row.actual_provider.as_deref(), &model);
    CallRecord {
        operation: Some(operation.to_owned()),
        usage_source: UsageSource::Reported,
        vendor_cost_usd: row.cost_total.map(|cost| Money::from_pico_usd(cost.pico)),
        status_code: status_code(row),
        call_count,
        occurred_at: Some(row.at),
        idempotency_key: Some(format!("alwrity:log:{}:{}", row.id, row.at.micros())),
        details: details(row, &provider),
        ..CallRecord::new(&row.user, &clip(&provider, 128), &model, tokens(row))
    }
}

/// A status that is none is told by the error.
fn status_code(row: &LogRow) -> i64 {
    let told = if row.error_message.is_some() { 500 } else { 200 };
    row.status_code.filter(|status| (100..=599).contains(status)).unwrap_or(told)
}

fn details(row: &LogRow, provider: &str) -> CallDetails {
    let cut = |text: &Option<String>, bytes_max| {
        text.as_deref().map(|text| clip(text, bytes_max)).filter(|text| !text.is_empty())
    };
    let size = |bytes: Option<i64>| bytes.filter(|bytes| (0..=1 << 50).contains(bytes));
    let seconds = row.response_time.filter(|seconds| seconds.pico >= 0);
    let mut tags = vec![(TAG.0.to_owned(), TAG.1.to_owned())];
    let parts = [("cost_input_usd", row.cost_input), ("cost_output_usd", row.cost_output)];
    for (name, part) in parts {
        // A vendor's cost has no parts here: theirs are kept for people.
        if let Some(part) = part.filter(|part: &Exact| part.pico != 0) {
            tags.push((name.to_owned(), Money::from_pico_usd(part.pico).to_string()));
        }
    }
    let actual = row.actual_provider.as_deref().filter(|actual| named(actual) != provider);
    CallDetails {
        actual_provider: actual
            .filter(|actual| made(actual).is_none())
            .map(|actual| clip(actual, 128)),
        endpoint: cut(&row.endpoint, 2048),
        method: cut(&row.method, 16),
        response_time_ms: seconds.map(Exact::thousandths),
        request_size_bytes: size(row.request_size),
        response_size_bytes: size(row.response_size),
        retry_count: row.retry_count,
        error_message: row.error_message.clone(),
        ip_address: cut(&row.ip_address, 64),
        user_agent: cut(&row.user_agent, 512),
        tags: tags.into_iter().collect(),
    }
}

/// The record of what a summary has beyond its logs: calls whose rows are gone.
pub(super) fn kept(
    user: &str,
    period: &str,
    provider: &str,
    missing: Sum,
    at: Timestamp,
) -> CallRecord {
    let Target { provider: paid, operation } = target(provider, None, "");
    let operation = if provider == UNKNOWN { "other" } else { operation };
    let cost = i64::try_from(missing.cost).unwrap_or(i64::MAX);
    CallRecord {
        operation: Some(operation.to_owned()),
        usage_source: UsageSource::Estimated,
        vendor_cost_usd: Some(Money::from_pico_usd(cost)),
        call_count: missing.calls,
        occurred_at: Some(at),
        idempotency_key: Some(format!("alwrity:summary:{period}:{provider}")),
        details: CallDetails {
            endpoint: Some(SUMMARY.to_owned()),
            tags: [(TAG.0.to_owned(), TAG.1.to_owned())].into(),
            ..CallDetails::default()
        },
        // How the tokens were parted is not known.
        ..CallRecord::new(user, &paid, "", Usage::tokens(missing.tokens, 0))
    }
}

/// The last instant of the month that a label names.
fn month_end(label: &str) -> Timestamp {
    month(label).unwrap_or(Timestamp::MIN).plus_months(1).plus_micros(-1)
}

/// The start of the usage period that a label names: the one that starts in that month. Of two,
/// it is the later one.
pub(super) fn period_start(timeline: &Timeline, label: &str) -> Timestamp {
    timeline.standing(month_end(label), "").usage_period.starts_at
}

/// An instant in the usage period that a label names: `candidate` where it lies in it.
pub(super) fn instant_in(
    timeline: &Timeline,
    label: &str,
    candidate: Option<Timestamp>,
) -> Timestamp {
    let lies_in = |at: &Timestamp| timeline.standing(*at, "").usage_period.label() == label;
    candidate.filter(lies_in).unwrap_or_else(|| period_start(timeline, label))
}
