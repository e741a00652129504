//! The store in memory: the model that every other store is compared with.
//!
//! What it is: the plainest store that keeps the contract, for tests here and in hosts. What it
//! is not: durable. A work runs at once, in the thread that submits it, on a copy of what it
//! changes; the copy takes the original's place only when all of the work has succeeded.

mod book;
mod draft;
mod finding;
mod learning;
mod reports;
mod shelf;
mod tally;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::book::{Book, Ids};
use self::draft::Draft;
use self::learning::Calibrations;
use self::shelf::Shelf;
use super::{
    AlertFilter, AlertPage, Audience, Billing, CallFilter, CallPage, CatalogueChange, Changes,
    Check, Erased, Found, Glance, Head, Learned, OfModel, Page, PeriodMark, PruneMode, Pruned,
    ReRated, Store, Table, Ticket, View, VisitCall, VisitDay, WindowKey, Work,
};
use crate::domain::account::Account;
use crate::domain::alert::Alert;
use crate::domain::alert::outbox::{Delivery, OutboxCount};
use crate::domain::call::Call;
use crate::domain::catalogue::Catalogue;
use crate::domain::counter::{Counter, CounterKey, DayKey, ResponseKey, Totals};
use crate::domain::key::CallKey;
use crate::domain::time::{Span, Timestamp, Window};
use crate::error::{Error, Result};
use crate::ingest::{Calibration, OutputSizes};

/// A store that forgets everything when it is dropped. Threads may share it.
///
/// A work must not ask the store that runs it: it holds the store's only lock.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store: no plans, no prices, the common units, and users without a subscription
    /// on the plan of that id.
    pub fn new(default_plan: &str) -> Self {
        let catalogue =
            Catalogue { version: 1, default_plan: default_plan.to_owned(), ..Catalogue::default() };
        let state = State { catalogue: Arc::new(catalogue), ..State::default() };
        Self { state: Mutex::new(state) }
    }

    /// How the limits of a user's usage period stood when that was last written.
    pub fn period_mark(&self, user: &str, starts_at: Timestamp) -> Option<PeriodMark> {
        self.lock().books.get(user)?.marks.get(&starts_at).copied()
    }

    /// The state. A work that panicked has changed nothing of it, so it is still good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that is stored. A clone shares the books, until one of them is changed.
#[derive(Clone, Debug, Default)]
struct State {
    catalogue: Arc<Catalogue>,
    books: BTreeMap<String, Arc<Book>>,
    ids: Ids,
    shelf: Arc<Shelf>,
    calibrations: Arc<Calibrations>,
}

impl State {
    fn view(
        &self,
        user: Option<&str>,
        keys: &[CallKey],
        windows: impl FnOnce(&Head) -> Result<Vec<WindowKey>>,
    ) -> Result<View> {
        let book = user.and_then(|user| self.books.get(user));
        let find = |key: &CallKey| book.map_or(Found::Nothing, |book| book.found(key));
        let head = Head {
            catalogue: Arc::clone(&self.catalogue),
            account: book.map(|book| Arc::clone(&book.account)),
            found: keys.iter().map(find).collect(),
        };
        let windows = windows(&head)?;
        Ok(View {
            head,
            counters: book.map(|book| book.counters_of(&windows)).unwrap_or_default(),
            holds: book.map(|book| book.open_holds()).unwrap_or_default(),
            next_call_id: self.ids.call + 1,
            billing: Billing::default(),
        })
    }

    /// One transaction: all of the work's changes, or none.
    fn run(&mut self, work: &mut dyn Work) -> Result<()> {
        let mut view = self.view(work.user(), work.keys(), |head| work.windows(head))?;
        if let Some(book) = work.user().and_then(|user| self.books.get(user)) {
            view.billing = if work.needs_billing() { book.billing() } else { Billing::default() };
        }
        let changes = work.decide(&view)?;
        if changes != Changes::default() {
            let mut next = self.clone();
            next.apply(work.user(), changes)?;
            *self = next;
        }
        Ok(())
    }

    fn apply(&mut self, user: Option<&str>, mut changes: Changes) -> Result<()> {
        let catalogue = std::mem::take(&mut changes.catalogue);
        let re_rated = std::mem::take(&mut changes.re_rated);
        // Nothing here keeps when the catalogue changed; it is no change of a user.
        changes.catalogue_at = None;
        if let (Some(user), Some(seen_at)) = (user, changes.seen_at) {
            self.see(user, seen_at)?;
            changes.seen_at = None;
        }
        self.change_alerts(user, &mut changes)?;
        self.learn(&changes.lessons);
        if changes != Changes::default() {
            let book = user.and_then(|user| self.books.get_mut(user)).ok_or_else(|| {
                internal(format!("changes of the user {user:?}, which was never seen"))
            })?;
            Arc::make_mut(book).apply(&mut self.ids, changes)?;
        }
        for change in re_rated {
            self.re_rate(change)?;
        }
        self.change_catalogue(catalogue)
    }

    /// Raises and marks the alerts of a user, or of the operator, and changes the outbox.
    fn change_alerts(&mut self, user: Option<&str>, changes: &mut Changes) -> Result<()> {
        let (alerts, marks, outbox) = (
            std::mem::take(&mut changes.alerts),
            std::mem::take(&mut changes.alert_marks),
            std::mem::take(&mut changes.outbox),
        );
        if let Some(user) =
            user.filter(|user| !alerts.is_empty() && !self.books.contains_key(*user))
        {
            return Err(internal(format!("alerts of the user `{user}`, which was never seen")));
        }
        if alerts.is_empty() && marks.is_empty() && outbox.is_empty() {
            return Ok(());
        }
        let kept = Arc::make_mut(&mut self.shelf);
        for alert in alerts {
            let key = kept.raise(user, alert);
            let book = user.and_then(|user| self.books.get_mut(user));
            if let (Some(key), Some(book)) = (key, book) {
                Arc::make_mut(book).tell(key);
            }
        }
        for mark in marks {
            kept.mark(user, mark);
        }
        for change in outbox {
            kept.change(change);
        }
        Ok(())
    }

    fn see(&mut self, user: &str, seen_at: Timestamp) -> Result<()> {
        if !self.books.contains_key(user) {
            let id = count(self.books.len())? + 1;
            self.books.insert(user.to_owned(), Arc::new(Book::new(id, user, seen_at)));
        }
        Ok(())
    }

    fn re_rate(&mut self, change: ReRated) -> Result<()> {
        let id = change.before.id;
        let mut books = self.books.values_mut();
        let found = books.find_map(|book| book.place(id).map(|place| (place, book)));
        let (place, book) = found
            .ok_or_else(|| internal(format!("the re-rated call {id} is not in the ledger")))?;
        Arc::make_mut(book).re_rate(place, change)
    }

    fn change_catalogue(&mut self, changes: Vec<CatalogueChange>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let before = Arc::clone(&self.catalogue);
        let mut draft = Draft::new(&before);
        for change in changes {
            draft.apply(change, &|price| self.is_price_used(price))?;
        }
        if let Some(next) = draft.finish() {
            self.catalogue = Arc::new(next);
        }
        Ok(())
    }

    fn is_price_used(&self, id: i64) -> bool {
        let mut calls = self.books.values().flat_map(|book| book.calls());
        // Closed ones too: they can still be settled late, by the price of their reserve.
        let mut holds = self.books.values().flat_map(|book| book.holds());
        let mut pruned = self.books.values().flat_map(|book| book.pruned());
        calls.any(|call| call.price_version_id == Some(id))
            || pruned.any(|call| call.price_version_id == Some(id))
            || holds.any(|hold| hold.price_version_id == Some(id))
    }
}

impl Store for MemoryStore {
    fn submit(&self, mut work: Box<dyn Work>) -> Result<Ticket> {
        let outcome = self.lock().run(work.as_mut());
        work.finish(outcome);
        Ok(Ticket(0))
    }

    fn cancel(&self, _: Ticket) -> bool {
        // A work is done when `submit` returns.
        false
    }

    fn look(
        &self,
        user: &str,
        keys: &[CallKey],
        windows: &dyn Fn(&Head) -> Result<Vec<WindowKey>>,
    ) -> Result<View> {
        self.lock().view(Some(user), keys, windows)
    }

    fn catalogue(&self) -> Result<Arc<Catalogue>> {
        Ok(Arc::clone(&self.lock().catalogue))
    }

    fn recent_catalogue(&self) -> Result<Arc<Catalogue>> {
        self.catalogue()
    }

    fn account(&self, user: &str) -> Result<Option<Arc<Account>>> {
        Ok(self.lock().books.get(user).map(|book| Arc::clone(&book.account)))
    }

    fn users(&self) -> Result<Vec<String>> {
        let state = self.lock();
        let mut accounts: Vec<&Account> = state.books.values().map(|b| &*b.account).collect();
        accounts.sort_by_key(|account| account.id);
        Ok(accounts.into_iter().map(|account| account.user.clone()).collect())
    }

    fn calls(&self, user: &str, filter: &CallFilter, page: Page) -> Result<CallPage> {
        let state = self.lock();
        let book = state.books.get(user);
        let fitting: Vec<&Call> = book
            .into_iter()
            .flat_map(|book| book.calls().rev())
            .filter(|call| fits(filter, call))
            .collect();
        let total_count = count(fitting.len())?;
        let calls = fitting
            .into_iter()
            .filter(|call| page.before_id.is_none_or(|before| call.id < before))
            .skip(places(page.offset))
            .take(places(page.limit))
            .cloned()
            .collect();
        Ok(CallPage { calls, total_count })
    }

    fn unpriced(&self, after_id: i64, limit: i64) -> Result<Vec<(String, Call)>> {
        let state = self.lock();
        let mut unpriced: Vec<(&String, &Call)> = state
            .books
            .iter()
            .flat_map(|(user, book)| book.calls().map(move |call| (user, call)))
            .filter(|(_, call)| call.cost.is_none() && call.id > after_id)
            .collect();
        unpriced.sort_by_key(|(_, call)| call.id);
        let page = unpriced.into_iter().take(places(limit));
        Ok(page.map(|(user, call)| (user.clone(), call.clone())).collect())
    }

    fn period_counters(&self, user: &str, within: Span) -> Result<Vec<(CounterKey, Counter)>> {
        let is_within =
            |key: &CounterKey| key.window == Window::Period && within.contains(key.starts_at);
        let state = self.lock();
        let counters = state.books.get(user).into_iter().flat_map(|book| &book.tally.counters);
        Ok(counters
            .filter(|(key, _)| is_within(key))
            .map(|(key, counter)| (key.clone(), counter.clone()))
            .collect())
    }

    fn period_totals(&self, user: &str, within: Span) -> Result<Vec<(Timestamp, String, Totals)>> {
        let counters = self.period_counters(user, within)?;
        let row = |(key, sum): &(CounterKey, Counter)| {
            (key.starts_at, key.provider.clone(), Totals::from(sum))
        };
        Ok(counters.iter().map(row).collect())
    }

    fn glance(
        &self,
        user: &str,
        windows: &dyn Fn(&Head) -> Result<Vec<WindowKey>>,
        days: Range<i64>,
        alerts_max: i64,
    ) -> Result<Glance> {
        self.lock().glance(user, windows, &days, alerts_max)
    }

    fn days(&self, user: &str, from: i64, before: i64) -> Result<Vec<(DayKey, Counter)>> {
        let state = self.lock();
        let days = state.books.get(user).into_iter().flat_map(|book| &book.tally.days);
        Ok(days
            .filter(|(key, _)| (from..before).contains(&key.day))
            .map(|(key, counter)| (key.clone(), counter.clone()))
            .collect())
    }

    fn billing(&self, user: &str) -> Result<Billing> {
        Ok(self.lock().books.get(user).map(|book| book.billing()).unwrap_or_default())
    }

    fn period_marks(&self, user: &str) -> Result<Vec<PeriodMark>> {
        let state = self.lock();
        let marks = state.books.get(user).into_iter().flat_map(|book| book.marks.values());
        Ok(marks.copied().collect())
    }

    fn prune(&self, before: Timestamp, mode: PruneMode) -> Result<Pruned> {
        let mut state = self.lock();
        let mut found = Pruned::default();
        let mut next = state.clone();
        for book in next.books.values_mut() {
            let own = book.prunable(before);
            found.calls += own.calls;
            found.unpriced_calls += own.unpriced_calls;
            if mode == PruneMode::Remove && own.calls > 0 {
                Arc::make_mut(book).prune(before)?;
            }
        }
        *state = next;
        Ok(found)
    }

    fn erase(&self, user: &str, pseudonym: &str) -> Result<Erased> {
        let mut state = self.lock();
        let unknown = || Error::UnknownUser { user: crate::error::shown(user) };
        let mut book = state.books.remove(user).ok_or_else(unknown)?;
        let erased = Arc::make_mut(&mut book).erase(pseudonym);
        Arc::make_mut(&mut state.shelf).erase(user, pseudonym);
        state.books.insert(pseudonym.to_owned(), book);
        Ok(erased)
    }

    fn visit_calls(
        &self,
        user: Option<&str>,
        within: Span,
        visit: &mut VisitCall<'_>,
    ) -> Result<()> {
        // On a copy, which is cheap: a visitor may ask the store.
        let state = self.lock().clone();
        state.visit_calls(user, within, visit);
        Ok(())
    }

    fn visit_days(&self, user: Option<&str>, within: Span, visit: &mut VisitDay<'_>) -> Result<()> {
        let state = self.lock().clone();
        state.visit_days(user, within, visit);
        Ok(())
    }

    fn response_times(
        &self,
        user: &str,
        from: i64,
        before: i64,
    ) -> Result<Vec<(ResponseKey, i64)>> {
        Ok(self.lock().response_times(user, &(from..before)))
    }

    fn alerts(
        &self,
        audience: Audience<'_>,
        filter: &AlertFilter,
        page: Page,
    ) -> Result<AlertPage> {
        let user = match audience {
            Audience::User(user) => Some(user),
            Audience::Operator => None,
        };
        Ok(self.lock().shelf.page(user, filter, page))
    }

    fn alert(&self, id: i64) -> Result<Option<Alert>> {
        Ok(self.lock().shelf.alert(id))
    }

    fn claimed(&self, token: &str) -> Result<Vec<Delivery>> {
        Ok(self.lock().shelf.claimed(token))
    }

    fn outbox(&self) -> Result<Vec<OutboxCount>> {
        Ok(self.lock().shelf.counts())
    }

    fn learned(&self, user: &str, provider: &str, model: &str) -> Result<Learned> {
        Ok(self.lock().learned(user, provider, model))
    }

    fn calibrations(&self) -> Result<Vec<OfModel<Calibration>>> {
        Ok(self.lock().all_calibrations())
    }

    fn output_sizes(&self, user: &str) -> Result<Vec<OfModel<OutputSizes>>> {
        Ok(self.lock().output_sizes(user))
    }

    fn verify(&self) -> Result<Vec<Check>> {
        self.lock().checks()
    }

    fn rebuild(&self) -> Result<i64> {
        let mut state = self.lock();
        let mut next = state.clone();
        let mut rows = 0;
        for book in next.books.values_mut() {
            let tally = book.fold()?;
            rows += tally.counters.len() + tally.days.len() + tally.models.len();
            Arc::make_mut(book).tally = tally;
        }
        *state = next;
        count(rows)
    }

    fn query(&self, _sql: &str, _rows_max: usize) -> Result<Table> {
        Err(Error::Unsupported { action: "run SQL" })
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

fn fits(filter: &CallFilter, call: &Call) -> bool {
    let CallFilter { provider, operation, model, status_code, .. } = filter;
    let CallFilter { within, period_within, is_unpriced, .. } = filter;
    provider.as_ref().is_none_or(|provider| *provider == call.provider)
        && operation.as_ref().is_none_or(|operation| operation == call.operation.as_str())
        && model.as_ref().is_none_or(|model| *model == call.model)
        && status_code.is_none_or(|status_code| status_code == call.status_code)
        && within.is_none_or(|within| within.contains(call.occurred_at))
        && period_within.is_none_or(|within| within.contains(call.period_starts_at))
        && (!is_unpriced || call.cost.is_none())
}

fn internal(reason: String) -> Error {
    Error::Internal { reason }
}

fn count(length: usize) -> Result<i64> {
    i64::try_from(length).map_err(|error| internal(error.to_string()))
}

/// How many places of a list a number means, none when it is negative.
fn places(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests;
