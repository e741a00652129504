//! Worker processes: the test binary itself, started again with a task.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use alwrity_metering::{CallOutcome, Clock, Meter, Options, Reservation, Usage};

use crate::conformance::samples::at;
use crate::scene::{ask, chat, quick};

/// What a worker is to do, where, and which of the workers it is.
const TASK: &str = "ALWRITY_TEST_TASK";
const FILE: &str = "ALWRITY_TEST_FILE";
const NUMBER: &str = "ALWRITY_TEST_NUMBER";
const NOW: &str = "ALWRITY_TEST_NOW";

/// A worker that waits longer than this for its start, or a test for its worker, gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a task in several processes that begin together, and asserts that all of them succeed.
pub(crate) fn run(task: &str, file: &Path, now: &str, processes: usize) {
    let start = |number: usize| {
        Command::new(std::env::current_exe().unwrap())
            .args(["regressions::processes::worker", "--exact", "--ignored", "--nocapture"])
            .envs([(TASK, task), (FILE, file.to_str().unwrap()), (NOW, now)])
            .env(NUMBER, number.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut workers: Vec<Child> = (0..processes).map(start).collect();
    let is_ready = |number| sign(file, &format!("ready-{number}")).exists();
    wait_until(|| (0..processes).all(is_ready) || workers.iter_mut().any(has_ended));
    std::fs::write(sign(file, "go"), "").unwrap();
    for worker in workers {
        let ended = worker.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "a worker failed: {said}");
    }
    std::fs::remove_file(sign(file, "go")).unwrap();
}

fn has_ended(worker: &mut Child) -> bool {
    worker.try_wait().unwrap().is_some()
}

fn sign(file: &Path, name: &str) -> std::path::PathBuf {
    file.with_file_name(name)
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "nothing happened");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
#[ignore = "the worker process that other tests start"]
fn worker() {
    let Ok(task) = std::env::var(TASK) else { return };
    let given = |name| std::env::var(name).unwrap();
    let (file, number, now) = (given(FILE), given(NUMBER), given(NOW));
    let file = Path::new(&file);
    let open = || {
        let clock = Clock::Fixed(at(&now));
        Meter::open(file, Options { clock, busy_timeout_ms: 60_000, ..quick() }).unwrap()
    };
    std::fs::write(sign(file, &format!("ready-{number}")), "").unwrap();
    wait_until(|| sign(file, "go").exists());
    match task.as_str() {
        "record" => record(&open(), &number),
        "reserve" => reserve_until_refused(&open(), &number),
        "close" => close_with_late_calls(&open(), &number),
        "open" => drop(open()),
        other => panic!("no task `{other}`"),
    }
    std::fs::remove_file(sign(file, &format!("ready-{number}"))).unwrap();
}

/// How many calls a process of the task `record` records.
pub(crate) const CALLS_A_PROCESS: i64 = 250;

/// Records from two threads, each call twice under its key.
fn record(meter: &Meter, number: &str) {
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || {
                for call in 0..CALLS_A_PROCESS / 2 {
                    let record = chat("u", &format!("p{number} t{thread} c{call}"), 10, 5);
                    meter.record_call(&record).unwrap();
                }
            });
        }
    });
}

/// Closes October and November again and again, with a late call before each time.
fn close_with_late_calls(meter: &Meter, number: &str) {
    for round in 0..5 {
        for (month, late) in [("2025-10", "2025-10-20"), ("2025-11", "2025-11-20")] {
            let call = alwrity_metering::CallRecord {
                occurred_at: Some(at(&format!("{late}T00:00:00Z"))),
                ..chat("u", &format!("p{number} r{round} {month}"), 10, 5)
            };
            meter.record_call(&call).unwrap();
            meter.finalize_invoice("u", &month.parse().unwrap()).unwrap();
        }
    }
    meter.finalize_ended("u").unwrap();
}

/// Reserves, "calls" and settles until nothing is left, from two threads.
fn reserve_until_refused(meter: &Meter, number: &str) {
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || spend(meter, &format!("p{number} t{thread}")));
        }
    });
}

/// Reserves and settles under keys with that beginning until the first refusal; how many passed.
pub(crate) fn spend(meter: &Meter, keys: &str) -> i64 {
    for passed in 0.. {
        match meter.reserve(&ask("u", &format!("{keys} c{passed}"), 10, 5)).unwrap() {
            Reservation::Granted(hold) => {
                let outcome = CallOutcome::from(Usage::tokens(10, 5));
                meter.settle("u", hold.hold_id, &outcome).unwrap();
            }
            Reservation::Refused(_) => return passed,
            Reservation::Duplicate(receipt) => panic!("recorded before: {receipt:?}"),
        }
    }
    unreachable!("a limit that never refuses")
}
