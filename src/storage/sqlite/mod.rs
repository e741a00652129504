//! SQLite: one file for everything, shared by any number of threads and processes.
//!
//! Writes go through one queue and one writer thread a process (`writer`); processes take
//! turns by a lock beside the file (`file`). Reads have their own connections and never wait.

#[macro_use]
mod columns;
mod addition;
mod alerts;
mod audit;
mod billing;
mod catalogue;
mod checkpoint;
mod connection;
mod engine;
mod events;
mod export;
mod failure;
mod file;
mod fold;
mod learning;
mod names;
mod query;
mod queue;
mod read;
mod retention;
mod rows;
mod seal;
mod sums;
#[allow(unsafe_code, reason = "SQLite's system calls and forks, see there")]
mod syscalls;
mod terms;
mod transaction;
mod verify;
mod write;
mod writer;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Instant;

use self::engine::Handle;
use self::failure::in_file;
use self::file::Patience;
use self::read::starts_within;
use self::transaction::{complete, find};
use super::{
    AlertFilter, AlertPage, Audience, Billing, CallFilter, CallPage, Changes, Check, DaySums,
    Erased, Glance, Head, Learned, OfModel, Page, PeriodMark, PruneMode, Pruned, Store,
    StoreOptions, Table, Ticket, View, VisitCall, VisitDay, WindowKey, Work,
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

/// A store in one SQLite file.
pub struct SqliteStore {
    handle: Arc<Handle>,
}

impl SqliteStore {
    /// Opens the file, making it and its tables when there are none.
    pub fn open(path: &Path, options: StoreOptions) -> Result<Self> {
        Ok(Self { handle: Handle::open(path, options)? })
    }

    fn read<T>(
        &self,
        action: &'static str,
        read: impl FnOnce(&mut read::Session) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.handle.engine()?.read(action, read)
    }

    /// Reads about a user; nothing when it was never seen.
    fn read_user<T: Default>(
        &self,
        action: &'static str,
        user: &str,
        read: impl FnOnce(&mut read::Session, i64) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.read(action, |session| match session.sight(Some(user))?.account {
            None => Ok(T::default()),
            Some(account) => read(session, account.id),
        })
    }
}

impl Store for SqliteStore {
    fn submit(&self, work: Box<dyn Work>) -> Result<Ticket> {
        self.handle.engine()?.submit(work)
    }

    fn submit_at_once(&self, work: Box<dyn Work>) -> Result<Ticket> {
        self.handle.engine()?.submit_until(work, Instant::now())
    }

    fn submit_all(&self, works: Vec<Box<dyn Work>>) -> Vec<Result<Ticket>> {
        match self.handle.engine() {
            Ok(engine) => engine.submit_all(works),
            Err(error) => works.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn cancel(&self, ticket: Ticket) -> bool {
        self.handle.engine().is_ok_and(|engine| engine.queue.cancel(ticket))
    }

    fn look(
        &self,
        user: &str,
        keys: &[CallKey],
        windows: &dyn Fn(&Head) -> Result<Vec<WindowKey>>,
    ) -> Result<View> {
        let engine = self.handle.engine()?;
        let quick = |session: &mut read::Session| {
            let Some(catalogue) = engine.remembered_catalogue().filter(|_| keys.is_empty()) else {
                return Ok(None);
            };
            quick_look(session, user, &catalogue, windows)
        };
        let thorough = |session: &mut read::Session| {
            let sight = session.sight(Some(user))?;
            let catalogue = engine.catalogue_at(sight.catalogue_version, &session.connection)?;
            let found = find(session, sight.account.as_deref(), keys)?;
            let head = Head { catalogue, account: sight.account.clone(), found };
            match windows(&head) {
                Err(error) => Ok(Err(error)),
                Ok(windows) => complete(session, head, &windows, &sight).map(Ok),
            }
        };
        engine.read_after("look at the user", quick, thorough)?
    }

    fn catalogue(&self) -> Result<Arc<Catalogue>> {
        let engine = self.handle.engine()?;
        self.read("read the catalogue", |session| {
            let sight = session.sight(None)?;
            engine.catalogue_at(sight.catalogue_version, &session.connection)
        })
    }

    fn recent_catalogue(&self) -> Result<Arc<Catalogue>> {
        let engine = self.handle.engine()?;
        if let Some(young) = engine.young_catalogue() {
            return Ok(young);
        }
        let catalogue = self.catalogue()?;
        engine.remember_catalogue(Arc::clone(&catalogue));
        Ok(catalogue)
    }

    fn account(&self, user: &str) -> Result<Option<Arc<Account>>> {
        self.read("read the user", |session| Ok(session.sight(Some(user))?.account))
    }

    fn users(&self) -> Result<Vec<String>> {
        self.read("read the users", |session| {
            let mut statement =
                session.connection.prepare_cached("SELECT user FROM users ORDER BY id")?;
            statement.query_map([], |row| row.get(0))?.collect()
        })
    }

    fn calls(&self, user: &str, filter: &CallFilter, page: Page) -> Result<CallPage> {
        self.read_user("read the calls", user, |session, id| {
            query::calls(session, id, filter, page)
        })
    }

    fn unpriced(&self, after_id: i64, limit: i64) -> Result<Vec<(String, Call)>> {
        self.read("read the unpriced calls", |session| session.unpriced(after_id, limit))
    }

    fn period_counters(&self, user: &str, within: Span) -> Result<Vec<(CounterKey, Counter)>> {
        self.read_user("read the counters", user, |session, id| {
            let mut counters = Vec::new();
            session.counters(id, Window::Period, starts_within(within), &mut counters)?;
            Ok(counters)
        })
    }

    fn period_totals(&self, user: &str, within: Span) -> Result<Vec<(Timestamp, String, Totals)>> {
        self.read_user("read the totals", user, |session, id| {
            session.period_totals(id, starts_within(within))
        })
    }

    fn glance(
        &self,
        user: &str,
        windows: &dyn Fn(&Head) -> Result<Vec<WindowKey>>,
        days: Range<i64>,
        alerts_max: i64,
    ) -> Result<Glance> {
        let engine = self.handle.engine()?;
        self.read("look at the user", |session| {
            let sight = session.sight(Some(user))?;
            let catalogue = engine.catalogue_at(sight.catalogue_version, &session.connection)?;
            let head = Head { catalogue, account: sight.account.clone(), found: Vec::new() };
            let windows = match windows(&head) {
                Err(error) => return Ok(Err(error)),
                Ok(windows) => windows,
            };
            let (mut recent, mut alerts) = (DaySums::default(), AlertPage::default());
            if let Some(account) = &head.account {
                recent = match session.day_sums(account.id, days)? {
                    Err(error) => return Ok(Err(error)),
                    Ok(recent) => recent,
                };
                alerts = session.unread_alerts(account.id, alerts_max)?;
            }
            let view = complete(session, head, &windows, &sight)?;
            Ok(Ok(Glance { view, recent, alerts }))
        })?
    }

    fn days(&self, user: &str, from: i64, before: i64) -> Result<Vec<(DayKey, Counter)>> {
        self.read_user("read the days", user, |session, id| session.days(id, from, before))
    }

    fn billing(&self, user: &str) -> Result<Billing> {
        self.read_user("read the invoices", user, read::Session::billing)
    }

    fn period_marks(&self, user: &str) -> Result<Vec<PeriodMark>> {
        self.read_user("read the usage periods", user, |session, id| session.period_marks(id))
    }

    fn prune(&self, before: Timestamp, mode: PruneMode) -> Result<Pruned> {
        let engine = self.handle.engine()?;
        retention::prune(engine, before, mode).map_err(|error| in_file(error, &engine.path))
    }

    fn erase(&self, user: &str, pseudonym: &str) -> Result<Erased> {
        let engine = self.handle.engine()?;
        retention::erase(engine, user, pseudonym).map_err(|error| in_file(error, &engine.path))
    }

    fn response_times(
        &self,
        user: &str,
        from: i64,
        before: i64,
    ) -> Result<Vec<(ResponseKey, i64)>> {
        self.read_user("read the response times", user, |session, id| {
            session.response_times(id, from, before)
        })
    }

    fn alerts(
        &self,
        audience: Audience<'_>,
        filter: &AlertFilter,
        page: Page,
    ) -> Result<AlertPage> {
        match audience {
            Audience::User(user) => self.read_user("read the alerts", user, |session, id| {
                session.alerts(Some(id), filter, page)
            }),
            Audience::Operator => {
                self.read("read the alerts", |session| session.alerts(None, filter, page))
            }
        }
    }

    fn alert(&self, id: i64) -> Result<Option<Alert>> {
        self.read("read the alert", |session| session.alert(id))
    }

    fn claimed(&self, token: &str) -> Result<Vec<Delivery>> {
        self.read("read the outbox", |session| session.claimed(token))
    }

    fn outbox(&self) -> Result<Vec<OutboxCount>> {
        self.read("read the outbox", read::Session::outbox)
    }

    fn visit_calls(
        &self,
        user: Option<&str>,
        within: Span,
        visit: &mut VisitCall<'_>,
    ) -> Result<()> {
        let action = "export the calls";
        match user {
            None => self.read(action, |session| session.visit_calls(None, within, visit)),
            Some(user) => self.read_user(action, user, |session, id| {
                session.visit_calls(Some(id), within, visit)
            }),
        }
    }

    fn visit_days(&self, user: Option<&str>, within: Span, visit: &mut VisitDay<'_>) -> Result<()> {
        let action = "export the days";
        match user {
            None => self.read(action, |session| session.visit_days(None, within, visit)),
            Some(user) => self
                .read_user(action, user, |session, id| session.visit_days(Some(id), within, visit)),
        }
    }

    fn learned(&self, user: &str, provider: &str, model: &str) -> Result<Learned> {
        self.read("read what was learned", |session| session.learned(user, provider, model))
    }

    fn calibrations(&self) -> Result<Vec<OfModel<Calibration>>> {
        self.read("read the calibrations", read::Session::calibrations)
    }

    fn output_sizes(&self, user: &str) -> Result<Vec<OfModel<OutputSizes>>> {
        self.read_user("read the output sizes", user, read::Session::output_sizes)
    }

    fn verify(&self) -> Result<Vec<Check>> {
        verify::verify(self.handle.engine()?)
    }

    fn rebuild(&self) -> Result<i64> {
        let engine = self.handle.engine()?;
        fold::rebuild(engine).map_err(|error| in_file(error, &engine.path))
    }

    fn query(&self, sql: &str, rows_max: usize) -> Result<Table> {
        query::query(self.handle.engine()?, sql, rows_max)
    }

    fn flush(&self) -> Result<()> {
        let engine = self.handle.engine()?;
        let patience = Patience::of(&engine.options);
        let (sender, receiver) = sync_channel(1);
        let ticket = engine.submit(Box::new(Barrier(sender)))?;
        match receiver.recv_timeout(patience.left()) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => {
                engine.queue.cancel(ticket);
                Err(patience.overloaded())
            }
            Err(RecvTimeoutError::Disconnected) => Err(Error::Closed {}),
        }
    }
}

/// Looks at a user in one statement, when what is remembered of it still holds.
fn quick_look(
    session: &mut read::Session,
    user: &str,
    catalogue: &Arc<Catalogue>,
    windows: &dyn Fn(&Head) -> Result<Vec<WindowKey>>,
) -> rusqlite::Result<Option<Result<View>>> {
    let head = |account| {
        let catalogue = Arc::clone(catalogue);
        Head { catalogue, account: Some(account), found: Vec::new() }
    };
    // Only the usage period: a window without counters of its own is the slow way's.
    let period_alone = |account| match windows(&head(account)).ok()?.as_slice() {
        [key] if key.window == Window::Period => Some(*key),
        _ => None,
    };
    let found = session.quick_look(user, catalogue, &period_alone)?;
    Ok(found.map(|read::QuickLook { account, counters }| {
        let (holds, billing) = (Vec::new(), Billing::default());
        Ok(View { head: head(account), counters, holds, next_call_id: 0, billing })
    }))
}

/// A work that changes nothing: when it is done, so is everything before it.
struct Barrier(std::sync::mpsc::SyncSender<Result<()>>);

impl Work for Barrier {
    fn user(&self) -> Option<&str> {
        None
    }

    fn keys(&self) -> &[CallKey] {
        &[]
    }

    fn windows(&self, _: &Head) -> Result<Vec<WindowKey>> {
        Ok(Vec::new())
    }

    fn decide(&mut self, _: &View) -> Result<Changes> {
        Ok(Changes::default())
    }

    fn finish(self: Box<Self>, outcome: Result<()>) {
        // Who does not wait any more needs no answer.
        drop(self.0.send(outcome));
    }
}
