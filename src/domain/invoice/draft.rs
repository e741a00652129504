//! Drafts: the lines of a billing period, from terms, fees and usage.

use std::collections::BTreeMap;

use super::{Invoice, InvoiceLine, InvoicePayment, InvoiceState, LineKind, ModelKey, ModelUsage};
use crate::domain::catalogue::Catalogue;
use crate::domain::money::Money;
use crate::domain::subscription::change::cost_of_entry;
use crate::domain::subscription::{
    BillingCycle, BillingPeriod, ChangeKind, PaymentStatus, Term, Timeline,
};
use crate::error::Result;

/// What invoices of one user are drafted from.
pub struct Ledger<'a> {
    /// The user's terms.
    pub timeline: &'a Timeline,
    /// Plans and their fees.
    pub catalogue: &'a Catalogue,
    /// The user's billing periods, ascending.
    pub periods: &'a [BillingPeriod],
    /// What was used, by usage period, provider and model.
    pub usage: &'a [(ModelKey, ModelUsage)],
    /// The invoices that were finalized, void ones included.
    pub invoices: &'a [Invoice],
}

/// The draft of a billing period: what its invoice would be if it were finalized now.
pub fn draft(ledger: &Ledger<'_>, period: &BillingPeriod) -> Result<Invoice> {
    let last = last_granting(ledger.timeline, period);
    let plan_id = last.map_or(&ledger.catalogue.default_plan, |term| &term.plan_id);
    let plan = ledger.catalogue.plan(plan_id)?;
    let mut lines = fee_lines(ledger, period)?;
    lines.extend(ledger.settle(period, LineKind::Usage)?);
    for finalized in ledger.adjusted_in(period) {
        lines.extend(ledger.settle(finalized, LineKind::Adjustment)?);
    }
    let used = ledger.used(period)?;
    let totals = used.values().try_fold(ModelUsage::default(), |sum, one| sum.plus(*one))?;
    let total_usd = Money::sum(lines.iter().map(|line| line.amount_usd))?;
    let (paid_usd, last_payment) = paid_ahead(ledger.timeline, period)?;
    let payment = if total_usd <= paid_usd {
        InvoicePayment { status: PaymentStatus::Paid, ..last_payment }
    } else {
        InvoicePayment::PENDING
    };
    Ok(Invoice {
        id: 0,
        state: InvoiceState::Draft,
        period: period.span,
        plan_id: plan.id.clone(),
        plan_name: plan.name.clone(),
        billing_cycle: last.map_or(BillingCycle::Monthly, |term| term.billing_cycle),
        lines,
        total_calls: totals.calls,
        total_tokens: totals.tokens,
        total_usd,
        paid_usd,
        payment,
        hash: None,
        finalized_at: None,
        voided_at: None,
        void_reason: None,
    })
}

/// The last term that grants its plan at some instant of the period.
fn last_granting<'a>(timeline: &'a Timeline, period: &BillingPeriod) -> Option<&'a Term> {
    let starts_at = period.span.starts_at;
    let begins = |term: &&Term| period.span.contains(term.starts_at);
    timeline
        .in_force()
        .rev()
        .filter(begins)
        .find(|term| term.grants_at(term.starts_at))
        .or_else(|| timeline.term_at(starts_at).filter(|term| term.grants_at(starts_at)))
}

/// What was told to be paid for the period ahead, and the last payment of it.
fn paid_ahead(timeline: &Timeline, period: &BillingPeriod) -> Result<(Money, InvoicePayment)> {
    let pays = |term: &&Term| {
        term.payment.status == PaymentStatus::Paid && period.span.contains(term.pays_for())
    };
    let amounts = timeline.in_force().filter(pays).map(|term| term.payment.amount_usd);
    let costs = |term: &&Term| pays(term) && term.payment.amount_usd != Money::ZERO;
    let last = timeline.in_force().rev().find(costs);
    let payment = last.map_or(InvoicePayment::PENDING, |term| InvoicePayment {
        paid_at: term.payment.paid_at,
        reference: term.payment.reference.clone(),
        ..InvoicePayment::PENDING
    });
    Ok((Money::sum(amounts)?, payment))
}

/// Fees, prorations and waivers of a period.
fn fee_lines(ledger: &Ledger<'_>, period: &BillingPeriod) -> Result<Vec<InvoiceLine>> {
    let (timeline, span) = (ledger.timeline, period.span);
    let mut lines = Vec::new();
    let goes_on = timeline
        .term_at(span.starts_at)
        .filter(|term| term.starts_at < span.starts_at && term.grants_at(span.starts_at));
    if let Some(term) = goes_on {
        let plan = ledger.catalogue.plan(&term.plan_id)?;
        let fee = term.fee(plan, span.starts_at).unused(span.starts_at)?;
        push(&mut lines, LineKind::Fee, &term.plan_id, fee);
    }
    for term in timeline.in_force().filter(|term| span.contains(term.starts_at)) {
        let before = timeline.in_force().take_while(|own| own.id != term.id).last();
        let is_waived = term.payment.status == PaymentStatus::Waived;
        match term.change {
            ChangeKind::New
            | ChangeKind::Upgrade
            | ChangeKind::Downgrade
            | ChangeKind::CycleChange => {
                let cost = cost_of_entry(before, term, ledger.catalogue)?;
                let is_whole = cost.credit_usd == Money::ZERO;
                let charge = if is_whole { LineKind::Fee } else { LineKind::ProrationCharge };
                let credit = cost.credit_usd.negated()?;
                let before = before.map_or("", |own| own.plan_id.as_str());
                push(&mut lines, LineKind::ProrationCredit, before, credit);
                push(&mut lines, charge, &term.plan_id, cost.charge_usd);
            }
            ChangeKind::Renewal if lines.is_empty() && span.contains(term.pays_for()) => {
                let fee = term.billing_cycle.fee(ledger.catalogue.plan(&term.plan_id)?);
                push(&mut lines, LineKind::Fee, &term.plan_id, fee);
            }
            _ => {}
        }
        if is_waived && span.contains(term.pays_for()) {
            let waived = term.payment.amount_usd.negated()?;
            push(&mut lines, LineKind::Waiver, &term.plan_id, waived);
        }
    }
    for ahead in timeline.in_force().filter(|term| {
        term.payment.status == PaymentStatus::Waived
            && term.starts_at < span.starts_at
            && span.contains(term.pays_for())
    }) {
        let waived = ahead.payment.amount_usd.negated()?;
        push(&mut lines, LineKind::Waiver, &ahead.plan_id, waived);
    }
    cap_waivers(&mut lines)?;
    Ok(lines)
}

/// A period is charged once, so several waivers of it together take no more than that. Guarded by
/// `billing::lives::whatever_happens_every_call_is_billed_once_and_lines_add_up`.
fn cap_waivers(lines: &mut Vec<InvoiceLine>) -> Result<()> {
    let (waivers, charges): (Vec<_>, Vec<_>) =
        lines.iter_mut().partition(|line| line.kind == LineKind::Waiver);
    let charged = Money::sum(charges.iter().map(|line| line.amount_usd))?;
    let mut left = charged.max(Money::ZERO);
    for waiver in waivers {
        let waived = waiver.amount_usd.negated()?.min(left);
        left = left.minus(waived)?;
        waiver.amount_usd = waived.negated()?;
    }
    lines.retain(|line| line.amount_usd != Money::ZERO);
    Ok(())
}

fn push(lines: &mut Vec<InvoiceLine>, kind: LineKind, plan_id: &str, amount: Money) {
    if amount != Money::ZERO {
        lines.push(InvoiceLine::of_plan(kind, plan_id, amount));
    }
}

/// By provider and model.
type Usages = BTreeMap<(String, String), ModelUsage>;

impl Ledger<'_> {
    /// What was used in the usage periods that start within a billing period.
    fn used(&self, period: &BillingPeriod) -> Result<Usages> {
        let mut used = Usages::new();
        for (key, usage) in self.usage {
            if period.span.contains(key.period_starts_at) {
                let sum = used.entry((key.provider.clone(), key.model.clone())).or_default();
                *sum = sum.plus(*usage)?;
            }
        }
        Ok(used)
    }

    /// The lines that were billed for a period: in its own invoice, and as adjustments in others.
    fn billed(&self, period: &BillingPeriod) -> impl Iterator<Item = &InvoiceLine> {
        let starts_at = period.span.starts_at;
        self.invoices.iter().filter(|invoice| invoice.is_finalized()).flat_map(move |invoice| {
            let is_own = invoice.period.starts_at == starts_at;
            invoice.lines.iter().filter(move |line| match line.adjusts {
                Some(adjusts) => adjusts == starts_at,
                None => is_own && matches!(line.kind, LineKind::Usage | LineKind::Included),
            })
        })
    }

    fn is_finalized(&self, period: &BillingPeriod) -> bool {
        let starts_at = period.span.starts_at;
        let is_own = |invoice: &&Invoice| invoice.period.starts_at == starts_at;
        self.invoices.iter().filter(is_own).any(Invoice::is_finalized)
    }

    /// The finalized periods whose late usage is billed in the draft of this one: it is the first
    /// after them that is not finalized.
    fn adjusted_in(&self, period: &BillingPeriod) -> Vec<&BillingPeriod> {
        let mut adjusted = Vec::new();
        for earlier in self.periods.iter().take_while(|own| own.span < period.span) {
            if self.is_finalized(earlier) {
                adjusted.push(earlier);
            } else {
                adjusted.clear();
            }
        }
        adjusted
    }

    /// The lines that bring what was billed for a period up to what was used in it: one for each
    /// provider and model, and what the fee includes of them.
    fn settle(&self, period: &BillingPeriod, kind: LineKind) -> Result<Vec<InvoiceLine>> {
        let is_late = kind == LineKind::Adjustment;
        let adjusts = is_late.then_some(period.span.starts_at);
        let mut open = self.used(period)?;
        let (mut usage_total, mut included) = (Money::ZERO, Money::ZERO);
        for line in self.billed(period) {
            match (&line.provider, &line.model) {
                (Some(provider), Some(model)) => {
                    let sum = open.entry((provider.clone(), model.clone())).or_default();
                    *sum = sum.minus(ModelUsage {
                        calls: line.calls,
                        unpriced_calls: line.unpriced_calls,
                        tokens: line.tokens,
                        cost: line.cost_usd,
                    })?;
                    usage_total = usage_total.plus(line.amount_usd)?;
                }
                _ => included = included.plus(line.amount_usd)?,
            }
        }
        let mut lines = Vec::new();
        for ((provider, model), usage) in open {
            if usage == ModelUsage::default() {
                continue;
            }
            let amount_usd = usage.cost.to_cents()?;
            usage_total = usage_total.plus(amount_usd)?;
            lines.push(InvoiceLine {
                provider: Some(provider),
                model: Some(model),
                adjusts,
                calls: usage.calls,
                unpriced_calls: usage.unpriced_calls,
                tokens: usage.tokens,
                cost_usd: usage.cost,
                ..InvoiceLine::bare(kind, amount_usd)
            });
        }
        let is_in_fee = self.included(period)?.map_or(usage_total, |most| usage_total.min(most));
        let change = is_in_fee.negated()?.minus(included)?;
        if change != Money::ZERO {
            let kind = if is_late { LineKind::AdjustmentIncluded } else { LineKind::Included };
            lines.push(InvoiceLine { adjusts, ..InvoiceLine::bare(kind, change) });
        }
        Ok(lines)
    }

    /// The usage that the fee of a period includes, in whole cents; nothing when it includes all.
    fn included(&self, period: &BillingPeriod) -> Result<Option<Money>> {
        let last = last_granting(self.timeline, period);
        let plan_id = last.map_or(&self.catalogue.default_plan, |term| &term.plan_id);
        let Some(monthly) = self.catalogue.plan(plan_id)?.included_cost_usd else {
            return Ok(None);
        };
        let cycle = last.map_or(BillingCycle::Monthly, |term| term.billing_cycle);
        monthly.cents_of_share(i64::from(cycle.months()), 1).map(Some)
    }
}
