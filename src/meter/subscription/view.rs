//! Looking at a subscription: how it stands, and what has happened.

use serde::Serialize;

use super::super::Meter;
use crate::domain::account::UsageStatus;
use crate::domain::call::in_range;
use crate::domain::counter::Counter;
use crate::domain::money::Money;
use crate::domain::name;
use crate::domain::plan::Tier;
use crate::domain::subscription::history::{HistoryEntry, history};
use crate::domain::subscription::{
    BillingCycle, ChangeKind, ExternalIds, PaymentStatus, SubscriptionStatus, Term, UsageSnapshot,
};
use crate::domain::time::{Span, Timestamp};
use crate::error::Result;
use crate::storage::{Page, PeriodMark};

/// A change that is scheduled, or waits for its payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScheduledChange {
    /// What it is.
    pub change: ChangeKind,
    /// The plan from then on.
    pub plan_id: String,
    /// How often the fee is due from then on.
    pub billing_cycle: BillingCycle,
    /// From when on.
    pub starts_at: Timestamp,
    /// What it costs, in dollars.
    pub amount_usd: Money,
    /// Whether that is paid.
    pub payment_status: PaymentStatus,
}

impl From<&Term> for ScheduledChange {
    fn from(term: &Term) -> Self {
        Self {
            change: term.change,
            plan_id: term.plan_id.clone(),
            billing_cycle: term.billing_cycle,
            starts_at: term.starts_at,
            amount_usd: term.payment.amount_usd,
            payment_status: term.payment.status,
        }
    }
}

/// How a user's subscription stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubscriptionView {
    /// The user.
    pub user: String,
    /// The plan that is granted: the default one without a subscription, or when it has ended.
    pub plan_id: String,
    /// Its name for people.
    pub plan_name: String,
    /// Its rank.
    pub tier: Tier,
    /// The subscription's status; nothing without one.
    pub status: Option<SubscriptionStatus>,
    /// The plan that was subscribed to, granted or not; nothing without a subscription.
    pub subscribed_plan_id: Option<String>,
    /// How often the fee is due.
    pub billing_cycle: BillingCycle,
    /// Whether it renews by itself.
    pub auto_renew: bool,
    /// The usage period, which limits count in.
    pub usage_period: Span,
    /// The billing period, which the fee covers.
    pub billing_period: Span,
    /// When the next fee is due, if one will be.
    pub renews_at: Option<Timestamp>,
    /// The first instant that the plan is no longer granted, if there is one.
    pub grants_until: Option<Timestamp>,
    /// The next change that is scheduled.
    pub scheduled: Option<ScheduledChange>,
    /// The change that waits for its payment.
    pub pending: Option<ScheduledChange>,
    /// The host's names of things outside.
    pub external: ExternalIds,
}

/// A page of a subscription's history, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryPage {
    /// The lines, newest first.
    pub entries: Vec<HistoryEntry>,
    /// How many there are on all pages.
    pub total_count: i64,
    /// Whether there are more after this page.
    pub has_more: bool,
}

impl Meter {
    /// How a user's subscription stands now. It writes nothing.
    pub fn subscription(&self, user: &str) -> Result<SubscriptionView> {
        let now = self.now();
        let catalogue = self.catalogue()?;
        let account = self.account(user)?;
        let standing = account.standing(now, &catalogue);
        let plan = catalogue.plan(&standing.plan_id)?;
        let term = standing.term.as_ref();
        let scheduled = account.timeline.scheduled(now);
        let ends_by_plan = scheduled
            .filter(|next| next.status == SubscriptionStatus::Cancelled)
            .map(|next| next.starts_at);
        let ends = [term.and_then(|term| term.grants_until), ends_by_plan];
        let goes_on = standing.status == Some(SubscriptionStatus::Active)
            && term.is_some_and(|term| term.auto_renew);
        let renews_at = Some(standing.billing_period.ends_at)
            .filter(|at| goes_on && ends_by_plan.is_none_or(|end| *at < end));
        Ok(SubscriptionView {
            user: account.user.clone(),
            plan_id: plan.id.clone(),
            plan_name: plan.name.clone(),
            tier: plan.tier,
            status: standing.status,
            subscribed_plan_id: term.map(|term| term.plan_id.clone()),
            billing_cycle: term.map_or(BillingCycle::Monthly, |term| term.billing_cycle),
            auto_renew: term.is_some_and(|term| term.auto_renew),
            usage_period: standing.usage_period,
            billing_period: standing.billing_period,
            renews_at,
            grants_until: ends.into_iter().flatten().min(),
            scheduled: scheduled.map(Into::into),
            pending: account.timeline.pending().map(Into::into),
            external: term.map(|term| term.external.clone()).unwrap_or_default(),
        })
    }

    /// Everything that has happened to a user's subscription, newest first: changes as they were
    /// made, and renewals, which are computed from the terms when somebody looks. It writes
    /// nothing. `page.before_id` names an entry's `id`.
    ///
    /// # Errors
    /// `invalid_argument` for a limit outside 1–100.
    pub fn subscription_history(&self, user: &str, page: Page) -> Result<HistoryPage> {
        in_range("limit", page.limit, 1, 100)?;
        in_range("offset", page.offset, 0, i64::MAX)?;
        let user = name::user(user)?;
        let catalogue = self.catalogue()?;
        let account = self.account(user)?;
        let marks = self.inner.store.period_marks(user)?;
        let usage = |span: Span| self.used_within(user, span, &marks);
        let mut entries = history(&account.timeline, &catalogue, self.now(), &usage)?;
        self.add_payments(user, &mut entries)?;
        let total_count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
        let offset = usize::try_from(page.offset).unwrap_or(usize::MAX);
        let limit = usize::try_from(page.limit).unwrap_or(0);
        let is_before = |entry: &HistoryEntry| page.before_id.is_none_or(|id| entry.id < id);
        let mut rest = entries.into_iter().rev().filter(is_before).skip(offset);
        let entries: Vec<HistoryEntry> = rest.by_ref().take(limit).collect();
        Ok(HistoryPage { entries, total_count, has_more: rest.next().is_some() })
    }

    /// The fee of a period that nobody paid by itself is paid when its invoice is.
    fn add_payments(&self, user: &str, entries: &mut [HistoryEntry]) -> Result<()> {
        let invoices = self.inner.store.billing(user)?.invoices;
        let waits = |entry: &&mut HistoryEntry| entry.payment.status == PaymentStatus::Pending;
        for entry in entries.iter_mut().filter(waits) {
            let is_its = |invoice: &&crate::domain::invoice::Invoice| {
                invoice.is_finalized() && invoice.period.starts_at == entry.new_period.starts_at
            };
            if let Some(invoice) = invoices.iter().find(is_its) {
                entry.payment.status = invoice.payment.status;
                entry.payment.paid_at = invoice.payment.paid_at;
                entry.payment.reference.clone_from(&invoice.payment.reference);
            }
        }
        Ok(())
    }

    /// What was used in the usage periods that start within a span.
    fn used_within(&self, user: &str, span: Span, marks: &[PeriodMark]) -> Result<UsageSnapshot> {
        let mut snapshot = UsageSnapshot::default();
        for (key, counter) in self.inner.store.period_counters(user, span)? {
            add_to_snapshot(&mut snapshot, &key.provider, &counter)?;
        }
        let mut own = marks.iter().filter(|mark| span.contains(mark.span.starts_at));
        snapshot.usage_status =
            own.next_back().map_or(UsageStatus::Active, |mark| mark.usage_status);
        Ok(snapshot)
    }
}

pub(super) fn add_to_snapshot(
    snapshot: &mut UsageSnapshot,
    provider: &str,
    counter: &Counter,
) -> Result<()> {
    snapshot.total_calls = snapshot.total_calls.saturating_add(counter.calls);
    let tokens = counter.usage.total_tokens();
    snapshot.total_tokens = snapshot.total_tokens.saturating_add(tokens);
    snapshot.total_cost_usd = snapshot.total_cost_usd.plus(counter.cost)?;
    let calls = snapshot.calls_by_provider.entry(provider.to_owned()).or_default();
    *calls = calls.saturating_add(counter.calls);
    Ok(())
}
