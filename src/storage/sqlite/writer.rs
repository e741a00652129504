//! The writer: one thread a process that runs all waiting works in one transaction.
//!
//! Its turn: take the side lock, look whether the file is still ours, begin, take what waits (at
//! most 256), run each, commit, let go of the lock, answer. It never sleeps to fill a batch.
//! Works leave the queue only after the transaction has begun, so that a caller who has waited
//! too long can still take its work back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::connection::{checkpoint, writer};
use super::engine::Engine;
use super::events;
use super::failure::{failed, in_file};
use super::file::Identity;
use super::queue::{BATCH_MAX, Turnout, Waiting};
use super::read::Session;
use super::transaction::{Failure, Transaction};
use crate::error::{Error, Result};
use crate::storage::Synchronous;

/// How often a batch is tried again on a fresh connection before its works are given up.
const ATTEMPTS_MAX: u32 = 3;

pub(super) struct Writer {
    engine: Arc<Engine>,
    session: Option<Session>,
    is_full_sync: bool,
}

/// What became of one work of a batch.
type Outcome = Result<()>;

impl Writer {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        Self { engine, session: None, is_full_sync: true }
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        while let Turnout::Work { needs_sync } = self.engine.queue.wait() {
            if let Err(error) = self.turn(needs_sync) {
                events::no_transaction(&error);
                for waiting in self.engine.queue.drain() {
                    finish(waiting, Err(error.clone()));
                }
            }
        }
    }

    /// One turn. An error means that no work was begun.
    fn turn(&mut self, needs_sync: bool) -> Result<()> {
        let engine = Arc::clone(&self.engine);
        let lock = engine.lock.turn()?;
        self.check_identity()?;
        let with_sync = needs_sync && engine.options.synchronous == Synchronous::Full;
        if !self.begin(with_sync)? {
            // A writer that does not take our lock is at work: the works stay in the queue,
            // where their callers can take them back.
            events::held_by_others(&engine.path);
            return Ok(());
        }
        let started = Instant::now();
        let mut batch = engine.queue.take(needs_sync, BATCH_MAX);
        let outcomes = self.commit_batch(&mut batch, with_sync);
        drop(lock);
        events::committed(batch.len(), with_sync, started.elapsed());
        for (waiting, outcome) in batch.into_iter().zip(outcomes) {
            finish(waiting, outcome);
        }
        self.write_log_back();
        Ok(())
    }

    fn check_identity(&self) -> Result<()> {
        let path = &self.engine.path;
        if Identity::of(path)? == Some(self.engine.identity) {
            return Ok(());
        }
        Err(Error::StorageReplaced { path: path.display().to_string() })
    }

    /// Begins the transaction; false when another writer holds the database.
    fn begin(&mut self, with_sync: bool) -> Result<bool> {
        if self.session.is_none() {
            let path = &self.engine.path;
            let connection = writer(path)?;
            let session = Session::new(connection).map_err(failed("read the names"))?;
            self.session = Some(session);
            self.is_full_sync = false;
            self.set_sync(true)?;
        }
        if self.is_full_sync != with_sync {
            self.set_sync(with_sync)?;
        }
        let Some(session) = &self.session else { return Ok(false) };
        let begun = session
            .connection
            .prepare_cached("BEGIN IMMEDIATE")
            .and_then(|mut statement| statement.execute([]));
        match begun {
            Ok(_) => Ok(true),
            Err(error) if is_busy(&error) => Ok(false),
            Err(error) => {
                self.session = None;
                Err(in_file(failed("begin a transaction")(error), &self.engine.path))
            }
        }
    }

    /// It is refused inside a transaction, so it is set before each that differs.
    fn set_sync(&mut self, is_full: bool) -> Result<()> {
        if let Some(session) = &self.session {
            let level = if is_full { "full" } else { "normal" };
            session
                .connection
                .pragma_update(None, "synchronous", level)
                .map_err(failed("set the durability"))?;
            self.is_full_sync = is_full;
        }
        Ok(())
    }

    /// Runs and commits a batch inside the transaction that was begun, trying again on a fresh
    /// connection; an outcome for each work.
    fn commit_batch(&mut self, batch: &mut [Waiting], with_sync: bool) -> Vec<Outcome> {
        let mut may_be_committed = false;
        let mut last = Error::Internal { reason: "a batch without an attempt".into() };
        for attempt in 0..ATTEMPTS_MAX {
            if attempt > 0 && !self.begin(with_sync).unwrap_or(false) {
                continue;
            }
            match self.attempt(batch) {
                Ok(outcomes) => return outcomes,
                Err(Failure::Rejected(_)) if batch.len() > 1 => {
                    self.roll_back();
                    return self.one_by_one(batch, with_sync);
                }
                Err(Failure::Rejected(error)) => {
                    self.roll_back();
                    return vec![Err(error)];
                }
                Err(Failure::Broken { error, in_commit }) => {
                    may_be_committed |= in_commit;
                    events::transaction_failed(&error, attempt);
                    last = in_file(error, &self.engine.path);
                    // The connection may be in any state: the next attempt takes a fresh one.
                    self.session = None;
                }
            }
        }
        let given_up = |_: &Waiting| {
            Err(if may_be_committed {
                Error::OutcomeUnknown { key: String::new() }
            } else {
                last.clone()
            })
        };
        batch.iter().map(given_up).collect()
    }

    /// The works one at a time: one of them cannot be written, and it must not take the others
    /// with it.
    fn one_by_one(&mut self, batch: &mut [Waiting], with_sync: bool) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for waiting in batch {
            let outcome = match self.begin(with_sync) {
                Ok(true) => self.commit_batch(std::slice::from_mut(waiting), with_sync).pop(),
                Ok(false) => Some(Err(Error::Overloaded { waited_ms: 1000 })),
                Err(error) => Some(Err(error)),
            };
            outcomes.push(outcome.unwrap_or(Ok(())));
        }
        outcomes
    }

    fn attempt(&mut self, batch: &mut [Waiting]) -> Result<Vec<Outcome>, Failure> {
        let missing = || {
            Failure::broken(Error::Internal { reason: "a transaction without a connection".into() })
        };
        let session = self.session.as_mut().ok_or_else(missing)?;
        let mut transaction = Transaction::new(session, &self.engine);
        let mut outcomes = Vec::with_capacity(batch.len());
        for waiting in batch.iter_mut() {
            let run = catch_unwind(AssertUnwindSafe(|| transaction.run(waiting.work.as_mut())));
            outcomes.push(match run {
                Ok(Ok(())) => Ok(()),
                Ok(Err(Failure::Rejected(error))) if !transaction.has_partial_writes() => {
                    Err(error)
                }
                Ok(Err(failure)) => return Err(failure),
                Err(_) => {
                    events::panicked("a rule");
                    let reason = "a rule panicked; nothing of its work was written".into();
                    Err(Error::Internal { reason })
                }
            });
        }
        transaction.commit()?;
        Ok(outcomes)
    }

    fn roll_back(&mut self) {
        let Some(session) = &mut self.session else { return };
        let is_clean = session.connection.execute_batch("ROLLBACK").is_ok();
        if !is_clean || session.forget().is_err() {
            self.session = None;
        }
        self.engine.forget_catalogue();
    }

    /// After the answers: nobody waits for it.
    fn write_log_back(&self) {
        let Some(session) = &self.session else { return };
        if let Err(error) = checkpoint(&session.connection, &self.engine.path) {
            events::not_written_back(&error);
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
    )
}

/// Hands a work its outcome. What its caller does with it is none of the writer's business.
fn finish(waiting: Waiting, outcome: Outcome) {
    let Waiting { work, .. } = waiting;
    if catch_unwind(AssertUnwindSafe(|| work.finish(outcome))).is_err() {
        events::panicked("taking an answer");
    }
}
