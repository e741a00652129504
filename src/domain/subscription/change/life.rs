//! The life of a subscription: renewing, ending, pausing, and confirming what waits.

use super::super::{ChangeKind, Payment, PaymentStatus, SubscriptionStatus, Term};
use super::switch::Wish;
use super::{CancelAt, Planned, Situation, Terms, cost_of_entry, refused};
use crate::domain::proration::Proration;
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

impl Situation<'_> {
    /// Pays one whole fee: for the running period when that is not paid, else, where nothing
    /// renews by itself, for the one after what was paid. Missed periods are skipped in one step,
    /// and the phase stays.
    pub(super) fn renew(&self, terms: &Terms) -> Result<Planned> {
        let current = self.current()?;
        if self.has_paid(&terms.payment, |term| term.change == ChangeKind::Renewal) {
            return Ok(Planned::default());
        }
        let status = current.status_at(self.now);
        let must_end = || refused("renew", format!("it is {status}"));
        let from = match status {
            SubscriptionStatus::Cancelled
            | SubscriptionStatus::Suspended
            | SubscriptionStatus::Pending => return Err(must_end()),
            SubscriptionStatus::Expired | SubscriptionStatus::PastDue => self.now,
            SubscriptionStatus::Active if current.auto_renew => {
                if self.is_period_paid(current) {
                    return Ok(Planned::default());
                }
                self.now
            }
            SubscriptionStatus::Active => current.grants_until.unwrap_or(self.now),
        };
        let mut term = self.following(current, self.now);
        term.status = SubscriptionStatus::Active;
        term.change = ChangeKind::Renewal;
        term.grants_until = (!current.auto_renew).then(|| current.billing_period(from).ends_at);
        let fee = current.billing_cycle.fee(self.catalogue.plan(&current.plan_id)?);
        let term = Some(self.paid(term, fee, terms));
        let withdrawn = self.waiting();
        Ok(Planned { term, withdrawn, proration: Some(Proration::full(fee)) })
    }

    /// Whether a payment's reference has paid one of the terms that are meant. Hosts are told of
    /// a payment more than once; it pays once.
    fn has_paid(&self, payment: &Payment, is_meant: impl Fn(&Term) -> bool) -> bool {
        let Payment::Reference(reference) = payment else { return false };
        let is_it = |term: &Term| {
            is_meant(term)
                && term.payment.status == PaymentStatus::Paid
                && term.payment.reference.as_ref() == Some(reference)
        };
        self.timeline.in_force().any(is_it)
    }

    /// Whether the host has told that the running period of a term is paid.
    fn is_period_paid(&self, current: &Term) -> bool {
        let period = current.billing_period(self.now);
        // An upgrade or another cycle pays for what is left of the period that it happens in.
        let pays =
            [ChangeKind::New, ChangeKind::Renewal, ChangeKind::Upgrade, ChangeKind::CycleChange];
        let is_payment = |term: &Term| {
            pays.contains(&term.change)
                && term.payment.status != PaymentStatus::Pending
                && period.contains(term.pays_for())
        };
        self.timeline.in_force().any(is_payment)
    }

    fn waiting(&self) -> Vec<i64> {
        self.timeline.pending().map(|term| term.id).into_iter().collect()
    }

    pub(super) fn cancel(&self, when: CancelAt) -> Result<Planned> {
        let current = self.current()?;
        if current.status == SubscriptionStatus::Cancelled {
            return Ok(Planned { withdrawn: self.superseded(self.now), ..Planned::default() });
        }
        let at = match when {
            CancelAt::PeriodEnd if current.grants_at(self.now) => {
                let period_end = current.billing_period(self.now).ends_at;
                if current.auto_renew && current.status == SubscriptionStatus::Active {
                    period_end
                } else {
                    current.grants_until.unwrap_or(period_end)
                }
            }
            _ => self.now,
        };
        let end = Term {
            status: SubscriptionStatus::Cancelled,
            change: ChangeKind::Cancellation,
            grants_until: None,
            ..self.following(current, at)
        };
        Ok(self.scheduled_once(end))
    }

    pub(super) fn mark_past_due(&self, grace_until: Timestamp) -> Result<Planned> {
        let current = self.current()?;
        let is_open =
            matches!(current.status, SubscriptionStatus::Active | SubscriptionStatus::PastDue);
        if !is_open {
            let status = current.status_at(self.now);
            return Err(refused("mark as past due", format!("it is {status}")));
        }
        let grants_until = Some(grace_until);
        if current.status == SubscriptionStatus::PastDue && current.grants_until == grants_until {
            return Ok(Planned::default());
        }
        let term = Term {
            status: SubscriptionStatus::PastDue,
            change: ChangeKind::PastDue,
            grants_until,
            ..self.following(current, self.now)
        };
        let withdrawn = self.superseded_but_the_end();
        Ok(Planned { term: Some(term), withdrawn, proration: None })
    }

    pub(super) fn suspend(&self) -> Result<Planned> {
        let current = self.current()?;
        match current.status_at(self.now) {
            SubscriptionStatus::Suspended => return Ok(Planned::default()),
            SubscriptionStatus::Active | SubscriptionStatus::PastDue => {}
            status => return Err(refused("suspend", format!("it is {status}"))),
        }
        let term = Term {
            status: SubscriptionStatus::Suspended,
            change: ChangeKind::Suspension,
            ..self.following(current, self.now)
        };
        let withdrawn = self.superseded_but_the_end();
        Ok(Planned { term: Some(term), withdrawn, proration: None })
    }

    /// What was before the suspension holds again: an active subscription, or a late payment
    /// whose grace goes on.
    pub(super) fn resume(&self) -> Result<Planned> {
        let current = self.current()?;
        if current.status != SubscriptionStatus::Suspended {
            let status = current.status_at(self.now);
            return Err(refused("resume", format!("it is {status}")));
        }
        let is_before = |term: &&Term| {
            term.starts_at <= current.starts_at && term.status != SubscriptionStatus::Suspended
        };
        let before = self.timeline.in_force().rev().find(is_before).unwrap_or(current);
        let term = Term {
            change: ChangeKind::Resumption,
            external: current.external.clone(),
            ..self.following(before, self.now)
        };
        Ok(Planned { term: Some(term), withdrawn: self.waiting(), proration: None })
    }

    pub(super) fn withdraw(&self) -> Planned {
        Planned { withdrawn: self.superseded(self.now), ..Planned::default() }
    }

    /// The change that waits happens now, and costs what the user was shown.
    pub(super) fn confirm(&self, terms: &Terms) -> Result<Planned> {
        let Some(waiting) = self.timeline.pending() else {
            if self.has_paid(&terms.payment, |_| true) {
                return Ok(Planned::default());
            }
            let wanted = "change that waits for a payment";
            return Err(Error::UnknownSubscription { user: self.user.to_owned(), wanted });
        };
        if terms.payment == Payment::Pending {
            return Err(refused("confirm a payment of", "no payment is given".into()));
        }
        let external = terms.external.clone().or(&waiting.external);
        let terms = Terms { payment: terms.payment.clone(), external };
        let planned = if waiting.change == ChangeKind::Renewal {
            self.renew(&terms)?
        } else {
            let starts_at = waiting.starts_at.max(self.now);
            let is_own_phase = waiting.anchor.0 == waiting.starts_at;
            self.switch(
                &Wish {
                    plan_id: &waiting.plan_id,
                    billing_cycle: waiting.billing_cycle,
                    anchor: (!is_own_phase).then_some(waiting.anchor.0),
                    starts_at,
                    auto_renew: waiting.auto_renew,
                },
                &terms,
            )?
        };
        let as_shown = |term: Term| {
            let mut payment = term.payment.clone();
            if payment.amount_usd > crate::domain::money::Money::ZERO {
                payment.amount_usd = waiting.payment.amount_usd;
            }
            Term { created_at: waiting.created_at, payment, ..term }
        };
        let term = planned.term.map(as_shown);
        let proration = match &term {
            Some(term) if term.change != ChangeKind::Renewal => {
                let before = self.timeline.term_at(self.now);
                let before = before.filter(|_| term.change != ChangeKind::New);
                Some(cost_of_entry(before, term, self.catalogue)?)
            }
            _ => planned.proration,
        };
        Ok(Planned { term, proration, ..planned })
    }
}
