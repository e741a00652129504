//! One user's book: the account, the calls and all that follows from them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::learning::{OutputsByModel, learn_output};
use super::tally::Tally;
use crate::domain::account::{Account, LimitOverride};
use crate::domain::alert::AlertKey;
use crate::domain::call::Call;
use crate::domain::counter::{Counter, CounterKey};
use crate::domain::hold::{Hold, HoldState};
use crate::domain::invoice::{Invoice, InvoicePayment, is_intact};
use crate::domain::key::CallKey;
use crate::domain::pruned::PrunedCall;
use crate::domain::subscription::Term;
use crate::domain::time::{Timestamp, Window};
use crate::error::{Error, Result};
use crate::storage::{
    Billing, Changes, Erased, Found, PeriodMark, Pruned, ReRated, VoidedInvoice, WindowKey,
};

/// The ids that were given last, of things that are numbered over all users.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ids {
    pub(super) call: i64,
    term: i64,
    limit_override: i64,
    invoice: i64,
}

fn next(last: &mut i64) -> i64 {
    *last += 1;
    *last
}

/// A row of the ledger and the key that it was recorded under.
#[derive(Clone, Debug)]
struct Row {
    key: CallKey,
    call: Call,
}

/// Everything about one user.
#[derive(Clone, Debug)]
pub(super) struct Book {
    pub(super) account: Arc<Account>,
    /// Ascending by id. Each row is shared, so that a copy of the book is cheap.
    rows: Vec<Arc<Row>>,
    /// The place of a key's call among the rows.
    places: HashMap<CallKey, usize>,
    holds: BTreeMap<CallKey, Hold>,
    pub(super) tally: Tally,
    /// The sums of the calls that were pruned.
    base: Tally,
    pruned: BTreeMap<CallKey, PrunedCall>,
    pub(super) marks: BTreeMap<Timestamp, PeriodMark>,
    invoices: Vec<Invoice>,
    /// How long the answers were, by provider and model.
    pub(super) outputs: OutputsByModel,
}

impl Book {
    /// The book of a user that was never seen before.
    pub(super) fn new(id: i64, user: &str, seen_at: Timestamp) -> Self {
        Self {
            account: Arc::new(Account::new(id, user, seen_at)),
            rows: Vec::new(),
            places: HashMap::new(),
            holds: BTreeMap::new(),
            tally: Tally::default(),
            base: Tally::default(),
            pruned: BTreeMap::new(),
            marks: BTreeMap::new(),
            invoices: Vec::new(),
            outputs: OutputsByModel::new(),
        }
    }

    /// The calls, oldest first.
    pub(super) fn calls(&self) -> impl DoubleEndedIterator<Item = &Call> {
        self.rows.iter().map(|row| &row.call)
    }

    /// What is left of the calls that were pruned.
    pub(super) fn pruned(&self) -> impl Iterator<Item = &PrunedCall> {
        self.pruned.values()
    }

    /// What a key stands for: a recorded call before a hold.
    pub(super) fn found(&self, key: &CallKey) -> Found {
        if let Some(place) = self.places.get(key) {
            return Found::Call(Box::new(self.rows[*place].call.clone()));
        }
        if let Some(pruned) = self.pruned.get(key) {
            return Found::Pruned(Box::new(pruned.clone()));
        }
        self.holds.get(key).map_or(Found::Nothing, |hold| Found::Hold(Box::new(hold.clone())))
    }

    /// The counters of exactly these windows.
    pub(super) fn counters_of(&self, windows: &[WindowKey]) -> Vec<(CounterKey, Counter)> {
        let is_wanted = |key: &CounterKey| {
            windows.contains(&WindowKey { window: key.window, starts_at: key.starts_at })
        };
        let wanted = self.tally.counters.iter().filter(|(key, _)| is_wanted(key));
        wanted.map(|(key, counter)| (key.clone(), counter.clone())).collect()
    }

    /// All holds, whatever they have become.
    pub(super) fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values()
    }

    /// The holds that are open, overdue ones included.
    pub(super) fn open_holds(&self) -> Vec<Hold> {
        let open = |hold: &&Hold| hold.state == HoldState::Open;
        self.holds.values().filter(open).cloned().collect()
    }

    /// Writes what a work changes about its user.
    pub(super) fn apply(&mut self, ids: &mut Ids, changes: Changes) -> Result<()> {
        // Every field is named, so that a new one does not compile before it has its place here.
        let Changes {
            seen_at: _,
            calls,
            holds,
            removed_holds,
            lessons,
            tracked,
            periods,
            touched_periods,
            terms,
            withdrawn_terms,
            invoices,
            voided_invoices,
            invoice_payments,
            overrides,
            ended_overrides,
            re_rated: _,
            alerts: _,
            alert_marks: _,
            outbox: _,
            catalogue: _,
            catalogue_at: _,
        } = changes;
        self.track(tracked, ids.call);
        self.withdraw_terms(&withdrawn_terms);
        self.add_terms(terms, ids);
        self.change_invoices(invoices, &voided_invoices, &invoice_payments, ids)?;
        self.change_overrides(overrides, &ended_overrides, ids)?;
        for (key, call) in calls {
            self.record(key, Call { id: next(&mut ids.call), ..call })?;
        }
        for hold in holds {
            self.holds.insert(hold.key, hold);
        }
        for key in removed_holds {
            self.holds.remove(&key);
        }
        for lesson in lessons {
            learn_output(&mut self.outputs, lesson);
        }
        for mark in periods {
            self.marks.insert(mark.span.starts_at, mark);
        }
        for mark in touched_periods {
            self.marks.entry(mark.span.starts_at).or_insert(mark);
        }
        Ok(())
    }

    /// Notes what the user was told; of each subject only what belongs to its newest window.
    pub(super) fn tell(&mut self, key: AlertKey) {
        let told = &mut Arc::make_mut(&mut self.account).told;
        let is_same = |known: &AlertKey| known.kind == key.kind && known.subject == key.subject;
        if !told.iter().any(|known| is_same(known) && known.armed_from > key.armed_from) {
            told.retain(|known| !is_same(known) || known.armed_from == key.armed_from);
            told.push(key);
        }
    }

    /// Begins to count short windows; the same changes' calls are counted already.
    fn track(&mut self, windows: Vec<Window>, last_call_id: i64) {
        for window in windows {
            // The usage period is counted for everybody.
            if window != Window::Period && !self.account.tracked.contains_key(&window) {
                Arc::make_mut(&mut self.account).tracked.insert(window, last_call_id);
            }
        }
    }

    fn add_terms(&mut self, terms: Vec<Term>, ids: &mut Ids) {
        for term in terms {
            let account = Arc::make_mut(&mut self.account);
            let term = Term { id: next(&mut ids.term), ..term };
            account.timeline = account.timeline.with(term);
        }
    }

    fn withdraw_terms(&mut self, withdrawn: &[(i64, Timestamp)]) {
        if !withdrawn.is_empty() {
            let ids: Vec<i64> = withdrawn.iter().map(|(id, _)| *id).collect();
            let account = Arc::make_mut(&mut self.account);
            account.timeline = account.timeline.without(&ids);
        }
    }

    fn change_invoices(
        &mut self,
        added: Vec<Invoice>,
        voided: &[VoidedInvoice],
        payments: &[(i64, InvoicePayment)],
        ids: &mut Ids,
    ) -> Result<()> {
        for VoidedInvoice { id, at, reason } in voided {
            if let Some(own) = self.invoices.iter_mut().find(|own| own.id == *id) {
                *own = own.voided(*at, reason)?;
            }
        }
        for invoice in added {
            let is_same = |own: &Invoice| {
                own.is_finalized() && own.period.starts_at == invoice.period.starts_at
            };
            if self.invoices.iter().any(is_same) {
                let reason = format!("a second invoice of {}", invoice.period.label());
                return Err(Error::Internal { reason });
            }
            self.invoices.push(Invoice { id: next(&mut ids.invoice), ..invoice });
        }
        for (id, payment) in payments {
            if let Some(own) = self.invoices.iter_mut().find(|own| own.id == *id) {
                own.payment = payment.clone();
            }
        }
        Ok(())
    }

    /// What invoices are made of.
    pub(super) fn billing(&self) -> Billing {
        let usage = self.tally.models.iter().map(|(key, usage)| (key.clone(), *usage)).collect();
        Billing { invoices: self.invoices.clone(), usage }
    }

    /// How many invoices there are, or which is not what was finalized.
    pub(super) fn check_invoices(&self) -> Result<usize, String> {
        match self.invoices.iter().find(|own| !is_intact(own, self.account.id)) {
            Some(own) => Err(format!("invoice {} is not what was finalized", own.id)),
            None => Ok(self.invoices.len()),
        }
    }

    /// The calls that pruning takes, and those that stay only because their cost is unknown.
    pub(super) fn prunable(&self, before: Timestamp) -> Pruned {
        let mut found = Pruned::default();
        for call in self.calls().filter(|call| call.occurred_at < before) {
            match call.cost {
                Some(_) => found.calls += 1,
                None => found.unpriced_calls += 1,
            }
        }
        found
    }

    /// Removes the calls that were made before an instant; their sums go into the base.
    pub(super) fn prune(&mut self, before: Timestamp) -> Result<()> {
        let mut kept = Vec::with_capacity(self.rows.len());
        for row in std::mem::take(&mut self.rows) {
            match PrunedCall::of(&row.call).filter(|old| old.occurred_at < before) {
                Some(old) => {
                    self.base.add(&self.account.tracked, &row.call)?;
                    self.pruned.insert(row.key, old);
                }
                None => kept.push(row),
            }
        }
        self.places = kept.iter().enumerate().map(|(place, row)| (row.key, place)).collect();
        self.rows = kept;
        Ok(())
    }

    /// Takes the user's identity and every free text away.
    pub(super) fn erase(&mut self, pseudonym: &str) -> Erased {
        let account = Arc::make_mut(&mut self.account);
        pseudonym.clone_into(&mut account.user);
        account.overrides.iter_mut().for_each(|own| own.note = None);
        account.timeline = account.timeline.anonymous();
        for (place, row) in self.rows.iter_mut().enumerate() {
            let key = CallKey::new(pseudonym, &row.call.id.to_string());
            self.places.remove(&row.key);
            self.places.insert(key, place);
            let details = row.call.details.anonymous();
            *row = Arc::new(Row { key, call: Call { details, ..row.call.clone() } });
        }
        let pruned = std::mem::take(&mut self.pruned).into_values();
        let renamed = |old: PrunedCall| (CallKey::new(pseudonym, &old.id.to_string()), old);
        self.pruned = pruned.map(renamed).collect();
        for invoice in &mut self.invoices {
            invoice.void_reason = None;
            invoice.payment.reference = None;
            invoice.payment.stripe_invoice_id = None;
        }
        self.outputs.clear();
        let holds = std::mem::take(&mut self.holds);
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        Erased {
            calls: count(self.rows.len()),
            holds: count(holds.len()),
            invoices: count(self.invoices.len()),
        }
    }

    fn change_overrides(
        &mut self,
        added: Vec<LimitOverride>,
        ended: &[(i64, Timestamp)],
        ids: &mut Ids,
    ) -> Result<()> {
        for own in added {
            let own = LimitOverride { id: next(&mut ids.limit_override), ..own };
            Arc::make_mut(&mut self.account).overrides.push(own);
        }
        for (id, ends_at) in ended {
            let overrides = &mut Arc::make_mut(&mut self.account).overrides;
            let own = overrides.iter_mut().find(|own| own.id == *id).ok_or_else(|| {
                Error::Internal { reason: format!("the user has no override {id} to end") }
            })?;
            own.ends_at = Some(*ends_at);
        }
        Ok(())
    }

    fn record(&mut self, key: CallKey, call: Call) -> Result<()> {
        if self.pruned.contains_key(&key) || self.places.insert(key, self.rows.len()).is_some() {
            return Err(Error::Internal { reason: format!("the key {key} is recorded already") });
        }
        self.tally.add(&self.account.tracked, &call)?;
        self.rows.push(Arc::new(Row { key, call }));
        Ok(())
    }

    /// The place of a call among the rows.
    pub(super) fn place(&self, call_id: i64) -> Option<usize> {
        self.rows.binary_search_by_key(&call_id, |row| row.call.id).ok()
    }

    /// Replaces a call, unless it is no longer as it was when that was decided: somebody else has
    /// re-rated it since, and its difference must not count twice.
    pub(super) fn re_rate(&mut self, place: usize, change: ReRated) -> Result<()> {
        let ReRated { before, after } = change;
        let row = &self.rows[place];
        if row.call != before {
            return Ok(());
        }
        self.tally.re_rate(&self.account.tracked, &before, &after)?;
        self.rows[place] = Arc::new(Row { key: row.key, call: after });
        Ok(())
    }

    /// What the calls add up to.
    pub(super) fn fold(&self) -> Result<Tally> {
        Tally::fold(&self.base, &self.account.tracked, self.calls())
    }

    /// How many keys there are, or what is wrong with them.
    pub(super) fn check_keys(&self) -> Result<usize, String> {
        for (place, row) in self.rows.iter().enumerate() {
            if self.places.get(&row.key) != Some(&place) {
                return Err(format!("call {} is not found by its key {}", row.call.id, row.key));
            }
        }
        if self.places.len() == self.rows.len() {
            return Ok(self.places.len());
        }
        Err(format!("{} keys, {} calls", self.places.len(), self.rows.len()))
    }

    /// How many holds there are, or what is wrong with them.
    pub(super) fn check_holds(&self) -> Result<usize, String> {
        for (key, hold) in &self.holds {
            if hold.key != *key {
                return Err(format!("hold {} is kept as {key}", hold.key));
            }
            if hold.state == HoldState::Open && self.places.contains_key(key) {
                return Err(format!("hold {key} is open though its call is recorded"));
            }
        }
        Ok(self.holds.len())
    }
}
