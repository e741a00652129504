//! All of a work, or nothing of it.

use alwrity_metering::domain::hold::HoldState;
use alwrity_metering::domain::time::Span;
use alwrity_metering::storage::{Changes, Found, Store};
use alwrity_metering::{Error, Money, Window};

use super::samples::{OCTOBER, call, cataloguing, hold, october, price, pricing, usd};
use super::works::{
    FnWork, assert_verified, counters, found, look, numbered, record, recording, seen, write,
};

/// Asserts that nothing was ever written about the user `u`.
fn assert_untouched(store: &dyn Store) {
    assert_eq!(store.account("u").unwrap(), None);
    assert_eq!(store.users().unwrap(), Vec::<String>::new());
    assert_eq!(found(store, "u", "k"), Found::Nothing);
    assert_eq!(look(store, "u", &[]).next_call_id, 1);
    assert_eq!(store.period_counters("u", Span::ALWAYS).unwrap(), []);
    assert_verified(store);
}

pub(crate) fn a_refused_decision_changes_nothing(store: &dyn Store) {
    let conflict =
        Error::IdempotencyConflict { key: "k".into(), difference: "`model` differs".into() };
    let refusal = conflict.clone();
    let (work, answers) = FnWork::new(Some("u"), move |_| Err(refusal.clone()));
    store.submit(Box::new(work)).unwrap();
    assert_eq!(answers.recv().unwrap().0, Err(conflict));
    assert_untouched(store);
}

pub(crate) fn an_error_of_the_windows_changes_nothing(store: &dyn Store) {
    let error = Error::UnknownPlan { plan: "x".into(), known: String::new() };
    let (work, answers) =
        FnWork::new(Some("u"), |view| Ok(numbered(view, recording("u", &[("k", call())]))));
    store.submit(Box::new(work.with_windows(Err(error.clone())))).unwrap();
    let (outcome, view) = answers.recv().unwrap();
    assert_eq!(outcome, Err(error.clone()));
    assert!(view.is_none(), "nothing was decided");
    assert_eq!(store.look("u", &[], &|_| Err(error.clone())).unwrap_err(), error);
    assert_untouched(store);
}

pub(crate) fn a_change_that_fails_undoes_its_whole_work(store: &dyn Store) {
    write(store, None, cataloguing(&[pricing(price("gemini", "m", "1"))])).unwrap();
    let mut rated = call();
    rated.price_version_id = Some(1);
    record(store, "v", "k", &rated);
    let version = store.catalogue().unwrap().version;
    // The price of a recorded call cannot be edited, which is found out last of all.
    let changes = Changes {
        holds: vec![hold("v", "held")],
        tracked: vec![Window::Day],
        catalogue: vec![pricing(price("gemini", "new", "1")), pricing(price("gemini", "m", "2"))],
        ..recording("v", &[("k2", call()), ("k3", call())])
    };
    assert_eq!(write(store, Some("v"), changes).unwrap_err().code(), "invalid_price");
    for key in ["k2", "k3", "held"] {
        assert_eq!(found(store, "v", key), Found::Nothing, "{key}");
    }
    assert!(store.account("v").unwrap().unwrap().tracked.is_empty());
    let view = look(store, "v", &[(Window::Period, OCTOBER)]);
    assert_eq!((view.counters[0].1.calls, view.holds.len()), (1, 0));
    let catalogue = store.catalogue().unwrap();
    assert_eq!((catalogue.version, catalogue.prices.versions().len()), (version, 1));
    assert_verified(store);
    assert_eq!(record(store, "v", "k2", &call()).id, 2, "no id is lost");
}

pub(crate) fn a_sum_out_of_range_undoes_its_whole_work(store: &dyn Store) {
    let mut dear = call();
    dear.cost = Some(Money::MAX);
    let kept = record(store, "u", "k", &dear);
    let mut cheap = call();
    cheap.provider = "openai".into();
    cheap.cost = Some(usd("0.000000000001"));
    let changes = recording("u", &[("k2", cheap), ("k3", dear)]);
    assert_eq!(write(store, Some("u"), changes).unwrap_err().code(), "amount_out_of_range");
    assert_eq!(found(store, "u", "k"), Found::Call(Box::new(kept)));
    assert_eq!(found(store, "u", "k2"), Found::Nothing);
    assert_eq!(counters(store, "u", &[(Window::Period, OCTOBER)]).len(), 1);
    assert_verified(store);
}

pub(crate) fn a_failing_work_leaves_its_neighbours(store: &dyn Store) {
    record(store, "u", "taken", &call());
    // Queued together, they may share a transaction; one of them must undo itself alone.
    let works = [("u", "1"), ("u", "taken"), ("new", "2"), ("u", "taken"), ("u", "3")];
    let answers = works.map(|(user, key)| {
        let last = if key == "taken" { (key, call()) } else { ("last", call()) };
        let changes = recording(user, &[(&format!("{key} first"), call()), last]);
        let changes = if key == "3" { recording(user, &[("3", call())]) } else { changes };
        let (work, answers) =
            FnWork::new(Some(user), move |view| Ok(numbered(view, changes.clone())));
        store.submit(Box::new(work)).unwrap();
        answers
    });
    let outcomes = answers.map(|answer| answer.recv().unwrap().0.is_ok());
    assert_eq!(outcomes, [true, false, true, false, true]);
    assert_eq!(found(store, "u", "taken first"), Found::Nothing);
    let Found::Call(last) = found(store, "u", "3") else { panic!("it is recorded") };
    assert_eq!(last.id, 6, "what was undone took no id");
    assert_eq!(store.users().unwrap(), ["u", "new"]);
    assert_verified(store);
}

pub(crate) fn a_failing_work_creates_no_user(store: &dyn Store) {
    let twice = recording("u", &[("k", call()), ("k", call())]);
    write(store, Some("u"), twice).unwrap_err();
    assert_untouched(store);
    write(store, Some("v"), seen()).unwrap();
    write(store, Some("u"), seen()).unwrap();
    assert_eq!(store.users().unwrap(), ["v", "u"]);
}

pub(crate) fn a_work_that_only_looks_changes_nothing(store: &dyn Store) {
    assert_eq!(write(store, Some("u"), Changes::default()), Ok(()));
    assert_eq!(write(store, None, Changes::default()), Ok(()));
    assert_untouched(store);
}

pub(crate) fn a_work_sees_what_the_work_before_it_wrote(store: &dyn Store) {
    // All are queued before the first is answered, as threads do it.
    let works = (0..20).map(|number| {
        let key = format!("k{number}");
        let changes = Changes { holds: vec![hold("u", &key)], ..recording("u", &[(&key, call())]) };
        let (work, answers) =
            FnWork::new(Some("u"), move |view| Ok(numbered(view, changes.clone())));
        let windows =
            alwrity_metering::storage::WindowKey { window: Window::Period, starts_at: october() };
        store.submit(Box::new(work.with_windows(Ok(vec![windows])))).unwrap();
        answers
    });
    let answers: Vec<_> = works.collect();
    for (before, answer) in (0..).zip(answers) {
        let (outcome, view) = answer.recv().unwrap();
        let view = view.unwrap();
        assert_eq!(outcome, Ok(()));
        assert_eq!(view.next_call_id, before + 1);
        let calls: i64 = view.counters.iter().map(|(_, counter)| counter.calls).sum();
        assert_eq!(calls, before);
        assert_eq!(view.holds.len(), usize::try_from(before).unwrap());
        assert!(view.holds.iter().all(|hold| hold.state == HoldState::Open));
        assert_eq!(view.head.account.is_some(), before > 0);
    }
    assert_eq!(write(store, Some("u"), seen()), Ok(()));
}
