//! Auditing rows for `verify`: each against its seal, and definitions against those of a new file.

use rusqlite::{Connection, OptionalExtension, Row};

use super::connection::Definition;
use super::read::Session;
use super::seal::{SEALED_CALL, of_catalogue, of_row, of_user};
use super::verify::{count, fine, wrong};
use crate::domain::key::CallKey;
use crate::domain::seal::of_key;
use crate::storage::Check;

/// The tables, indexes and views of the file, against those of a new one. Tables of others may be
/// beside them.
pub(super) fn definitions(
    connection: &Connection,
    expected: &[Definition],
) -> rusqlite::Result<Check> {
    let name = "definitions";
    let sql = "SELECT type, name, ifnull(sql, '') FROM sqlite_schema WHERE name = ?1";
    let mut statement = connection.prepare(sql)?;
    // A table that was renamed and back has its name in quotes.
    let bare = |text: &str| text.replace('"', "");
    for own in expected {
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let found: Option<Definition> = statement.query_row([&own.1], read).optional()?;
        let (kind, title, own_text) = own;
        match found {
            Some((found, _, text)) if found == *kind && bare(&text) == bare(own_text) => {}
            Some(_) => return Ok(wrong(name, format!("the {kind} `{title}` was changed"))),
            None => return Ok(wrong(name, format!("the {kind} `{title}` is missing"))),
        }
    }
    Ok(fine(name, format!("{} tables, indexes and views", expected.len())))
}

/// The catalogue against its seal.
pub(super) fn catalogue(
    connection: &Connection,
    name: &'static str,
    found: String,
) -> rusqlite::Result<Check> {
    let sql = "SELECT catalogue_seal FROM store";
    let seal: Option<i64> = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(match seal {
        None => fine(name, found + ", not sealed before its next change"),
        Some(seal) if seal == of_catalogue(connection)? => fine(name, found),
        Some(_) => wrong(name, "a plan, limit, price, provider or unit is not what was put".into()),
    })
}

/// Every user against its seal, with its terms and own limits.
pub(super) fn users(connection: &Connection) -> rusqlite::Result<Check> {
    let name = "users";
    let mut statement = connection.prepare("SELECT id, seal FROM users ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut tally = Tally::default();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let seal: Option<i64> = row.get(1)?;
        if tally.is_broken(seal, || of_user(connection, id))? {
            let found = format!("user_id {id}, its terms or own limits are not what was written");
            return Ok(wrong(name, found));
        }
    }
    let stray = "SELECT count(*) FROM subscription_terms t \
                 WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = t.user_id)";
    Ok(match count(connection, stray)? {
        0 => fine(name, tally.shown("users")),
        stray => wrong(name, format!("{stray} terms of no user")),
    })
}

/// Every key against its seal; each names a call, and each call has one.
pub(super) fn keys(connection: &Connection) -> rusqlite::Result<Check> {
    let name = "keys";
    let calls = count(
        connection,
        "SELECT (SELECT count(*) FROM calls) + (SELECT count(*) FROM pruned_calls)",
    )?;
    let sql = "SELECT k.key, k.call_id, k.seal, c.id IS NOT NULL OR EXISTS \
               (SELECT 1 FROM pruned_calls p WHERE p.call_id = k.call_id) \
               FROM call_keys k LEFT JOIN calls c ON c.id = k.call_id";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut tally = Tally::default();
    while let Some(row) = rows.next()? {
        let (key, call_id): ([u8; 16], i64) = (row.get(0)?, row.get(1)?);
        let key = CallKey::from_bytes(key);
        if tally.is_broken(row.get(2)?, || Ok(of_key(key, call_id)))? {
            return Ok(wrong(
                name,
                format!("key {key} or its call {call_id} is not what was written"),
            ));
        }
        if !row.get::<_, bool>(3)? {
            return Ok(wrong(
                name,
                format!("a key names call {call_id}, which is not in the ledger"),
            ));
        }
    }
    Ok(if tally.rows == calls {
        fine(name, tally.shown("calls, each with its key"))
    } else {
        wrong(name, format!("{calls} calls, but {} keys", tally.rows))
    })
}

/// Every call against its seal.
pub(super) fn calls(session: &mut Session) -> rusqlite::Result<Check> {
    let name = "calls";
    let mut statement = session.connection.prepare(&format!("{SEALED_CALL} ORDER BY id"))?;
    let mut rows = statement.query([])?;
    let mut tally = Tally::default();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let own = of_row(&session.connection, &mut session.names, row);
        match own.and_then(|own| tally.is_broken(row.get("seal")?, || Ok(own))) {
            Ok(false) => {}
            Ok(true) => return Ok(wrong(name, format!("call {id} is not what was written"))),
            Err(rusqlite::Error::SqliteFailure(error, text)) => {
                return Err(rusqlite::Error::SqliteFailure(error, text));
            }
            Err(error) => {
                return Ok(wrong(name, format!("call {id} cannot be read: {error}")));
            }
        }
    }
    Ok(fine(name, tally.shown("calls")))
}

/// How many rows were read, and how many of them have no seal.
#[derive(Default)]
struct Tally {
    rows: i64,
    unsealed: i64,
}

impl Tally {
    /// Counts a row; whether its seal is another than that of what it says.
    fn is_broken(
        &mut self,
        seal: Option<i64>,
        own: impl FnOnce() -> rusqlite::Result<i64>,
    ) -> rusqlite::Result<bool> {
        self.rows += 1;
        match seal {
            None => {
                self.unsealed += 1;
                Ok(false)
            }
            Some(seal) => Ok(seal != own()?),
        }
    }

    fn shown(&self, what: &str) -> String {
        match self.unsealed {
            0 => format!("{} {what}", self.rows),
            unsealed => format!("{} {what}; {unsealed} are not sealed", self.rows),
        }
    }
}
