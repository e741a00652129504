//! Sources: ALwrity's files, found and opened so that nothing of them is ever changed.
//!
//! A file is opened as immutable: SQLite takes no lock and leaves no `-wal` or `-shm` beside it.
//! Where a log lies beside it, newer rows are in that log; then both are copied and the copy is
//! read. `a_source_is_never_written` guards this.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::table::{Columns, Fields};
use crate::failure::Failure;

/// The tables that are read; a file without any of them is not ALwrity's.
pub(super) const TABLES: [&str; 6] = [
    "subscription_plans",
    "user_subscriptions",
    "subscription_renewal_history",
    "api_usage_logs",
    "usage_summaries",
    "usage_alerts",
];

/// How a file's name ends when a folder is searched.
const ENDINGS: [&str; 3] = ["db", "sqlite", "sqlite3"];

/// What SQLite keeps beside a file that was not closed.
const LOGS: [&str; 2] = ["-wal", "-journal"];

/// A path that is not read, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Skipped {
    pub(super) path: String,
    pub(super) reason: String,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) files: Vec<PathBuf>,
    pub(super) skipped: Vec<Skipped>,
}

/// Finds the files: each that is named, and those in each folder that is named.
pub(super) fn find(paths: &[PathBuf], store: &Path) -> Result<Found, Failure> {
    let store = fs::canonicalize(store).ok();
    let mut found = Found::default();
    for path in paths {
        let kind = fs::metadata(path).map_err(|error| Failure::file("open", path, &error))?;
        if kind.is_dir() {
            search(path, store.as_deref(), &mut found)?;
        } else {
            Source::open(path)?;
            found.files.push(path.clone());
        }
    }
    let mut seen = Vec::new();
    found.files.retain(|path| {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let is_new = !seen.contains(&real);
        seen.push(real);
        is_new
    });
    Ok(found)
}

/// Searches a folder and those in it, in the order of their names. Links are not followed.
fn search(folder: &Path, store: Option<&Path>, found: &mut Found) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| Failure::file("search", folder, error);
    let entries = fs::read_dir(folder).map_err(|error| failed(&error))?;
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed(&error))?;
        paths.push((entry.path(), entry.file_type().map_err(|error| failed(&error))?));
    }
    paths.sort_by(|one, other| one.0.cmp(&other.0));
    for (path, kind) in paths {
        if kind.is_dir() {
            search(&path, store, found)?;
            continue;
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if !ENDINGS.contains(&ending) {
            continue;
        }
        let reason = if !kind.is_file() {
            Some("it is a link".to_owned())
        } else if fs::canonicalize(&path).ok().as_deref() == store {
            Some("it is the store itself".to_owned())
        } else {
            Source::open(&path).err().map(|failure| failure.to_string())
        };
        match reason {
            None => found.files.push(path),
            Some(reason) => {
                found.skipped.push(Skipped { path: path.display().to_string(), reason });
            }
        }
    }
    Ok(())
}

/// How long a file was, and when it was written last, as it was opened.
type Stamp = Option<(u64, i64, i64)>;

fn stamp(path: &Path) -> Stamp {
    let meta = fs::metadata(path).ok()?;
    Some((meta.len(), meta.mtime(), meta.mtime_nsec()))
}

/// A file of ALwrity's that is being read.
pub(super) struct Source {
    path: PathBuf,
    connection: Connection,
    /// The copy that is read, if there is one.
    _copy: Option<TempDir>,
    stamp: Stamp,
}

impl Source {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let stamp = stamp(path);
        let (connection, copy) = if LOGS.iter().any(|log| has_content(&beside(path, log))) {
            let copy = copied(path).map_err(|error| Failure::file("copy", path, &error))?;
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            (Connection::open_with_flags(copy.path().join(COPY), flags), Some(copy))
        } else {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            (Connection::open_with_flags(immutable(path), flags), None)
        };
        let connection = connection.map_err(|error| unreadable(path, &error))?;
        let source = Self { path: path.to_owned(), connection, _copy: copy, stamp };
        let mut is_known = false;
        for table in TABLES {
            is_known |= source.has_table(table)?;
        }
        if is_known {
            return Ok(source);
        }
        Err(Failure::other_with_hint(
            format!("`{}` has none of ALwrity's tables", path.display()),
            "name a file with `api_usage_logs`, `usage_summaries` or `user_subscriptions`",
        ))
    }

    /// Whether somebody wrote to the file since it was opened.
    pub(super) fn has_changed(&self) -> bool {
        self.stamp != stamp(&self.path)
    }

    fn has_table(&self, table: &str) -> Result<bool, Failure> {
        let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";
        let count: Result<i64, _> = self.connection.query_row(sql, [table], |row| row.get(0));
        count.map(|count| count > 0).map_err(|error| unreadable(&self.path, &error))
    }

    /// How many rows a table has; 0 when it is not there.
    pub(super) fn count(&self, table: &str) -> Result<u64, Failure> {
        if !self.has_table(table)? {
            return Ok(0);
        }
        let sql = format!("SELECT count(*) FROM {table}");
        let count: Result<i64, _> = self.connection.query_row(&sql, [], |row| row.get(0));
        let count = count.map_err(|error| unreadable(&self.path, &error))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The users that a table has rows of.
    pub(super) fn users(&self, table: &str) -> Result<BTreeSet<String>, Failure> {
        if !self.has_table(table)? {
            return Ok(BTreeSet::new());
        }
        let failed = |error: rusqlite::Error| unreadable(&self.path, &error);
        let sql = format!("SELECT DISTINCT trim(user_id) FROM {table} WHERE user_id IS NOT NULL");
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let users = statement.query_map([], |row| row.get(0)).map_err(failed)?;
        users.collect::<rusqlite::Result<_>>().map_err(failed)
    }

    /// Shows every row of a table, in the order that they were written in.
    pub(super) fn each(
        &self,
        table: &str,
        mut visit: impl FnMut(&Fields<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if !self.has_table(table)? {
            return Ok(());
        }
        let failed = |error: rusqlite::Error| unreadable(&self.path, &error);
        let sql = format!("SELECT * FROM {table} ORDER BY rowid");
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let names = statement.column_names();
        let columns: Columns =
            (0..).zip(names).map(|(place, name)| (name.to_lowercase(), place)).collect();
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            visit(&Fields::new(&columns, row))?;
        }
        Ok(())
    }
}

/// The name of the copy in its folder.
const COPY: &str = "copy.db";

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn has_content(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.len() > 0)
}

/// A copy of a file and its log, in a folder that goes away with it.
fn copied(path: &Path) -> std::io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join(COPY);
    fs::copy(path, &copy)?;
    for log in LOGS {
        if has_content(&beside(path, log)) {
            fs::copy(beside(path, log), beside(&copy, log))?;
        }
    }
    Ok(folder)
}

/// The name by which SQLite opens a file and believes that nobody writes to it.
fn immutable(path: &Path) -> String {
    let escaped = |byte: &u8| match *byte {
        byte if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    let name: String = path.as_os_str().as_encoded_bytes().iter().map(escaped).collect();
    format!("file:{name}?immutable=1")
}

fn unreadable(path: &Path, error: &rusqlite::Error) -> Failure {
    let name = path.display();
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => Failure::other_with_hint(
            format!("`{name}` is no SQLite database"),
            "name ALwrity's database files, or a folder that holds them",
        ),
        _ => Failure::other(format!("could not read `{name}`: {error}")),
    }
}
