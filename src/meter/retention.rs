//! Retention and privacy: pruning old calls, and giving or taking away all that is kept of a
//! user.

use serde::Serialize;
use serde_json::{Value, json};

use super::invoices::UserInvoice;
use super::{Meter, no_windows};
use crate::domain::account::{Account, LimitOverride};
use crate::domain::alert::Alert;
use crate::domain::call::Call;
use crate::domain::counter::Counter;
use crate::domain::hold::Hold;
use crate::domain::name;
use crate::domain::subscription::history::HistoryEntry;
use crate::domain::time::{Span, Timestamp};
use crate::error::{Error, Result, shown};
use crate::storage::{AlertFilter, Audience, CallFilter, Erased, OfModel, Page, PruneMode, Pruned};

/// The answer to erasing a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErasedUser {
    /// The name that the rows have now. It tells nothing about who it was.
    pub pseudonym: String,
    /// What was erased.
    #[serde(flatten)]
    pub erased: Erased,
}

impl Meter {
    /// Removes the rows of calls that were made before an instant. Their sums stay, so that
    /// summaries, trends, invoices and `verify` are what they were; their keys stay, so that a
    /// repeat is still a duplicate. Calls whose cost is unknown stay until they are re-rated.
    ///
    /// # Errors
    /// `invalid_argument` for an instant in the future, and the store's.
    pub fn prune(&self, older_than: Timestamp) -> Result<Pruned> {
        self.prune_as(older_than, PruneMode::Remove)
    }

    /// What [`Meter::prune`] would remove. It changes nothing.
    pub fn prune_dry_run(&self, older_than: Timestamp) -> Result<Pruned> {
        self.prune_as(older_than, PruneMode::Count)
    }

    fn prune_as(&self, older_than: Timestamp, mode: PruneMode) -> Result<Pruned> {
        let now = self.now();
        if older_than > now {
            let (value, expected) = (older_than.to_string(), format!("{now} or earlier").into());
            return Err(Error::InvalidArgument { name: "older_than", value, expected });
        }
        self.inner.store.flush()?;
        self.inner.store.prune(older_than, mode)
    }

    /// Everything that is kept about a user, as one JSON object: the subscription, limits of its
    /// own, every call, open holds, alerts, sums by period and day, sizes of answers, invoices and
    /// history.
    ///
    /// # Errors
    /// `unknown_user`.
    pub fn export_user(&self, user: &str) -> Result<Value> {
        let user = name::user(user)?;
        self.inner.store.flush()?;
        let unknown = || Error::UnknownUser { user: shown(user) };
        let account = self.inner.store.account(user)?.ok_or_else(unknown)?;
        let view = self.inner.store.look(user, &[], &no_windows)?;
        Ok(json!({
            "user": account.user,
            "exported_at": self.now(),
            "created_at": account.created_at,
            "subscription": self.subscription(user)?,
            "terms": account.timeline.terms(),
            "subscription_history": self.whole_history(user)?,
            "limit_overrides": overrides(&account),
            "invoices": self.billing_history(user)?.iter().map(in_full).collect::<Vec<_>>(),
            "holds": view.holds.iter().map(held).collect::<Vec<_>>(),
            "usage_periods": self.period_sums(user)?,
            "days": self.day_sums(user)?,
            "output_sizes": self.output_sizes(user)?,
            "alerts": self.all_alerts(user)?,
            "calls": self.all_calls(user)?,
        }))
    }

    fn whole_history(&self, user: &str) -> Result<Vec<HistoryEntry>> {
        let mut entries: Vec<HistoryEntry> = Vec::new();
        loop {
            let before_id = entries.last().map(|entry| entry.id);
            let page = Page { before_id, offset: 0, limit: 100 };
            let more = self.subscription_history(user, page)?;
            entries.extend(more.entries);
            if !more.has_more {
                return Ok(entries);
            }
        }
    }

    fn all_alerts(&self, user: &str) -> Result<Vec<Alert>> {
        let filter = AlertFilter { with_dismissed: true, ..AlertFilter::default() };
        let mut alerts: Vec<Alert> = Vec::new();
        loop {
            let before_id = alerts.last().map(|alert| alert.id);
            let page = Page { before_id, offset: 0, limit: 100 };
            let chunk = self.inner.store.alerts(Audience::User(user), &filter, page)?.alerts;
            if chunk.is_empty() {
                return Ok(alerts);
            }
            alerts.extend(chunk);
        }
    }

    fn period_sums(&self, user: &str) -> Result<Vec<Value>> {
        let counters = self.inner.store.period_counters(user, Span::ALWAYS)?;
        let rows = counters.iter().map(|(key, counter)| {
            let starts_at = key.starts_at;
            merged(
                json!({ "period_starts_at": starts_at, "provider": key.provider,
                           "operation": key.operation }),
                counter,
            )
        });
        Ok(rows.collect())
    }

    fn output_sizes(&self, user: &str) -> Result<Vec<Value>> {
        let sizes = self.inner.store.output_sizes(user)?;
        let rows = sizes.into_iter().map(|OfModel { provider, model, learned }| {
            json!({ "provider": provider, "model": model, "sizes": learned })
        });
        Ok(rows.collect())
    }

    fn day_sums(&self, user: &str) -> Result<Vec<Value>> {
        let days = self.inner.store.days(user, 0, i64::from(i32::MAX))?;
        let rows = days.iter().map(|(key, counter)| {
            let day =
                Timestamp::from_micros_clamped(key.day.saturating_mul(crate::domain::time::DAY_US));
            merged(
                json!({ "day": day.day_label(), "provider": key.provider,
                           "model": key.model, "operation": key.operation }),
                counter,
            )
        });
        Ok(rows.collect())
    }

    fn all_calls(&self, user: &str) -> Result<Vec<Call>> {
        let mut calls: Vec<Call> = Vec::new();
        loop {
            let before_id = calls.last().map(|call| call.id);
            let page = Page { before_id, offset: 0, limit: 5000 };
            let chunk = self.inner.store.calls(user, &CallFilter::default(), page)?.calls;
            if chunk.is_empty() {
                return Ok(calls);
            }
            calls.extend(chunk);
        }
    }

    /// Takes a user's identity and every free text out of the store, and their bytes off the
    /// disk. The numbers stay under a pseudonym, so that totals and the hashes of invoices hold.
    /// A hold that is open is gone. The same id may come back later, as somebody new.
    ///
    /// # Errors
    /// `unknown_user`; `storage_unavailable` when others kept reading so long that the log could
    /// not be cut: the rows are erased then, and any later checkpoint takes the bytes away.
    pub fn erase_user(&self, user: &str) -> Result<ErasedUser> {
        let user = name::user(user)?;
        self.inner.store.flush()?;
        let pseudonym = format!("erased-{}", uuid::Uuid::now_v7().simple());
        let erased = self.inner.store.erase(user, &pseudonym)?;
        Ok(ErasedUser { pseudonym, erased })
    }
}

fn overrides(account: &Account) -> Vec<Value> {
    let shown = |own: &LimitOverride| {
        json!({
            "kind": own.kind,
            "limit": own.limit.name,
            "metric": own.limit.metric,
            "provider": own.limit.provider,
            "operation": own.limit.operation,
            "window": own.limit.window,
            "maximum": own.limit.maximum.shown(&own.limit.metric),
            "policy": own.limit.policy,
            "thresholds": own.limit.thresholds,
            "starts_at": own.starts_at,
            "ends_at": own.ends_at,
            "note": own.note,
        })
    };
    account.overrides.iter().map(shown).collect()
}

fn in_full(invoice: &UserInvoice) -> Value {
    json!(invoice)
}

fn held(hold: &Hold) -> Value {
    json!({
        "hold_id": hold.key,
        "provider": hold.provider,
        "operation": hold.operation,
        "model": hold.model,
        "variant": hold.variant,
        "call_count": hold.call_count,
        "usage": hold.usage,
        "cost_usd": hold.cost,
        "input_estimate": hold.input_estimate,
        "reserved_at": hold.reserved_at,
        "expires_at": hold.expires_at,
    })
}

/// A sum beside what it is of.
fn merged(mut place: Value, counter: &Counter) -> Value {
    let sums = [
        ("calls", json!(counter.calls)),
        ("failed_calls", json!(counter.failed_calls)),
        ("unpriced_calls", json!(counter.unpriced_calls)),
        ("response_time_ms", json!(counter.response_time_ms)),
        ("usage", json!(counter.usage)),
        ("cost_usd", json!(counter.cost)),
    ];
    if let Some(fields) = place.as_object_mut() {
        fields.extend(sums.map(|(name, value)| (name.to_owned(), value)));
    }
    place
}
