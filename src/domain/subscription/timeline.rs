//! The timeline: a user's terms, and everything that follows from them and an instant.

use serde::Serialize;

use super::{BillingCycle, ExternalIds, SubscriptionStatus, Term, TermPayment};
use crate::domain::period::Anchor;
use crate::domain::time::{Span, Timestamp};

/// The plan and the periods that hold at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The plan.
    pub plan_id: String,
    /// The term in force; nothing on the default plan without a subscription.
    pub term: Option<Term>,
    /// The subscription's status; nothing without one.
    pub status: Option<SubscriptionStatus>,
    /// The usage period, which limits count in.
    pub usage_period: Span,
    /// The billing period, which the fee covers.
    pub billing_period: Span,
}

/// One of the billing periods that tile a user's time: each starts where the one before ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct BillingPeriod {
    /// From the first instant to before the last; cut where another subscription starts.
    pub span: Span,
    /// The whole period that the fee covers. It begins before `span` when the subscription took
    /// over periods that were running.
    pub fee_period: Span,
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

    /// The terms, ascending by start, those that wait for a payment included.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The terms that are or will be in force, ascending by start.
    pub fn in_force(&self) -> impl DoubleEndedIterator<Item = &Term> {
        self.terms.iter().filter(|term| term.status != SubscriptionStatus::Pending)
    }

    /// The change that waits for its payment.
    pub fn pending(&self) -> Option<&Term> {
        self.terms.iter().rev().find(|term| term.status == SubscriptionStatus::Pending)
    }

    /// The first change that is scheduled for after an instant.
    pub fn scheduled(&self, at: Timestamp) -> Option<&Term> {
        self.in_force().find(|term| term.starts_at > at)
    }

    /// The same timeline with one more term.
    #[must_use]
    pub fn with(&self, term: Term) -> Self {
        let mut terms = self.terms.clone();
        terms.push(Term { id: if term.id == 0 { i64::MAX } else { term.id }, ..term });
        Self::new(terms)
    }

    /// The same timeline without the terms of these ids: they were withdrawn.
    #[must_use]
    pub fn without(&self, ids: &[i64]) -> Self {
        Self { terms: self.terms.iter().filter(|t| !ids.contains(&t.id)).cloned().collect() }
    }

    /// The same timeline without the host's names of things outside.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        let anonymous = |term: &Term| Term {
            external: ExternalIds::default(),
            payment: TermPayment { reference: None, ..term.payment.clone() },
            ..term.clone()
        };
        Self { terms: self.terms.iter().map(anonymous).collect() }
    }

    /// The term in force at an instant. A change that waits for its payment takes nothing away:
    /// the term before it stays in force.
    pub fn term_at(&self, at: Timestamp) -> Option<&Term> {
        self.in_force().rev().find(|term| term.starts_at <= at)
    }

    /// The plan at an instant.
    pub fn plan_at<'a>(&'a self, at: Timestamp, default_plan: &'a str) -> &'a str {
        let granting = self.term_at(at).filter(|term| term.grants_at(at));
        granting.map_or(default_plan, |term| &term.plan_id)
    }

    /// The usage period at an instant: calendar months without a subscription.
    pub fn usage_period(&self, at: Timestamp) -> Span {
        self.term_at(at).map_or(Anchor::CALENDAR, |term| term.anchor).month(at)
    }

    /// The plan and the periods at an instant.
    pub fn standing(&self, at: Timestamp, default_plan: &str) -> Standing {
        let term = self.term_at(at);
        let usage_period = self.usage_period(at);
        // Billed by the month, the fee covers the months that limits count in.
        let is_monthly = term.is_none_or(|term| term.billing_cycle == BillingCycle::Monthly);
        Standing {
            plan_id: self.plan_at(at, default_plan).to_owned(),
            status: term.map(|term| term.status_at(at)),
            usage_period,
            billing_period: if is_monthly { usage_period } else { billing_period(term, at) },
            term: term.cloned(),
        }
    }

    /// The billing periods from the one around `from` to the one around `until`, without a gap.
    pub fn billing_periods(&self, from: Timestamp, until: Timestamp) -> Vec<BillingPeriod> {
        let mut periods = Vec::new();
        let mut starts_at = billing_period(self.term_at(from), from).starts_at;
        // The last instant that is known to be inside; it decides which term is in force.
        let mut at = from;
        while starts_at <= until {
            let mut fee_period = billing_period(self.term_at(at), at);
            let mut ends_at = fee_period.ends_at;
            for term in self.in_force().filter(|term| term.starts_at > at) {
                if term.starts_at >= ends_at {
                    break;
                }
                let own = term.billing_period(term.starts_at);
                if own.starts_at == fee_period.starts_at {
                    // The same period goes on, perhaps in another cycle.
                    fee_period = own;
                    ends_at = own.ends_at;
                } else {
                    ends_at = term.starts_at;
                    break;
                }
            }
            periods.push(BillingPeriod { span: Span { starts_at, ends_at }, fee_period });
            if ends_at <= starts_at {
                break;
            }
            (starts_at, at) = (ends_at, ends_at);
        }
        periods
    }
}

fn billing_period(term: Option<&Term>, at: Timestamp) -> Span {
    match term {
        Some(term) => term.billing_period(at),
        None => Anchor::CALENDAR.period(BillingCycle::Monthly.months(), at),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::subscription::ChangeKind;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn term(plan: &str, start: &str, cycle: BillingCycle) -> Term {
        Term::new(plan, cycle, at(start))
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
    fn a_year_that_began_in_the_phase_of_a_month_keeps_the_31st() {
        let mut term = term("pro", "2025-01-31T00:00:00Z", BillingCycle::Yearly);
        term.cycle_offset_months = 1;
        let period = term.billing_period(at("2025-06-01T00:00:00Z"));
        assert_eq!(period.starts_at, at("2025-02-28T00:00:00Z"));
        assert_eq!(period.ends_at, at("2026-02-28T00:00:00Z"));
        term.cycle_offset_months = 2;
        let period = term.billing_period(at("2025-06-01T00:00:00Z"));
        assert_eq!(period.starts_at, at("2025-03-31T00:00:00Z"));
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
    fn a_pending_term_grants_nothing_and_takes_nothing_away() {
        let mut pending = term("pro", "2025-03-15T00:00:00Z", BillingCycle::Monthly);
        pending.status = SubscriptionStatus::Pending;
        let when = at("2025-04-01T00:00:00Z");
        let alone = Timeline::new(vec![pending.clone()]).standing(when, "free");
        assert_eq!((alone.plan_id.as_str(), alone.status), ("free", None));
        let basic = term("basic", "2025-03-01T00:00:00Z", BillingCycle::Monthly);
        let both = Timeline::new(vec![basic, pending]);
        assert_eq!(both.standing(when, "free").plan_id, "basic");
        assert_eq!(both.pending().map(|term| term.plan_id.as_str()), Some("pro"));
    }

    #[test]
    fn what_is_not_renewed_expires_at_the_instant_and_keeps_its_phase() {
        let mut once = term("pro", "2025-01-31T00:00:00Z", BillingCycle::Monthly);
        once.grants_until = Some(at("2025-02-28T00:00:00Z"));
        let timeline = Timeline::new(vec![once]);
        let before = timeline.standing(at("2025-02-27T23:59:59.999999Z"), "free");
        assert_eq!(before.plan_id, "pro");
        assert_eq!(before.status, Some(SubscriptionStatus::Active));
        let after = timeline.standing(at("2025-02-28T00:00:00Z"), "free");
        assert_eq!(after.plan_id, "free");
        assert_eq!(after.status, Some(SubscriptionStatus::Expired));
        assert_eq!(after.usage_period.starts_at, before.usage_period.ends_at);
    }

    fn terms() -> impl Strategy<Value = Vec<Term>> {
        let minute = 0_i64..2_000_000;
        let one = (minute.clone(), minute, 0_i64..12, any::<(bool, bool, bool)>());
        prop::collection::vec(one, 0..6).prop_map(|rows| {
            let instant = |minute: i64| at("2023-12-31T00:00:00Z").plus_micros(minute * 60_000_000);
            let make = |(start, anchor, offset, flags): (i64, i64, i64, (bool, bool, bool))| {
                let (is_yearly, is_own, is_pending) = flags;
                let cycle = if is_yearly { BillingCycle::Yearly } else { BillingCycle::Monthly };
                let mut term = Term::new("pro", cycle, instant(start));
                if !is_own {
                    term.anchor = Anchor(instant(anchor));
                }
                if is_yearly {
                    term.cycle_offset_months = offset;
                }
                if is_pending {
                    term.status = SubscriptionStatus::Pending;
                }
                term.change = ChangeKind::New;
                term
            };
            Timeline::new(rows.into_iter().map(make).collect()).terms
        })
    }

    proptest! {
        #[test]
        fn billing_periods_tile_time(
            terms in terms(),
            from in 0_i64..1_000_000,
            more in 0_i64..1_500_000,
        ) {
            let timeline = Timeline::new(terms);
            let from = at("2024-01-01T00:00:00Z").plus_micros(from * 60_000_000);
            let until = from.plus_micros(more * 60_000_000);
            let periods = timeline.billing_periods(from, until);
            prop_assert!(periods[0].span.contains(from));
            prop_assert!(periods.last().unwrap().span.contains(until));
            for pair in periods.windows(2) {
                prop_assert_eq!(pair[0].span.ends_at, pair[1].span.starts_at);
            }
            for period in &periods {
                prop_assert!(period.span.starts_at < period.span.ends_at);
                let fee = period.fee_period;
                prop_assert!(fee.starts_at <= period.span.starts_at);
                prop_assert!(period.span.ends_at <= fee.ends_at);
            }
        }
    }
}
