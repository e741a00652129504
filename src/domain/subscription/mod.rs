//! Subscriptions: which plan a user has at an instant, and the periods that follow from it.
//!
//! A user's subscription is a timeline of terms, each holding from its start until the next one.
//! Everything that depends on time is computed from it: there is no background clock that would
//! have to renew, and a scheduled change is a term that starts later, which can be withdrawn
//! before. [`change`] holds the rules of every change, [`history`] tells what has happened.

pub mod change;
pub mod history;
mod term;
mod timeline;

pub use term::{ChangeKind, ExternalIds, Payment, PaymentStatus, Term, TermPayment, UsageSnapshot};
pub use timeline::{BillingPeriod, Standing, Timeline};

use super::money::Money;
use super::named::named;
use super::plan::Plan;

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
        /// What was paid for is over and it does not renew by itself. Computed, never stored.
        Expired = "expired",
    }
}
