//! The option `unknown_price`: what becomes of a call that nothing prices.

use alwrity_metering::{CallRecord, CallRequest, Error, Options, PriceMatch, UnknownPrice, Usage};

use crate::conformance::samples::usd;
use crate::scene::{Scene, ask_of, call, granted, number};

const UNKNOWN: (&str, &str, &str) = ("acme", "chat", "acme-1");

fn scene(unknown_price: &str) -> Scene {
    Scene::with(|options| options.set("unknown_price", unknown_price).unwrap())
}

fn record() -> CallRecord {
    call("u", "k", UNKNOWN, Usage::tokens(1_000_000, 0))
}

#[test]
fn by_default_it_is_held_at_the_worst_case_and_recorded_unpriced() {
    let scene = scene("record");
    assert_eq!(Options::default().unknown_price, UnknownPrice::Record);
    assert!(!granted(&scene.meter, &ask_of("u", UNKNOWN)).is_price_known);
    assert_eq!(scene.meter.record_call(&record()).unwrap().cost_usd, None);
    assert_eq!(scene.meter.quote(&record()).unwrap().cost_usd, None);
}

#[test]
fn reject_refuses_before_the_call_and_records_what_was_made() {
    let scene = scene("reject");
    let meter = &scene.meter;
    let expected = Error::UnknownPrice { provider: "acme".into(), model: "acme-1".into() };
    assert_eq!(meter.reserve(&ask_of("u", UNKNOWN)).unwrap_err(), expected);
    assert_eq!(meter.check_limit(&ask_of("u", UNKNOWN)).unwrap_err(), expected);
    assert_eq!((expected.code(), expected.http_status()), ("unknown_price", 422));
    let both = [ask_of("u", ("gemini", "chat", "gemini-2.5-flash")), ask_of("u", UNKNOWN)];
    assert_eq!(meter.reserve_all(&both).unwrap_err(), expected);
    assert_eq!(number(meter, "SELECT count(*) FROM holds"), 0);
    // The provider was already paid: the call is in the log, at an unknown cost.
    let receipt = meter.record_call(&record()).unwrap();
    assert_eq!((receipt.cost_usd, receipt.price_match), (None, PriceMatch::Unknown));
}

#[test]
fn a_named_default_prices_it_and_says_so() {
    let scene = scene("openai/gpt-4o-mini");
    let meter = &scene.meter;
    let receipt = meter.record_call(&record()).unwrap();
    assert_eq!(receipt.cost_usd, Some(usd("0.15")));
    assert_eq!(receipt.price_match, PriceMatch::NamedDefault);
    assert_eq!((receipt.provider.as_str(), receipt.model.as_str()), ("acme", "acme-1"));
    let request = CallRequest { input_tokens: 1_000_000, ..ask_of("u", UNKNOWN) };
    let hold = granted(meter, &CallRequest { max_output_tokens: Some(0), ..request });
    assert!(hold.is_price_known);
    assert_eq!(hold.cost_usd, usd("0.15"));
    let quote = meter.quote(&record()).unwrap();
    assert_eq!(quote.price_match, PriceMatch::NamedDefault);
    // What has a price of its own keeps it.
    let known =
        call("u", "k2", ("gemini", "chat", "gemini-2.5-flash"), Usage::tokens(1_000_000, 0));
    assert_eq!(meter.record_call(&known).unwrap().cost_usd, Some(usd("0.125")));
}

#[test]
fn a_named_default_that_does_not_exist_prices_nothing() {
    let scene = scene("openai/gpt-none");
    assert_eq!(scene.meter.record_call(&record()).unwrap().cost_usd, None);
}

#[test]
fn a_unit_without_a_rate_makes_the_whole_cost_unknown() {
    let scene = scene("record");
    let usage = Usage::tokens(10, 5).with("web_searches".parse().unwrap(), 1);
    let what = ("gemini", "chat", "gemini-2.5-flash");
    let receipt = scene.meter.record_call(&call("u", "k", what, usage)).unwrap();
    assert_eq!((receipt.cost_usd, receipt.price_version_id), (None, None));
}
