//! Storage: the one seam between the rules and a database.
//!
//! A [`Store`] knows rows and transactions, never rules. `submit` runs one [`Work`] inside one
//! transaction: the store reads what the work asks for, runs its pure `decide`, and writes the
//! [`Changes`] that it returns, together or not at all. Every store judges alike because none
//! judges; `tests/it/conformance` runs one suite over all of them.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use serde::Serialize;

use crate::domain::account::{Account, LimitOverride, UsageStatus};
use crate::domain::alert::outbox::{Delivery, OutboxCount};
use crate::domain::alert::{Alert, NewAlert};
use crate::domain::call::Call;
use crate::domain::catalogue::{Catalogue, Provider};
use crate::domain::counter::{Counter, CounterKey, DayKey, ResponseKey, Totals};
use crate::domain::hold::Hold;
use crate::domain::invoice::{Invoice, InvoicePayment};
use crate::domain::key::CallKey;
use crate::domain::operation::Operation;
use crate::domain::plan::Plan;
use crate::domain::price::PriceVersion;
use crate::domain::pruned::PrunedCall;
use crate::domain::subscription::Term;
use crate::domain::time::{Span, Timestamp, Window};
use crate::domain::usage::Unit;
use crate::error::Result;
use crate::ingest::{Calibration, Lesson, OutputSizes};

mod alerts;
mod billing;
mod learning;
pub mod memory;
mod retention;
pub mod sqlite;
mod table;

pub use billing::{Billing, VoidedInvoice};
pub use learning::{Learned, OfModel};
pub use retention::{Erased, PruneMode, Pruned};

pub use table::{Cell, Table};

pub use alerts::{AlertFilter, AlertMark, AlertPage, Audience, OutboxChange};

/// A window of time that counters are wanted of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowKey {
    /// The window.
    pub window: Window,
    /// Its start.
    pub starts_at: Timestamp,
}

/// What a key stands for already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: the key is new.
    Nothing,
    /// A recorded call.
    Call(Box<Call>),
    /// A recorded call that was pruned: what is left of it.
    Pruned(Box<PrunedCall>),
    /// A hold, open or not.
    Hold(Box<Hold>),
}

/// What a work is shown first: enough to say which counters it needs.
#[derive(Clone, Debug)]
pub struct Head {
    /// Plans and prices, as they stand in this transaction.
    pub catalogue: Arc<Catalogue>,
    /// The user; nothing when it was never seen, or when the work has no user.
    pub account: Option<Arc<Account>>,
    /// What each of the work's keys stands for, in their order.
    pub found: Vec<Found>,
}

/// What a work decides by, all read in one transaction.
#[derive(Clone, Debug)]
pub struct View {
    /// Catalogue, account and keys.
    pub head: Head,
    /// The counters of the windows that were asked for.
    pub counters: Vec<(CounterKey, Counter)>,
    /// The user's holds that are open, overdue ones included.
    pub holds: Vec<Hold>,
    /// The id that the next recorded call gets; it never goes back, whatever is pruned. Unknown,
    /// 0, where a look found no holds: nothing is entered then.
    pub next_call_id: i64,
    /// What invoices are made of; empty unless the work asked for it.
    pub billing: Billing,
}

/// What a dashboard is made of.
#[derive(Clone, Debug)]
pub struct Glance {
    /// What a work would see.
    pub view: View,
    /// The calls of some days, summed.
    pub recent: DaySums,
    /// The newest unread alerts, and how many there are.
    pub alerts: AlertPage,
}

/// Day rollups of several days, summed by provider and operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaySums {
    /// The first day that has calls.
    pub first_day: Option<i64>,
    /// The sums.
    pub sums: Vec<(String, Operation, Counter)>,
}

/// One transaction's worth of decision.
pub trait Work: Send {
    /// The user, if it is about one.
    fn user(&self) -> Option<&str>;

    /// The keys to look up.
    fn keys(&self) -> &[CallKey];

    /// The windows whose counters `decide` needs.
    fn windows(&self, head: &Head) -> Result<Vec<WindowKey>>;

    /// Whether the answer must wait for the disk. False where losing the changes in a power cut
    /// harms nobody: a hold that dies with the machine has no caller left.
    fn needs_sync(&self) -> bool {
        true
    }

    /// Whether `decide` needs what invoices are made of.
    fn needs_billing(&self) -> bool {
        false
    }

    /// Whether somebody waits for the outcome. A work that nobody waits for is not given up when
    /// the store fails for a while: it is tried again, up to a minute.
    fn is_awaited(&self) -> bool {
        true
    }

    /// Decides, purely: the same view gives the same changes. It may run again, when the
    /// transaction had to be repeated. It must not call the store. A call's id is the view's
    /// `next_call_id`, counted on from there.
    fn decide(&mut self, view: &View) -> Result<Changes>;

    /// Takes the outcome, once: after the commit, or with the error that prevented it.
    fn finish(self: Box<Self>, outcome: Result<()>);
}

/// A call that was re-rated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReRated {
    /// The row as it was.
    pub before: Call,
    /// The row as it becomes.
    pub after: Call,
}

/// A usage period of a user, and how its limits stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodMark {
    /// The period.
    pub span: Span,
    /// How its limits stand.
    pub usage_status: UsageStatus,
    /// When that was so.
    pub at: Timestamp,
}

/// A change of plans, prices, providers or units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogueChange {
    /// Adds a plan, or replaces the one with its id.
    Plan(Box<Plan>),
    /// Adds a price version, or replaces the same one of the same instant while it is unused.
    Price(Box<PriceVersion>),
    /// Adds an alias of a model, or points it elsewhere.
    Alias {
        /// Whose model.
        provider: String,
        /// The alias.
        alias: String,
        /// The model.
        model: String,
    },
    /// Adds a provider, or replaces the one with its id.
    Provider(Provider),
    /// Adds a unit, or changes which units it is a part of.
    Unit {
        /// The unit.
        unit: Unit,
        /// What it is a part of; the first stands in for its rate.
        parents: Vec<Unit>,
        /// What it counts, for people.
        label: String,
    },
}

/// What a work changes. Empty means that it only looked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Creates the user, at this instant, if it was never seen.
    pub seen_at: Option<Timestamp>,
    /// Calls to record, with their keys. Counters and rollups follow from them.
    pub calls: Vec<(CallKey, Call)>,
    /// Holds to insert, or to replace by their key.
    pub holds: Vec<Hold>,
    /// Holds that are gone: they have become calls.
    pub removed_holds: Vec<CallKey>,
    /// What the calls teach, to be folded into what is known of their models.
    pub lessons: Vec<Lesson>,
    /// Short windows to count from now on.
    pub tracked: Vec<Window>,
    /// The usage periods of the calls, and how their limits stand now.
    pub periods: Vec<PeriodMark>,
    /// Usage periods that calls were entered into without a look at their limits: each gets its
    /// mark unless it has one.
    pub touched_periods: Vec<PeriodMark>,
    /// Terms to add to the subscription.
    pub terms: Vec<Term>,
    /// Terms that are taken back before they begin, by id: they never counted.
    pub withdrawn_terms: Vec<(i64, Timestamp)>,
    /// Invoices to keep. At most one that is not void is kept for a period.
    pub invoices: Vec<Invoice>,
    /// Invoices that become void.
    pub voided_invoices: Vec<VoidedInvoice>,
    /// What was told about the payment of invoices, by id.
    pub invoice_payments: Vec<(i64, InvoicePayment)>,
    /// Limits of the user's own to add.
    pub overrides: Vec<LimitOverride>,
    /// Limits of the user's own that end, by id.
    pub ended_overrides: Vec<(i64, Timestamp)>,
    /// Calls whose unknown cost has become known.
    pub re_rated: Vec<ReRated>,
    /// Alerts to raise, each once for its key: the work's user's, or the operator's where there
    /// is none.
    pub alerts: Vec<NewAlert>,
    /// What becomes of alerts that are there.
    pub alert_marks: Vec<AlertMark>,
    /// Changes of the outbox.
    pub outbox: Vec<OutboxChange>,
    /// Changes of the catalogue.
    pub catalogue: Vec<CatalogueChange>,
    /// When the catalogue was changed.
    pub catalogue_at: Option<Timestamp>,
}

/// When a change is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// After it is committed and on the disk.
    #[default]
    Durable,
    /// When it is queued; `flush` waits for the commit.
    Queued,
}

/// How safe a durable commit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// It survives a power cut: one fsync a commit.
    #[default]
    Full,
    /// It survives a kill; a power cut may undo the last commits, whole ones.
    Normal,
}

/// How a store behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// The plan of users without a subscription.
    pub default_plan: String,
    /// How safe a durable commit is.
    pub synchronous: Synchronous,
    /// The longest wait for the queue and the lock, in ms.
    pub busy_timeout_ms: u64,
    /// Works that may wait in the queue.
    pub queue_capacity: usize,
    /// Whether a file that is a symbolic link or has a second name is accepted.
    pub allow_linked_file: bool,
    /// Whether a file on a network disk is accepted.
    pub allow_network_disk: bool,
}

/// Which calls of a user are wanted. Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Only calls of this provider.
    pub provider: Option<String>,
    /// Only calls of this operation.
    pub operation: Option<String>,
    /// Only calls of this model.
    pub model: Option<String>,
    /// Only calls with this status.
    pub status_code: Option<i64>,
    /// Only calls that were made within this span.
    pub within: Option<Span>,
    /// Only calls whose usage period starts within this span: a month's are those of its label.
    pub period_within: Option<Span>,
    /// Only calls whose cost is unknown.
    pub is_unpriced: bool,
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Only calls with an id below this one: the cursor, from the last page's last call.
    pub before_id: Option<i64>,
    /// How many of the first to leave out.
    pub offset: i64,
    /// The most that are wanted, 1–5000.
    pub limit: i64,
}

impl Default for Page {
    fn default() -> Self {
        Self { before_id: None, offset: 0, limit: 50 }
    }
}

/// A page of calls, and how many there are in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallPage {
    /// The calls, newest first.
    pub calls: Vec<Call>,
    /// How many calls fit the filter, on all pages.
    pub total_count: i64,
}

/// One check of `verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked, as a short name: `counters`.
    pub name: &'static str,
    /// What was found: a count when all is well, else the first difference.
    pub found: String,
    /// Whether all is well.
    pub is_ok: bool,
}

/// Takes each call of an export and the user that made it, until it breaks off.
pub type VisitCall<'a> = dyn FnMut(&Arc<str>, Call) -> ControlFlow<()> + 'a;
/// Takes each day rollup of an export and its user, until it breaks off.
pub type VisitDay<'a> = dyn FnMut(&Arc<str>, DayKey, Counter) -> ControlFlow<()> + 'a;

/// A work in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// A database behind the rules.
///
/// To add one, implement this trait and call the conformance suite on it; no rule is involved.
pub trait Store: Send + Sync {
    /// Queues a work for one transaction. It waits while the queue is full, up to the store's
    /// busy timeout. Then `finish` of the work is called, exactly once, from the store's thread.
    ///
    /// # Errors
    /// `overloaded` and `closed`: the work will not run and `finish` is not called.
    fn submit(&self, work: Box<dyn Work>) -> Result<Ticket>;

    /// The same, but it does not wait: `overloaded` at once while the queue is full.
    fn submit_at_once(&self, work: Box<dyn Work>) -> Result<Ticket> {
        self.submit(work)
    }

    /// Queues several works at once, so that as many as fit share a transaction; one answer for
    /// each, in their order.
    fn submit_all(&self, works: Vec<Box<dyn Work>>) -> Vec<Result<Ticket>> {
        works.into_iter().map(|work| self.submit(work)).collect()
    }

    /// Takes a work out of the queue, if it has not begun: then `finish` is never called.
    /// False when it has begun or is done.
    fn cancel(&self, ticket: Ticket) -> bool;

    /// Shows what a work of this user and these keys would see, without changing anything.
    fn look(
        &self,
        user: &str,
        keys: &[CallKey],
        windows: &dyn Fn(&Head) -> Result<Vec<WindowKey>>,
    ) -> Result<View>;

    /// Plans and prices, as they stand now.
    fn catalogue(&self) -> Result<Arc<Catalogue>>;

    /// Plans and prices, as they stood at most a second ago; it seldom reads the database.
    fn recent_catalogue(&self) -> Result<Arc<Catalogue>>;

    /// A user, if it was ever seen.
    fn account(&self, user: &str) -> Result<Option<Arc<Account>>>;

    /// The ids of all users that were ever seen, in the order of their first sight.
    fn users(&self) -> Result<Vec<String>>;

    /// A page of a user's calls, newest first.
    fn calls(&self, user: &str, filter: &CallFilter, page: Page) -> Result<CallPage>;

    /// Calls whose cost is unknown, by ascending id after `after_id`, with their users.
    fn unpriced(&self, after_id: i64, limit: i64) -> Result<Vec<(String, Call)>>;

    /// A user's period counters whose period starts within the span.
    fn period_counters(&self, user: &str, within: Span) -> Result<Vec<(CounterKey, Counter)>>;

    /// The part of those that a trend shows: period start, provider, totals.
    fn period_totals(&self, user: &str, within: Span) -> Result<Vec<(Timestamp, String, Totals)>>;

    /// Everything that a dashboard is made of, in one snapshot: what a work would see, the sums of
    /// the days, and the newest unread alerts.
    fn glance(
        &self,
        user: &str,
        windows: &dyn Fn(&Head) -> Result<Vec<WindowKey>>,
        days: Range<i64>,
        alerts_max: i64,
    ) -> Result<Glance>;

    /// A user's day rollups from one day to before another, in days since 1970-01-01.
    fn days(&self, user: &str, from: i64, before: i64) -> Result<Vec<(DayKey, Counter)>>;

    /// What invoices of a user are made of.
    fn billing(&self, user: &str) -> Result<Billing>;

    /// A user's usage periods in which calls were recorded, ascending, and how their limits stood.
    fn period_marks(&self, user: &str) -> Result<Vec<PeriodMark>>;

    /// Counts, or removes, the calls that were made before an instant. Their sums stay: counters
    /// and rollups are base + ledger afterwards. Calls without a cost stay.
    fn prune(&self, before: Timestamp, mode: PruneMode) -> Result<Pruned>;

    /// Takes a user's identity and every free text out of the store, and its bytes off the disk.
    /// The rows keep their numbers under the pseudonym, so all totals stay.
    ///
    /// # Errors
    /// `unknown_user`.
    fn erase(&self, user: &str, pseudonym: &str) -> Result<Erased>;

    /// Visits the calls of one user or of all that were made within a span, in the order of
    /// recording and in one snapshot, until `visit` breaks off.
    fn visit_calls(
        &self,
        user: Option<&str>,
        within: Span,
        visit: &mut VisitCall<'_>,
    ) -> Result<()>;

    /// Visits the day rollups of one user or of all whose day touches a span, in one snapshot,
    /// until `visit` breaks off.
    fn visit_days(&self, user: Option<&str>, within: Span, visit: &mut VisitDay<'_>) -> Result<()>;

    /// How many of a user's calls took how long: from one day to before another, by provider and
    /// bucket of the fixed histogram.
    fn response_times(&self, user: &str, from: i64, before: i64)
    -> Result<Vec<(ResponseKey, i64)>>;

    /// A page of alerts, newest first.
    fn alerts(&self, audience: Audience<'_>, filter: &AlertFilter, page: Page)
    -> Result<AlertPage>;

    /// An alert by its id.
    fn alert(&self, id: i64) -> Result<Option<Alert>>;

    /// What a claim got, see [`OutboxChange::Claim`]; the longest due first.
    fn claimed(&self, token: &str) -> Result<Vec<Delivery>>;

    /// How the outbox stands, by channel.
    fn outbox(&self) -> Result<Vec<OutboxCount>>;

    /// What was learned of a model, by its bare name, and of a user's answers from it.
    fn learned(&self, user: &str, provider: &str, model: &str) -> Result<Learned>;

    /// What was learned of all models, by provider and model.
    fn calibrations(&self) -> Result<Vec<OfModel<Calibration>>>;

    /// How long a user's answers were, by provider and model.
    fn output_sizes(&self, user: &str) -> Result<Vec<OfModel<OutputSizes>>>;

    /// Recomputes every counter and rollup from the ledger and compares; checks the set-up.
    fn verify(&self) -> Result<Vec<Check>>;

    /// Replaces every counter and rollup by what the ledger says; how many rows were written.
    fn rebuild(&self) -> Result<i64>;

    /// Runs one statement that only reads; at most `rows_max` rows.
    fn query(&self, sql: &str, rows_max: usize) -> Result<Table>;

    /// Waits until everything that was queued before is committed.
    fn flush(&self) -> Result<()>;
}
