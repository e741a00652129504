//! The writer: one thread a process that runs all waiting works in one transaction.
//!
//! Its turn: take the side lock, look whether the file is still ours, begin, take what waits (at
//! most 256), run each, commit, let go of the lock, answer. It never sleeps to fill a batch.
//! Works leave the queue only after the transaction has begun, so that a caller who has waited
//! too long can still take its work back. A work that nobody waits for goes back into the queue
//! when the store fails for a while; it is given up, logged and counted, after a minute.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::checkpoint::Checkpointer;
use super::connection::writer;
use super::engine::Engine;
use super::events;
use super::failure::{failed, in_file};
use super::file::{Identity, beside};
use super::queue::{BATCH_MAX, Turnout, Waiting};
use super::read::Session;
use super::syscalls::fork::generation;
use super::transaction::{Failure, Transaction};
use crate::error::{Error, Result};
use crate::storage::Synchronous;

/// How often a batch is tried again on a fresh connection before its works are given up.
const ATTEMPTS_MAX: u32 = 3;

/// How often a work that nobody waits for is tried again, and how often once the store closes.
const RETRIES_MAX: u32 = 60;
const RETRIES_AT_CLOSE_MAX: u32 = 3;
/// What lies beside the file for as long as a connection is open: the log, and its index.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];
/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    // Ends before the session: the last connection to close is the writer's.
    checkpointer: Checkpointer,
    engine: Arc<Engine>,
    session: Option<Session>,
    /// The log that the session writes to, and its index, once it has begun.
    companions: Option<[Option<Identity>; 2]>,
    is_full_sync: bool,
}

/// What became of one work of a batch.
type Outcome = Result<()>;

impl Writer {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        let checkpointer = Checkpointer::new();
        Self { checkpointer, engine, session: None, companions: None, is_full_sync: true }
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let process = generation();
        let mut failures_in_a_row = 0;
        while let Turnout::Work { needs_sync } = self.engine.queue.wait() {
            let is_well = self.turn(needs_sync).unwrap_or_else(|error| {
                events::no_transaction(&error);
                let waiting = self.engine.queue.drain();
                let outcomes = vec![Err(error); waiting.len()];
                self.answer(waiting, outcomes)
            });
            if process != generation() {
                // Whoever took an answer has forked, and this is the child: nothing is ours.
                std::mem::forget(self);
                return;
            }
            failures_in_a_row = if is_well { 0 } else { failures_in_a_row + 1 };
            if !is_well {
                let pause = Duration::from_millis(10 << failures_in_a_row.min(7));
                self.engine.queue.rest(pause.min(PAUSE_MAX));
            }
        }
    }

    /// Hands out the outcomes. Works that nobody waits for and that may succeed later go back
    /// into the queue; then it is false.
    fn answer(&self, batch: Vec<Waiting>, outcomes: Vec<Outcome>) -> bool {
        let is_closed = self.engine.queue.is_closed();
        let retries_max = if is_closed { RETRIES_AT_CLOSE_MAX } else { RETRIES_MAX };
        let mut put_back = Vec::new();
        for (mut waiting, outcome) in batch.into_iter().zip(outcomes) {
            let may_succeed = outcome.as_ref().is_err_and(Error::is_retryable);
            if may_succeed && !waiting.work.is_awaited() && waiting.failures < retries_max {
                waiting.failures += 1;
                put_back.push(waiting);
            } else {
                finish(waiting, outcome);
            }
        }
        let is_well = put_back.is_empty();
        self.engine.queue.put_back(put_back);
        is_well
    }

    /// One turn; false when works have to be tried again. An error means that no work was begun.
    fn turn(&mut self, needs_sync: bool) -> Result<bool> {
        let engine = Arc::clone(&self.engine);
        let lock = engine.lock.turn()?;
        self.check_files()?;
        if let Some(session) = &mut self.session {
            self.checkpointer.in_turn(&mut session.connection);
        }
        let with_sync = needs_sync && engine.options.synchronous == Synchronous::Full;
        if !self.begin(with_sync)? {
            // A writer that does not take our lock is at work: the works stay in the queue,
            // where their callers can take them back.
            events::held_by_others(&engine.path);
            return Ok(true);
        }
        let started = Instant::now();
        let mut batch = engine.queue.take(needs_sync, BATCH_MAX);
        let mut outcomes = self.commit_batch(&mut batch, with_sync);
        drop(lock);
        events::committed(batch.len(), with_sync, started.elapsed());
        // Once more before anything is acknowledged: it may have been taken away meanwhile.
        if let Err(error) = self.check_files() {
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_ok()) {
                *outcome = Err(error.clone());
            }
        }
        let is_well = self.answer(batch, outcomes);
        self.checkpointer.after_commit(&engine.path);
        Ok(is_well)
    }

    /// Looks whether the file, its log and the log's index are still the ones that were opened.
    /// Nobody but the last connection may delete those, and ours is open. Whoever opened the file
    /// without the index made another one, and neither of us sees what the other commits: we
    /// would write over it (`a_deleted_index_is_noticed_before_another_process_is_overwritten`).
    fn check_files(&mut self) -> Result<()> {
        self.engine.check_identity()?;
        let Some(opened) = self.companions else { return Ok(()) };
        for (suffix, was) in COMPANIONS.into_iter().zip(opened) {
            if Identity::of(&beside(&self.engine.path, suffix))? != was {
                return Err(self.engine.lose(suffix));
            }
        }
        Ok(())
    }

    fn look_at_companions(&self) -> Result<[Option<Identity>; 2]> {
        let identity = |suffix| Identity::of(&beside(&self.engine.path, suffix));
        let [log, index] = COMPANIONS.map(identity);
        Ok([log?, index?])
    }

    fn close_session(&mut self) {
        self.session = None;
        self.companions = None;
    }

    /// Begins the transaction; false when another writer holds the database.
    fn begin(&mut self, with_sync: bool) -> Result<bool> {
        if self.session.is_none() {
            let path = &self.engine.path;
            let mut connection = writer(path)?;
            let watched = self.checkpointer.pages.watch(&mut connection);
            watched.map_err(failed("watch the log"))?;
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
            Ok(_) => {
                if self.companions.is_none() {
                    self.companions = Some(self.look_at_companions()?);
                }
                Ok(true)
            }
            Err(error) if is_busy(&error) => Ok(false),
            Err(error) => {
                self.close_session();
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
                    self.close_session();
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
        let mut failed: Option<Error> = None;
        for waiting in batch {
            if let Some(error) = &failed {
                // They keep their order: `flush` must not overtake what it waits for.
                outcomes.push(Err(error.clone()));
                continue;
            }
            let outcome = match self.begin(with_sync) {
                Ok(true) => self.commit_batch(std::slice::from_mut(waiting), with_sync).pop(),
                Ok(false) => Some(Err(Error::Overloaded { waited_ms: 1000 })),
                Err(error) => Some(Err(error)),
            };
            let outcome = outcome.unwrap_or(Ok(()));
            failed = outcome.as_ref().err().filter(|error| error.is_retryable()).cloned();
            outcomes.push(outcome);
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
            self.close_session();
        }
        self.engine.forget_catalogue();
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
