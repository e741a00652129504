//! Alerts that no threshold raises: the pace of a period, and calls without a price.

use alwrity_metering::{AlertKind, CallRecord, Meter, Severity, Usage};

use super::{alerts, at, bench, bench_with, calls, days_later, plan};

fn of_kind(meter: &Meter, kind: AlertKind) -> Vec<String> {
    let found = alerts(meter, "u").into_iter().filter(|alert| alert.key.kind == kind);
    found.map(|alert| alert.message).collect()
}

#[test]
fn a_pace_is_told_once_after_a_tenth_of_the_period_and_ten_calls() {
    let bench = bench_with(&[plan("free", 100)], |_| {});
    let pace = || of_kind(&bench.meter, AlertKind::Velocity);
    bench.clock.set(at("2025-10-04T00:00:00Z"));
    bench.meter.record_call(&calls("u", 20)).unwrap();
    assert_eq!(pace(), Vec::<String>::new(), "before a tenth of the month");
    bench.clock.set(at("2025-10-05T00:00:00Z"));
    bench.meter.record_call(&calls("u", 1)).unwrap();
    let message = "At this pace your Google Gemini API calls reach the limit of 100 on \
                   2025-10-20, before the billing period ends on 2025-11-01.";
    assert_eq!(pace(), [message]);
    bench.meter.record_call(&calls("u", 1)).unwrap();
    days_later(&bench.clock, 1);
    bench.meter.record_call(&calls("u", 20)).unwrap();
    assert_eq!(pace(), [message], "once a limit and period");
    bench.clock.set(at("2025-11-10T00:00:00Z"));
    bench.meter.record_call(&calls("u", 50)).unwrap();
    assert_eq!(pace().len(), 2, "and again in the next");
}

#[test]
fn few_calls_have_no_pace() {
    let bench = bench_with(&[plan("free", 12)], |_| {});
    bench.clock.set(at("2025-10-05T00:00:00Z"));
    bench.meter.record_call(&calls("u", 9)).unwrap();
    assert_eq!(of_kind(&bench.meter, AlertKind::Velocity), Vec::<String>::new());
    bench.meter.record_call(&calls("u", 1)).unwrap();
    assert_eq!(of_kind(&bench.meter, AlertKind::Velocity).len(), 1);
}

#[test]
fn regression_15_a_call_without_a_price_is_told_once_for_its_model_and_period() {
    let bench = bench();
    let unknown = |model: &str| CallRecord::new("u", "nobody", model, Usage::tokens(1, 1));
    for model in ["a", "a", "b"] {
        let receipt = bench.meter.record_call(&unknown(model)).unwrap();
        assert_eq!(receipt.cost_usd, None, "unknown, never 0");
    }
    let found = alerts(&bench.meter, "u");
    let subjects: Vec<&str> = found.iter().map(|alert| alert.key.subject.as_str()).collect();
    assert_eq!(subjects, ["nobody/a chat", "nobody/b chat"]);
    assert!(found.iter().all(|alert| alert.severity == Severity::Warning));
    assert_eq!(found[0].title, "Unpriced Calls - nobody / a");
    bench.clock.set(at("2025-11-01T00:00:00Z"));
    bench.meter.record_call(&unknown("a")).unwrap();
    assert_eq!(alerts(&bench.meter, "u").len(), 3);
}

#[test]
fn alerts_are_read_put_away_and_nobody_elses() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 10)).unwrap();
    bench.meter.record_call(&calls("v", 8)).unwrap();
    let ids: Vec<i64> = alerts(&bench.meter, "u").iter().map(|alert| alert.id).collect();
    bench.meter.mark_read("u", ids[0]).unwrap();
    bench.meter.dismiss("u", ids[1]).unwrap();
    let error = bench.meter.mark_read("v", ids[0]).unwrap_err();
    assert_eq!((error.code(), error.http_status()), ("alert_of_another", 403));
    let error = bench.meter.dismiss("u", 999).unwrap_err();
    assert_eq!((error.code(), error.http_status()), ("unknown_alert", 404));
    assert_eq!(bench.meter.mark_all_read("u").unwrap(), 1);
    assert_eq!(bench.meter.mark_all_read("u").unwrap(), 0);
    assert_eq!(bench.meter.mark_all_read("v").unwrap(), 1);
}

#[test]
fn the_view_of_the_seven_names_shows_alerts() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 8)).unwrap();
    let sql = "SELECT user_id, alert_type, threshold_percentage, provider, severity, is_sent, \
               is_read, billing_period, created_at FROM usage_alerts";
    let table = bench.meter.query(sql).unwrap();
    let row: Vec<String> = table.rows[0].iter().map(|cell| format!("{cell:?}")).collect();
    let expected = [
        r#"Text("u")"#,
        r#"Text("usage_threshold")"#,
        "Integer(80)",
        r#"Text("gemini")"#,
        r#"Text("info")"#,
        "Integer(0)",
        "Integer(0)",
        r#"Text("2025-10")"#,
        r#"Text("2025-10-01T01:00:00.000000Z")"#,
    ];
    assert_eq!(row, expected);
}

#[test]
fn the_json_of_an_alert_leaves_out_what_is_absent() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 8)).unwrap();
    let alert = alerts(&bench.meter, "u").remove(0);
    let json = serde_json::to_value(&alert).unwrap();
    assert_eq!(json["type"], "usage_threshold");
    assert_eq!(json["threshold_percentage"], 80);
    assert_eq!(json["billing_period"], "2025-10");
    assert!(json.get("sent_at").is_none() && json.get("read_at").is_none());
}
