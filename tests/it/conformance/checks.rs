//! `verify`, `rebuild` and `flush`.

use alwrity_metering::Window;
use alwrity_metering::storage::Store;

use super::samples::{OCTOBER, call};
use super::steps::{USERS, assert_sums_are_the_fold, run, seeded, shown};
use super::works::{FnWork, assert_verified, counters, numbered, recording};

pub(crate) fn verify_is_clean_after_random_works(store: &dyn Store) {
    assert_verified(store);
    for (part, steps) in seeded(7, 180).chunks(60).enumerate() {
        run(store, part * 60, steps);
        assert_verified(store);
    }
    for user in USERS {
        assert_sums_are_the_fold(store, user);
    }
}

pub(crate) fn rebuild_changes_nothing(store: &dyn Store) {
    run(store, 0, &seeded(42, 80));
    let before = shown(store);
    let rows = store.rebuild().unwrap();
    assert!(rows > 0);
    assert_eq!(shown(store), before);
    assert_eq!(store.rebuild().unwrap(), rows);
    for user in USERS {
        assert_sums_are_the_fold(store, user);
    }
    assert_verified(store);
}

pub(crate) fn flush_returns_after_the_works(store: &dyn Store) {
    let works = (0..30).map(|number| {
        let changes = recording("u", &[(&format!("k{number}"), call())]);
        let decide = move |view: &_| Ok(numbered(view, changes.clone()));
        let (work, answers) = FnWork::new(Some("u"), decide);
        store.submit(Box::new(work)).unwrap();
        answers
    });
    let answers: Vec<_> = works.collect();
    store.flush().unwrap();
    let sums = counters(store, "u", &[(Window::Period, OCTOBER)]);
    assert_eq!(sums.into_values().next().unwrap().calls, 30);
    assert!(answers.iter().all(|answer| answer.recv().unwrap().0.is_ok()));
}
