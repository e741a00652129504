//! Subscriptions through the meter: changing them, previewing a change, and looking at them.
//!
//! Nothing runs in the background. A renewal, the end of a grace and a scheduled change happen
//! because an instant has come, whoever looks; a reading verb writes nothing.

mod verbs;
mod view;

use std::sync::Arc;

use serde::Serialize;

pub use view::{HistoryPage, ScheduledChange, SubscriptionView};

use super::posting::Posting;
use super::raise::windows_of_all;
use super::{About, Meter};
use crate::domain::account::Account;
use crate::domain::counter::CounterKey;
use crate::domain::limit::usage_status;
use crate::domain::money::Money;
use crate::domain::name;
use crate::domain::proration::Proration;
use crate::domain::subscription::change::{Change, Planned, Situation, Terms, plan_change};
use crate::domain::subscription::{
    BillingCycle, ChangeKind, ExternalIds, Payment, PaymentStatus, SubscriptionStatus, Term,
    Timeline, UsageSnapshot,
};
use crate::domain::time::{Span, Timestamp, Window};
use crate::error::Result;
use crate::storage::{Changes, PeriodMark, View};

/// What a user subscribes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// The plan.
    pub plan_id: String,
    /// How often the fee is due.
    pub billing_cycle: BillingCycle,
    /// What periods are counted from; without it, now for a first subscription, and the anchor
    /// that the user has for a change of plan.
    pub anchor: Option<Timestamp>,
    /// From when on; without it, now.
    pub starts_at: Option<Timestamp>,
    /// How it is paid for. A plan without a fee needs nothing.
    pub payment: Payment,
    /// Whether it renews by itself.
    pub auto_renew: bool,
    /// The host's names of things outside.
    pub external: ExternalIds,
}

impl Default for Subscribe {
    fn default() -> Self {
        Self {
            plan_id: String::new(),
            billing_cycle: BillingCycle::Monthly,
            anchor: None,
            starts_at: None,
            payment: Payment::Pending,
            auto_renew: true,
            external: ExternalIds::default(),
        }
    }
}

impl Subscribe {
    /// A monthly subscription from now on, which waits for its payment.
    pub fn monthly(plan_id: &str) -> Self {
        Self { plan_id: plan_id.to_owned(), ..Self::default() }
    }

    /// A yearly subscription from now on, which waits for its payment.
    pub fn yearly(plan_id: &str) -> Self {
        Self { billing_cycle: BillingCycle::Yearly, ..Self::monthly(plan_id) }
    }

    /// The same, paid under the host's reference.
    #[must_use]
    pub fn paid(self, reference: &str) -> Self {
        Self { payment: Payment::Reference(reference.to_owned()), ..self }
    }

    /// The same, with nothing to pay for this change, for that reason.
    #[must_use]
    pub fn waived(self, reason: &str) -> Self {
        Self { payment: Payment::Waived(reason.to_owned()), ..self }
    }

    fn split(&self) -> (Change, Terms) {
        let Self { plan_id, billing_cycle, anchor, starts_at, payment, auto_renew, external } =
            self.clone();
        let change = Change::Subscribe { plan_id, billing_cycle, anchor, starts_at, auto_renew };
        (change, Terms { payment, external })
    }
}

/// A user's subscription after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubscriptionReceipt {
    /// The user.
    pub user: String,
    /// The plan.
    pub plan_id: String,
    /// How often the fee is due.
    pub billing_cycle: BillingCycle,
    /// Whether it grants the plan. `pending` waits for its payment and grants nothing.
    pub status: SubscriptionStatus,
    /// What kind of change it was; nothing when all was so already or a change was taken back.
    pub change: Option<ChangeKind>,
    /// What periods are counted from.
    pub anchor: Timestamp,
    /// The first instant of the plan; later than now for a change that is scheduled.
    pub starts_at: Timestamp,
    /// The usage period at that instant.
    pub usage_period: Span,
    /// The billing period at that instant.
    pub billing_period: Span,
    /// Whether it renews by itself.
    pub auto_renew: bool,
    /// The first instant that the plan is no longer granted, if there is one.
    pub grants_until: Option<Timestamp>,
    /// What the change costs, in dollars.
    pub proration: Proration,
    /// Whether that was paid.
    pub payment_status: PaymentStatus,
    /// Whether the user had exactly this already.
    pub is_repeat: bool,
}

/// What a change would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangePreview {
    /// The user.
    pub user: String,
    /// The plan now, by a subscription or by default.
    pub current_plan_id: String,
    /// The plan from then on.
    pub plan_id: String,
    /// How often the fee is due from then on.
    pub billing_cycle: BillingCycle,
    /// What kind of change it would be; nothing when all is so already.
    pub change: Option<ChangeKind>,
    /// From when on.
    pub starts_at: Timestamp,
    /// The billing period at that instant.
    pub billing_period: Span,
    /// What is given back, what is charged, and what is due now, to the cent.
    pub proration: Proration,
    /// The fee of each period from then on, in dollars.
    pub fee_usd: Money,
    /// Changes that it would take the place of.
    pub withdrawn: Vec<ScheduledChange>,
}

impl Meter {
    /// What a change would do and cost now, without doing it. It is the same computation that
    /// the change itself makes.
    ///
    /// # Errors
    /// Those of the change.
    ///
    /// # Example
    /// ```
    /// use alwrity_metering::{Change, Meter, Options, Subscribe};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let meter = Meter::open(folder.path().join("metering.db"), Options::default())?;
    /// meter.seed("default")?;
    /// meter.subscribe("u1", &Subscribe::monthly("basic").paid("ch_1"))?;
    /// let wish = Change::Upgrade { plan_id: "pro".into(), billing_cycle: None };
    /// let preview = meter.preview_change("u1", &wish)?;
    /// assert_eq!(preview.current_plan_id, "basic");
    /// assert!(preview.proration.due_usd < preview.fee_usd);
    /// # Ok::<(), alwrity_metering::Error>(())
    /// ```
    pub fn preview_change(&self, user: &str, change: &Change) -> Result<ChangePreview> {
        let now = self.now();
        let catalogue = self.catalogue()?;
        let account = self.account(user)?;
        let timeline = &account.timeline;
        let situation = Situation { user, timeline, catalogue: &catalogue, now };
        // As if it were paid, so that it shows what the payment brings.
        let terms = Terms { payment: Payment::Reference("preview".into()), ..Terms::default() };
        let planned = plan_change(&situation, change, &terms)?;
        let standing = account.standing(now, &catalogue);
        let after = planned.applied_to(timeline);
        let starts_at = planned.term.as_ref().map_or(now, |term| term.starts_at);
        let then = after.standing(starts_at, &catalogue.default_plan);
        let cycle = then.term.as_ref().map_or(BillingCycle::Monthly, |term| term.billing_cycle);
        let is_withdrawn = |term: &&Term| planned.withdrawn.contains(&term.id);
        Ok(ChangePreview {
            user: user.to_owned(),
            current_plan_id: standing.plan_id,
            fee_usd: cycle.fee(catalogue.plan(&then.plan_id)?),
            plan_id: then.plan_id,
            billing_cycle: cycle,
            change: planned.term.as_ref().map(|term| term.change),
            starts_at,
            billing_period: then.billing_period,
            proration: planned.proration.unwrap_or(Proration::NONE),
            withdrawn: timeline.terms().iter().filter(is_withdrawn).map(Into::into).collect(),
        })
    }

    /// Makes a change in one transaction.
    fn change(&self, user: &str, change: Change, terms: Terms) -> Result<SubscriptionReceipt> {
        let user = name::user(user)?.to_owned();
        let (now, rules) = (self.now(), Arc::clone(&self.inner.rules));
        self.run(change.verb(), |completion| {
            let about = About::user(&user);
            let decide = move |view: &View| {
                let posting = Posting::new(view, &user, now, now, &rules)?;
                decide(posting, &change, &terms)
            };
            self.submit(about, move |head| windows_of_all(head, now), decide, completion)
        })
    }
}

fn decide(
    mut posting: Posting,
    change: &Change,
    terms: &Terms,
) -> Result<(Changes, SubscriptionReceipt)> {
    let (now, catalogue) = (posting.now, Arc::clone(&posting.catalogue));
    let user = posting.account.user.clone();
    let timeline = posting.account.timeline.clone();
    let situation = Situation { user: &user, timeline: &timeline, catalogue: &catalogue, now };
    let mut planned = plan_change(&situation, change, terms)?;
    if let Some(term) = planned.term.as_mut().filter(|term| term.starts_at <= now) {
        term.usage_before = Some(snapshot(&posting)?);
    }
    let after = planned.applied_to(&timeline);
    let receipt = receipt(&user, &planned, &after, now, &catalogue.default_plan);
    if planned.is_repeat() {
        return Ok((posting.changes, receipt));
    }
    posting.changes.withdrawn_terms.extend(planned.withdrawn.iter().map(|id| (*id, now)));
    posting.changes.terms.extend(planned.term);
    posting.go_over_to(after)?;
    Ok((posting.changes, receipt))
}

impl Posting {
    /// Judges the running period by another timeline: counters stay, maxima change at once. What
    /// is reached by that is told.
    fn go_over_to(&mut self, timeline: Timeline) -> Result<()> {
        self.account = Arc::new(Account { timeline, ..Account::clone(&self.account) });
        let standing = self.account.standing(self.at, &self.catalogue);
        let is_same_period = standing.usage_period == self.standing.usage_period;
        self.standing = standing;
        self.limits = self.account.limits(self.at, &self.catalogue)?;
        self.raise_reached();
        // Without calls there is no period to mark, and another one has not begun to count.
        if is_same_period && !self.counters.is_empty() {
            let usage_status = usage_status(&self.limit_states());
            let span = self.standing.usage_period;
            self.changes.periods.push(PeriodMark { span, usage_status, at: self.now });
        }
        Ok(())
    }
}

/// What was used in the running usage period so far.
fn snapshot(posting: &Posting) -> Result<UsageSnapshot> {
    let starts_at = posting.standing.usage_period.starts_at;
    let is_running = |key: &CounterKey| key.window == Window::Period && key.starts_at == starts_at;
    let mut snapshot = UsageSnapshot {
        usage_status: usage_status(&posting.limit_states()),
        ..UsageSnapshot::default()
    };
    for (key, counter) in posting.counters.iter().filter(|(key, _)| is_running(key)) {
        view::add_to_snapshot(&mut snapshot, &key.provider, counter)?;
    }
    Ok(snapshot)
}

fn receipt(
    user: &str,
    planned: &Planned,
    after: &Timeline,
    now: Timestamp,
    default_plan: &str,
) -> SubscriptionReceipt {
    let at = planned.term.as_ref().map_or(now, |term| term.starts_at);
    let standing = after.standing(at, default_plan);
    let shown = planned.term.clone().or(standing.term);
    let term = shown.unwrap_or_else(|| Term::new(&standing.plan_id, BillingCycle::Monthly, now));
    SubscriptionReceipt {
        user: user.to_owned(),
        billing_cycle: term.billing_cycle,
        status: term.status_at(at),
        change: planned.term.as_ref().map(|term| term.change),
        anchor: term.anchor.0,
        starts_at: term.starts_at,
        usage_period: term.anchor.month(at),
        billing_period: term.billing_period(at),
        auto_renew: term.auto_renew,
        grants_until: term.grants_until,
        proration: planned.proration.unwrap_or(Proration::NONE),
        payment_status: term.payment.status,
        is_repeat: planned.is_repeat(),
        plan_id: term.plan_id,
    }
}
