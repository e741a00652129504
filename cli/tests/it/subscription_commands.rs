//! `confirm`, `renew`, `upgrade`, `downgrade`, `change-cycle`, `cancel`, `withdraw`, `past-due`,
//! `suspend`, `resume`, `preview`, `history`.

use serde_json::Value;

use crate::bench::{Bench, words};

/// Runs a command at an instant; its JSON.
fn at(bench: &Bench, now: &str, line: &str) -> Value {
    let mut all = vec!["--json", "--at", now];
    all.extend(words(line));
    let ran = bench.run(&all);
    assert_eq!(ran.code, 0, "{line}: {ran}");
    ran.json()
}

#[test]
fn a_subscription_lives_through_its_commands() {
    let bench = Bench::new();
    let do_at = |now: &str, line: &str| at(&bench, now, line);
    let october = "2025-10-01T00:00:00Z";
    let waits = do_at(october, "subscribe u1 --plan basic --unpaid");
    assert_eq!(
        (&waits["status"], &waits["proration"]["due_usd"]),
        (&"pending".into(), &"29".into())
    );
    assert_eq!(do_at(october, "limits u1")["plan_id"], "free");
    assert_eq!(do_at(october, "confirm u1 --payment ch_1")["status"], "active");
    let middle = "2025-10-16T12:00:00Z";
    let preview = do_at(middle, "preview u1 --upgrade pro");
    let upgrade = do_at(middle, "upgrade u1 --plan pro --payment ch_2");
    assert_eq!(preview["proration"], upgrade["proration"]);
    assert_eq!(upgrade["payment_status"], "paid");
    assert_eq!(do_at(middle, "downgrade u1 --plan basic")["starts_at"], "2025-11-01T00:00:00Z");
    assert_eq!(do_at(middle, "withdraw u1")["is_repeat"], false);
    assert_eq!(do_at(middle, "withdraw u1")["is_repeat"], true);
    let november = "2025-11-02T00:00:00Z";
    assert_eq!(do_at(november, "renew u1 --payment ch_3")["change"], "renewal");
    assert_eq!(do_at(november, "suspend u1")["status"], "suspended");
    assert_eq!(do_at(november, "limits u1")["plan_id"], "free");
    assert_eq!(do_at(november, "resume u1")["status"], "active");
    let late = do_at(november, "past-due u1 --grace-until 2025-11-09T00:00:00Z");
    assert_eq!(late["grants_until"], "2025-11-09T00:00:00Z");
    assert_eq!(do_at(november, "renew u1")["payment_status"], "waived");
    let yearly = do_at(november, "change-cycle u1 --cycle yearly --waive gift");
    assert_eq!(yearly["billing_period"]["ends_at"], "2026-11-01T00:00:00Z");
    assert_eq!(do_at(november, "cancel u1")["starts_at"], "2026-11-01T00:00:00Z");
    assert_eq!(do_at(november, "cancel u1 --now")["status"], "cancelled");
    let history = do_at(november, "history u1");
    let changes: Vec<&str> = history["entries"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|entry| entry["change"].as_str().unwrap())
        .collect();
    let expected = words(
        "new upgrade renewal suspension resumption past_due renewal cycle_change cancellation",
    );
    assert_eq!(changes, expected);
    assert_eq!(history["subscription"]["status"], "cancelled");
}

#[test]
fn ids_outside_are_kept() {
    let bench = Bench::new();
    let october = "2025-10-01T00:00:00Z";
    at(&bench, october, "subscribe u1 --plan basic --unpaid --stripe-customer-id cus_1");
    let confirm = "confirm u1 --payment ch_1 --stripe-subscription-id sub_1 --payment-method card";
    at(&bench, october, confirm);
    at(&bench, october, "cancel u1");
    let view = &at(&bench, october, "history u1")["subscription"];
    let expected = serde_json::json!({
        "stripe_customer_id": "cus_1", "stripe_subscription_id": "sub_1", "payment_method": "card"
    });
    assert_eq!(view["external"], expected);
    let shown = bench.run(&["--at", october, "history", "u1"]).out;
    assert!(shown.contains("cancellation at 2025-11-01T00:00:00Z"), "{shown}");
}

#[test]
fn the_history_is_pleasant_to_read() {
    let bench = Bench::new();
    at(&bench, "2025-10-01T00:00:00Z", "subscribe u1 --plan basic --payment ch_1");
    bench
        .run(&words("--at 2025-11-07T12:00:00Z history u1"))
        .shows(include_str!("shown/the_history_is_pleasant_to_read.txt"));
}

#[test]
fn a_preview_is_of_one_change() {
    let bench = Bench::new();
    at(&bench, "2025-10-01T00:00:00Z", "subscribe u1 --plan basic --payment ch_1");
    for line in ["preview u1", "preview u1 --renew --cancel", "upgrade u1", "past-due u1"] {
        assert_eq!(bench.run(&words(line)).code, 2, "{line}");
    }
    let conflict = "subscribe u1 --plan pro --payment ch_1 --unpaid";
    assert_eq!(bench.run(&words(conflict)).code, 2);
    let cancel = bench.json(&words("preview u1 --cancel"));
    assert_eq!(
        (&cancel["plan_id"], &cancel["starts_at"]),
        (&"free".into(), &"2025-11-01T00:00:00Z".into())
    );
    let refused = bench.run_at_noon(&words("downgrade u1 --plan pro"));
    assert_eq!(refused.code, 1, "{refused}");
    assert!(refused.err.contains("use `upgrade`"), "{refused}");
}
