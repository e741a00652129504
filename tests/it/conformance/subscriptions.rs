//! Accounts: terms and limits of a user's own.

use std::sync::Arc;

use alwrity_metering::domain::account::{Account, LimitOverride, OverrideKind};
use alwrity_metering::domain::subscription::Term;
use alwrity_metering::storage::{Changes, Store};
use alwrity_metering::{
    Anchor, BillingCycle, Limit, Operation, Policy, SubscriptionStatus, Timestamp, Window,
};

use super::samples::{at, call, cataloguing, october, plan, planning};
use super::works::{look, record, seen, write};

fn term(plan_id: &str, starts_at: &str) -> Term {
    Term {
        id: 0,
        plan_id: plan_id.into(),
        billing_cycle: BillingCycle::Monthly,
        anchor: Anchor(at(starts_at)),
        starts_at: at(starts_at),
        status: SubscriptionStatus::Active,
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
    let mut terms = Vec::new();
    for (number, status) in SubscriptionStatus::ALL.iter().enumerate() {
        let billing_cycle = BillingCycle::ALL[number % 2];
        let anchor = Anchor(Timestamp::MIN);
        let starts_at = october().plus_micros(i64::try_from(number).unwrap());
        let status = *status;
        terms.push(Term {
            billing_cycle,
            anchor,
            starts_at,
            status,
            ..term("pro", "2025-10-01T00:00:00Z")
        });
    }
    // Two that start together, and one that starts before all others but is added last.
    let tie = Term { plan_id: "basic".into(), ..terms[4].clone() };
    let early = term("basic", "2025-01-31T23:59:59.999999Z");
    add_terms(store, &terms);
    add_terms(store, &[tie.clone(), early.clone()]);
    let numbered = |id, term: &Term| Term { id, ..term.clone() };
    let expected = [
        numbered(7, &early),
        numbered(1, &terms[0]),
        numbered(2, &terms[1]),
        numbered(3, &terms[2]),
        numbered(4, &terms[3]),
        numbered(5, &terms[4]),
        numbered(6, &tie),
    ];
    assert_eq!(account(store).timeline.terms(), expected);
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
