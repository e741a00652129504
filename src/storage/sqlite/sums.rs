//! Sums for reports: the few columns, or the few rows, that a report needs, without more.

use std::ops::Range;

use rusqlite::params;

use super::names::Kind;
use super::read::{Session, add_day_units};
use super::rows::{SUM_COLUMNS, checked, counter, instant};
use crate::domain::counter::{Counter, Totals};
use crate::domain::money::Money;
use crate::domain::operation::Operation;
use crate::domain::time::Timestamp;
use crate::error::Result;
use crate::storage::DaySums;

impl Session {
    /// The totals of a user's usage periods that start from the first to the last instant.
    pub(super) fn period_totals(
        &mut self,
        user_id: i64,
        (first, last): (Timestamp, Timestamp),
    ) -> rusqlite::Result<Vec<(Timestamp, String, Totals)>> {
        let connection = &self.connection;
        let sql = "SELECT starts_at_us, provider_id, calls, input_tokens + output_tokens, \
                   cost_pico_usd FROM counters \
                   WHERE user_id = ?1 AND \"window\" = 0 AND starts_at_us BETWEEN ?2 AND ?3";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([user_id, first.micros(), last.micros()])?;
        let mut totals = Vec::new();
        while let Some(row) = rows.next()? {
            let provider = self.names.name(connection, Kind::Provider, row.get(1)?)?;
            let cost = Money::from_pico_usd(row.get(4)?);
            let sum = Totals { calls: row.get(2)?, tokens: row.get(3)?, cost };
            totals.push((instant(row, 0)?, provider, sum));
        }
        Ok(totals)
    }

    /// A user's day rollups of some days, summed by provider and operation. A sum may be out of
    /// range, which is the inner error.
    pub(super) fn day_sums(
        &mut self,
        user_id: i64,
        days: Range<i64>,
    ) -> rusqlite::Result<Result<DaySums>> {
        let connection = &self.connection;
        let sql = concat!(
            "SELECT day, provider_id, model_id, operation_id, ",
            sum_columns!(),
            ", has_other_units FROM days WHERE user_id = ?1 AND day >= ?2 AND day < ?3"
        );
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![user_id, days.start, days.end])?;
        let mut sums: Vec<(i64, i64, Counter)> = Vec::new();
        let mut first_day = None;
        while let Some(row) = rows.next()? {
            let (day, provider_id, operation_id): (i64, i64, i64) =
                (row.get(0)?, row.get(1)?, row.get(3)?);
            // Rows come by day.
            first_day = first_day.or(Some(day));
            let mut own = counter(row, 4)?;
            if row.get(4 + SUM_COLUMNS)? {
                let place = [user_id, day, provider_id, row.get(2)?, operation_id];
                add_day_units(connection, &mut self.names, place, &mut own)?;
            }
            let same =
                |sum: &&mut (i64, i64, Counter)| sum.0 == provider_id && sum.1 == operation_id;
            match sums.iter_mut().find(same) {
                None => sums.push((provider_id, operation_id, own)),
                Some((_, _, sum)) => match sum.plus(&own) {
                    Err(error) => return Ok(Err(error)),
                    Ok(total) => *sum = total,
                },
            }
        }
        let mut named = Vec::with_capacity(sums.len());
        for (provider_id, operation_id, sum) in sums {
            let provider = self.names.name(connection, Kind::Provider, provider_id)?;
            let operation = self.names.name(connection, Kind::Operation, operation_id)?;
            named.push((provider, checked(Operation::new(&operation))?, sum));
        }
        Ok(Ok(DaySums { first_day, sums: named }))
    }
}
