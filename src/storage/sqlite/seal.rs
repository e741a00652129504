//! Seals of rows: writing them with what changes, and reading them back for `verify`.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row, params};

use super::names::Names;
use super::rows::call;
use crate::domain::seal::{Sealing, of_call};

/// The tables of the catalogue, each in the order of its key.
const CATALOGUE: [&str; 8] = [
    "SELECT catalogue_version FROM store",
    "SELECT * FROM plans ORDER BY plan_id",
    "SELECT * FROM plan_limits ORDER BY plan_id, name",
    "SELECT * FROM price_versions ORDER BY id",
    "SELECT * FROM price_rates ORDER BY price_version_id, unit, above_input_tokens",
    "SELECT * FROM price_aliases ORDER BY provider, alias",
    // Calls add names that the catalogue does not know.
    "SELECT * FROM providers WHERE display_name IS NOT NULL ORDER BY id",
    "SELECT u.id, u.unit, u.label, p.position, p.parent_id FROM units u \
     LEFT JOIN unit_parents p ON p.unit_id = u.id WHERE u.label IS NOT NULL ORDER BY 1, 4",
];

/// What a user is known by, and what it may use.
const USER: [&str; 3] = [
    "SELECT id, user, created_at_us, minute_since_call_id, hour_since_call_id, \
     day_since_call_id, lifetime_since_call_id FROM users WHERE id = ?1",
    "SELECT * FROM subscription_terms WHERE user_id = ?1 ORDER BY id",
    "SELECT * FROM limit_overrides WHERE user_id = ?1 ORDER BY id",
];

/// The columns that a call's seal is made of.
pub(super) const SEALED_CALL: &str =
    concat!("SELECT ", call_columns!(), ", user_id, seal FROM calls");

fn add_rows(
    sealing: &mut Sealing,
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> rusqlite::Result<()> {
    sealing.text(sql);
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            match row.get_ref(column)? {
                ValueRef::Null => sealing.nothing(),
                ValueRef::Integer(number) => sealing.number(number),
                ValueRef::Real(number) => sealing.bytes(&number.to_le_bytes()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => sealing.bytes(bytes),
            }
        }
    }
    Ok(())
}

/// The seal of the catalogue as it stands.
pub(super) fn of_catalogue(connection: &Connection) -> rusqlite::Result<i64> {
    let mut sealing = Sealing::new("catalogue");
    for sql in CATALOGUE {
        add_rows(&mut sealing, connection, sql, [])?;
    }
    Ok(sealing.seal())
}

/// The seal of a user as it stands, with its terms and own limits.
pub(super) fn of_user(connection: &Connection, user_id: i64) -> rusqlite::Result<i64> {
    let mut sealing = Sealing::new("user");
    for sql in USER {
        add_rows(&mut sealing, connection, sql, [user_id])?;
    }
    Ok(sealing.seal())
}

/// Seals the catalogue, after it was changed.
pub(super) fn seal_catalogue(connection: &Connection) -> rusqlite::Result<()> {
    let seal = of_catalogue(connection)?;
    connection.execute("UPDATE store SET catalogue_seal = ?1", [seal]).map(|_| ())
}

/// Seals a user, after it was changed.
pub(super) fn seal_user(connection: &Connection, user_id: i64) -> rusqlite::Result<()> {
    let seal = of_user(connection, user_id)?;
    let sql = "UPDATE users SET seal = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute([user_id, seal]).map(|_| ())
}

/// The seal of the call that a row of `SEALED_CALL` is, by what it says.
pub(super) fn of_row(
    connection: &Connection,
    names: &mut Names,
    row: &Row<'_>,
) -> rusqlite::Result<i64> {
    Ok(of_call(row.get("user_id")?, &call(connection, names, row)?))
}

/// Seals a call anew, after its row was changed; one that was never sealed stays so.
pub(super) fn reseal_call(
    connection: &Connection,
    names: &mut Names,
    call_id: i64,
) -> rusqlite::Result<()> {
    let sql = format!("{SEALED_CALL} WHERE id = ?1 AND seal IS NOT NULL");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([call_id])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let seal = of_row(connection, names, row)?;
    drop(rows);
    let sql = "UPDATE calls SET seal = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![call_id, seal]).map(|_| ())
}
