//! Answers that come later: for hosts with an event loop, where nobody may wait.
//!
//! Each verb checks its input at the door and returns at once. Its function takes the answer, on
//! the store's thread: it must be quick, and it must not wait. While the queue is full the verb
//! is `overloaded` at once; nothing happened, and the host tries again.

use std::time::Instant;

use super::job::Completion;
use super::record::entry_work;
use super::{Meter, events};
use crate::domain::call::{CallOutcome, CallRecord, CallRequest};
use crate::domain::key::CallKey;
use crate::domain::name;
use crate::error::{Error, Result};
use crate::meter::receipt::{Receipt, ReleaseStatus, Reservations};
use crate::storage::{Ticket, Work};

/// A work that was started and whose answer will come.
#[derive(Clone, Debug)]
pub struct Pending {
    ticket: Ticket,
    key: String,
    since: Instant,
}

impl Pending {
    /// The key to repeat it with when no answer comes.
    pub fn idempotency_key(&self) -> &str {
        &self.key
    }

    /// When it was started.
    pub const fn since(&self) -> Instant {
        self.since
    }

    /// The error of a host that waits no longer for the answer: it may still come true.
    pub fn outcome_unknown(&self) -> Error {
        Error::OutcomeUnknown { key: self.key.clone() }
    }
}

impl Meter {
    /// Starts what [`Meter::record_call`] does.
    ///
    /// # Errors
    /// `invalid_*` for bad input, and `overloaded` while the queue is full.
    ///
    /// # Example
    /// ```
    /// use std::sync::mpsc::channel;
    /// use alwrity_metering::{CallRecord, Meter, Options, Usage};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("metering.db");
    /// let meter = Meter::open(&path, Options::default())?;
    /// meter.seed("default")?;
    /// let (sender, answers) = channel();
    /// let call = CallRecord::new("u1", "openai", "gpt-4o-mini", Usage::tokens(374, 44));
    /// meter.record_call_then(&call, move |answer| drop(sender.send(answer)))?;
    /// assert_eq!(answers.recv().unwrap()?.cost_usd.unwrap().to_string(), "0.0000825");
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn record_call_then(
        &self,
        record: &CallRecord,
        then: impl FnOnce(Result<Receipt>) + Send + 'static,
    ) -> Result<Pending> {
        let entry = self.entry(record)?;
        let key = entry.key_text.clone();
        let completion = self.told(&key, events::recorded, then);
        self.begin(key, entry_work(entry, true, completion))
    }

    /// Starts what [`Meter::reserve_all`] does. A host that has no use any more for a hold that
    /// was granted gives it back by [`Meter::release_then`].
    ///
    /// # Errors
    /// `invalid_*` for bad input, and `overloaded` while the queue is full.
    pub fn reserve_all_then(
        &self,
        requests: &[CallRequest],
        then: impl FnOnce(Result<Reservations>) + Send + 'static,
    ) -> Result<Pending> {
        let wish = self.wish(requests)?;
        let key = wish.first_key();
        let completion = self.told(&key, events::reserved, then);
        self.begin(key, wish.work(completion))
    }

    /// Starts what [`Meter::settle`] does.
    ///
    /// # Errors
    /// `invalid_*` for bad input, and `overloaded` while the queue is full.
    pub fn settle_then(
        &self,
        user: &str,
        hold_id: CallKey,
        outcome: &CallOutcome,
        then: impl FnOnce(Result<Receipt>) + Send + 'static,
    ) -> Result<Pending> {
        let settlement = self.settlement(user, hold_id, outcome)?;
        let key = hold_id.to_string();
        let completion = self.told(&key, events::recorded, then);
        self.begin(key, self.settlement_work(settlement, true, completion))
    }

    /// Starts what [`Meter::release`] does.
    ///
    /// # Errors
    /// `invalid_*` for bad input, and `overloaded` while the queue is full.
    pub fn release_then(
        &self,
        user: &str,
        hold_id: CallKey,
        then: impl FnOnce(Result<ReleaseStatus>) + Send + 'static,
    ) -> Result<Pending> {
        let user = name::user(user)?;
        let key = hold_id.to_string();
        let completion = self.told(&key, |_| (), then);
        self.begin(key, self.release_work(user, hold_id, true, completion))
    }

    /// Takes back what was started, if it has not begun: then nothing happens and no answer
    /// comes. False when it has begun or is done: then the answer comes, or came.
    pub fn take_back(&self, pending: &Pending) -> bool {
        self.inner.store.cancel(pending.ticket)
    }

    fn begin(&self, key: String, work: Box<dyn Work>) -> Result<Pending> {
        let since = Instant::now();
        self.inner.store.submit_at_once(work).map(|ticket| Pending { ticket, key, since })
    }

    /// Hands the answer on, once it is logged and the operator's alerts know of it.
    fn told<T: Send + 'static>(
        &self,
        key: &str,
        log: impl FnOnce(&T) + Send + 'static,
        then: impl FnOnce(Result<T>) + Send + 'static,
    ) -> Completion<T> {
        let (meter, key) = (self.clone(), key.to_owned());
        Box::new(move |outcome| {
            let outcome = match outcome {
                // The store does not know the keys.
                Err(Error::OutcomeUnknown { .. }) => Err(Error::OutcomeUnknown { key }),
                other => other,
            };
            match &outcome {
                Ok(answer) => {
                    meter.report_failure();
                    log(answer);
                }
                Err(error) => meter.note_failure(error),
            }
            then(outcome);
        })
    }
}
