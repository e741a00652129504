//! Connections: opening the database, bringing it to this version, and its settings.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::events;
use super::failure::{failed, in_file};
use super::file::{Identity, Patience, SideLock, beside};
use crate::error::{Error, Result};
use crate::storage::StoreOptions;

/// The schema that this library writes: that of its newest migration.
pub(super) fn schema_version() -> i64 {
    static NEWEST: LazyLock<i64> = LazyLock::new(|| {
        let runner = embedded::migrations::runner();
        let versions = runner.get_migrations().iter().map(|one| i64::from(one.version()));
        versions.max().unwrap_or(0)
    });
    *NEWEST
}

mod embedded {
    refinery::embed_migrations!("migrations/sqlite");
}

/// What a store is that this version makes.
pub(super) fn made_anew() -> Result<&'static Made> {
    static MADE: LazyLock<Result<Made>> = LazyLock::new(make_anew);
    MADE.as_ref().map_err(Clone::clone)
}

fn make_anew() -> Result<Made> {
    let mut connection = Connection::open_in_memory().map_err(failed("open a new store"))?;
    embedded::migrations::runner().run(&mut connection).map_err(|error| Error::Internal {
        reason: format!("the migrations do not run: {error}"),
    })?;
    let read = || -> rusqlite::Result<_> {
        let sql = "SELECT type, name, ifnull(sql, '') FROM sqlite_schema \
                   WHERE name <> 'refinery_schema_history' ORDER BY name";
        let mut statement = connection.prepare(sql)?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let definitions = statement.query_map([], read)?.collect::<Result<_, _>>()?;
        let sql = "SELECT min_writer_version FROM store";
        let min_writer_version = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(Made { definitions, min_writer_version })
    };
    read().map_err(failed("read a new store"))
}

/// A new store.
pub(super) struct Made {
    /// Its tables, indexes and views.
    pub(super) definitions: Vec<Definition>,
    /// The version that a writer of it needs.
    pub(super) min_writer_version: i64,
}

/// Type, name and text of a table, index or view.
pub(super) type Definition = (String, String, String);

/// What an opening process finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// Other processes have the file open, or the last one closed it.
    Clean,
    /// Nobody has it open, yet there is a log: the last one was killed, or the power failed.
    AfterUncleanEnd,
}

/// Brings the file to this version's schema and switches it to the write-ahead log.
///
/// refinery takes no lock of its own: without turns, most first opens fail. Processes take turns
/// by the side lock, threads by the engine's list of handles. Guarded by
/// `tests/it/reliability/opening.rs`.
pub(super) fn migrate(
    path: &Path,
    identity: Identity,
    lock: &SideLock,
    patience: Patience,
) -> Result<Opening> {
    let _turn = lock.turn_until(patience)?;
    if Identity::of(path)? != Some(identity) {
        return Err(Error::StorageReplaced { path: path.display().to_string() });
    }
    let is_left = |suffix| std::fs::metadata(beside(path, suffix)).is_ok_and(|log| log.len() > 0);
    let has_log = is_left("-wal") || is_left("-journal");
    let is_first_user = lock.is_first_user()?;
    let opening = if is_first_user && has_log { Opening::AfterUncleanEnd } else { Opening::Clean };
    bring_up_to_date(path, patience).map_err(|error| in_file(patience.measured(error), path))?;
    Ok(opening)
}

fn bring_up_to_date(path: &Path, patience: Patience) -> Result<()> {
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection
        .busy_timeout(patience.left())
        .and_then(|()| connection.pragma_update(None, "page_size", 4096))
        .map_err(failed("open the file"))
        .map_err(|error| in_file(error, path))?;
    if !is_current(&connection, path)? {
        embedded::migrations::runner().set_grouped(true).run(&mut connection).map_err(|error| {
            Error::StorageCorrupt { path: path.display().to_string(), reason: error.to_string() }
        })?;
        events::migrated(path, schema_version());
    }
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(failed("switch to the write-ahead log"))?;
    if mode != "wal" {
        let reason = format!("the journal mode stayed `{mode}`");
        return Err(Error::StorageUnavailable { action: "switch to the write-ahead log", reason });
    }
    Ok(())
}

/// Whether the schema is this version's. A newer file, or one that is no store, is an error.
fn is_current(connection: &Connection, path: &Path) -> Result<bool> {
    let shown = || path.display().to_string();
    // The migration's own table comes first, in a transaction of its own: whoever is killed there
    // leaves it alone (`a_kill_while_migrating_leaves_a_file_that_opens`).
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' \
               AND name <> 'refinery_schema_history'";
    let tables: i64 = connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(failed("read the file"))
        .map_err(|error| in_file(error, path))?;
    if tables == 0 {
        return Ok(false);
    }
    let has_store: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'store'", [], |row| row.get(0))
        .map_err(failed("read the file"))?;
    if has_store == 0 {
        let reason = "it is a database, but not of this library".to_owned();
        return Err(Error::StorageCorrupt { path: shown(), reason });
    }
    let (schema, needed): (i64, i64) = connection
        .query_row("SELECT schema_version, min_writer_version FROM store", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .map_err(failed("read the versions"))?;
    let supported = schema_version();
    if needed > supported {
        return Err(Error::StorageNewer { path: shown(), needed, supported });
    }
    Ok(schema >= supported)
}

fn open(path: &Path, access: OpenFlags) -> Result<Connection> {
    // NO_MUTEX: every connection is used by one thread at a time.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(failed("open the file"))
        .map_err(|error| in_file(error, path))?;
    connection.set_prepared_statement_cache_capacity(128);
    // Without it SQLite compiles a statement anew whenever a parameter is bound that it compared
    // with the condition of a partial index: a check took 80 µs, nearly all of it compiling.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(failed("set up the connection"))?;
    Ok(connection)
}

/// The connection that writes.
pub(super) fn writer(path: &Path) -> Result<Connection> {
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut settings = || -> rusqlite::Result<()> {
        wait_for_writers(&mut connection)?;
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.pragma_update(None, "cache_size", -16_000)?;
        connection.pragma_update(None, "secure_delete", "on")?;
        // Rows refer to each other by ids that this library gives; `verify` checks them.
        connection.pragma_update(None, "foreign_keys", "off")?;
        // The log is written back by the `checkpoint` module.
        connection.pragma_update(None, "wal_autocheckpoint", 0)
    };
    settings().map_err(failed("set up the connection"))?;
    Ok(connection)
}

/// Waits a little for a writer that does not take the side lock, such as the `sqlite3` shell.
/// About a second in all; then the work waits in the queue and it is tried again.
pub(super) fn wait_for_writers(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_handler(Some(wait_for_foreign_writer))
}

fn wait_for_foreign_writer(attempt: i32) -> bool {
    std::thread::sleep(Duration::from_micros(500 + random_below(500)));
    attempt < 1000
}

/// Steps of one length can fall in with the other writer's time after time, and the number of the
/// process is no chance: in containers they are alike. So it is the system's.
fn random_below(bound: u64) -> u64 {
    RandomState::new().build_hasher().finish() % bound
}

/// A connection that reads, beside the writer.
pub(super) fn reader(path: &Path, options: &StoreOptions) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let settings = || -> rusqlite::Result<()> {
        connection.busy_timeout(Duration::from_millis(options.busy_timeout_ms))?;
        connection.pragma_update(None, "query_only", "on")?;
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.pragma_update(None, "cache_size", -4_000)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)
    };
    settings().map_err(failed("set up the connection"))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::random_below;

    #[test]
    fn pauses_differ_and_stay_below_their_bound() {
        let drawn: Vec<u64> = (0..100).map(|_| random_below(500)).collect();
        assert!(drawn.iter().all(|one| *one < 500), "{drawn:?}");
        assert!(drawn.iter().any(|one| *one != drawn[0]), "{drawn:?}");
    }
}
