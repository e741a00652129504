//! Alerts and their outbox in the tables.

use std::fmt::Write as _;

use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::read::Session;
use super::rows::{checked, instant};
use crate::domain::alert::outbox::{Delivery, OutboxCount};
use crate::domain::alert::{Alert, AlertKey, AlertKind, NewAlert, Severity};
use crate::domain::time::Timestamp;
use crate::storage::{AlertFilter, AlertMark, AlertPage, OutboxChange, Page};

/// The columns of an alert, in the order that `alert` reads them.
const ALERT_COLUMNS: &str = "a.id, \
     (SELECT user FROM users WHERE users.id = a.user_id), a.type, a.subject, a.maximum, \
     a.threshold_percent, a.armed_from_us, a.period_starts_at_us, a.provider, a.title, a.message, \
     a.severity, a.recommended_action, a.upgrade_plan_id, a.created_at_us, a.sent_at_us, \
     a.read_at_us, a.dismissed_at_us";
const ALERT_COLUMN_COUNT: usize = 18;

/// A `String` takes every text.
fn not_shown(error: std::fmt::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

/// The newest alerts of a user that are looked through for those that still count as told.
const TOLD_MAX: i64 = 256;

fn key(row: &Row<'_>, first: usize) -> rusqlite::Result<AlertKey> {
    let kind: String = row.get(first)?;
    Ok(AlertKey {
        kind: checked(kind.parse())?,
        subject: row.get(first + 1)?,
        maximum: row.get(first + 2)?,
        threshold_percent: row.get(first + 3)?,
        armed_from: instant(row, first + 4)?,
    })
}

fn alert(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let severity: String = row.get(11)?;
    let at = |column: usize| -> rusqlite::Result<Option<Timestamp>> {
        row.get::<_, Option<i64>>(column)?.map(|us| checked(Timestamp::from_micros(us))).transpose()
    };
    Ok(Alert {
        id: row.get(0)?,
        user: row.get(1)?,
        key: key(row, 2)?,
        period_starts_at: instant(row, 7)?,
        provider: row.get(8)?,
        title: row.get(9)?,
        message: row.get(10)?,
        severity: checked(severity.parse())?,
        recommended_action: row.get(12)?,
        upgrade_plan_id: row.get(13)?,
        created_at: instant(row, 14)?,
        sent_at: at(15)?,
        read_at: at(16)?,
        dismissed_at: at(17)?,
    })
}

/// What a user was told of each subject in its newest window.
pub(super) fn told(connection: &Connection, user_id: i64) -> rusqlite::Result<Vec<AlertKey>> {
    let sql = "SELECT type, subject, maximum, threshold_percent, armed_from_us FROM alerts \
               WHERE user_id = ?1 ORDER BY id DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([user_id, TOLD_MAX])?;
    let mut told: Vec<AlertKey> = Vec::new();
    while let Some(row) = rows.next()? {
        let key = key(row, 0)?;
        let is_same = |known: &AlertKey| known.kind == key.kind && known.subject == key.subject;
        // A late call raises an alert of an older window.
        if !told.iter().any(|known| is_same(known) && known.armed_from > key.armed_from) {
            told.retain(|known| !is_same(known) || known.armed_from == key.armed_from);
            told.push(key);
        }
    }
    Ok(told)
}

/// Raises an alert, if its key was not raised before; whether it was new.
pub(super) fn raise(
    connection: &Connection,
    user_id: Option<i64>,
    alert: &NewAlert,
) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO alerts (user_id, type, subject, maximum, threshold_percent, \
               armed_from_us, period_starts_at_us, provider, title, message, severity, \
               recommended_action, upgrade_plan_id, created_at_us, sent_at_us, read_at_us) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) \
               ON CONFLICT DO NOTHING RETURNING id";
    let row = params![
        user_id,
        alert.key.kind.name(),
        alert.key.subject,
        alert.key.maximum,
        alert.key.threshold_percent,
        alert.key.armed_from.micros(),
        alert.period_starts_at.micros(),
        alert.provider,
        alert.title,
        alert.message,
        alert.severity.name(),
        alert.recommended_action,
        alert.upgrade_plan_id,
        alert.created_at.micros(),
        alert.sent_at.map(Timestamp::micros),
        alert.read_at.map(Timestamp::micros),
    ];
    let mut statement = connection.prepare_cached(sql)?;
    let raised: Option<i64> = statement.query_row(row, |row| row.get(0)).optional()?;
    let Some(alert_id) = raised else { return Ok(false) };
    let sql = "INSERT INTO outbox (alert_id, channel, message_id, due_at_us) \
               VALUES (?1, ?2, ?3, ?4)";
    for channel in &alert.channels {
        let message_id = format!("msg_{}", uuid::Uuid::now_v7().simple());
        let row = params![alert_id, channel, message_id, alert.created_at.micros()];
        connection.prepare_cached(sql)?.execute(row)?;
    }
    Ok(true)
}

/// Marks alerts of a user, or of the operator.
pub(super) fn mark(
    connection: &Connection,
    user_id: Option<i64>,
    mark: AlertMark,
) -> rusqlite::Result<()> {
    let (sql, id, at) = match mark {
        AlertMark::Read { id, at } => (
            "UPDATE alerts SET read_at_us = ?3 \
             WHERE user_id IS ?1 AND id = ?2 AND read_at_us IS NULL",
            Some(id),
            at,
        ),
        AlertMark::AllRead { at } => (
            "UPDATE alerts SET read_at_us = ?3 \
             WHERE user_id IS ?1 AND ?2 IS NULL AND read_at_us IS NULL AND dismissed_at_us IS NULL",
            None,
            at,
        ),
        AlertMark::Dismissed { id, at } => (
            "UPDATE alerts SET dismissed_at_us = ?3 \
             WHERE user_id IS ?1 AND id = ?2 AND dismissed_at_us IS NULL",
            Some(id),
            at,
        ),
    };
    let marked = connection.prepare_cached(sql)?.execute(params![user_id, id, at.micros()])?;
    if marked > 0 && matches!(mark, AlertMark::Dismissed { .. }) {
        // What was put away need not be sent any more.
        let sql = "DELETE FROM outbox \
                   WHERE alert_id = ?1 AND done_at_us IS NULL AND is_given_up = 0";
        connection.prepare_cached(sql)?.execute([id])?;
    }
    Ok(())
}

/// Changes the outbox.
pub(super) fn change_outbox(
    connection: &Connection,
    change: &OutboxChange,
) -> rusqlite::Result<()> {
    match change {
        OutboxChange::Claim { token, channel, now, leased_until, limit } => {
            let sql = "UPDATE outbox SET token = ?1, attempts = attempts + 1, due_at_us = ?4 \
                       WHERE id IN (SELECT id FROM outbox WHERE channel = ?2 AND due_at_us <= ?3 \
                       AND done_at_us IS NULL AND is_given_up = 0 ORDER BY due_at_us, id LIMIT ?5)";
            let row = params![token, channel, now.micros(), leased_until.micros(), limit];
            connection.prepare_cached(sql)?.execute(row)?;
        }
        OutboxChange::Delivered { id, alert_id, at } => {
            // Whoever says so: the receiver has it.
            let sql = "UPDATE outbox SET done_at_us = ?2, is_given_up = 0, last_error = NULL \
                       WHERE id = ?1 AND done_at_us IS NULL";
            connection.prepare_cached(sql)?.execute([*id, at.micros()])?;
            let sql = "UPDATE alerts SET sent_at_us = ?2 WHERE id = ?1 AND sent_at_us IS NULL";
            connection.prepare_cached(sql)?.execute([*alert_id, at.micros()])?;
        }
        OutboxChange::Failed { id, token, due_at, reason } => {
            let sql = "UPDATE outbox SET due_at_us = ifnull(?3, due_at_us), is_given_up = ?4, \
                       last_error = ?5, token = NULL \
                       WHERE id = ?1 AND token = ?2 AND done_at_us IS NULL";
            let due = due_at.map(Timestamp::micros);
            let row = params![id, token, due, due.is_none(), reason];
            connection.prepare_cached(sql)?.execute(row)?;
        }
        OutboxChange::Paused { channel, token, until } => {
            let sql = "UPDATE outbox SET due_at_us = ?3, attempts = attempts - 1, token = NULL \
                       WHERE token = ?2 AND channel = ?1 AND done_at_us IS NULL \
                       AND is_given_up = 0";
            connection.prepare_cached(sql)?.execute(params![channel, token, until.micros()])?;
            let sql = "UPDATE outbox SET due_at_us = ?2 WHERE channel = ?1 AND due_at_us < ?2 \
                       AND done_at_us IS NULL AND is_given_up = 0";
            connection.prepare_cached(sql)?.execute(params![channel, until.micros()])?;
        }
    }
    Ok(())
}

impl Session {
    /// A page of a user's alerts, or of the operator's.
    pub(super) fn alerts(
        &mut self,
        user_id: Option<i64>,
        filter: &AlertFilter,
        page: Page,
    ) -> rusqlite::Result<AlertPage> {
        let AlertFilter { is_unread, with_dismissed, kind, severity } = filter;
        let mut conditions = String::from("a.user_id IS ?1");
        if *is_unread {
            conditions.push_str(" AND a.read_at_us IS NULL");
        }
        if !with_dismissed {
            conditions.push_str(" AND a.dismissed_at_us IS NULL");
        }
        let mut values = vec![user_id.into()];
        let names =
            [("a.type", kind.map(AlertKind::name)), ("a.severity", severity.map(Severity::name))];
        for (column, name) in names {
            if let Some(name) = name {
                values.push(rusqlite::types::Value::from(name.to_owned()));
                write!(conditions, " AND {column} = ?{}", values.len()).map_err(not_shown)?;
            }
        }
        let connection = &self.connection;
        let count = |sql: &str, values: &[rusqlite::types::Value]| -> rusqlite::Result<i64> {
            connection.prepare_cached(sql)?.query_row(params_from_iter(values), |row| row.get(0))
        };
        let sql = "SELECT count(*) FROM alerts \
                   WHERE user_id IS ?1 AND read_at_us IS NULL AND dismissed_at_us IS NULL";
        let unread_count = count(sql, &values[..1])?;
        let total = count(&format!("SELECT count(*) FROM alerts a WHERE {conditions}"), &values)?;
        if let Some(before_id) = page.before_id {
            values.push(before_id.into());
            write!(conditions, " AND a.id < ?{}", values.len()).map_err(not_shown)?;
        }
        let sql = format!(
            "SELECT {ALERT_COLUMNS} FROM alerts a WHERE {conditions} ORDER BY a.id DESC \
             LIMIT {} OFFSET {}",
            page.limit, page.offset
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let alerts = statement.query_map(params_from_iter(&values), alert)?;
        Ok(AlertPage { alerts: alerts.collect::<rusqlite::Result<_>>()?, total, unread_count })
    }

    /// A user's newest unread alerts, and how many there are.
    pub(super) fn unread_alerts(
        &mut self,
        user_id: i64,
        limit: i64,
    ) -> rusqlite::Result<AlertPage> {
        static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
            format!(
                "SELECT {ALERT_COLUMNS} FROM alerts a WHERE a.user_id = ?1 \
                 AND a.read_at_us IS NULL AND a.dismissed_at_us IS NULL ORDER BY a.id DESC LIMIT ?2"
            )
        });
        let sql = "SELECT count(*) FROM alerts \
                   WHERE user_id = ?1 AND read_at_us IS NULL AND dismissed_at_us IS NULL";
        let unread_count: i64 =
            self.connection.prepare_cached(sql)?.query_row([user_id], |row| row.get(0))?;
        if unread_count == 0 {
            return Ok(AlertPage::default());
        }
        let mut statement = self.connection.prepare_cached(&SQL)?;
        let alerts = statement.query_map([user_id, limit], alert)?;
        let alerts = alerts.collect::<rusqlite::Result<_>>()?;
        Ok(AlertPage { alerts, total: unread_count, unread_count })
    }

    /// An alert by its id.
    pub(super) fn alert(&mut self, id: i64) -> rusqlite::Result<Option<Alert>> {
        let sql = format!("SELECT {ALERT_COLUMNS} FROM alerts a WHERE a.id = ?1");
        self.connection.prepare_cached(&sql)?.query_row([id], alert).optional()
    }

    /// What a claim got.
    pub(super) fn claimed(&mut self, token: &str) -> rusqlite::Result<Vec<Delivery>> {
        let sql = format!(
            "SELECT {ALERT_COLUMNS}, o.id, o.message_id, o.attempts FROM outbox o \
             JOIN alerts a ON a.id = o.alert_id \
             WHERE o.token = ?1 AND o.done_at_us IS NULL AND o.is_given_up = 0 ORDER BY o.id"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let read = |row: &Row<'_>| {
            Ok(Delivery {
                id: row.get(ALERT_COLUMN_COUNT)?,
                message_id: row.get(ALERT_COLUMN_COUNT + 1)?,
                attempt: row.get(ALERT_COLUMN_COUNT + 2)?,
                alert: alert(row)?,
            })
        };
        statement.query_map([token], read)?.collect()
    }

    /// How the outbox stands.
    pub(super) fn outbox(&mut self) -> rusqlite::Result<Vec<OutboxCount>> {
        let sql = "SELECT channel, sum(done_at_us IS NULL AND is_given_up = 0), \
                   sum(done_at_us IS NOT NULL), sum(is_given_up) FROM outbox \
                   GROUP BY channel ORDER BY channel";
        let mut statement = self.connection.prepare_cached(sql)?;
        let read = |row: &Row<'_>| {
            Ok(OutboxCount {
                channel: row.get(0)?,
                waiting: row.get(1)?,
                done: row.get(2)?,
                given_up: row.get(3)?,
            })
        };
        statement.query_map([], read)?.collect()
    }
}
