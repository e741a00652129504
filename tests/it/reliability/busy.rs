//! Busy: whoever waits, waits for `busy_timeout_ms` and is told; then nothing has happened.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alwrity_metering::{CallRequest, Error, Meter, Options, Result};
use rustix::process::Signal;

use super::WORKER;
use super::stage::{Worker, assert_verified, call, open, recorded, say, seeded};

/// What the cases wait for.
const TIMEOUT_MS: u64 = 300;
/// Far more than that, for a loaded machine, and far less than for ever.
const ANSWER_MAX: Duration = Duration::from_secs(20);

fn hasty() -> Options {
    Options { busy_timeout_ms: TIMEOUT_MS, ..Options::default() }
}

/// A process that is stopped with the lock in its hands.
fn stopped_in_its_turn(path: &Path) -> Worker {
    let mut worker = Worker::start(WORKER, &["busy", path.to_str().unwrap()]);
    worker.hear("in its turn");
    worker.signal(Signal::STOP);
    worker
}

pub(crate) fn play(role: &[&str]) {
    let lock = File::options().read(true).write(true).open(beside(Path::new(role[0]))).unwrap();
    lock.lock().unwrap();
    say("in its turn");
    std::thread::sleep(Duration::from_mins(10));
}

fn beside(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}-lock", path.display()))
}

fn assert_overloaded<T: std::fmt::Debug>(verb: &str, answer: impl FnOnce() -> Result<T>) {
    let started = Instant::now();
    let error = answer().expect_err(verb);
    let waited = started.elapsed();
    let Error::Overloaded { waited_ms } = error else { panic!("{verb}: {error:?}") };
    assert!(waited_ms >= TIMEOUT_MS, "{verb}: {waited_ms} ms");
    assert!(waited < ANSWER_MAX, "{verb}: {waited:?}");
    assert!(error.is_retryable());
}

#[test]
fn a_stopped_process_holds_nobody_for_longer_than_the_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    drop(seeded(&path));
    let meter = Meter::open(&path, hasty()).unwrap();
    meter.record_call(&call("u", "before")).unwrap();
    let stopped = stopped_in_its_turn(&path);
    let request = CallRequest::new("u", "gemini", "gemini-2.5-flash").with_tokens(1, 1);
    assert_overloaded("record", || meter.record_call(&call("u", "during")));
    assert_overloaded("reserve", || meter.reserve(&request));
    assert_overloaded("rebuild", || meter.rebuild());
    assert_overloaded("seed", || meter.seed("default"));
    assert_overloaded("open", || {
        Meter::open(
            &path,
            Options { query_rows_max: 1, busy_timeout_ms: TIMEOUT_MS + 1, ..hasty() },
        )
    });
    meter.queue_call(&call("u", "queued")).unwrap();
    assert_overloaded("flush", || meter.flush());
    // Reading waits for nobody.
    assert_eq!(meter.usage_summary("u", &"current".parse().unwrap()).unwrap().total_calls, 1);
    assert!(meter.check_limit(&request).unwrap().allowed);
    assert!(meter.verify().unwrap().iter().all(|check| check.is_ok));
    // Once it goes on, what was queued is written, and nothing of what was refused.
    stopped.signal(Signal::CONT);
    stopped.kill();
    while meter.flush().is_err() {}
    drop(meter);
    assert_eq!(recorded(&path), 2);
    assert_verified(&path);
}

/// The end does not wait either; what could not be written is logged.
#[test]
fn closing_does_not_hang_on_a_stopped_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    drop(seeded(&path));
    let meter = Meter::open(&path, hasty()).unwrap();
    meter.record_call(&call("u", "before")).unwrap();
    let stopped = stopped_in_its_turn(&path);
    meter.queue_call(&call("u", "queued")).unwrap();
    let started = Instant::now();
    drop(meter);
    assert!(started.elapsed() < ANSWER_MAX);
    stopped.kill();
    // The writer had not given up, only its meter had: now it gets its turn.
    let meter = open(&path);
    while recorded(&path) < 2 {
        assert!(started.elapsed() < ANSWER_MAX);
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(meter);
    assert_verified(&path);
}

/// A full queue is a wait too, and it is a part of the same timeout.
#[test]
fn a_full_queue_refuses_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    drop(seeded(&path));
    let meter = Meter::open(&path, Options { queue_capacity: 2, ..hasty() }).unwrap();
    meter.record_call(&call("u", "before")).unwrap();
    let stopped = stopped_in_its_turn(&path);
    for key in ["first", "second"] {
        meter.queue_call(&call("u", key)).unwrap();
    }
    assert_overloaded("queue", || meter.queue_call(&call("u", "third")));
    assert_overloaded("record", || meter.record_call(&call("u", "fourth")));
    stopped.kill();
    while meter.flush().is_err() {}
    drop(meter);
    assert_eq!(recorded(&path), 3);
}

/// A writer that does not know of our lock, such as a shell in a transaction.
#[test]
fn a_foreign_transaction_holds_nobody_for_longer_than_the_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    drop(seeded(&path));
    let meter = Meter::open(&path, hasty()).unwrap();
    let shell = rusqlite::Connection::open(&path).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_overloaded("record", || meter.record_call(&call("u", "during")));
    let error = meter.rebuild().unwrap_err();
    assert_eq!(error.code(), "overloaded");
    shell.execute_batch("ROLLBACK").unwrap();
    meter.record_call(&call("u", "after")).unwrap();
    drop((meter, shell));
    assert_eq!(recorded(&path), 1);
}
