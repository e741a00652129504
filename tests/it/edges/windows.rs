//! Windows: limits per minute, hour and day are fixed UTC spans; a lifetime never resets.

use alwrity_metering::{LimitChange, Metric, Timestamp, Window};

use crate::conformance::samples::at;
use crate::scene::{
    Scene, ask, assert_verified, chat, granted, limit, refused, state, used_and_held,
};

fn per(window: Window) -> LimitChange {
    LimitChange { metric: Some(Metric::Calls), window: Some(window), ..limit("own", "2") }
}

/// Uses the limit up just before its window ends, and sees it free again from the end on.
fn assert_resets(window: Window, last: &str, end: &str) {
    let scene = Scene::new();
    let meter = &scene.meter;
    scene.at(last);
    meter.set_limit("u", &per(window)).unwrap();
    meter.record_call(&chat("u", "k1", 1, 1)).unwrap();
    let hold = granted(meter, &ask("u", "k2", 1, 1));
    assert_eq!(used_and_held(meter, "u", "own"), (1, 1));
    let decision = refused(meter, &ask("u", "k3", 1, 1));
    assert_eq!(decision.refusing, ["own"]);
    assert_eq!(decision.resets_at, Some(at(end)));
    assert_eq!(decision.retry_after_ms, Some(1), "a started millisecond counts");
    scene.at(end);
    assert_eq!(used_and_held(meter, "u", "own"), (0, 0), "a hold counts in its own window");
    granted(meter, &ask("u", "k3", 1, 1));
    meter.settle("u", hold.hold_id, &alwrity_metering::Usage::tokens(1, 1).into()).unwrap();
    assert_eq!(used_and_held(meter, "u", "own"), (0, 1));
    scene.at(last);
    assert_eq!(used_and_held(meter, "u", "own"), (2, 0));
    assert_verified(meter);
}

#[test]
fn a_minute_limit_resets_at_the_next_utc_minute() {
    assert_resets(Window::Minute, "2025-10-07T12:00:59.999999Z", "2025-10-07T12:01:00Z");
}

#[test]
fn an_hour_limit_resets_at_the_next_utc_hour() {
    assert_resets(Window::Hour, "2025-10-07T12:59:59.999999Z", "2025-10-07T13:00:00Z");
}

#[test]
fn a_day_limit_resets_at_the_next_utc_midnight() {
    assert_resets(Window::Day, "2025-10-07T23:59:59.999999Z", "2025-10-08T00:00:00Z");
}

#[test]
fn a_lifetime_limit_never_resets() {
    let scene = Scene::new();
    let meter = &scene.meter;
    meter.set_limit("u", &per(Window::Lifetime)).unwrap();
    meter.record_call(&chat("u", "k1", 1, 1)).unwrap();
    scene.at("2026-10-07T12:00:00Z");
    meter.record_call(&chat("u", "k2", 1, 1)).unwrap();
    scene.at("2031-10-07T12:00:00Z");
    let decision = refused(meter, &ask("u", "k3", 1, 1));
    assert_eq!((decision.resets_at, decision.retry_after_ms), (None, None));
    assert_eq!(state(meter, "u", "own").resets_at, None);
    assert!(decision.message.contains("in all"), "{}", decision.message);
    assert_verified(meter);
}

#[test]
fn a_new_short_window_counts_from_its_making_on_and_keeps_counting() {
    let scene = Scene::new();
    let meter = &scene.meter;
    meter.record_call(&chat("u", "before", 1, 1)).unwrap();
    meter.set_limit("u", &per(Window::Day)).unwrap();
    meter.record_call(&chat("u", "after", 1, 1)).unwrap();
    assert_eq!(used_and_held(meter, "u", "own"), (1, 0));
    meter.clear_limit("u", "own").unwrap();
    meter.record_call(&chat("u", "meanwhile", 1, 1)).unwrap();
    meter.set_limit("u", &per(Window::Day)).unwrap();
    assert_eq!(used_and_held(meter, "u", "own"), (2, 0));
    let scene = scene.reopened();
    assert_eq!(used_and_held(&scene.meter, "u", "own"), (2, 0));
    scene.meter.rebuild().unwrap();
    assert_eq!(used_and_held(&scene.meter, "u", "own"), (2, 0));
    assert_verified(&scene.meter);
}

#[test]
fn the_usage_period_is_the_default_window() {
    let scene = Scene::new();
    let state = state(&scene.meter, "u", "gemini_calls");
    assert_eq!(state.window, Window::Period);
    let end: Timestamp = scene.meter.current_period("u").unwrap().usage_period.ends_at;
    assert_eq!(state.resets_at, Some(end));
}
