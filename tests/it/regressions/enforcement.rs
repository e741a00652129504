//! Enforcement: a hard limit is never passed, and nothing but the limits refuses.

use std::sync::atomic::{AtomicI64, Ordering};

use alwrity_metering::{
    Amount, CallRecord, CallRequest, LimitChange, Metric, Reason, Reservation, Reservations,
    Subscribe, Unit, Usage, UsageStatus,
};

use super::counting::in_threads;
use super::processes::{run, spend};
use crate::scene::{
    NOON, SECOND_LIST, Scene, ask, ask_of, assert_verified, call, chat, cost, granted, limit, log,
    number, refused, state, used_and_held,
};

const VIDEO: (&str, &str, &str) = ("wavespeed", "video_generation", "hunyuan-video");

#[test]
fn regression_03_eight_threads_pass_a_limit_of_100_calls_exactly_100_times() {
    let scene = Scene::new();
    let passed = AtomicI64::new(0);
    in_threads(|thread| {
        passed.fetch_add(spend(&scene.meter, &format!("t{thread}")), Ordering::SeqCst);
    });
    assert_eq!(passed.into_inner(), 100);
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (100, 0));
    assert_eq!(log(&scene.meter, "u").total_count, 100);
    assert_verified(&scene.meter);
}

#[test]
fn regression_03_four_processes_pass_a_limit_of_100_calls_exactly_100_times() {
    let scene = Scene::new();
    run("reserve", &scene.path(), NOON, 4);
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (100, 0));
    assert_eq!(log(&scene.meter, "u").total_count, 100);
    let decision = refused(&scene.meter, &ask("u", "one more", 10, 5));
    assert_eq!(decision.refusing, ["gemini_calls"]);
    assert_verified(&scene.meter);
}

#[test]
fn regression_03_holds_alone_use_a_limit_up() {
    let scene = Scene::new();
    let granted = AtomicI64::new(0);
    in_threads(|thread| {
        for number in 0..30 {
            let request = ask("u", &format!("t{thread} {number}"), 10, 5);
            if let Reservation::Granted(_) = scene.meter.reserve(&request).unwrap() {
                granted.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    assert_eq!(granted.into_inner(), 100);
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (0, 100));
}

#[test]
fn regression_04_a_big_refused_request_does_not_block_a_small_one() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let (small, big) = (ask("u", "small", 100, 100), ask("u", "big", 99_901, 100));
    for _ in 0..2 {
        assert!(!meter.check_limit(&big).unwrap().allowed);
        assert!(meter.check_limit(&small).unwrap().allowed);
    }
    assert_eq!(refused(meter, &big).refusing, ["gemini_tokens"]);
    granted(meter, &small);
    assert_eq!(used_and_held(meter, "u", "gemini_tokens"), (0, 200));
}

#[test]
fn regression_04_an_allowed_small_request_does_not_wave_a_big_one_through() {
    let scene = Scene::new();
    let meter = &scene.meter;
    granted(meter, &ask("u", "small", 100, 100));
    let exactly = ask("u", "exactly", 99_700, 100);
    let one_more = ask("u", "one more", 99_701, 100);
    assert!(meter.check_limit(&exactly).unwrap().allowed);
    let decision = meter.check_limit(&one_more).unwrap();
    assert!(!decision.allowed);
    let tightest = decision.limit.unwrap();
    assert_eq!(tightest.name, "gemini_tokens");
    let numbers = (tightest.used.number(), tightest.held.number(), tightest.wanted.number());
    assert_eq!(numbers, (0, 200, 99_801));
    assert_eq!(tightest.remaining, Some(Amount::Count(99_800)));
    assert!(decision.message.contains("Token limit would be exceeded for gemini"));
    assert!(decision.message.contains("Current: 200, Requested: 99801, Limit: 100000"));
}

#[test]
fn regression_05_when_one_of_two_limits_refuses_the_other_is_untouched() {
    let scene = Scene::new();
    scene.at(SECOND_LIST);
    let meter = &scene.meter;
    meter.subscribe("u", &Subscribe::monthly("basic").waived("test")).unwrap();
    meter.set_limit("u", &limit("video_calls", "1")).unwrap();
    granted(meter, &ask_of("u", VIDEO));
    let before = meter.limits("u").unwrap();
    let decision = refused(meter, &ask_of("u", VIDEO));
    assert_eq!(decision.refusing, ["video_calls"]);
    assert_eq!(meter.limits("u").unwrap(), before);
    assert_eq!(used_and_held(meter, "u", "wavespeed_calls"), (0, 1));
    // All or none: the chat that would fit is not held either.
    let both = [ask("u", "chat", 10, 5), ask_of("u", VIDEO)];
    let reservations = meter.reserve_all(&both).unwrap();
    assert!(matches!(reservations, Reservations::Refused { .. }));
    assert_eq!(meter.limits("u").unwrap(), before);
    assert_eq!(number(meter, "SELECT count(*) FROM holds"), 1);
}

#[test]
fn regression_07_zero_refuses_the_first_call_and_no_limit_never_refuses() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let request = CallRequest::new("u", "openai", "gpt-4o-mini").with_tokens(1, 1);
    let decision = refused(meter, &request);
    assert_eq!(decision.reason, Reason::NotInPlan);
    assert_eq!(decision.refusing, ["openai_calls", "openai_tokens"]);
    assert_eq!(
        decision.message,
        "OpenAI calls are not part of the Free plan. Upgrade to Basic for 500 a month."
    );
    assert_eq!(decision.upgrade_plan_id.as_deref(), Some("basic"));

    meter.subscribe("e", &Subscribe::monthly("enterprise").waived("test")).unwrap();
    let many = CallRequest { call_count: 1_000_000, user: "e".into(), ..request };
    assert_eq!(meter.check_limit(&many).unwrap().reason, Reason::WithinLimits);
    granted(meter, &many);
}

#[test]
fn regression_07_json_and_sql_tell_zero_from_no_limit() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let shown = |user: &str| serde_json::to_value(meter.limits(user).unwrap()).unwrap();
    let maximum = |limits: &serde_json::Value, name: &str| {
        let all = limits["limits"].as_array().unwrap();
        all.iter().find(|limit| limit["name"] == name).unwrap()["maximum"].clone()
    };
    let free = shown("u");
    assert_eq!(maximum(&free, "openai_calls"), 0);
    assert_eq!(maximum(&free, "ai_text_generation_calls"), serde_json::Value::Null);
    assert_eq!(maximum(&free, "gemini_calls"), 100);
    assert_eq!(maximum(&free, "monthly_cost"), "2");
    let free = "SELECT openai_calls_limit, ifnull(ai_text_generation_calls_limit, -1), \
                gemini_calls_limit FROM subscription_plans WHERE id = 'free'";
    let cells: Vec<i64> = ["0", "-1", "100"].iter().map(|n| n.parse().unwrap()).collect();
    let row = meter.query(free).unwrap().rows.remove(0);
    assert_eq!(row, cells.into_iter().map(alwrity_metering::Cell::Integer).collect::<Vec<_>>());
}

#[test]
fn regression_08_the_cost_cap_sees_every_provider_and_operation() {
    let scene = Scene::new();
    scene.at(SECOND_LIST);
    let meter = &scene.meter;
    meter.subscribe("u", &Subscribe::monthly("pro").waived("test")).unwrap();
    let calls = [
        (("gemini", "chat", "gemini-2.5-flash"), Usage::tokens(1_000_000, 0), "0.3"),
        (("stability", "image_generation", "stable-diffusion"), Usage::of(Unit::Images, 2), "0.08"),
        (("wavespeed", "image_edit", "qwen-edit"), Usage::of(Unit::Images, 1), "0.02"),
        (VIDEO, Usage::none(), "0.1"),
        (
            ("wavespeed", "audio_generation", "minimax/speech-02-hd"),
            Usage::of(Unit::Characters, 2000),
            "0.1",
        ),
        (("tavily", "search", ""), Usage::of(Unit::Searches, 5), "0.04"),
        (("firecrawl", "crawl", ""), Usage::of(Unit::Pages, 10), "0.02"),
    ];
    for (number, (what, usage, expected)) in calls.iter().enumerate() {
        let record = call("u", &number.to_string(), *what, usage.clone());
        let receipt = meter.record_call(&record).unwrap();
        assert_eq!(receipt.cost_usd.unwrap().to_string(), *expected, "{what:?}");
    }
    assert_eq!(cost(meter, "u"), "0.66");
    assert_eq!(state(meter, "u", "monthly_cost").used.to_string(), "$0.66");
    // With the cap at what is used, each of them is refused by it alone.
    meter.set_limit("u", &limit("monthly_cost", "0.66")).unwrap();
    for (what, usage, _) in calls {
        let request = CallRequest { usage, ..ask_of("u", what) };
        let decision = meter.check_limit(&request).unwrap();
        assert_eq!(decision.refusing, ["monthly_cost"], "{what:?}");
        assert!(decision.message.starts_with("Monthly cost limit reached. Current cost: $0.66"));
    }
}

#[test]
fn regression_09_a_preflight_of_thirty_videos_against_two_names_what_breaks_it() {
    let scene = Scene::new();
    scene.at(SECOND_LIST);
    let meter = &scene.meter;
    meter.subscribe("u", &Subscribe::monthly("basic").waived("test")).unwrap();
    meter.set_limit("u", &limit("video_calls", "2")).unwrap();
    let mut requests = vec![ask_of("u", ("gemini", "chat", "gemini-2.5-flash"))];
    requests.extend(vec![ask_of("u", VIDEO); 30]);
    let decision = meter.check_limits(&requests).unwrap();
    assert!(!decision.allowed);
    assert_eq!(decision.refusing, ["video_calls"]);
    assert_eq!(decision.limit.as_ref().unwrap().wanted, Amount::Count(30));
    assert!(decision.message.contains("video generation"), "{}", decision.message);
    let allowed: Vec<bool> = decision.calls.iter().map(|call| call.allowed).collect();
    assert_eq!(allowed, [vec![true; 3], vec![false; 28]].concat());
    let broken = &decision.calls[3];
    assert_eq!(broken.operation.as_str(), "video_generation");
    assert!(broken.message.as_ref().unwrap().contains("video generation"));
    assert_eq!(meter.limits("u").unwrap().usage_status, UsageStatus::Active);
}

#[test]
fn regression_09_a_preflight_checks_the_cost_cap_too() {
    let scene = Scene::new();
    scene.at(SECOND_LIST);
    let meter = &scene.meter;
    meter.subscribe("u", &Subscribe::monthly("pro").waived("test")).unwrap();
    meter.set_limit("u", &limit("monthly_cost", "2.99")).unwrap();
    let decision = meter.check_limits(&vec![ask_of("u", VIDEO); 30]).unwrap();
    assert_eq!(decision.refusing, ["monthly_cost"]);
    assert_eq!(decision.cost_usd.to_string(), "3");
    let as_one = CallRequest { call_count: 30, ..ask_of("u", VIDEO) };
    assert_eq!(meter.check_limit(&as_one).unwrap().refusing, ["monthly_cost"]);
    assert!(meter.check_limits(&vec![ask_of("u", VIDEO); 29]).unwrap().allowed);
}

#[test]
fn regression_10_a_wavespeed_video_counts_against_both_limits() {
    let scene = Scene::new();
    scene.at(SECOND_LIST);
    let meter = &scene.meter;
    meter.subscribe("u", &Subscribe::monthly("basic").waived("test")).unwrap();
    meter.record_call(&call("u", "k", VIDEO, Usage::none())).unwrap();
    granted(meter, &ask_of("u", VIDEO));
    for name in ["wavespeed_calls", "video_calls"] {
        assert_eq!(used_and_held(meter, "u", name), (1, 1), "{name}");
    }
    assert_eq!(used_and_held(meter, "u", "ai_text_generation_calls"), (0, 0));
    let elsewhere = ask_of("u", ("fal", "video_generation", "any"));
    granted(meter, &elsewhere);
    assert_eq!(used_and_held(meter, "u", "video_calls"), (1, 2));
    assert_eq!(used_and_held(meter, "u", "wavespeed_calls"), (1, 1));
}

#[test]
fn only_reserve_enforces_and_a_record_over_the_limit_says_so() {
    let scene = Scene::new();
    let meter = &scene.meter;
    meter.set_limit("u", &limit("gemini_calls", "1")).unwrap();
    let within = meter.record_call(&chat("u", "k1", 1, 1)).unwrap();
    assert!(within.limits_exceeded.is_empty());
    let over = meter.record_call(&chat("u", "k2", 1, 1)).unwrap();
    let names: Vec<&str> = over.limits_exceeded.iter().map(|limit| limit.name.as_str()).collect();
    assert_eq!(names, ["gemini_calls"]);
    assert_eq!(meter.limits("u").unwrap().usage_status, UsageStatus::LimitReached);
    let four = CallRecord { usage: Usage::of(Unit::Images, 4), ..CallRecord::default() };
    let four = CallRecord { user: "u".into(), provider: "stability".into(), ..four };
    assert_eq!(meter.record_call(&four).unwrap().call_count, 1);
    assert_eq!(used_and_held(meter, "u", "stability_calls"), (1, 0));
    let images = LimitChange { metric: Some(Metric::Unit(Unit::Images)), ..limit("images", "5") };
    meter.set_limit("u", &images).unwrap();
    // A new limit sees the running period's usage.
    assert_eq!(used_and_held(meter, "u", "images"), (4, 0));
}
