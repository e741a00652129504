//! `check`, `reserve`, `settle`, `release`.

use crate::bench::Bench;

const GEMINI: [&str; 4] = ["--provider", "gemini", "--model", "gemini-2.5-flash"];
const TOKENS: [&str; 4] = ["--input-tokens", "1000", "--max-output-tokens", "200"];

fn command(verb: &str, more: &[&str]) -> Vec<String> {
    let parts = [&[verb, "u1"][..], &GEMINI, more].concat();
    parts.into_iter().map(str::to_owned).collect()
}

fn borrowed(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

#[test]
fn check_allows_or_refuses_by_its_exit_code() {
    let bench = Bench::new();
    bench.run_at_noon(&borrowed(&command("check", &TOKENS))).shows(
        "
        exit 0
        --- out
        decision  allowed
        message   within all limits
        user      u1
        plan_id   free
        cost      $0.0002
        tightest  gemini_calls: used 0, held 0, wanted 1, of 100
        ",
    );
    let many = command("check", &[&TOKENS[..], &["--count", "101"]].concat());
    bench
        .run_at_noon(&borrowed(&many))
        .shows(include_str!("shown/check_allows_or_refuses_by_its_exit_code.txt"));
    let mut json = borrowed(&many);
    json.push("--json");
    let refused = bench.run_at_noon(&json);
    assert_eq!(refused.code, 3);
    let decision = refused.json();
    assert_eq!(decision["allowed"], false);
    assert_eq!(decision["reason"], "limit_reached");
    assert_eq!(decision["limit"]["name"], "gemini_calls");
    assert_eq!(decision["limit"]["remaining"], 100);
    assert_eq!(bench.run(&["users"]).out, "no users\n", "a check leaves no trace");
}

#[test]
fn what_is_not_in_the_plan_is_refused() {
    let bench = Bench::new();
    let ran = bench.run_at_noon(&["check", "u1", "--provider", "wavespeed", "--json"]);
    assert_eq!(ran.code, 3);
    assert_eq!(ran.json()["reason"], "not_in_plan");
}

#[test]
fn a_hold_is_reserved_and_settled() {
    let bench = Bench::new();
    let reserve = command("reserve", &[&TOKENS[..], &["--key", "k1"]].concat());
    bench.run_at_noon(&borrowed(&reserve)).shows(
        "
        exit 0
        --- out
        decision         granted
        hold_id          16065aa26bf84ea672ef44642ff43455
        idempotency_key  k1
        user             u1
        provider         gemini
        model            gemini-2.5-flash
        operation        chat
        cost             $0.0002
        is_price_known   true
        expires_at       2025-10-07T12:10:00Z
        is_repeat        false
        tightest         gemini_tokens: used 0, held 1200, wanted 0, of 100000
        ",
    );
    let repeat = bench.json(&borrowed(&reserve));
    assert_eq!(repeat["outcome"], "granted");
    assert_eq!(repeat["is_repeat"], true);
    let hold = repeat["hold_id"].as_str().unwrap().to_owned();
    let limits = bench.json(&["limits", "u1"]);
    let tokens = limits["limits"].as_array().unwrap().iter().find(|l| l["name"] == "gemini_tokens");
    assert_eq!(tokens.unwrap()["held"], 1200);

    let settle = ["settle", "u1", &hold, "--input-tokens", "1000", "--output-tokens", "300"];
    let receipt = bench.json(&settle);
    assert_eq!(receipt["status"], "recorded");
    assert_eq!(receipt["cost_usd"], "0.0002375");
    assert_eq!(receipt["overshoot"]["tokens"], 100);
    assert_eq!(bench.json(&settle)["status"], "duplicate");
    let again = bench.json(&borrowed(&reserve));
    assert_eq!(
        (again["outcome"].as_str(), again["status"].as_str()),
        (Some("duplicate"), Some("duplicate"))
    );
    let other = ["settle", "u1", &hold, "--input-tokens", "1"];
    let ran = bench.run_at_noon(&other);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("hint: use one key for one call"), "{ran}");
}

#[test]
fn a_hold_that_is_refused_ends_with_3() {
    let bench = Bench::new();
    let reserve = command("reserve", &["--input-tokens", "100001"]);
    let ran = bench.run_at_noon(&borrowed(&reserve));
    assert_eq!(ran.code, 3, "{ran}");
    assert!(ran.out.starts_with("decision         refused\n"), "{ran}");
}

#[test]
fn a_hold_is_released_once() {
    let bench = Bench::new();
    let reserve = command("reserve", &[&TOKENS[..], &["--key", "k1", "--ttl-ms", "5000"]].concat());
    let granted = bench.json(&borrowed(&reserve));
    assert_eq!(granted["expires_at"], "2025-10-07T12:00:05Z");
    let hold = granted["hold_id"].as_str().unwrap();
    assert_eq!(bench.json(&["release", "u1", hold])["status"], "released");
    let ran = bench.run_at_noon(&["release", "u1", hold]);
    assert_eq!(ran.out, format!("`{hold}` counted no more already\n"));
    bench.run_at_noon(&["release", "u1", "00000000000000000000000000000000"]).shows(
        "
        exit 1
        --- err
        error: unknown hold `00000000000000000000000000000000`
        hint: record the call with `record_call`, which needs no hold
        ",
    );
}
