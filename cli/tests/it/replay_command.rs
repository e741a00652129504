//! `replay` without limits: every row once, whatever the jobs, however often.

use alwrity_metering::Money;
use serde_json::Value;

use crate::bench::{Bench, Ran, words};
use crate::trace::trace;

const MINI: [&str; 4] = ["--provider", "openai", "--model", "gpt-4o-mini"];
const START: [&str; 4] = ["--start", "2025-10-01T00:00:00Z", "--synchronous", "normal"];

fn replay(bench: &Bench, file: &str, more: &[&str]) -> Ran {
    let users = ["replay", file, "--users", "7", "--plan", "pro"];
    bench.run(&[&users[..], &MINI, &START, more].concat())
}

fn summary(ran: &Ran) -> Value {
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran}");
    ran.json()
}

#[test]
fn every_row_is_recorded_once_by_one_job_or_by_four() {
    let trace = trace(600);
    let (input, output) = trace.tokens();
    // $0.15 and $0.60 a million tokens, in pico-dollars a token.
    let cost = Money::from_pico_usd(input * 150_000 + output * 600_000).to_string();
    for jobs in ["1", "4"] {
        let bench = Bench::new();
        let file = bench.write("trace.csv", &trace.text);
        let first = summary(&replay(&bench, &file, &["--jobs", jobs, "--json"]));
        assert_eq!(first["recorded"], 600);
        for name in ["duplicates", "refused", "unpriced"] {
            assert_eq!(first[name], 0, "{name}");
        }
        assert_eq!(first["input_tokens"], input);
        assert_eq!(first["output_tokens"], output);
        assert_eq!(first["cost_usd"], cost);
        assert!(first["elapsed_s"].is_f64() && first["calls_per_s"].is_u64(), "{first}");
        assert!(first.get("refusals").is_none());

        // Again, by other jobs and through the limits: nothing changes.
        let sql = "select user_id, total_calls, total_tokens, total_cost from usage_summaries";
        let before = bench.json(&["query", sql]);
        for more in [&["--jobs", "3", "--json"][..], &["--enforce", "--json"]] {
            let again = summary(&replay(&bench, &file, more));
            assert_eq!(again["recorded"], 0);
            assert_eq!(again["duplicates"], 600);
            assert_eq!(again["cost_usd"], "0");
        }
        assert_eq!(bench.json(&["query", sql]), before);
        assert_eq!(bench.run(&["verify"]).code, 0);
        assert_eq!(bench.json(&["users"]).as_array().unwrap().len(), 7);
    }
}

#[test]
fn the_trace_is_moved_to_its_start_and_dealt_to_users() {
    let bench = Bench::new();
    let text = "when,in,out\n\
                2023-11-16 18:15:50.9951690,396,109\n\
                2023-11-16 18:15:46.6805909,374,44\n\
                2023-11-16 18:15:51.2224670,879,55\n";
    let file = bench.write("odd.csv", text);
    let args = words(
        "--time-column when --input-column in --output-column out --users 2 \
            --plan pro --start 2025-10-01T00:00:00Z",
    );
    let ran = bench.run(&[&["replay", &file][..], &MINI, &args].concat());
    let lines: Vec<&str> = ran.out.lines().take(7).collect();
    let expected = "\
recorded       3
duplicates     0
refused        0
unpriced       0
input_tokens   1649
output_tokens  208
cost_usd       0.00037215";
    assert_eq!(lines.join("\n"), expected, "{ran}");
    let at = |user: &str| {
        let calls = bench.json(&["calls", user])["calls"].clone();
        let times = calls.as_array().unwrap().iter().rev();
        times.map(|call| call["occurred_at"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // The earliest call, not the first row, is at the start; times are cut to microseconds.
    assert_eq!(at("user-0"), ["2025-10-01T00:00:04.314579Z", "2025-10-01T00:00:04.541877Z"]);
    assert_eq!(at("user-1"), ["2025-10-01T00:00:00Z"]);
    let limits = bench.json(&["limits", "user-1"]);
    assert_eq!(limits["plan_id"], "pro");
    assert_eq!(limits["usage_period"]["starts_at"], "2025-10-01T00:00:00Z");

    // The key of a row is the name of the file and its number, from 0 below the head.
    let again = words("record user-1 --key odd.csv:1 --input-tokens 374 --output-tokens 44");
    assert_eq!(bench.json(&[&again[..], &MINI].concat())["status"], "duplicate");
}

#[test]
fn a_row_that_was_recorded_as_another_call_is_named() {
    let bench = Bench::new();
    let file = bench.write("trace.csv", &trace(20).text);
    assert_eq!(replay(&bench, &file, &[]).code, 0);
    let other = ["replay", &file, "--users", "7", "--provider", "openai", "--model", "gpt-4o"];
    for jobs in ["1", "2"] {
        let ran = bench.run(&[&other[..], &START, &["--jobs", jobs]].concat());
        assert_eq!(ran.code, 1, "{ran}");
        let job = if jobs == "1" { "" } else { "job 0/2 failed: " };
        let expected = format!(
            "error: {job}row 0 of `trace.csv`: idempotency key `trace.csv:0` was used for another \
             call: `model` was `gpt-4o-mini`, now it is `gpt-4o`\n\
             hint: use one key for one call; repeat a call with exactly its own content\n"
        );
        assert_eq!(ran.err, expected);
    }
}

#[test]
fn a_trace_that_cannot_be_read_plays_nothing() {
    let bench = Bench::new();
    let head = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
    for (text, error) in [
        ("A,B\n1,2\n".to_owned(), "`~/t.csv` has no column `TIMESTAMP`: it has `A`, `B`"),
        (
            format!("{head}2023-11-16 18:15:46,1,2\nyesterday,1,2\n"),
            "line 3 of `~/t.csv`: invalid time",
        ),
        (format!("{head}2023-11-16 18:15:46,1.5,2\n"), "line 2 of `~/t.csv`: `1.5` is no count"),
        (format!("{head}2023-11-16 18:15:46,-1,2\n"), "line 2 of `~/t.csv`: `-1` is no count"),
        (format!("{head}2023-11-16 18:15:46,1\n"), "could not read `~/t.csv`: "),
    ] {
        let file = bench.write("t.csv", &text);
        let ran = replay(&bench, &file, &[]);
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.err.starts_with(&format!("error: {error}")), "{ran}");
        assert_eq!(bench.run(&["users"]).out, "no users\n");
    }
    let ran = replay(&bench, "nowhere.csv", &[]);
    assert!(ran.code == 1 && ran.err.starts_with("error: could not open `nowhere.csv`"), "{ran}");
    let empty = bench.write("t.csv", head);
    assert_eq!(summary(&replay(&bench, &empty, &["--json", "--jobs", "2"]))["recorded"], 0);
}

#[test]
fn unpriced_rows_are_counted() {
    let bench = Bench::new();
    let file = bench.write("trace.csv", &trace(10).text);
    let args = ["replay", &file, "--provider", "acme", "--model", "m", "--json"];
    let ran = summary(&bench.run(&args));
    assert_eq!((&ran["recorded"], &ran["unpriced"]), (&10.into(), &10.into()));
    assert_eq!(ran["cost_usd"], "0");
}
