//! The C library against the core itself: the same work from the same plain values, in turn.
//!
//! `make bench` compiles tests/c/bench.c against the library and names it in `C_BENCH`. That
//! program and this one take turns on stores of their own, so that a noisy neighbour hits both.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "rates for people")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use alwrity_metering::{
    CallDetails, CallRecord, CallRequest, Meter, Options, Subscribe, Synchronous, Usage,
};

const QUOTES: i64 = 5_000;
const CHECKS: i64 = 400;
const BATCHES: i64 = 4;
const BATCH: i64 = 100;
const ROUNDS: usize = 51;
/// The most that C may take for what the core does in 1.
const RATIO_MAX: f64 = 1.1;

fn main() {
    let Some(program) = std::env::var_os("C_BENCH") else {
        println!("`make bench` measures the C library: it names the compiled tests/c/bench.c");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut other = Other::start(Path::new(&program), folder.path());
    let meter = meter(&folder.path().join("rust.db"));
    let mut calls = 0;
    println!("{:<28} {:>10} {:>10} {:>7}  met", "what", "C", "Rust", "ratio");
    compare("quote", QUOTES, &mut other, || quote(&meter));
    compare("check_limit", CHECKS, &mut other, || check(&meter));
    compare("batch", BATCHES * BATCH, &mut other, || batch(&meter, &mut calls));
    other.end();
}

/// Measures one thing on both sides in turn, after a round that is thrown away.
fn compare(name: &str, count: i64, other: &mut Other, mut own: impl FnMut()) {
    let mut timed = || {
        let started = Instant::now();
        own();
        started.elapsed()
    };
    other.round(name);
    timed();
    let (theirs, ours): (Vec<_>, Vec<_>) =
        (0..ROUNDS).map(|_| (other.round(name), timed())).unzip();
    let micros = |rounds: Vec<Duration>| median(rounds).as_secs_f64() * 1e6 / count as f64;
    let (theirs, ours) = (micros(theirs), micros(ours));
    let ratio = theirs / ours;
    let met = if ratio <= RATIO_MAX { "yes" } else { "NO" };
    let what = if name == "batch" { "record_calls of 100, NORMAL" } else { name };
    println!("{what:<28} {theirs:>7.2} µs {ours:>7.2} µs {ratio:>7.2}  {met} (≤ {RATIO_MAX})");
}

fn median(mut rounds: Vec<Duration>) -> Duration {
    rounds.sort_unstable();
    rounds[rounds.len() / 2]
}

fn meter(path: &Path) -> Meter {
    let options = Options { synchronous: Synchronous::Normal, ..Options::default() };
    let meter = Meter::open(path, options).unwrap();
    meter.seed("default").unwrap();
    for user in 0..100 {
        let terms = Subscribe::monthly("pro").waived("test");
        meter.subscribe(&format!("user-{user}"), &terms).unwrap();
    }
    meter
}

fn quote(meter: &Meter) {
    for n in 0..QUOTES {
        let usage = Usage::tokens(400 + n % 1500, 50);
        let call = CallRecord::new("", "openai", "gpt-4o-mini", usage);
        assert!(meter.quote(&call).unwrap().cost_usd.is_some());
    }
}

fn check(meter: &Meter) {
    for _ in 0..CHECKS {
        let request = CallRequest::new("user-7", "openai", "gpt-4o-mini").with_tokens(900, 300);
        assert!(meter.check_limit(&request).unwrap().allowed);
    }
}

fn batch(meter: &Meter, calls: &mut i64) {
    for _ in 0..BATCHES {
        let records: Vec<CallRecord> = (*calls..*calls + BATCH).map(record).collect();
        *calls += BATCH;
        assert!(meter.record_calls(&records).iter().all(Result::is_ok));
    }
}

/// A realistic record of the `n`-th call of 100 users.
fn record(n: i64) -> CallRecord {
    let usage = Usage::tokens(400 + n * 37 % 1500, 50 + n * 13 % 700);
    let details =
        CallDetails { response_time_ms: Some(300 + n * 7 % 4000), ..CallDetails::default() };
    let user = format!("user-{}", n % 100);
    CallRecord { details, ..CallRecord::new(&user, "openai", "gpt-4o-mini", usage) }
}

/// The program in C.
struct Other {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Other {
    fn start(program: &Path, folder: &Path) -> Self {
        let mut child = Command::new(program)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the compiled tests/c/bench.c");
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, orders, answers }
    }

    fn round(&mut self, name: &str) -> Duration {
        writeln!(self.orders, "{name}").unwrap();
        let mut nanos = String::new();
        self.answers.read_line(&mut nanos).unwrap();
        Duration::from_nanos(nanos.trim().parse().expect("a round of the program in C"))
    }

    fn end(mut self) {
        drop(self.orders);
        assert!(self.child.wait().unwrap().success());
    }
}
