//! `dashboard`, `trends`, `compare`, `hints`.

use crate::bench::{Bench, words};

/// A store with October's first week: 80 Gemini calls, some of another provider and a failure.
fn bench() -> Bench {
    let bench = Bench::new();
    let record = |line: &str, more: &[&str]| {
        let args: Vec<&str> = words(line).into_iter().chain(more.iter().copied()).collect();
        let ran = bench.run_at_noon(&[&["record", "u1"], &args[..]].concat());
        assert_eq!(ran.code, 0, "{ran}");
    };
    let gemini =
        "--provider gemini --model gemini-2.5-flash --input-tokens 8000 --output-tokens 800";
    record(gemini, &["--count", "80", "--occurred-at", "2025-10-01T01:00:00Z"]);
    let gpt = "--provider openai --model gpt-4o --input-tokens 10000 --output-tokens 1000";
    record(gpt, &["--response-time-ms", "1200"]);
    record("--provider openai --model gpt-4o", &["--status-code", "503"]);
    bench
}

#[test]
fn a_dashboard_is_one_glance() {
    bench()
        .run_at_noon(&["dashboard", "u1"])
        .shows(include_str!("shown/a_dashboard_is_one_glance.txt"));
}

#[test]
fn trends_have_bars_and_sparklines() {
    let bench = bench();
    bench
        .run_at_noon(&["trends", "u1", "--months", "3"])
        .shows(include_str!("shown/trends_have_bars_and_sparklines.txt"));
    let days = bench.json(&["trends", "u1", "--days", "7"]);
    assert_eq!(days["periods"][0], "2025-10-01");
    assert_eq!(days["total_calls"], serde_json::json!([80, 0, 0, 0, 0, 0, 2]));
    let ran = bench.run_at_noon(&["trends", "u1", "--months", "25"]);
    assert_eq!(ran.code, 2, "{ran}");
}

#[test]
fn providers_and_models_stand_side_by_side() {
    bench()
        .run_at_noon(&["compare", "u1", "--sla-ms", "2000"])
        .shows(include_str!("shown/providers_and_models_stand_side_by_side.txt"));
}

#[test]
fn hints_name_cheaper_models() {
    let bench = bench();
    let ran = bench.run_at_noon(&["hints", "u1", "--same-provider"]);
    ran.shows(include_str!("shown/hints_name_cheaper_models.txt"));
    let json = bench.json(&["hints", "u1", "--same-provider"]);
    assert_eq!(json["hints"][0]["cost"], "0.035");
    assert_eq!(json["hints"][0]["cheaper"][0]["cost"], "0.0021");
    assert_eq!(json["saving_max"], "0.03336");
}

#[test]
fn a_report_about_nobody_is_empty() {
    let bench = Bench::new();
    for (args, shown) in [
        ("compare nobody", "no calls from 2025-09-08 to 2025-10-07\n"),
        ("hints nobody", "no cheaper model for the use from 2025-09-08 to 2025-10-07\n"),
        ("alerts nobody", "no alerts\n"),
    ] {
        assert_eq!(bench.run_at_noon(&words(args)).out, shown);
    }
    assert_eq!(bench.run_at_noon(&["dashboard", "nobody"]).code, 0);
    assert_eq!(bench.run(&["users"]).out, "no users\n");
}
