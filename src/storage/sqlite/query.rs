//! Queries: pages of a user's log, and read-only SQL of the host's own.

use std::time::Duration;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::engine::Engine;
use super::failure::failed;
use super::read::Session;
use super::rows::call;
use crate::error::{Error, Result, shown};
use crate::storage::{CallFilter, CallPage, Cell, Page, Table};

/// A page of a user's calls that fit a filter, newest first.
pub(super) fn calls(
    session: &mut Session,
    user_id: i64,
    filter: &CallFilter,
    page: Page,
) -> rusqlite::Result<CallPage> {
    let (mut conditions, mut values) = conditions(user_id, filter);
    let connection = &session.connection;
    let sql = format!("SELECT count(*) FROM calls WHERE {conditions}");
    let total_count =
        connection.prepare_cached(&sql)?.query_row(params_from_iter(&values), |row| row.get(0))?;
    if let Some(before_id) = page.before_id {
        conditions.push_str(" AND id < ?");
        values.push(Value::Integer(before_id));
    }
    values.push(Value::Integer(page.limit));
    values.push(Value::Integer(page.offset));
    let sql = format!(
        "SELECT {} FROM calls WHERE {conditions} ORDER BY id DESC LIMIT ? OFFSET ?",
        call_columns!()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(&values))?;
    let mut calls = Vec::new();
    while let Some(row) = rows.next()? {
        calls.push(call(connection, &mut session.names, row)?);
    }
    Ok(CallPage { calls, total_count })
}

fn conditions(user_id: i64, filter: &CallFilter) -> (String, Vec<Value>) {
    let mut conditions = vec!["user_id = ?"];
    let mut values = vec![Value::Integer(user_id)];
    let names = [
        (&filter.provider, "provider_id = (SELECT id FROM providers WHERE provider = ?)"),
        (&filter.operation, "operation_id = (SELECT id FROM operations WHERE operation = ?)"),
        (&filter.model, "model_id = (SELECT id FROM models WHERE model = ?)"),
    ];
    for (name, condition) in names {
        if let Some(name) = name {
            conditions.push(condition);
            values.push(Value::Text(name.to_lowercase()));
        }
    }
    if let Some(status_code) = filter.status_code {
        conditions.push("status_code = ?");
        values.push(Value::Integer(status_code));
    }
    let spans = [
        (filter.within, "occurred_at_us >= ? AND occurred_at_us < ?"),
        (filter.period_within, "period_starts_at_us >= ? AND period_starts_at_us < ?"),
    ];
    for (span, condition) in spans {
        if let Some(span) = span {
            conditions.push(condition);
            values.push(Value::Integer(span.starts_at.micros()));
            values.push(Value::Integer(span.ends_at.micros()));
        }
    }
    if filter.is_unpriced {
        conditions.push("cost_pico_usd IS NULL");
    }
    (conditions.join(" AND "), values)
}

/// A query runs no longer than this.
const QUERY_TIME_MAX: Duration = Duration::from_mins(1);

/// Runs one statement that only reads, on a connection that can do nothing else.
pub(super) fn query(engine: &Engine, sql: &str, rows_max: usize) -> Result<Table> {
    engine.check_identity()?;
    let invalid = |reason: String| Error::InvalidQuery { reason };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&engine.path, flags)
        .map_err(failed("open the file to read"))?;
    let started = std::time::Instant::now();
    connection
        .busy_timeout(Duration::from_millis(engine.options.busy_timeout_ms))
        .and_then(|()| connection.authorizer(Some(allow_reading)))
        .and_then(|()| {
            connection.progress_handler(10_000, Some(move || started.elapsed() > QUERY_TIME_MAX))
        })
        .map_err(failed("set up the connection"))?;
    let mut statement =
        connection.prepare(sql).map_err(|error| invalid(shown(&error.to_string())))?;
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(invalid("it is no statement that reads".into()));
    }
    if statement.parameter_count() > 0 {
        return Err(invalid("it has parameters, which have no values here".into()));
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query([]).map_err(failed("run the query"))?;
    let mut table = Table { columns, ..Table::default() };
    while let Some(row) = rows.next().map_err(|error| invalid(shown(&error.to_string())))? {
        if table.rows.len() == rows_max {
            table.is_cut = true;
            break;
        }
        let cells = (0..table.columns.len())
            .map(|column| row.get_ref(column).map(cell))
            .collect::<rusqlite::Result<_>>();
        table.rows.push(cells.map_err(failed("read a row"))?);
    }
    Ok(table)
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
    }
}

fn allow_reading(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Function { .. }
        | AuthAction::Recursive => Authorization::Allow,
        _ => Authorization::Deny,
    }
}
