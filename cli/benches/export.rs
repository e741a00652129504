//! How many rows a second `export` writes, from a store of 300 000 realistic calls.
//!
//! `cargo bench --bench export` prints a table; `-- --json FILE` writes the figures too.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::float_arithmetic)]
#![allow(clippy::cast_precision_loss, reason = "rates for people")]

use std::collections::BTreeMap;
use std::time::Instant;

use alwrity_metering::{CallDetails, CallRecord, Meter, Options, Synchronous, Usage};
use alwrity_metering_cli::{Streams, run_on};

const CALLS: usize = 300_000;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("metering.db");
    fill(&db);
    let mut figures: BTreeMap<&str, f64> = BTreeMap::new();
    for format in ["csv", "jsonl"] {
        let rounds = (0..5).map(|round| {
            let file = folder.path().join(format!("calls-{round}.{format}"));
            let words = ["export", "calls", "--format", format, "--to", file.to_str().unwrap()];
            let args = ["--db", db.to_str().unwrap()].into_iter().chain(words);
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let streams = &mut Streams {
                out: &mut out,
                err: &mut err,
                is_out_terminal: false,
                is_err_terminal: false,
            };
            let started = Instant::now();
            let code = run_on(args.map(Into::into), &[], streams);
            let taken = started.elapsed();
            assert_eq!(code, 0, "{}", String::from_utf8_lossy(&err));
            std::fs::remove_file(&file).unwrap();
            CALLS as f64 / taken.as_secs_f64()
        });
        let mut rates: Vec<f64> = rounds.collect();
        rates.sort_by(f64::total_cmp);
        let rate = rates[rates.len() / 2];
        let goal = match format {
            "csv" if rate >= 300_000.0 => "  ≥ 300000 yes",
            "csv" => "  ≥ 300000 NO",
            _ => "",
        };
        println!("{format:<6} {rate:>10.0} rows/s{goal}");
        figures.insert(format, rate);
    }
    if let Some(path) = std::env::args().skip_while(|arg| arg != "--json").nth(1) {
        std::fs::write(path, serde_json::to_string_pretty(&figures).unwrap()).unwrap();
    }
}

fn fill(db: &std::path::Path) {
    let options = Options { synchronous: Synchronous::Normal, ..Options::default() };
    let meter = Meter::open(db, options).unwrap();
    meter.seed("default").unwrap();
    for n in 0..CALLS {
        let number = |n: usize| i64::try_from(n).unwrap();
        let usage = Usage::tokens(number(400 + n * 37 % 1500), number(50 + n * 13 % 700));
        let call = CallRecord {
            details: CallDetails {
                response_time_ms: Some(300 + number(n * 7 % 4000)),
                endpoint: Some("/v1/chat/completions".into()),
                method: Some("POST".into()),
                ..CallDetails::default()
            },
            ..CallRecord::new(&format!("user-{}", n % 100), "openai", "gpt-4o-mini", usage)
        };
        meter.queue_call(&call).unwrap();
    }
    meter.flush().unwrap();
}
