//! Random calls as hosts make them: what the properties and the model test are fed with.

use alwrity_metering::{
    CallDetails, CallOutcome, CallRecord, CallRequest, Money, Timestamp, Unit, Usage, UsageSource,
    Variant,
};
use proptest::option::weighted;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;

use crate::conformance::samples::{at, unit};

/// The users of random calls.
pub(crate) const USERS: [&str; 3] = ["ann", "bob", "用户 42"];

/// A user.
pub(crate) fn users() -> impl Strategy<Value = &'static str> {
    select(USERS.to_vec())
}

/// One of a few keys, so that they meet again.
pub(crate) fn keys() -> impl Strategy<Value = String> {
    (0_u8..16).prop_map(|number| format!("key {number}"))
}

/// Provider, operation and model: some by their id, by an alias, by a prefix, by the provider's
/// default, some of unknown price.
pub(crate) fn targets() -> impl Strategy<Value = (&'static str, Option<&'static str>, &'static str)>
{
    select(vec![
        ("gemini", None, "gemini-2.5-flash"),
        ("gemini", None, "models/gemini-2.5-pro"),
        ("openai", Some("chat"), "gpt-4o-mini"),
        ("anthropic", None, "claude-3-5-sonnet"),
        ("mistral", None, "gpt-oss-120b"),
        ("tavily", None, ""),
        ("firecrawl", None, "firecrawl-extract"),
        ("stability", None, "stable-diffusion"),
        ("wavespeed", Some("video_generation"), "hunyuan-video"),
        ("acme", Some("chat"), "acme-1"),
        ("acme", Some("image_generation"), "acme-2"),
    ])
}

/// What a call used; the parts of tokens are within their whole.
pub(crate) fn usages() -> impl Strategy<Value = Usage> {
    let tokens = prop_oneof![2 => 0_i64..3000, 1 => 0_i64..60_000];
    let others = prop_oneof![
        4 => Just(None),
        1 => (1_i64..20).prop_map(|n| Some((Unit::Searches, n))),
        1 => (1_i64..5).prop_map(|n| Some((Unit::Images, n))),
        1 => (1_i64..5).prop_map(|n| Some((unit("web_searches"), n))),
    ];
    (tokens, 0_i64..800, 0_i64..=100, others).prop_map(|(input, output, cached, other)| {
        let cached = if cached > 50 { input * (cached - 50) / 100 } else { 0 };
        let usage = Usage::tokens(input, output).with(Unit::CachedInputTokens, cached);
        other.into_iter().fold(usage, |usage, (unit, quantity)| usage.with(unit, quantity))
    })
}

/// An instant of the months from September to December, often at their ends.
pub(crate) fn instants() -> impl Strategy<Value = Timestamp> {
    let ends = ["2025-10-01T00:00:00Z", "2025-10-31T23:59:59.999999Z", "2025-11-01T00:00:00Z"];
    prop_oneof![
        select(ends.map(at).to_vec()),
        (0_i64..100 * 24 * 60)
            .prop_map(|minute| at("2025-09-05T00:00:00Z").plus_micros(minute * 60_000_001)),
    ]
}

fn details() -> impl Strategy<Value = CallDetails> {
    (weighted(0.5, 0_i64..9000), weighted(0.2, Just("token=abc failed")), 0_i64..3).prop_map(
        |(response_time_ms, error_message, retry_count)| CallDetails {
            response_time_ms,
            error_message: error_message.map(str::to_owned),
            retry_count,
            ..CallDetails::default()
        },
    )
}

fn statuses() -> impl Strategy<Value = i64> {
    select(vec![200, 200, 200, 200, 404, 500])
}

fn vendor_costs() -> impl Strategy<Value = Option<Money>> {
    weighted(0.1, (0_i64..100_000_000_000).prop_map(Money::from_pico_usd))
}

/// A record under one of a few keys.
pub(crate) fn records() -> impl Strategy<Value = CallRecord> {
    let place = (users(), targets(), weighted(0.3, instants()), keys());
    let outcome = (usages(), vendor_costs(), statuses(), details());
    (place, outcome, 1_i64..4, select(Variant::ALL.to_vec())).prop_map(
        |((user, target, occurred_at, key), outcome, call_count, variant)| {
            let (provider, operation, model) = target;
            let (usage, vendor_cost_usd, status_code, details) = outcome;
            CallRecord {
                operation: operation.map(str::to_owned),
                variant,
                vendor_cost_usd,
                status_code,
                call_count,
                occurred_at,
                idempotency_key: Some(key),
                details,
                ..CallRecord::new(user, provider, model, usage)
            }
        },
    )
}

/// A request under one of a few keys.
pub(crate) fn requests() -> impl Strategy<Value = CallRequest> {
    let tokens = (0_i64..20_000, weighted(0.7, 0_i64..3000));
    let place = (users(), targets(), keys(), weighted(0.1, instants()));
    (place, tokens, 1_i64..3, weighted(0.5, 1_i64..3_600_000)).prop_map(
        |((user, target, key, occurred_at), tokens, call_count, ttl_ms)| {
            let (provider, operation, model) = target;
            let (input_tokens, max_output_tokens) = tokens;
            CallRequest {
                operation: operation.map(str::to_owned),
                input_tokens,
                max_output_tokens,
                call_count,
                occurred_at,
                idempotency_key: Some(key),
                ttl_ms,
                ..CallRequest::new(user, provider, model)
            }
        },
    )
}

/// How a call turned out.
pub(crate) fn outcomes() -> impl Strategy<Value = CallOutcome> {
    (usages(), vendor_costs(), statuses(), details()).prop_map(
        |(usage, vendor_cost_usd, status_code, details)| CallOutcome {
            usage,
            usage_source: UsageSource::Estimated,
            vendor_cost_usd,
            status_code,
            details,
        },
    )
}
