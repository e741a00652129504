//! Pruning and erasing: what goes, and what stays to the last number.

use alwrity_metering::domain::call::Call;
use alwrity_metering::domain::pruned::{Fingerprint, PrunedCall};
use alwrity_metering::storage::{
    CallFilter, Changes, Erased, Found, Page, PruneMode, Pruned, Store,
};
use alwrity_metering::{Span, Timestamp, Window};

use super::billing::{invoice, keep};
use super::samples::{at, call, call_at, full_call, hold, october, unpriced};
use super::steps::{USERS, run, seeded};
use super::works::{assert_verified, by_key, found, look, record, recording, seen, write};

/// A call with something in every field but a price, of which there is none here.
fn rich_call() -> Call {
    Call { price_version_id: None, ..full_call() }
}

const NEVER: Timestamp = Timestamp::MAX;

/// Every sum that a user has, as one text.
fn sums(store: &dyn Store, user: &str) -> String {
    let periods = by_key(store.period_counters(user, Span::ALWAYS).unwrap());
    let days = by_key(store.days(user, 0, 40_000).unwrap());
    let mut models = store.billing(user).unwrap().usage;
    models.sort_by(|a, b| a.0.cmp(&b.0));
    let short = look(store, user, &[(Window::Lifetime, "1970-01-01T00:00:00Z")]).counters;
    format!("{periods:?}\n{days:?}\n{models:?}\n{:?}", by_key(short))
}

fn remove(store: &dyn Store, before: Timestamp) -> Pruned {
    store.prune(before, PruneMode::Remove).unwrap()
}

pub(crate) fn pruning_keeps_every_sum(store: &dyn Store) {
    run(store, 0, &seeded(3, 80));
    let before: Vec<String> = USERS.iter().map(|user| sums(store, user)).collect();
    // In two steps, so that the base is added to.
    let first = remove(store, at("2025-10-01T01:00:00Z"));
    assert!(first.calls > 0);
    assert_verified(store);
    run(store, 1000, &seeded(4, 10));
    let between: Vec<String> = USERS.iter().map(|user| sums(store, user)).collect();
    assert_ne!(before, between);
    remove(store, NEVER);
    assert_verified(store);
    let after: Vec<String> = USERS.iter().map(|user| sums(store, user)).collect();
    assert_eq!(after, between);
    let left = |user: &&str| {
        let page = Page { limit: 5000, ..Page::default() };
        store.calls(user, &CallFilter::default(), page).unwrap().calls
    };
    assert!(USERS.iter().flat_map(left).all(|call| call.cost.is_none()));
}

pub(crate) fn a_pruned_key_is_found(store: &dyn Store) {
    let call = record(store, "u", "k", &rich_call());
    remove(store, NEVER);
    let expected = PrunedCall {
        id: call.id,
        fingerprint: Fingerprint::of(&call),
        occurred_at: call.occurred_at,
        period_starts_at: call.period_starts_at,
        cost: call.cost.unwrap(),
        price_version_id: call.price_version_id,
    };
    assert_eq!(found(store, "u", "k"), Found::Pruned(Box::new(expected)));
    assert_eq!(found(store, "v", "k"), Found::Nothing);
    write(store, Some("u"), recording("u", &[("k", super::samples::call())])).unwrap_err();
    assert_verified(store);
}

pub(crate) fn pruning_counts_first(store: &dyn Store) {
    for (key, occurred_at) in [("1", "2025-10-05T00:00:00Z"), ("2", "2025-10-06T00:00:00Z")] {
        record(store, "u", key, &call_at(occurred_at));
    }
    record(store, "u", "3", &unpriced());
    let cutoff = at("2025-10-06T00:00:00Z");
    let count = |before| store.prune(before, PruneMode::Count).unwrap();
    assert_eq!(count(cutoff), Pruned { calls: 1, unpriced_calls: 0 }, "the cutoff itself stays");
    assert_eq!(count(NEVER), Pruned { calls: 2, unpriced_calls: 1 });
    assert!(matches!(found(store, "u", "1"), Found::Call(_)));
    assert_eq!(remove(store, cutoff), Pruned { calls: 1, unpriced_calls: 0 });
    assert_eq!(remove(store, cutoff), Pruned::default());
    assert!(matches!(found(store, "u", "2"), Found::Call(_)));
}

pub(crate) fn unpriced_calls_stay(store: &dyn Store) {
    record(store, "u", "k", &unpriced());
    assert_eq!(remove(store, NEVER), Pruned { calls: 0, unpriced_calls: 1 });
    assert_eq!(store.unpriced(0, 10).unwrap().len(), 1);
    assert_verified(store);
}

pub(crate) fn ids_never_go_back(store: &dyn Store) {
    record(store, "u", "1", &call());
    assert_eq!(record(store, "u", "2", &call()).id, 2);
    remove(store, NEVER);
    assert_eq!(record(store, "u", "3", &call()).id, 3);
    assert_verified(store);
}

pub(crate) fn rebuild_after_pruning_changes_nothing(store: &dyn Store) {
    run(store, 0, &seeded(5, 60));
    remove(store, at("2025-10-01T01:00:00Z"));
    let before: Vec<String> = USERS.iter().map(|user| sums(store, user)).collect();
    assert!(store.rebuild().unwrap() > 0);
    let after: Vec<String> = USERS.iter().map(|user| sums(store, user)).collect();
    assert_eq!(after, before);
    assert_verified(store);
}

pub(crate) fn erasing_keeps_every_sum(store: &dyn Store) {
    let changes = Changes { tracked: vec![Window::Lifetime], ..seen() };
    write(store, Some("u"), changes).unwrap();
    let old = Call { occurred_at: october(), ..rich_call() };
    record(store, "u", "old", &Call { cost: call().cost, ..old });
    remove(store, at("2025-10-02T00:00:00Z"));
    let kept = record(store, "u", "k", &Call { cost: call().cost, ..rich_call() });
    write(store, Some("u"), Changes { holds: vec![hold("u", "h")], ..seen() }).unwrap();
    keep(store, vec![invoice(store, "u")]).unwrap();
    let before = sums(store, "u");
    let erased = store.erase("u", "nobody").unwrap();
    assert_eq!(erased, Erased { calls: 1, holds: 1, invoices: 1 });
    assert_eq!(sums(store, "nobody"), before);
    assert_eq!(store.users().unwrap(), ["nobody"]);
    assert!(store.account("u").unwrap().is_none());
    let calls = store.calls("nobody", &CallFilter::default(), Page::default()).unwrap().calls;
    assert_eq!(calls, [Call { details: kept.details.anonymous(), ..kept }]);
    let invoice = store.billing("nobody").unwrap().invoices.remove(0);
    assert_eq!((invoice.payment.reference, invoice.payment.stripe_invoice_id), (None, None));
    assert_verified(store);
    // The user can come back, as somebody new.
    for key in ["k", "old", "h"] {
        assert_eq!(found(store, "u", key), Found::Nothing);
        assert_eq!(found(store, "nobody", key), Found::Nothing);
    }
    record(store, "u", "k", &call());
    assert_verified(store);
}

pub(crate) fn an_unknown_user_cannot_be_erased(store: &dyn Store) {
    assert_eq!(store.erase("u", "nobody").unwrap_err().code(), "unknown_user");
    assert_eq!(store.users().unwrap(), Vec::<String>::new());
}
