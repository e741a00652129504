//! The log, and plain SQL that only reads.

use std::ffi::{CString, c_char};

use alwrity_metering::{CallFilter, Cell, Page, Result, Span, Table};

use crate::answer::kept;
use crate::call::{given, instant, unused};
use crate::caller::{Caller, Promise, grows, invalid};
use crate::codes::{ALWM_NONE, alwm_cell};
use crate::meter::alwm_meter;
use crate::status::alwm_status;
use crate::text::{alwm_string, alwm_text, put_json};

/// Which calls of a user are wanted; newest first.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_call_filter {
    /// Set by `alwm_call_filter_init`.
    pub size: usize,
    /// Only calls of this provider.
    pub provider: alwm_text,
    /// Only calls of this operation.
    pub operation: alwm_text,
    /// Only calls of this model.
    pub model: alwm_text,
    /// Only calls with this HTTP status.
    pub status_code: i64,
    /// Only calls that were made from this instant on.
    pub from_us: i64,
    /// Only calls that were made before this instant.
    pub before_us: i64,
    /// Only calls with an id below this one: the cursor.
    pub before_id: i64,
    /// How many of the first to leave out.
    pub offset: i64,
    /// The most that are wanted, 1–5000; 50 by default.
    pub limit: i64,
    /// Only calls whose cost is unknown.
    pub is_unpriced: i32,
    /// Must be 0.
    pub reserved: i32,
}

grows!(alwm_call_filter, up to reserved: i32, {
    size: size_of::<alwm_call_filter>(),
    provider: alwm_text::NONE,
    operation: alwm_text::NONE,
    model: alwm_text::NONE,
    status_code: ALWM_NONE,
    from_us: ALWM_NONE,
    before_us: ALWM_NONE,
    before_id: ALWM_NONE,
    offset: 0,
    limit: 50,
    is_unpriced: 0,
    reserved: 0,
});

/// The filter and the page behind a pointer; the defaults for NULL.
fn filter_of(caller: Caller<'_>, filter: *const alwm_call_filter) -> Result<(CallFilter, Page)> {
    if filter.is_null() {
        return Ok((CallFilter::default(), Page::default()));
    }
    let own = caller.read("filter", filter)?;
    unused(own.reserved)?;
    let text = |name, text| Ok(caller.optional(name, text)?.map(str::to_owned));
    let within = match (instant(own.from_us)?, instant(own.before_us)?) {
        (None, None) => None,
        (from, before) => Some(Span {
            starts_at: from.unwrap_or(Span::ALWAYS.starts_at),
            ends_at: before.unwrap_or(Span::ALWAYS.ends_at),
        }),
    };
    let filter = CallFilter {
        provider: text("provider", own.provider)?,
        operation: text("operation", own.operation)?,
        model: text("model", own.model)?,
        status_code: given(own.status_code),
        within,
        period_within: None,
        is_unpriced: own.is_unpriced != 0,
    };
    Ok((filter, Page { before_id: given(own.before_id), offset: own.offset, limit: own.limit }))
}

/// Sets the size and every default; `size` is `sizeof *filter`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_call_filter_init(
    filter: *mut alwm_call_filter,
    size: usize,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| caller.initialise(filter, size))
}

/// A page of a user's recorded calls, newest first, and how many there are in all; `filter` may be
/// `NULL`. `next_before_id`, which may be `NULL`, is the cursor of the next page, for the filter's
/// `before_id`; `ALWM_NONE` when this page was not full.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_calls(
    meter: *const alwm_meter,
    user: alwm_text,
    filter: *const alwm_call_filter,
    json: *mut alwm_string,
    next_before_id: *mut i64,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let cursor = caller.wanted_value("next_before_id", next_before_id)?;
        let (filter, page) = filter_of(caller, filter)?;
        let found = meter.core.calls(caller.text("user", user)?, &filter, page)?;
        put_json(Some(json), &found)?;
        if let Some(cursor) = cursor {
            let is_full = i64::try_from(found.calls.len()).is_ok_and(|count| count == page.limit);
            let last = found.calls.last().filter(|_| is_full);
            cursor.put(last.map_or(ALWM_NONE, |call| call.id));
        }
        Ok(())
    })
}

/// The answer of a query: rows that are stepped through, for one thread at a time.
pub struct alwm_rows {
    table: Table,
    names: Vec<CString>,
    /// How many rows were stepped to; the current one is the last of them.
    stepped: usize,
}

impl alwm_rows {
    fn cell(&self, column: usize) -> Result<&Cell> {
        let place = self.stepped.checked_sub(1);
        let row = place.and_then(|place| self.table.rows.get(place));
        let row = row.ok_or_else(|| invalid("rows", "no row", "one that `alwm_rows_next` gave"))?;
        row.get(column).ok_or_else(|| no_column(column))
    }
}

fn no_column(column: usize) -> alwrity_metering::Error {
    invalid("column", &column.to_string(), "less than `alwm_rows_column_count`")
}

fn no_cell(cell: &Cell, expected: &'static str) -> alwrity_metering::Error {
    let kind = match cell {
        Cell::Null => "NULL",
        Cell::Integer(_) => "a whole number",
        Cell::Real(_) => "a floating-point number",
        Cell::Text(_) => "a text",
        Cell::Blob(_) => "bytes",
    };
    invalid("cell", kind, expected)
}

/// Runs one SQL statement that only reads, on the tables and views of docs/schema.md; at most
/// `query_rows_max` rows. `alwm_rows_close` closes them.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_query(
    meter: *const alwm_meter,
    sql: alwm_text,
    rows: *mut *mut alwm_rows,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.value("rows", rows)?;
        let table = meter.core.query(caller.text("sql", sql)?)?;
        let name = |name: &String| CString::new(name.replace('\0', "\u{fffd}")).unwrap_or_default();
        let names = table.columns.iter().map(name).collect();
        place.put_boxed(alwm_rows { table, names, stepped: 0 });
        Ok(())
    })
}

/// Steps to the first row, then to the next one; `has_row` is 0 after the last. Never waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_rows_next(rows: *mut alwm_rows, has_row: *mut i32) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let place = caller.value("has_row", has_row)?;
        let rows = caller.exclusive("rows", rows)?;
        rows.stepped = rows.stepped.saturating_add(1).min(rows.table.rows.len() + 1);
        place.put((rows.stepped <= rows.table.rows.len()).into());
        Ok(())
    })
}

/// How many columns every row has. Never waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_rows_column_count(
    rows: *const alwm_rows,
    count: *mut usize,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let place = caller.value("count", count)?;
        place.put(caller.shared("rows", rows)?.names.len());
        Ok(())
    })
}

/// The name of a column, counted from 0; it lives until the rows are closed. Never waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_rows_column_name(
    rows: *const alwm_rows,
    column: usize,
    name: *mut *const c_char,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let place = caller.value("name", name)?;
        let names = &caller.shared("rows", rows)?.names;
        place.put(names.get(column).ok_or_else(|| no_column(column))?.as_ptr());
        Ok(())
    })
}

/// Whether rows were left out because there were too many. Never waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_rows_is_cut(rows: *const alwm_rows, is_cut: *mut i32) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let place = caller.value("is_cut", is_cut)?;
        place.put(caller.shared("rows", rows)?.table.is_cut.into());
        Ok(())
    })
}

/// What a cell of the current row is: an `alwm_cell`. Never waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_rows_kind(
    rows: *const alwm_rows,
    column: usize,
    kind: *mut i32,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let place = caller.value("kind", kind)?;
        let kind = match caller.shared("rows", rows)?.cell(column)? {
            Cell::Null => alwm_cell::Null,
            Cell::Integer(_) => alwm_cell::Int64,
            Cell::Real(_) => alwm_cell::Double,
            Cell::Text(_) => alwm_cell::Text,
            Cell::Blob(_) => alwm_cell::Bytes,
        };
        place.put(kind as i32);
        Ok(())
    })
}

/// A cell of the current row that is a whole number. Never waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_rows_int64(
    rows: *const alwm_rows,
    column: usize,
    number: *mut i64,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let place = caller.value("number", number)?;
        match caller.shared("rows", rows)?.cell(column)? {
            Cell::Integer(number) => place.put(*number),
            other => return Err(no_cell(other, "a whole number")),
        }
        Ok(())
    })
}

/// A cell of the current row that is a floating-point number; no money is one. Never waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_rows_double(
    rows: *const alwm_rows,
    column: usize,
    number: *mut f64,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let place = caller.value("number", number)?;
        match caller.shared("rows", rows)?.cell(column)? {
            Cell::Real(number) => place.put(*number),
            other => return Err(no_cell(other, "a floating-point number")),
        }
        Ok(())
    })
}

/// A cell of the current row that is a text or bytes; it has no NUL at its end, and lives until
/// the rows are closed. Never waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_rows_text(
    rows: *const alwm_rows,
    column: usize,
    text: *mut alwm_text,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let place = caller.value("text", text)?;
        let bytes = match caller.shared("rows", rows)?.cell(column)? {
            Cell::Text(text) => text.as_bytes(),
            Cell::Blob(bytes) => bytes,
            other => return Err(no_cell(other, "a text or bytes")),
        };
        place.put(alwm_text { bytes: bytes.as_ptr().cast(), length: bytes.len() });
        Ok(())
    })
}

/// All rows as JSON, each an object with its keys in the order of the columns. Never waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_rows_json(
    rows: *const alwm_rows,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let json = caller.value("json", json)?;
        put_json(Some(json), &caller.shared("rows", rows)?.table)
    })
}

/// Closes rows and sets the pointer to `NULL`; does nothing where it is `NULL` already. Never
/// waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_rows_close(rows: *mut *mut alwm_rows) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| caller.take_boxed("rows", rows).map(drop))
}
