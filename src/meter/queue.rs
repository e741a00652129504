//! Queueing: for hosts that may not wait, such as middleware after its answer.
//!
//! A queued record or settlement is checked at the door and answered at once; it is committed in
//! the order of the queue, soon after. While the store fails it is tried again, up to a minute;
//! what fails in the end is logged with its key and counted.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::job::Completion;
use super::receipt::ReleaseStatus;
use super::{Meter, events};
use crate::domain::call::{CallOutcome, CallRecord};
use crate::domain::key::CallKey;
use crate::domain::name;
use crate::error::Result;

impl Meter {
    /// Queues a record and returns its idempotency key at once; [`Meter::flush`] waits for the
    /// commit. For hosts that may not wait. Bad input is still answered here. While the store
    /// fails it is tried again, up to a minute; what fails in the end is logged and counted by
    /// [`Meter::queued_failures`].
    ///
    /// # Errors
    /// `invalid_*` for bad input; `overloaded` when the queue is full for `busy_timeout_ms`.
    pub fn queue_call(&self, record: &CallRecord) -> Result<String> {
        let entry = self.entry(record)?;
        let key = entry.key_text.clone();
        let completion = self.unattended(key.clone(), events::recorded);
        self.submit_entry(entry, false, completion)?;
        Ok(key)
    }

    /// Queues what [`Meter::settle`] does and returns at once; [`Meter::flush`] waits for the
    /// commit. The settlement is late or not by the instant of this call, not of its commit.
    ///
    /// Whatever only the store can tell, such as a hold that is unknown or was settled with other
    /// content, is logged under the hold's id and counted by [`Meter::queued_failures`]. Settling
    /// again with the same content is always safe.
    ///
    /// # Errors
    /// `invalid_*` for bad input; `overloaded` when the queue is full for `busy_timeout_ms`.
    ///
    /// # Example
    /// ```
    /// use alwrity_metering::{CallRequest, Meter, Options, Reservation, Usage};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("metering.db");
    /// let meter = Meter::open(&path, Options::default())?;
    /// meter.seed("default")?;
    /// let request = CallRequest::new("u1", "gemini", "gemini-2.5-flash").with_tokens(900, 800);
    /// if let Reservation::Granted(hold) = meter.reserve(&request)? {
    ///     // … make the call, answer the user …
    ///     meter.queue_settle("u1", hold.hold_id, &Usage::tokens(900, 512).into())?;
    /// }
    /// meter.flush()?; // before the host ends, or before it reads
    /// assert_eq!(meter.usage_summary("u1", &"current".parse()?)?.total_tokens, 1412);
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn queue_settle(&self, user: &str, hold_id: CallKey, outcome: &CallOutcome) -> Result<()> {
        let settlement = self.settlement(user, hold_id, outcome)?;
        let completion = self.unattended(hold_id.to_string(), events::recorded);
        self.inner.store.submit(self.settlement_work(settlement, false, completion)).map(drop)
    }

    /// Queues what [`Meter::release`] does and returns at once: the call was not made. A hold that
    /// is unknown or was settled meanwhile is logged and counted by [`Meter::queued_failures`].
    ///
    /// # Errors
    /// `invalid_name`; `overloaded` when the queue is full for `busy_timeout_ms`.
    pub fn queue_release(&self, user: &str, hold_id: CallKey) -> Result<()> {
        let user = name::user(user)?;
        let completion = self.unattended(hold_id.to_string(), |_: &ReleaseStatus| ());
        self.inner.store.submit(self.release_work(user, hold_id, false, completion)).map(drop)
    }

    /// Waits until everything that was queued before is committed.
    ///
    /// # Errors
    /// `overloaded` when that takes longer than `busy_timeout_ms`; what is queued stays queued, and
    /// another `flush` waits on. While the store fails, its error.
    pub fn flush(&self) -> Result<()> {
        self.inner.store.flush()
    }

    /// How many queued records, settlements and releases failed after they were accepted; each is
    /// logged as an error.
    pub fn queued_failures(&self) -> u64 {
        self.inner.queued_failures.load(Ordering::Relaxed)
    }

    /// Takes the outcome of what nobody waits for.
    fn unattended<T: 'static>(&self, key: String, done: fn(&T)) -> Completion<T> {
        let failures = Arc::clone(&self.inner.queued_failures);
        Box::new(move |outcome| match outcome {
            Ok(answer) => done(&answer),
            Err(error) => {
                failures.fetch_add(1, Ordering::Relaxed);
                events::queued_call_failed(&key, &error);
            }
        })
    }
}
