//! The golden cases: the same files that every other binding is held to.
//!
//! Their answers were worked out by hand; a test here never writes them.

use std::collections::BTreeSet;
use std::path::Path;

use alwrity_metering::{
    Amount, Anchor, BillingCycle, CallRecord, CallRequest, LimitChange, Money, PriceVersion,
    Reservation, Subscribe, Timestamp,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::conformance::samples::at;
use crate::scene::Scene;

fn read<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Asserts how many cases there are, each with an id of its own.
fn assert_counted<'a>(ids: impl Iterator<Item = &'a String>, count: usize) {
    let ids: Vec<&String> = ids.collect();
    assert_eq!(ids.len(), count);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), count, "an id comes once");
}

#[derive(Deserialize)]
struct Pricing {
    prices: Vec<PriceVersion>,
    cases: Vec<PricingCase>,
}

#[derive(Deserialize)]
struct PricingCase {
    id: String,
    call: CallRecord,
    expect: ExpectedQuote,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedQuote {
    cost_usd: Option<Money>,
    cost_input_usd: Money,
    cost_output_usd: Money,
    price_match: String,
    variant: Option<String>,
    effective_from: Option<Timestamp>,
}

#[test]
fn calls_cost_what_the_golden_cases_say() {
    let golden: Pricing = read("pricing.json");
    assert_counted(golden.cases.iter().map(|case| &case.id), 80);
    let scene = Scene::new();
    for price in &golden.prices {
        scene.meter.put_price(price).unwrap();
    }
    for PricingCase { id, call, expect } in &golden.cases {
        let quote = scene.meter.quote(call).unwrap();
        assert_eq!(quote.cost_usd, expect.cost_usd, "{id}");
        assert_eq!(quote.price_match.name(), expect.price_match, "{id}");
        let parts = (quote.cost_input_usd, quote.cost_output_usd);
        assert_eq!(parts, (expect.cost_input_usd, expect.cost_output_usd), "{id}");
        let price = quote.price_version;
        if let Some(variant) = &expect.variant {
            assert_eq!(price.as_ref().unwrap().variant.name(), variant, "{id}");
        }
        if let Some(from) = expect.effective_from {
            assert_eq!(price.as_ref().unwrap().effective_from, from, "{id}");
        }
        // A recorded call costs what it was quoted, and shows it as the same text.
        let record = CallRecord { user: "u".into(), ..call.clone() };
        let receipt = scene.meter.record_call(&record).unwrap();
        assert_eq!(receipt.cost_usd, expect.cost_usd, "{id}");
        assert_eq!(receipt.price_version_id, price.map(|price| price.id), "{id}");
    }
}

#[test]
fn the_golden_cases_price_every_common_unit_and_variant() {
    let golden: Pricing = read("pricing.json");
    let units: BTreeSet<String> = golden
        .cases
        .iter()
        .flat_map(|case| case.call.usage.iter().map(|(unit, _)| unit.to_string()))
        .collect();
    for unit in alwrity_metering::Unit::COMMON_NAMES {
        assert!(units.contains(unit), "{unit}");
    }
    for variant in alwrity_metering::Variant::ALL {
        assert!(golden.cases.iter().any(|case| case.call.variant == *variant), "{variant}");
    }
    for price_match in ["exact", "alias", "prefix", "provider_default", "unknown"] {
        let has = golden.cases.iter().any(|case| case.expect.price_match == price_match);
        assert!(has, "{price_match}");
    }
}

#[derive(Deserialize)]
struct Periods {
    cases: Vec<PeriodCase>,
}

#[derive(Deserialize)]
struct PeriodCase {
    id: String,
    anchor: Anchor,
    months: u32,
    at: Timestamp,
    starts_at: Timestamp,
    ends_at: Timestamp,
}

#[test]
fn periods_are_what_the_golden_cases_say() {
    let golden: Periods = read("periods.json");
    assert_counted(golden.cases.iter().map(|case| &case.id), 18);
    let scene = Scene::new();
    for case in &golden.cases {
        let id = &case.id;
        let span = case.anchor.period(case.months, case.at);
        assert_eq!((span.starts_at, span.ends_at), (case.starts_at, case.ends_at), "{id}");
        // The same through a subscription, whose cycle is a month or a year.
        let yearly = case.months == 12;
        let cycle = if yearly { BillingCycle::Yearly } else { BillingCycle::Monthly };
        let subscribe = Subscribe {
            billing_cycle: cycle,
            anchor: Some(case.anchor.0),
            starts_at: Some(Timestamp::MIN),
            ..Subscribe::monthly("pro")
        };
        scene.clock.set(case.at);
        scene.meter.subscribe(id, &subscribe).unwrap();
        assert_eq!(scene.meter.current_period(id).unwrap().billing_period, span, "{id}");
    }
}

#[derive(Deserialize)]
struct Decisions {
    cases: Vec<DecisionCase>,
}

#[derive(Deserialize)]
struct DecisionCase {
    id: String,
    at: String,
    plan: Option<String>,
    #[serde(default)]
    limits: Vec<GoldenLimit>,
    #[serde(default)]
    recorded: Vec<CallRecord>,
    #[serde(default)]
    reserved: Vec<CallRequest>,
    requests: Vec<CallRequest>,
    expect: ExpectedDecision,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoldenLimit {
    name: String,
    maximum: String,
    #[serde(default)]
    is_boost: bool,
    metric: Option<alwrity_metering::Metric>,
    window: Option<alwrity_metering::Window>,
    policy: Option<alwrity_metering::Policy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedDecision {
    allowed: bool,
    reason: String,
    refusing: Vec<String>,
    tightest: String,
    cost_usd: Money,
    #[serde(default)]
    used: Value,
    #[serde(default)]
    held: Value,
    #[serde(default)]
    wanted: Value,
    #[serde(default)]
    remaining: Value,
    resets_at: Option<Timestamp>,
    upgrade_plan_id: Option<String>,
    calls: Option<Vec<bool>>,
}

/// Brings a new store to where the case begins.
fn set_up(case: &DecisionCase) -> Scene {
    let scene = Scene::new();
    scene.clock.set(at(&case.at));
    let meter = &scene.meter;
    if let Some(plan) = &case.plan {
        meter.subscribe("u", &Subscribe::monthly(plan)).unwrap();
    }
    for limit in &case.limits {
        let GoldenLimit { name, maximum, is_boost, metric, window, policy } = limit;
        let change = LimitChange {
            name: name.clone(),
            maximum: maximum.clone(),
            is_boost: *is_boost,
            metric: metric.clone(),
            window: *window,
            policy: *policy,
            ..LimitChange::default()
        };
        meter.set_limit("u", &change).unwrap();
    }
    for record in &case.recorded {
        meter.record_call(&CallRecord { user: "u".into(), ..record.clone() }).unwrap();
    }
    for request in &case.reserved {
        let request = CallRequest { user: "u".into(), ..request.clone() };
        assert!(matches!(meter.reserve(&request).unwrap(), Reservation::Granted(_)), "{}", case.id);
    }
    scene
}

#[test]
fn decisions_are_what_the_golden_cases_say() {
    let golden: Decisions = read("decisions.json");
    assert_counted(golden.cases.iter().map(|case| &case.id), 23);
    for case in &golden.cases {
        let scene = set_up(case);
        let of_user = |request: &CallRequest| CallRequest { user: "u".into(), ..request.clone() };
        let requests: Vec<CallRequest> = case.requests.iter().map(of_user).collect();
        let decision = scene.meter.check_limits(&requests).unwrap();
        let (id, expect) = (&case.id, &case.expect);
        assert_eq!(decision.allowed, expect.allowed, "{id}: {}", decision.message);
        assert_eq!(serde_json::to_value(decision.reason).unwrap(), expect.reason, "{id}");
        assert_eq!(decision.refusing, expect.refusing, "{id}");
        assert_eq!(decision.cost_usd, expect.cost_usd, "{id}");
        let tightest = decision.limit.unwrap();
        assert_eq!(tightest.name, expect.tightest, "{id}");
        if !expect.allowed {
            let shown = |amount: Amount| serde_json::to_value(amount).unwrap();
            assert_eq!(shown(tightest.used), expect.used, "{id}");
            assert_eq!(shown(tightest.held), expect.held, "{id}");
            assert_eq!(shown(tightest.wanted), expect.wanted, "{id}");
            assert_eq!(shown(tightest.remaining.unwrap()), expect.remaining, "{id}");
        }
        assert_eq!(decision.resets_at, expect.resets_at, "{id}");
        assert_eq!(decision.upgrade_plan_id, expect.upgrade_plan_id, "{id}");
        if let Some(calls) = &expect.calls {
            let allowed: Vec<bool> = decision.calls.iter().map(|call| call.allowed).collect();
            assert_eq!(&allowed, calls, "{id}");
        }
        // To reserve is to be judged alike, for all together.
        let reserved = scene.meter.reserve_all(&requests).unwrap();
        let is_granted = matches!(reserved, alwrity_metering::Reservations::Granted { .. });
        assert_eq!(is_granted, expect.allowed, "{id}");
    }
}
