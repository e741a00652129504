//! Subscriptions: which plan a user has at an instant, and the periods that follow from it.
//!
//! A user's subscription is a timeline of terms, each holding from its start until the next one.
//! Everything that depends on time is computed from it: there is no background clock that would
//! have to renew, and a scheduled change is a term that starts later.

use serde::{Deserialize, Serialize};

use super::money::Money;
use super::named::named;
use super::period::Anchor;
use super::plan::Plan;
use super::time::{Span, Timestamp};

named! {
    /// How often the fee is due.
    BillingCycle "billing_cycle" {
        /// Every month.
        Monthly = "monthly",
        /// Every year; limits are still monthly.
        Yearly = "yearly",
    }
}

impl BillingCycle {
    /// The months that one fee covers.
    pub const fn months(self) -> u32 {
        match self {
            Self::Monthly => 1,
            Self::Yearly => 12,
        }
    }

    /// The fee of a plan for one cycle.
    pub const fn fee(self, plan: &Plan) -> Money {
        match self {
            Self::Monthly => plan.price_monthly_usd,
            Self::Yearly => plan.price_yearly_usd,
        }
    }
}

named! {
    /// Whether a subscription grants its plan.
    SubscriptionStatus "status" {
        /// It does.
        Active = "active",
        /// It waits for a payment and grants nothing.
        Pending = "pending",
        /// A payment is late; it still grants its plan until the grace ends.
        PastDue = "past_due",
        /// It grants nothing until it is resumed.
        Suspended = "suspended",
        /// It has ended.
        Cancelled = "cancelled",
    }
}

/// One term of a user's subscription: a plan from an instant on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// The row's id, 0 until it is stored.
    #[serde(default)]
    pub id: i64,
    /// The plan.
    pub plan_id: String,
    /// How often the fee is due.
    pub billing_cycle: BillingCycle,
    /// What periods are counted from.
    pub anchor: Anchor,
    /// The first instant of the term.
    pub starts_at: Timestamp,
    /// Whether it grants its plan.
    pub status: SubscriptionStatus,
}

/// The plan and the periods that hold at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The plan.
    pub plan_id: String,
    /// The term that grants it; nothing on the default plan without a subscription.
    pub term: Option<Term>,
    /// The usage period, which limits count in.
    pub usage_period: Span,
    /// The billing period, which the fee covers.
    pub billing_period: Span,
}

/// A user's terms, ascending by start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    terms: Vec<Term>,
}

impl Timeline {
    /// A timeline of these terms; of two that start together, the later id holds.
    pub fn new(mut terms: Vec<Term>) -> Self {
        terms.sort_by_key(|term| (term.starts_at, term.id));
        Self { terms }
    }

    /// The terms, ascending by start.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The same timeline with one more term.
    #[must_use]
    pub fn with(&self, term: Term) -> Self {
        let mut terms = self.terms.clone();
        terms.push(Term { id: if term.id == 0 { i64::MAX } else { term.id }, ..term });
        Self::new(terms)
    }

    /// The term in force at an instant.
    pub fn term_at(&self, at: Timestamp) -> Option<&Term> {
        self.terms.iter().rev().find(|term| term.starts_at <= at)
    }

    /// The plan and the periods at an instant; calendar months without a subscription.
    pub fn standing(&self, at: Timestamp, default_plan: &str) -> Standing {
        let term = self.term_at(at);
        let anchor = term.map_or(Anchor::CALENDAR, |term| term.anchor);
        let cycle = term.map_or(BillingCycle::Monthly, |term| term.billing_cycle);
        let grants = |term: &&Term| {
            matches!(term.status, SubscriptionStatus::Active | SubscriptionStatus::PastDue)
        };
        let plan_id = term.filter(grants).map_or(default_plan, |term| &term.plan_id);
        Standing {
            plan_id: plan_id.to_owned(),
            term: term.cloned(),
            usage_period: anchor.month(at),
            billing_period: anchor.period(cycle.months(), at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn term(plan: &str, start: &str, cycle: BillingCycle) -> Term {
        Term {
            id: 0,
            plan_id: plan.into(),
            billing_cycle: cycle,
            anchor: Anchor(at(start)),
            starts_at: at(start),
            status: SubscriptionStatus::Active,
        }
    }

    #[test]
    fn regression_24_without_a_subscription_every_month_is_new() {
        let free = Timeline::default();
        let standing = free.standing(at("2025-10-31T23:59:59Z"), "free");
        assert_eq!(standing.plan_id, "free");
        assert_eq!(standing.usage_period.label(), "2025-10");
        let next = free.standing(at("2025-11-01T00:00:00Z"), "free");
        assert_eq!(next.usage_period.starts_at, standing.usage_period.ends_at);
    }

    #[test]
    fn regression_23_a_yearly_plan_has_monthly_limits() {
        let timeline =
            Timeline::new(vec![term("pro", "2025-01-31T12:00:00Z", BillingCycle::Yearly)]);
        let standing = timeline.standing(at("2025-03-01T00:00:00Z"), "free");
        assert_eq!(standing.usage_period.starts_at, at("2025-02-28T12:00:00Z"));
        assert_eq!(standing.usage_period.ends_at, at("2025-03-31T12:00:00Z"));
        assert_eq!(standing.billing_period.starts_at, at("2025-01-31T12:00:00Z"));
        assert_eq!(standing.billing_period.ends_at, at("2026-01-31T12:00:00Z"));
    }

    #[test]
    fn a_term_holds_from_its_start_until_the_next() {
        let timeline = Timeline::new(vec![
            term("pro", "2025-06-15T00:00:00Z", BillingCycle::Monthly),
            term("basic", "2025-03-15T00:00:00Z", BillingCycle::Monthly),
        ]);
        let plan = |when| timeline.standing(at(when), "free").plan_id;
        assert_eq!(plan("2025-03-14T23:59:59Z"), "free");
        assert_eq!(plan("2025-03-15T00:00:00Z"), "basic");
        assert_eq!(plan("2025-06-15T00:00:00Z"), "pro");
    }

    #[test]
    fn a_pending_term_grants_nothing() {
        let mut pending = term("pro", "2025-03-15T00:00:00Z", BillingCycle::Monthly);
        pending.status = SubscriptionStatus::Pending;
        let standing = Timeline::new(vec![pending]).standing(at("2025-04-01T00:00:00Z"), "free");
        assert_eq!(standing.plan_id, "free");
    }
}
