//! Switching: going over to a plan or a cycle.

use super::super::{BillingCycle, ChangeKind, SubscriptionStatus, Term};
use super::{Change, Planned, Situation, Terms, cost_of_entry, refused};
use crate::domain::period::Anchor;
use crate::domain::plan::Plan;
use crate::domain::proration::Proration;
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

/// The months in a year: a yearly period's offset counts within it.
const MONTHS_A_YEAR: i64 = 12;

impl Situation<'_> {
    /// A first subscription and one after an end start a new phase; a change keeps phase and
    /// counters. The same again changes nothing, but takes back what was scheduled.
    pub(super) fn subscribe(&self, change: &Change, terms: &Terms) -> Result<Planned> {
        let Change::Subscribe { plan_id, billing_cycle, anchor, starts_at, auto_renew } = change
        else {
            return Ok(Planned::default());
        };
        self.offered(plan_id)?;
        let starts_at = starts_at.unwrap_or(self.now);
        let wish = Wish {
            plan_id,
            billing_cycle: *billing_cycle,
            anchor: *anchor,
            starts_at,
            auto_renew: *auto_renew,
        };
        self.switch(&wish, terms)
    }

    pub(super) fn switch(&self, wish: &Wish<'_>, terms: &Terms) -> Result<Planned> {
        let current = self.timeline.term_at(wish.starts_at);
        if current.is_some_and(|term| term.status == SubscriptionStatus::Suspended) {
            return Err(refused("start", "it is suspended, resume it first".into()));
        }
        let phase = current.filter(|term| !term.has_ended_at(wish.starts_at));
        let mut term = self.wished(wish, phase);
        let withdrawn = self.superseded(wish.starts_at);
        let kind = match phase {
            None => Some(ChangeKind::New),
            Some(phase) => self.kind_of(phase, &term)?,
        };
        let Some(kind) = kind else {
            return Ok(Planned { withdrawn, ..Planned::default() });
        };
        term.change = kind;
        let proration = match kind {
            ChangeKind::AutoRenew => None,
            ChangeKind::Renewal => {
                let fee = term.billing_cycle.fee(self.price(&term.plan_id)?);
                Some(Proration::full(fee))
            }
            _ => Some(cost_of_entry(phase, &term, self.catalogue)?),
        };
        let due = proration.map(|proration| proration.due_usd).unwrap_or_default();
        let term = Some(self.paid(term, due, terms));
        Ok(Planned { term, withdrawn, proration })
    }

    /// The term that is wished for, after a phase that may be none.
    fn wished(&self, wish: &Wish<'_>, phase: Option<&Term>) -> Term {
        let Wish { plan_id, billing_cycle, starts_at, auto_renew, .. } = *wish;
        let mut term = Term::new(plan_id, billing_cycle, starts_at);
        term.created_at = self.now;
        term.auto_renew = auto_renew;
        let earlier = phase.or_else(|| self.timeline.term_at(starts_at));
        if let Some(earlier) = earlier {
            term.external = earlier.external.clone();
        }
        if let Some(phase) = phase {
            term.anchor = phase.anchor;
            term.cycle_offset_months = offset(phase, billing_cycle, starts_at);
        }
        if let Some(anchor) = wish.anchor {
            term.anchor = Anchor(anchor);
            if phase.is_none_or(|phase| phase.anchor != term.anchor) {
                term.cycle_offset_months = 0;
            }
        }
        if !auto_renew {
            let kept = phase.filter(|phase| !phase.auto_renew && phase.grants_until.is_some());
            let period_end = term.billing_period(starts_at).ends_at;
            term.grants_until = kept
                .filter(|phase| phase.billing_cycle == billing_cycle)
                .map_or(Some(period_end), |phase| phase.grants_until.max(Some(period_end)));
        }
        term
    }

    /// What kind of change it is; nothing when all is so already.
    fn kind_of(&self, phase: &Term, wished: &Term) -> Result<Option<ChangeKind>> {
        if phase.plan_id != wished.plan_id {
            let (old, new) = (self.price(&phase.plan_id)?, self.price(&wished.plan_id)?);
            let is_dearer = new.price_monthly_usd >= old.price_monthly_usd;
            return Ok(Some(if is_dearer { ChangeKind::Upgrade } else { ChangeKind::Downgrade }));
        }
        Ok(if phase.anchor != wished.anchor {
            Some(ChangeKind::New)
        } else if phase.billing_cycle != wished.billing_cycle {
            Some(ChangeKind::CycleChange)
        } else if phase.status == SubscriptionStatus::PastDue {
            Some(ChangeKind::Renewal)
        } else if phase.auto_renew != wished.auto_renew {
            Some(ChangeKind::AutoRenew)
        } else {
            None
        })
    }

    fn price(&self, plan_id: &str) -> Result<&Plan> {
        self.catalogue.plan(plan_id)
    }

    pub(super) fn upgrade(
        &self,
        plan_id: &str,
        billing_cycle: Option<BillingCycle>,
        terms: &Terms,
    ) -> Result<Planned> {
        let current = self.active("upgrade")?;
        let (old, new) = (self.price(&current.plan_id)?, self.offered(plan_id)?);
        if new.price_monthly_usd <= old.price_monthly_usd {
            let reason = format!("it is not dearer than `{}`; use `downgrade`", old.id);
            return Err(Error::InvalidPlan { plan: new.id.clone(), reason });
        }
        let wish = Wish {
            plan_id,
            billing_cycle: billing_cycle.unwrap_or(current.billing_cycle),
            anchor: None,
            starts_at: self.now,
            auto_renew: current.auto_renew,
        };
        self.switch(&wish, terms)
    }

    pub(super) fn downgrade(&self, plan_id: &str) -> Result<Planned> {
        let current = self.active("downgrade")?;
        let (old, new) = (self.price(&current.plan_id)?, self.offered(plan_id)?);
        if new.price_monthly_usd >= old.price_monthly_usd {
            let reason = format!("it is not cheaper than `{}`; use `upgrade`", old.id);
            return Err(Error::InvalidPlan { plan: new.id.clone(), reason });
        }
        let next = Term {
            plan_id: new.id.clone(),
            change: ChangeKind::Downgrade,
            ..self.at_period_end(current, "downgrade")?
        };
        Ok(self.scheduled_once(next))
    }

    pub(super) fn change_cycle(
        &self,
        billing_cycle: BillingCycle,
        terms: &Terms,
    ) -> Result<Planned> {
        let current = self.active("change the cycle of")?;
        if billing_cycle == BillingCycle::Yearly || billing_cycle == current.billing_cycle {
            let wish = Wish {
                plan_id: &current.plan_id,
                billing_cycle,
                anchor: None,
                starts_at: self.now,
                auto_renew: current.auto_renew,
            };
            return self.switch(&wish, terms);
        }
        let next = Term {
            billing_cycle,
            cycle_offset_months: 0,
            change: ChangeKind::CycleChange,
            ..self.at_period_end(current, "change the cycle of")?
        };
        Ok(self.scheduled_once(next))
    }

    /// What follows a term when its billing period ends, for changes that wait until then.
    fn at_period_end(&self, current: &Term, change: &'static str) -> Result<Term> {
        if !current.auto_renew {
            let reason = "it ends by itself; subscribe anew when it has".to_owned();
            return Err(refused(change, reason));
        }
        Ok(self.following(current, current.billing_period(self.now).ends_at))
    }

    /// Schedules a term, unless just that is scheduled already.
    pub(super) fn scheduled_once(&self, next: Term) -> Planned {
        let is_same = |term: &Term| {
            let like = Term { id: term.id, created_at: term.created_at, ..next.clone() };
            *term == like
        };
        let withdrawn = self.superseded(self.now);
        let mut others = self.timeline.terms().iter().filter(|term| withdrawn.contains(&term.id));
        match (others.next(), others.next()) {
            (Some(only), None) if is_same(only) => Planned::default(),
            _ => Planned { term: Some(next), withdrawn, proration: None },
        }
    }
}

/// A plan that a user shall be on at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub(super) plan_id: &'a str,
    pub(super) billing_cycle: BillingCycle,
    pub(super) anchor: Option<Timestamp>,
    pub(super) starts_at: Timestamp,
    pub(super) auto_renew: bool,
}

/// Where the billing periods of a cycle start in a phase: a year begins with the running month.
fn offset(phase: &Term, billing_cycle: BillingCycle, at: Timestamp) -> i64 {
    match billing_cycle {
        cycle if cycle == phase.billing_cycle => phase.cycle_offset_months,
        BillingCycle::Monthly => 0,
        BillingCycle::Yearly => phase.anchor.months_until(at).rem_euclid(MONTHS_A_YEAR),
    }
}
