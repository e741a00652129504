//! The meter: the public handle. It reads the clock, checks input at the door, lets the rules
//! decide inside one transaction of the store, and answers.

mod adopt;
pub mod alerts;
mod calls;
mod catalogue;
pub mod clock;
mod decision;
pub mod deliver;
mod draft;
mod estimate;
mod events;
mod export;
mod invoices;
mod job;
mod later;
mod limits;
pub mod options;
mod posting;
mod queue;
mod quote;
mod raise;
mod re_rate;
pub mod receipt;
mod record;
pub mod reports;
mod reserve;
mod retention;
pub mod seed;
mod settle;
mod subscription;
pub mod summary;
mod verification;

pub use adopt::{Adopted, History};
pub use estimate::{CallEstimate, EstimateInput, ModelCalibration};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use invoices::{InvoiceChoice, InvoicePaid, UserInvoice};
pub use later::Pending;
pub use limits::{LimitChange, UserLimits};
pub use re_rate::{ReRating, ReRatingLine, UnpricedGroup};
pub use record::Recorded;
pub use retention::ErasedUser;
pub use subscription::{
    ChangePreview, HistoryPage, ScheduledChange, Subscribe, SubscriptionReceipt, SubscriptionView,
};
pub use verification::Verification;

use self::alerts::StoreFailure;
use self::job::{AlertsFrom, Completion, Job, waiting};
use self::options::Options;
use self::posting::Rules;
use crate::domain::account::Account;
use crate::domain::key::CallKey;
use crate::domain::name;
use crate::domain::subscription::Standing;
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};
use crate::storage::sqlite::SqliteStore;
use crate::storage::{
    Changes, Check, Head, Store, StoreOptions, Table, Ticket, View, WindowKey, Work,
};

/// The handle of a store: cheap to clone, safe to share between threads.
///
/// Every process that meters opens its own on the same file. All money is exact, all times are
/// UTC, and every method either does all that it says or nothing.
///
/// # Example
/// ```
/// use alwrity_metering::{CallRecord, Meter, Options, Usage};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("metering.db");
/// let meter = Meter::open(&path, Options::default())?;
/// meter.seed("default")?;
/// meter.record_call(&CallRecord::new("u1", "openai", "gpt-4o-mini", Usage::tokens(374, 44)))?;
/// let summary = meter.usage_summary("u1", &"current".parse()?)?;
/// assert_eq!(summary.total_cost.to_string(), "0.0000825");
/// # Ok::<(), alwrity_metering::Error>(())
/// ```
#[derive(Clone)]
pub struct Meter {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    options: Options,
    rules: Arc<Rules>,
    queued_failures: Arc<AtomicU64>,
    /// The last failure of the store that the operator was not told of.
    failure: Mutex<Option<StoreFailure>>,
    /// Whether there is one: asked with every answer.
    has_failed: AtomicBool,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

/// What a work is about.
struct About {
    user: Option<String>,
    keys: Vec<CallKey>,
    needs_sync: bool,
    needs_billing: bool,
    is_awaited: bool,
    alerts_from: AlertsFrom,
}

impl About {
    /// About the catalogue.
    const fn catalogue() -> Self {
        Self {
            user: None,
            keys: Vec::new(),
            needs_sync: true,
            needs_billing: false,
            is_awaited: true,
            alerts_from: AlertsFrom::Here,
        }
    }

    /// About a user.
    fn user(user: &str) -> Self {
        Self { user: Some(user.to_owned()), ..Self::catalogue() }
    }

    /// About a user and these keys.
    fn keys(user: &str, keys: Vec<CallKey>) -> Self {
        Self { keys, ..Self::user(user) }
    }

    /// About a user's holds alone, which need not wait for the disk.
    fn holds(user: &str, keys: Vec<CallKey>) -> Self {
        Self { needs_sync: false, ..Self::keys(user, keys) }
    }
}

/// No counters are needed.
#[expect(clippy::unnecessary_wraps, reason = "it stands where windows are asked for")]
fn no_windows(_: &Head) -> Result<Vec<WindowKey>> {
    Ok(Vec::new())
}

/// A work that was started and whose answer is awaited.
struct Started<T> {
    ticket: Ticket,
    receiver: Receiver<Result<T>>,
    since: Instant,
    key: String,
}

impl Meter {
    /// Opens the file, or makes it, with the tables that this version needs.
    ///
    /// # Errors
    /// `invalid_option`, `storage_corrupt`, `storage_newer`, `storage_unsafe` and
    /// `storage_unavailable`.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        options.validate()?;
        let store = SqliteStore::open(path.as_ref(), StoreOptions::from(&options))?;
        Self::with_store(Arc::new(store), options)
    }

    /// A meter on any store, such as the in-memory one for a host's own tests.
    pub fn with_store(store: Arc<dyn Store>, options: Options) -> Result<Self> {
        options.validate()?;
        let rules = Arc::new(Rules::from(&options));
        let queued_failures = Arc::new(AtomicU64::new(0));
        let (failure, has_failed) = (Mutex::new(None), AtomicBool::new(false));
        let inner = Inner { store, options, rules, queued_failures, failure, has_failed };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The options that it was opened with.
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// The time, as the meter's clock tells it.
    pub fn now(&self) -> Timestamp {
        self.inner.options.clock.now()
    }

    /// The plan and the periods of a user now. A user that was never seen is on the default plan.
    ///
    /// # Example
    /// ```
    /// # use alwrity_metering::{Meter, Options};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let meter = Meter::open(folder.path().join("metering.db"), Options::default())?;
    /// let standing = meter.current_period("u1")?;
    /// assert_eq!(standing.plan_id, "free");
    /// assert_eq!(standing.usage_period.label().len(), "YYYY-MM".len());
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn current_period(&self, user: &str) -> Result<Standing> {
        let catalogue = self.inner.store.catalogue()?;
        let account = self.account(user)?;
        Ok(account.standing(self.now(), &catalogue))
    }

    /// The users that were ever seen, in the order of their first sight.
    pub fn users(&self) -> Result<Vec<String>> {
        self.inner.store.users()
    }

    /// Recomputes every counter and rollup from the ledger and compares them; rates every call
    /// anew from its usage and its price; compares rows with their seals; checks the set-up of
    /// the file. All is well when every check is; the operator is alerted to the others.
    pub fn verify(&self) -> Result<Vec<Check>> {
        let mut checks = self.inner.store.verify()?;
        checks.push(self.recheck(&checks)?);
        self.report_checks(&checks);
        Ok(checks)
    }

    /// Replaces every counter and rollup by what the ledger says; how many rows were written.
    pub fn rebuild(&self) -> Result<i64> {
        self.inner.store.rebuild()
    }

    /// Runs one SQL statement that only reads, on the tables and views of docs/schema.md.
    ///
    /// # Errors
    /// `invalid_query` for anything else than one reading statement.
    pub fn query(&self, sql: &str) -> Result<Table> {
        self.inner.store.query(sql, self.inner.options.query_rows_max)
    }

    /// The account of a user; an empty one when it was never seen.
    fn account(&self, user: &str) -> Result<Arc<Account>> {
        let user = name::user(user)?;
        let known = self.inner.store.account(user)?;
        Ok(known.unwrap_or_else(|| Arc::new(Account::new(0, user, self.now()))))
    }

    fn submit<T: Send + 'static>(
        &self,
        about: About,
        windows: impl Fn(&Head) -> Result<Vec<WindowKey>> + Send + 'static,
        decide: impl FnMut(&View) -> Result<(Changes, T)> + Send + 'static,
        completion: Completion<T>,
    ) -> Result<Ticket> {
        self.inner.store.submit(Self::work(about, windows, decide, completion))
    }

    fn work<T: Send + 'static>(
        about: About,
        windows: impl Fn(&Head) -> Result<Vec<WindowKey>> + Send + 'static,
        decide: impl FnMut(&View) -> Result<(Changes, T)> + Send + 'static,
        completion: Completion<T>,
    ) -> Box<dyn Work> {
        let About { user, keys, needs_sync, needs_billing, is_awaited, alerts_from } = about;
        Box::new(Job {
            user,
            keys,
            needs_sync,
            needs_billing,
            is_awaited,
            alerts_from,
            windows: Box::new(windows),
            decide: Box::new(decide),
            answer: None,
            raised: Vec::new(),
            completion,
        })
    }

    /// Starts a work; its answer comes by [`Self::wait`].
    fn start<T: Send + 'static>(
        key: &str,
        submit: impl FnOnce(Completion<T>) -> Result<Ticket>,
    ) -> Result<Started<T>> {
        let (completion, receiver) = waiting();
        let since = Instant::now();
        let ticket = submit(completion)?;
        Ok(Started { ticket, receiver, since, key: key.to_owned() })
    }

    /// Waits for a started work: up to the busy timeout until it begins, then for its answer.
    fn wait<T: Send + 'static>(&self, work: Started<T>) -> Result<T> {
        let patience = Duration::from_millis(self.inner.options.busy_timeout_ms);
        // Waiting for room in the queue was a part of it.
        let left = patience.saturating_sub(work.since.elapsed());
        let outcome = work.receiver.recv_timeout(left);
        let outcome = match outcome {
            Err(RecvTimeoutError::Timeout) if self.inner.store.cancel(work.ticket) => {
                let waited_ms = u64::try_from(work.since.elapsed().as_millis());
                return Err(Error::Overloaded { waited_ms: waited_ms.unwrap_or(u64::MAX) });
            }
            // It has begun: the answer comes, unless the disk hangs.
            Err(RecvTimeoutError::Timeout) => work.receiver.recv_timeout(patience * 6),
            answered => answered,
        };
        let answered = match outcome {
            Ok(Err(Error::OutcomeUnknown { .. })) | Err(_) => {
                Err(Error::OutcomeUnknown { key: work.key })
            }
            Ok(answered) => answered,
        };
        match &answered {
            Ok(_) => self.report_failure(),
            Err(error) => self.note_failure(error),
        }
        answered
    }

    /// Starts a work and waits for its answer.
    fn run<T: Send + 'static>(
        &self,
        key: &str,
        submit: impl FnOnce(Completion<T>) -> Result<Ticket>,
    ) -> Result<T> {
        self.wait(Self::start(key, submit)?)
    }
}

/// The caller's key, or one that is made here: a UUID that sorts by time.
fn key_text(given: Option<&str>) -> Result<String> {
    match given {
        Some(key) => name::idempotency_key(key).map(str::to_owned),
        None => Ok(uuid::Uuid::now_v7().to_string()),
    }
}
