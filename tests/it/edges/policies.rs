//! Policies, overrides and boosts: what happens at a maximum, and whose maximum it is.

use alwrity_metering::{Amount, LimitChange, Metric, Policy, Subscribe, Unit, Usage, UsageStatus};

use crate::conformance::samples::at;
use crate::scene::{
    Scene, ask, ask_of, assert_verified, chat, granted, limit, refused, state, used_and_held,
};

#[test]
fn a_hard_limit_lets_exactly_its_maximum_through() {
    let scene = Scene::new();
    scene.meter.set_limit("u", &limit("gemini_tokens", "15")).unwrap();
    refused(&scene.meter, &ask("u", "k1", 10, 6));
    granted(&scene.meter, &ask("u", "k2", 10, 5));
    refused(&scene.meter, &ask("u", "k3", 0, 1));
    granted(&scene.meter, &ask("u", "k4", 0, 0));
}

#[test]
fn a_soft_limit_never_refuses_and_warns() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let soft = LimitChange { policy: Some(Policy::Soft), ..limit("gemini_calls", "2") };
    meter.set_limit("u", &soft).unwrap();
    for number in 0..5 {
        let receipt = meter.record_call(&chat("u", &number.to_string(), 1, 1)).unwrap();
        assert!(receipt.limits_exceeded.is_empty(), "a soft limit does not refuse");
    }
    granted(meter, &ask("u", "k", 1, 1));
    assert_eq!(state(meter, "u", "gemini_calls").used_percent, Some(250.0));
    assert_eq!(meter.limits("u").unwrap().usage_status, UsageStatus::Warning);
}

#[test]
fn a_share_of_many_times_a_soft_maximum_is_still_a_number() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let soft = LimitChange { policy: Some(Policy::Soft), ..limit("gemini_tokens", "1") };
    meter.set_limit("u", &soft).unwrap();
    meter.record_call(&chat("u", "k", 30_000, 0)).unwrap();
    assert_eq!(state(meter, "u", "gemini_tokens").used_percent, Some(3_000_000.0));
    let summary = meter.usage_summary("u", &"current".parse().unwrap()).unwrap();
    assert_eq!(summary.usage_percentages["gemini_tokens"], 3_000_000.0);
}

#[test]
fn a_grace_limit_refuses_above_its_percentage_rounded_down() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let grace = LimitChange { policy: Some(Policy::Grace(10)), ..limit("gemini_tokens", "105") };
    meter.set_limit("u", &grace).unwrap();
    // 105 × 110 ÷ 100 = 115.5
    refused(meter, &ask("u", "k1", 116, 0));
    granted(meter, &ask("u", "k2", 115, 0));
    assert_eq!(state(meter, "u", "gemini_tokens").remaining, Some(Amount::Count(0)));
    let over = meter.record_call(&chat("u", "k3", 116, 0)).unwrap();
    assert_eq!(over.limits_exceeded.len(), 1);
    assert_eq!(meter.limits("u").unwrap().usage_status, UsageStatus::LimitReached);
}

#[test]
fn the_status_warns_from_80_percent_and_tells_when_it_is_used_up() {
    let scene = Scene::new();
    let meter = &scene.meter;
    meter.set_limit("u", &limit("gemini_calls", "10")).unwrap();
    let mut seen = Vec::new();
    for number in 1..=11 {
        meter.record_call(&chat("u", &number.to_string(), 1, 1)).unwrap();
        seen.push(meter.limits("u").unwrap().usage_status);
    }
    let (active, warning) = (UsageStatus::Active, UsageStatus::Warning);
    let expected = [vec![active; 7], vec![warning; 2], vec![UsageStatus::LimitReached; 2]].concat();
    assert_eq!(seen, expected);
}

#[test]
fn an_override_is_in_force_within_its_half_open_span() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let change = LimitChange {
        starts_at: Some(at("2025-10-10T00:00:00Z")),
        ends_at: Some(at("2025-10-12T00:00:00Z")),
        note: Some("a trial, token=abc123".into()),
        ..limit("gemini_calls", "7")
    };
    meter.set_limit("u", &change).unwrap();
    let maximum = |now: &str| {
        scene.at(now);
        let state = state(meter, "u", "gemini_calls");
        (state.maximum.unwrap().number(), state.is_override)
    };
    assert_eq!(maximum("2025-10-09T23:59:59.999999Z"), (100, false));
    assert_eq!(maximum("2025-10-10T00:00:00Z"), (7, true));
    assert_eq!(maximum("2025-10-11T23:59:59.999999Z"), (7, true));
    assert_eq!(maximum("2025-10-12T00:00:00Z"), (100, false));
    let note = meter.query("SELECT note FROM limit_overrides").unwrap().rows.remove(0).remove(0);
    assert_eq!(note, alwrity_metering::Cell::Text("a trial, token=[redacted]".into()));
}

#[test]
fn boosts_add_to_the_maximum_and_end() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let boost = |maximum: &str, until: &str| LimitChange {
        is_boost: true,
        ends_at: Some(at(until)),
        ..limit("gemini_calls", maximum)
    };
    meter.set_limit("u", &boost("50", "2025-10-10T00:00:00Z")).unwrap();
    meter.set_limit("u", &boost("5", "2025-10-20T00:00:00Z")).unwrap();
    let maximum = || state(meter, "u", "gemini_calls").maximum.unwrap().number();
    assert_eq!(maximum(), 155);
    meter.set_limit("u", &limit("gemini_calls", "10")).unwrap();
    assert_eq!(maximum(), 65);
    scene.at("2025-10-10T00:00:00Z");
    assert_eq!(maximum(), 15);
    scene.at("2025-10-20T00:00:00Z");
    assert_eq!(maximum(), 10);
    // A boost of "no limit" changes nothing, and no boost is without an end in sight.
    meter
        .set_limit("e", &LimitChange { is_boost: true, ..limit("ai_text_generation_calls", "5") })
        .unwrap();
    assert_eq!(state(meter, "e", "ai_text_generation_calls").maximum, None);
    let endless = LimitChange { is_boost: true, ..limit("gemini_calls", "unlimited") };
    assert_eq!(meter.set_limit("u", &endless).unwrap_err().code(), "invalid_argument");
}

#[test]
fn an_override_survives_a_change_of_plan_and_editing_touches_no_counter() {
    let scene = Scene::new();
    let meter = &scene.meter;
    meter.record_call(&chat("u", "k", 10, 5)).unwrap();
    meter.set_limit("u", &limit("gemini_calls", "3")).unwrap();
    meter.set_limit("u", &limit("gemini_calls", "4")).unwrap();
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (1, 0));
    meter.subscribe("u", &Subscribe::monthly("pro")).unwrap();
    let kept = state(meter, "u", "gemini_calls");
    assert_eq!((kept.maximum.unwrap().number(), kept.is_override), (4, true));
    meter.clear_limit("u", "gemini_calls").unwrap();
    assert_eq!(state(meter, "u", "gemini_calls").maximum, Some(Amount::Count(5000)));
    assert_eq!(meter.clear_limit("u", "gemini_calls").unwrap_err().code(), "unknown_limit");
    assert_verified(meter);
}

#[test]
fn an_override_may_name_a_limit_that_the_plan_lacks() {
    let scene = Scene::new();
    let meter = &scene.meter;
    // By the pattern of the names, of a provider that the catalogue knows.
    meter.set_limit("u", &limit("xai_calls", "0")).unwrap();
    assert_eq!(refused(meter, &ask_of("u", ("xai", "chat", "grok-3"))).refusing, ["xai_calls"]);
    let images = LimitChange {
        metric: Some(Metric::Unit(Unit::Images)),
        operation: Some("image_generation".into()),
        ..limit("pictures", "3")
    };
    meter.set_limit("u", &images).unwrap();
    let request = ask_of("u", ("stability", "image_generation", ""));
    let four = alwrity_metering::CallRequest { usage: Usage::of(Unit::Images, 4), ..request };
    let decision = refused(meter, &four);
    assert_eq!(decision.refusing, ["pictures"]);
    let message = "Limit of images would be exceeded. Current: 0, Requested: 4, Limit: 3.";
    assert!(decision.message.starts_with(message), "{}", decision.message);
    // No plan would help: the user's own limit stands above all of them.
    assert_eq!(decision.upgrade_plan_id, None);
    assert!(!decision.message.contains("Upgrade"), "{}", decision.message);
    assert_eq!(meter.set_limit("u", &limit("what", "1")).unwrap_err().code(), "unknown_limit");
}

#[test]
fn the_answer_names_the_tightest_limit_and_what_would_help() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let allowed = meter.check_limit(&ask("u", "k", 50_000, 0)).unwrap();
    assert_eq!(allowed.limit.as_ref().unwrap().name, "gemini_calls");
    assert_eq!((allowed.message.as_str(), allowed.retry_after_ms), ("within all limits", None));
    granted(meter, &ask("u", "k", 60_000, 0));
    let allowed = meter.check_limit(&ask("u", "k2", 1, 0)).unwrap();
    assert_eq!(allowed.limit.as_ref().unwrap().name, "gemini_tokens", "the least room is left");
    let names: Vec<_> = allowed.limits.iter().map(|limit| limit.name.as_str()).collect();
    assert_eq!(
        names,
        ["gemini_tokens", "gemini_calls", "monthly_cost", "ai_text_generation_calls"]
    );
    let decision = refused(meter, &ask("u", "k3", 50_000, 0));
    assert_eq!(decision.upgrade_plan_id.as_deref(), Some("basic"));
    assert_eq!(decision.resets_at, Some(at("2025-11-01T00:00:00Z")));
    assert_eq!(decision.retry_after_ms, Some((24 * 24 + 12) * 3_600_000));
    assert!(
        decision
            .message
            .ends_with("It resets at 2025-11-01T00:00:00Z. Upgrade to Basic for 1000000 a month."),
        "{}",
        decision.message
    );
}
