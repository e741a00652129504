//! `replay --enforce`: never over a limit, and nothing is refused that would have fitted.

use std::collections::HashMap;

use serde_json::Value;

use crate::bench::{Bench, Ran, words};
use crate::trace::{Call, trace};

const USERS: usize = 5;
const ROWS: usize = 400;

/// Plays a trace against Free users with one limit changed.
fn enforce(bench: &Bench, file: &str, more: &[&str]) -> Ran {
    let args = words(
        "--users 5 --plan free --provider gemini --model gemini-2.5-flash \
         --start 2025-10-01T00:00:00Z --enforce --json --synchronous normal",
    );
    bench.run(&[&["replay", file][..], &args, more].concat())
}

/// What a row wants of a limit, as `limits` counts it.
fn wanted(call: Call, limit: &str) -> i64 {
    match limit {
        "gemini_calls" => 1,
        "gemini_tokens" => call.input_tokens + call.output_tokens,
        // $0.125 and $0.375 a million tokens, in pico-dollars a token.
        "monthly_cost" => call.input_tokens * 125_000 + call.output_tokens * 375_000,
        other => panic!("{other} is no limit of this test"),
    }
}

/// A count, or dollars as pico-dollars.
fn number(amount: &Value) -> i64 {
    amount.as_i64().unwrap_or_else(|| {
        amount.as_str().unwrap().parse::<alwrity_metering::Money>().unwrap().pico_usd()
    })
}

/// Where every user stands with a limit: used, maximum.
fn standings(bench: &Bench, limit: &str) -> HashMap<String, (i64, i64)> {
    let of_user = |user: String| {
        let limits = bench.json(&["limits", &user]);
        let list = limits["limits"].as_array().unwrap().clone();
        let state = list.into_iter().find(|state| state["name"] == limit).unwrap();
        assert_eq!(number(&state["held"]), 0);
        (user, (number(&state["used"]), number(&state["maximum"])))
    };
    (0..USERS).map(|user| of_user(format!("user-{user}"))).collect()
}

#[track_caller]
fn refuses_only_what_does_not_fit(limit: &str, maximum: Option<&str>, jobs: &str) {
    let bench = Bench::new();
    let trace = trace(ROWS);
    let file = bench.write("trace.csv", &trace.text);
    for user in (0..USERS).map(|user| format!("user-{user}")) {
        if let Some(maximum) = maximum {
            let from = ["--from", "2025-10-01T00:00:00Z"];
            let set = [&["limits", "set", &user, limit, maximum][..], &from].concat();
            assert_eq!(bench.run(&set).code, 0);
        }
    }
    let refusals_to = bench.path("refusals.csv");
    let more = ["--jobs", jobs, "--list-refusals", "--refusals-to", refusals_to.to_str().unwrap()];
    let ran = enforce(&bench, &file, &more);
    assert_eq!(ran.code, 0, "{ran}");
    let summary = ran.json();
    let refusals = summary["refusals"].as_array().unwrap();
    assert_eq!(summary["refused"], refusals.len());
    assert_eq!(summary["recorded"], ROWS - refusals.len());
    assert!(refusals.len() > USERS && refusals.len() < ROWS - USERS, "{summary}");

    let standings = standings(&bench, limit);
    assert!(standings.values().all(|(used, maximum)| used <= maximum), "{standings:?}");
    for refusal in refusals {
        let row = usize::try_from(refusal["row"].as_u64().unwrap()).unwrap();
        assert_eq!(refusal["user"], format!("user-{}", row % USERS));
        assert_eq!(refusal["limit"], limit, "row {row}");
        let (used, maximum) = standings[refusal["user"].as_str().unwrap()];
        let wanted = wanted(trace.calls[row], limit);
        assert!(used + wanted > maximum, "row {row}: {used} + {wanted} fits {maximum}");
    }
    listed_as_in(&std::fs::read_to_string(refusals_to).unwrap(), refusals, &trace.calls);
    assert_eq!(bench.run(&["verify"]).code, 0);

    // Again: what was recorded is a duplicate, what was refused is refused.
    let again = enforce(&bench, &file, &["--jobs", "2"]).json();
    assert_eq!(again["recorded"], 0);
    assert_eq!(again["duplicates"], summary["recorded"]);
    assert_eq!(again["refused"], summary["refused"]);
}

/// The file of refused rows says the same as the answer.
fn listed_as_in(file: &str, refusals: &[Value], calls: &[Call]) {
    let mut lines = file.lines();
    assert_eq!(lines.next(), Some("row,user,limit,input_tokens,output_tokens"));
    for (line, refusal) in lines.by_ref().zip(refusals) {
        let row = refusal["row"].as_u64().unwrap();
        let Call { input_tokens, output_tokens } = calls[usize::try_from(row).unwrap()];
        let (user, limit) = (refusal["user"].as_str().unwrap(), refusal["limit"].as_str().unwrap());
        assert_eq!(line, format!("{row},{user},{limit},{input_tokens},{output_tokens}"));
    }
    assert_eq!(file.lines().count(), refusals.len() + 1);
}

#[test]
fn tokens_bind() {
    refuses_only_what_does_not_fit("gemini_tokens", None, "4");
}

#[test]
fn calls_bind() {
    refuses_only_what_does_not_fit("gemini_calls", Some("20"), "4");
}

#[test]
fn cost_binds() {
    refuses_only_what_does_not_fit("monthly_cost", Some("0.01"), "4");
}

#[test]
fn one_job_refuses_as_four_do() {
    refuses_only_what_does_not_fit("gemini_tokens", None, "1");
}

#[test]
fn a_hold_that_an_earlier_run_left_is_settled() {
    let bench = Bench::new();
    let trace = trace(1);
    let file = bench.write("trace.csv", &trace.text);
    let Call { input_tokens, output_tokens } = trace.calls[0];
    let tokens = format!("--input-tokens {input_tokens} --max-output-tokens {output_tokens}");
    let reserve = words(
        "reserve user-0 --provider gemini --model gemini-2.5-flash --key trace.csv:0 \
         --occurred-at 2025-10-01T00:00:00Z",
    );
    assert_eq!(bench.run(&[reserve, words(&tokens)].concat()).code, 0);
    let summary = enforce(&bench, &file, &[]).json();
    assert_eq!(summary["recorded"], 1);
    assert_eq!(summary["duplicates"], 0);
    assert_eq!(standings(&bench, "gemini_calls")["user-0"].0, 1);
}
