//! Recording: entering calls that were made into the ledger.

use std::sync::Arc;
use std::time::Instant;

use super::draft::{Draft, cost_of};
use super::job::{Completion, waiting};
use super::posting::{Posting, Rules, windows_at};
use super::receipt::{Receipt, RecordStatus};
use super::settle::settle_hold;
use super::{About, Meter, Started, events, key_text};
use crate::domain::call::{Call, CallOutcome, CallRecord};
use crate::domain::estimate::InputEstimate;
use crate::domain::hold::Hold;
use crate::domain::key::CallKey;
use crate::domain::name;
use crate::domain::pruned::{Fingerprint, PrunedCall};
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};
use crate::storage::{Changes, Durability, Found, View, Work};

/// The most records that wait in the queue at once for one caller.
const PART_MAX: usize = 4096;

/// The answer to a record: the receipt, or, for queued records, only the key.
#[derive(Clone, Debug, PartialEq)]
pub enum Recorded {
    /// It is committed.
    Receipt(Box<Receipt>),
    /// It is queued under this key; `flush` waits for the commit.
    Queued {
        /// The key that it was queued with.
        idempotency_key: String,
    },
}

/// A record that was checked at the door.
pub(super) struct Entry {
    user: String,
    pub(super) key_text: String,
    key: CallKey,
    draft: Draft,
    occurred_at: Option<Timestamp>,
    input_estimate: Option<InputEstimate>,
    /// Whether it is another system's past, which users were told of there.
    is_adopted: bool,
    now: Timestamp,
    rules: Arc<Rules>,
}

impl Meter {
    /// Records a call that was made, priced and counted, once per idempotency key.
    ///
    /// A call over a hard limit is recorded too: the provider was already paid. Its receipt
    /// lists the limits that are passed. What cannot be priced is recorded with an unknown cost.
    ///
    /// # Errors
    /// `invalid_*` for bad input, `idempotency_conflict`, `overloaded`, `outcome_unknown` and the
    /// `storage_*` errors, see [`ERRORS`](crate::error::ERRORS).
    ///
    /// # Example
    /// ```
    /// use alwrity_metering::{CallRecord, Meter, Options, Usage};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("metering.db");
    /// let meter = Meter::open(&path, Options::default())?;
    /// meter.seed("default")?;
    /// let call = CallRecord::new("u1", "gemini", "gemini-2.5-flash", Usage::tokens(1000, 200));
    /// let receipt = meter.record_call(&call)?;
    /// assert_eq!(receipt.cost_usd.unwrap().to_string(), "0.0008");
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn record_call(&self, record: &CallRecord) -> Result<Receipt> {
        let entry = self.entry(record)?;
        let key = entry.key_text.clone();
        self.run(&key, |completion| self.submit_entry(entry, true, completion))
            .inspect(events::recorded)
    }

    /// Records several calls, of any users, in as few transactions as fit; one answer for each,
    /// in their order. Each is recorded or not on its own. They may be more than the queue holds;
    /// once the store is overloaded, the rest is not tried.
    pub fn record_calls(&self, records: &[CallRecord]) -> Vec<Result<Receipt>> {
        self.record_all(records, |record| self.entry(record))
    }

    /// Records the calls that another system made, as [`Meter::record_calls`] does, but tells
    /// nobody of them: it raises no alerts. What the running period has used already is told with
    /// the first call that is recorded otherwise, unless [`Meter::adopt_history`] brought what
    /// the user was told. Give each a key that follows from its row there, and its time.
    ///
    /// # Example
    /// ```
    /// use alwrity_metering::{AlertFilter, CallRecord, Meter, Options, Page, Usage};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let meter = Meter::open(folder.path().join("metering.db"), Options::default())?;
    /// meter.seed("default")?;
    /// let past = CallRecord {
    ///     call_count: 100, // all that the Free plan has
    ///     vendor_cost_usd: Some("0.0375".parse()?),
    ///     idempotency_key: Some("before:17".into()),
    ///     ..CallRecord::new("u1", "gemini", "gemini-2.5-flash", Usage::tokens(90_000, 9_000))
    /// };
    /// let receipts = meter.adopt_calls(&[past]);
    /// assert_eq!(receipts[0].as_ref().unwrap().cost_usd.unwrap().to_string(), "0.0375");
    /// assert_eq!(meter.alerts("u1", &AlertFilter::default(), Page::default())?.total, 0);
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn adopt_calls(&self, records: &[CallRecord]) -> Vec<Result<Receipt>> {
        self.record_all(records, |record| {
            self.entry(record).map(|entry| Entry { is_adopted: true, ..entry })
        })
    }

    fn record_all(
        &self,
        records: &[CallRecord],
        checked: impl Fn(&CallRecord) -> Result<Entry>,
    ) -> Vec<Result<Receipt>> {
        let mut answers = Vec::with_capacity(records.len());
        for part in records.chunks(self.inner.options.queue_capacity.clamp(1, PART_MAX)) {
            self.record_part(part, &checked, &mut answers);
            if let Some(Err(error @ Error::Overloaded { .. })) = answers.last() {
                let error = error.clone();
                answers.resize(records.len(), Err(error));
                break;
            }
        }
        answers
    }

    /// Records what the queue can hold at once.
    fn record_part(
        &self,
        records: &[CallRecord],
        checked: &impl Fn(&CallRecord) -> Result<Entry>,
        answers: &mut Vec<Result<Receipt>>,
    ) {
        let since = Instant::now();
        let mut works = Vec::with_capacity(records.len());
        let mut awaited = Vec::with_capacity(records.len());
        for record in records {
            awaited.push(checked(record).map(|entry| {
                let (completion, receiver) = waiting();
                let key = entry.key_text.clone();
                works.push(entry_work(entry, true, completion));
                (receiver, key)
            }));
        }
        let mut tickets = self.inner.store.submit_all(works).into_iter();
        let missing = || Err(Error::Internal { reason: "a work without a ticket".into() });
        let answer = |checked: Result<_>| {
            let (receiver, key) = checked?;
            let ticket = tickets.next().unwrap_or_else(missing)?;
            self.wait(Started { ticket, receiver, since, key }).inspect(events::recorded)
        };
        answers.extend(awaited.into_iter().map(answer));
    }

    /// Records a call as the option `durability` says.
    pub fn record(&self, record: &CallRecord) -> Result<Recorded> {
        match self.inner.options.durability {
            Durability::Durable => {
                self.record_call(record).map(|receipt| Recorded::Receipt(Box::new(receipt)))
            }
            Durability::Queued => {
                self.queue_call(record).map(|idempotency_key| Recorded::Queued { idempotency_key })
            }
        }
    }

    pub(super) fn entry(&self, record: &CallRecord) -> Result<Entry> {
        let user = name::user(&record.user)?.to_owned();
        let key_text = key_text(record.idempotency_key.as_deref())?;
        record.input_estimate.as_ref().map_or(Ok(()), InputEstimate::validate)?;
        Ok(Entry {
            key: CallKey::new(&user, &key_text),
            user,
            key_text,
            draft: Draft::try_from(record)?,
            occurred_at: record.occurred_at,
            input_estimate: record.input_estimate,
            is_adopted: false,
            now: self.now(),
            rules: Arc::clone(&self.inner.rules),
        })
    }

    pub(super) fn submit_entry(
        &self,
        entry: Entry,
        is_awaited: bool,
        completion: Completion<Receipt>,
    ) -> Result<crate::storage::Ticket> {
        self.inner.store.submit(entry_work(entry, is_awaited, completion))
    }
}

pub(super) fn entry_work(
    entry: Entry,
    is_awaited: bool,
    completion: Completion<Receipt>,
) -> Box<dyn Work> {
    let about = About { is_awaited, ..About::keys(&entry.user, vec![entry.key]) };
    let at = entry.occurred_at.unwrap_or(entry.now);
    Meter::work(
        about,
        move |head| {
            // A key whose hold is open is counted where the hold was made.
            let at = match head.found.first() {
                Some(Found::Hold(hold)) => hold.reserved_at,
                _ => at,
            };
            windows_at(head, at)
        },
        move |view| enter(&entry, view),
        completion,
    )
}

fn enter(entry: &Entry, view: &View) -> Result<(Changes, Receipt)> {
    match view.head.found.first() {
        Some(Found::Call(call)) => repeat(entry, call, view),
        Some(Found::Pruned(first)) => repeat_pruned(entry, first, view),
        Some(Found::Hold(hold)) => {
            if let Some(difference) = difference_from_hold(hold, &entry.draft) {
                let key = entry.key_text.clone();
                return Err(Error::IdempotencyConflict { key, difference });
            }
            let outcome = CallOutcome {
                usage: entry.draft.usage.clone(),
                usage_source: entry.draft.usage_source,
                vendor_cost_usd: entry.draft.vendor_cost,
                status_code: entry.draft.status_code,
                details: entry.draft.details.clone(),
            };
            settle_hold(hold, &outcome, &entry.user, &entry.key_text, entry.now, &entry.rules, view)
        }
        Some(Found::Nothing) | None => enter_new(entry, view),
    }
}

fn enter_new(entry: &Entry, view: &View) -> Result<(Changes, Receipt)> {
    let at = entry.occurred_at.unwrap_or(entry.now);
    let mut posting = Posting::new(view, &entry.user, at, entry.now, &entry.rules)?;
    let unknown = &entry.rules.unknown_price;
    let costing = cost_of(&entry.draft, &posting.catalogue, at, unknown)?;
    let period_starts_at = posting.standing.usage_period.starts_at;
    let call = costing.into_call(&entry.draft, at, entry.now, period_starts_at);
    let call = posting.enter(entry.key, call)?;
    posting.learn(entry.input_estimate.as_ref(), &call);
    let mut receipt = Receipt::new(RecordStatus::Recorded, &entry.user, &entry.key_text, &call);
    receipt.limits_exceeded = posting.mark_period();
    if entry.is_adopted {
        // `an_adopted_past_raises_nothing_and_the_next_call_tells` guards that nothing is lost.
        posting.changes.alerts.clear();
    }
    Ok((posting.changes, receipt))
}

/// The answer to a key that was recorded before: the first receipt, or a conflict.
fn repeat(entry: &Entry, call: &Call, view: &View) -> Result<(Changes, Receipt)> {
    let unknown = &entry.rules.unknown_price;
    let costing = cost_of(&entry.draft, &view.head.catalogue, call.occurred_at, unknown)?;
    let again = costing.into_call(&entry.draft, call.occurred_at, entry.now, call.period_starts_at);
    let moved = entry.occurred_at.filter(|at| *at != call.occurred_at);
    match difference(call, &again, moved) {
        None => {
            let receipt = Receipt::new(RecordStatus::Duplicate, &entry.user, &entry.key_text, call);
            Ok((Changes::default(), receipt))
        }
        Some(difference) => {
            Err(Error::IdempotencyConflict { key: entry.key_text.clone(), difference })
        }
    }
}

/// The answer to a key whose call was recorded before and pruned.
fn repeat_pruned(entry: &Entry, first: &PrunedCall, view: &View) -> Result<(Changes, Receipt)> {
    let unknown = &entry.rules.unknown_price;
    let costing = cost_of(&entry.draft, &view.head.catalogue, first.occurred_at, unknown)?;
    let (at, period) = (first.occurred_at, first.period_starts_at);
    let again = costing.into_call(&entry.draft, at, entry.now, period);
    let moved = entry.occurred_at.filter(|moved| *moved != at);
    let difference = match moved {
        Some(moved) => format!("`occurred_at` was `{at}`, now it is `{moved}`"),
        None if Fingerprint::of(&again) == first.fingerprint => {
            let receipt = Receipt::of_pruned(first, &entry.user, &entry.key_text, &again);
            return Ok((Changes::default(), receipt));
        }
        None => "the content is another; the first record was pruned".to_owned(),
    };
    Err(Error::IdempotencyConflict { key: entry.key_text.clone(), difference })
}

/// Why a call is not the one that the hold was for; nothing when it is.
fn difference_from_hold(hold: &Hold, draft: &Draft) -> Option<String> {
    let target = &draft.target;
    let operation = target.operation.as_ref().unwrap_or(&hold.operation);
    let fields = [
        ("provider", hold.provider.clone(), target.provider.clone()),
        ("operation", hold.operation.to_string(), operation.to_string()),
        ("model", hold.model.clone(), target.model.clone()),
        ("call_count", hold.call_count.to_string(), draft.call_count.to_string()),
    ];
    let differing = fields.iter().find(|(_, held, recorded)| held != recorded);
    differing.map(|(name, held, recorded)| differs(name, held, recorded))
}

fn differs(name: &str, first: &str, again: &str) -> String {
    format!("`{name}` was `{first}`, now it is `{again}`")
}

/// The first of the compared fields that differs, with both values; nothing when none does.
/// Response time, sizes, endpoint, tags, retries and error text are not compared.
pub(crate) fn difference(first: &Call, again: &Call, moved: Option<Timestamp>) -> Option<String> {
    let shown = |cost: Option<crate::Money>| cost.map_or("none".to_owned(), |c| c.to_string());
    let usage = |call: &Call| serde_json::to_string(&call.usage).unwrap_or_default();
    let fields = [
        ("provider", first.provider.clone(), again.provider.clone()),
        ("operation", first.operation.to_string(), again.operation.to_string()),
        ("model", first.model.clone(), again.model.clone()),
        ("status_code", first.status_code.to_string(), again.status_code.to_string()),
        ("call_count", first.call_count.to_string(), again.call_count.to_string()),
        ("vendor_cost_usd", shown(first.vendor_cost), shown(again.vendor_cost)),
    ];
    if let Some((name, one, other)) = fields.iter().find(|(_, one, other)| one != other) {
        return Some(differs(name, one, other));
    }
    if first.usage != again.usage {
        return Some(differs("usage", &usage(first), &usage(again)));
    }
    moved.map(|at| differs("occurred_at", &first.occurred_at.to_string(), &at.to_string()))
}
