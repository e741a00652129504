//! Growth: millions of calls into one file, and whether anything becomes slower.
//!
//! `CALLS` (10 million), `USERS` (10 000) and `FOLDER` (a temporary one) come from the
//! environment. It prints tables in Markdown; docs/reliability.md keeps the last ones.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program that measures stops at the first thing that is wrong"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use alwrity_metering::{
    CallFilter, CallRecord, CallRequest, Meter, Options, Page, PeriodChoice, Subscribe, Timestamp,
    Usage,
};

mod listener;

use listener::{Heard, Listener};

const BATCH: usize = 256;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let (calls, users) = (number("CALLS", 10_000_000), number("USERS", 10_000));
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
    let commit = "commit p50 | p99 | longest";
    println!(
        "| calls | a second | {commit} | stalls | p50 | longest | log at most | bytes a call |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let listener = Listener::start();
    let start = Timestamp::from_micros(meter.now().micros()).unwrap();
    let (mut reads, mut waits) = (Vec::new(), Vec::new());
    let mut done = 0;
    for end in std::iter::once(calls / 100).chain((1..=10).map(|tenth| calls * tenth / 10)) {
        drop(listener.take());
        let part = load(&meter, &path, start, users, done..end);
        done = end;
        println!("{}", part.row(&listener.take(), done, &path));
        if [calls / 100, calls / 10, calls].contains(&done) {
            reads.push(read_times(&meter, users, done));
            waits.push(wait_times(&meter, &listener, start, users, done));
            // A run that is ended early has told this much.
            eprintln!("{}\n{}", reads.join("\n"), waits.join("\n"));
        }
    }
    println!("\n| calls | `usage_summary` p50 / p99 | `check_limit` | a page of `calls` |");
    println!("|---|---|---|---|");
    for row in &reads {
        println!("{row}");
    }
    println!("\n| calls | a second, one at a time | p50 | p99 | longest | stalls | longest |");
    println!("|---|---|---|---|---|---|---|");
    for row in &waits {
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
    log_bytes: u64,
}

impl Part {
    fn row(&self, heard: &Heard, done: usize, path: &Path) -> String {
        let rate = self.calls * 1000 / usize::try_from(self.took.as_millis()).unwrap().max(1);
        let [p50, p99, longest] = [50, 99, 100].map(|percent| percentile(&heard.commits, percent));
        let stalls = &heard.stalls;
        let (often, stall, worst) = (stalls.len(), percentile(stalls, 50), percentile(stalls, 100));
        let bytes = usize::try_from(std::fs::metadata(path).unwrap().len()).unwrap() / done;
        let log = self.log_bytes >> 20;
        let commit = format!("{p50} | {p99} | {longest}");
        format!(
            "| {done} | {rate} | {commit} | {often} | {stall} | {worst} | {log} MiB | {bytes} |"
        )
    }
}

/// A percentile of some durations, for people.
fn percentile(durations: &[Duration], percent: usize) -> String {
    let mut sorted = durations.to_vec();
    if sorted.is_empty() {
        return "–".to_owned();
    }
    sorted.sort_unstable();
    let place = (sorted.len() * percent).div_ceil(100).clamp(1, sorted.len()) - 1;
    let us = sorted[place].as_micros();
    if us < 10_000 { format!("{us} µs") } else { format!("{} ms", us / 1000) }
}

/// Records calls in full batches.
fn load(
    meter: &Meter,
    path: &Path,
    start: Timestamp,
    users: usize,
    numbers: std::ops::Range<usize>,
) -> Part {
    let (calls, started) = (numbers.len(), Instant::now());
    let log = format!("{}-wal", path.display());
    let mut log_bytes = 0;
    let mut batch = Vec::with_capacity(BATCH);
    for number in numbers {
        // Users in a scattered order, as they come in life.
        let user = number * 7919 % users;
        let after_us = i64::try_from(number).unwrap() * 1000;
        batch.push(call(&format!("user-{user}"), start.plus_micros(after_us)));
        if batch.len() == BATCH {
            record(meter, &mut batch);
            log_bytes = std::fs::metadata(&log).map_or(log_bytes, |log| log.len().max(log_bytes));
        }
    }
    record(meter, &mut batch);
    Part { calls, took: started.elapsed(), log_bytes }
}

/// How long callers wait that record one call at a time, as a service does, from four threads.
fn wait_times(
    meter: &Meter,
    listener: &Listener,
    start: Timestamp,
    users: usize,
    done: usize,
) -> String {
    const THREADS: usize = 4;
    const EACH: usize = 5_000;
    drop(listener.take());
    let started = Instant::now();
    let waits: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    let wait = |number: usize| {
                        let user = (number * THREADS + thread) * 7919 % users;
                        let begun = Instant::now();
                        meter.record_call(&call(&format!("user-{user}"), start)).unwrap();
                        begun.elapsed()
                    };
                    (0..EACH).map(wait).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let milliseconds = usize::try_from(started.elapsed().as_millis()).unwrap().max(1);
    let rate = waits.len() * 1000 / milliseconds;
    let [p50, p99, longest] = [50, 99, 100].map(|percent| percentile(&waits, percent));
    let stalls = listener.take().stalls;
    let (often, stall) = (stalls.len(), percentile(&stalls, 100));
    format!("| {done} | {rate} | {p50} | {p99} | {longest} | {often} | {stall} |")
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
