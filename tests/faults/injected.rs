//! Injected faults: every call to the disk fails once, tears or stays broken, and each time
//! nothing that was acknowledged is lost and nothing is half-done.

use std::path::Path;

use alwrity_metering::{CallOutcome, CallRequest, Error, Meter, Options, Reservation, Usage};

use crate::disk::{self, Fault};
use crate::stage::{assert_verified, call, keys_recorded, open, recorded, say, small};

/// Plays a role that fails at one place after the other, at least so many of them.
fn sweep(role: &str, rounds_min: usize) {
    let said = crate::play(&["injected", role]);
    let (rounds, acknowledged) = said.last().unwrap().split_once(' ').unwrap();
    println!("injected, {role}: {rounds} rounds, {acknowledged} acknowledged, 0 lost");
    assert!(rounds.parse::<usize>().unwrap() >= rounds_min, "{said:?}");
}

#[test]
fn each_call_to_the_disk_fails_once() {
    sweep("once", 100);
}

#[test]
fn each_call_to_the_disk_tears() {
    sweep("torn", 100);
}

#[test]
fn from_each_call_on_the_disk_stays_broken() {
    sweep("broken", 100);
}

#[test]
fn each_call_of_a_first_open_fails_once() {
    sweep("new", 100);
}

#[test]
fn a_full_disk_is_named_and_nothing_is_half_done() {
    sweep("full", 20);
}

#[test]
fn a_read_only_disk_is_refused_clearly() {
    assert!(crate::play(&["injected", "read-only"]).is_empty());
}

const KEYS: [&str; 4] = ["a", "b", "held", "c"];

/// Records, reserves, settles, rebuilds and closes; the keys that were acknowledged.
fn live(path: &Path, seen: &mut Vec<Error>) -> Vec<String> {
    let options = Options { busy_timeout_ms: 2000, ..Options::default() };
    let mut acknowledged = Vec::new();
    let meter = match Meter::open(path, options) {
        Ok(meter) => meter,
        Err(error) => {
            seen.push(error);
            return acknowledged;
        }
    };
    let mut note = |key: &str, answer: Result<_, Error>| match answer {
        Ok(_) => acknowledged.push(key.to_owned()),
        Err(error) => seen.push(error),
    };
    for key in ["a", "b"] {
        note(key, meter.record_call(&call("u", key)));
    }
    let request = CallRequest::new("u", "gemini", "gemini-2.5-flash").with_tokens(1000, 200);
    let request = CallRequest { idempotency_key: Some("held".into()), ..request };
    if let Ok(Reservation::Granted(hold)) = meter.reserve(&request) {
        let outcome = CallOutcome::from(Usage::tokens(1000, 200));
        note("held", meter.settle("u", hold.hold_id, &outcome));
    }
    // Whether it succeeds or not, it may leave nothing wrong.
    drop(meter.rebuild());
    note("c", meter.record_call(&call("u", "c")));
    acknowledged
}

/// After the fault: everything acknowledged is there, all sums agree, and repeating every call
/// by its key records it once.
fn assert_well(path: &Path, acknowledged: &[String]) {
    assert_verified(path);
    let meter = open(path);
    assert_eq!(keys_recorded(&meter, "u", acknowledged), acknowledged.len(), "{acknowledged:?}");
    for key in KEYS {
        meter.record_call(&call("u", key)).unwrap();
    }
    drop(meter);
    assert_eq!(recorded(path), KEYS.len());
}

pub(crate) fn play(role: &[&str]) {
    let template = tempfile::tempdir().unwrap();
    let template = template.path().join("metering.db");
    drop(small(&template));
    disk::install();
    match role[0] {
        "once" => faults(&template, Fault::Once),
        "torn" => faults(&template, Fault::Torn),
        "broken" => faults(&template, Fault::FromHereOn),
        "new" => first_opens(),
        "full" => full(&template),
        _ => read_only(&template),
    }
}

/// A fresh copy that is watched.
fn copy(template: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(template, folder.path().join("metering.db")).unwrap();
    disk::watch(folder.path());
    folder
}

fn faults(template: &Path, fault: Fault) {
    let folder = copy(template);
    let path = folder.path().join("metering.db");
    let acknowledged = live(&path, &mut Vec::new());
    let calls = disk::mend();
    assert_eq!(acknowledged, KEYS, "without a fault all is well");
    assert_well(&path, &acknowledged);
    let (mut seen, mut kept) = (Vec::new(), 0);
    for at in 1..=calls {
        let folder = copy(template);
        let path = folder.path().join("metering.db");
        disk::fail_at(at, fault);
        let acknowledged = live(&path, &mut seen);
        disk::mend();
        say(&format!("{fault:?} at {at}: {} acknowledged", acknowledged.len()));
        assert_well(&path, &acknowledged);
        kept += acknowledged.len();
    }
    // SQLite says of a read that the disk refuses that the file is damaged, and it may be so.
    let named = ["storage_unavailable", "storage_full", "outcome_unknown", "storage_corrupt"];
    for error in seen {
        assert!(named.contains(&error.code()), "{error:?}");
    }
    say(&format!("{calls} {kept}"));
}

/// A new file, whose tables are to be made: whatever fails passes, and the next open succeeds.
fn first_opens() {
    let (mut at, mut failed) = (0, 0);
    loop {
        at += 1;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metering.db");
        disk::watch(folder.path());
        disk::fail_at(at, if at % 2 == 0 { Fault::Once } else { Fault::Torn });
        let opened = Meter::open(&path, Options::default());
        let calls = disk::mend();
        if let Err(error) = opened {
            failed += 1;
            let named = ["storage_unavailable", "storage_full", "storage_corrupt"];
            assert!(named.contains(&error.code()), "{at}: {error:?}");
        }
        drop(small(&path));
        assert_well(&path, &[]);
        if calls < at {
            break;
        }
    }
    assert!(failed > 20, "{failed} of {at}");
    say(&format!("{at} 0"));
}

fn full(template: &Path) {
    let (mut count, mut kept, mut was_full, mut room) = (0, 0, 0, 0);
    loop {
        let folder = copy(template);
        let path = folder.path().join("metering.db");
        disk::leave_room(room);
        let mut seen = Vec::new();
        let acknowledged = live(&path, &mut seen);
        disk::mend();
        for error in &seen {
            assert_eq!(error.code(), "storage_full", "{room} bytes: {error:?}");
        }
        was_full += usize::from(!seen.is_empty());
        assert_well(&path, &acknowledged);
        count += 1;
        kept += acknowledged.len();
        if acknowledged == KEYS {
            break;
        }
        // Not in step with pages, so that writes are cut in their middle.
        room += 1999;
    }
    assert!(was_full > 20, "{was_full} of {count}");
    say(&format!("{count} {kept}"));
}

fn read_only(template: &Path) {
    let folder = copy(template);
    let path = folder.path().join("metering.db");
    disk::become_read_only();
    let error = Meter::open(&path, Options::default()).unwrap_err();
    assert_eq!(error.code(), "storage_unavailable", "{error}");
    disk::mend();
    // It becomes so while the store is open, before the first write.
    let meter = open(&path);
    disk::become_read_only();
    let error = meter.record_call(&call("u", "a")).unwrap_err();
    assert_eq!(error.code(), "storage_unavailable", "{error}");
    disk::mend();
    meter.record_call(&call("u", "a")).unwrap();
    drop(meter);
    assert_well(&path, &["a".to_owned()]);
}
