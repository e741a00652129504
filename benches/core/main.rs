//! The core against bare SQLite: the same statements by hand in rusqlite, in the same run.
//!
//! `cargo bench --bench core` prints a table; `-- --json FILE` writes the figures too. Every
//! figure is the median of interleaved rounds, and stands beside the state of the disk.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::float_arithmetic)]
#![allow(clippy::cast_precision_loss, reason = "rates for people")]

mod bare;
mod disk;
mod report;
mod rounds;

use std::time::{Duration, Instant};

use alwrity_metering::{CallDetails, CallRecord, CallRequest, Meter, Options, Synchronous, Usage};

use bare::Bare;
use report::{Goal, Report};
use rounds::{interleaved, median};

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let mut report = Report::new(disk::fsync_us(folder.path()));
    alone_at_full(folder.path(), &mut report);
    batches_at_normal(folder.path(), &mut report);
    threads_at_full(folder.path(), &mut report);
    checks(folder.path(), &mut report);
    quotes(folder.path(), &mut report);
    bytes_a_call(folder.path(), &mut report);
    report.finish();
}

/// A realistic record of the `n`-th call of 100 users.
fn record(n: usize) -> CallRecord {
    let user = format!("user-{}", n % 100);
    let (input, output) = (400 + (n * 37) % 1500, 50 + (n * 13) % 700);
    let usage = Usage::tokens(i64::try_from(input).unwrap(), i64::try_from(output).unwrap());
    CallRecord {
        details: CallDetails {
            response_time_ms: Some(300 + i64::try_from(n * 7 % 4000).unwrap()),
            ..CallDetails::default()
        },
        ..CallRecord::new(&user, "openai", "gpt-4o-mini", usage)
    }
}

fn meter(folder: &std::path::Path, name: &str, synchronous: Synchronous) -> Meter {
    let options = Options { synchronous, ..Options::default() };
    let meter = Meter::open(folder.join(name), options).unwrap();
    meter.seed("default").unwrap();
    for user in 0..100 {
        meter
            .subscribe(&format!("user-{user}"), &alwrity_metering::Subscribe::monthly("pro"))
            .unwrap();
    }
    meter
}

fn alone_at_full(folder: &std::path::Path, report: &mut Report) {
    const CALLS: usize = 200;
    let ours = meter(folder, "alone.db", Synchronous::Full);
    let mut bare = Bare::open(&folder.join("alone-bare.db"), "full");
    let mut n = 0;
    let (ours, bare) = interleaved(
        9,
        || {
            let started = Instant::now();
            for _ in 0..CALLS {
                n += 1;
                ours.record_call(&record(n)).unwrap();
            }
            started.elapsed()
        },
        || bare.one_by_one(CALLS),
    );
    report.rate("record_call alone, FULL", CALLS, &ours, &bare, Goal::AtLeast(0.8));
}

fn batches_at_normal(folder: &std::path::Path, report: &mut Report) {
    const BATCHES: usize = 20;
    let ours = meter(folder, "batch.db", Synchronous::Normal);
    let mut bare = Bare::open(&folder.join("batch-bare.db"), "normal");
    let mut n = 0;
    let (ours, bare) = interleaved(
        9,
        || {
            let batches: Vec<Vec<CallRecord>> = (0..BATCHES)
                .map(|_| {
                    n += 100;
                    (n..n + 100).map(record).collect()
                })
                .collect();
            let started = Instant::now();
            for batch in &batches {
                assert!(ours.record_calls(batch).iter().all(Result::is_ok));
            }
            started.elapsed()
        },
        || bare.in_batches(BATCHES, 100),
    );
    report.rate("record_calls of 100, NORMAL", BATCHES * 100, &ours, &bare, Goal::AtLeast(0.6));
}

fn threads_at_full(folder: &std::path::Path, report: &mut Report) {
    const THREADS: usize = 64;
    const CALLS: usize = 60;
    let ours = meter(folder, "threads.db", Synchronous::Full);
    let bare = Bare::open(&folder.join("threads-bare.db"), "full");
    let group = bare::Group::start(bare);
    let parallel = |one: &(dyn Fn(usize) + Sync)| -> Duration {
        let started = Instant::now();
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                scope.spawn(move || {
                    for call in 0..CALLS {
                        one(thread * CALLS + call);
                    }
                });
            }
        });
        started.elapsed()
    };
    let (ours, bare) = interleaved(
        7,
        || parallel(&|n| drop(ours.record_call(&record(n)).unwrap())),
        || parallel(&|n| group.record(n)),
    );
    report.rate("record_call, 64 threads, FULL", THREADS * CALLS, &ours, &bare, Goal::AtLeast(0.7));
}

fn checks(folder: &std::path::Path, report: &mut Report) {
    const CHECKS: usize = 2000;
    let ours = meter(folder, "checks.db", Synchronous::Normal);
    for n in 0..2000 {
        ours.queue_call(&record(n)).unwrap();
    }
    ours.flush().unwrap();
    let bare = Bare::open(&folder.join("checks.db"), "normal");
    let request = CallRequest::new("user-7", "openai", "gpt-4o-mini").with_tokens(900, 300);
    let (ours, bare) = interleaved(
        9,
        || {
            let started = Instant::now();
            for _ in 0..CHECKS {
                assert!(ours.check_limit(&request).unwrap().allowed);
            }
            started.elapsed()
        },
        || {
            let started = Instant::now();
            for n in 0..CHECKS {
                bare.point_read(i64::try_from(n).unwrap() % 2000 + 1);
            }
            started.elapsed()
        },
    );
    report.time("check_limit ÷ bare point read", CHECKS, &ours, &bare, Goal::AtMost(6.0));
}

fn quotes(folder: &std::path::Path, report: &mut Report) {
    const QUOTES: usize = 100_000;
    let ours = meter(folder, "quotes.db", Synchronous::Normal);
    let call = record(1);
    let rounds: Vec<Duration> = (0..9)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..QUOTES {
                assert!(ours.quote(&call).unwrap().cost_usd.is_some());
            }
            started.elapsed()
        })
        .collect();
    let micros = median(&rounds).as_secs_f64() * 1e6 / QUOTES as f64;
    report.figure("quote", micros, "µs", Goal::AtMost(1.0));
}

fn bytes_a_call(folder: &std::path::Path, report: &mut Report) {
    const CALLS: usize = 50_000;
    let path = folder.join("bytes.db");
    let ours = meter(folder, "bytes.db", Synchronous::Normal);
    let size = || {
        let table =
            ours.query("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
        match table.ok().and_then(|table| table.rows.into_iter().flatten().next()) {
            Some(alwrity_metering::Cell::Integer(bytes)) => bytes as f64,
            _ => std::fs::metadata(&path).unwrap().len() as f64,
        }
    };
    let before = size();
    for n in 0..CALLS {
        ours.queue_call(&record(n)).unwrap();
    }
    ours.flush().unwrap();
    drop(ours.verify());
    report.figure("bytes a call", (size() - before) / CALLS as f64, "B", Goal::AtMost(190.0));
}
