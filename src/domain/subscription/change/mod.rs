//! Changes: what each verb does to a timeline, and what it costs, before anything happens.
//!
//! What it is: pure rules, the same for a preview and for the change itself. What it is not: a
//! payment. A change that costs something and is not paid becomes a term that waits and grants
//! nothing; what was in force before stays in force.

mod life;
mod switch;

use serde::{Deserialize, Serialize};

use super::{
    BillingCycle, ExternalIds, Payment, PaymentStatus, SubscriptionStatus, Term, TermPayment,
    Timeline,
};
use crate::domain::catalogue::Catalogue;
use crate::domain::money::Money;
use crate::domain::plan::Plan;
use crate::domain::proration::{Proration, prorate};
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

/// When a cancellation takes effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelAt {
    /// When what was paid for ends.
    #[default]
    PeriodEnd,
    /// At once. Nothing is given back.
    Now,
}

/// A change of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Puts the user on a plan at once, whatever it has.
    Subscribe {
        /// The plan.
        plan_id: String,
        /// How often the fee is due.
        billing_cycle: BillingCycle,
        /// What periods are counted from; without it the running phase, or the start.
        anchor: Option<Timestamp>,
        /// From when on; without it, now.
        starts_at: Option<Timestamp>,
        /// Whether it renews by itself.
        auto_renew: bool,
    },
    /// Pays for the running period, or for another one.
    Renew,
    /// Goes over to a dearer plan at once.
    Upgrade {
        /// The plan.
        plan_id: String,
        /// How often the fee is due; without it, as before.
        billing_cycle: Option<BillingCycle>,
    },
    /// Goes over to a cheaper plan when the billing period ends.
    Downgrade {
        /// The plan.
        plan_id: String,
    },
    /// Pays by the year from the running month on, or by the month when the year ends.
    ChangeCycle {
        /// How often the fee is due.
        billing_cycle: BillingCycle,
    },
    /// Ends it.
    Cancel {
        /// When.
        when: CancelAt,
    },
    /// Notes that a payment is late.
    MarkPastDue {
        /// The first instant that the plan is no longer granted.
        grace_until: Timestamp,
    },
    /// Grants nothing from now on.
    Suspend,
    /// Ends a suspension.
    Resume,
    /// Takes back what is scheduled or waits for its payment.
    Withdraw,
    /// Makes the change that waits for its payment happen.
    Confirm,
}

impl Change {
    /// The verb, for messages.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Subscribe { .. } => "start",
            Self::Renew => "renew",
            Self::Upgrade { .. } => "upgrade",
            Self::Downgrade { .. } => "downgrade",
            Self::ChangeCycle { .. } => "change the cycle of",
            Self::Cancel { .. } => "cancel",
            Self::MarkPastDue { .. } => "mark as past due",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Withdraw => "withdraw a change of",
            Self::Confirm => "confirm a payment of",
        }
    }
}

/// What decides a change.
pub struct Situation<'a> {
    /// The user, for messages.
    pub user: &'a str,
    /// The user's terms.
    pub timeline: &'a Timeline,
    /// The plans.
    pub catalogue: &'a Catalogue,
    /// The instant of the change.
    pub now: Timestamp,
}

/// What comes with a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// How it is paid for.
    pub payment: Payment,
    /// The host's names of things outside; what is not given stays as it was.
    pub external: ExternalIds,
}

/// What a change does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// The term that it adds, if it adds one.
    pub term: Option<Term>,
    /// The ids of terms that it takes back: they have not begun.
    pub withdrawn: Vec<i64>,
    /// What it costs.
    pub proration: Option<Proration>,
}

impl Planned {
    /// Whether all is so already.
    pub fn is_repeat(&self) -> bool {
        self.term.is_none() && self.withdrawn.is_empty()
    }

    /// The timeline after it.
    pub fn applied_to(&self, timeline: &Timeline) -> Timeline {
        let rest = timeline.without(&self.withdrawn);
        match &self.term {
            Some(term) => rest.with(term.clone()),
            None => rest,
        }
    }
}

/// What a change does to a subscription and what it costs, without doing it.
///
/// # Errors
/// `unknown_plan`, `invalid_plan`, `unknown_subscription` and `subscription_state`.
pub fn plan_change(situation: &Situation<'_>, change: &Change, terms: &Terms) -> Result<Planned> {
    terms.payment.validate()?;
    terms.external.validate()?;
    match change {
        Change::Subscribe { .. } => situation.subscribe(change, terms),
        Change::Upgrade { plan_id, billing_cycle } => {
            situation.upgrade(plan_id, *billing_cycle, terms)
        }
        Change::Downgrade { plan_id } => situation.downgrade(plan_id),
        Change::ChangeCycle { billing_cycle } => situation.change_cycle(*billing_cycle, terms),
        Change::Renew => situation.renew(terms),
        Change::Cancel { when } => situation.cancel(*when),
        Change::MarkPastDue { grace_until } => situation.mark_past_due(*grace_until),
        Change::Suspend => situation.suspend(),
        Change::Resume => situation.resume(),
        Change::Withdraw => Ok(situation.withdraw()),
        Change::Confirm => situation.confirm(terms),
    }
}

/// What a term costs when it begins after another one, which may be none: the proration of both
/// fees for the rest of their periods. Every invoice line and every preview is from here.
pub fn cost_of_entry(
    before: Option<&Term>,
    term: &Term,
    catalogue: &Catalogue,
) -> Result<Proration> {
    let at = term.priced_at();
    let plan = catalogue.plan(&term.plan_id)?;
    // At the start of a period nothing was paid for it yet, unless the term before began there
    // too: `a_change_at_a_boundary_gives_nothing_back` and its neighbours guard both.
    let is_charged = |before: &&Term| {
        before.grants_at(at) && (before.starts_at == at || before.billing_period(at).starts_at < at)
    };
    let from = match before.filter(is_charged) {
        Some(before) => Some(before.fee(catalogue.plan(&before.plan_id)?, at)),
        None => None,
    };
    prorate(from, Some(term.fee(plan, at)), at)
}

impl Situation<'_> {
    /// The term in force, or the error that says that there is none.
    fn current(&self) -> Result<&Term> {
        self.timeline.term_at(self.now).ok_or_else(|| Error::UnknownSubscription {
            user: self.user.to_owned(),
            wanted: "subscription",
        })
    }

    /// The term in force, which must be active and grant its plan.
    fn active(&self, change: &'static str) -> Result<&Term> {
        let current = self.current()?;
        match current.status_at(self.now) {
            SubscriptionStatus::Active => Ok(current),
            status => Err(refused(change, format!("it is {status}"))),
        }
    }

    fn offered(&self, plan_id: &str) -> Result<&Plan> {
        let plan = self.catalogue.plan(plan_id)?;
        if plan.is_active {
            return Ok(plan);
        }
        let reason = "it is not offered any more".to_owned();
        Err(Error::InvalidPlan { plan: plan.id.clone(), reason })
    }

    /// What is scheduled from an instant on, and everything that waits for a payment: a new
    /// change takes their place.
    fn superseded(&self, from: Timestamp) -> Vec<i64> {
        let is_superseded = |term: &&Term| {
            term.status == SubscriptionStatus::Pending
                || (term.starts_at > self.now && term.starts_at >= from)
        };
        self.timeline.terms().iter().filter(is_superseded).map(|term| term.id).collect()
    }

    /// The same without cancellations: a late payment or a suspension calls off a change of plan,
    /// but not the end.
    fn superseded_but_the_end(&self) -> Vec<i64> {
        let is_end = |term: &&Term| term.status == SubscriptionStatus::Cancelled;
        let kept: Vec<i64> = self.timeline.terms().iter().filter(is_end).map(|t| t.id).collect();
        self.superseded(self.now).into_iter().filter(|id| !kept.contains(id)).collect()
    }

    /// The term with its payment: what costs something and is not paid waits.
    fn paid(&self, term: Term, due: Money, terms: &Terms) -> Term {
        let external = terms.external.clone().or(&term.external);
        let term = Term { external, ..term };
        if due == Money::ZERO {
            return Term { payment: TermPayment::NOTHING, ..term };
        }
        let (status, reference) = match &terms.payment {
            Payment::Pending => (PaymentStatus::Pending, None),
            Payment::Reference(reference) => (PaymentStatus::Paid, Some(reference.clone())),
            Payment::Waived(reason) => (PaymentStatus::Waived, Some(reason.clone())),
        };
        let is_paid = status == PaymentStatus::Paid;
        let paid_at = is_paid.then_some(self.now);
        let payment = TermPayment { status, amount_usd: due, reference, paid_at };
        let waits = status == PaymentStatus::Pending;
        let status = if waits { SubscriptionStatus::Pending } else { term.status };
        Term { status, payment, ..term }
    }

    /// A copy of a term that begins now, or at a later instant, with nothing to pay.
    fn following(&self, term: &Term, starts_at: Timestamp) -> Term {
        Term {
            id: 0,
            starts_at,
            payment: TermPayment::NOTHING,
            usage_before: None,
            created_at: self.now,
            ..term.clone()
        }
    }
}

fn refused(change: &'static str, reason: String) -> Error {
    Error::SubscriptionState { change, reason }
}
