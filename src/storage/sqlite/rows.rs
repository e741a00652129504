//! Rows: the columns of a call, a counter and a hold, and the values they stand for.

use rusqlite::types::Type;
use rusqlite::{Connection, Row};

use super::names::{Kind, Names};
use crate::domain::call::{Call, CallDetails, UsageSource};
use crate::domain::counter::Counter;
use crate::domain::hold::{Hold, HoldState};
use crate::domain::key::CallKey;
use crate::domain::money::Money;
use crate::domain::operation::Operation;
use crate::domain::price::{PriceMatch, Variant};
use crate::domain::time::Timestamp;
use crate::domain::usage::{COMMON_UNITS, Usage};
use crate::error::{Error, Result};

/// A value of a row that this library cannot have written.
fn impossible(error: Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, Box::new(error))
}

/// Turns a value of the domain's own check into a row's.
pub(super) fn checked<T>(result: Result<T>) -> rusqlite::Result<T> {
    result.map_err(impossible)
}

/// The instant of a column.
pub(super) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    checked(Timestamp::from_micros(row.get(column)?))
}

/// The common units from a column on.
fn common_units(row: &Row<'_>, first: usize) -> rusqlite::Result<Usage> {
    let mut common = [0; COMMON_UNITS];
    for (offset, quantity) in common.iter_mut().enumerate() {
        *quantity = row.get(first + offset)?;
    }
    Ok(Usage::of_common(common))
}

/// The columns of a sum from a column on: `sum_columns!`.
pub(super) fn counter(row: &Row<'_>, first: usize) -> rusqlite::Result<Counter> {
    Ok(Counter {
        calls: row.get(first)?,
        limited_calls: row.get(first + 1)?,
        failed_calls: row.get(first + 2)?,
        unpriced_calls: row.get(first + 3)?,
        timed_calls: row.get(first + 4)?,
        response_time_ms: row.get(first + 5)?,
        cost: Money::from_pico_usd(row.get(first + 6)?),
        usage: common_units(row, first + 7)?,
    })
}

/// How many columns a sum has.
pub(super) const SUM_COLUMNS: usize = 21;

/// A call of a row of `call_columns!`.
pub(super) fn call(
    connection: &Connection,
    names: &mut Names,
    row: &Row<'_>,
) -> rusqlite::Result<Call> {
    let id: i64 = row.get(0)?;
    let has_other_units: bool = row.get(25)?;
    let mut usage = common_units(row, 11)?;
    if has_other_units {
        other_units(connection, names, id, &mut usage)?;
    }
    let operation = names.name(connection, Kind::Operation, row.get(2)?)?;
    let money = |column: usize| -> rusqlite::Result<Option<Money>> {
        Ok(row.get::<_, Option<i64>>(column)?.map(Money::from_pico_usd))
    };
    Ok(Call {
        id,
        provider: names.name(connection, Kind::Provider, row.get(1)?)?,
        operation: checked(Operation::new(&operation))?,
        model: names.name(connection, Kind::Model, row.get(3)?)?,
        variant: checked(Variant::from_code(row.get(4)?))?,
        usage,
        usage_source: checked(UsageSource::from_code(row.get(5)?))?,
        status_code: row.get(6)?,
        call_count: row.get(7)?,
        occurred_at: instant(row, 8)?,
        recorded_at: instant(row, 9)?,
        period_starts_at: instant(row, 10)?,
        cost: money(26)?,
        cost_input: money(27)?.unwrap_or_default(),
        cost_output: money(28)?.unwrap_or_default(),
        vendor_cost: money(29)?,
        price_version_id: row.get(30)?,
        price_match: checked(PriceMatch::from_code(row.get(31)?))?,
        is_late: row.get(32)?,
        details: details(row)?,
    })
}

fn details(row: &Row<'_>) -> rusqlite::Result<CallDetails> {
    let tags: Option<String> = row.get(43)?;
    let tags = tags.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(43, Type::Text, Box::new(error))
    })?;
    Ok(CallDetails {
        actual_provider: row.get(33)?,
        endpoint: row.get(34)?,
        method: row.get(35)?,
        response_time_ms: row.get(36)?,
        request_size_bytes: row.get(37)?,
        response_size_bytes: row.get(38)?,
        retry_count: row.get(39)?,
        error_message: row.get(40)?,
        ip_address: row.get(41)?,
        user_agent: row.get(42)?,
        tags: tags.unwrap_or_default(),
    })
}

fn other_units(
    connection: &Connection,
    names: &mut Names,
    call_id: i64,
    usage: &mut Usage,
) -> rusqlite::Result<()> {
    let sql = "SELECT unit_id, quantity FROM call_usage WHERE call_id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([call_id])?;
    while let Some(row) = rows.next()? {
        let unit = names.name(connection, Kind::Unit, row.get(0)?)?;
        usage.set(checked(unit.parse())?, row.get(1)?);
    }
    Ok(())
}

/// The columns of a hold, in the order that `hold` reads them.
pub(super) const HOLD_COLUMNS: &str = "key, provider_id, operation_id, model_id, variant, \
     call_count, usage, cost_pico_usd, price_version_id, price_match, reserved_at_us, \
     expires_at_us, period_starts_at_us, state, input_estimate";

/// A hold of a row of [`HOLD_COLUMNS`].
pub(super) fn hold(
    connection: &Connection,
    names: &mut Names,
    row: &Row<'_>,
) -> rusqlite::Result<Hold> {
    let usage: String = row.get(6)?;
    let usage = serde_json::from_str(&usage).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(6, Type::Text, Box::new(error))
    })?;
    let estimate: Option<String> = row.get(14)?;
    let estimate =
        estimate.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(14, Type::Text, Box::new(error))
        })?;
    let operation = names.name(connection, Kind::Operation, row.get(2)?)?;
    Ok(Hold {
        key: CallKey::from_bytes(row.get(0)?),
        provider: names.name(connection, Kind::Provider, row.get(1)?)?,
        operation: checked(Operation::new(&operation))?,
        model: names.name(connection, Kind::Model, row.get(3)?)?,
        variant: checked(Variant::from_code(row.get(4)?))?,
        call_count: row.get(5)?,
        usage,
        cost: Money::from_pico_usd(row.get(7)?),
        price_version_id: row.get(8)?,
        price_match: checked(PriceMatch::from_code(row.get(9)?))?,
        reserved_at: instant(row, 10)?,
        expires_at: instant(row, 11)?,
        period_starts_at: instant(row, 12)?,
        state: checked(HoldState::from_code(row.get(13)?))?,
        input_estimate: estimate,
    })
}
