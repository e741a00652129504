//! Checkpoints: writing the log back into the database, so that it stays small.
//!
//! Writing back in the writer's turn would stall every caller for as long as it takes (85 ms at
//! the 99th percentile). So a thread of its own does the bulk of it beside the writer, on its own
//! connection, and stops nobody. Under steady load it never reaches the end of the log, and
//! SQLite begins the log anew only when all of it is written back: so the writer, in its turn,
//! where nobody else writes, adds the pages that came since. That stalls, so it is done seldom,
//! when the log has reached [`FINISH_FROM`], and right after the thread has come as near to the
//! end as it can. What it costs is in docs/reliability.md. Readers of old snapshots can hold the
//! log; past [`TRUNCATE_FROM`] the writer waits for them a little and cuts it.
//! Guarded by `the_log_stays_bounded_under_load_with_readers`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::connection::writer;
use super::events;
use super::failure::failed;
use crate::error::{Error, Result};

const PAGE_BYTES: u64 = 4096;
/// The log is written back each time it has grown by this many pages of 4 KiB: 16 MiB.
const BACKFILL_PAGES: i32 = 4_000;
/// From this many pages on the writer finishes it, so that it begins anew: 48 MiB.
const FINISH_FROM: i32 = 12_000;
/// Not much: about what one transaction of many users writes.
const NEARLY_NONE: i64 = 500;
/// From this many pages on it is cut: 64 MiB.
const TRUNCATE_FROM: i32 = 16_000;
/// How long the writer waits for readers of old snapshots when it cuts the log.
const READERS_PATIENCE: Duration = Duration::from_millis(20);

/// How many pages the log has, as the last commit of this process told.
#[derive(Clone, Debug, Default)]
pub(super) struct LogPages(Arc<AtomicI32>);

impl LogPages {
    /// Has a connection tell the number after each of its commits.
    pub(super) fn watch(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let pages = Arc::clone(&self.0);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count| {
            pages.store(count, Ordering::Release);
            Ok(())
        }))
    }

    fn count(&self) -> i32 {
        self.0.load(Ordering::Acquire)
    }
}

/// The thread that writes back, and when it is due.
pub(super) struct Checkpointer {
    pub(super) pages: LogPages,
    /// The size of the log at which the next step is due.
    due_from: i32,
    worker: Option<Worker>,
}

struct Worker {
    wake: Option<SyncSender<()>>,
    is_done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(super) fn new() -> Self {
        Self { pages: LogPages::default(), due_from: BACKFILL_PAGES, worker: None }
    }

    /// After the answers: wakes the thread when the log has grown enough.
    pub(super) fn after_commit(&mut self, path: &Path) {
        let pages = self.pages.count();
        if pages + BACKFILL_PAGES < self.due_from {
            // It was begun anew.
            self.due_from = BACKFILL_PAGES;
        }
        if pages < self.due_from {
            return;
        }
        let worker = self.worker.get_or_insert_with(|| Worker::start(path, self.pages.clone()));
        if let Some(wake) = &worker.wake {
            // Full when it is at work already.
            let _ = wake.try_send(());
        }
        self.due_from = pages.saturating_add(BACKFILL_PAGES);
    }

    /// In the writer's turn, before it begins: finishes what the thread has done the bulk of.
    pub(super) fn in_turn(&self, connection: &mut Connection) {
        let Some(worker) = &self.worker else { return };
        let pages = self.pages.count();
        if !worker.is_done.swap(false, Ordering::AcqRel) || pages < FINISH_FROM {
            return;
        }
        let mode = if pages >= TRUNCATE_FROM { "TRUNCATE" } else { "PASSIVE" };
        if let Err(error) = finish(connection, mode) {
            events::not_written_back(&error);
        }
    }
}

fn finish(connection: &mut Connection, mode: &'static str) -> Result<()> {
    let done = connection
        .busy_timeout(READERS_PATIENCE)
        .map_err(failed("set up the connection"))
        .and_then(|()| run(connection, mode).map(drop));
    super::connection::wait_for_writers(connection).map_err(failed("set up the connection"))?;
    done
}

/// Writes back what it can; up to which page of the log.
fn run(connection: &Connection, mode: &'static str) -> Result<i64> {
    let (action, started) = ("write the log back", Instant::now());
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let (is_blocked, pages, written): (bool, i64, i64) = connection
        .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .map_err(failed(action))?;
    if is_blocked {
        let reason = "somebody still reads it, or writes it back too".to_owned();
        return Err(Error::StorageUnavailable { action, reason });
    }
    let log_bytes = u64::try_from(pages).unwrap_or_default().saturating_mul(PAGE_BYTES);
    events::written_back(log_bytes, mode, started.elapsed());
    Ok(written)
}

/// Comes as near to the end of the log as it can while others write: each pass leaves what came
/// in the meantime, until that is little or becomes no less.
fn run_beside(connection: &Connection, pages: &LogPages) -> Result<()> {
    let mut left_before = i64::MAX;
    loop {
        let written = run(connection, "PASSIVE")?;
        let left = i64::from(pages.count()) - written;
        let is_near = left < NEARLY_NONE || left > left_before / 2;
        if is_near || pages.count() < FINISH_FROM {
            return Ok(());
        }
        left_before = left;
    }
}

impl Worker {
    fn start(path: &Path, pages: LogPages) -> Self {
        let (wake, woken) = sync_channel(1);
        let is_done = Arc::new(AtomicBool::new(false));
        let (path, done) = (path.to_owned(), Arc::clone(&is_done));
        let thread = std::thread::Builder::new()
            .name("alwrity-checkpoint".to_owned())
            .spawn(move || write_back(&path, &pages, &woken, &done));
        let no_thread = |error: &std::io::Error| {
            let (action, reason) = ("start the checkpointer", error.to_string());
            events::not_written_back(&Error::StorageUnavailable { action, reason });
        };
        let thread = thread.inspect_err(no_thread);
        Self { wake: Some(wake), is_done, thread: thread.ok() }
    }
}

fn write_back(path: &Path, pages: &LogPages, woken: &Receiver<()>, is_done: &AtomicBool) {
    let mut connection = None;
    while woken.recv().is_ok() {
        let written = match connection.take().map_or_else(|| writer(path), Ok) {
            Ok(opened) => {
                let written = run_beside(&opened, pages);
                connection = Some(opened);
                written
            }
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            events::not_written_back(&error);
            connection = None;
        }
        // Even then: what the writer does in its turn keeps the log bounded.
        is_done.store(true, Ordering::Release);
    }
}

impl Drop for Worker {
    /// Ends the thread: its connection closes before the writer's.
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
