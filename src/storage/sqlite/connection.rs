//! Connections: opening the database, bringing it to this version, and its settings.

use std::path::Path;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::events;
use super::failure::{failed, in_file};
use super::file::SideLock;
use crate::error::{Error, Result};

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

/// Threads of one process open one at a time; processes take turns by the side lock.
static OPENING: Mutex<()> = Mutex::new(());

/// Brings the file to this version's schema and switches it to the write-ahead log.
///
/// refinery takes no lock of its own: without turns, most first opens by several threads fail.
pub(super) fn migrate(path: &Path, lock: &SideLock) -> Result<()> {
    let _one_thread = OPENING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let _one_process = lock.turn()?;
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection
        .busy_timeout(Duration::from_secs(30))
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
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'table'", [], |row| row.get(0))
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
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The connection that writes.
pub(super) fn writer(path: &Path) -> Result<Connection> {
    let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut settings = || -> rusqlite::Result<()> {
        connection.busy_handler(Some(wait_for_foreign_writer))?;
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.pragma_update(None, "cache_size", -16_000)?;
        connection.pragma_update(None, "secure_delete", "on")?;
        // Rows refer to each other by ids that this library gives; `verify` checks them.
        connection.pragma_update(None, "foreign_keys", "off")?;
        // The writer checkpoints between its turns, see `checkpoint`.
        connection.pragma_update(None, "wal_autocheckpoint", 0)
    };
    settings().map_err(failed("set up the connection"))?;
    Ok(connection)
}

/// Waits a little for a writer that does not take the side lock, such as the `sqlite3` shell.
/// About a second in all; then the work waits in the queue and it is tried again.
fn wait_for_foreign_writer(attempt: i32) -> bool {
    let jitter = Instant::now().elapsed().subsec_nanos() % 500;
    std::thread::sleep(Duration::from_micros(500 + u64::from(jitter)));
    attempt < 1000
}

/// A connection that reads, beside the writer.
pub(super) fn reader(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let settings = || -> rusqlite::Result<()> {
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "query_only", "on")?;
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.pragma_update(None, "cache_size", -4_000)?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)
    };
    settings().map_err(failed("set up the connection"))?;
    Ok(connection)
}

/// The log is written back without stopping anybody from this size on, in bytes.
const CHECKPOINT_FROM: u64 = 16 << 20;
/// From this size on it is also cut, or it would grow for as long as somebody writes.
const TRUNCATE_FROM: u64 = 64 << 20;

/// Writes the log back when it is large. Called between turns, without the side lock: SQLite lets
/// one connection at a time do it, and another writer goes on or waits its own short while.
pub(super) fn checkpoint(connection: &Connection, path: &Path) -> Result<()> {
    let log = super::file::beside(path, "-wal");
    let size = std::fs::metadata(log).map_or(0, |found| found.len());
    let mode = match size {
        TRUNCATE_FROM.. => "TRUNCATE",
        CHECKPOINT_FROM.. => "PASSIVE",
        _ => return Ok(()),
    };
    let started = Instant::now();
    let action = "write the log back";
    let is_blocked: bool = connection
        .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(0))
        .map_err(failed(action))?;
    if is_blocked {
        let reason = "somebody still reads it, or writes".to_owned();
        return Err(Error::StorageUnavailable { action, reason });
    }
    events::written_back(size, mode, started.elapsed());
    Ok(())
}
