//! The verbs: each is one change in one transaction.

use super::super::Meter;
use super::{Subscribe, SubscriptionReceipt};
use crate::domain::subscription::change::{CancelAt, Change, Terms};
use crate::domain::subscription::{BillingCycle, ExternalIds, Payment};
use crate::domain::time::Timestamp;
use crate::error::{Error, Result};

impl Meter {
    /// Puts a user on a plan, creating the user if it was never seen.
    ///
    /// A first subscription, and one after an end, starts a new phase: periods count from its
    /// anchor, and what was used before stays in its own period. A change of plan keeps phase
    /// and counters; only the limits change. The same subscription again changes nothing, but
    /// takes back what was scheduled. A plan with a fee that is not paid is `pending`: it grants
    /// nothing until [`Meter::confirm_payment`], and takes away nothing that is in force.
    ///
    /// # Errors
    /// `unknown_plan`, `invalid_plan` for one that is not offered any more, `subscription_state`
    /// when it is suspended, and the store's.
    ///
    /// # Example
    /// ```
    /// use alwrity_metering::{Meter, Options, Subscribe, SubscriptionStatus};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let meter = Meter::open(folder.path().join("metering.db"), Options::default())?;
    /// meter.seed("default")?;
    /// let waits = meter.subscribe("u1", &Subscribe::monthly("pro"))?;
    /// assert_eq!(waits.status, SubscriptionStatus::Pending);
    /// assert_eq!(meter.current_period("u1")?.plan_id, "free");
    /// meter.confirm_payment("u1", "ch_1", Default::default())?;
    /// assert_eq!(meter.current_period("u1")?.plan_id, "pro");
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn subscribe(&self, user: &str, subscribe: &Subscribe) -> Result<SubscriptionReceipt> {
        let (change, terms) = subscribe.split();
        self.change(user, change, terms)
    }

    /// Makes the change that waits for its payment happen, paid under the host's reference. The
    /// same reference again, when nothing waits any more, changes nothing.
    ///
    /// # Errors
    /// `unknown_subscription` when nothing waits.
    pub fn confirm_payment(
        &self,
        user: &str,
        reference: &str,
        external: ExternalIds,
    ) -> Result<SubscriptionReceipt> {
        let payment = Payment::Reference(reference.to_owned());
        self.change(user, Change::Confirm, Terms { payment, external })
    }

    /// Pays one fee: for the running period when it is not paid yet, which also ends a late
    /// payment; else, where nothing renews by itself, for one more period. Missed periods are
    /// skipped in one step, and the phase stays. A reference that has paid a renewal before
    /// changes nothing: hosts are told of a payment more than once.
    ///
    /// # Errors
    /// `unknown_subscription`, and `subscription_state` when it is cancelled or suspended.
    pub fn renew(&self, user: &str, payment: Payment) -> Result<SubscriptionReceipt> {
        self.change(user, Change::Renew, Terms { payment, ..Terms::default() })
    }

    /// Goes over to a dearer plan at once, for the prorated difference of the fees. What was
    /// used stays used.
    ///
    /// # Errors
    /// `invalid_plan` for one that is not dearer, `subscription_state` when it is not active.
    pub fn upgrade(
        &self,
        user: &str,
        plan_id: &str,
        billing_cycle: Option<BillingCycle>,
        payment: Payment,
    ) -> Result<SubscriptionReceipt> {
        let change = Change::Upgrade { plan_id: plan_id.to_owned(), billing_cycle };
        self.change(user, change, Terms { payment, ..Terms::default() })
    }

    /// Goes over to a cheaper plan when the billing period ends. Nothing is given back.
    ///
    /// # Errors
    /// `invalid_plan` for one that is not cheaper, `subscription_state` when it is not active.
    pub fn downgrade(&self, user: &str, plan_id: &str) -> Result<SubscriptionReceipt> {
        self.change(user, Change::Downgrade { plan_id: plan_id.to_owned() }, Terms::default())
    }

    /// Pays by the year from the start of the running month on, for the prorated difference; or
    /// by the month when the year ends. Limits stay monthly, and the phase stays.
    ///
    /// # Errors
    /// `subscription_state` when it is not active.
    pub fn change_cycle(
        &self,
        user: &str,
        billing_cycle: BillingCycle,
        payment: Payment,
    ) -> Result<SubscriptionReceipt> {
        let terms = Terms { payment, ..Terms::default() };
        self.change(user, Change::ChangeCycle { billing_cycle }, terms)
    }

    /// Ends a subscription, now or when what was paid for ends. Nothing is given back.
    ///
    /// # Errors
    /// `unknown_subscription`.
    pub fn cancel(&self, user: &str, when: CancelAt) -> Result<SubscriptionReceipt> {
        self.change(user, Change::Cancel { when }, Terms::default())
    }

    /// Takes back what is scheduled or waits for its payment: it never happens.
    pub fn withdraw_change(&self, user: &str) -> Result<SubscriptionReceipt> {
        self.change(user, Change::Withdraw, Terms::default())
    }

    /// Notes that a payment is late. The plan is granted until the grace ends, then no more,
    /// until [`Meter::renew`] pays.
    ///
    /// # Errors
    /// `invalid_argument` for a grace that ends in the past, `subscription_state`.
    pub fn mark_past_due(&self, user: &str, grace_until: Timestamp) -> Result<SubscriptionReceipt> {
        let now = self.now();
        if grace_until < now {
            let (value, expected) = (grace_until.to_string(), format!("{now} or later").into());
            return Err(Error::InvalidArgument { name: "grace_until", value, expected });
        }
        self.change(user, Change::MarkPastDue { grace_until }, Terms::default())
    }

    /// Grants nothing until [`Meter::resume`]. Time goes on: the fee is not given back.
    ///
    /// # Errors
    /// `unknown_subscription`, and `subscription_state` when it has ended.
    pub fn suspend(&self, user: &str) -> Result<SubscriptionReceipt> {
        self.change(user, Change::Suspend, Terms::default())
    }

    /// Ends a suspension: what was before holds again, in its phase.
    ///
    /// # Errors
    /// `unknown_subscription`, and `subscription_state` when it is not suspended.
    pub fn resume(&self, user: &str) -> Result<SubscriptionReceipt> {
        self.change(user, Change::Resume, Terms::default())
    }
}
