//! Subscribing: putting a user on a plan.

use std::sync::Arc;

use serde::Serialize;

use super::posting::Rules;
use super::raise::{raised_by_change, windows_of_all};
use super::{About, Meter};
use crate::domain::account::Account;
use crate::domain::name;
use crate::domain::period::Anchor;
use crate::domain::subscription::{BillingCycle, SubscriptionStatus, Term};
use crate::domain::time::{Span, Timestamp};
use crate::error::{Error, Result};
use crate::storage::{Changes, Head, View};

/// What a user subscribes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// The plan.
    pub plan_id: String,
    /// How often the fee is due.
    pub billing_cycle: BillingCycle,
    /// What periods are counted from; without it, now for a first subscription, and the anchor
    /// that the user has for a change of plan.
    pub anchor: Option<Timestamp>,
    /// From when on; without it, now.
    pub starts_at: Option<Timestamp>,
}

impl Subscribe {
    /// A monthly subscription from now on.
    pub fn monthly(plan_id: &str) -> Self {
        Self {
            plan_id: plan_id.to_owned(),
            billing_cycle: BillingCycle::Monthly,
            anchor: None,
            starts_at: None,
        }
    }
}

/// A user's subscription after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubscriptionReceipt {
    /// The user.
    pub user: String,
    /// The plan.
    pub plan_id: String,
    /// How often the fee is due.
    pub billing_cycle: BillingCycle,
    /// Whether it grants the plan.
    pub status: SubscriptionStatus,
    /// What periods are counted from.
    pub anchor: Timestamp,
    /// The first instant of the plan.
    pub starts_at: Timestamp,
    /// The usage period at that instant.
    pub usage_period: Span,
    /// The billing period at that instant.
    pub billing_period: Span,
    /// Whether the user had exactly this already.
    pub is_repeat: bool,
}

impl Meter {
    /// Puts a user on a plan, creating the user if it was never seen.
    ///
    /// A first subscription starts a new phase: periods count from its anchor, and what was used
    /// before stays in its own period. A change of plan keeps phase and counters; only the
    /// limits change. The same subscription again changes nothing.
    ///
    /// # Errors
    /// `unknown_plan`, `invalid_plan` for one that is not offered any more, and the store's.
    pub fn subscribe(&self, user: &str, subscribe: &Subscribe) -> Result<SubscriptionReceipt> {
        let user = name::user(user)?.to_owned();
        let (subscribe, now) = (subscribe.clone(), self.now());
        let rules = Arc::clone(&self.inner.rules);
        self.run("subscribe", |completion| {
            let about = About::user(&user);
            let windows = move |head: &Head| windows_of_all(head, now);
            let decide = move |view: &View| decide(&user, &subscribe, now, &rules, view);
            self.submit(about, windows, decide, completion)
        })
    }
}

fn decide(
    user: &str,
    subscribe: &Subscribe,
    now: Timestamp,
    rules: &Arc<Rules>,
    view: &View,
) -> Result<(Changes, SubscriptionReceipt)> {
    let catalogue = &view.head.catalogue;
    let plan = catalogue.plan(&subscribe.plan_id)?;
    if !plan.is_active {
        let reason = "it is not offered any more".to_owned();
        return Err(Error::InvalidPlan { plan: plan.id.clone(), reason });
    }
    let unseen = Account::new(0, user, now);
    let account = view.head.account.as_deref().unwrap_or(&unseen);
    let starts_at = subscribe.starts_at.unwrap_or(now);
    let current = account.timeline.term_at(starts_at);
    let phase = current.filter(|term| term.status != SubscriptionStatus::Cancelled);
    let anchor = subscribe.anchor.or(phase.map(|term| term.anchor.0)).unwrap_or(starts_at);
    let term = Term {
        id: 0,
        plan_id: plan.id.clone(),
        billing_cycle: subscribe.billing_cycle,
        anchor: Anchor(anchor),
        starts_at,
        status: SubscriptionStatus::Active,
    };
    let is_repeat = phase.is_some_and(|own| Term { id: 0, starts_at, ..own.clone() } == term);
    let timeline = account.timeline.with(term.clone());
    let standing = timeline.standing(starts_at, &catalogue.default_plan);
    let receipt = SubscriptionReceipt {
        user: user.to_owned(),
        plan_id: term.plan_id.clone(),
        billing_cycle: term.billing_cycle,
        status: term.status,
        anchor,
        starts_at: if is_repeat { phase.map_or(starts_at, |own| own.starts_at) } else { starts_at },
        usage_period: standing.usage_period,
        billing_period: standing.billing_period,
        is_repeat,
    };
    let seen_at = view.head.account.is_none().then_some(now);
    let terms = if is_repeat { Vec::new() } else { vec![term] };
    let after = Account { timeline, ..account.clone() };
    let alerts = raised_by_change(view, after, now, rules)?;
    Ok((Changes { seen_at, terms, alerts, ..Changes::default() }, receipt))
}
