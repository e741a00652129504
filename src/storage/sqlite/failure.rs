//! What can go wrong with a database, as the library's own errors.

use rusqlite::ErrorCode;

use crate::error::Error;

/// Turns what SQLite said while `action` was tried into an error of the table.
pub(super) fn failed(action: &'static str) -> impl Fn(rusqlite::Error) -> Error {
    move |error| translate(action, &error)
}

fn translate(action: &'static str, error: &rusqlite::Error) -> Error {
    let reason = error.to_string();
    // The index of the log could not grow, which is said as any other failure of the disk.
    let has_no_room = error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
    match error.sqlite_error_code() {
        _ if has_no_room => Error::StorageFull { action },
        Some(ErrorCode::DiskFull) => Error::StorageFull { action },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Error::StorageCorrupt { path: String::new(), reason }
        }
        // How long was waited is known to the caller, who puts it in.
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed,
        ) => Error::Overloaded { waited_ms: 0 },
        Some(ErrorCode::ConstraintViolation) => {
            Error::Internal { reason: format!("could not {action}: {reason}") }
        }
        _ => Error::StorageUnavailable { action, reason },
    }
}

/// Turns what the system said into an error of the table.
pub(super) fn io_failed(action: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |error| match error.kind() {
        std::io::ErrorKind::StorageFull => Error::StorageFull { action },
        _ => Error::StorageUnavailable { action, reason: error.to_string() },
    }
}

/// The same error, naming the file that is damaged.
pub(super) fn in_file(error: Error, path: &std::path::Path) -> Error {
    match error {
        Error::StorageCorrupt { reason, .. } => {
            Error::StorageCorrupt { path: path.display().to_string(), reason }
        }
        other => other,
    }
}
