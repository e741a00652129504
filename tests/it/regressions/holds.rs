//! Holds: what is kept free for a call that is under way, and what becomes of it.

use alwrity_metering::{
    CallOutcome, CallRequest, Money, PriceMatch, RecordStatus, ReleaseStatus, Reservation, Unit,
    Usage,
};

use crate::conformance::samples::usd;
use crate::scene::{
    Scene, ask, ask_of, assert_verified, call, chat, cost, granted, limit, log, number, refused,
    state, used_and_held,
};

fn outcome(input_tokens: i64, output_tokens: i64) -> CallOutcome {
    Usage::tokens(input_tokens, output_tokens).into()
}

#[test]
fn regression_11_more_than_was_held_is_charged_in_full_and_stated() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let hold = granted(meter, &ask("u", "k", 1000, 100));
    let receipt = meter.settle("u", hold.hold_id, &outcome(1000, 300)).unwrap();
    assert_eq!(receipt.cost_usd.unwrap().to_string(), "0.0002375");
    assert_eq!(receipt.overshoot.tokens, 200);
    assert_eq!(receipt.overshoot.cost_usd.to_string(), "0.000075");
    assert_eq!(used_and_held(meter, "u", "gemini_tokens"), (1300, 0));
    assert_eq!(cost(meter, "u"), "0.0002375");
    assert!(!receipt.late);
}

#[test]
fn regression_11_less_than_was_held_gives_the_rest_back() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let hold = granted(meter, &ask("u", "k", 50_000, 50_000));
    refused(meter, &ask("u", "no room", 1, 0));
    let receipt = meter.settle("u", hold.hold_id, &outcome(50_000, 1)).unwrap();
    assert_eq!((receipt.overshoot.tokens, receipt.overshoot.cost_usd), (0, Money::ZERO));
    assert_eq!(used_and_held(meter, "u", "gemini_tokens"), (50_001, 0));
    granted(meter, &ask("u", "room", 49_999, 0));
    assert_eq!(number(meter, "SELECT count(*) FROM holds"), 1);
}

#[test]
fn regression_12_a_hold_expires_by_itself_at_its_instant() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let hold = granted(meter, &CallRequest { ttl_ms: Some(60_000), ..ask("u", "k", 10, 5) });
    assert_eq!(hold.expires_at.to_string(), "2025-10-07T12:01:00Z");
    meter.set_limit("u", &limit("gemini_calls", "1")).unwrap();
    scene.at("2025-10-07T12:00:59.999999Z");
    assert!(!meter.check_limit(&ask("u", "k2", 10, 5)).unwrap().allowed);
    // Nothing is written in between: the comparison with the given instant is all it takes.
    scene.at("2025-10-07T12:01:00Z");
    assert!(meter.check_limit(&ask("u", "k2", 10, 5)).unwrap().allowed);
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (0, 0));
}

#[test]
fn regression_12_a_late_settle_records_the_real_cost_once_and_says_so() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let hold = granted(meter, &ask("u", "k", 1000, 100));
    scene.clock.advance_ms(3_600_000);
    let receipt = meter.settle("u", hold.hold_id, &outcome(1000, 80)).unwrap();
    assert!(receipt.late);
    assert_eq!(receipt.status, RecordStatus::Recorded);
    assert_eq!(receipt.occurred_at, hold.reserved_at);
    assert_eq!(receipt.cost_usd.unwrap().to_string(), "0.000155");
    let again = meter.settle("u", hold.hold_id, &outcome(1000, 80)).unwrap();
    assert_eq!((again.status, again.late, again.call_id), (RecordStatus::Duplicate, true, 1));
    let error = meter.settle("u", hold.hold_id, &outcome(1000, 81)).unwrap_err();
    assert_eq!(error.code(), "idempotency_conflict");
    assert!(error.to_string().contains("usage"), "{error}");
    assert_eq!(log(meter, "u").total_count, 1);
    assert_eq!(cost(meter, "u"), "0.000155");
    assert_verified(meter);
}

#[test]
fn regression_12_a_released_hold_counts_no_more_and_a_settle_of_it_still_records() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let hold = granted(meter, &ask("u", "k", 1000, 100));
    assert_eq!(meter.release("u", hold.hold_id).unwrap(), ReleaseStatus::Released);
    assert_eq!(meter.release("u", hold.hold_id).unwrap(), ReleaseStatus::AlreadyClosed);
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (0, 0));
    assert!(meter.settle("u", hold.hold_id, &outcome(1000, 100)).unwrap().late);
    assert_eq!(meter.release("u", hold.hold_id).unwrap_err().code(), "hold_closed");
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (1, 0));
}

#[test]
fn regression_12_releasing_an_expired_hold_says_that_it_was_closed() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let hold = granted(meter, &ask("u", "k", 1000, 100));
    scene.clock.advance_ms(600_000);
    assert_eq!(meter.release("u", hold.hold_id).unwrap(), ReleaseStatus::AlreadyClosed);
    // Now that somebody looked, a clock that steps back does not revive it.
    scene.clock.advance_ms(-300_000);
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (0, 0));
}

#[test]
fn regression_13_without_max_tokens_an_estimate_is_held_not_all_that_is_left() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let request = CallRequest { max_output_tokens: None, ..ask("u", "k", 1000, 0) };
    let hold = granted(meter, &request);
    assert_eq!(hold.usage, Usage::tokens(1000, 1024));
    assert_eq!(hold.cost_usd.to_string(), "0.000509");
    assert_eq!(state(meter, "u", "gemini_tokens").remaining.unwrap().number(), 97_976);
    granted(meter, &CallRequest { max_output_tokens: None, ..ask("u", "k2", 1000, 0) });
    // An explicit 0 is a cap, and other operations answer no text.
    let none = granted(meter, &ask("u", "k3", 1000, 0));
    assert_eq!(none.usage, Usage::tokens(1000, 0));
    let search = granted(meter, &ask_of("u", ("tavily", "search", "")));
    assert_eq!(search.usage, Usage::of(Unit::Searches, 1));
}

#[test]
fn regression_13_default_output_and_margin_are_options() {
    let scene = Scene::with(|options| {
        options.default_output_tokens = 7;
        options.hold_margin_percent = 10;
    });
    let request = CallRequest { max_output_tokens: None, ..ask("u", "k", 101, 0) };
    // 10 % of 101 is rounded up.
    assert_eq!(granted(&scene.meter, &request).usage, Usage::tokens(112, 7));
}

#[test]
fn regression_14_a_long_prompt_with_max_tokens_1_is_held_at_the_prompts_price() {
    let scene = Scene::new();
    let hold = granted(&scene.meter, &ask("u", "k", 99_999, 1));
    // 99 999 × $0.125 + 1 × $0.375 per million.
    assert_eq!(hold.cost_usd.to_string(), "0.01250025");
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_tokens"), (0, 100_000));
    refused(&scene.meter, &ask("u", "k2", 1, 0));
}

#[test]
fn regression_15_what_cannot_be_priced_is_recorded_unknown_never_free() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let what = ("acme", "chat", "acme-1");
    let receipt = meter.record_call(&call("u", "k1", what, Usage::tokens(1000, 100))).unwrap();
    assert_eq!((receipt.cost_usd, receipt.price_match), (None, PriceMatch::Unknown));
    assert_eq!(receipt.price_version_id, None);
    let summary = meter.usage_summary("u", &"current".parse().unwrap()).unwrap();
    assert_eq!((summary.total_calls, summary.unpriced_calls), (1, 1));
    assert_eq!(summary.total_cost, Money::ZERO);
    let unpriced = meter.unpriced().unwrap();
    assert_eq!(unpriced.len(), 1);
    assert_eq!((unpriced[0].provider.as_str(), unpriced[0].calls), ("acme", 1));
    assert_eq!((unpriced[0].tokens, unpriced[0].users), (1100, 1));
}

#[test]
fn regression_15_an_unknown_price_is_held_at_the_worst_case() {
    let scene = Scene::new();
    let meter = &scene.meter;
    // The dearest chat of the list then is claude-3.5-sonnet, $3 in and $15 out per million.
    let request = CallRequest { input_tokens: 1000, ..ask_of("u", ("acme", "chat", "acme-1")) };
    let request = CallRequest { max_output_tokens: Some(100), ..request };
    let hold = granted(meter, &request);
    assert!(!hold.is_price_known);
    assert_eq!(hold.cost_usd.to_string(), "0.0045");
    // No price of a video is known then: the option `unpriced_hold_usd`.
    let video = granted(meter, &ask_of("u", ("acme", "video_generation", "v")));
    assert_eq!((video.is_price_known, video.cost_usd.to_string()), (false, "0.1".to_owned()));
    assert_eq!(state(meter, "u", "monthly_cost").held.to_string(), "$0.1045");
    meter.set_limit("u", &limit("monthly_cost", "0.2")).unwrap();
    refused(meter, &ask_of("u", ("acme", "video_generation", "v")));
    let settled = meter.settle("u", video.hold_id, &CallOutcome::default()).unwrap();
    assert_eq!(settled.cost_usd, None);
}

#[test]
fn regression_15_an_unpriced_call_can_be_re_rated_as_of_its_own_time() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let what = ("acme", "chat", "acme-1");
    for number in 0..3 {
        let record = call("u", &number.to_string(), what, Usage::tokens(1_000_000, 0));
        meter.record_call(&record).unwrap();
        scene.at(["2025-10-20T00:00:00Z", "2025-10-25T00:00:00Z", "2025-11-02T00:00:00Z"][number]);
    }
    meter.put_price(&super::money::price("acme", "acme-1", "2025-10-07T00:00:00Z", "2")).unwrap();
    meter.put_price(&super::money::price("acme", "acme-1", "2025-10-21T00:00:00Z", "3")).unwrap();
    let tried = meter.re_rate_dry_run().unwrap();
    assert_eq!((tried.is_applied, tried.priced_calls, tried.cost_usd), (false, 3, usd("7")));
    assert_eq!(log(meter, "u").calls[0].cost, None);
    let done = meter.re_rate().unwrap();
    assert_eq!((done.is_applied, done.priced_calls, done.cost_usd), (true, 3, usd("7")));
    let costs: Vec<_> = log(meter, "u").calls.iter().map(|call| call.cost.unwrap()).collect();
    assert_eq!(costs, [usd("3"), usd("2"), usd("2")]);
    let october = meter.usage_summary("u", &"2025-10".parse().unwrap()).unwrap();
    assert_eq!((october.total_cost, october.unpriced_calls), (usd("7"), 0));
    assert_eq!(meter.re_rate().unwrap().priced_calls, 0);
    assert_verified(meter);
}

#[test]
fn a_repeat_returns_the_same_hold_and_then_the_receipt() {
    let scene = Scene::new();
    let meter = &scene.meter;
    meter.set_limit("u", &limit("gemini_calls", "1")).unwrap();
    let first = granted(meter, &ask("u", "k", 10, 5));
    let again = granted(meter, &ask("u", "k", 10, 5));
    assert!(again.is_repeat && !first.is_repeat);
    assert_eq!((again.hold_id, again.expires_at), (first.hold_id, first.expires_at));
    meter.record_call(&chat("u", "k", 10, 5)).unwrap();
    let Reservation::Duplicate(receipt) = meter.reserve(&ask("u", "k", 10, 5)).unwrap() else {
        panic!("it is recorded already");
    };
    assert_eq!((receipt.call_id, receipt.status), (1, RecordStatus::Duplicate));
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (1, 0));
}

#[test]
fn a_hold_of_another_user_is_unknown() {
    let scene = Scene::new();
    let hold = granted(&scene.meter, &ask("u", "k", 10, 5));
    let error = scene.meter.settle("v", hold.hold_id, &outcome(10, 5)).unwrap_err();
    assert_eq!(error.code(), "unknown_hold");
    assert_eq!(scene.meter.release("v", hold.hold_id).unwrap_err().code(), "unknown_hold");
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (0, 1));
}
