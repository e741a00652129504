//! Addition: what a call adds to the rows that hold sums.
//!
//! A call changes few of a row's columns, so the statement that adds to a row names those alone:
//! it costs half of one that names all of them.

use std::sync::LazyLock;

use rusqlite::params_from_iter;

use super::names::Kind;
use super::write::Writing;
use crate::domain::counter::Counter;
use crate::domain::invoice::ModelUsage;
use crate::domain::time::Timestamp;

/// Where a sum stands: the values of its table's key.
type Place = [i64; 5];

/// A table of sums.
pub(super) struct SumTable {
    name: &'static str,
    /// Its sums of units that have no column.
    other_units: &'static str,
    key: [&'static str; 5],
}

pub(super) const COUNTERS: SumTable = SumTable {
    name: "counters",
    other_units: "counter_usage",
    key: ["user_id", "\"window\"", "starts_at_us", "provider_id", "operation_id"],
};

pub(super) const DAYS: SumTable = SumTable {
    name: "days",
    other_units: "day_usage",
    key: ["user_id", "day", "provider_id", "model_id", "operation_id"],
};

/// The columns of the sums, in the order of [`sums`].
static COLUMNS: LazyLock<Vec<&str>> = LazyLock::new(|| sum_columns!().split(", ").collect());

impl SumTable {
    /// Adds to some columns of a row: their values come first, then those of the key.
    fn update(&self, columns: impl Iterator<Item = &'static str>, has_other_units: bool) -> String {
        let mut sql = String::with_capacity(512);
        sql.push_str("UPDATE ");
        sql.push_str(self.name);
        sql.push_str(" SET has_other_units = ");
        sql.push_str(if has_other_units { "1" } else { "has_other_units" });
        for column in columns {
            for part in [", ", column, " = ", column, " + ?"] {
                sql.push_str(part);
            }
        }
        for (number, column) in self.key.iter().enumerate() {
            sql.push_str(if number == 0 { " WHERE " } else { " AND " });
            sql.push_str(column);
            sql.push_str(" = ?");
        }
        sql
    }

    /// Makes a row of all its values.
    fn insert(&self) -> String {
        let columns = concat!(sum_columns!(), ", has_other_units");
        let count = self.key.len() + COLUMNS.len() + 1;
        format!(
            "INSERT INTO {} ({}, {columns}) VALUES ({}?)",
            self.name,
            self.key.join(", "),
            "?, ".repeat(count - 1)
        )
    }

    fn add_unit(&self) -> String {
        format!(
            "INSERT INTO {} ({}, unit_id, quantity) VALUES (?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity",
            self.other_units,
            self.key.join(", ")
        )
    }
}

impl Writing<'_> {
    /// Adds to the sum at a place; makes it when there is none.
    pub(super) fn add(
        &mut self,
        table: &SumTable,
        place: Place,
        added: &Counter,
    ) -> rusqlite::Result<()> {
        let has_other_units = !added.usage.other().is_empty();
        let changed = || COLUMNS.iter().zip(sums(added)).filter(|(_, sum)| *sum != 0);
        let sql = table.update(changed().map(|(column, _)| *column), has_other_units);
        let numbers = changed().map(|(_, sum)| sum).chain(place);
        let rows = self.connection.prepare_cached(&sql)?.execute(params_from_iter(numbers))?;
        if rows == 0 {
            let numbers = place.into_iter().chain(sums(added)).chain([i64::from(has_other_units)]);
            self.connection.prepare_cached(&table.insert())?.execute(params_from_iter(numbers))?;
        }
        for (unit, quantity) in added.usage.other() {
            let unit_id = self.names.id(self.connection, Kind::Unit, unit.as_str())?;
            let numbers = place.into_iter().chain([unit_id, *quantity]);
            self.connection
                .prepare_cached(&table.add_unit())?
                .execute(params_from_iter(numbers))?;
        }
        Ok(())
    }

    /// Adds to what a usage period has of a model.
    pub(super) fn add_to_models(
        &self,
        provider_id: i64,
        model_id: i64,
        period_starts_at: Timestamp,
        added: &Counter,
    ) -> rusqlite::Result<()> {
        let sql = "INSERT INTO period_models (user_id, starts_at_us, provider_id, model_id, \
                   calls, unpriced_calls, tokens, cost_pico_usd) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET \
                   calls = calls + excluded.calls, \
                   unpriced_calls = unpriced_calls + excluded.unpriced_calls, \
                   tokens = tokens + excluded.tokens, \
                   cost_pico_usd = cost_pico_usd + excluded.cost_pico_usd";
        let usage = ModelUsage::from(added);
        self.connection.prepare_cached(sql)?.execute([
            self.user_id,
            period_starts_at.micros(),
            provider_id,
            model_id,
            usage.calls,
            usage.unpriced_calls,
            usage.tokens,
            usage.cost.pico_usd(),
        ])?;
        Ok(())
    }

    /// Adds to a day's response times.
    pub(super) fn add_to_response_times(
        &self,
        place: [i64; 4],
        calls: i64,
    ) -> rusqlite::Result<()> {
        let sql = "INSERT INTO response_times (user_id, day, provider_id, bucket, calls) \
                   VALUES (?1, ?2, ?3, ?4, ?5) \
                   ON CONFLICT DO UPDATE SET calls = calls + excluded.calls";
        let numbers = place.into_iter().chain([calls]);
        self.connection.prepare_cached(sql)?.execute(params_from_iter(numbers)).map(|_| ())
    }
}

/// The sums of a counter in the order of `sum_columns!`.
fn sums(counter: &Counter) -> impl Iterator<Item = i64> {
    [
        counter.calls,
        counter.limited_calls,
        counter.failed_calls,
        counter.unpriced_calls,
        counter.timed_calls,
        counter.response_time_ms,
        counter.cost.pico_usd(),
    ]
    .into_iter()
    .chain(*counter.usage.common())
}
