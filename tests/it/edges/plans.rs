//! Plans and subscriptions as they are changed while they are in use.

use alwrity_metering::{
    Amount, BillingCycle, Limit, Maximum, Metric, Plan, Subscribe, SubscriptionStatus,
};

use crate::conformance::samples::{at, plan, usd};
use crate::scene::{Scene, ask, chat, granted, refused, state, used_and_held};

#[test]
fn a_replaced_plan_changes_limits_at_once_and_no_counter() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let with = |calls: i64| Plan {
        limits: vec![
            Limit::new("gemini_calls", Metric::Calls, Maximum::AtMost(calls))
                .unwrap()
                .for_provider("gemini")
                .unwrap(),
        ],
        ..plan("own", "5")
    };
    meter.put_plan(&with(2)).unwrap();
    meter.subscribe("u", &Subscribe::monthly("own")).unwrap();
    meter.record_call(&chat("u", "k1", 1, 1)).unwrap();
    granted(meter, &ask("u", "k2", 1, 1));
    refused(meter, &ask("u", "k3", 1, 1));
    meter.put_plan(&with(3)).unwrap();
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (1, 1));
    granted(meter, &ask("u", "k3", 1, 1));
    meter.put_plan(&with(1)).unwrap();
    assert_eq!(state(meter, "u", "gemini_calls").remaining, Some(Amount::Count(0)));
    refused(meter, &ask("u", "k4", 1, 1));
    assert_eq!(meter.plans().unwrap().len(), 5);
}

#[test]
fn plans_come_cheapest_first_and_seeding_again_keeps_what_was_edited() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let ids = || meter.plans().unwrap().into_iter().map(|plan| plan.id).collect::<Vec<_>>();
    assert_eq!(ids(), ["free", "basic", "pro", "enterprise"]);
    let mut edited = meter.plans().unwrap().remove(1);
    edited.price_monthly_usd = usd("99");
    meter.put_plan(&edited).unwrap();
    assert_eq!(ids(), ["free", "pro", "basic", "enterprise"]);
    assert_eq!(meter.seed("default").unwrap(), alwrity_metering::Seeded::default());
    assert_eq!(meter.seed("alwrity-2026").unwrap().plans, 0);
    assert_eq!(meter.plans().unwrap()[2], edited);
}

#[test]
fn the_default_plan_is_an_option() {
    let scene = Scene::with(|options| options.default_plan = "pro".into());
    assert_eq!(scene.meter.limits("anybody").unwrap().plan_id, "pro");
    assert_eq!(scene.meter.current_period("anybody").unwrap().plan_id, "pro");
    scene.meter.subscribe("u", &Subscribe::monthly("basic")).unwrap();
    assert_eq!(scene.meter.limits("u").unwrap().plan_id, "basic");
}

#[test]
fn a_subscription_may_start_later_and_count_from_an_anchor_of_its_own() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let later = Subscribe {
        anchor: Some(at("2025-01-31T00:00:00Z")),
        starts_at: Some(at("2025-10-10T00:00:00Z")),
        billing_cycle: BillingCycle::Yearly,
        ..Subscribe::monthly("pro")
    };
    let receipt = meter.subscribe("u", &later).unwrap();
    assert_eq!((receipt.plan_id.as_str(), receipt.status), ("pro", SubscriptionStatus::Active));
    assert_eq!(receipt.usage_period.starts_at, at("2025-09-30T00:00:00Z"));
    assert_eq!(receipt.billing_period.ends_at, at("2026-01-31T00:00:00Z"));
    assert_eq!(meter.limits("u").unwrap().plan_id, "free");
    scene.at("2025-10-10T00:00:00Z");
    let standing = meter.current_period("u").unwrap();
    assert_eq!((standing.plan_id.as_str(), standing.usage_period), ("pro", receipt.usage_period));
    assert_eq!(standing.term.unwrap().billing_cycle, BillingCycle::Yearly);
}

#[test]
fn a_downgrade_below_what_is_used_refuses_from_then_on() {
    let scene = Scene::new();
    let meter = &scene.meter;
    meter.subscribe("u", &Subscribe::monthly("pro")).unwrap();
    let record = alwrity_metering::CallRecord { call_count: 150, ..chat("u", "k", 1, 1) };
    meter.record_call(&record).unwrap();
    granted(meter, &ask("u", "k1", 1, 1));
    meter.subscribe("u", &Subscribe::monthly("free")).unwrap();
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (150, 1));
    let decision = refused(meter, &ask("u", "k2", 1, 1));
    assert_eq!(decision.refusing, ["gemini_calls"]);
    assert_eq!(decision.limit.unwrap().remaining, Some(Amount::Count(0)));
}
