//! Terms: subscriptions and their renewals as a timeline of ours.
//!
//! ALwrity's periods are 30 or 365 days and are made by renewals; ours are months and years from
//! an anchor. So each of their renewals is a term that ends when they said, and the last one goes
//! on as the subscription says.

use alwrity_metering::domain::account::UsageStatus;
use alwrity_metering::domain::subscription::{Term, TermPayment, UsageSnapshot};
use alwrity_metering::{
    BillingCycle, ChangeKind, ExternalIds, Money, PaymentStatus, Plan, SubscriptionStatus,
    Timestamp,
};

use super::row::{RenewalRow, SubscriptionRow, UsedBefore};

/// Why nobody pays here for what was begun there.
const PAID_THERE: &str = "begun in ALwrity";

/// A renewal and the plan that it is of.
pub(super) type Renewal<'a> = (&'a RenewalRow, &'a Plan);

/// A user's terms, from the renewals and the subscription that there are.
pub(super) fn terms(
    renewals: &[Renewal<'_>],
    subscription: Option<(&SubscriptionRow, &Plan)>,
) -> Vec<Term> {
    let mut sorted: Vec<Renewal<'_>> = renewals.to_vec();
    sorted.sort_by_key(|(row, _)| (row.starts_at, row.created_at));
    let mut terms: Vec<Term> = Vec::new();
    for (row, plan) in sorted {
        let term = renewed(row, plan, terms.last());
        // Of two rows for one instant the later one holds; the other never counted.
        terms.retain(|earlier| earlier.starts_at < term.starts_at);
        terms.push(term);
    }
    if let Some((row, plan)) = subscription {
        go_on(&mut terms, row, plan);
    }
    terms
}

/// A term in the phase of the one before, where it begins with one of its months.
fn in_phase(term: Term, before: Option<&Term>) -> Term {
    let start = term.starts_at;
    let kept = before.map(|before| before.anchor).filter(|a| a.month(start).starts_at == start);
    match kept {
        Some(anchor) if term.billing_cycle == BillingCycle::Monthly => Term { anchor, ..term },
        _ => term,
    }
}

const fn cycle(is_yearly: bool) -> BillingCycle {
    if is_yearly { BillingCycle::Yearly } else { BillingCycle::Monthly }
}

/// The term that a renewal began. It ends when they said, unless another one begins.
fn renewed(row: &RenewalRow, plan: &Plan, before: Option<&Term>) -> Term {
    let change = match (row.kind.as_str(), before) {
        (_, None) | ("new", _) => ChangeKind::New,
        ("upgrade", _) => ChangeKind::Upgrade,
        ("downgrade", _) => ChangeKind::Downgrade,
        _ => ChangeKind::Renewal,
    };
    let amount_usd = Money::from_pico_usd(row.amount.pico);
    let status = match row.payment_status.as_str() {
        "paid" => PaymentStatus::Paid,
        "failed" => PaymentStatus::Failed,
        _ if amount_usd == Money::ZERO => PaymentStatus::Paid,
        _ => PaymentStatus::Pending,
    };
    let payment = TermPayment {
        status,
        amount_usd,
        reference: row.reference.as_deref().map(|text| clip(text, 255)),
        paid_at: row.paid_at,
    };
    let term = Term {
        change,
        auto_renew: false,
        grants_until: Some(row.ends_at.max(row.starts_at.plus_micros(1))),
        payment,
        external: before.map(|before| before.external.clone()).unwrap_or_default(),
        usage_before: row.used_before.as_ref().map(snapshot),
        created_at: row.created_at.unwrap_or(row.starts_at),
        ..Term::new(&plan.id, cycle(row.is_yearly), row.starts_at)
    };
    in_phase(term, before)
}

/// Makes the last term what the subscription says, and adds what has happened to it since.
fn go_on(terms: &mut Vec<Term>, row: &SubscriptionRow, plan: &Plan) {
    if terms.last().is_none_or(|last| last.starts_at < row.starts_at) {
        let begun = begun(row, plan, terms.last());
        terms.push(begun);
    }
    let Some(last) = terms.last_mut() else { return };
    last.external = ExternalIds {
        stripe_customer_id: row.stripe_customer_id.as_deref().map(|text| clip(text, 255)),
        stripe_subscription_id: row.stripe_subscription_id.as_deref().map(|text| clip(text, 255)),
        payment_method: row.payment_method.as_deref().map(|text| clip(text, 255)),
    };
    last.auto_renew = row.auto_renew;
    let ends_at = row.ends_at.max(last.starts_at.plus_micros(1));
    last.grants_until = if row.auto_renew { None } else { Some(ends_at) };
    let last = last.clone();
    let since = row.updated_at.unwrap_or(last.starts_at).max(last.starts_at);
    let next = |status: SubscriptionStatus, change: ChangeKind, starts_at: Timestamp| Term {
        status,
        change,
        starts_at,
        payment: TermPayment::NOTHING,
        usage_before: None,
        created_at: since,
        ..last.clone()
    };
    let happened = match row.status.as_str() {
        "suspended" => next(SubscriptionStatus::Suspended, ChangeKind::Suspension, since),
        "past_due" => Term {
            grants_until: Some(ends_at.max(since)),
            ..next(SubscriptionStatus::PastDue, ChangeKind::PastDue, since)
        },
        // What was paid for is theirs until it ends.
        "cancelled" | "canceled" if row.is_active => Term {
            grants_until: None,
            ..next(SubscriptionStatus::Cancelled, ChangeKind::Cancellation, ends_at.max(since))
        },
        "cancelled" | "canceled" => Term {
            grants_until: None,
            ..next(SubscriptionStatus::Cancelled, ChangeKind::Cancellation, since)
        },
        _ if !row.is_active => Term {
            grants_until: None,
            ..next(SubscriptionStatus::Cancelled, ChangeKind::Cancellation, since)
        },
        _ => return,
    };
    terms.push(happened);
}

/// The term of a subscription whose beginning no renewal tells.
fn begun(row: &SubscriptionRow, plan: &Plan, before: Option<&Term>) -> Term {
    let cycle = cycle(row.is_yearly);
    let fee = cycle.fee(plan);
    let payment = match fee {
        Money::ZERO => TermPayment::NOTHING,
        amount_usd => TermPayment {
            status: PaymentStatus::Waived,
            amount_usd,
            reference: Some(PAID_THERE.to_owned()),
            paid_at: None,
        },
    };
    let change = match before {
        None => ChangeKind::New,
        Some(before) if before.plan_id == plan.id => ChangeKind::Renewal,
        Some(before) if before.payment.amount_usd <= fee => ChangeKind::Upgrade,
        Some(_) => ChangeKind::Downgrade,
    };
    let term = Term { change, payment, ..Term::new(&plan.id, cycle, row.starts_at) };
    in_phase(term, before)
}

fn snapshot(used: &UsedBefore) -> UsageSnapshot {
    let calls = [("gemini", used.gemini_calls), ("mistral", used.mistral_calls)];
    let counted = calls.into_iter().filter(|(_, calls)| *calls > 0);
    UsageSnapshot {
        total_calls: used.total_calls,
        total_tokens: used.total_tokens,
        total_cost_usd: Money::from_pico_usd(used.total_cost),
        calls_by_provider: counted.map(|(name, calls)| (name.to_owned(), calls)).collect(),
        usage_status: match used.usage_status.as_str() {
            "warning" => UsageStatus::Warning,
            "limit_reached" => UsageStatus::LimitReached,
            _ => UsageStatus::Active,
        },
    }
}

/// A text cut to that many bytes, at a character, without what no name may hold.
pub(super) fn clip(text: &str, bytes_max: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut end = clean.trim().len().min(bytes_max);
    while !clean.trim().is_char_boundary(end) {
        end -= 1;
    }
    clean.trim()[..end].trim_end().to_owned()
}
