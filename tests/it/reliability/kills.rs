//! Kills: what was acknowledged is there once, whenever the writers die.
//!
//! Each acknowledgement goes into a journal outside the store before the next call is made.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alwrity_metering::{
    CallOutcome, CallRequest, Meter, Options, RecordStatus, Reservation, Usage,
};

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

/// What a journal says of keys: which were begun, and which were acknowledged. A last line without
/// its end was never written to the end, so nobody was told.
#[derive(Default)]
struct Noted {
    begun: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
}

impl Noted {
    fn read(&mut self, journal: &Path) {
        let text = std::fs::read_to_string(journal).unwrap_or_default();
        let mut lines: Vec<&str> = text.split('\n').collect();
        lines.pop();
        for line in lines {
            let (mark, keys) = line.split_at(1);
            let noted = if mark == "?" { &mut self.begun } else { &mut self.acknowledged };
            noted.extend(keys.split(' ').map(str::to_owned));
        }
    }

    /// What was under way when its process died.
    fn open(&self) -> Vec<String> {
        self.begun.difference(&self.acknowledged).cloned().collect()
    }
}

/// Rounds of two writers that are killed in the middle of their work, and what must hold then.
fn kill_rounds(verb: &str, rounds: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    drop(seeded(&path));
    let mut noted = Noted::default();
    for round in 0..rounds {
        let journals = kill_two(verb, round, &path);
        journals.iter().for_each(|journal| noted.read(journal));
        let all = Options { query_rows_max: 1_000_000, ..Options::default() };
        let meter = Meter::open(&path, all).unwrap();
        let acknowledged: Vec<_> = noted.acknowledged.iter().cloned().collect();
        assert_eq!(keys_recorded(&meter, "u", &acknowledged), acknowledged.len(), "round {round}");
        drop(meter);
        assert_verified(&path);
    }
    assert!(noted.acknowledged.len() as u64 > rounds, "{} acknowledged", noted.acknowledged.len());
    // What was acknowledged is a duplicate; what was not is recorded now, if it was not before.
    let (meter, open) = (open(&path), noted.open());
    let again = |keys: Vec<&String>| -> Vec<RecordStatus> {
        let calls: Vec<_> = keys.into_iter().map(|key| call("u", key)).collect();
        meter.record_calls(&calls).into_iter().map(|answer| answer.unwrap().status).collect()
    };
    let is_known = |status: &RecordStatus| *status == RecordStatus::Duplicate;
    assert!(again(noted.acknowledged.iter().collect()).iter().all(is_known));
    again(open.iter().collect());
    assert!(again(open.iter().collect()).iter().all(is_known));
    drop(meter);
    assert_eq!(recorded(&path), noted.begun.len(), "nothing twice");
    assert_verified(&path);
    let (acknowledged, open) = (noted.acknowledged.len(), open.len());
    println!("kills, {verb}: {rounds} rounds of 2, {acknowledged} acknowledged, {open} under way");
}

/// Lets two writers begin and kills both; their journals.
fn kill_two(verb: &str, round: u64, path: &Path) -> [PathBuf; 2] {
    let journals = [0, 1].map(|writer| path.with_file_name(format!("{round}-{writer}")));
    let start = |journal: &PathBuf| {
        let role = ["kills", verb, path.to_str().unwrap(), journal.to_str().unwrap()];
        Worker::start(WORKER, &role)
    };
    let changed = || std::fs::metadata(path).unwrap().modified().unwrap();
    let before = changed();
    let workers = journals.each_ref().map(start);
    let wait_until = |is_so: &dyn Fn() -> bool| {
        let started = Instant::now();
        while !is_so() {
            assert!(started.elapsed() < Duration::from_mins(1), "no worker works");
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    wait_until(&|| journals.iter().all(|journal| journal.exists()));
    // Each time at another moment: early in the opening, or later in the writing; or just when
    // the log is being written back into the file.
    if verb == "checkpoint" {
        wait_until(&|| changed() != before);
        std::thread::sleep(Duration::from_millis(round * 3));
    } else {
        std::thread::sleep(Duration::from_millis(round * 37 % 150));
    }
    workers.into_iter().for_each(Worker::kill);
    journals
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

/// In the moment when the log is written back into the file, beside the writer or in its turn.
#[test]
fn killed_checkpointers_lose_nothing_acknowledged() {
    kill_rounds("checkpoint", 4);
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

/// Calls of a batch that is to grow the log.
const BATCH: usize = 200;

fn record_all(meter: &Meter, keys: &[String]) {
    let wide = |key: &String| {
        let mut wide = call("u", key);
        wide.details.endpoint = Some("/".repeat(2000));
        wide
    };
    let calls: Vec<_> = keys.iter().map(wide).collect();
    for answer in meter.record_calls(&calls) {
        answer.unwrap();
    }
}

fn reserve_and_settle(meter: &Meter, key: &str) {
    if let Reservation::Granted(hold) = meter.reserve(&request(key)).unwrap() {
        let outcome = CallOutcome::from(Usage::tokens(1000, 200));
        meter.settle("u", hold.hold_id, &outcome).unwrap();
    } else {
        // A limit is reached some day; then it only records.
        meter.record_call(&call("u", key)).unwrap();
    }
}

fn request(key: &str) -> CallRequest {
    let request = CallRequest::new("u", "gemini", "gemini-2.5-flash").with_tokens(1000, 200);
    CallRequest { idempotency_key: Some(key.to_owned()), ..request }
}

fn write_until_killed(verb: &str, path: &Path, journal: &Path) {
    let mut meter = open(path);
    let mut journal = std::fs::File::create(journal).unwrap();
    // One write: a line is there whole or not at all.
    let mut note = |mark, keys: &[String]| {
        journal.write_all(format!("{mark}{}\n", keys.join(" ")).as_bytes()).unwrap();
    };
    let process = std::process::id();
    for number in 0.. {
        let size = if verb == "checkpoint" { BATCH } else { 1 };
        let keys: Vec<String> = (0..size).map(|one| format!("{process}-{number}-{one}")).collect();
        if verb == "close" && number % 3 == 0 {
            drop(meter);
            meter = open(path);
        }
        note('?', &keys);
        match verb {
            "checkpoint" => record_all(&meter, &keys),
            "reserve" => reserve_and_settle(&meter, &keys[0]),
            _ => drop(meter.record_call(&call("u", &keys[0])).unwrap()),
        }
        note('!', &keys);
    }
}
