//! Queued records: nobody waits for them, so the store must not lose them.

use std::time::Duration;

use alwrity_metering::{CallRequest, Reservation, Usage};

use super::stage::{assert_verified, call, record, recorded, seeded};

/// The store fails for a while: its table is gone, as a disk may be.
#[test]
fn queued_records_outlive_a_store_that_fails_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    let meter = seeded(&path);
    record(&meter, "u", "before", 1).unwrap();
    let request = CallRequest::new("u", "gemini", "gemini-2.5-flash").with_tokens(1000, 200);
    let Reservation::Granted(hold) = meter.reserve(&request).unwrap() else { panic!("refused") };
    let shell = rusqlite::Connection::open(&path).unwrap();
    shell.execute_batch("ALTER TABLE call_keys RENAME TO away").unwrap();
    for number in 0..10 {
        meter.queue_call(&call("u", &format!("queued-{number}"))).unwrap();
    }
    meter.queue_settle("u", hold.hold_id, &Usage::tokens(1000, 200).into()).unwrap();
    // Whoever waits is told at once, and `flush` does not claim what is not so.
    let error = meter.record_call(&call("u", "waiting")).unwrap_err();
    assert_eq!(error.code(), "storage_unavailable");
    assert!(meter.flush().is_err());
    shell.execute_batch("ALTER TABLE away RENAME TO call_keys").unwrap();
    while meter.flush().is_err() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(meter.queued_failures(), 0);
    drop((meter, shell));
    assert_eq!(recorded(&path), 12);
    assert_verified(&path);
}

/// What cannot be written in the end is counted, never lost in silence.
#[test]
fn queued_records_that_fail_for_good_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    let meter = seeded(&path);
    record(&meter, "u", "k", 1).unwrap();
    // A conflict does not pass by itself.
    let mut other = call("u", "k-0");
    other.model = "gemini-2.5-pro".into();
    meter.queue_call(&other).unwrap();
    meter.flush().unwrap();
    assert_eq!(meter.queued_failures(), 1);
    // Nor does a file that is gone.
    std::fs::remove_file(&path).unwrap();
    meter.queue_call(&call("u", "gone")).unwrap();
    assert_eq!(meter.flush().unwrap_err().code(), "storage_replaced");
    assert_eq!(meter.queued_failures(), 2);
}

#[test]
fn closing_writes_what_is_queued() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    let meter = seeded(&path);
    for number in 0..500 {
        meter.queue_call(&call("u", &format!("{number}"))).unwrap();
    }
    drop(meter);
    assert_eq!(recorded(&path), 500);
}
