//! Rows: the columns of an export and their values, the same in every form.

use std::borrow::Cow;

use alwrity_metering::domain::call::Call;
use alwrity_metering::domain::counter::{Counter, DayKey};
use alwrity_metering::domain::time::DAY_US;
use alwrity_metering::{Money, Timestamp, Unit, Usage};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// Dollars, exact.
    Money,
    /// An instant.
    Time,
    /// Yes or no.
    Flag,
    /// A JSON object, as text where a form has no objects.
    Json,
}

/// The head of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// The value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Missing,
    Text(&'a str),
    Integer(i64),
    Money(Money),
    Time(Timestamp),
    Day(i64),
    Flag(bool),
    Json(Cow<'a, str>),
}

/// The values of a row, in the order of its columns.
#[derive(Default)]
pub(super) struct Row<'a> {
    pub(super) values: Vec<Value<'a>>,
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

fn units() -> impl Iterator<Item = Column> {
    let units = Unit::COMMON_NAMES.into_iter().map(|name| column(name, Kind::Integer));
    units.chain([column("other_units", Kind::Json)])
}

/// The columns of a call.
pub(super) fn call_columns() -> Vec<Column> {
    let mut columns = vec![
        column("call_id", Kind::Integer),
        column("user", Kind::Text),
        column("provider", Kind::Text),
        column("operation", Kind::Text),
        column("model", Kind::Text),
        column("variant", Kind::Text),
        column("usage_source", Kind::Text),
        column("status_code", Kind::Integer),
        column("call_count", Kind::Integer),
        column("occurred_at", Kind::Time),
        column("recorded_at", Kind::Time),
        column("period_starts_at", Kind::Time),
    ];
    columns.extend(units());
    columns.extend([
        column("cost_usd", Kind::Money),
        column("cost_input_usd", Kind::Money),
        column("cost_output_usd", Kind::Money),
        column("vendor_cost_usd", Kind::Money),
        column("price_version_id", Kind::Integer),
        column("price_match", Kind::Text),
        column("late", Kind::Flag),
        column("actual_provider", Kind::Text),
        column("endpoint", Kind::Text),
        column("method", Kind::Text),
        column("response_time_ms", Kind::Integer),
        column("request_size_bytes", Kind::Integer),
        column("response_size_bytes", Kind::Integer),
        column("retry_count", Kind::Integer),
        column("error_message", Kind::Text),
        column("ip_address", Kind::Text),
        column("user_agent", Kind::Text),
        column("tags", Kind::Json),
    ]);
    columns
}

/// The columns of a day rollup.
pub(super) fn day_columns() -> Vec<Column> {
    let mut columns = vec![
        column("user", Kind::Text),
        column("day", Kind::Text),
        column("provider", Kind::Text),
        column("model", Kind::Text),
        column("operation", Kind::Text),
        column("calls", Kind::Integer),
        column("limited_calls", Kind::Integer),
        column("failed_calls", Kind::Integer),
        column("unpriced_calls", Kind::Integer),
        column("timed_calls", Kind::Integer),
        column("response_time_ms", Kind::Integer),
        column("cost_usd", Kind::Money),
    ];
    columns.extend(units());
    columns
}

fn maybe<T>(value: Option<T>, of: impl Fn(T) -> Value<'static>) -> Value<'static> {
    value.map_or(Value::Missing, of)
}

fn text(value: Option<&String>) -> Value<'_> {
    value.map_or(Value::Missing, |text| Value::Text(text))
}

fn push_units<'a>(row: &mut Row<'a>, usage: &'a Usage) {
    row.values.extend(usage.common().iter().map(|quantity| Value::Integer(*quantity)));
    row.values.push(match usage.other() {
        other if other.is_empty() => Value::Missing,
        other => {
            let other: std::collections::BTreeMap<&str, &i64> =
                other.iter().map(|(unit, quantity)| (unit.as_str(), quantity)).collect();
            json(&other)
        }
    });
}

fn json(value: &impl serde::Serialize) -> Value<'static> {
    serde_json::to_string(value).map_or(Value::Missing, |text| Value::Json(text.into()))
}

/// Fills a row with a call.
pub(super) fn call_row<'a>(row: &mut Row<'a>, user: &'a str, call: &'a Call) {
    let details = &call.details;
    row.values.clear();
    row.values.extend([
        Value::Integer(call.id),
        Value::Text(user),
        Value::Text(&call.provider),
        Value::Text(call.operation.as_str()),
        Value::Text(&call.model),
        Value::Text(call.variant.name()),
        Value::Text(call.usage_source.name()),
        Value::Integer(call.status_code),
        Value::Integer(call.call_count),
        Value::Time(call.occurred_at),
        Value::Time(call.recorded_at),
        Value::Time(call.period_starts_at),
    ]);
    push_units(row, &call.usage);
    row.values.extend([
        maybe(call.cost, Value::Money),
        Value::Money(call.cost_input),
        Value::Money(call.cost_output),
        maybe(call.vendor_cost, Value::Money),
        maybe(call.price_version_id, Value::Integer),
        Value::Text(call.price_match.name()),
        Value::Flag(call.is_late),
        text(details.actual_provider.as_ref()),
        text(details.endpoint.as_ref()),
        text(details.method.as_ref()),
        maybe(details.response_time_ms, Value::Integer),
        maybe(details.request_size_bytes, Value::Integer),
        maybe(details.response_size_bytes, Value::Integer),
        Value::Integer(details.retry_count),
        text(details.error_message.as_ref()),
        text(details.ip_address.as_ref()),
        text(details.user_agent.as_ref()),
        if details.tags.is_empty() { Value::Missing } else { json(&details.tags) },
    ]);
}

/// Fills a row with a day rollup.
pub(super) fn day_row<'a>(row: &mut Row<'a>, user: &'a str, key: &'a DayKey, sum: &'a Counter) {
    row.values.clear();
    row.values.extend([
        Value::Text(user),
        Value::Day(key.day),
        Value::Text(&key.provider),
        Value::Text(&key.model),
        Value::Text(key.operation.as_str()),
        Value::Integer(sum.calls),
        Value::Integer(sum.limited_calls),
        Value::Integer(sum.failed_calls),
        Value::Integer(sum.unpriced_calls),
        Value::Integer(sum.timed_calls),
        Value::Integer(sum.response_time_ms),
        Value::Money(sum.cost),
    ]);
    push_units(row, &sum.usage);
}

/// The label of a day.
pub(super) fn day_label(day: i64) -> String {
    Timestamp::from_micros_clamped(day.saturating_mul(DAY_US)).day_label()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alwrity_metering::Operation;

    #[test]
    fn every_column_has_its_value() {
        let key = DayKey {
            day: 1,
            provider: "p".into(),
            model: "m".into(),
            operation: Operation::chat(),
        };
        let sum = Counter::default();
        let mut row = Row::default();
        day_row(&mut row, "u", &key, &sum);
        let columns = day_columns();
        assert_eq!(row.values.len(), columns.len());
        for (column, value) in columns.iter().zip(&row.values) {
            let is_fitting = match value {
                Value::Missing => true,
                Value::Text(_) | Value::Day(_) => column.kind == Kind::Text,
                Value::Integer(_) => column.kind == Kind::Integer,
                Value::Money(_) => column.kind == Kind::Money,
                Value::Time(_) => column.kind == Kind::Time,
                Value::Flag(_) => column.kind == Kind::Flag,
                Value::Json(_) => column.kind == Kind::Json,
            };
            assert!(is_fitting, "{column:?} {value:?}");
        }
    }
}
