//! `limits`, `subscribe`.

use serde_json::Value;

use crate::bench::{Bench, words};

fn limit<'a>(limits: &'a Value, name: &str) -> &'a Value {
    let list = limits["limits"].as_array().unwrap();
    list.iter().find(|limit| limit["name"] == name).unwrap()
}

#[test]
fn limits_of_a_user_that_was_never_seen_are_those_of_the_default_plan() {
    let bench = Bench::new();
    let limits = bench.json(&["limits", "u1"]);
    assert_eq!(limits["plan_id"], "free");
    assert_eq!(limit(&limits, "gemini_calls")["maximum"], 100);
    assert_eq!(limit(&limits, "monthly_cost")["maximum"], "2");
    assert!(limit(&limits, "ai_text_generation_calls")["maximum"].is_null());
    assert_eq!(bench.run(&["users"]).out, "no users\n");
}

#[test]
fn a_user_is_given_limits_of_its_own_and_they_end() {
    let bench = Bench::new();
    let file = bench.write(
        "plan.toml",
        concat!(
            "[[plan]]\nid = \"free\"\nname = \"Free\"\ntier = \"free\"\n",
            "price_monthly_usd = \"0\"\nprice_yearly_usd = \"0\"\n",
            "[[plan.limit]]\nname = \"gemini_calls\"\nmetric = \"calls\"\nprovider = \"gemini\"\n",
            "maximum = \"100\"\n",
        ),
    );
    assert_eq!(bench.run(&["plans", "set", &file]).code, 0);
    let set = |args: &[&str]| bench.run_at_noon(&[&["limits", "set", "u1"], args].concat());
    set(&["gemini_calls", "50", "--note", "asked for less"])
        .shows(include_str!("shown/a_user_is_given_limits_of_its_own_and_they_end.txt"));
    assert_eq!(set(&["gemini_calls", "5", "--boost"]).code, 0);
    let scope =
        words("spend 1.25 --metric cost_usd --provider openai --operation chat --window day");
    let rest = words("--thresholds 50,100 --until 2025-12-01T00:00:00Z");
    let own = [&scope[..], &["--policy", "grace 10%"], &rest].concat();
    assert_eq!(set(&own).code, 0);
    let limits = bench.json(&["limits", "u1"]);
    assert_eq!(limit(&limits, "gemini_calls")["maximum"], 55);
    let spend = limit(&limits, "spend");
    for (name, value) in [
        ("maximum", "1.25"),
        ("metric", "cost_usd"),
        ("provider", "openai"),
        ("operation", "chat"),
        ("window", "day"),
        ("policy", "grace 10%"),
    ] {
        assert_eq!(spend[name], value, "{spend}");
    }
    assert_eq!(spend["thresholds"], serde_json::json!([50, 100]));

    let cleared = bench.json(&["limits", "clear", "u1", "gemini_calls"]);
    assert_eq!(limit(&cleared, "gemini_calls")["maximum"], 100);
    bench.run_at_noon(&["limits", "clear", "u1", "gemini_calls"]).shows(
        "
        exit 1
        --- err
        error: unknown limit `gemini_calls`
        hint: list the names with `limits USER`
        ",
    );
}

#[test]
fn a_new_limit_needs_a_metric() {
    let bench = Bench::new();
    let ran = bench.run(&["limits", "set", "u1", "spend", "1"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.err.starts_with("error: unknown limit `spend`\nhint: "), "{ran}");
}

#[test]
fn a_user_may_be_named_like_a_subcommand() {
    let bench = Bench::new();
    assert_eq!(bench.json(&["limits", "--", "set"])["user"], "set");
}

#[test]
fn a_user_is_subscribed_once() {
    let bench = Bench::new();
    let subscribe = ["subscribe", "u1", "--plan", "pro", "--cycle", "yearly"];
    bench.run_at_noon(&subscribe).shows(
        "
        exit 0
        --- out
        user            u1
        plan_id         pro
        billing_cycle   yearly
        status          active
        anchor          2025-10-07T12:00:00Z
        starts_at       2025-10-07T12:00:00Z
        usage_period    2025-10-07T12:00:00Z to 2025-11-07T12:00:00Z
        billing_period  2025-10-07T12:00:00Z to 2026-10-07T12:00:00Z
        is_repeat       false
        ",
    );
    let again = bench.json(&subscribe);
    assert_eq!(again["is_repeat"], true);
    assert_eq!(again["plan_id"], "pro");
    assert_eq!(again["billing_cycle"], "yearly");
    assert_eq!(again["anchor"], "2025-10-07T12:00:00Z");
    assert_eq!(bench.run(&["users"]).out, "u1\n");
    let anchored = ["subscribe", "u2", "--plan", "basic", "--anchor", "2025-09-30T00:00:00Z"];
    let receipt = bench.json(&anchored);
    assert_eq!(receipt["usage_period"]["starts_at"], "2025-09-30T00:00:00Z");
    assert_eq!(receipt["billing_cycle"], "monthly");
}

#[test]
fn an_unknown_plan_names_those_that_exist() {
    let bench = Bench::new();
    bench.run_at_noon(&["subscribe", "u1", "--plan", "gold"]).shows(
        "
        exit 1
        --- err
        error: unknown plan `gold`: known are free, basic, pro, enterprise
        hint: seed the plans with `init`, or add one with `plans set`
        ",
    );
}
