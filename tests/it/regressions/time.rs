//! Time: half-open periods from the anchor, whatever the clock does.

use alwrity_metering::{
    BillingCycle, CallOutcome, CallRecord, Meter, PeriodChoice, RecordStatus, Subscribe,
    SubscriptionStatus, Usage,
};

use crate::conformance::samples::at;
use crate::scene::{Scene, ask, assert_verified, chat, granted, log, rows, used_and_held};

fn period(meter: &Meter, user: &str) -> (String, String) {
    let standing = meter.current_period(user).unwrap();
    let span = standing.usage_period;
    (span.starts_at.to_string(), span.ends_at.to_string())
}

fn month(meter: &Meter, user: &str, label: &str) -> i64 {
    let choice: PeriodChoice = label.parse().unwrap();
    meter.usage_summary(user, &choice).unwrap().total_calls
}

fn subscribed(scene: &Scene, plan: &str, cycle: BillingCycle, from: &str) {
    scene.at(from);
    let subscribe = Subscribe { billing_cycle: cycle, ..Subscribe::monthly(plan) };
    let receipt = scene.meter.subscribe("u", &subscribe).unwrap();
    assert_eq!(receipt.status, SubscriptionStatus::Active);
    assert_eq!(receipt.anchor, at(from));
}

#[test]
fn regression_23_an_anchor_on_the_31st_is_clamped_and_comes_back() {
    let scene = Scene::new();
    subscribed(&scene, "pro", BillingCycle::Monthly, "2026-01-31T18:30:00Z");
    for (now, starts, ends) in [
        ("2026-01-31T18:30:00Z", "2026-01-31T18:30:00Z", "2026-02-28T18:30:00Z"),
        ("2026-02-28T18:29:59.999999Z", "2026-01-31T18:30:00Z", "2026-02-28T18:30:00Z"),
        ("2026-02-28T18:30:00Z", "2026-02-28T18:30:00Z", "2026-03-31T18:30:00Z"),
        ("2026-04-01T00:00:00Z", "2026-03-31T18:30:00Z", "2026-04-30T18:30:00Z"),
        ("2028-03-01T00:00:00Z", "2028-02-29T18:30:00Z", "2028-03-31T18:30:00Z"),
    ] {
        scene.at(now);
        assert_eq!(period(&scene.meter, "u"), (starts.into(), ends.into()), "{now}");
    }
}

#[test]
fn regression_23_a_leap_day_anchor_comes_back_every_fourth_year() {
    let scene = Scene::new();
    subscribed(&scene, "pro", BillingCycle::Yearly, "2028-02-29T00:00:00Z");
    for (now, starts, ends) in [
        ("2029-02-27T23:59:59Z", "2028-02-29T00:00:00Z", "2029-02-28T00:00:00Z"),
        ("2029-02-28T00:00:00Z", "2029-02-28T00:00:00Z", "2030-02-28T00:00:00Z"),
        ("2031-12-31T00:00:00Z", "2031-02-28T00:00:00Z", "2032-02-29T00:00:00Z"),
        ("2032-02-29T00:00:00Z", "2032-02-29T00:00:00Z", "2033-02-28T00:00:00Z"),
    ] {
        scene.at(now);
        let billing = scene.meter.current_period("u").unwrap().billing_period;
        let found = (billing.starts_at.to_string(), billing.ends_at.to_string());
        assert_eq!(found, (starts.to_owned(), ends.to_owned()), "{now}");
    }
    scene.at("2029-03-28T23:59:59Z");
    assert_eq!(period(&scene.meter, "u").0, "2029-02-28T00:00:00Z");
    scene.at("2029-03-29T00:00:00Z");
    assert_eq!(period(&scene.meter, "u").0, "2029-03-29T00:00:00Z");
}

#[test]
fn regression_23_a_yearly_plans_limits_reset_monthly() {
    let scene = Scene::new();
    subscribed(&scene, "basic", BillingCycle::Yearly, "2026-01-31T00:00:00Z");
    scene.meter.record_call(&chat("u", "k1", 10, 5)).unwrap();
    let billing = scene.meter.current_period("u").unwrap().billing_period;
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (1, 0));
    scene.at("2026-02-28T00:00:00Z");
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (0, 0));
    assert_eq!(scene.meter.current_period("u").unwrap().billing_period, billing);
    assert_eq!(billing.ends_at, at("2027-01-31T00:00:00Z"));
}

#[test]
fn regression_24_without_a_subscription_every_month_is_fresh() {
    let scene = Scene::new();
    for now in ["2025-10-31T23:59:59Z", "2025-11-01T00:00:00Z", "2026-03-15T00:00:00Z"] {
        scene.at(now);
        assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (0, 0), "{now}");
        for number in 0..3 {
            scene.meter.record_call(&chat("u", &format!("{now} {number}"), 10, 5)).unwrap();
        }
        assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (3, 0), "{now}");
        assert_eq!(scene.meter.current_period("u").unwrap().plan_id, "free");
    }
    for label in ["2025-10", "2025-11", "2026-03"] {
        assert_eq!(month(&scene.meter, "u", label), 3, "{label}");
    }
    assert_eq!(month(&scene.meter, "u", "2026-02"), 0);
    assert_eq!(month(&scene.meter, "u", "all"), 9);
}

#[test]
fn regression_25_renewal_keeps_the_phase_however_late_it_is_noticed() {
    let scene = Scene::new();
    subscribed(&scene, "basic", BillingCycle::Monthly, "2025-01-15T08:00:00Z");
    scene.meter.record_call(&chat("u", "k", 10, 5)).unwrap();
    // Nobody looks for more than seven months: the missed periods roll in one step.
    scene.at("2025-09-02T03:04:05Z");
    let found = period(&scene.meter, "u");
    assert_eq!(found, ("2025-08-15T08:00:00Z".into(), "2025-09-15T08:00:00Z".into()));
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (0, 0));
    let standing = scene.meter.current_period("u").unwrap();
    assert_eq!(standing.plan_id, "basic");
    // Each period starts where the one before it ended.
    let mut end = at("2025-01-15T08:00:00Z");
    for _ in 0..24 {
        scene.clock.set(end);
        let span = scene.meter.current_period("u").unwrap().usage_period;
        assert_eq!(span.starts_at, end);
        end = span.ends_at;
    }
    assert_eq!(end, at("2027-01-15T08:00:00Z"));
}

#[test]
fn regression_25_a_change_of_plan_keeps_phase_and_counters() {
    let scene = Scene::new();
    scene.at("2025-10-03T00:00:00Z");
    scene.meter.record_call(&chat("u", "free", 10, 5)).unwrap();
    subscribed(&scene, "basic", BillingCycle::Monthly, "2025-10-15T00:00:00Z");
    // A first paid subscription starts a new phase; the Free usage stays in its own period.
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (0, 0));
    scene.meter.record_call(&chat("u", "basic", 10, 5)).unwrap();
    scene.at("2025-10-20T00:00:00Z");
    let upgraded = scene.meter.subscribe("u", &Subscribe::monthly("pro")).unwrap();
    assert_eq!(upgraded.anchor, at("2025-10-15T00:00:00Z"));
    assert_eq!(upgraded.usage_period.starts_at, at("2025-10-15T00:00:00Z"));
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (1, 0));
    assert!(!upgraded.is_repeat);
    assert!(scene.meter.subscribe("u", &Subscribe::monthly("pro")).unwrap().is_repeat);
    // Both periods start in October: reports add them.
    assert_eq!(month(&scene.meter, "u", "2025-10"), 2);
    assert_eq!(month(&scene.meter, "u", "current"), 1);
}

#[test]
fn regression_26_an_event_at_a_boundary_belongs_to_the_period_that_starts_there() {
    let scene = Scene::new();
    for (key, now) in [("last", "2025-10-31T23:59:59.999999Z"), ("first", "2025-11-01T00:00:00Z")] {
        scene.at(now);
        scene.meter.record_call(&chat("u", key, 10, 5)).unwrap();
    }
    assert_eq!(month(&scene.meter, "u", "2025-10"), 1);
    assert_eq!(month(&scene.meter, "u", "2025-11"), 1);
    let days = rows(&scene.meter, "SELECT day FROM days ORDER BY day");
    assert_eq!(days.len(), 2);
}

#[test]
fn regression_26_a_late_event_counts_in_the_period_of_its_own_time() {
    let scene = Scene::new();
    scene.at("2025-12-05T00:00:00Z");
    let late =
        CallRecord { occurred_at: Some(at("2025-10-31T12:00:00Z")), ..chat("u", "k", 10, 5) };
    let receipt = scene.meter.record_call(&late).unwrap();
    assert_eq!(receipt.period_starts_at, at("2025-10-01T00:00:00Z"));
    assert_eq!(month(&scene.meter, "u", "2025-10"), 1);
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (0, 0));
    let call = log(&scene.meter, "u").calls.remove(0);
    assert_eq!(
        (call.occurred_at, call.recorded_at),
        (at("2025-10-31T12:00:00Z"), scene.clock.now())
    );
    // A hold counts where it was made, also when it is settled after the period has rolled.
    scene.at("2025-12-31T23:59:00Z");
    let hold = granted(&scene.meter, &ask("u", "h", 10, 5));
    scene.at("2026-01-01T00:01:00Z");
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (0, 0));
    scene.meter.settle("u", hold.hold_id, &Usage::tokens(10, 5).into()).unwrap();
    assert_eq!(month(&scene.meter, "u", "2025-12"), 1);
    assert_eq!(month(&scene.meter, "u", "2026-01"), 0);
    assert_verified(&scene.meter);
}

#[test]
fn regression_27_a_clock_that_steps_back_neither_loses_nor_doubles_usage() {
    let scene = Scene::new();
    scene.at("2025-11-01T00:00:10Z");
    scene.meter.record_call(&chat("u", "k1", 10, 5)).unwrap();
    scene.at("2025-10-31T23:59:50Z");
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (0, 0));
    scene.meter.record_call(&chat("u", "k2", 10, 5)).unwrap();
    assert_eq!(
        scene.meter.record_call(&chat("u", "k1", 10, 5)).unwrap().status,
        RecordStatus::Duplicate
    );
    scene.at("2025-11-01T00:00:10Z");
    assert_eq!(
        scene.meter.record_call(&chat("u", "k2", 10, 5)).unwrap().status,
        RecordStatus::Duplicate
    );
    assert_eq!(month(&scene.meter, "u", "2025-10"), 1);
    assert_eq!(month(&scene.meter, "u", "2025-11"), 1);
    assert_eq!(month(&scene.meter, "u", "all"), 2);
    // The log stays in the order of recording.
    let ids: Vec<i64> = log(&scene.meter, "u").calls.iter().map(|call| call.id).collect();
    assert_eq!(ids, [2, 1]);
    assert_verified(&scene.meter);
}

#[test]
fn regression_27_a_clock_that_steps_back_revives_no_expired_hold() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let hold = granted(meter, &ask("u", "k", 1000, 100));
    scene.clock.advance_ms(600_000);
    // The next write sees that it has expired, and writes it down.
    meter.record_call(&chat("u", "k2", 10, 5)).unwrap();
    scene.clock.advance_ms(-300_000);
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (1, 0));
    let outcome = CallOutcome::from(Usage::tokens(1000, 80));
    assert!(meter.settle("u", hold.hold_id, &outcome).unwrap().late);
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (2, 0));
    assert_verified(meter);
}
