//! Holds: kept by their keys, shown while they are open.

use alwrity_metering::domain::hold::{Hold, HoldState};
use alwrity_metering::domain::key::CallKey;
use alwrity_metering::storage::{Changes, Found, Store};
use alwrity_metering::{PriceMatch, Unit, Usage, Variant};

use super::samples::{call, cataloguing, hold, hour, operation, price, pricing, unit, usd};
use super::works::{assert_verified, found, look, recording, seen, write};

fn put(store: &dyn Store, holds: &[Hold]) {
    write(store, Some("u"), Changes { holds: holds.to_vec(), ..seen() }).unwrap();
}

/// The user's open holds, by key.
fn open(store: &dyn Store) -> Vec<Hold> {
    let mut holds = look(store, "u", &[]).holds;
    holds.sort_by_key(|hold| hold.key);
    holds
}

fn sorted(mut holds: Vec<Hold>) -> Vec<Hold> {
    holds.sort_by_key(|hold| hold.key);
    holds
}

/// A hold that has something in every field.
fn full_hold() -> Hold {
    Hold {
        provider: "openrouter".into(),
        operation: operation("video_generation"),
        model: String::new(),
        variant: Variant::Batch,
        call_count: 7,
        usage: Usage::of(Unit::Seconds, 8).with(unit("web_searches"), 2),
        cost: usd("0"),
        price_version_id: Some(1),
        price_match: PriceMatch::Alias,
        reserved_at: hour(1).plus_micros(1),
        expires_at: hour(2).plus_micros(-1),
        ..hold("u", "full")
    }
}

pub(crate) fn a_hold_comes_back(store: &dyn Store) {
    write(store, None, cataloguing(&[pricing(price("openrouter", "m", "1"))])).unwrap();
    let holds = sorted(vec![hold("u", "plain"), full_hold()]);
    put(store, &holds);
    assert_eq!(open(store), holds);
    assert_eq!(found(store, "u", "full"), Found::Hold(Box::new(full_hold())));
    assert_verified(store);
}

pub(crate) fn a_hold_is_replaced_by_its_key(store: &dyn Store) {
    put(store, &[hold("u", "k")]);
    let longer = Hold { expires_at: hour(9), usage: Usage::tokens(1, 1), ..hold("u", "k") };
    put(store, std::slice::from_ref(&longer));
    assert_eq!(open(store), [longer]);
}

pub(crate) fn only_open_holds_are_shown(store: &dyn Store) {
    // Whether a hold is overdue is for the rules to say, which are given the instant.
    let overdue = Hold { expires_at: hour(0), ..hold("u", "overdue") };
    let released = Hold { state: HoldState::Released, ..hold("u", "released") };
    let expired = Hold { state: HoldState::Expired, ..hold("u", "expired") };
    put(store, &[overdue.clone(), hold("u", "released"), expired.clone()]);
    put(store, std::slice::from_ref(&released));
    assert_eq!(open(store), [overdue]);
    assert_eq!(found(store, "u", "released"), Found::Hold(Box::new(released)));
    assert_eq!(found(store, "u", "expired"), Found::Hold(Box::new(expired)));
    assert_verified(store);
}

pub(crate) fn a_removed_hold_is_gone(store: &dyn Store) {
    put(store, &[hold("u", "k"), hold("u", "kept")]);
    let removed_holds = vec![CallKey::new("u", "k")];
    write(store, Some("u"), Changes { removed_holds, ..Changes::default() }).unwrap();
    assert_eq!(found(store, "u", "k"), Found::Nothing);
    assert_eq!(open(store), [hold("u", "kept")]);
}

pub(crate) fn a_hold_becomes_a_call_in_one_work(store: &dyn Store) {
    put(store, &[hold("u", "k")]);
    let removed_holds = vec![CallKey::new("u", "k")];
    let changes = Changes { removed_holds, ..recording("u", &[("k", call())]) };
    write(store, Some("u"), changes).unwrap();
    assert!(matches!(found(store, "u", "k"), Found::Call(_)));
    assert_eq!(open(store), []);
    assert_verified(store);
}
