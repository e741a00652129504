//! Verifying: the ledger against counters and rollups, and the set-up of the file.

use std::os::unix::fs::PermissionsExt;

use rusqlite::{Connection, OptionalExtension};

use super::audit;
use super::billing;
use super::connection::{made_anew, schema_version};
use super::engine::Engine;
use super::events;
use super::fold::{Projection, projections, response_times};
use super::learning::sizes_of;
use super::read::Session;
use crate::domain::invoice::is_intact;
use crate::error::Result;
use crate::storage::Check;

/// All checks, in one snapshot.
pub(super) fn verify(engine: &Engine) -> Result<Vec<Check>> {
    let mut checks = vec![mode(engine)];
    checks.extend(engine.unclean_end.clone());
    let made = made_anew()?;
    checks.extend(engine.read("verify the file", |session| {
        let connection = &session.connection;
        let mut checks = vec![
            integrity(connection)?,
            versions(connection, made.min_writer_version)?,
            audit::definitions(connection, &made.definitions)?,
            views(connection)?,
            catalogue(connection)?,
            audit::users(connection)?,
            references(connection)?,
            audit::keys(connection)?,
            audit::calls(session)?,
        ];
        let connection = &session.connection;
        checks.extend([holds(connection)?, periods(connection)?]);
        for projection in projections() {
            checks.push(projected(connection, &projection, None)?);
        }
        checks.push(times(connection)?);
        checks.push(learned(session)?);
        checks.push(invoices(session)?);
        Ok(checks)
    })?);
    Ok(checks)
}

/// The last calls whose users are checked after an unclean end.
const RECENT_CALLS: i64 = 256;
/// Users with more calls than this are left to `verify`.
const CHECKED_CALLS_MAX: i64 = 20_000;

/// The cheap check at the first open after a kill or a power cut: the users of the last calls,
/// their ledger against their counters and days. What it finds is logged and shown by `verify`;
/// opening goes on, or nobody could `rebuild`.
pub(super) fn check_after_unclean_end(engine: &Engine) -> Result<Check> {
    let found = engine.read("check the last calls", |session| recent(&session.connection))?;
    events::unclean_end(&found);
    Ok(found)
}

fn recent(connection: &Connection) -> rusqlite::Result<Check> {
    let name = "last end";
    let sql = "SELECT DISTINCT user_id FROM calls WHERE id > (SELECT max(id) FROM calls) - ?1";
    let mut statement = connection.prepare(sql)?;
    let users: Vec<i64> =
        statement.query_map([RECENT_CALLS], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let (mut checked, mut calls_left) = (0, CHECKED_CALLS_MAX);
    for user_id in users {
        // Counted no further than is needed.
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM calls WHERE user_id = {user_id} LIMIT {})",
            calls_left + 1
        );
        let calls = count(connection, &sql)?;
        if calls > calls_left {
            continue;
        }
        calls_left -= calls;
        checked += 1;
        for projection in projections() {
            let check = projected(connection, &projection, Some(user_id))?;
            if !check.is_ok {
                return Ok(wrong(name, format!("not clean; {}: {}", check.name, check.found)));
            }
        }
    }
    Ok(fine(name, format!("not clean; {checked} users of the last calls are well")))
}

pub(super) fn fine(name: &'static str, found: String) -> Check {
    Check { name, found, is_ok: true }
}

pub(super) fn wrong(name: &'static str, found: String) -> Check {
    Check { name, found, is_ok: false }
}

pub(super) fn count(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
    connection.query_row(sql, [], |row| row.get(0))
}

#[expect(clippy::verbose_bit_mask, reason = "a mode is read as its octal digits")]
fn mode(engine: &Engine) -> Check {
    let name = "file mode";
    match std::fs::metadata(&engine.path) {
        Err(error) => wrong(name, error.to_string()),
        Ok(found) => {
            let mode = found.permissions().mode() & 0o777;
            let shown = format!("{mode:04o}");
            // Group and others must not read who called what.
            if mode & 0o077 == 0 { fine(name, shown) } else { wrong(name, shown + ", not 0600") }
        }
    }
}

fn integrity(connection: &Connection) -> rusqlite::Result<Check> {
    let name = "pages";
    let first: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if first == "ok" {
        let pages = count(connection, "PRAGMA page_count")?;
        return Ok(fine(name, format!("{pages} pages")));
    }
    Ok(wrong(name, first))
}

fn versions(connection: &Connection, writer_version: i64) -> rusqlite::Result<Check> {
    let name = "schema";
    let schema = count(connection, "SELECT schema_version FROM store")?;
    let needed = count(connection, "SELECT min_writer_version FROM store")?;
    let found = format!("version {schema}");
    Ok(if schema != schema_version() {
        wrong(name, found)
    } else if needed == writer_version {
        fine(name, found)
    } else {
        wrong(name, format!("{found}, but its writers need {needed}, not {writer_version}"))
    })
}

/// The names that people and tools of the file rely on.
const VIEWS: [&str; 8] = [
    "subscription_plans",
    "user_subscriptions",
    "api_usage_logs",
    "usage_summaries",
    "api_provider_pricing",
    "usage_alerts",
    "billing_history",
    "usage_by_provider",
];

fn views(connection: &Connection) -> rusqlite::Result<Check> {
    let name = "views";
    for view in VIEWS {
        let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'view' AND name = ?1";
        let is_there = connection.query_row(sql, [view], |_| Ok(())).optional()?.is_some();
        if !is_there {
            return Ok(wrong(name, format!("`{view}` is missing")));
        }
        connection
            .query_row(&format!("SELECT 1 FROM {view} LIMIT 1"), [], |_| Ok(()))
            .optional()?;
    }
    Ok(fine(name, format!("{} views", VIEWS.len())))
}

fn catalogue(connection: &Connection) -> rusqlite::Result<Check> {
    let name = "catalogue";
    let plans = count(connection, "SELECT count(*) FROM plans")?;
    let prices = count(connection, "SELECT count(*) FROM price_versions")?;
    let found = format!("{plans} plans, {prices} price versions");
    let bare = "SELECT count(*) FROM price_versions v WHERE NOT EXISTS \
                (SELECT 1 FROM price_rates r WHERE r.price_version_id = v.id)";
    if plans == 0 {
        return Ok(wrong(name, found + ": run `init`"));
    }
    match count(connection, bare)? {
        0 => audit::catalogue(connection, name, found),
        bare => Ok(wrong(name, format!("{bare} price versions have no rate"))),
    }
}

fn references(connection: &Connection) -> rusqlite::Result<Check> {
    let name = "references";
    let sql = "SELECT \"table\" || ' row ' || ifnull(rowid, '?') || ' refers to no ' || parent \
               FROM pragma_foreign_key_check LIMIT 1";
    let first: Option<String> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(match first {
        None => fine(name, "all rows refer to rows".into()),
        Some(first) => wrong(name, first),
    })
}

fn holds(connection: &Connection) -> rusqlite::Result<Check> {
    let name = "holds";
    let sql = "SELECT count(*) FROM holds h JOIN call_keys k ON k.key = h.key";
    match count(connection, sql)? {
        0 => {
            let open = count(connection, "SELECT count(*) FROM holds WHERE state = 0")?;
            Ok(fine(name, format!("{open} open")))
        }
        both => Ok(wrong(name, format!("{both} keys are a hold and a call"))),
    }
}

fn periods(connection: &Connection) -> rusqlite::Result<Check> {
    let name = "periods";
    let sql = "SELECT u.user || ', ' || k.starts_at_us FROM counters k \
               JOIN users u ON u.id = k.user_id LEFT JOIN usage_periods t \
               ON t.user_id = k.user_id AND t.starts_at_us = k.starts_at_us \
               WHERE k.\"window\" = 0 AND t.id IS NULL LIMIT 1";
    let first: Option<String> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
    Ok(match first {
        Some(first) => wrong(name, format!("no usage period for the counters of {first}")),
        None => {
            let periods = count(connection, "SELECT count(*) FROM usage_periods")?;
            fine(name, format!("{periods} usage periods"))
        }
    })
}

/// Recomputes the hash and the total of every invoice.
fn invoices(session: &mut Session) -> rusqlite::Result<Check> {
    let name = "invoices";
    let sql = "SELECT DISTINCT user_id FROM invoices ORDER BY user_id";
    let users: Vec<i64> = session
        .connection
        .prepare(sql)?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut found = 0;
    for user_id in users {
        for invoice in billing::invoices(&session.connection, &mut session.names, user_id)? {
            found += 1;
            if !is_intact(&invoice, user_id) {
                let shown = format!(
                    "invoice {} of user_id {user_id} is not what was finalized",
                    invoice.id
                );
                return Ok(wrong(name, shown));
            }
        }
    }
    Ok(fine(name, format!("{found} invoices")))
}

/// What was learned is no fold of the ledger, so only its ranges can be wrong.
fn learned(session: &mut Session) -> rusqlite::Result<Check> {
    let name = "learned";
    let models = session.calibrations()?;
    if let Some(model) = models.iter().find(|model| !model.learned.is_sound()) {
        let shown = format!("the calibration of `{}` / `{}`", model.provider, model.model);
        return Ok(wrong(name, format!("{shown} is out of its ranges")));
    }
    let mut statement = session.connection.prepare("SELECT sizes FROM output_sizes")?;
    let mut rows = statement.query([])?;
    let mut answers = 0;
    while let Some(row) = rows.next()? {
        if sizes_of(row).is_err() {
            return Ok(wrong(name, "a row of `output_sizes` cannot be read".into()));
        }
        answers += 1;
    }
    Ok(fine(name, format!("{} models, {answers} users of a model", models.len())))
}

/// Compares a table with the fold of the ledger, in both directions.
fn projected(
    connection: &Connection,
    projection: &Projection,
    user_id: Option<i64>,
) -> rusqlite::Result<Check> {
    let (name, table) = (projection.name, projection.table);
    let (columns, select) = (projection.columns(), projection.select(user_id));
    let which = user_id.map_or("true".to_owned(), |id| format!("user_id = {id}"));
    let stored = format!("SELECT {columns} FROM {table} WHERE {which}");
    let only = |first: &str, second: &str| {
        format!("SELECT * FROM (SELECT * FROM ({first}) EXCEPT SELECT * FROM ({second})) LIMIT 1")
    };
    let in_ledger = first_row(connection, &only(&select, &stored), &columns)?;
    let in_table = first_row(connection, &only(&stored, &select), &columns)?;
    Ok(match (in_ledger, in_table) {
        (None, None) => {
            let rows = count(connection, &format!("SELECT count(*) FROM {table} WHERE {which}"))?;
            fine(name, format!("{rows} rows"))
        }
        (ledger, stored) => {
            let shown = |row: Option<String>| row.unwrap_or_else(|| "no such row".to_owned());
            let (ledger, stored) = (shown(ledger), shown(stored));
            wrong(name, format!("the ledger says {ledger}; `{table}` says {stored}"))
        }
    })
}

/// A row as text, without the columns that are 0.
fn first_row(
    connection: &Connection,
    sql: &str,
    columns: &str,
) -> rusqlite::Result<Option<String>> {
    let names: Vec<&str> = columns.split(',').map(str::trim).collect();
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut shown = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let number: i64 = row.get(index)?;
        if number != 0 {
            shown.push(format!("{} {number}", name.trim_matches('"')));
        }
    }
    Ok(Some(shown.join(", ")))
}

fn times(connection: &Connection) -> rusqlite::Result<Check> {
    let name = "response times";
    let folded = response_times(connection)?;
    let mut statement = connection.prepare(
        "SELECT user_id, day, provider_id, bucket, calls FROM response_times WHERE calls <> 0",
    )?;
    let mut rows = statement.query([])?;
    let mut left = folded.iter().filter(|(_, calls)| **calls != 0).count();
    while let Some(row) = rows.next()? {
        let place = [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
        let stored: i64 = row.get(4)?;
        let expected = folded.get(&place).copied().unwrap_or(0);
        if expected != stored {
            let [user, day, provider, bucket] = place;
            return Ok(wrong(
                name,
                format!(
                    "user_id {user}, day {day}, provider_id {provider}, bucket {bucket}: \
                     the ledger says {expected} calls, `response_times` says {stored}"
                ),
            ));
        }
        left = left.saturating_sub(1);
    }
    Ok(match left {
        0 => fine(name, format!("{} rows", folded.len())),
        left => wrong(name, format!("{left} rows are missing")),
    })
}
