//! What only the inside of the store can show.

use super::*;
use crate::domain::call::{CallDetails, UsageSource};
use crate::domain::money::Money;
use crate::domain::operation::Operation;
use crate::domain::price::{PriceMatch, Variant};
use crate::domain::usage::Usage;

fn call() -> Call {
    Call {
        id: 0,
        provider: "gemini".into(),
        operation: Operation::chat(),
        model: "m".into(),
        variant: Variant::Standard,
        usage: Usage::tokens(1, 1),
        usage_source: UsageSource::Reported,
        call_count: 1,
        status_code: 200,
        occurred_at: Timestamp::MIN,
        recorded_at: Timestamp::MIN,
        period_starts_at: Timestamp::MIN,
        cost: Some(Money::ZERO),
        cost_input: Money::ZERO,
        cost_output: Money::ZERO,
        vendor_cost: None,
        price_version_id: None,
        price_match: PriceMatch::Exact,
        is_late: false,
        details: CallDetails::default(),
    }
}

#[test]
fn verify_shows_the_first_difference_and_rebuild_mends_it() {
    let store = MemoryStore::new("free");
    let calls = vec![(CallKey::new("u", "k"), call())];
    let changes = Changes { seen_at: Some(Timestamp::MIN), calls, ..Changes::default() };
    store.lock().apply(Some("u"), changes).unwrap();
    let faults = || -> Vec<Check> {
        store.verify().unwrap().into_iter().filter(|check| !check.is_ok).collect()
    };
    assert_eq!(faults(), []);
    let tamper = |change: fn(&mut tally::Tally)| {
        let mut state = store.lock();
        let book = state.books.get_mut("u").unwrap();
        change(&mut Arc::make_mut(book).tally);
    };
    tamper(|tally| tally.counters.values_mut().for_each(|sum| sum.calls += 1));
    tamper(|tally| tally.days.clear());
    let found = faults();
    assert_eq!(found.iter().map(|check| check.name).collect::<Vec<_>>(), ["counters", "days"]);
    assert!(found[0].found.contains("calls: 2") && found[0].found.contains("calls: 1"));
    assert!(found[1].found.contains("kept None"), "{}", found[1].found);
    assert_eq!(store.rebuild().unwrap(), 3);
    assert_eq!(faults(), []);
}
