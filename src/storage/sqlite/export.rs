//! Exporting: visiting the ledger or the day rollups row by row, in one snapshot.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;

use super::names::{Kind, Names};
use super::read::{Session, add_day_units};
use super::rows::{SUM_COLUMNS, call, checked, counter};
use crate::domain::counter::{Counter, DayKey};
use crate::domain::operation::Operation;
use crate::domain::time::Span;
use crate::storage::{VisitCall, VisitDay};

/// The names of the users of the rows.
#[derive(Default)]
struct Users {
    names: HashMap<i64, Arc<str>>,
}

/// More names than this are not kept in memory at once.
const USERS_MAX: usize = 50_000;

impl Users {
    fn name(&mut self, connection: &Connection, id: i64) -> rusqlite::Result<Arc<str>> {
        if let Some(name) = self.names.get(&id) {
            return Ok(Arc::clone(name));
        }
        let sql = "SELECT user FROM users WHERE id = ?1";
        let name: String = connection.prepare_cached(sql)?.query_row([id], |row| row.get(0))?;
        let name: Arc<str> = name.into();
        if self.names.len() >= USERS_MAX {
            self.names.clear();
        }
        self.names.insert(id, Arc::clone(&name));
        Ok(name)
    }
}

impl Session {
    /// Visits the calls of one user or of all, in the order of recording.
    pub(super) fn visit_calls(
        &mut self,
        user_id: Option<i64>,
        within: Span,
        visit: &mut VisitCall<'_>,
    ) -> rusqlite::Result<()> {
        let sql = format!(
            "SELECT {}, user_id FROM calls WHERE {} occurred_at_us >= ?2 AND occurred_at_us < ?3 \
             ORDER BY id",
            call_columns!(),
            if user_id.is_some() { "user_id = ?1 AND" } else { "?1 IS NULL AND" }
        );
        let (connection, names) = (&self.connection, &mut self.names);
        let mut statement = connection.prepare_cached(&sql)?;
        let bounds = rusqlite::params![user_id, within.starts_at.micros(), end_of(within)];
        let mut rows = statement.query(bounds)?;
        let mut users = Users::default();
        while let Some(row) = rows.next()? {
            let user = users.name(connection, row.get(44)?)?;
            if visit(&user, call(connection, names, row)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Visits the day rollups of one user or of all, by user and day.
    pub(super) fn visit_days(
        &mut self,
        user_id: Option<i64>,
        within: Span,
        visit: &mut VisitDay<'_>,
    ) -> rusqlite::Result<()> {
        let sql = format!(
            "SELECT day, provider_id, model_id, operation_id, {}, has_other_units, user_id \
             FROM days WHERE {} day >= ?2 AND day <= ?3 ORDER BY user_id, day",
            sum_columns!(),
            if user_id.is_some() { "user_id = ?1 AND" } else { "?1 IS NULL AND" }
        );
        let (connection, names) = (&self.connection, &mut self.names);
        let mut statement = connection.prepare_cached(&sql)?;
        let last_day = within.ends_at.plus_micros(-1).day_number();
        let bounds = rusqlite::params![user_id, within.starts_at.day_number(), last_day];
        let mut rows = statement.query(bounds)?;
        let mut users = Users::default();
        while let Some(row) = rows.next()? {
            let user_id: i64 = row.get(5 + SUM_COLUMNS)?;
            let user = users.name(connection, user_id)?;
            let (key, sum) = day(connection, names, user_id, row)?;
            if visit(&user, key, sum).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The day rollup of a row: day, provider, model, operation, the sums, whether there are more.
pub(super) fn day(
    connection: &Connection,
    names: &mut Names,
    user_id: i64,
    row: &rusqlite::Row<'_>,
) -> rusqlite::Result<(DayKey, Counter)> {
    let operation = names.name(connection, Kind::Operation, row.get(3)?)?;
    let key = DayKey {
        day: row.get(0)?,
        provider: names.name(connection, Kind::Provider, row.get(1)?)?,
        model: names.name(connection, Kind::Model, row.get(2)?)?,
        operation: checked(Operation::new(&operation))?,
    };
    let mut sum = counter(row, 4)?;
    if row.get(4 + SUM_COLUMNS)? {
        let place = [user_id, key.day, row.get(1)?, row.get(2)?, row.get(3)?];
        add_day_units(connection, names, place, &mut sum)?;
    }
    Ok((key, sum))
}

/// The end of a span as a bound; the last instant of all is inside.
fn end_of(within: Span) -> i64 {
    let end = within.ends_at.micros();
    if within.ends_at == Span::ALWAYS.ends_at { end.saturating_add(1) } else { end }
}
