//! Kills: what was acknowledged is there once, whenever the writers die.
//!
//! Each acknowledgement goes into a journal outside the store before the next call is made.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use alwrity_metering::{CallOutcome, CallRequest, RecordStatus, Reservation, Usage};

use super::WORKER;
use super::stage::{
    Worker, assert_verified, call, is_held, keys_recorded, open, recorded, role, say, seeded,
};

/// A writer that has recorded so many calls and waits to be killed.
pub(crate) fn killed_writer(path: &Path, count: usize) -> Worker {
    let count = count.to_string();
    let role = ["kills", "count", path.to_str().unwrap(), &count];
    let mut worker = Worker::start(WORKER, &role);
    worker.hear("done");
    worker
}

/// The keys of a journal; a last line without its end was never acknowledged to anybody.
fn journal(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    lines.pop();
    lines
}

/// Rounds of two writers that are killed in the middle of their work, and what must hold then.
fn kill_rounds(verb: &str, rounds: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    drop(seeded(&path));
    let mut keys = Vec::new();
    for round in 0..rounds {
        let journals: Vec<_> =
            (0..2).map(|writer| folder.path().join(format!("{round}-{writer}"))).collect();
        let workers: Vec<_> = journals
            .iter()
            .map(|journal| {
                let role = ["kills", verb, path.to_str().unwrap(), journal.to_str().unwrap()];
                Worker::start(WORKER, &role)
            })
            .collect();
        // Each time at another moment: early in the opening, or later in the writing.
        let started = Instant::now();
        let written = |journal: &std::path::PathBuf| std::fs::metadata(journal).is_ok();
        while !journals.iter().all(written) && started.elapsed() < Duration::from_mins(1) {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(round * 37 % 150));
        workers.into_iter().for_each(Worker::kill);
        for path in &journals {
            keys.extend(journal(path));
        }
        let meter = open(&path);
        assert_eq!(keys_recorded(&meter, "u", &keys), keys.len(), "round {round}");
        drop(meter);
        assert_verified(&path);
    }
    assert!(keys.len() as u64 > rounds, "{} acknowledged", keys.len());
    // Repeating every key, acknowledged or not, doubles nothing.
    let meter = open(&path);
    let before = recorded(&path);
    for key in &keys {
        assert_eq!(meter.record_call(&call("u", key)).unwrap().status, RecordStatus::Duplicate);
    }
    assert_eq!(recorded(&path), before);
}

#[test]
fn killed_recorders_lose_nothing_acknowledged() {
    kill_rounds("record", 8);
}

#[test]
fn killed_reservers_lose_nothing_and_their_holds_expire() {
    kill_rounds("reserve", 6);
}

/// Each end writes the whole log back and deletes it.
#[test]
fn killed_closers_lose_nothing_acknowledged() {
    kill_rounds("close", 6);
}

#[test]
fn a_kill_while_rebuilding_or_verifying_leaves_all_exact() {
    for verb in ["rebuild", "verify"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metering.db");
        let meter = seeded(&path);
        super::stage::record(&meter, "u", "k", 100).unwrap();
        drop(meter);
        for round in 0..5 {
            let mut worker =
                Worker::start(WORKER, &["kills", verb, path.to_str().unwrap(), "none"]);
            worker.hear("begun");
            std::thread::sleep(Duration::from_millis(round * 7));
            worker.kill();
            assert_verified(&path);
        }
        assert_eq!(recorded(&path), 100);
    }
}

#[test]
fn a_kill_while_migrating_leaves_a_file_that_opens() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..12 {
        let path = folder.path().join(format!("{round}.db"));
        let mut worker = Worker::start(WORKER, &["kills", "open", path.to_str().unwrap(), "none"]);
        worker.hear("begun");
        std::thread::sleep(Duration::from_micros(round * 1500));
        worker.kill();
        let meter = seeded(&path);
        super::stage::record(&meter, "u", "k", 3).unwrap();
        drop(meter);
        assert_verified(&path);
    }
}

#[test]
fn holds_of_the_dead_expire() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    drop(seeded(&path));
    let mut worker = Worker::start(WORKER, &["kills", "hold", path.to_str().unwrap(), "none"]);
    worker.hear("held");
    worker.kill();
    let meter = open(&path);
    let started = Instant::now();
    while is_held(&meter, "u") {
        assert!(started.elapsed() < Duration::from_mins(1), "it lives 1 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn play(_: &[&str]) {
    let role = role();
    let (verb, path, rest) = (role[1].as_str(), Path::new(&role[2]), role[3].as_str());
    match verb {
        "count" => {
            let meter = seeded(path);
            let prefix = std::process::id().to_string();
            super::stage::record(&meter, "u", &prefix, rest.parse().unwrap()).unwrap();
            say("done");
            std::thread::sleep(Duration::from_mins(10));
        }
        "open" => {
            say("begun");
            drop(seeded(path));
        }
        "rebuild" | "verify" => {
            let meter = open(path);
            say("begun");
            loop {
                match verb {
                    "rebuild" => drop(meter.rebuild().unwrap()),
                    _ => drop(meter.verify().unwrap()),
                }
            }
        }
        "hold" => {
            let meter = open(path);
            let request = CallRequest { ttl_ms: Some(1000), ..request("dead") };
            assert!(matches!(meter.reserve(&request).unwrap(), Reservation::Granted(_)));
            say("held");
            std::thread::sleep(Duration::from_mins(10));
        }
        _ => write_until_killed(verb, path, Path::new(rest)),
    }
}

fn request(key: &str) -> CallRequest {
    let request = CallRequest::new("u", "gemini", "gemini-2.5-flash").with_tokens(1000, 200);
    CallRequest { idempotency_key: Some(key.to_owned()), ..request }
}

fn write_until_killed(verb: &str, path: &Path, journal: &Path) {
    let mut meter = open(path);
    let mut journal = std::fs::File::create(journal).unwrap();
    let process = std::process::id();
    for number in 0.. {
        let key = format!("{process}-{number}");
        let usage = Usage::tokens(1000, 200);
        if verb == "close" && number % 3 == 0 {
            drop(meter);
            meter = open(path);
        }
        let is_held = verb == "reserve";
        match is_held.then(|| meter.reserve(&request(&key)).unwrap()) {
            Some(Reservation::Granted(hold)) => {
                meter.settle("u", hold.hold_id, &CallOutcome::from(usage)).unwrap();
            }
            // A limit is reached some day; then it only records.
            _ => drop(meter.record_call(&call("u", &key)).unwrap()),
        }
        // One write: a line is there whole or not at all.
        journal.write_all(format!("{key}\n").as_bytes()).unwrap();
    }
}
