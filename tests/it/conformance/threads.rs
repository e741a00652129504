//! Threads: whatever comes at once, nothing is lost and nothing counts twice.

use std::sync::mpsc::channel;
use std::thread::scope;

use alwrity_metering::domain::key::CallKey;
use alwrity_metering::storage::{CallFilter, Changes, Found, Page, Store};
use alwrity_metering::{Error, Window};

use super::samples::{OCTOBER, call, usd};
use super::works::{FnWork, assert_verified, counters, numbered, record, recording};

const THREADS: i64 = 8;
const CALLS: i64 = 50;

/// Records from eight threads, each under keys of its own; `user` names a call's user.
fn record_from_threads(store: &dyn Store, user: impl Fn(i64) -> String + Sync) {
    let user = &user;
    scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for number in 0..CALLS {
                    record(store, &user(number), &format!("{thread} {number}"), &call());
                }
            });
        }
    });
}

/// How many calls of the user were counted and how many are in the ledger.
fn counted_and_listed(store: &dyn Store, user: &str) -> (i64, i64) {
    let sums = counters(store, user, &[(Window::Period, OCTOBER)]);
    let page = store.calls(user, &CallFilter::default(), Page::default()).unwrap();
    (sums.values().map(|sum| sum.calls).sum(), page.total_count)
}

pub(crate) fn eight_threads_on_one_user_lose_nothing(store: &dyn Store) {
    record_from_threads(store, |_| "u".into());
    let all = THREADS * CALLS;
    assert_eq!(counted_and_listed(store, "u"), (all, all));
    let sums = counters(store, "u", &[(Window::Period, OCTOBER)]);
    assert_eq!(sums.into_values().next().unwrap().cost, usd("4"));
    let page = Page { limit: 5000, ..Page::default() };
    let calls = store.calls("u", &CallFilter::default(), page).unwrap().calls;
    let ids: Vec<i64> = calls.iter().map(|call| call.id).collect();
    assert_eq!(ids, (1..=all).rev().collect::<Vec<_>>());
    assert_verified(store);
}

pub(crate) fn eight_threads_on_many_users_lose_nothing(store: &dyn Store) {
    record_from_threads(store, |number| format!("u{}", number % 10));
    assert_eq!(store.users().unwrap().len(), 10);
    for user in 0..10 {
        let each = THREADS * CALLS / 10;
        assert_eq!(counted_and_listed(store, &format!("u{user}")), (each, each));
    }
    assert_verified(store);
}

pub(crate) fn only_one_of_eight_records_a_key(store: &dyn Store) {
    let (recorded, receipts) = channel();
    scope(|scope| {
        for _ in 0..THREADS {
            let recorded = recorded.clone();
            scope.spawn(move || {
                for number in 0..CALLS {
                    let key = format!("k{number}");
                    recorded.send(record_if_new(store, &key)).unwrap();
                }
            });
        }
    });
    drop(recorded);
    let recorded = receipts.iter().filter(|is_recorded| *is_recorded).count();
    assert_eq!(i64::try_from(recorded).unwrap(), CALLS);
    assert_eq!(counted_and_listed(store, "u"), (CALLS, CALLS));
    assert_verified(store);
}

/// Records a call unless its key is known, as a rule decides it; whether it did.
fn record_if_new(store: &dyn Store, key: &str) -> bool {
    let changes: Changes = recording("u", &[(key, call())]);
    let known = Error::IdempotencyConflict { key: key.into(), difference: "known".into() };
    let (work, answers) = FnWork::new(Some("u"), move |view| match view.head.found[0] {
        Found::Nothing => Ok(numbered(view, changes.clone())),
        _ => Err(known.clone()),
    });
    store.submit(Box::new(work.with_keys(&[CallKey::new("u", key)]))).unwrap();
    answers.recv().unwrap().0.is_ok()
}
