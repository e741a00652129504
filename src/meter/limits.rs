//! Limits: where a user stands, and the user's own limits.

use serde::Serialize;

use std::sync::Arc;

use super::posting::{Posting, Rules, windows_at};
use super::raise::{raised_by_change, windows_of_all};
use super::{About, Meter};
use crate::domain::account::{Account, LimitOverride, OverrideKind, UsageStatus};
use crate::domain::limit::{LimitState, usage_status};
use crate::domain::name;
use crate::domain::operation::Operation;
use crate::domain::plan::{Limit, Maximum, Metric, Policy};
use crate::domain::time::{Span, Timestamp, Window};
use crate::error::{Error, Result};
use crate::storage::{Changes, Head, View};

/// A change of a user's own limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitChange {
    /// The limit's name: one of a plan, `<provider>_calls` and the like, or a new one.
    pub name: String,
    /// The maximum as text: `unlimited`, a count, or dollars for a cost limit.
    pub maximum: String,
    /// Whether it replaces the plan's limit or adds to it.
    pub is_boost: bool,
    /// What is counted; needed only for a new name.
    pub metric: Option<Metric>,
    /// Only this provider.
    pub provider: Option<String>,
    /// Only this operation.
    pub operation: Option<String>,
    /// The window.
    pub window: Option<Window>,
    /// What happens above the maximum.
    pub policy: Option<Policy>,
    /// Alert thresholds, in percent.
    pub thresholds: Option<Vec<u8>>,
    /// The first instant that it is in force; without it, now.
    pub starts_at: Option<Timestamp>,
    /// The first instant that it is not; without it, it stays.
    pub ends_at: Option<Timestamp>,
    /// Why, for people.
    pub note: Option<String>,
}

/// Where a user stands with every limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UserLimits {
    /// The user.
    pub user: String,
    /// The plan.
    pub plan_id: String,
    /// The plan's name for people.
    pub plan_name: String,
    /// The usage period.
    pub usage_period: Span,
    /// How the limits stand.
    pub usage_status: UsageStatus,
    /// The limits, in the order of the plan.
    pub limits: Vec<LimitState>,
}

impl Meter {
    /// Where a user stands with every limit now.
    pub fn limits(&self, user: &str) -> Result<UserLimits> {
        let user = name::user(user)?;
        let now = self.now();
        let view = self.inner.store.look(user, &[], &move |head| windows_at(head, now))?;
        let posting = Posting::new(&view, user, now, now, &self.inner.rules)?;
        let plan = posting.catalogue.plan(&posting.standing.plan_id)?;
        let limits = posting.limit_states();
        Ok(UserLimits {
            user: user.to_owned(),
            plan_id: plan.id.clone(),
            plan_name: plan.name.clone(),
            usage_period: posting.standing.usage_period,
            usage_status: usage_status(&limits),
            limits,
        })
    }

    /// Gives a user a limit of its own: in place of the plan's, or on top of it. It survives
    /// changes of the plan; counters stay as they are.
    ///
    /// # Errors
    /// `unknown_limit` for a new name without a metric, `invalid_argument`, and the store's.
    pub fn set_limit(&self, user: &str, change: &LimitChange) -> Result<UserLimits> {
        let user_name = name::user(user)?.to_owned();
        let (change, now) = (change.clone(), self.now());
        let rules = Arc::clone(&self.inner.rules);
        self.run("set_limit", |completion| {
            let about = About::user(&user_name);
            let windows = move |head: &Head| windows_of_all(head, now);
            let decide = move |view: &View| set(&user_name, &change, now, &rules, view);
            self.submit(about, windows, decide, completion)
        })?;
        self.limits(user)
    }

    /// Ends a user's own limits of that name, now: the plan's holds again.
    ///
    /// # Errors
    /// `unknown_limit` when the user has none in force.
    pub fn clear_limit(&self, user: &str, limit: &str) -> Result<UserLimits> {
        let about = About::user(name::user(user)?);
        let (limit, now) = (name::normalised("limit", limit)?, self.now());
        let rules = Arc::clone(&self.inner.rules);
        self.run("clear_limit", |completion| {
            let windows = move |head: &Head| windows_of_all(head, now);
            let decide = move |view: &View| clear(&limit, now, &rules, view);
            self.submit(about, windows, decide, completion)
        })?;
        self.limits(user)
    }
}

fn set(
    user: &str,
    change: &LimitChange,
    now: Timestamp,
    rules: &Arc<Rules>,
    view: &View,
) -> Result<(Changes, ())> {
    let unseen = Account::new(0, user, now);
    let account = view.head.account.as_deref().unwrap_or(&unseen);
    let starts_at = change.starts_at.unwrap_or(now);
    if change.ends_at.is_some_and(|end| end <= starts_at) {
        let value = change.ends_at.map(|end| end.to_string()).unwrap_or_default();
        let expected = format!("an instant after {starts_at}").into();
        return Err(Error::InvalidArgument { name: "ends_at", value, expected });
    }
    let name = name::normalised("limit", &change.name)?;
    let known = account.limit_by_name(&name, starts_at, &view.head.catalogue)?;
    let limit = defined(&name, change, known)?;
    limit.validate()?;
    let kind = if change.is_boost { OverrideKind::Boost } else { OverrideKind::Replace };
    let note = change.note.as_deref().map(crate::domain::redact::redact);
    let (ends_at, seen_at) = (change.ends_at, view.head.account.is_none().then_some(now));
    let own = LimitOverride { id: 0, kind, limit, starts_at, ends_at, note };
    let mut after = account.clone();
    after.overrides.push(own.clone());
    let alerts = raised_by_change(view, after, now, rules)?;
    Ok((Changes { seen_at, overrides: vec![own], alerts, ..Changes::default() }, ()))
}

/// The limit that a change describes, on top of what its name stands for already.
fn defined(name: &str, change: &LimitChange, known: Option<Limit>) -> Result<Limit> {
    let base = match (known, &change.metric) {
        (Some(known), None) => known,
        (Some(known), Some(metric)) => Limit { metric: metric.clone(), ..known },
        (None, Some(metric)) => Limit::new(name, metric.clone(), Maximum::Unlimited)?,
        (None, None) => return Err(Error::UnknownLimit { limit: name.to_owned() }),
    };
    let provider =
        change.provider.as_deref().map(|p| name::normalised("provider", p)).transpose()?;
    let operation = change.operation.as_deref().map(Operation::new).transpose()?;
    let maximum = Maximum::parse(&change.maximum, &base.metric)?;
    if change.is_boost && maximum == Maximum::Unlimited {
        let expected = "a number that is added".into();
        let value = change.maximum.clone();
        return Err(Error::InvalidArgument { name: "maximum", value, expected });
    }
    Ok(Limit {
        provider: provider.or(base.provider),
        operation: operation.or(base.operation),
        window: change.window.unwrap_or(base.window),
        policy: change.policy.unwrap_or(base.policy),
        thresholds: change.thresholds.clone().unwrap_or(base.thresholds),
        maximum,
        ..base
    })
}

fn clear(limit: &str, now: Timestamp, rules: &Arc<Rules>, view: &View) -> Result<(Changes, ())> {
    let unknown = || Error::UnknownLimit { limit: limit.to_owned() };
    let mut after = view.head.account.as_deref().cloned().ok_or_else(unknown)?;
    let mut ended_overrides = Vec::new();
    for own in &mut after.overrides {
        if own.limit.name == limit && own.ends_at.is_none_or(|end| end > now) {
            own.ends_at = Some(now);
            ended_overrides.push((own.id, now));
        }
    }
    if ended_overrides.is_empty() {
        return Err(unknown());
    }
    let alerts = raised_by_change(view, after, now, rules)?;
    Ok((Changes { ended_overrides, alerts, ..Changes::default() }, ()))
}
