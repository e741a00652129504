//! What a refused user is told: the plan that would help is one under which all of it fits.

use alwrity_metering::{
    CallRequest, CancelAt, Limit, Maximum, Metric, Reservations, Subscribe, Window,
};

use crate::conformance::samples::at;
use crate::scene::{SECOND_LIST, Scene, ask, ask_of, limit, refused};

const VIDEO: (&str, &str, &str) = ("wavespeed", "video_generation", "hunyuan-video");

#[test]
fn an_upgrade_is_to_a_plan_under_which_every_limit_that_refuses_has_room() {
    let scene = Scene::new();
    // 3 million tokens pass what Basic has of tokens; 101 calls only what Free has of calls.
    let many = CallRequest { call_count: 101, ..ask("u", "k", 3_000_000, 0) };
    let decision = refused(&scene.meter, &many);
    assert_eq!(decision.refusing.len(), 3, "{:?}", decision.refusing);
    assert_eq!(decision.upgrade_plan_id.as_deref(), Some("enterprise"), "303 million tokens");

    let one = refused(&scene.meter, &ask("u", "k", 3_000_000, 0));
    assert_eq!(one.refusing, ["gemini_tokens"]);
    assert_eq!(one.upgrade_plan_id.as_deref(), Some("pro"));
    assert!(one.message.ends_with("Upgrade to Pro for 5000000 a month."), "{}", one.message);
}

#[test]
fn an_upgrade_has_room_for_all_that_is_wanted_together() {
    let scene = Scene::new();
    scene.at(SECOND_LIST);
    // Eleven videos pass Basic; two million tokens pass it too, and Pro has room for both.
    let mut wishes = vec![ask("u", "chat", 2_000_000, 0)];
    wishes.extend((0..11).map(|_| ask_of("u", VIDEO)));
    let Reservations::Refused { decision } = scene.meter.reserve_all(&wishes).unwrap() else {
        panic!("granted");
    };
    assert_eq!(decision.upgrade_plan_id.as_deref(), Some("pro"));
    // Thirty-one videos pass Pro, whatever else is wanted.
    wishes.extend((0..20).map(|_| ask_of("u", VIDEO)));
    let decision = scene.meter.check_limits(&wishes).unwrap();
    assert_eq!(decision.upgrade_plan_id.as_deref(), Some("enterprise"));
    let limit = decision.limit.unwrap();
    assert_eq!(limit.name, "wavespeed_calls", "the tightest: it is not in the plan");
    assert!(decision.message.ends_with("Upgrade to Enterprise, which has no such limit."));
}

#[test]
fn where_no_plan_has_room_none_is_named() {
    let scene = Scene::new();
    // $500 is the most that any plan lets through.
    let decision =
        refused(&scene.meter, &CallRequest { call_count: 10, ..ask("u", "k", 900_000_000, 0) });
    assert!(decision.refusing.contains(&"monthly_cost".to_owned()));
    assert_eq!(decision.upgrade_plan_id, None);
    assert!(!decision.message.contains("Upgrade"), "{}", decision.message);
    // A limit of the user's own survives every change of plan, also beside one of the plan's.
    scene.meter.set_limit("own", &limit("gemini_calls", "0")).unwrap();
    let decision = refused(&scene.meter, &ask("own", "k", 200_000, 0));
    assert_eq!(decision.refusing, ["gemini_calls", "gemini_tokens"]);
    assert_eq!(decision.upgrade_plan_id, None);
}

#[test]
fn a_plan_that_is_not_offered_any_more_helps_nobody() {
    let scene = Scene::new();
    let mut basic = scene.meter.plans().unwrap().remove(1);
    basic.is_active = false;
    scene.meter.put_plan(&basic).unwrap();
    let decision = refused(&scene.meter, &ask("u", "k", 200_000, 0));
    assert_eq!(decision.upgrade_plan_id.as_deref(), Some("pro"));
}

#[test]
fn how_often_a_limit_is_granted_is_its_window() {
    let scene = Scene::new();
    let mut plans = scene.meter.plans().unwrap();
    for (plan, most) in plans.iter_mut().zip([1, 20, 50, 100]) {
        let daily = Limit::new("daily_calls", Metric::Calls, Maximum::AtMost(most)).unwrap();
        plan.limits.push(Limit { window: Window::Day, ..daily });
    }
    scene.meter.put_plans(&plans).unwrap();
    let many = CallRequest { call_count: 2, ..ask("u", "k", 1, 1) };
    let decision = refused(&scene.meter, &many);
    assert!(decision.message.ends_with("Upgrade to Basic for 20 a day."), "{}", decision.message);
}

#[test]
fn who_has_a_plan_that_is_not_granted_is_told_why_and_not_to_buy_it_again() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let told = |expected: &str| {
        let decision = refused(meter, &ask("u", "k", 200_000, 0));
        assert!(decision.message.ends_with(expected), "{}", decision.message);
        assert_eq!((decision.plan_id.as_str(), decision.upgrade_plan_id), ("free", None));
    };
    meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    meter.suspend("u").unwrap();
    told("The Basic subscription is suspended.");
    meter.resume("u").unwrap();
    meter.mark_past_due("u", at("2025-10-08T00:00:00Z")).unwrap();
    scene.at("2025-10-08T00:00:00Z");
    told("The payment of the Basic subscription is past due.");
    meter.cancel("u", CancelAt::Now).unwrap();
    let decision = refused(meter, &ask("u", "k", 200_000, 0));
    assert!(decision.message.ends_with("Upgrade to Basic for 1000000 a month."));
    let once = Subscribe { auto_renew: false, ..Subscribe::monthly("basic").paid("ch_2") };
    meter.subscribe("u", &once).unwrap();
    scene.at("2025-11-08T00:00:00Z");
    told("The Basic subscription has expired.");
}
