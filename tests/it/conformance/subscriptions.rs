//! Accounts: terms and limits of a user's own.

use std::sync::Arc;

use alwrity_metering::domain::account::{Account, LimitOverride, OverrideKind, UsageStatus};
use alwrity_metering::domain::subscription::{Term, TermPayment, UsageSnapshot};
use alwrity_metering::storage::{Changes, Store};
use alwrity_metering::{
    Anchor, BillingCycle, ChangeKind, ExternalIds, Limit, Operation, PaymentStatus, Policy,
    SubscriptionStatus, Window,
};

use super::samples::{at, call, cataloguing, october, plan, planning, usd};
use super::works::{look, record, seen, write};

fn term(plan_id: &str, starts_at: &str) -> Term {
    Term::new(plan_id, BillingCycle::Monthly, at(starts_at))
}

/// A term with something in every field.
fn full_term() -> Term {
    let snapshot = UsageSnapshot {
        total_calls: 7,
        total_tokens: 70,
        total_cost_usd: usd("0.000000000001"),
        calls_by_provider: [("gemini".to_owned(), 5), ("openai".to_owned(), 2)].into(),
        usage_status: UsageStatus::Warning,
    };
    Term {
        billing_cycle: BillingCycle::Yearly,
        anchor: Anchor(at("2024-01-31T00:00:00Z")),
        cycle_offset_months: 11,
        status: SubscriptionStatus::PastDue,
        auto_renew: false,
        grants_until: Some(at("2025-11-01T00:00:00.000001Z")),
        payment: TermPayment {
            status: PaymentStatus::Waived,
            amount_usd: usd("278.4"),
            reference: Some("für “Anna”".into()),
            paid_at: Some(at("2025-10-02T00:00:00Z")),
        },
        external: ExternalIds {
            stripe_customer_id: Some("cus_1".into()),
            stripe_subscription_id: Some("sub_1".into()),
            payment_method: Some("card".into()),
        },
        usage_before: Some(snapshot),
        created_at: at("2025-09-30T23:59:59.999999Z"),
        ..term("pro", "2025-10-01T00:00:00Z")
    }
}

fn own(limit: Limit) -> LimitOverride {
    LimitOverride {
        id: 0,
        kind: OverrideKind::Replace,
        limit,
        starts_at: october(),
        ends_at: None,
        note: None,
    }
}

fn account(store: &dyn Store) -> Arc<Account> {
    store.account("u").unwrap().unwrap()
}

fn add_plans(store: &dyn Store) {
    let plans = ["basic", "pro"].map(|id| planning(plan(id, "1")));
    write(store, None, cataloguing(&plans)).unwrap();
}

fn add_terms(store: &dyn Store, terms: &[Term]) {
    write(store, Some("u"), Changes { terms: terms.to_vec(), ..seen() }).unwrap();
}

pub(crate) fn terms_come_back(store: &dyn Store) {
    add_plans(store);
    let mut terms = vec![full_term()];
    for (number, status) in (1_i64..).zip(SubscriptionStatus::ALL) {
        terms.push(Term { status: *status, ..term("pro", "2025-10-01T00:00:00Z") });
        terms.last_mut().unwrap().starts_at = october().plus_micros(number);
    }
    for (number, change) in (100_i64..).zip(ChangeKind::ALL) {
        let starts_at = october().plus_micros(number);
        terms.push(Term { change: *change, starts_at, ..full_term() });
    }
    // Two that start together, and one that starts before all others but is added last.
    let tie = Term { plan_id: "basic".into(), ..terms.last().unwrap().clone() };
    let early = term("basic", "2025-01-31T23:59:59.999999Z");
    add_terms(store, &terms);
    add_terms(store, &[tie.clone(), early.clone()]);
    let mut expected: Vec<Term> = terms;
    expected.extend([tie, early]);
    for (id, term) in (1..).zip(&mut expected) {
        term.id = id;
    }
    expected.rotate_right(1);
    assert_eq!(account(store).timeline.terms(), expected);
}

pub(crate) fn a_withdrawn_term_never_counts(store: &dyn Store) {
    add_plans(store);
    let kept = term("basic", "2025-10-01T00:00:00Z");
    add_terms(store, &[kept.clone(), term("pro", "2025-11-01T00:00:00Z")]);
    let withdrawn_terms = vec![(2, october())];
    write(store, Some("u"), Changes { withdrawn_terms, ..Changes::default() }).unwrap();
    assert_eq!(account(store).timeline.terms(), [Term { id: 1, ..kept }]);
    add_terms(store, &[term("pro", "2025-12-01T00:00:00Z")]);
    let ids: Vec<i64> = account(store).timeline.terms().iter().map(|term| term.id).collect();
    assert_eq!(ids, [1, 3], "an id is never given twice");
}

pub(crate) fn overrides_come_back(store: &dyn Store) {
    let limits = plan("pro", "29").limits;
    let mut overrides: Vec<LimitOverride> = limits.into_iter().map(own).collect();
    overrides[0].kind = OverrideKind::Boost;
    overrides[0].note = Some("für “Anna”".into());
    overrides[1].ends_at = Some(at("2025-12-01T00:00:00.000001Z"));
    let mut new_scope = own(overrides[0].limit.clone());
    new_scope.limit.provider = Some("never seen before".into());
    new_scope.limit.operation = Some(Operation::new("never_done").unwrap());
    new_scope.limit.policy = Policy::Grace(100);
    new_scope.limit.thresholds = vec![1, 200];
    new_scope.limit.window = Window::Day;
    overrides.push(new_scope);
    let (first, rest) = overrides.split_at(2);
    for part in [first, rest] {
        let changes = Changes { overrides: part.to_vec(), ..seen() };
        write(store, Some("u"), changes).unwrap();
    }
    let expected: Vec<LimitOverride> =
        (1..).zip(overrides).map(|(id, own)| LimitOverride { id, ..own }).collect();
    assert_eq!(account(store).overrides, expected);
}

pub(crate) fn an_override_ends(store: &dyn Store) {
    let limit = &plan("pro", "29").limits[0];
    let overrides = vec![own(limit.clone()), own(limit.clone())];
    write(store, Some("u"), Changes { overrides, ..seen() }).unwrap();
    let end = at("2025-10-09T00:00:00Z");
    let ended_overrides = vec![(2, end)];
    write(store, Some("u"), Changes { ended_overrides, ..Changes::default() }).unwrap();
    let ends: Vec<_> = account(store).overrides.iter().map(|own| (own.id, own.ends_at)).collect();
    assert_eq!(ends, [(1, None), (2, Some(end))]);
}

pub(crate) fn an_account_is_fresh_after_every_change(store: &dyn Store) {
    add_plans(store);
    write(store, Some("u"), seen()).unwrap();
    let old = account(store);
    let limit = plan("pro", "29").limits[0].clone();
    for changes in [
        Changes { terms: vec![term("pro", "2025-10-01T00:00:00Z")], ..seen() },
        Changes { overrides: vec![own(limit)], ..seen() },
        Changes { withdrawn_terms: vec![(1, october())], ..seen() },
        Changes { ended_overrides: vec![(1, october())], ..seen() },
        Changes { tracked: vec![Window::Hour], ..seen() },
    ] {
        let before = account(store);
        assert_eq!(look(store, "u", &[]).head.account.unwrap(), before);
        write(store, Some("u"), changes.clone()).unwrap();
        assert_ne!(account(store), before, "{changes:?}");
        assert_eq!(look(store, "u", &[]).head.account.unwrap(), account(store));
    }
    record(store, "u", "k", &call());
    assert!(old.timeline.terms().is_empty(), "who holds an account keeps it as it was");
}
