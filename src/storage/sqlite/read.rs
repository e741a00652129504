//! Reading: what a work is shown of its user, and the lists that reports read.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::alerts::told;
use super::catalogue::{LIMIT_COLUMNS, limit};
use super::export::day;
use super::names::{Kind, Names};
use super::rows::{HOLD_COLUMNS, SUM_COLUMNS, call, checked, counter, hold, instant};
use super::terms::terms;
use crate::domain::account::{Account, LimitOverride};
use crate::domain::call::Call;
use crate::domain::catalogue::Catalogue;
use crate::domain::counter::{Counter, CounterKey, DayKey, ResponseKey};
use crate::domain::hold::Hold;
use crate::domain::key::CallKey;
use crate::domain::money::Money;
use crate::domain::operation::Operation;
use crate::domain::pruned::{Fingerprint, PrunedCall};
use crate::domain::subscription::Timeline;
use crate::domain::time::{Span, Timestamp, Window};
use crate::storage::{Found, WindowKey};

/// A connection with what it remembers of the rows.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) names: Names,
    accounts: HashMap<String, (i64, Arc<Account>)>,
}

/// More accounts than this are not kept in memory at once.
const ACCOUNTS_MAX: usize = 10_000;

/// What one look at the versions and at a user tells.
pub(super) struct Sight {
    pub(super) catalogue_version: i64,
    pub(super) next_call_id: i64,
    pub(super) account: Option<Arc<Account>>,
    pub(super) has_open_holds: bool,
}

/// What a quick look found.
pub(super) struct QuickLook {
    pub(super) account: Arc<Account>,
    pub(super) counters: Vec<(CounterKey, Counter)>,
}

/// Catalogue version, last call, user's id and revision, whether it has open holds.
type SightRow = (i64, i64, Option<i64>, Option<i64>, bool);

impl Session {
    pub(super) fn new(connection: Connection) -> rusqlite::Result<Self> {
        let names = Names::load(&connection)?;
        Ok(Self { connection, names, accounts: HashMap::new() })
    }

    /// Forgets what a rolled-back transaction may have made wrong.
    pub(super) fn forget(&mut self) -> rusqlite::Result<()> {
        self.accounts.clear();
        self.names = Names::load(&self.connection)?;
        Ok(())
    }

    /// The catalogue's version and a user's account, in one statement when it is remembered.
    pub(super) fn sight(&mut self, user: Option<&str>) -> rusqlite::Result<Sight> {
        let sql = concat!(
            "SELECT s.catalogue_version, ",
            last_call_id!(),
            ", u.id, u.revision, ",
            has_open_holds!(),
            " FROM store s LEFT JOIN users u ON u.user = ?1"
        );
        let (catalogue_version, last, id, revision, has_open_holds): SightRow =
            self.connection.prepare_cached(sql)?.query_row([user], |row| row.try_into())?;
        let account = match (user, id, revision) {
            (Some(user), Some(id), Some(revision)) => Some(self.account(user, id, revision)?),
            _ => None,
        };
        Ok(Sight { catalogue_version, next_call_id: last + 1, account, has_open_holds })
    }

    /// A user's account at a revision: the one that is remembered, or read anew.
    fn account(&mut self, user: &str, id: i64, revision: i64) -> rusqlite::Result<Arc<Account>> {
        // The name may stand for another user by now: see the test
        // `a_user_that_comes_back_after_it_was_erased_is_a_new_one`.
        if let Some((known, account)) = self.accounts.get(user)
            && (account.id, *known) == (id, revision)
        {
            return Ok(Arc::clone(account));
        }
        let account = Arc::new(account(&self.connection, id, user)?);
        if self.accounts.len() >= ACCOUNTS_MAX {
            self.accounts.clear();
        }
        self.accounts.insert(user.to_owned(), (revision, Arc::clone(&account)));
        Ok(account)
    }

    /// The usual look in one statement, which is a transaction of its own: a user that is
    /// remembered, the counters of its usage period, no open holds. Nothing when it is not so.
    pub(super) fn quick_look(
        &mut self,
        user: &str,
        catalogue: &Catalogue,
        windows: &dyn Fn(Arc<Account>) -> Option<WindowKey>,
    ) -> rusqlite::Result<Option<QuickLook>> {
        let Some((revision, account)) = self.accounts.get(user) else { return Ok(None) };
        let (revision, account) = (*revision, Arc::clone(account));
        let Some(key) = windows(Arc::clone(&account)) else { return Ok(None) };
        let connection = &self.connection;
        let sql = concat!(
            "SELECT s.catalogue_version, u.revision, ",
            has_open_holds!(),
            ", c.starts_at_us, c.provider_id, c.operation_id, ",
            sum_columns!(),
            ", has_other_units FROM store s JOIN users u ON u.id = ?1 LEFT JOIN counters c \
             ON c.user_id = ?1 AND c.\"window\" = 0 AND c.starts_at_us = ?2"
        );
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([account.id, key.starts_at.micros()])?;
        let mut counters = Vec::new();
        while let Some(row) = rows.next()? {
            let (version, known, has_holds): (i64, i64, bool) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            if version != catalogue.version || known != revision || has_holds {
                return Ok(None);
            }
            if row.get_ref(3)? == rusqlite::types::ValueRef::Null {
                break;
            }
            if row.get(6 + SUM_COLUMNS)? {
                return Ok(None);
            }
            counters.push(counter_of_row(connection, &mut self.names, row, 3, key.window)?);
        }
        Ok(Some(QuickLook { account, counters }))
    }

    /// What a user's key stands for. A key of another user stands for nothing.
    pub(super) fn found(&mut self, user_id: i64, key: CallKey) -> rusqlite::Result<Found> {
        let connection = &self.connection;
        let sql = "SELECT (SELECT call_id FROM call_keys WHERE key = ?1), \
                   EXISTS (SELECT 1 FROM holds WHERE key = ?1 AND user_id = ?2)";
        let (call_id, is_hold): (Option<i64>, bool) = connection
            .prepare_cached(sql)?
            .query_row(params![key.as_bytes(), user_id], |row| row.try_into())?;
        if let Some(call_id) = call_id {
            let sql =
                concat!("SELECT ", call_columns!(), " FROM calls WHERE id = ?1 AND user_id = ?2");
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([call_id, user_id])?;
            return match rows.next()? {
                Some(row) => Ok(Found::Call(Box::new(call(connection, &mut self.names, row)?))),
                None => pruned(connection, call_id, user_id),
            };
        }
        if !is_hold {
            return Ok(Found::Nothing);
        }
        let sql = format!("SELECT {HOLD_COLUMNS} FROM holds WHERE key = ?1 AND user_id = ?2");
        let mut statement = connection.prepare_cached(&sql)?;
        statement.query_row(params![key.as_bytes(), user_id], |row| {
            Ok(Found::Hold(Box::new(hold(connection, &mut self.names, row)?)))
        })
    }

    /// The user's open holds, overdue ones included.
    pub(super) fn open_holds(&mut self, user_id: i64) -> rusqlite::Result<Vec<Hold>> {
        let connection = &self.connection;
        let sql = open_holds_sql();
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([user_id])?;
        let mut holds = Vec::new();
        while let Some(row) = rows.next()? {
            holds.push(hold(connection, &mut self.names, row)?);
        }
        Ok(holds)
    }

    /// The counters of one window of a user.
    pub(super) fn window(
        &mut self,
        user_id: i64,
        key: WindowKey,
        counters: &mut Vec<(CounterKey, Counter)>,
    ) -> rusqlite::Result<()> {
        let span = (key.starts_at, key.starts_at);
        self.counters(user_id, key.window, span, counters)
    }

    /// The counters of a user's windows of one kind that start from the first to the last
    /// instant.
    pub(super) fn counters(
        &mut self,
        user_id: i64,
        window: Window,
        (first, last): (Timestamp, Timestamp),
        counters: &mut Vec<(CounterKey, Counter)>,
    ) -> rusqlite::Result<()> {
        let connection = &self.connection;
        let sql = concat!(
            "SELECT starts_at_us, provider_id, operation_id, ",
            sum_columns!(),
            ", has_other_units FROM counters \
             WHERE user_id = ?1 AND \"window\" = ?2 AND starts_at_us BETWEEN ?3 AND ?4"
        );
        let mut statement = connection.prepare_cached(sql)?;
        let bounds = params![user_id, window.code(), first.micros(), last.micros()];
        let mut rows = statement.query(bounds)?;
        while let Some(row) = rows.next()? {
            let (key, mut sum) = counter_of_row(connection, &mut self.names, row, 0, window)?;
            if row.get(3 + SUM_COLUMNS)? {
                let sql = "SELECT unit_id, quantity FROM counter_usage WHERE user_id = ?1 \
                           AND \"window\" = ?2 AND starts_at_us = ?3 AND provider_id = ?4 \
                           AND operation_id = ?5";
                let (provider_id, operation_id) = (row.get(1)?, row.get(2)?);
                let starts_at_us = key.starts_at.micros();
                let place = [user_id, window.code(), starts_at_us, provider_id, operation_id];
                add_other_units(connection, &mut self.names, sql, place, &mut sum)?;
            }
            counters.push((key, sum));
        }
        Ok(())
    }

    /// A user's day rollups from one day to before another.
    pub(super) fn days(
        &mut self,
        user_id: i64,
        from: i64,
        before: i64,
    ) -> rusqlite::Result<Vec<(DayKey, Counter)>> {
        let connection = &self.connection;
        let sql = concat!(
            "SELECT day, provider_id, model_id, operation_id, ",
            sum_columns!(),
            ", has_other_units FROM days WHERE user_id = ?1 AND day >= ?2 AND day < ?3"
        );
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([user_id, from, before])?;
        let mut days = Vec::new();
        while let Some(row) = rows.next()? {
            days.push(day(connection, &mut self.names, user_id, row)?);
        }
        Ok(days)
    }

    /// A user's response times from one day to before another.
    pub(super) fn response_times(
        &mut self,
        user_id: i64,
        from: i64,
        before: i64,
    ) -> rusqlite::Result<Vec<(ResponseKey, i64)>> {
        let connection = &self.connection;
        let sql = "SELECT day, provider_id, bucket, calls FROM response_times \
                   WHERE user_id = ?1 AND day >= ?2 AND day < ?3 AND calls <> 0";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([user_id, from, before])?;
        let mut times = Vec::new();
        while let Some(row) = rows.next()? {
            let provider = self.names.name(connection, Kind::Provider, row.get(1)?)?;
            times.push((
                ResponseKey { day: row.get(0)?, provider, bucket: row.get(2)? },
                row.get(3)?,
            ));
        }
        Ok(times)
    }

    /// Calls whose cost is unknown, by ascending id after one, with their users.
    pub(super) fn unpriced(
        &mut self,
        after_id: i64,
        limit: i64,
    ) -> rusqlite::Result<Vec<(String, Call)>> {
        let connection = &self.connection;
        let sql = concat!(
            "SELECT ",
            call_columns!(),
            ", (SELECT user FROM users WHERE users.id = calls.user_id) FROM calls \
             WHERE cost_pico_usd IS NULL AND id > ?1 ORDER BY id LIMIT ?2"
        );
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([after_id, limit])?;
        let mut calls = Vec::new();
        while let Some(row) = rows.next()? {
            calls.push((row.get(44)?, call(connection, &mut self.names, row)?));
        }
        Ok(calls)
    }
}

/// The counter of a row of `quick_look`.
fn counter_of_row(
    connection: &Connection,
    names: &mut Names,
    row: &rusqlite::Row<'_>,
    first: usize,
    window: Window,
) -> rusqlite::Result<(CounterKey, Counter)> {
    let operation = names.name(connection, Kind::Operation, row.get(first + 2)?)?;
    let key = CounterKey {
        window,
        starts_at: instant(row, first)?,
        provider: names.name(connection, Kind::Provider, row.get(first + 1)?)?,
        operation: checked(Operation::new(&operation))?,
    };
    Ok((key, counter(row, first + 3)?))
}

/// The statement of `open_holds`, made once.
fn open_holds_sql() -> &'static str {
    static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        format!("SELECT {HOLD_COLUMNS} FROM holds WHERE user_id = ?1 AND state = 0")
    });
    &SQL
}

/// Adds the units of a day rollup that have no column.
pub(super) fn add_day_units(
    connection: &Connection,
    names: &mut Names,
    place: [i64; 5],
    sum: &mut Counter,
) -> rusqlite::Result<()> {
    let sql = "SELECT unit_id, quantity FROM day_usage WHERE user_id = ?1 AND day = ?2 \
               AND provider_id = ?3 AND model_id = ?4 AND operation_id = ?5";
    add_other_units(connection, names, sql, place, sum)
}

fn add_other_units(
    connection: &Connection,
    names: &mut Names,
    sql: &str,
    place: [i64; 5],
    sum: &mut Counter,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(place)?;
    while let Some(row) = rows.next()? {
        let unit = names.name(connection, Kind::Unit, row.get(0)?)?;
        sum.usage.set(checked(unit.parse())?, row.get(1)?);
    }
    Ok(())
}

fn account(connection: &Connection, id: i64, user: &str) -> rusqlite::Result<Account> {
    let sql = "SELECT created_at_us, minute_since_call_id, hour_since_call_id, \
               day_since_call_id, lifetime_since_call_id FROM users WHERE id = ?1";
    let (created_at, since) = connection.prepare_cached(sql)?.query_row([id], |row| {
        let since: [Option<i64>; 4] = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
        Ok((instant(row, 0)?, since))
    })?;
    let short = [Window::Minute, Window::Hour, Window::Day, Window::Lifetime];
    let tracked = short.into_iter().zip(since).filter_map(|(w, since)| Some((w, since?))).collect();
    Ok(Account {
        id,
        user: user.to_owned(),
        created_at,
        timeline: Timeline::new(terms(connection, id)?),
        overrides: overrides(connection, id)?,
        tracked,
        told: told(connection, id)?,
    })
}

fn overrides(connection: &Connection, user_id: i64) -> rusqlite::Result<Vec<LimitOverride>> {
    let sql = format!(
        "SELECT id, kind, starts_at_us, ends_at_us, note, {LIMIT_COLUMNS} FROM limit_overrides \
         WHERE user_id = ?1 ORDER BY id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        let kind: String = row.get(1)?;
        let ends_at: Option<i64> = row.get(3)?;
        Ok(LimitOverride {
            id: row.get(0)?,
            kind: checked(kind.parse())?,
            starts_at: instant(row, 2)?,
            ends_at: ends_at.map(|us| checked(Timestamp::from_micros(us))).transpose()?,
            note: row.get(4)?,
            limit: limit(row, 5)?,
        })
    };
    statement.query_map([user_id], read)?.collect()
}

/// What is left of a call that was pruned.
fn pruned(connection: &Connection, call_id: i64, user_id: i64) -> rusqlite::Result<Found> {
    let sql = "SELECT fingerprint, occurred_at_us, period_starts_at_us, cost_pico_usd, \
               price_version_id FROM pruned_calls WHERE call_id = ?1 AND user_id = ?2";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(PrunedCall {
            id: call_id,
            fingerprint: Fingerprint::from_bytes(row.get(0)?),
            occurred_at: instant(row, 1)?,
            period_starts_at: instant(row, 2)?,
            cost: Money::from_pico_usd(row.get(3)?),
            price_version_id: row.get(4)?,
        })
    };
    let found = connection.prepare_cached(sql)?.query_row([call_id, user_id], read).optional()?;
    Ok(found.map_or(Found::Nothing, |pruned| Found::Pruned(Box::new(pruned))))
}

/// The span of all period starts that lie within a half-open span.
pub(super) fn starts_within(span: Span) -> (Timestamp, Timestamp) {
    if span == Span::ALWAYS {
        return (Timestamp::MIN, Timestamp::MAX);
    }
    (span.starts_at, span.ends_at.plus_micros(-1))
}
