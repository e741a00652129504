//! Keys: one call each, and what they stand for.

use alwrity_metering::domain::key::CallKey;
use alwrity_metering::storage::{Changes, Found, Store};

use super::samples::{call, call_of, hold};
use super::works::{assert_verified, found, record, recording, seen, write};

pub(crate) fn a_key_records_once(store: &dyn Store) {
    let first = record(store, "u", "k", &call());
    let other = call_of("openai", "chat");
    write(store, Some("u"), recording("u", &[("k", other.clone())])).unwrap_err();
    let twice = recording("u", &[("new", call()), ("new", other)]);
    write(store, Some("u"), twice).unwrap_err();
    assert_eq!(found(store, "u", "k"), Found::Call(Box::new(first)));
    assert_eq!(found(store, "u", "new"), Found::Nothing);
    assert_verified(store);
}

pub(crate) fn a_key_belongs_to_its_user(store: &dyn Store) {
    let of_u = record(store, "u", "k", &call());
    let of_v = record(store, "v", "k", &call_of("openai", "chat"));
    assert_eq!((of_u.id, of_v.id), (1, 2));
    assert_eq!(found(store, "u", "k"), Found::Call(Box::new(of_u)));
    assert_eq!(found(store, "v", "k"), Found::Call(Box::new(of_v)));
    assert_verified(store);
}

pub(crate) fn a_key_stands_for_its_call_before_its_hold(store: &dyn Store) {
    let kept = hold("u", "k");
    let changes = Changes { holds: vec![kept.clone()], ..seen() };
    write(store, Some("u"), changes).unwrap();
    assert_eq!(found(store, "u", "k"), Found::Hold(Box::new(kept)));
    assert!(matches!(found(store, "u", "other"), Found::Nothing));
    let row = record(store, "u", "k", &call());
    assert_eq!(found(store, "u", "k"), Found::Call(Box::new(row)));
}

pub(crate) fn keys_are_found_in_their_order(store: &dyn Store) {
    record(store, "u", "b", &call());
    record(store, "u", "a", &call_of("openai", "chat"));
    let keys = ["a", "none", "b", "a"].map(|key| CallKey::new("u", key));
    let view = store.look("u", &keys, &|_| Ok(Vec::new())).unwrap();
    let id = |found: &Found| match found {
        Found::Call(call) => call.id,
        _ => 0,
    };
    assert_eq!(view.head.found.iter().map(id).collect::<Vec<_>>(), [2, 0, 1, 2]);
}
