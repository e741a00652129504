//! Events: what the store tells a host's log, through `tracing`.
//!
//! docs/operations.md lists every event and its fields, and a test compares them.

use std::path::Path;
use std::time::Duration;

use crate::error::Error;
use crate::storage::Check;

/// The target of these events, whatever the module that sends them is called.
const TARGET: &str = "alwrity_metering::store";

/// A file was opened by the first handle of this process.
pub(super) fn opened(path: &Path) {
    tracing::debug!(target: TARGET, path = %path.display(), "opened a store");
}

/// The tables were made, or brought to a newer schema.
pub(super) fn migrated(path: &Path, schema_version: i64) {
    tracing::info!(target: TARGET, path = %path.display(), schema_version, "migrated a store");
}

/// The last user of the file did not close it; what the check of the last calls found.
pub(super) fn unclean_end(check: &Check) {
    let found = check.found.as_str();
    if check.is_ok {
        tracing::info!(target: TARGET, found, "the last end was not clean");
    } else {
        tracing::error!(target: TARGET, found, "the last end left sums that are wrong");
    }
}

/// The last handle was closed while works waited that the store could not write.
pub(super) fn closed_with_works(works: usize) {
    tracing::error!(target: TARGET, works, "closed with works that could not be written");
}

/// A batch is on its way to the disk, or on it when `with_sync`.
pub(super) fn committed(works: usize, with_sync: bool, took: Duration) {
    let elapsed_us = micros(took);
    tracing::trace!(target: TARGET, works, with_sync, elapsed_us, "committed a batch");
}

/// A program that does not take our lock is writing.
pub(super) fn held_by_others(path: &Path) {
    let path = path.display();
    tracing::warn!(target: TARGET, %path, "another program holds the database");
}

/// An attempt failed and is repeated on a fresh connection, up to a bound.
pub(super) fn transaction_failed(error: &Error, attempt: u32) {
    let code = error.code();
    tracing::warn!(target: TARGET, code, %error, attempt, "a transaction failed");
}

/// Nothing could be begun: everything that waits is answered with the error.
pub(super) fn no_transaction(error: &Error) {
    let code = error.code();
    tracing::error!(target: TARGET, code, %error, "no transaction could begin");
}

/// A rule or a host's completion panicked; the writer goes on.
pub(super) fn panicked(place: &'static str) {
    tracing::error!(target: TARGET, place, "caught a panic");
}

/// The log was written back into the file.
pub(super) fn written_back(log_bytes: u64, mode: &'static str, took: Duration) {
    let elapsed_us = micros(took);
    tracing::debug!(target: TARGET, log_bytes, mode, elapsed_us, "wrote the log back");
}

/// The log could not be written back; it is tried again after the next batch.
pub(super) fn not_written_back(error: &Error) {
    let code = error.code();
    tracing::warn!(target: TARGET, code, %error, "the log could not be written back yet");
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
