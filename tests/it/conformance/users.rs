//! Users: when they exist, and how their names are kept.

use alwrity_metering::domain::account::{Account, LimitOverride, OverrideKind};
use alwrity_metering::domain::key::CallKey;
use alwrity_metering::domain::subscription::Term;
use alwrity_metering::domain::time::Span;
use alwrity_metering::storage::{CallFilter, Changes, Found, Page, Store};
use alwrity_metering::{BillingCycle, Limit, Maximum, Metric, Window};

use super::samples::{OCTOBER, at, call, hold, october};
use super::works::{assert_verified, counters, found, look, record, recording, seen, write};

pub(crate) fn first_sight_creates_a_user(store: &dyn Store) {
    assert_eq!(store.account("u").unwrap(), None);
    write(store, Some("u"), seen()).unwrap();
    let account = store.account("u").unwrap().unwrap();
    assert_eq!(*account, Account::new(1, "u", october()));
    write(store, Some("v"), seen()).unwrap();
    assert_eq!(store.account("v").unwrap().unwrap().id, 2);
}

pub(crate) fn a_user_exists_from_its_first_sight_only(store: &dyn Store) {
    write(store, Some("u"), seen()).unwrap();
    let later = Changes { seen_at: Some(at("2026-01-01T00:00:00Z")), ..Changes::default() };
    write(store, Some("u"), later).unwrap();
    assert_eq!(store.account("u").unwrap().unwrap().created_at, october());
    assert_eq!(store.users().unwrap(), ["u"]);
}

pub(crate) fn a_look_at_an_unknown_user_creates_nothing(store: &dyn Store) {
    let view = look(store, "u", &[(Window::Period, OCTOBER), (Window::Lifetime, OCTOBER)]);
    assert!(view.head.account.is_none() && view.counters.is_empty() && view.holds.is_empty());
    assert_eq!(view.next_call_id, 1);
    assert_eq!(found(store, "u", "k"), Found::Nothing);
    let page = store.calls("u", &CallFilter::default(), Page::default()).unwrap();
    assert_eq!((page.calls.len(), page.total_count), (0, 0));
    assert_eq!(store.period_counters("u", Span::ALWAYS).unwrap(), []);
    assert_eq!(store.days("u", 0, 40_000).unwrap(), []);
    assert_eq!(store.account("u").unwrap(), None);
    assert_eq!(store.users().unwrap(), Vec::<String>::new());
}

pub(crate) fn changes_of_a_user_that_was_never_seen_are_refused(store: &dyn Store) {
    let limit = Limit::new("gemini_calls", Metric::Calls, Maximum::AtMost(1)).unwrap();
    let term = Term::new("pro", BillingCycle::Monthly, october());
    let own = LimitOverride {
        id: 0,
        kind: OverrideKind::Replace,
        limit,
        starts_at: october(),
        ends_at: None,
        note: None,
    };
    let unseen = Changes::default;
    for changes in [
        Changes { seen_at: None, ..recording("u", &[("k", call())]) },
        Changes { holds: vec![hold("u", "k")], ..unseen() },
        Changes { tracked: vec![Window::Day], ..unseen() },
        Changes { terms: vec![term], ..unseen() },
        Changes { overrides: vec![own], ..unseen() },
    ] {
        let error = write(store, Some("u"), changes.clone()).unwrap_err();
        assert_eq!(error.code(), "internal", "{changes:?}");
    }
    assert_eq!(store.account("u").unwrap(), None);
    assert_verified(store);
}

pub(crate) fn users_come_in_the_order_of_their_first_sight(store: &dyn Store) {
    for user in ["zoe", "adam", "Adam", "mia"] {
        write(store, Some(user), seen()).unwrap();
    }
    write(store, Some("adam"), seen()).unwrap();
    assert_eq!(store.users().unwrap(), ["zoe", "adam", "Adam", "mia"]);
}

pub(crate) fn names_in_any_script_are_kept_exactly(store: &dyn Store) {
    // Two spellings of `é`, a zero-width joiner, and what SQL or a path could trip over.
    let users = ["é", "e\u{301}", "用户", "👩\u{200d}💻", "o'neil; --", "a/../b", "%_", "NULL"];
    for user in users {
        let mut call = call();
        call.model = format!("模型-{user}");
        call.provider = format!("anbieter-{user}");
        let row = record(store, user, user, &call);
        assert_eq!((row.model, row.provider), (call.model, call.provider));
    }
    assert_eq!(store.users().unwrap(), users);
    for user in users {
        let view = look(store, user, &[(Window::Period, OCTOBER)]);
        assert_eq!(view.head.account.unwrap().user, user);
        assert_eq!(view.counters[0].0.provider, format!("anbieter-{user}"));
        assert_eq!(store.days(user, 0, 40_000).unwrap()[0].0.model, format!("模型-{user}"));
    }
    assert_verified(store);
}

pub(crate) fn a_user_of_255_bytes_is_kept_exactly(store: &dyn Store) {
    let long = "用".repeat(85);
    let longer = format!("{}w", "用".repeat(84));
    assert_eq!(long.len(), 255);
    record(store, &long, "k", &call());
    record(store, &longer, &"k".repeat(255), &call());
    assert_eq!(store.users().unwrap(), [long.clone(), longer]);
    assert_eq!(store.account(&long).unwrap().unwrap().user, long);
}

pub(crate) fn users_do_not_see_each_other(store: &dyn Store) {
    record(store, "u", "k", &call());
    let changes = Changes { holds: vec![hold("u", "h")], ..seen() };
    write(store, Some("u"), changes).unwrap();
    write(store, Some("v"), seen()).unwrap();
    let view = look(store, "v", &[(Window::Period, OCTOBER)]);
    assert!(view.counters.is_empty() && view.holds.is_empty());
    for key in [CallKey::new("u", "k"), CallKey::new("u", "h")] {
        let view = store.look("v", &[key], &|_| Ok(Vec::new())).unwrap();
        assert_eq!(view.head.found, [Found::Nothing], "a key is its user's own");
    }
    assert_eq!(store.days("v", 0, 40_000).unwrap(), []);
    assert_eq!(store.calls("v", &CallFilter::default(), Page::default()).unwrap().total_count, 0);
    assert_eq!(counters(store, "u", &[(Window::Period, OCTOBER)]).len(), 1);
}
