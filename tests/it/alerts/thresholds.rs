//! Thresholds of limits.

use alwrity_metering::{
    CallRecord, CallRequest, Limit, LimitChange, Maximum, Metric, Plan, Reservation, Severity,
    Subscribe, Usage, Window,
};

use super::{EARLY, alerts, at, bench, bench_with, calls, days_later, plan, thresholds};

fn limit_change(name: &str, maximum: &str) -> LimitChange {
    LimitChange { name: name.into(), maximum: maximum.into(), ..LimitChange::default() }
}

/// So many calls of another provider.
fn searches(count: i64) -> CallRecord {
    CallRecord { provider: "tavily".into(), model: String::new(), ..calls("u", count) }
}

#[test]
fn regression_28_each_threshold_is_told_once_and_armed_again_in_the_next_period() {
    let bench = bench();
    let mut told = Vec::new();
    for number in 1..=13 {
        bench.meter.record_call(&calls("u", 1)).unwrap();
        // In the transaction of the call: whoever sees the call sees the alert.
        told.push((number, alerts(&bench.meter, "u").len()));
    }
    let expected = [(7, 0), (8, 1), (9, 2), (10, 3), (13, 3)];
    assert!(expected.iter().all(|step| told.contains(step)), "{told:?}");
    let found = alerts(&bench.meter, "u");
    let severities: Vec<Severity> = found.iter().map(|alert| alert.severity).collect();
    assert_eq!(severities, [Severity::Info, Severity::Warning, Severity::Error]);
    assert_eq!(found[0].title, "API Usage Notice - Google Gemini");
    let message = "You have used 8 of 10 Google Gemini API calls this billing period.";
    assert_eq!(found[0].message, message);
    let action = "Upgrade to Basic for 1,000 Google Gemini API calls a month.";
    assert_eq!(found[0].recommended_action.as_deref(), Some(action));
    assert_eq!(found[0].upgrade_plan_id.as_deref(), Some("basic"));
    assert_eq!(found[2].title, "API Usage Limit Reached - Google Gemini");
    bench.clock.set(at("2025-11-01T00:00:00Z"));
    bench.meter.record_call(&calls("u", 7)).unwrap();
    assert_eq!(alerts(&bench.meter, "u").len(), 3);
    bench.meter.record_call(&calls("u", 1)).unwrap();
    let again = alerts(&bench.meter, "u").pop().unwrap();
    assert_eq!((again.key.threshold_percent, again.period_starts_at), (80, bench.clock.now()));
}

#[test]
fn a_jump_over_several_thresholds_gives_one_alert_each() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 25)).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(80, 10), (90, 10), (100, 10)]);
}

#[test]
fn a_repeat_of_the_crossing_call_tells_nothing_new() {
    let bench = bench();
    let mut call = calls("u", 8);
    call.idempotency_key = Some("once".into());
    bench.meter.record_call(&call).unwrap();
    bench.meter.record_call(&call).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(80, 10)]);
}

#[test]
fn eight_threads_that_cross_together_tell_once() {
    let bench = bench();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..5).for_each(|_| drop(bench.meter.record_call(&calls("u", 1)))));
        }
    });
    assert_eq!(thresholds(&bench.meter, "u"), [(80, 10), (90, 10), (100, 10)]);
}

#[test]
fn a_settled_hold_crosses_and_a_hold_alone_does_not() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 7)).unwrap();
    let request = CallRequest::new("u", "gemini", "gemini-2.5-flash").with_tokens(10, 10);
    let Reservation::Granted(hold) = bench.meter.reserve(&request).unwrap() else { panic!() };
    assert_eq!(thresholds(&bench.meter, "u"), [], "holds are shown, not told");
    bench.meter.settle("u", hold.hold_id, &Usage::tokens(10, 10).into()).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(80, 10)]);
}

#[test]
fn a_limit_that_is_lowered_below_the_use_tells_the_highest_threshold_at_once() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 5)).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), []);
    bench.meter.set_limit("u", &limit_change("gemini_calls", "5")).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(100, 5)]);
    bench.meter.record_call(&calls("u", 1)).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(100, 5)], "once");
    // The plan's limit holds again: 6 of 10, then 8, which is armed again.
    bench.meter.clear_limit("u", "gemini_calls").unwrap();
    bench.meter.record_call(&calls("u", 2)).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(100, 5), (80, 10)]);
}

#[test]
fn a_limit_that_is_raised_arms_its_thresholds_again() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 9)).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(80, 10), (90, 10)]);
    // 9 of 11 are above 80 %, but who was told of 90 % need not be told of less.
    bench.meter.set_limit("u", &limit_change("gemini_calls", "11")).unwrap();
    assert_eq!(thresholds(&bench.meter, "u").len(), 2);
    bench.meter.set_limit("u", &limit_change("gemini_calls", "20")).unwrap();
    bench.meter.record_call(&calls("u", 7)).unwrap();
    assert_eq!(thresholds(&bench.meter, "u")[2..], [(80, 20)]);
}

#[test]
fn a_limit_that_is_added_to_a_user_with_history_tells_where_it_stands() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 7)).unwrap();
    let own = LimitChange {
        metric: Some(Metric::Calls),
        window: Some(Window::Period),
        ..limit_change("all_calls", "7")
    };
    bench.meter.set_limit("u", &own).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(100, 7)]);
    // A short window counts from its limit on, so there is nothing to tell before that.
    let daily = LimitChange { window: Some(Window::Day), ..own };
    bench.meter.set_limit("u", &LimitChange { name: "daily".into(), ..daily }).unwrap();
    assert_eq!(thresholds(&bench.meter, "u").len(), 1);
    bench.meter.record_call(&searches(6)).unwrap();
    let found = alerts(&bench.meter, "u");
    let daily: Vec<u8> = found
        .iter()
        .filter(|alert| alert.key.subject == "daily")
        .map(|alert| alert.key.threshold_percent)
        .collect();
    assert_eq!(daily, [80]);
    days_later(&bench.clock, 1);
    bench.meter.record_call(&searches(6)).unwrap();
    let found = alerts(&bench.meter, "u");
    assert_eq!(found.iter().filter(|alert| alert.key.subject == "daily").count(), 2);
}

#[test]
fn a_plan_that_is_lowered_tells_at_the_next_write() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 5)).unwrap();
    bench.meter.put_plan(&plan("free", 4)).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), []);
    bench.meter.record_call(&calls("u", 1)).unwrap();
    bench.meter.record_call(&calls("u", 1)).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(100, 4)]);
}

#[test]
fn a_plan_that_is_lowered_tells_at_a_refusal_too() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 5)).unwrap();
    bench.meter.put_plan(&plan("free", 4)).unwrap();
    // Everything is refused from now on, so no record would come.
    let request = CallRequest::new("u", "gemini", "gemini-2.5-flash").with_tokens(10, 10);
    for _ in 0..2 {
        assert!(matches!(bench.meter.reserve(&request).unwrap(), Reservation::Refused(_)));
        assert_eq!(thresholds(&bench.meter, "u"), [(100, 4)]);
    }
}

#[test]
fn a_downgrade_below_the_use_tells_once_in_its_transaction() {
    let bench = bench();
    bench.meter.subscribe("u", &Subscribe::monthly("pro").waived("test")).unwrap();
    bench.meter.record_call(&calls("u", 9)).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), []);
    bench.meter.subscribe("u", &Subscribe::monthly("free").waived("test")).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(90, 10)]);
    bench.meter.record_call(&calls("u", 1)).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(90, 10), (100, 10)]);
}

#[test]
fn an_upgrade_tells_nothing() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 9)).unwrap();
    bench.meter.subscribe("u", &Subscribe::monthly("pro").waived("test")).unwrap();
    bench.meter.record_call(&calls("u", 1)).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(80, 10), (90, 10)]);
}

#[test]
fn thresholds_are_the_plans_or_the_users_own() {
    let mut own = plan("free", 10);
    own.limits[0].thresholds = vec![50];
    let bench = bench_with(&[own], |_| {});
    bench.meter.record_call(&calls("u", 10)).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(50, 10)]);
    let change =
        LimitChange { thresholds: Some(vec![20, 150]), ..limit_change("gemini_calls", "10") };
    bench.meter.set_limit("v", &change).unwrap();
    bench.meter.record_call(&calls("v", 14)).unwrap();
    assert_eq!(thresholds(&bench.meter, "v"), [(20, 10)]);
    bench.meter.record_call(&calls("v", 1)).unwrap();
    assert_eq!(thresholds(&bench.meter, "v"), [(20, 10), (150, 10)]);
}

#[test]
fn costs_tokens_and_units_have_thresholds_too() {
    let limit = |name: &str, metric, maximum| Limit::new(name, metric, maximum).unwrap();
    let limits = vec![
        limit("monthly_cost", Metric::Cost, Maximum::parse("0.000014", &Metric::Cost).unwrap()),
        limit("tokens", Metric::Tokens, Maximum::AtMost(100)),
        limit("input", "input_tokens".parse().unwrap(), Maximum::AtMost(100)),
    ];
    let bench = bench_with(&[Plan { limits, ..plan("free", 1) }], |_| {});
    // 80 input tokens at $0.125 and 8 output tokens at $0.375 a million: $0.000013.
    bench.meter.record_call(&calls("u", 8)).unwrap();
    let found: Vec<(String, u8)> = alerts(&bench.meter, "u")
        .into_iter()
        .map(|alert| (alert.key.subject, alert.key.threshold_percent))
        .collect();
    let expected = [("monthly_cost", 80), ("monthly_cost", 90), ("tokens", 80), ("input", 80)];
    let expected: Vec<(String, u8)> =
        expected.iter().map(|(name, percent)| ((*name).to_owned(), *percent)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_late_call_is_told_for_its_own_period_but_delivered_to_nobody() {
    let bench = bench_with(&[plan("free", 10)], |options| {
        options.alert_channels = vec!["mail".into()];
    });
    let mut late = calls("u", 10);
    late.occurred_at = Some(at("2025-09-05T00:00:00Z"));
    bench.meter.record_call(&late).unwrap();
    let found = alerts(&bench.meter, "u");
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|alert| alert.period_starts_at == at("2025-09-01T00:00:00Z")));
    assert!(bench.meter.outbox().unwrap().is_empty(), "nobody wants a mail about last month");
    bench.clock.set(at(EARLY));
    bench.meter.record_call(&calls("u", 8)).unwrap();
    assert_eq!(bench.meter.outbox().unwrap()[0].waiting, 1);
}
