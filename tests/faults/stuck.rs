//! A disk that hangs: whoever waits is told, and repeating the call by its key records it once.

use alwrity_metering::{Error, Meter, Options, RecordStatus};

use crate::disk;
use crate::stage::{assert_verified, call, recorded, seeded};

#[test]
fn a_commit_that_hangs_is_of_unknown_outcome_and_recorded_once() {
    assert!(crate::play(&["stuck", "hung"]).is_empty());
}

#[test]
fn a_file_that_is_taken_away_during_a_commit_is_noticed_before_its_answer() {
    assert!(crate::play(&["stuck", "taken away"]).is_empty());
}

pub(crate) fn play(role: &[&str]) {
    match role {
        ["hung"] => hang(),
        ["taken away"] => take_away(),
        other => panic!("{other:?}"),
    }
}

fn take_away() {
    let folder = tempfile::tempdir().unwrap();
    let (path, elsewhere) = (folder.path().join("metering.db"), folder.path().join("elsewhere.db"));
    drop(seeded(&path));
    disk::install();
    disk::watch(folder.path());
    let patient = Options { busy_timeout_ms: 600_000, ..Options::default() };
    let meter = Meter::open(&path, patient).unwrap();
    meter.record_call(&call("u", "before")).unwrap();
    disk::stick(true);
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| meter.record_call(&call("u", "during")));
        while disk::stuck() == 0 {
            std::thread::yield_now();
        }
        std::fs::rename(&path, &elsewhere).unwrap();
        disk::stick(false);
        let error = answer.join().unwrap().unwrap_err();
        assert_eq!(error.code(), "storage_replaced", "{error}");
    });
    // It was committed where the file is now, and the key makes it harmless to repeat.
    std::fs::rename(&elsewhere, &path).unwrap();
    let receipt = meter.record_call(&call("u", "during")).unwrap();
    assert_eq!(receipt.status, RecordStatus::Duplicate);
    drop(meter);
    disk::mend();
    assert_eq!(recorded(&path), 2);
    assert_verified(&path);
}

fn hang() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    drop(seeded(&path));
    disk::install();
    disk::watch(folder.path());
    let hasty = Options { busy_timeout_ms: 100, ..Options::default() };
    let meter = Meter::open(&path, hasty).unwrap();
    while meter.record_call(&call("u", "before")).is_err() {}
    disk::stick(true);
    // It has begun, so it can no longer be taken back.
    let error = meter.record_call(&call("u", "hung")).unwrap_err();
    assert_eq!(error, Error::OutcomeUnknown { key: "hung".into() });
    assert!(error.is_retryable());
    // What has not begun is taken back: nothing happens.
    let error = meter.record_call(&call("u", "waiting")).unwrap_err();
    assert_eq!(error.code(), "overloaded");
    // Reading waits for nobody, and shows nothing that is not committed.
    assert_eq!(meter.usage_summary("u", &"all".parse().unwrap()).unwrap().total_calls, 1);
    disk::stick(false);
    while meter.flush().is_err() {}
    let receipt = loop {
        match meter.record_call(&call("u", "hung")) {
            Ok(receipt) => break receipt,
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    };
    assert_eq!(receipt.status, RecordStatus::Duplicate, "it was committed after all");
    drop(meter);
    disk::mend();
    assert_eq!(recorded(&path), 2);
    assert_verified(&path);
}
