//! A million calls into one file: whether the last ones are as fast as the first.

use std::path::Path;
use std::time::{Duration, Instant};

use alwrity_metering::{CallDetails, CallRecord, Meter, Options, Subscribe, Usage};

use crate::bare::Bare;
use crate::number;

const BATCH: usize = 256;
const TENTHS: usize = 10;

pub(crate) fn measure(folder: &Path) {
    let batches = number("CALLS", 1_000_000) / TENTHS / BATCH;
    let ours = Meter::open(folder.join("million.db"), Options::default()).unwrap();
    ours.seed("default").unwrap();
    for user in 0..100 {
        let plan = Subscribe::monthly("pro").waived("a measurement");
        ours.subscribe(&format!("user-{user}"), &plan).unwrap();
    }
    let mut bare = Bare::open(&folder.join("million-bare.db"), "full");
    let mut next = 0;
    let mut tenth_of_ours = || -> Duration {
        let records: Vec<Vec<CallRecord>> = (0..batches)
            .map(|_| {
                next += BATCH;
                (next - BATCH..next).map(record).collect()
            })
            .collect();
        let started = Instant::now();
        for batch in &records {
            assert!(ours.record_calls(batch).iter().all(Result::is_ok));
        }
        started.elapsed()
    };
    println!("{} calls at FULL, in batches of {BATCH}, a second\n", batches * BATCH * TENTHS);
    println!("| tenth | ours | bare | ours ÷ bare |");
    println!("|---|---|---|---|");
    let mut rates = Vec::new();
    for tenth in 1..=TENTHS {
        let rate = |took: Duration| (batches * BATCH) as f64 / took.as_secs_f64();
        let (ours, bare) = (rate(tenth_of_ours()), rate(bare.in_batches(batches, BATCH)));
        println!("| {tenth} | {ours:.0} | {bare:.0} | {:.2} |", ours / bare);
        rates.push((ours, bare));
    }
    let (first, last) = (rates[0], rates[TENTHS - 1]);
    let (ours, bare) = (last.0 / first.0, last.1 / first.1);
    println!("\nlast ÷ first tenth: ours {ours:.2}, bare {bare:.2}");
    let met = if ours >= 0.8 * bare { "yes" } else { "NO" };
    println!("ours is {:.2} of bare's; goal ≥ 0.80, met: {met}", ours / bare);
}

fn record(n: usize) -> CallRecord {
    let user = format!("user-{}", n % 100);
    let quantity = |number: usize| i64::try_from(number).unwrap();
    let usage = Usage::tokens(quantity(400 + (n * 37) % 1500), quantity(50 + (n * 13) % 700));
    let response_time_ms = Some(quantity(300 + n * 7 % 4000));
    let details = CallDetails { response_time_ms, ..CallDetails::default() };
    CallRecord { details, ..CallRecord::new(&user, "openai", "gpt-4o-mini", usage) }
}
