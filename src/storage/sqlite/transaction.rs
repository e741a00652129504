//! Transactions: running works one after the other, each seeing what those before it changed.

use std::sync::Arc;

use super::alerts;
use super::catalogue;
use super::engine::Engine;
use super::failure::failed;
use super::read::{Session, Sight};
use super::seal::seal_user;
use super::write::{Writing, create_user};
use crate::domain::account::Account;
use crate::domain::catalogue::Catalogue;
use crate::domain::key::CallKey;
use crate::domain::time::{Timestamp, Window};
use crate::error::Error;
use crate::storage::{Billing, Changes, Found, Head, View, WindowKey, Work};

/// Why a work could not be done.
pub(super) enum Failure {
    /// The rules, or a constraint of the tables, refused this work alone.
    Rejected(Error),
    /// The database failed: nothing of the transaction counts.
    Broken {
        /// What it said.
        error: Error,
        /// Whether it failed while committing, so that it may have been committed.
        in_commit: bool,
    },
}

impl Failure {
    pub(super) fn broken(error: Error) -> Self {
        Self::Broken { error, in_commit: false }
    }

    /// What SQLite said while a work was read or written.
    fn of(action: &'static str) -> impl Fn(rusqlite::Error) -> Self {
        move |error| {
            let is_constraint =
                error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation);
            // STRICT refuses the REAL that an integer sum overflows into.
            let is_overflow = error.to_string().contains("cannot store REAL value");
            match failed(action)(error) {
                _ if is_overflow => {
                    let value = "a sum of this user".to_owned();
                    Self::Rejected(Error::AmountOutOfRange { value })
                }
                error if is_constraint => Self::Rejected(error),
                error => Self::broken(error),
            }
        }
    }
}

/// The writer's transaction while works run in it.
pub(super) struct Transaction<'a> {
    session: &'a mut Session,
    engine: &'a Engine,
    /// Whether a work was rejected after some of it was written.
    has_partial_writes: bool,
    /// The catalogue as this transaction has changed it.
    changed_catalogue: Option<Arc<Catalogue>>,
}

impl<'a> Transaction<'a> {
    pub(super) const fn new(session: &'a mut Session, engine: &'a Engine) -> Self {
        Self { session, engine, has_partial_writes: false, changed_catalogue: None }
    }

    pub(super) const fn has_partial_writes(&self) -> bool {
        self.has_partial_writes
    }

    /// Runs one work: reads what it asks for, lets it decide, writes what it decided.
    pub(super) fn run(&mut self, work: &mut dyn Work) -> Result<(), Failure> {
        let (head, sight) = self.head(work.user(), work.keys())?;
        let windows = work.windows(&head).map_err(Failure::Rejected)?;
        let mut view = complete(self.session, head, &windows, &sight)
            .map_err(Failure::of("read the counters"))?;
        if let Some(account) = view.head.account.as_deref().filter(|_| work.needs_billing()) {
            view.billing =
                self.session.billing(account.id).map_err(Failure::of("read the invoices"))?;
        }
        let changes = work.decide(&view).map_err(Failure::Rejected)?;
        self.check(&changes, &view.head, work.user().is_some())?;
        self.has_partial_writes = true;
        self.write(work.user(), &changes, &view)?;
        self.has_partial_writes = false;
        Ok(())
    }

    fn head(&mut self, user: Option<&str>, keys: &[CallKey]) -> Result<(Head, Sight), Failure> {
        let sight = self.session.sight(user).map_err(Failure::of("read the user"))?;
        let catalogue = match &self.changed_catalogue {
            Some(changed) => Arc::clone(changed),
            None => self
                .engine
                .catalogue_at(sight.catalogue_version, &self.session.connection)
                .map_err(Failure::of("read the catalogue"))?,
        };
        let found = find(self.session, sight.account.as_deref(), keys)
            .map_err(Failure::of("look up the keys"))?;
        Ok((Head { catalogue, account: sight.account.clone(), found }, sight))
    }

    /// What can be refused is refused before anything is written.
    fn check(&self, changes: &Changes, head: &Head, has_user: bool) -> Result<(), Failure> {
        let needs_user = !changes.calls.is_empty()
            || !changes.holds.is_empty()
            || !changes.lessons.is_empty()
            || !changes.tracked.is_empty()
            || !changes.terms.is_empty()
            || !changes.invoices.is_empty()
            || !changes.overrides.is_empty()
            || (has_user && !changes.alerts.is_empty());
        if needs_user && head.account.is_none() && changes.seen_at.is_none() {
            let reason = "changes of a user that was never seen".into();
            return Err(Failure::Rejected(Error::Internal { reason }));
        }
        catalogue::check(&self.session.connection, &changes.catalogue, &head.catalogue)
            .map_err(Failure::of("check the prices"))?
            .map_err(Failure::Rejected)
    }

    fn write(&mut self, user: Option<&str>, changes: &Changes, view: &View) -> Result<(), Failure> {
        match user {
            Some(user) => self.write_user(user, changes, view),
            None => write_alerts(&self.session.connection, None, changes).map(|_| ()),
        }
        .map_err(Failure::of("write the changes"))?;
        if !changes.catalogue.is_empty() {
            self.write_catalogue(changes).map_err(Failure::of("write the catalogue"))?;
        }
        Ok(())
    }

    fn write_user(&mut self, user: &str, changes: &Changes, view: &View) -> rusqlite::Result<()> {
        let account = view.head.account.as_deref();
        let user_id = match (account, changes.seen_at) {
            (Some(account), _) => account.id,
            (None, Some(at)) => create_user(&self.session.connection, user, at)?,
            (None, None) => return Ok(()),
        };
        let unseen = Account::new(user_id, user, Timestamp::MIN);
        let account = account.unwrap_or(&unseen);
        let mut tracked: Vec<Window> = account.tracked.keys().copied().collect();
        tracked.extend(changes.tracked.iter().filter(|w| !account.tracked.contains_key(w)));
        tracked.retain(|window| *window != Window::Period);
        let session = &mut *self.session;
        let mut writing =
            Writing { connection: &session.connection, names: &mut session.names, user_id };
        writing.track(&changes.tracked, view.next_call_id - 1)?;
        for (key, call) in &changes.calls {
            writing.enter(*key, call, &tracked)?;
        }
        for hold in &changes.holds {
            writing.put_hold(hold)?;
        }
        for key in &changes.removed_holds {
            writing.remove_hold(*key)?;
        }
        for lesson in &changes.lessons {
            writing.learn(lesson)?;
        }
        for change in &changes.re_rated {
            writing.re_rate(change, account)?;
        }
        for mark in &changes.periods {
            writing.mark_period(mark)?;
        }
        for mark in &changes.touched_periods {
            writing.touch_period(mark)?;
        }
        for (id, at) in &changes.withdrawn_terms {
            writing.withdraw_term(*id, *at)?;
        }
        for term in &changes.terms {
            writing.add_term(term)?;
        }
        writing.change_invoices(changes)?;
        for own in &changes.overrides {
            writing.add_override(own)?;
        }
        for (id, at) in &changes.ended_overrides {
            writing.end_override(*id, *at)?;
        }
        if write_alerts(writing.connection, Some(user_id), changes)? {
            writing.revise()?;
        }
        if view.head.account.is_none() || has_changed_user(changes) {
            seal_user(writing.connection, user_id)?;
        }
        Ok(())
    }

    fn write_catalogue(&mut self, changes: &Changes) -> rusqlite::Result<()> {
        let session = &mut *self.session;
        let at = changes.catalogue_at.unwrap_or(Timestamp::MIN);
        catalogue::write(&session.connection, &mut session.names, &changes.catalogue, at)?;
        let default_plan = &self.engine.options.default_plan;
        self.changed_catalogue =
            Some(Arc::new(catalogue::load(&session.connection, default_plan)?));
        Ok(())
    }

    /// Commits everything, or nothing.
    pub(super) fn commit(self) -> Result<(), Failure> {
        self.session
            .connection
            .prepare_cached("COMMIT")
            .and_then(|mut statement| statement.execute([]))
            .map_err(|error| {
                // A commit counts from its last page in the log on, and that one had no room.
                let in_commit = error.sqlite_error_code() != Some(rusqlite::ErrorCode::DiskFull);
                Failure::Broken { error: failed("commit")(error), in_commit }
            })?;
        if let Some(catalogue) = self.changed_catalogue {
            self.engine.remember_catalogue(catalogue);
        }
        Ok(())
    }
}

/// Whether a user's own rows change, beside the calls.
const fn has_changed_user(changes: &Changes) -> bool {
    !(changes.tracked.is_empty()
        && changes.terms.is_empty()
        && changes.withdrawn_terms.is_empty()
        && changes.overrides.is_empty()
        && changes.ended_overrides.is_empty())
}

/// Raises and marks the alerts of a user, or of the operator, and changes the outbox; whether
/// any was raised.
fn write_alerts(
    connection: &rusqlite::Connection,
    user_id: Option<i64>,
    changes: &Changes,
) -> rusqlite::Result<bool> {
    let mut has_raised = false;
    for alert in &changes.alerts {
        has_raised |= alerts::raise(connection, user_id, alert)?;
    }
    for mark in &changes.alert_marks {
        alerts::mark(connection, user_id, *mark)?;
    }
    for change in &changes.outbox {
        alerts::change_outbox(connection, change)?;
    }
    Ok(has_raised)
}

/// What each key of a user stands for.
pub(super) fn find(
    session: &mut Session,
    account: Option<&Account>,
    keys: &[CallKey],
) -> rusqlite::Result<Vec<Found>> {
    keys.iter()
        .map(|key| account.map_or(Ok(Found::Nothing), |account| session.found(account.id, *key)))
        .collect()
}

/// The view of a head: with the counters of the windows and the open holds.
pub(super) fn complete(
    session: &mut Session,
    head: Head,
    windows: &[WindowKey],
    sight: &Sight,
) -> rusqlite::Result<View> {
    let (mut counters, mut holds) = (Vec::new(), Vec::new());
    if let Some(account) = &head.account {
        for (place, window) in windows.iter().enumerate() {
            if !windows[..place].contains(window) {
                session.window(account.id, *window, &mut counters)?;
            }
        }
        if sight.has_open_holds {
            holds = session.open_holds(account.id)?;
        }
    }
    let next_call_id = sight.next_call_id;
    Ok(View { head, counters, holds, next_call_id, billing: Billing::default() })
}
