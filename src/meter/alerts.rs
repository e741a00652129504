//! Alerts through the meter: listing, reading and putting them away, and telling the operator.

use std::sync::atomic::Ordering;

use super::{About, Meter, events, no_windows};
use crate::domain::alert::NewAlert;
use crate::domain::alert::wording::critical;
use crate::domain::call::in_range;
use crate::domain::name;
use crate::error::{Error, Result};
use crate::storage::{
    AlertFilter, AlertMark, AlertPage, Audience, Changes, Check, OutboxChange, Page, View,
};

/// A failure of the store that the operator is told about when the store works again.
#[derive(Clone, Debug)]
pub(crate) struct StoreFailure {
    code: &'static str,
    message: String,
    hint: &'static str,
}

impl Meter {
    /// A page of a user's alerts, newest first, with how many there are and how many are unread.
    /// Those that were put away are left out unless the filter asks for them.
    ///
    /// # Example
    /// ```
    /// use alwrity_metering::{AlertFilter, CallRecord, Clock, Meter, Options, Page, Usage};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("metering.db");
    /// // So early in the month that nothing is said about a pace.
    /// let clock = Clock::Fixed("2025-10-01T01:00:00Z".parse()?);
    /// let meter = Meter::open(&path, Options { clock, ..Options::default() })?;
    /// meter.seed("default")?;
    /// // 80 of the 100 Gemini calls of the Free plan.
    /// let call = CallRecord {
    ///     call_count: 80,
    ///     ..CallRecord::new("u1", "gemini", "gemini-2.5-flash", Usage::tokens(8000, 800))
    /// };
    /// meter.record_call(&call)?;
    /// let page = meter.alerts("u1", &AlertFilter::unread(), Page::default())?;
    /// assert_eq!(page.unread_count, 1);
    /// assert_eq!(page.alerts[0].title, "API Usage Notice - Google Gemini");
    /// meter.mark_read("u1", page.alerts[0].id)?;
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn alerts(&self, user: &str, filter: &AlertFilter, page: Page) -> Result<AlertPage> {
        self.page_of(Audience::User(name::user(user)?), filter, page)
    }

    /// A page of the operator's alerts: failures of the store and differences that
    /// [`Meter::verify`] found, which are nobody's usage.
    pub fn operator_alerts(&self, filter: &AlertFilter, page: Page) -> Result<AlertPage> {
        self.page_of(Audience::Operator, filter, page)
    }

    fn page_of(&self, who: Audience<'_>, filter: &AlertFilter, page: Page) -> Result<AlertPage> {
        in_range("limit", page.limit, 1, 5000)?;
        in_range("offset", page.offset, 0, i64::MAX)?;
        self.inner.store.alerts(who, filter, page)
    }

    /// Marks a user's alert as read. Doing it again keeps the first time.
    ///
    /// # Errors
    /// `unknown_alert`, and `alert_of_another` when it is somebody else's.
    pub fn mark_read(&self, user: &str, alert_id: i64) -> Result<()> {
        self.check_owner(Some(user), alert_id)?;
        self.mark(Some(user), AlertMark::Read { id: alert_id, at: self.now() })
    }

    /// Marks all of a user's alerts as read; how many were not, just before.
    pub fn mark_all_read(&self, user: &str) -> Result<i64> {
        let one = Page { limit: 1, ..Page::default() };
        let unread = self.alerts(user, &AlertFilter::unread(), one)?.unread_count;
        if unread > 0 {
            self.mark(Some(user), AlertMark::AllRead { at: self.now() })?;
        }
        Ok(unread)
    }

    /// Puts a user's alert away: it is no longer listed or counted as unread. Its threshold
    /// stays told, so it is not raised again, and where it still waits to be delivered it is not
    /// sent any more.
    ///
    /// # Errors
    /// `unknown_alert`, and `alert_of_another` when it is somebody else's.
    pub fn dismiss(&self, user: &str, alert_id: i64) -> Result<()> {
        self.check_owner(Some(user), alert_id)?;
        self.mark(Some(user), AlertMark::Dismissed { id: alert_id, at: self.now() })
    }

    /// Puts an operator's alert away.
    ///
    /// # Errors
    /// `unknown_alert`, and `alert_of_another` when it is a user's.
    pub fn dismiss_operator_alert(&self, alert_id: i64) -> Result<()> {
        self.check_owner(None, alert_id)?;
        self.mark(None, AlertMark::Dismissed { id: alert_id, at: self.now() })
    }

    fn check_owner(&self, user: Option<&str>, alert_id: i64) -> Result<()> {
        let unknown = || Error::UnknownAlert { alert_id: alert_id.to_string() };
        let alert = self.inner.store.alert(alert_id)?.ok_or_else(unknown)?;
        if alert.user.as_deref() == user {
            return Ok(());
        }
        Err(Error::AlertOfAnother { alert_id: alert_id.to_string() })
    }

    fn mark(&self, user: Option<&str>, mark: AlertMark) -> Result<()> {
        self.run("mark_alert", |completion| {
            let about = user.map_or_else(About::catalogue, About::user);
            let changes = Changes { alert_marks: vec![mark], ..Changes::default() };
            let decide = move |_: &View| Ok((changes.clone(), ()));
            self.submit(about, no_windows, decide, completion)
        })
    }

    /// Changes the outbox in one transaction.
    pub(super) fn change_outbox(&self, outbox: Vec<OutboxChange>) -> Result<()> {
        self.run("outbox", |completion| {
            let decide =
                move |_: &View| Ok((Changes { outbox: outbox.clone(), ..Changes::default() }, ()));
            self.submit(About::catalogue(), no_windows, decide, completion)
        })
    }

    /// Tells the operator of the checks that failed, each once a day.
    pub(super) fn report_checks(&self, checks: &[Check]) {
        let now = self.now();
        let alert = |check: &Check| {
            let code = format!("verify_{}", check.name.replace(' ', "_"));
            let message = format!("verify: {} is wrong: {}", check.name, one_line(&check.found));
            let action =
                "Run `verify`; `rebuild` when only counters differ, else restore a backup.";
            critical(&code, message, action, now, self.inner.options.alert_channels.clone())
        };
        let alerts: Vec<NewAlert> = checks.iter().filter(|check| !check.is_ok).map(alert).collect();
        self.tell_operator(alerts);
    }

    /// Notes a failure of the store, to be told when the store works again.
    pub(super) fn note_failure(&self, error: &Error) {
        let is_critical = matches!(
            error,
            Error::StorageUnavailable { .. }
                | Error::StorageFull { .. }
                | Error::StorageCorrupt { .. }
                | Error::StorageReplaced { .. }
                | Error::OutcomeUnknown { .. }
                | Error::Internal { .. }
        );
        if is_critical {
            let message = match error {
                // The key is the caller's, and of no use to the operator.
                Error::OutcomeUnknown { .. } => "a commit may or may not have happened".to_owned(),
                other => one_line(&other.to_string()),
            };
            let (code, hint) = (error.code(), error.hint());
            let failure = StoreFailure { code, message, hint };
            *self.failure() = Some(failure);
            self.inner.has_failed.store(true, Ordering::Release);
        }
    }

    /// Tells the operator of the last failure, now that the store works.
    pub(super) fn report_failure(&self) {
        if !self.inner.has_failed.swap(false, Ordering::AcqRel) {
            return;
        }
        let Some(StoreFailure { code, message, hint }) = self.failure().take() else { return };
        let channels = self.inner.options.alert_channels.clone();
        self.tell_operator(vec![critical(code, message, hint, self.now(), channels)]);
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<StoreFailure>> {
        self.inner.failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Raises operator's alerts, without waiting for them: what they tell of is in the log.
    fn tell_operator(&self, alerts: Vec<NewAlert>) {
        if alerts.is_empty() {
            return;
        }
        let decide =
            move |_: &View| Ok((Changes { alerts: alerts.clone(), ..Changes::default() }, ()));
        let ignored = Box::new(|outcome: Result<()>| {
            if let Err(error) = outcome {
                events::alert_not_stored(&error);
            }
        });
        let work = Self::work(About::catalogue(), no_windows, decide, ignored);
        if let Err(error) = self.inner.store.submit_at_once(work) {
            events::alert_not_stored(&error);
        }
    }
}

/// A text of the store as an alert shows it: one line, at most 500 characters.
fn one_line(text: &str) -> String {
    text.chars().take(500).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
