//! Terms: what is stored of a subscription, one row a change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BillingCycle, SubscriptionStatus};
use crate::domain::account::UsageStatus;
use crate::domain::money::Money;
use crate::domain::name;
use crate::domain::named::named;
use crate::domain::period::Anchor;
use crate::domain::plan::Plan;
use crate::domain::proration::Fee;
use crate::domain::time::{Span, Timestamp};
use crate::error::Result;

named! {
    /// How a term came to be: the type of its line in the history.
    ChangeKind "change" {
        /// The first term of a subscription.
        New = "new",
        /// The same plan for another period.
        Renewal = "renewal",
        /// A dearer plan, at once.
        Upgrade = "upgrade",
        /// A cheaper plan.
        Downgrade = "downgrade",
        /// Another cycle of the same plan.
        CycleChange = "cycle_change",
        /// The end.
        Cancellation = "cancellation",
        /// A payment was late.
        PastDue = "past_due",
        /// It was suspended.
        Suspension = "suspension",
        /// It was resumed.
        Resumption = "resumption",
        /// Whether it renews by itself was changed.
        AutoRenew = "auto_renew",
    }
}

named! {
    /// Whether an amount was paid. Payments are the host's: this is what it told.
    PaymentStatus "payment_status" {
        /// It is not paid yet.
        Pending = "pending",
        /// It is paid, or nothing was due.
        Paid = "paid",
        /// The payment failed.
        Failed = "failed",
        /// Nobody pays: somebody decided so, and why is kept as the reference.
        Waived = "waived",
    }
}

/// How a change is paid for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// Not yet: the change waits for its payment and grants nothing.
    #[default]
    Pending,
    /// It was paid, under the host's reference (a charge or payment id), 1 to 255 bytes.
    Reference(String),
    /// Nobody pays for this change, for that reason, 1 to 255 bytes. Later periods cost their fee.
    Waived(String),
}

impl Payment {
    /// Checks the text.
    pub(crate) fn validate(&self) -> Result<()> {
        match self {
            Self::Pending => Ok(()),
            Self::Reference(text) => name::checked("payment reference", text, 255).map(|_| ()),
            Self::Waived(text) => name::checked("reason", text, 255).map(|_| ()),
        }
    }
}

/// What was told about the payment of a term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermPayment {
    /// Whether it was paid.
    pub status: PaymentStatus,
    /// What the change costs, in dollars; waived or not.
    pub amount_usd: Money,
    /// The host's reference, or the reason why nobody pays.
    pub reference: Option<String>,
    /// When it was told.
    pub paid_at: Option<Timestamp>,
}

impl TermPayment {
    /// Nothing is due.
    pub const NOTHING: Self = Self {
        status: PaymentStatus::Paid,
        amount_usd: Money::ZERO,
        reference: None,
        paid_at: None,
    };
}

/// The host's names of things outside, in columns of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExternalIds {
    /// The customer at Stripe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stripe_customer_id: Option<String>,
    /// The subscription at Stripe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stripe_subscription_id: Option<String>,
    /// How the user pays, for people: `card`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
}

impl ExternalIds {
    /// These, and where nothing is given the earlier ones.
    #[must_use]
    pub fn or(self, earlier: &Self) -> Self {
        let Self { stripe_customer_id, stripe_subscription_id, payment_method } = self;
        let earlier = earlier.clone();
        Self {
            stripe_customer_id: stripe_customer_id.or(earlier.stripe_customer_id),
            stripe_subscription_id: stripe_subscription_id.or(earlier.stripe_subscription_id),
            payment_method: payment_method.or(earlier.payment_method),
        }
    }

    /// Checks the texts.
    pub(crate) fn validate(&self) -> Result<()> {
        let Self { stripe_customer_id, stripe_subscription_id, payment_method } = self;
        let given = [stripe_customer_id, stripe_subscription_id, payment_method];
        for text in given.into_iter().flatten() {
            name::checked("external id", text, 255)?;
        }
        Ok(())
    }
}

/// What was used before a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsageSnapshot {
    /// Recorded calls.
    pub total_calls: i64,
    /// Input and output tokens.
    pub total_tokens: i64,
    /// The known cost, in dollars.
    pub total_cost_usd: Money,
    /// Recorded calls by provider.
    pub calls_by_provider: BTreeMap<String, i64>,
    /// How the limits stood.
    pub usage_status: UsageStatus,
}

/// One term of a user's subscription: a plan from an instant on, until the next term.
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
    /// Billing periods start that many months after the anchor, and every cycle from there.
    pub cycle_offset_months: i64,
    /// The first instant of the term.
    pub starts_at: Timestamp,
    /// The status from then on.
    pub status: SubscriptionStatus,
    /// How it came to be.
    pub change: ChangeKind,
    /// Whether the fee of the next period is due without anybody asking.
    pub auto_renew: bool,
    /// The first instant that the plan is no longer granted: the end of what was paid for when it
    /// does not renew by itself, or of the grace of a late payment. Without it there is no end.
    pub grants_until: Option<Timestamp>,
    /// What was told about its payment.
    pub payment: TermPayment,
    /// The host's names of things outside.
    pub external: ExternalIds,
    /// What was used in the running usage period before it, for changes at once.
    pub usage_before: Option<UsageSnapshot>,
    /// When the change was made.
    pub created_at: Timestamp,
}

impl Term {
    /// A term of a plan that renews by itself, counted from its start, with nothing to pay.
    pub fn new(plan_id: &str, billing_cycle: BillingCycle, starts_at: Timestamp) -> Self {
        Self {
            id: 0,
            plan_id: plan_id.to_owned(),
            billing_cycle,
            anchor: Anchor(starts_at),
            cycle_offset_months: 0,
            starts_at,
            status: SubscriptionStatus::Active,
            change: ChangeKind::New,
            auto_renew: true,
            grants_until: None,
            payment: TermPayment::NOTHING,
            external: ExternalIds::default(),
            usage_before: None,
            created_at: starts_at,
        }
    }

    /// The status at an instant within the term.
    pub fn status_at(&self, at: Timestamp) -> SubscriptionStatus {
        let is_over = self.grants_until.is_some_and(|until| at >= until);
        match self.status {
            SubscriptionStatus::Active if is_over => SubscriptionStatus::Expired,
            status => status,
        }
    }

    /// Whether it grants its plan at an instant within the term.
    pub fn grants_at(&self, at: Timestamp) -> bool {
        let grants =
            matches!(self.status, SubscriptionStatus::Active | SubscriptionStatus::PastDue);
        grants && self.grants_until.is_none_or(|until| at < until)
    }

    /// Whether the subscription has ended: subscribing again starts a new one.
    pub fn has_ended_at(&self, at: Timestamp) -> bool {
        self.status != SubscriptionStatus::Suspended && !self.grants_at(at)
    }

    /// The billing period around an instant.
    pub fn billing_period(&self, at: Timestamp) -> Span {
        self.anchor.period_from(self.cycle_offset_months, self.billing_cycle.months(), at)
    }

    /// The fee of its plan, and the billing period around an instant that it covers.
    pub fn fee(&self, plan: &Plan, at: Timestamp) -> Fee {
        Fee { amount: self.billing_cycle.fee(plan), period: self.billing_period(at) }
    }

    /// The instant that its price was told for: a change that waited for its payment costs what
    /// the user was shown, not what it would cost when the payment came.
    pub fn priced_at(&self) -> Timestamp {
        let asked = self.created_at.min(self.starts_at);
        if self.billing_period(self.starts_at).contains(asked) { asked } else { self.starts_at }
    }

    /// An instant of the billing period that its payment is for: a renewal ahead of time pays for
    /// the period that it adds.
    pub fn pays_for(&self) -> Timestamp {
        match self.grants_until {
            Some(until) if self.change == ChangeKind::Renewal => until.plus_micros(-1),
            _ => self.starts_at,
        }
    }
}
