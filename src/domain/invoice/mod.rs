//! Invoices: what a user owes for one billing period, line by line.
//!
//! What it is: a draft, computed whenever somebody looks, that becomes a frozen row when it is
//! finalized. What it is not: a payment, or a tax document. Usage that arrives after that is an
//! adjustment in the next draft, so that a finalized invoice never changes.

mod draft;
mod hash;
pub mod show;

use serde::Serialize;

pub use draft::{Ledger, draft};
pub use hash::{finalized, is_intact};

use super::counter::Counter;
use super::money::Money;
use super::named::named;
use super::subscription::{BillingCycle, PaymentStatus};
use super::time::{Span, Timestamp};
use crate::error::{Error, Result};

named! {
    /// Whether an invoice can still change.
    InvoiceState "invoice_state" {
        /// It is computed from what is known now.
        Draft = "draft",
        /// It is frozen.
        Finalized = "finalized",
        /// It was frozen and does not count any more.
        Void = "void",
    }
}

named! {
    /// What a line of an invoice is for.
    LineKind "line_kind" {
        /// The fee of a billing period, or of what is left of it.
        Fee = "fee",
        /// What is left of the fee of the plan before.
        ProrationCredit = "proration_credit",
        /// What the new plan costs for the rest of the period.
        ProrationCharge = "proration_charge",
        /// What nobody pays.
        Waiver = "waiver",
        /// Usage of one provider and model.
        Usage = "usage",
        /// The part of the usage that the fee includes.
        Included = "included",
        /// Usage of an earlier period that was not known when its invoice was finalized.
        Adjustment = "adjustment",
        /// The part of that which the fee of then includes.
        AdjustmentIncluded = "adjustment_included",
    }
}

/// What a usage of one provider and model counts in: a usage period.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelKey {
    /// The start of the usage period.
    pub period_starts_at: Timestamp,
    /// Who is paid.
    pub provider: String,
    /// The model, empty without one.
    pub model: String,
}

/// The sum of the calls of one usage period, provider and model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelUsage {
    /// Recorded calls.
    pub calls: i64,
    /// Calls whose cost is unknown.
    pub unpriced_calls: i64,
    /// Input and output tokens.
    pub tokens: i64,
    /// What they cost, without unpriced ones.
    pub cost: Money,
}

impl From<&Counter> for ModelUsage {
    fn from(counter: &Counter) -> Self {
        Self {
            calls: counter.calls,
            unpriced_calls: counter.unpriced_calls,
            tokens: counter.usage.total_tokens(),
            cost: counter.cost,
        }
    }
}

impl ModelUsage {
    /// Both together.
    pub fn plus(self, other: Self) -> Result<Self> {
        Ok(Self {
            calls: self.calls.saturating_add(other.calls),
            unpriced_calls: self.unpriced_calls.saturating_add(other.unpriced_calls),
            tokens: self.tokens.saturating_add(other.tokens),
            cost: self.cost.plus(other.cost)?,
        })
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Result<Self> {
        Ok(Self {
            calls: self.calls.saturating_sub(other.calls),
            unpriced_calls: self.unpriced_calls.saturating_sub(other.unpriced_calls),
            tokens: self.tokens.saturating_sub(other.tokens),
            cost: self.cost.minus(other.cost)?,
        })
    }
}

/// One line of an invoice. Its amount is rounded once; the lines add to the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvoiceLine {
    /// What it is for.
    pub kind: LineKind,
    /// The plan, for fees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// Who is paid, for usage. With the model and the period it names the calls of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model, for usage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The start of the billing period that an adjustment is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjusts: Option<Timestamp>,
    /// How many calls.
    pub calls: i64,
    /// Calls whose cost is unknown; they become an adjustment when it is known.
    pub unpriced_calls: i64,
    /// Their tokens.
    pub tokens: i64,
    /// What the usage cost, exactly.
    pub cost_usd: Money,
    /// What is charged, in whole cents; negative for what is taken off.
    pub amount_usd: Money,
}

impl InvoiceLine {
    /// A line of a plan.
    pub(crate) fn of_plan(kind: LineKind, plan_id: &str, amount_usd: Money) -> Self {
        Self { plan_id: Some(plan_id.to_owned()), ..Self::bare(kind, amount_usd) }
    }

    /// A line of nothing but an amount.
    pub(crate) const fn bare(kind: LineKind, amount_usd: Money) -> Self {
        Self {
            kind,
            plan_id: None,
            provider: None,
            model: None,
            adjusts: None,
            calls: 0,
            unpriced_calls: 0,
            tokens: 0,
            cost_usd: Money::ZERO,
            amount_usd,
        }
    }

    /// What it is for, in words.
    pub fn title(&self, cycle: BillingCycle) -> String {
        let plan = self.plan_id.as_deref().unwrap_or_default();
        let of_model = || {
            let provider = self.provider.as_deref().unwrap_or_default();
            let model = self.model.as_deref().unwrap_or_default();
            let (calls, tokens) = (self.calls, self.tokens);
            let noun = if calls == 1 { "call" } else { "calls" };
            let tokens = if tokens == 0 { String::new() } else { format!(", {tokens} tokens") };
            let unknown = match self.unpriced_calls {
                0 => String::new(),
                unpriced => format!(", {unpriced} of unknown cost"),
            };
            format!("{} ({calls} {noun}{tokens}{unknown})", format!("{provider} {model}").trim())
        };
        let adjusts = || self.adjusts.map(Timestamp::month_label).unwrap_or_default();
        match self.kind {
            LineKind::Fee => format!("{plan}, {cycle} fee"),
            LineKind::ProrationCredit => format!("{plan}, unused rest of the fee"),
            LineKind::ProrationCharge => format!("{plan}, rest of the period"),
            LineKind::Waiver => format!("{plan}, waived"),
            LineKind::Usage => of_model(),
            LineKind::Included => "usage included in the fee".to_owned(),
            LineKind::Adjustment => format!("late usage of {}: {}", adjusts(), of_model()),
            LineKind::AdjustmentIncluded => {
                format!("late usage of {} included in the fee", adjusts())
            }
        }
    }
}

/// What was told about the payment of an invoice. It may change after finalizing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvoicePayment {
    /// Whether what is due was paid.
    pub status: PaymentStatus,
    /// When.
    pub paid_at: Option<Timestamp>,
    /// The host's reference.
    pub reference: Option<String>,
    /// The invoice at Stripe.
    pub stripe_invoice_id: Option<String>,
}

impl InvoicePayment {
    /// Nothing was told yet.
    pub const PENDING: Self = Self {
        status: PaymentStatus::Pending,
        paid_at: None,
        reference: None,
        stripe_invoice_id: None,
    };
}

/// What a user owes for one billing period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invoice {
    /// The row's id, 0 for a draft.
    pub id: i64,
    /// Whether it can still change.
    pub state: InvoiceState,
    /// The billing period.
    pub period: Span,
    /// The plan at the end of the period.
    pub plan_id: String,
    /// Its name for people.
    pub plan_name: String,
    /// How often the fee is due.
    pub billing_cycle: BillingCycle,
    /// The lines, which add to the total.
    pub lines: Vec<InvoiceLine>,
    /// Recorded calls of the period.
    pub total_calls: i64,
    /// Their tokens.
    pub total_tokens: i64,
    /// The sum of the lines.
    pub total_usd: Money,
    /// What was paid ahead: with the subscription, a renewal or an upgrade.
    pub paid_usd: Money,
    /// What was told about the rest.
    pub payment: InvoicePayment,
    /// SHA-256 over its numbers and names of providers, models and plans, and the user's row;
    /// nothing for a draft. It names nobody.
    pub hash: Option<String>,
    /// When it was finalized.
    pub finalized_at: Option<Timestamp>,
    /// When it was declared void.
    pub voided_at: Option<Timestamp>,
    /// Why.
    pub void_reason: Option<String>,
}

impl Invoice {
    /// The sum of the lines of some kinds.
    pub fn sum_of(&self, kinds: &[LineKind]) -> Result<Money> {
        let lines = self.lines.iter().filter(|line| kinds.contains(&line.kind));
        Money::sum(lines.map(|line| line.amount_usd))
    }

    /// Fees with their prorations and waivers.
    pub fn base_cost(&self) -> Result<Money> {
        use LineKind::{Fee, ProrationCharge, ProrationCredit, Waiver};
        self.sum_of(&[Fee, ProrationCharge, ProrationCredit, Waiver])
    }

    /// All usage, included or not.
    pub fn usage_cost(&self) -> Result<Money> {
        self.sum_of(&[LineKind::Usage, LineKind::Adjustment])
    }

    /// Usage that the fee does not include.
    pub fn overage_cost(&self) -> Result<Money> {
        let included = self.sum_of(&[LineKind::Included, LineKind::AdjustmentIncluded])?;
        self.usage_cost()?.plus(included)
    }

    /// What is left to pay; negative when more was paid than is owed.
    pub fn due_usd(&self) -> Result<Money> {
        self.total_usd.minus(self.paid_usd)
    }

    /// Whether it counts: finalized and not void.
    pub fn is_finalized(&self) -> bool {
        self.state == InvoiceState::Finalized
    }

    /// The same, declared void.
    ///
    /// # Errors
    /// `invoice_state` for a draft.
    pub fn voided(&self, at: Timestamp, reason: &str) -> Result<Self> {
        if self.state == InvoiceState::Draft {
            let reason = "it is a draft, which changes by itself".to_owned();
            return Err(Error::InvoiceState {
                change: "void",
                period: self.period.label(),
                reason,
            });
        }
        Ok(Self {
            state: InvoiceState::Void,
            voided_at: self.voided_at.or(Some(at)),
            void_reason: self.void_reason.clone().or_else(|| Some(reason.to_owned())),
            ..self.clone()
        })
    }
}
