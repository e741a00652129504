//! A limit that holds under threads: `cargo run --example enforce`.
//!
//! Eight threads want 40 calls each, 320 in all; the plan has room for 100. Exactly 100 are made.
#![allow(clippy::print_stdout)]

use std::thread;

use alwrity_metering::{CallRequest, Meter, Options, PeriodChoice, Reservation, Usage};

const THREADS: usize = 8;
const CALLS_EACH: usize = 40;

/// One worker: reserve, call, settle. How many calls it could make.
fn work(meter: &Meter) -> alwrity_metering::Result<usize> {
    let mut made = 0;
    for _ in 0..CALLS_EACH {
        let request = CallRequest::new("ada", "gemini", "gemini-2.5-flash").with_tokens(300, 200);
        match meter.reserve(&request)? {
            Reservation::Granted(hold) => {
                // … the call itself: here it used less than was held, and the rest is free again …
                meter.settle("ada", hold.hold_id, &Usage::tokens(300, 120).into())?;
                made += 1;
            }
            Reservation::Refused(decision) => {
                // What the host shows, with the time at which it may be tried again.
                assert!(decision.message.contains("resets at"), "{}", decision.message);
            }
            Reservation::Duplicate(_) => {}
        }
    }
    Ok(made)
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let meter = Meter::open(folder.path().join("metering.db"), Options::default())?;
    meter.seed("default")?;

    let made = thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| work(&meter))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(Ok(0))).sum::<Result<usize, _>>()
    })?;

    let summary = meter.usage_summary("ada", &PeriodChoice::Current)?;
    println!("{made} of {} calls were made", THREADS * CALLS_EACH);
    println!("{} tokens, ${}", summary.total_tokens, summary.total_cost);
    assert_eq!((made, summary.total_calls), (100, 100), "the limit of the free plan holds");
    Ok(())
}
