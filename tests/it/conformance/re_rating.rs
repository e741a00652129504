//! Re-rating: an unknown cost that becomes known.

use alwrity_metering::domain::call::Call;
use alwrity_metering::domain::counter::Counter;
use alwrity_metering::storage::{Changes, Found, ReRated, Store};
use alwrity_metering::{Money, PriceMatch, Window};

use super::samples::{OCTOBER, call, cataloguing, price, pricing, unpriced, usd};
use super::works::{assert_verified, counters, found, record, seen, write};

/// The row with a cost.
fn priced(row: &Call) -> Call {
    Call {
        cost: Some(usd("0.25")),
        cost_input: usd("0.1"),
        cost_output: usd("0.15"),
        price_version_id: Some(1),
        price_match: PriceMatch::Prefix,
        ..row.clone()
    }
}

/// A price, one priced call and one without, in windows of all kinds.
fn prepare(store: &dyn Store) -> ReRated {
    write(store, None, cataloguing(&[pricing(price("gemini", "g", "1"))])).unwrap();
    let tracked = vec![Window::Day, Window::Lifetime];
    write(store, Some("u"), Changes { tracked, ..seen() }).unwrap();
    record(store, "u", "priced", &call());
    let before = record(store, "u", "k", &Call { call_count: 2, ..unpriced() });
    ReRated { after: priced(&before), before }
}

fn re_rate(store: &dyn Store, changes: &[ReRated]) -> alwrity_metering::Result<()> {
    let re_rated = changes.to_vec();
    write(store, Some("u"), Changes { re_rated, ..Changes::default() })
}

pub(crate) fn a_re_rated_call_is_replaced(store: &dyn Store) {
    let change = prepare(store);
    re_rate(store, std::slice::from_ref(&change)).unwrap();
    assert_eq!(found(store, "u", "k"), Found::Call(Box::new(change.after)));
    assert_eq!(store.unpriced(0, 10).unwrap(), []);
    assert_verified(store);
}

/// The cost and the unpriced calls of every sum that the sample calls are in.
fn sums(store: &dyn Store) -> Vec<(Money, i64)> {
    let windows = [
        (Window::Period, OCTOBER),
        (Window::Day, "2025-10-07T00:00:00Z"),
        (Window::Lifetime, "1970-01-01T00:00:00Z"),
    ];
    let counters = counters(store, "u", &windows).into_values();
    let days = store.days("u", 0, 40_000).unwrap().into_iter().map(|(_, counter)| counter);
    counters.chain(days).map(|sum: Counter| (sum.cost, sum.unpriced_calls)).collect()
}

pub(crate) fn re_rating_corrects_counters_and_days(store: &dyn Store) {
    let change = prepare(store);
    assert_eq!(sums(store), [(usd("0.01"), 2); 4]);
    re_rate(store, &[change]).unwrap();
    assert_eq!(sums(store), [(usd("0.26"), 0); 4]);
    assert_verified(store);
}

pub(crate) fn re_rating_twice_counts_once(store: &dyn Store) {
    let change = prepare(store);
    re_rate(store, std::slice::from_ref(&change)).unwrap();
    // Somebody who read the call before decides the same; whether that is an error is open.
    let _ = re_rate(store, &[change]);
    assert_eq!(sums(store), [(usd("0.26"), 0); 4]);
    assert_verified(store);
}

pub(crate) fn a_call_can_become_unpriced_again(store: &dyn Store) {
    let there = prepare(store);
    let back = ReRated { before: there.after.clone(), after: there.before.clone() };
    re_rate(store, &[there]).unwrap();
    re_rate(store, &[back]).unwrap();
    assert_eq!(sums(store), [(usd("0.01"), 2); 4]);
    assert_eq!(store.unpriced(0, 10).unwrap().len(), 1);
    assert_verified(store);
}
