//! The store in memory: the model that every other store is compared with.
//!
//! What it is: the plainest store that keeps the contract, for tests here and in hosts. What it
//! is not: durable. A work runs at once, in the thread that submits it, on a copy of what it
//! changes; the copy takes the original's place only when all of the work has succeeded.

mod book;
mod draft;
mod tally;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::book::{Book, Ids};
use self::draft::Draft;
use self::tally::first_difference;
use super::{
    CallFilter, CallPage, CatalogueChange, Changes, Check, Found, Head, Page, PeriodMark, ReRated,
    Store, Table, Ticket, View, WindowKey, Work,
};
use crate::domain::account::Account;
use crate::domain::call::Call;
use crate::domain::catalogue::Catalogue;
use crate::domain::counter::{Counter, CounterKey, DayKey};
use crate::domain::key::CallKey;
use crate::domain::time::{Span, Timestamp, Window};
use crate::error::{Error, Result};

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
        let state =
            State { catalogue: Arc::new(catalogue), books: BTreeMap::new(), ids: Ids::default() };
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
#[derive(Clone, Debug)]
struct State {
    catalogue: Arc<Catalogue>,
    books: BTreeMap<String, Arc<Book>>,
    ids: Ids,
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
        })
    }

    /// One transaction: all of the work's changes, or none.
    fn run(&mut self, work: &mut dyn Work) -> Result<()> {
        let view = self.view(work.user(), work.keys(), |head| work.windows(head))?;
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
        calls.any(|call| call.price_version_id == Some(id))
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

    fn days(&self, user: &str, from: i64, before: i64) -> Result<Vec<(DayKey, Counter)>> {
        let state = self.lock();
        let days = state.books.get(user).into_iter().flat_map(|book| &book.tally.days);
        Ok(days
            .filter(|(key, _)| (from..before).contains(&key.day))
            .map(|(key, counter)| (key.clone(), counter.clone()))
            .collect())
    }

    fn verify(&self) -> Result<Vec<Check>> {
        let state = self.lock();
        let mut counters = Finding::new("counters");
        let mut days = Finding::new("days");
        let mut keys = Finding::new("keys");
        let mut holds = Finding::new("holds");
        for (user, book) in &state.books {
            let (kept, counted) = (&book.tally, book.fold()?);
            counters.add(user, rows_or_difference(&kept.counters, &counted.counters));
            days.add(user, rows_or_difference(&kept.days, &counted.days));
            keys.add(user, book.check_keys());
            holds.add(user, book.check_holds());
        }
        Ok([counters, days, keys, holds].map(Finding::into_check).into())
    }

    fn rebuild(&self) -> Result<i64> {
        let mut state = self.lock();
        let mut next = state.clone();
        let mut rows = 0;
        for book in next.books.values_mut() {
            let tally = book.fold()?;
            rows += tally.counters.len() + tally.days.len();
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

/// What one check has found so far.
struct Finding {
    name: &'static str,
    rows: usize,
    first_fault: Option<String>,
}

impl Finding {
    fn new(name: &'static str) -> Self {
        Self { name, rows: 0, first_fault: None }
    }

    fn add(&mut self, user: &str, found: Result<usize, String>) {
        match found {
            Ok(rows) => self.rows += rows,
            Err(fault) if self.first_fault.is_none() => {
                self.first_fault = Some(format!("user `{user}`: {fault}"));
            }
            Err(_) => {}
        }
    }

    fn into_check(self) -> Check {
        let is_ok = self.first_fault.is_none();
        let found = self.first_fault.unwrap_or_else(|| format!("{} rows", self.rows));
        Check { name: self.name, found, is_ok }
    }
}

fn rows_or_difference<K: Ord + std::fmt::Debug>(
    kept: &BTreeMap<K, Counter>,
    counted: &BTreeMap<K, Counter>,
) -> Result<usize, String> {
    first_difference(kept, counted).map_or(Ok(kept.len()), Err)
}

fn fits(filter: &CallFilter, call: &Call) -> bool {
    let CallFilter { provider, operation, model, status_code, within, is_unpriced } = filter;
    provider.as_ref().is_none_or(|provider| *provider == call.provider)
        && operation.as_ref().is_none_or(|operation| operation == call.operation.as_str())
        && model.as_ref().is_none_or(|model| *model == call.model)
        && status_code.is_none_or(|status_code| status_code == call.status_code)
        && within.is_none_or(|within| within.contains(call.occurred_at))
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
mod tests {
    use super::*;
    use crate::domain::call::{CallDetails, UsageSource};
    use crate::domain::money::Money;
    use crate::domain::operation::Operation;
    use crate::domain::price::{PriceMatch, Variant};
    use crate::domain::usage::Usage;

    fn call() -> Call {
        Call {
            id: 0,
            provider: "gemini".into(),
            operation: Operation::chat(),
            model: "m".into(),
            variant: Variant::Standard,
            usage: Usage::tokens(1, 1),
            usage_source: UsageSource::Reported,
            call_count: 1,
            status_code: 200,
            occurred_at: Timestamp::MIN,
            recorded_at: Timestamp::MIN,
            period_starts_at: Timestamp::MIN,
            cost: Some(Money::ZERO),
            cost_input: Money::ZERO,
            cost_output: Money::ZERO,
            vendor_cost: None,
            price_version_id: None,
            price_match: PriceMatch::Exact,
            is_late: false,
            details: CallDetails::default(),
        }
    }

    #[test]
    fn verify_shows_the_first_difference_and_rebuild_mends_it() {
        let store = MemoryStore::new("free");
        let calls = vec![(CallKey::new("u", "k"), call())];
        let changes = Changes { seen_at: Some(Timestamp::MIN), calls, ..Changes::default() };
        store.lock().apply(Some("u"), changes).unwrap();
        let faults = || -> Vec<Check> {
            store.verify().unwrap().into_iter().filter(|check| !check.is_ok).collect()
        };
        assert_eq!(faults(), []);
        let tamper = |change: fn(&mut tally::Tally)| {
            let mut state = store.lock();
            let book = state.books.get_mut("u").unwrap();
            change(&mut Arc::make_mut(book).tally);
        };
        tamper(|tally| tally.counters.values_mut().for_each(|sum| sum.calls += 1));
        tamper(|tally| tally.days.clear());
        let found = faults();
        assert_eq!(found.iter().map(|check| check.name).collect::<Vec<_>>(), ["counters", "days"]);
        assert!(found[0].found.contains("calls: 2") && found[0].found.contains("calls: 1"));
        assert!(found[1].found.contains("kept None"), "{}", found[1].found);
        assert_eq!(store.rebuild().unwrap(), 2);
        assert_eq!(faults(), []);
    }
}
