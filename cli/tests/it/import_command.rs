//! `import-alwrity`: what becomes of every row, once, and of the file that it is from.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::alwrity::{Alwrity, LOG, Log, Version};
use crate::bench::{Bench, Ran};

fn import(bench: &Bench, args: &[&str]) -> Ran {
    bench.run_at_noon(&[&["import-alwrity"], args].concat())
}

/// The JSON of an import that is done.
fn imported(bench: &Bench, args: &[&str]) -> Value {
    let ran = import(bench, &[args, &["--json"]].concat());
    assert_eq!(ran.code, 0, "{ran}");
    ran.json()
}

/// Everything that an import may have written, by table.
fn content(bench: &Bench) -> Vec<Value> {
    let tables = ["calls", "counters", "users", "subscription_terms", "alerts", "outbox", "plans"];
    tables.map(|table| bench.json(&["query", &format!("select * from {table}")])).into()
}

fn calls(bench: &Bench, user: &str) -> Vec<Value> {
    let mut calls = bench.json(&["calls", user])["calls"].as_array().unwrap().clone();
    calls.reverse();
    calls
}

/// A file with two users and something in every table.
fn full(path: &Path) -> Alwrity {
    let file = Alwrity::new(path, Version::Today);
    file.plan(1, "free", 0.0, &[("gemini_calls", 50), ("exa_calls", 10)], 2.0);
    file.plan(2, "pro", 79.0, &[("gemini_calls", 7), ("gemini_tokens", 5_000_000)], 150.5);
    file.subscription("ada", 2, "2025-09-15 08:00:00", "2025-10-15 08:00:00.000000", "active");
    file.sql(
        "INSERT INTO subscription_renewal_history (user_id, plan_id, plan_name, plan_tier,
             new_period_start, new_period_end, billing_cycle, renewal_type, renewal_count,
             usage_before_renewal, payment_amount, payment_status, payment_date,
             stripe_invoice_id, created_at) VALUES
         ('ada', 1, 'Free', 'free', '2025-07-15 08:00:00', '2025-08-15 08:00:00', 'MONTHLY',
             'new', 0, NULL, 0.0, 'paid', NULL, NULL, '2025-07-15 08:00:00'),
         ('ada', 2, 'Pro', 'pro', '2025-08-15 08:00:00', '2025-09-15 08:00:00', 'MONTHLY',
             'upgrade', 0, '{\"total_calls\": 40, \"total_tokens\": 900, \"total_cost\": 0.3,
             \"gemini_calls\": 40, \"mistral_calls\": null, \"usage_status\": \"warning\"}',
             79.0, 'paid', '2025-08-15 08:00:01', 'in_1', '2025-08-15 08:00:00'),
         ('ada', 2, 'Pro', 'pro', '2025-09-15 08:00:00', '2025-10-15 08:00:00', 'MONTHLY',
             'renewal', 1, 'null', 79.0, 'pending', NULL, NULL, '2025-09-15 08:00:00');
         INSERT INTO usage_alerts (user_id, alert_type, threshold_percentage, provider, title,
             message, severity, is_sent, sent_at, is_read, read_at, billing_period, created_at)
         VALUES
         ('ada', 'usage_threshold', 80, 'GEMINI', 'API Usage Notice', 'of 7', 'info', 1,
             '2025-09-16 00:00:01', 1, '2025-09-17 00:00:00', '2025-09', '2025-09-16 00:00:00'),
         ('ada', 'usage_threshold', 80, 'GEMINI', 'API Usage Notice', 'again', 'info', 1, NULL, 0,
             NULL, '2025-09', '2025-09-16 00:05:00'),
         ('bob', 'cost_warning', 90, NULL, 'Cost', 'of $2', NULL, 0, NULL, 0, NULL, '2025-09',
             '2025-09-20 00:00:00');",
    );
    for log in logs() {
        file.log(&log);
    }
    file
}

fn logs() -> Vec<Log> {
    vec![
        Log {
            // 0.1 + 0.2, as floats add.
            cost: Some(0.300_000_000_000_000_04),
            at: "2025-09-16 10:00:00.250000",
            ..LOG
        },
        Log {
            provider: "video",
            model: "Alibaba/Wan-2.5",
            tokens: (0, 0),
            cost: Some(0.25),
            at: "2025-09-17 10:00:00",
            actual: Some("wavespeed"),
            ..LOG
        },
        Log {
            cost: Some(0.0),
            tokens: (0, 0),
            status: 503,
            error: Some("no key sk-abcdefghijklmnop123456"),
            at: "2025-09-18 10:00:00",
            ..LOG
        },
        Log {
            user: "bob",
            provider: "mistral",
            model: "[40 calls aggregated]",
            endpoint: "[AGGREGATED]",
            tokens: (4000, 800),
            cost: Some(0.0064),
            at: "2025-08-01 00:00:00",
            period: "2025-08",
            actual: None,
            error: Some("Aggregated 40 calls: 40 success, 0 failed"),
            ..LOG
        },
        Log {
            user: "bob",
            provider: "tavily",
            model: "",
            tokens: (0, 0),
            cost: Some(1e-5),
            at: "2025-09-01 00:00:00",
            actual: Some("tavily"),
            ..LOG
        },
    ]
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
fn a_dry_run_changes_nothing() {
    let absent = Bench::empty();
    let file = full(&absent.path("theirs.db"));
    let promised = imported(&absent, &["--dry-run", file.path()]);
    assert!(!absent.db().exists(), "no store is made");
    assert_eq!((&promised["is_dry_run"], &promised["logs_recorded"]), (&json!(true), &json!(5)));

    let bench = Bench::new();
    let file = full(&bench.path("theirs.db"));
    let all = |bench: &Bench| -> BTreeMap<String, Vec<u8>> {
        let folder = fs::read_dir(bench.path(".")).unwrap().map(|entry| entry.unwrap());
        folder
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
            })
            .collect()
    };
    let before = all(&bench);
    let dry = imported(&bench, &["--dry-run", file.path()]);
    assert_eq!(all(&bench), before, "byte by byte");
    let real = imported(&bench, &[file.path()]);
    assert_eq!(dry["lines"], real["lines"]);
    assert_eq!(promised["lines"], real["lines"]);
    let after = imported(&bench, &["--dry-run", file.path()]);
    assert_eq!((&after["logs_recorded"], &after["logs_known"]), (&json!(0), &json!(5)));
}

#[test]
fn a_source_is_never_written() {
    let bench = Bench::new();
    let folder = bench.path("theirs");
    fs::create_dir(&folder).unwrap();
    let closed = full(&folder.join("closed.db"));
    closed.sql("PRAGMA journal_mode = WAL; INSERT INTO usage_alerts (user_id) VALUES (NULL);");
    closed.sql("DELETE FROM usage_alerts WHERE user_id IS NULL");
    drop(closed.connection);
    let open = Alwrity::new(&folder.join("open.db"), Version::Today);
    open.sql("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;");
    open.log(&Log { user: "eve", ..LOG });
    let listed = || -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|e| (e.file_name().into_string().unwrap(), fs::read(e.path()).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = listed();
    assert!(before.iter().any(|(name, _)| name == "open.db-wal"));
    let report = imported(&bench, &[folder.to_str().unwrap()]);
    assert_eq!(report["logs_recorded"], 6, "that of the log beside it included");
    assert_eq!(listed(), before);
    assert_eq!(calls(&bench, "eve").len(), 1);
}

#[test]
fn an_older_file_with_fewer_columns_is_read() {
    let bench = Bench::new();
    let file = Alwrity::new(&bench.path("old.db"), Version::Before);
    file.plan(1, "basic", 29.0, &[("gemini_calls", 1)], 50.0);
    file.subscription("ada", 1, "2025-09-10 00:00:00", "2025-10-10 00:00:00", "limit_reached");
    file.log(&Log { at: "2025-09-11 00:00:00", ..LOG });
    file.log(&Log { at: "2025-09-12 00:00:00", cost: None, model: "no-such-model", ..LOG });
    file.summary("ada", "2025-09", &[("gemini", 2, 2400, 0.1)], 3);
    let report = imported(&bench, &[file.path()]);
    assert_eq!((&report["logs_recorded"], &report["summaries_kept"]), (&json!(2), &json!(1)));
    let reasons: Vec<(&str, &Value)> = report["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["provider"].as_str().unwrap(), &line["reasons"]))
        .collect();
    let expected = [("gemini", &json!(["unpriced"])), ("unknown", &json!(["logs_missing"]))];
    assert_eq!(reasons, expected);
    let limits = bench.json(&["limits", "ada"]);
    assert_eq!(limits["plan_id"], "alwrity-basic");
    let names: Vec<&str> =
        limits["limits"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"exa_calls"), "which it does not know: {names:?}");
    let term = &bench.json(&["history", "ada"])["entries"][0]["payment"];
    assert_eq!((&term["status"], &term["amount_usd"]), (&json!("waived"), &json!("29")));
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
fn files_that_are_not_alwritys_are_named() {
    let bench = Bench::new();
    let text = bench.write("notes.db", "no database at all, but long enough to look like one");
    let ran = import(&bench, &[&text]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with("error: `~/notes.db` is no SQLite database\nhint: "), "{ran}");
    let empty = rusqlite::Connection::open(bench.path("empty.db")).unwrap();
    empty.execute_batch("CREATE TABLE t (x)").unwrap();
    let ran = import(&bench, &[bench.path("empty.db").to_str().unwrap()]);
    assert!(ran.err.starts_with("error: `~/empty.db` has none of ALwrity's tables"), "{ran}");
    let ran = import(&bench, &["nowhere"]);
    assert!(ran.code == 1 && ran.err.starts_with("error: could not open `nowhere`"), "{ran}");
    // In a folder they are told of, and the store in it is not read.
    let folder = bench.path(".");
    let folder = folder.to_str().unwrap();
    let ran = import(&bench, &[folder]);
    assert!(ran.code == 1 && ran.err.contains("no file of ALwrity's was found; 3 were"), "{ran}");
    full(&bench.path("theirs.db"));
    let skipped = imported(&bench, &[folder])["skipped_files"].clone();
    let reasons: Vec<&str> =
        skipped.as_array().unwrap().iter().map(|one| one["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons.len(), 3);
    assert!(reasons.contains(&"it is the store itself"), "{reasons:?}");
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
