//! Growth: millions of calls into one file, and whether anything becomes slower.
//!
//! `CALLS` (10 million), `USERS` (10 000) and `FOLDER` (a temporary one) come from the
//! environment. It prints tables in Markdown; docs/reliability.md keeps the last ones.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that measures stops at the first thing that is wrong"
)]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alwrity_metering::{
    CallFilter, CallRecord, CallRequest, Meter, Options, Page, PeriodChoice, Subscribe, Timestamp,
    Usage,
};

const MILLION: usize = 1_000_000;
const BATCH: usize = 256;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let (calls, users) = (number("CALLS", 10 * MILLION), number("USERS", 10_000));
    let scratch = tempfile::tempdir().unwrap();
    let path = match std::env::var("FOLDER") {
        Ok(folder) => Path::new(&folder).join("growth.db"),
        Err(_) => scratch.path().join("growth.db"),
    };
    let meter = Meter::open(&path, Options::default()).unwrap();
    meter.seed("default").unwrap();
    for user in 0..users {
        meter
            .subscribe(&format!("user-{user}"), &Subscribe::monthly("pro").waived("a measurement"))
            .unwrap();
    }
    println!("{calls} calls of {users} users, full sync, batches of {BATCH}\n");
    println!("| calls | a second | commit p50 | p99 | longest | log at most | bytes a call |");
    println!("|---|---|---|---|---|---|---|");
    let start = Timestamp::from_micros(meter.now().micros()).unwrap();
    let step = MILLION.min(calls / 10).max(1);
    let mut reads = Vec::new();
    let mut done = 0;
    while done < calls {
        let part = load(&meter, &path, start, users, done..calls.min(done + step));
        done = calls.min(done + step);
        println!("{}", part.row(done, &path));
        if [calls / 100, calls / 10, calls].iter().any(|at| (done - step..done).contains(&(at - 1)))
        {
            reads.push(read_times(&meter, users, done));
        }
    }
    println!("\n| calls | `usage_summary` p50 / p99 | `check_limit` | a page of `calls` |");
    println!("|---|---|---|---|");
    for row in &reads {
        println!("{row}");
    }
    let started = Instant::now();
    let checks = meter.verify().unwrap();
    assert!(checks.iter().all(|check| check.is_ok), "{checks:?}");
    println!("\n`verify` of all: {} ms, nothing wrong", started.elapsed().as_millis());
}

/// What a part of the load took.
struct Part {
    calls: usize,
    took: Duration,
    commits: Vec<Duration>,
    log_bytes: u64,
}

impl Part {
    fn row(&self, done: usize, path: &Path) -> String {
        let rate = self.calls * 1000 / usize::try_from(self.took.as_millis()).unwrap().max(1);
        let [p50, p99, longest] = [50, 99, 100].map(|percent| percentile(&self.commits, percent));
        let bytes = usize::try_from(std::fs::metadata(path).unwrap().len()).unwrap() / done;
        let log = self.log_bytes >> 20;
        format!("| {done} | {rate} | {p50} | {p99} | {longest} | {log} MiB | {bytes} |")
    }
}

/// A percentile of some durations, for people.
fn percentile(durations: &[Duration], percent: usize) -> String {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * percent).div_ceil(100).clamp(1, sorted.len()) - 1;
    let us = sorted[place].as_micros();
    if us < 10_000 { format!("{us} µs") } else { format!("{} ms", us / 1000) }
}

/// Records calls in full batches, while another thread records one at a time: its waits are
/// those of a commit.
fn load(
    meter: &Meter,
    path: &Path,
    start: Timestamp,
    users: usize,
    numbers: std::ops::Range<usize>,
) -> Part {
    let (calls, started) = (numbers.len(), Instant::now());
    let is_over = AtomicBool::new(false);
    let log = format!("{}-wal", path.display());
    std::thread::scope(|scope| {
        let single = scope.spawn(|| {
            let (mut commits, mut log_bytes) = (Vec::new(), 0);
            while !is_over.load(Ordering::Acquire) {
                let begun = Instant::now();
                meter.record_call(&call("single", start)).unwrap();
                commits.push(begun.elapsed());
                log_bytes =
                    std::fs::metadata(&log).map_or(log_bytes, |log| log.len()).max(log_bytes);
            }
            (commits, log_bytes)
        });
        let mut batch = Vec::with_capacity(BATCH);
        for number in numbers {
            // Users in a scattered order, as they come in life.
            let user = number * 7919 % users;
            let after_us = i64::try_from(number).unwrap() * 1000;
            batch.push(call(&format!("user-{user}"), start.plus_micros(after_us)));
            if batch.len() == BATCH {
                record(meter, &mut batch);
            }
        }
        record(meter, &mut batch);
        let took = started.elapsed();
        is_over.store(true, Ordering::Release);
        let (commits, log_bytes) = single.join().unwrap();
        Part { calls, took, commits, log_bytes }
    })
}

fn record(meter: &Meter, batch: &mut Vec<CallRecord>) {
    for answer in meter.record_calls(batch) {
        answer.unwrap();
    }
    batch.clear();
}

fn call(user: &str, at: Timestamp) -> CallRecord {
    let usage = Usage::tokens(1000, 200);
    let call = CallRecord::new(user, "gemini", "gemini-2.5-flash", usage);
    CallRecord { occurred_at: Some(at), ..call }
}

fn read_times(meter: &Meter, users: usize, done: usize) -> String {
    const READS: usize = 1000;
    let user = |number: usize| format!("user-{}", number * 104_729 % users);
    let timed = |read: &dyn Fn(usize)| {
        let took = |number| {
            let started = Instant::now();
            read(number);
            started.elapsed()
        };
        let durations: Vec<_> = (0..READS).map(took).collect();
        format!("{} / {}", percentile(&durations, 50), percentile(&durations, 99))
    };
    let summary = timed(&|number| {
        meter.usage_summary(&user(number), &PeriodChoice::Current).unwrap();
    });
    let check = timed(&|number| {
        let request = CallRequest::new(&user(number), "gemini", "gemini-2.5-flash");
        meter.check_limit(&request.with_tokens(1000, 200)).unwrap();
    });
    let page = timed(&|number| {
        meter.calls(&user(number), &CallFilter::default(), Page::default()).unwrap();
    });
    format!("| {done} | {summary} | {check} | {page} |")
}
