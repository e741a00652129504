//! History: every change and every renewal of a subscription, as lines for people.
//!
//! Nothing of it is stored but the terms. A renewal that nobody asked for is computed from them,
//! so it is there as soon as somebody looks, and looking writes nothing.

use serde::Serialize;

use super::{BillingCycle, BillingPeriod, ChangeKind, Term, TermPayment, Timeline, UsageSnapshot};
use crate::domain::catalogue::Catalogue;
use crate::domain::money::Money;
use crate::domain::plan::Tier;
use crate::domain::subscription::PaymentStatus;
use crate::domain::time::{Span, Timestamp};
use crate::error::Result;

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// The place in the user's history, from 1, oldest first.
    pub id: i64,
    /// What happened.
    pub change: ChangeKind,
    /// The plan from then on.
    pub plan_id: String,
    /// Its name for people.
    pub plan_name: String,
    /// Its rank.
    pub plan_tier: Tier,
    /// The plan before; nothing for the first subscription.
    pub previous_plan_id: Option<String>,
    /// Its name for people.
    pub previous_plan_name: Option<String>,
    /// Its rank.
    pub previous_plan_tier: Option<Tier>,
    /// How often the fee is due.
    pub billing_cycle: BillingCycle,
    /// The billing period before; nothing for the first subscription.
    pub previous_period: Option<Span>,
    /// The billing period that it is about.
    pub new_period: Span,
    /// Renewals of this subscription, this one included.
    pub renewal_count: i64,
    /// What was used before: in the running usage period for a change at once, else in the
    /// billing period that ended.
    pub usage_before: Option<UsageSnapshot>,
    /// What was told about the payment. What begins a period that nobody paid waits for one.
    pub payment: TermPayment,
    /// When it happened.
    pub created_at: Timestamp,
    /// Whether it is computed, not stored.
    pub is_computed: bool,
}

/// All lines up to an instant, oldest first. `usage` tells what was used within a billing period.
pub fn history(
    timeline: &Timeline,
    catalogue: &Catalogue,
    until: Timestamp,
    usage: &dyn Fn(Span) -> Result<UsageSnapshot>,
) -> Result<Vec<HistoryEntry>> {
    let Some(first) = timeline.in_force().next().filter(|term| term.starts_at <= until) else {
        return Ok(Vec::new());
    };
    let mut teller = Teller { timeline, catalogue, usage, entries: Vec::new(), renewals: 0 };
    for period in timeline.billing_periods(first.starts_at, until) {
        let span = period.span;
        if let Some(renewed) = renewed_at_start(timeline, &period) {
            teller.tell_renewal(renewed, span)?;
        }
        let begins = |term: &&Term| span.contains(term.starts_at) && term.starts_at <= until;
        for term in timeline.in_force().filter(begins) {
            teller.tell(term, span)?;
        }
    }
    Ok(teller.entries)
}

/// The term that goes on into a billing period, if it does.
fn renewed_at_start<'a>(timeline: &'a Timeline, period: &BillingPeriod) -> Option<&'a Term> {
    let starts_at = period.span.starts_at;
    let term = timeline.term_at(starts_at)?;
    let goes_on = term.starts_at < starts_at
        && term.grants_at(starts_at)
        && period.fee_period.starts_at == starts_at;
    goes_on.then_some(term)
}

struct Teller<'a> {
    timeline: &'a Timeline,
    catalogue: &'a Catalogue,
    usage: &'a dyn Fn(Span) -> Result<UsageSnapshot>,
    entries: Vec<HistoryEntry>,
    renewals: i64,
}

impl Teller<'_> {
    /// The renewal stored for a billing period, whenever it was paid.
    fn stored_renewal(&self, span: Span) -> Option<&Term> {
        let pays =
            |term: &&Term| term.change == ChangeKind::Renewal && span.contains(term.pays_for());
        self.timeline.in_force().find(pays)
    }

    /// A renewal that the beginning of a period is. One that was paid ahead has its line already.
    fn tell_renewal(&mut self, term: &Term, span: Span) -> Result<()> {
        let stored = self.stored_renewal(span);
        if stored.is_some_and(|stored| stored.starts_at < span.starts_at) {
            return Ok(());
        }
        let payment = match stored {
            Some(stored) => stored.payment.clone(),
            None => self.owed_fee(term)?,
        };
        let before = span.starts_at.plus_micros(-1);
        let line = Line {
            change: ChangeKind::Renewal,
            term,
            before: Some((term, term.billing_period(before))),
            new_period: term.billing_period(span.starts_at),
            usage_before: Some((self.usage)(term.billing_period(before))?),
            payment,
            created_at: span.starts_at,
            is_computed: true,
        };
        self.add(line)
    }

    /// The fee of a period that nobody has told to be paid.
    fn owed_fee(&self, term: &Term) -> Result<TermPayment> {
        let amount_usd = term.billing_cycle.fee(self.catalogue.plan(&term.plan_id)?);
        if amount_usd == Money::ZERO {
            return Ok(TermPayment::NOTHING);
        }
        let status = PaymentStatus::Pending;
        Ok(TermPayment { status, amount_usd, ..TermPayment::NOTHING })
    }

    /// The payment of a stored change. One that waited for the end of a period begins another,
    /// whose fee is owed as that of a renewal is, unless a renewal by hand paid it.
    fn payment_of(&self, term: &Term, span: Span) -> Result<TermPayment> {
        let begins_period = matches!(term.change, ChangeKind::Downgrade | ChangeKind::CycleChange)
            && term.created_at < term.starts_at
            && term.starts_at == span.starts_at;
        if begins_period && self.stored_renewal(span).is_none() {
            return self.owed_fee(term);
        }
        Ok(term.payment.clone())
    }

    /// A stored change. A renewal of a period whose beginning was told already is that line.
    fn tell(&mut self, term: &Term, span: Span) -> Result<()> {
        let is_its_renewal = span.contains(term.pays_for())
            && self.stored_renewal(span).is_some_and(|s| s.id == term.id);
        let mut told = self.entries.iter().rev();
        if is_its_renewal && told.any(|e| e.is_computed && e.created_at == span.starts_at) {
            return Ok(());
        }
        let terms: Vec<&Term> = self.timeline.in_force().collect();
        let place = terms.iter().position(|own| own.id == term.id).unwrap_or(0);
        let before = place.checked_sub(1).map(|place| terms[place]);
        let just_before = term.starts_at.plus_micros(-1);
        let before = before.map(|before| (before, before.billing_period(just_before)));
        let usage_before = match (&term.usage_before, before) {
            (Some(snapshot), _) => Some(snapshot.clone()),
            (None, Some((_, period))) => Some((self.usage)(period)?),
            (None, None) => None,
        };
        let line = Line {
            change: term.change,
            term,
            before,
            new_period: term.billing_period(term.pays_for().max(term.starts_at)),
            usage_before,
            payment: self.payment_of(term, span)?,
            created_at: term.starts_at,
            is_computed: false,
        };
        self.add(line)
    }

    fn add(&mut self, line: Line<'_>) -> Result<()> {
        match line.change {
            ChangeKind::New => self.renewals = 0,
            ChangeKind::Renewal => self.renewals += 1,
            _ => {}
        }
        let plan = self.catalogue.plan(&line.term.plan_id)?;
        let previous = match line.before {
            Some((before, _)) => Some(self.catalogue.plan(&before.plan_id)?),
            None => None,
        };
        self.entries.push(HistoryEntry {
            id: i64::try_from(self.entries.len() + 1).unwrap_or(i64::MAX),
            change: line.change,
            plan_id: plan.id.clone(),
            plan_name: plan.name.clone(),
            plan_tier: plan.tier,
            previous_plan_id: previous.map(|plan| plan.id.clone()),
            previous_plan_name: previous.map(|plan| plan.name.clone()),
            previous_plan_tier: previous.map(|plan| plan.tier),
            billing_cycle: line.term.billing_cycle,
            previous_period: line.before.map(|(_, period)| period),
            new_period: line.new_period,
            renewal_count: self.renewals,
            usage_before: line.usage_before,
            payment: line.payment,
            created_at: line.created_at,
            is_computed: line.is_computed,
        });
        Ok(())
    }
}

/// What a line is made of.
struct Line<'a> {
    change: ChangeKind,
    term: &'a Term,
    before: Option<(&'a Term, Span)>,
    new_period: Span,
    usage_before: Option<UsageSnapshot>,
    payment: TermPayment,
    created_at: Timestamp,
    is_computed: bool,
}
