//! The store in memory.

use std::panic::{AssertUnwindSafe, catch_unwind};

use alwrity_metering::domain::account::UsageStatus;
use alwrity_metering::storage::memory::MemoryStore;
use alwrity_metering::storage::{Changes, PeriodMark, Store};
use alwrity_metering::{Anchor, Span};

use crate::conformance::samples::{call, hour, october};
use crate::conformance::works::{FnWork, assert_verified, record, seen, write};

conformance!(suite, || MemoryStore::new("free"));

#[test]
fn it_has_no_sql() {
    let error = MemoryStore::new("free").query("SELECT 1", 1).unwrap_err();
    assert_eq!(error.to_string(), "this store cannot run SQL");
}

#[test]
fn the_last_mark_of_a_period_stands() {
    let store = MemoryStore::new("free");
    let span = Anchor::CALENDAR.month(october());
    let mark = |usage_status, number| PeriodMark { span, usage_status, at: hour(number) };
    for mark in [mark(UsageStatus::Warning, 1), mark(UsageStatus::LimitReached, 2)] {
        write(&store, Some("u"), Changes { periods: vec![mark], ..seen() }).unwrap();
        assert_eq!(store.period_mark("u", october()), Some(mark));
    }
    // A touch marks what has no mark, and leaves what has one.
    for (number, starts_at) in [(3, october()), (4, hour(1))] {
        let span = Span { starts_at, ends_at: hour(9) };
        let touched = PeriodMark { span, ..mark(UsageStatus::Active, number) };
        let changes = Changes { touched_periods: vec![touched], ..seen() };
        write(&store, Some("u"), changes).unwrap();
    }
    assert_eq!(store.period_mark("u", october()), Some(mark(UsageStatus::LimitReached, 2)));
    assert_eq!(store.period_mark("u", hour(1)).unwrap().at, hour(4));
    assert_eq!(store.period_mark("u", hour(2)), None);
    assert_eq!(store.period_mark("v", october()), None);
}

#[test]
fn a_work_that_panics_leaves_the_store_as_it_was() {
    let store = MemoryStore::new("free");
    record(&store, "u", "k", &call());
    let (work, _answers) = FnWork::new(Some("u"), |_| panic!("a bug of the host"));
    catch_unwind(AssertUnwindSafe(|| store.submit(Box::new(work)))).unwrap_err();
    assert_eq!(record(&store, "u", "k2", &call()).id, 2);
    assert_verified(&store);
}
