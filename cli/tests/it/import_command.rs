//! `import-alwrity`: what becomes of every row, once.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::alwrity::{Alwrity, Version, calls, full, import, imported};
use crate::bench::Bench;

/// Everything that an import may have written, by table.
fn content(bench: &Bench) -> Vec<Value> {
    let tables = ["calls", "counters", "users", "subscription_terms", "alerts", "outbox", "plans"];
    tables.map(|table| bench.json(&["query", &format!("select * from {table}")])).into()
}

#[test]
fn a_row_of_the_log_becomes_a_call() {
    let bench = Bench::new();
    let file = full(&bench.path("theirs.db"));
    let report = imported(&bench, &[file.path()]);
    assert_eq!((&report["logs_recorded"], &report["logs_known"]), (&json!(5), &json!(0)));
    assert_eq!((&report["users"], &report["files"]), (&json!(2), &json!(1)));
    assert_eq!(report["costs_rounded"], 1);
    assert_eq!(report["problems"], json!([]));
    let ada = calls(&bench, "ada");
    let shown = json!({
        "provider": "gemini", "operation": "chat", "model": "gemini-2.5-flash",
        "usage": {"input_tokens": 1000, "output_tokens": 200}, "usage_source": "reported",
        "call_count": 1, "status_code": 200, "occurred_at": "2025-09-16T10:00:00.250Z",
        "billing_period": "2025-09", "cost_usd": "0.3", "vendor_cost_usd": "0.3",
        "endpoint": "/api/blog", "method": "POST", "response_time_ms": 1234,
        "request_size_bytes": 10, "user_agent": "curl", "ip_address": "127.0.0.1",
        "tags": {"imported_from": "alwrity"}
    });
    for (name, value) in shown.as_object().unwrap() {
        assert_eq!(&ada[0][name], value, "{name}");
    }
    assert!(ada[0].get("actual_provider").is_none(), "Google is Gemini's own");
    let names = |call: &Value| {
        ["provider", "operation", "model", "cost_usd"].map(|name| call[name].clone())
    };
    assert_eq!(names(&ada[1]), ["wavespeed", "video_generation", "alibaba/wan-2.5", "0.25"]);
    assert_eq!((&ada[2]["status_code"], &ada[2]["cost_usd"]), (&json!(503), &json!("0")));
    assert_eq!(ada[2]["error_message"], "no key [redacted]");
    let bob = calls(&bench, "bob");
    assert_eq!(names(&bob[0]), ["mistral", "chat", "", "0.0064"]);
    assert_eq!((&bob[0]["call_count"], &bob[0]["endpoint"]), (&json!(40), &json!("[AGGREGATED]")));
    assert_eq!(names(&bob[1]), ["tavily", "search", "", "0.00001"]);
    assert_eq!(bench.run(&["verify"]).code, 0);
}

#[test]
fn a_subscription_and_its_renewals_become_a_history() {
    let bench = Bench::new();
    let file = full(&bench.path("theirs.db"));
    imported(&bench, &[file.path()]);
    let history = bench.json(&["history", "ada"]);
    let own = &history["subscription"];
    assert_eq!(own["plan_id"], "alwrity-pro");
    assert_eq!(own["usage_period"]["starts_at"], "2025-09-15T08:00:00Z");
    assert_eq!(own["usage_period"]["ends_at"], "2025-10-15T08:00:00Z");
    assert_eq!((&own["status"], &own["auto_renew"]), (&json!("active"), &json!(true)));
    assert_eq!(own["external"]["stripe_subscription_id"], "sub_1");
    let entries = history["entries"].as_array().unwrap();
    let told: Vec<[&Value; 4]> = entries
        .iter()
        .rev()
        .map(|entry| {
            let payment = &entry["payment"];
            [&entry["change"], &entry["plan_id"], &payment["amount_usd"], &payment["status"]]
        })
        .collect();
    assert_eq!(
        told,
        [
            ["new", "alwrity-free", "0", "paid"],
            ["upgrade", "alwrity-pro", "79", "paid"],
            ["renewal", "alwrity-pro", "79", "pending"],
        ]
    );
    let used = &entries[1]["usage_before"];
    assert_eq!((&used["total_calls"], &used["total_cost_usd"]), (&json!(40), &json!("0.3")));
    assert_eq!(entries[1]["payment"]["reference"], "in_1");
    // A user without a subscription is on the default plan, by calendar months.
    assert_eq!(bench.json(&["limits", "bob"])["usage_period"]["starts_at"], "2025-10-01T00:00:00Z");
}

#[test]
fn nobodys_limits_change() {
    let bench = Bench::new();
    let file = full(&bench.path("theirs.db"));
    let ran = import(&bench, &[file.path()]);
    let warning = "warning: users without a subscription are on `free`; ALwrity's Free plan is \
                   `alwrity-free`\nhint: set `ALWRITY_METERING_DEFAULT_PLAN=alwrity-free` for \
                   every process\n";
    assert_eq!(ran.err, warning);
    let plans = bench.json(&["plans"]);
    let maximum = |plan: &str, name: &str| {
        let plans = plans.as_array().unwrap_or_else(|| plans["plans"].as_array().unwrap());
        let plan = plans.iter().find(|own| own["id"] == plan).unwrap();
        let limits = plan["limits"].as_array().unwrap();
        limits.iter().find(|limit| limit["name"] == name).unwrap()["maximum"].clone()
    };
    assert_eq!(maximum("alwrity-pro", "gemini_calls"), 7);
    assert_eq!(maximum("alwrity-pro", "openai_calls"), Value::Null, "0 is no limit there");
    assert_eq!(maximum("alwrity-pro", "monthly_cost"), "150.5");
    assert_eq!(maximum("alwrity-free", "exa_calls"), 10);
    assert_eq!(maximum("alwrity-free", "openai_calls"), 0, "on Free it is not in the plan");
    assert_eq!(maximum("alwrity-free", "ai_text_generation_calls"), Value::Null);

    // Told by hand, a plan is one of ours, and nothing is added.
    let bench = Bench::new();
    let file = full(&bench.path("theirs.db"));
    let args = [file.path(), "--plan-map", "pro=pro", "--plan-map", "Free=free"];
    let report = imported(&bench, &args);
    assert_eq!(report["plans"][1]["plan_id"], "pro");
    assert_eq!(bench.json(&["limits", "ada"])["plan_id"], "pro");
    let wrong = import(&bench, &[file.path(), "--plan-map", "pro=gold"]);
    assert_eq!(wrong.code, 2, "{wrong}");
}

#[test]
fn a_shipped_plan_that_is_the_same_is_theirs() {
    let bench = Bench::empty();
    assert_eq!(bench.run(&["init", "--plans", "alwrity-2026"]).code, 0);
    let file = Alwrity::new(&bench.path("theirs.db"), Version::Today);
    let plans = bench.json(&["plans"]);
    let plans = plans.as_array().unwrap_or_else(|| plans["plans"].as_array().unwrap());
    for (id, tier) in (1..).zip(["free", "basic", "pro", "enterprise"]) {
        let plan = plans.iter().find(|own| own["id"] == tier).unwrap();
        let limits: BTreeMap<&str, &Value> = plan["limits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|limit| (limit["name"].as_str().unwrap(), &limit["maximum"]))
            .collect();
        let fee: f64 = plan["price_monthly_usd"].as_str().unwrap().parse().unwrap();
        let cost: f64 = limits["monthly_cost"].as_str().unwrap().parse().unwrap();
        let own: Vec<(&str, i64)> =
            limits.iter().filter_map(|(name, value)| Some((*name, value.as_i64()?))).collect();
        file.plan(id, tier, fee, &own, cost);
    }
    let report = imported(&bench, &[file.path()]);
    for line in report["plans"].as_array().unwrap() {
        assert_eq!((&line["plan_id"], &line["is_new"]), (&line["tier"], &json!(false)), "{line}");
    }
}

#[test]
fn alerts_are_kept_and_not_sent_again() {
    let bench = Bench::new();
    let file = full(&bench.path("theirs.db"));
    let channels = ["--alert-channels", "log"];
    let report = imported(&bench, &[&[file.path()][..], &channels].concat());
    assert_eq!((&report["alerts_added"], &report["alerts_known"]), (&json!(3), &json!(0)));
    let alerts = bench.json(&["alerts", "ada"]);
    let alerts = alerts["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 2);
    let first = alerts.last().unwrap();
    for (name, value) in [
        ("type", json!("usage_threshold")),
        ("subject", json!("gemini_calls")),
        ("threshold_percentage", json!(80)),
        ("message", json!("of 7")),
        ("severity", json!("info")),
        ("sent_at", json!("2025-09-16T00:00:01Z")),
        ("read_at", json!("2025-09-17T00:00:00Z")),
        ("billing_period", json!("2025-09")),
        ("created_at", json!("2025-09-16T00:00:00Z")),
    ] {
        assert_eq!(first[name], value, "{name}");
    }
    assert_eq!(alerts[0]["is_read"], false);
    let bob = &bench.json(&["alerts", "bob"])["alerts"][0];
    assert_eq!((&bob["subject"], &bob["severity"]), (&json!("monthly_cost"), &json!("warning")));
    let waiting = bench.json(&["query", "select * from outbox"]);
    assert_eq!(waiting, json!([]));
}

#[test]
fn a_second_import_changes_nothing() {
    let bench = Bench::new();
    let file = full(&bench.path("theirs.db"));
    file.summary("bob", "2025-08", &[("mistral", 45, 5400, 0.0074)], 0);
    let first = imported(&bench, &[file.path()]);
    assert_eq!(first["summaries_kept"], 1);
    let before = content(&bench);
    // Under another name, and by another clock.
    let copy = bench.path("copy.sqlite3");
    fs::copy(&file.path, &copy).unwrap();
    let later = ["--at", "2025-12-01T00:00:00Z", "--json", "import-alwrity"];
    let ran = bench.run(&[&later[..], &[copy.to_str().unwrap()]].concat());
    assert_eq!(ran.code, 0, "{ran}");
    let again = ran.json();
    for (name, count) in [
        ("terms_added", 0),
        ("terms_known", 3),
        ("alerts_added", 0),
        ("alerts_known", 3),
        ("logs_recorded", 0),
        ("logs_known", 5),
        ("summaries_kept", 0),
        ("summaries_known", 1),
        ("conflicts", 0),
    ] {
        assert_eq!(again[name], count, "{name}");
    }
    assert_eq!(again["lines"], first["lines"]);
    assert_eq!(content(&bench), before);
    assert_eq!(bench.run(&["verify"]).code, 0);
}

#[test]
fn how_a_subscription_ended_is_kept() {
    let bench = Bench::new();
    let file = Alwrity::new(&bench.path("theirs.db"), Version::Today);
    file.plan(1, "pro", 79.0, &[("gemini_calls", 9)], 0.0);
    for (user, status) in [
        ("a", "suspended"),
        ("b", "past_due"),
        ("c", "cancelled"),
        ("d", "warning"),
        ("e", "active"),
    ] {
        file.subscription(user, 1, "2025-10-01 00:00:00", "2025-11-01 00:00:00", status);
    }
    file.sql("UPDATE user_subscriptions SET is_active = 0 WHERE user_id = 'd'");
    file.sql("UPDATE user_subscriptions SET auto_renew = 0 WHERE user_id = 'e'");
    imported(&bench, &[file.path()]);
    let own = |user: &str, at: &str| {
        let ran = bench.run(&["--json", "--at", at, "history", user]);
        let view = ran.json()["subscription"].clone();
        [view["status"].clone(), view["plan_id"].clone()]
    };
    let (during, after) = ("2025-10-20T00:00:00Z", "2025-11-20T00:00:00Z");
    assert_eq!(own("a", during)[0], "suspended");
    assert_eq!(
        own("b", during),
        ["past_due", "pro"].map(|t| json!(t.replace("pro", "alwrity-pro")))
    );
    assert_eq!(own("c", during)[0], "active");
    assert_eq!(own("c", after)[0], "cancelled");
    assert_eq!(own("d", during)[0], "cancelled");
    assert_eq!(own("e", during)[0], "active");
    assert_eq!(own("e", after)[0], "expired");
    let resumed = bench.run(&["--json", "--at", during, "resume", "a"]).json();
    assert_eq!(
        (&resumed["status"], &resumed["plan_id"]),
        (&json!("active"), &json!("alwrity-pro"))
    );
}

#[test]
fn one_user_alone_can_be_imported() {
    let bench = Bench::new();
    let file = full(&bench.path("theirs.db"));
    let report = imported(&bench, &[file.path(), "--user", "bob"]);
    assert_eq!((&report["users"], &report["logs_recorded"]), (&json!(1), &json!(2)));
    assert_eq!(bench.json(&["users"]).as_array().unwrap().len(), 1);
    let rest = imported(&bench, &[file.path()]);
    assert_eq!((&rest["logs_recorded"], &rest["logs_known"]), (&json!(3), &json!(2)));
}

#[test]
fn a_subscription_that_is_here_stays() {
    let bench = Bench::new();
    let file = full(&bench.path("theirs.db"));
    bench.run_at_noon(&["subscribe", "ada", "--plan", "enterprise"]);
    let ran = import(&bench, &[file.path(), "--json"]);
    assert_eq!(ran.code, 1, "{ran}");
    let report = ran.json();
    assert_eq!((&report["conflicts"], &report["terms_added"]), (&json!(1), &json!(0)));
    assert_eq!((&report["alerts_added"], &report["logs_recorded"]), (&json!(3), &json!(5)));
    let problem = &report["problems"][0];
    assert_eq!((&problem["table"], &problem["row"]), (&json!("user_subscriptions"), &json!("ada")));
    assert!(problem["reason"].as_str().unwrap().ends_with("`ada` has another history here"));
    assert_eq!(bench.json(&["limits", "ada"])["plan_id"], "enterprise");
}

#[test]
fn what_was_paid_there_is_not_owed_here() {
    let bench = Bench::new();
    let file = full(&bench.path("theirs.db"));
    imported(&bench, &[file.path()]);
    let invoice = |period: &str| bench.json(&["invoice", "ada", "--period", period]);
    assert_eq!(invoice("2025-08")["payment"]["status"], "paid");
    assert_eq!(invoice("2025-09")["payment"]["status"], "pending");
    assert_eq!(bench.run_at_noon(&["invoice", "finalize", "ada", "--ended"]).code, 0);
    assert_eq!(bench.run(&["verify"]).code, 0);
}
