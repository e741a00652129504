//! Money: every charge is exact, billed once, and stays what it was.

use alwrity_metering::{
    CallOutcome, CallRecord, Matcher, Money, PriceMatch, PriceVersion, Rate, Unit, Usage, Variant,
};

use crate::conformance::samples::{at, usd};
use crate::scene::{
    SECOND_LIST, Scene, ask, assert_verified, call, chat, cost, granted, log, number,
};

/// A price per million input tokens, output being free.
pub(crate) fn price(provider: &str, model: &str, from: &str, per_million: &str) -> PriceVersion {
    let rate = |unit, amount: &str| Rate {
        unit,
        above_input_tokens: 0,
        amount: usd(amount),
        per: 1_000_000,
    };
    PriceVersion {
        id: 0,
        provider: provider.into(),
        matcher: Matcher::Exact,
        model: model.into(),
        variant: Variant::Standard,
        operation: None,
        effective_from: at(from),
        source: "test".into(),
        rates: vec![rate(Unit::InputTokens, per_million), rate(Unit::OutputTokens, "0")],
    }
}

#[test]
fn regression_17_a_thousand_calls_of_one_token_cost_exactly_a_thousand_tokens() {
    let scene = Scene::new();
    let records: Vec<CallRecord> = (0..1000)
        .map(|number| CallRecord {
            model: "gemini-2.5-pro".into(),
            ..chat("u", &number.to_string(), 1, 0)
        })
        .collect();
    let receipts = scene.meter.record_calls(&records);
    assert!(receipts.iter().all(|r| r.as_ref().unwrap().cost_usd == Some(usd("0.00000125"))));
    let summary = scene.meter.usage_summary("u", &"current".parse().unwrap()).unwrap();
    assert_eq!(summary.total_cost, usd("0.001250000000"));
    assert_eq!(cost(&scene.meter, "u"), "0.00125");
    assert_eq!(number(&scene.meter, "SELECT sum(cost_pico_usd) FROM calls"), 1_250_000_000);
}

#[test]
fn regression_17_ten_tokens_of_a_cheap_model_cost_what_they_cost() {
    let scene = Scene::new();
    scene.meter.put_price(&price("acme", "cheap", "2025-10-01T00:00:00Z", "0.0375")).unwrap();
    let receipt = scene
        .meter
        .record_call(&call("u", "k", ("acme", "chat", "cheap"), Usage::tokens(10, 0)))
        .unwrap();
    assert_eq!(receipt.cost_usd.unwrap().to_string(), "0.000000375");
    assert_eq!(cost(&scene.meter, "u"), "0.000000375");
    assert_eq!(log(&scene.meter, "u").calls[0].cost, Some(Money::from_pico_usd(375_000)));
}

#[test]
fn regression_18_a_million_sub_cent_charges_add_to_the_exact_total() {
    let scene = Scene::new();
    // 7 tokens of an hourly price: each charge is rounded once, half to even.
    let hourly = Rate {
        per: 3600,
        ..price("acme", "hourly", "2025-10-01T00:00:00Z", "0.001").rates[0].clone()
    };
    let hourly = Rate { unit: Unit::Seconds, ..hourly };
    let version = PriceVersion {
        rates: vec![hourly.clone()],
        ..price("acme", "hourly", "2025-10-01T00:00:00Z", "0")
    };
    scene.meter.put_price(&version).unwrap();
    let what = ("acme", "chat", "hourly");
    let records: Vec<CallRecord> = (0..2000)
        .map(|number| {
            call("u", &number.to_string(), what, Usage::of(Unit::Seconds, 1 + number % 97))
        })
        .collect();
    let mut expected = 0_i64;
    for (record, receipt) in records.iter().zip(scene.meter.record_calls(&records)) {
        let seconds = record.usage.get(&Unit::Seconds);
        let charge = hourly.amount.charge(seconds, 3600).unwrap();
        assert_eq!(receipt.unwrap().cost_usd, Some(charge));
        expected += charge.pico_usd();
    }
    let summary = scene.meter.usage_summary("u", &"current".parse().unwrap()).unwrap();
    assert_eq!(summary.total_cost.pico_usd(), expected);
    assert_verified(&scene.meter);
    // The other 998 000 only as money: a sum of amounts is a sum of integers.
    let charges = (0..1_000_000_i64).map(|n| hourly.amount.charge(1 + n % 97, 3600).unwrap());
    let by_hand: i128 = (0..97_i64)
        .map(|n| {
            let times = if n < 1_000_000 % 97 { 1_000_000 / 97 + 1 } else { 1_000_000 / 97 };
            i128::from(hourly.amount.charge(1 + n, 3600).unwrap().pico_usd()) * times
        })
        .sum();
    assert_eq!(i128::from(Money::sum(charges).unwrap().pico_usd()), by_hand);
}

fn quoted(scene: &Scene, provider: &str, model: &str, usage: Usage) -> String {
    let quote = scene.meter.quote(&CallRecord::new("", provider, model, usage)).unwrap();
    let lines = Money::sum(quote.lines.iter().map(|line| line.cost_usd)).unwrap();
    assert_eq!(Some(lines), quote.cost_usd, "the lines add to the cost");
    quote.cost_usd.unwrap().to_string()
}

#[test]
fn regression_19_anthropic_cache_reads_and_writes_are_billed_once_each() {
    let scene = Scene::new();
    scene.at(SECOND_LIST);
    let usage = Usage::tokens(100_000, 1000)
        .with(Unit::CachedInputTokens, 60_000)
        .with(Unit::CacheWrite5mTokens, 20_000)
        .with(Unit::CacheWrite1hTokens, 10_000);
    // 10 000 × 3 + 60 000 × 0.3 + 20 000 × 3.75 + 10 000 × 6 + 1000 × 15, per million.
    assert_eq!(quoted(&scene, "anthropic", "claude-sonnet-4-0", usage), "0.198");
}

#[test]
fn regression_19_gemini_thoughts_are_billed_once() {
    let scene = Scene::new();
    scene.at(SECOND_LIST);
    let plain = Usage::tokens(1000, 800);
    let thinking = plain.clone().with(Unit::ReasoningTokens, 700);
    let cost = quoted(&scene, "gemini", "gemini-2.5-flash", plain);
    assert_eq!(cost, "0.0023");
    assert_eq!(quoted(&scene, "gemini", "gemini-2.5-flash", thinking), cost);
}

#[test]
fn regression_19_openai_cached_input_is_billed_once_at_its_own_price() {
    let scene = Scene::new();
    scene.at(SECOND_LIST);
    let usage = Usage::tokens(10_000, 0).with(Unit::CachedInputTokens, 8000);
    // 2000 × 2.5 + 8000 × 1.25, per million.
    assert_eq!(quoted(&scene, "openai", "gpt-4o", usage.clone()), "0.015");
    let record = CallRecord {
        idempotency_key: Some("k".into()),
        ..CallRecord::new("u", "openai", "gpt-4o", usage)
    };
    let receipt = scene.meter.record_call(&record).unwrap();
    assert_eq!(receipt.cost_usd, Some(receipt.cost_input_usd));
    assert_eq!(cost(&scene.meter, "u"), "0.015");
    let more = Usage::tokens(10, 0).with(Unit::CachedInputTokens, 11);
    let wrong = CallRecord::new("u", "openai", "gpt-4o", more);
    assert_eq!(scene.meter.record_call(&wrong).unwrap_err().code(), "invalid_usage");
}

#[test]
fn regression_20_a_price_typed_on_the_wrong_scale_warns() {
    let scene = Scene::new();
    let wrong = price("acme", "m", "2025-10-01T00:00:00Z", "0.15");
    let per_token =
        PriceVersion { rates: vec![Rate { per: 1, ..wrong.rates[0].clone() }], ..wrong.clone() };
    let warnings = scene.meter.put_price(&per_token).unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].unit, Unit::InputTokens);
    assert!(warnings[0].message.contains("150000 USD per million"), "{}", warnings[0].message);
    let right = PriceVersion { model: "m2".into(), ..wrong };
    assert_eq!(scene.meter.put_price(&right).unwrap(), []);
}

#[test]
fn regression_21_an_image_is_not_charged_again_per_request() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let usage = Usage::of(Unit::Images, 2).with(Unit::Requests, 1);
    let what = ("stability", "image_generation", "stable-diffusion");
    let receipt = meter.record_call(&call("u", "k", what, usage)).unwrap();
    assert_eq!(receipt.cost_usd.unwrap().to_string(), "0.08");
    let mut both = price("acme", "painter", "2025-10-01T00:00:00Z", "0");
    both.rates = [Unit::Images, Unit::Requests]
        .map(|unit| Rate { unit, above_input_tokens: 0, amount: usd("0.04"), per: 1 })
        .to_vec();
    let error = meter.put_price(&both).unwrap_err();
    assert_eq!(error.code(), "invalid_price");
    assert!(error.to_string().contains("charged again per request"), "{error}");
}

#[test]
fn regression_22_two_changes_inside_one_period_each_apply_from_their_instant() {
    let scene = Scene::new();
    let meter = &scene.meter;
    meter.put_price(&price("acme", "m", "2025-10-01T00:00:00Z", "1")).unwrap();
    meter.put_price(&price("acme", "m", "2025-10-10T00:00:00Z", "2")).unwrap();
    meter.put_price(&price("acme", "m", "2025-10-20T00:00:00Z", "5")).unwrap();
    for (key, when, expected) in [
        ("a", "2025-10-09T23:59:59.999999Z", "1"),
        ("b", "2025-10-10T00:00:00Z", "2"),
        ("c", "2025-10-19T23:59:59.999999Z", "2"),
        ("d", "2025-10-20T00:00:00Z", "5"),
        ("e", "2025-09-30T23:59:59.999999Z", "unknown"),
    ] {
        let record = call("u", key, ("acme", "chat", "m"), Usage::tokens(1_000_000, 0));
        let record = CallRecord { occurred_at: Some(at(when)), ..record };
        let receipt = meter.record_call(&record).unwrap();
        let shown = receipt.cost_usd.map_or("unknown".to_owned(), |cost| cost.to_string());
        assert_eq!(shown, expected, "{when}");
    }
    assert_eq!(cost(meter, "u"), "10");
}

#[test]
fn regression_22_a_price_change_never_alters_what_was_recorded_or_reserved() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let what = ("acme", "chat", "m");
    meter.put_price(&price("acme", "m", "2025-10-01T00:00:00Z", "1")).unwrap();
    let record = call("u", "k", what, Usage::tokens(1_000_000, 0));
    let first = meter.record_call(&record).unwrap();
    let request = crate::scene::ask_of("u", what);
    let hold =
        granted(meter, &alwrity_metering::CallRequest { input_tokens: 1_000_000, ..request });
    assert_eq!(hold.cost_usd.to_string(), "1");
    // The used version cannot be edited; a new one starts at its own instant, even a past one.
    let edited = price("acme", "m", "2025-10-01T00:00:00Z", "9");
    assert_eq!(meter.put_price(&edited).unwrap_err().code(), "invalid_price");
    meter.put_price(&price("acme", "m", "2025-10-02T00:00:00Z", "9")).unwrap();
    let again = meter.record_call(&record).unwrap();
    assert_eq!((again.cost_usd, again.price_version_id), (first.cost_usd, first.price_version_id));
    let outcome = CallOutcome::from(Usage::tokens(1_000_000, 0));
    let settled = meter.settle("u", hold.hold_id, &outcome).unwrap();
    assert_eq!(settled.cost_usd.unwrap().to_string(), "1");
    assert_eq!(settled.price_version_id, first.price_version_id);
    let scene = scene.reopened();
    assert_eq!(cost(&scene.meter, "u"), "2");
    let after = call("u", "k3", what, Usage::tokens(1_000_000, 0));
    assert_eq!(scene.meter.record_call(&after).unwrap().cost_usd, Some(usd("9")));
}

#[test]
fn regression_22_the_version_of_a_released_hold_is_kept_for_its_late_settle() {
    let scene = Scene::new();
    let meter = &scene.meter;
    meter.put_price(&price("acme", "m", "2025-10-01T00:00:00Z", "1")).unwrap();
    let request = crate::scene::ask_of("u", ("acme", "chat", "m"));
    let hold = granted(meter, &request);
    meter.release("u", hold.hold_id).unwrap();
    let edited = price("acme", "m", "2025-10-01T00:00:00Z", "9");
    assert_eq!(meter.put_price(&edited).unwrap_err().code(), "invalid_price");
    let outcome = CallOutcome::from(Usage::tokens(1_000_000, 0));
    let settled = meter.settle("u", hold.hold_id, &outcome).unwrap();
    assert_eq!(settled.cost_usd.unwrap().to_string(), "1");
}

#[test]
fn a_vendors_own_cost_wins_and_the_list_is_still_known() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let record = CallRecord { vendor_cost_usd: Some(usd("0.05")), ..chat("u", "k", 1000, 0) };
    let receipt = meter.record_call(&record).unwrap();
    assert_eq!(receipt.cost_usd, Some(usd("0.05")));
    assert_eq!((receipt.cost_input_usd, receipt.cost_output_usd), (Money::ZERO, Money::ZERO));
    assert_eq!(receipt.price_match, PriceMatch::Exact);
    let unknown = CallRecord { provider: "acme".into(), ..record };
    let unknown = CallRecord { idempotency_key: None, ..unknown };
    let receipt = meter.record_call(&unknown).unwrap();
    assert_eq!((receipt.cost_usd, receipt.price_match), (Some(usd("0.05")), PriceMatch::Unknown));
    assert_eq!(meter.unpriced().unwrap(), []);
    granted(meter, &ask("u", "k2", 1, 1));
}
