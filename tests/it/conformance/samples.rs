//! Plain values that the cases are written with.

use std::collections::BTreeMap;

use alwrity_metering::domain::call::{Call, CallDetails, UsageSource};
use alwrity_metering::domain::counter::CounterKey;
use alwrity_metering::domain::hold::{Hold, HoldState};
use alwrity_metering::domain::key::CallKey;
use alwrity_metering::storage::{CatalogueChange, Changes};
use alwrity_metering::{
    Limit, Matcher, Maximum, Metric, Money, Operation, Plan, Policy, PriceMatch, PriceVersion,
    Rate, Tier, Timestamp, Unit, Usage, Variant, Window,
};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn usd(text: &str) -> Money {
    text.parse().unwrap()
}

pub(crate) fn unit(name: &str) -> Unit {
    name.parse().unwrap()
}

pub(crate) fn operation(name: &str) -> Operation {
    Operation::new(name).unwrap()
}

/// The start of the usage period of most samples, as text.
pub(crate) const OCTOBER: &str = "2025-10-01T00:00:00Z";

/// The start of the usage period of most samples.
pub(crate) fn october() -> Timestamp {
    at(OCTOBER)
}

/// That many hours after the start of October.
pub(crate) fn hour(number: i64) -> Timestamp {
    october().plus_micros(number * 3_600_000_000)
}

/// A chat of ten tokens in and five out with gemini, for a cent, on the 7th of October. It is
/// recorded days later, so that a store that takes the one instant for the other is found out.
pub(crate) fn call() -> Call {
    Call {
        id: 0,
        provider: "gemini".into(),
        operation: Operation::chat(),
        model: "gemini-2.5-flash".into(),
        variant: Variant::Standard,
        usage: Usage::tokens(10, 5),
        usage_source: UsageSource::Reported,
        call_count: 1,
        status_code: 200,
        occurred_at: at("2025-10-07T12:34:56.789012Z"),
        recorded_at: at("2025-10-10T00:00:00.000001Z"),
        period_starts_at: october(),
        cost: Some(usd("0.01")),
        cost_input: usd("0.004"),
        cost_output: usd("0.006"),
        vendor_cost: None,
        price_version_id: None,
        price_match: PriceMatch::Exact,
        is_late: false,
        details: CallDetails::default(),
    }
}

/// The sample call at another instant of the same usage period.
pub(crate) fn call_at(occurred_at: &str) -> Call {
    Call { occurred_at: at(occurred_at), ..call() }
}

/// The sample call of another provider and operation.
pub(crate) fn call_of(provider: &str, name: &str) -> Call {
    Call { provider: provider.into(), operation: operation(name), ..call() }
}

/// The sample call with an unknown cost.
pub(crate) fn unpriced() -> Call {
    Call {
        cost: None,
        cost_input: Money::ZERO,
        cost_output: Money::ZERO,
        price_match: PriceMatch::Unknown,
        ..call()
    }
}

/// A call that has something in every field.
pub(crate) fn full_call() -> Call {
    let every_unit = Unit::COMMON.iter().cloned().zip(1_000..);
    let usage: Usage = every_unit.chain([(unit("web_searches"), 3), (unit("z9_"), 1)]).collect();
    let details = CallDetails {
        actual_provider: Some("gemini".into()),
        endpoint: Some("/v1/chat?stream=true".into()),
        method: Some("POST".into()),
        response_time_ms: Some(0),
        request_size_bytes: Some(1 << 50),
        response_size_bytes: Some(0),
        retry_count: 3,
        error_message: Some("überlastet\n“später”".into()),
        ip_address: Some("2001:db8::1".into()),
        user_agent: Some("curl/8".into()),
        tags: BTreeMap::from([
            ("feature".to_owned(), "blog, 'writer'".to_owned()),
            ("空".to_owned(), String::new()),
        ]),
    };
    Call {
        provider: "openrouter".into(),
        operation: operation("image_edit"),
        model: "vendor/模型-1".into(),
        variant: Variant::Priority,
        usage,
        usage_source: UsageSource::ExpiredHold,
        call_count: 7,
        status_code: 599,
        vendor_cost: Some(usd("0.000000000001")),
        cost: Some(Money::MAX),
        cost_input: usd("1.5"),
        cost_output: usd("9223371.5"),
        price_version_id: Some(1),
        price_match: PriceMatch::NamedDefault,
        is_late: true,
        details,
        ..call()
    }
}

/// A call that has as little as possible in every field.
pub(crate) fn bare_call() -> Call {
    Call { model: String::new(), usage: Usage::none(), ..unpriced() }
}

/// A row that takes half of the sample call back.
pub(crate) fn correcting_call() -> Call {
    Call {
        usage: Usage::tokens(-5, -2).with(unit("web_searches"), -1),
        call_count: 0,
        cost: Some(usd("-0.005")),
        cost_input: usd("-0.002"),
        cost_output: usd("-0.003"),
        ..call()
    }
}

/// A hold for the sample call, until one o'clock.
pub(crate) fn hold(user: &str, key: &str) -> Hold {
    Hold {
        key: CallKey::new(user, key),
        provider: "gemini".into(),
        operation: Operation::chat(),
        model: "gemini-2.5-flash".into(),
        variant: Variant::Standard,
        call_count: 1,
        usage: Usage::tokens(10, 100),
        cost: usd("0.02"),
        price_version_id: None,
        price_match: PriceMatch::Unknown,
        reserved_at: at("2025-10-07T12:00:00Z"),
        expires_at: at("2025-10-07T13:00:00Z"),
        period_starts_at: october(),
        state: HoldState::Open,
        input_estimate: None,
    }
}

/// The key of a counter.
pub(crate) fn counter_key(
    window: Window,
    starts_at: &str,
    provider: &str,
    name: &str,
) -> CounterKey {
    CounterKey {
        window,
        starts_at: at(starts_at),
        provider: provider.into(),
        operation: operation(name),
    }
}

/// A plan with one limit of each kind.
pub(crate) fn plan(id: &str, monthly: &str) -> Plan {
    let limit = |name: &str, metric, maximum| Limit::new(name, metric, maximum).unwrap();
    let mut images = limit("images", Metric::Unit(Unit::Images), Maximum::AtMost(0));
    images.thresholds = vec![];
    let searches = limit("searches", Metric::Unit(unit("web_searches")), Maximum::AtMost(9));
    Plan {
        id: id.into(),
        name: format!("Plan {id} — 計画"),
        tier: Tier::Pro,
        price_monthly_usd: usd(monthly),
        price_yearly_usd: usd("278.40"),
        included_cost_usd: Some(usd("4.000000000001")),
        description: "For “teams”.".into(),
        features: vec!["seo".into(), "a, b".into()],
        limits: vec![
            limit("monthly_cost", Metric::Cost, Maximum::AtMost(20_000_000_000)),
            limit("tokens", Metric::Tokens, Maximum::Unlimited).with_policy(Policy::Soft),
            limit("gemini_calls", Metric::Calls, Maximum::AtMost(100))
                .for_provider("gemini")
                .unwrap()
                .for_operation(Operation::chat())
                .per(Window::Minute)
                .with_policy(Policy::Grace(10)),
            images,
            searches.per(Window::Lifetime),
        ],
        is_active: true,
    }
}

/// A price of one rate from the beginning of 2025 on.
pub(crate) fn price(provider: &str, model: &str, amount: &str) -> PriceVersion {
    PriceVersion {
        id: 0,
        provider: provider.into(),
        matcher: Matcher::Exact,
        model: model.into(),
        variant: Variant::Standard,
        operation: None,
        effective_from: at("2025-01-01T00:00:00Z"),
        source: "a test, 2025".into(),
        rates: vec![rate(Unit::InputTokens, 0, amount, 1_000_000)],
    }
}

/// A rate.
pub(crate) fn rate(unit: Unit, above_input_tokens: i64, amount: &str, per: i64) -> Rate {
    Rate { unit, above_input_tokens, amount: usd(amount), per }
}

/// Changes of the catalogue alone.
pub(crate) fn cataloguing(changes: &[CatalogueChange]) -> Changes {
    Changes { catalogue: changes.to_vec(), ..Changes::default() }
}

/// The change that sets a price.
pub(crate) fn pricing(price: PriceVersion) -> CatalogueChange {
    CatalogueChange::Price(Box::new(price))
}

/// The change that sets a plan.
pub(crate) fn planning(plan: Plan) -> CatalogueChange {
    CatalogueChange::Plan(Box::new(plan))
}
