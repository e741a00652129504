//! Learning: what was estimated before a call and reported after it makes the next estimate better.

use alwrity_metering::ingest::{CountSource, OutputReason};
#[cfg(feature = "exact")]
use alwrity_metering::ingest::{Encoding, count_tokens, estimate_tokens};
use alwrity_metering::{
    CallEstimate, CallOutcome, CallRecord, CallRequest, EstimateInput, InputEstimate, Meter,
    UnknownPrice, Usage, UsageSource,
};
use rusqlite::types::Value as Sql;
use serde_json::{Value, json};

use crate::scene::{Scene, assert_verified, granted, number};

fn body(max_tokens: Option<i64>) -> Value {
    let content = "The tide comes in twice a day, and the boats wait for it. ".repeat(10);
    let mut body = json!({
        "model": "gemini-2.5-flash",
        "messages": [{"role": "user", "content": content}],
    });
    if let Some(max_tokens) = max_tokens {
        body["max_tokens"] = max_tokens.into();
    }
    body
}

fn wish(user: &str) -> CallRequest {
    CallRequest::new(user, "gemini", "gemini-2.5-flash")
}

fn estimated(meter: &Meter, user: &str, max_tokens: Option<i64>) -> CallEstimate {
    meter.estimate(&wish(user), EstimateInput::Request(&body(max_tokens))).unwrap()
}

/// One call from its estimate to its settlement.
fn make_call(meter: &Meter, user: &str, usage: Usage) {
    let estimate = estimated(meter, user, Some(4_000));
    let hold = granted(meter, &estimate.request);
    meter.settle(user, hold.hold_id, &usage.into()).unwrap();
}

#[test]
fn the_first_estimate_stands_on_the_text_alone() {
    let scene = Scene::new();
    let estimate = estimated(&scene.meter, "u", None);
    let hold = estimate.hold.unwrap();
    assert_eq!((hold.source, hold.factor_ppm), (CountSource::Estimated, 1_000_000));
    assert_eq!((hold.margin_percent, hold.output_reason), (10, OutputReason::Default));
    assert_eq!(estimate.request.max_output_tokens, Some(1024), "the option's default");
    assert_eq!(estimate.request.input_tokens, hold.input_tokens);
    assert_eq!(hold.input_tokens, (estimate.input_tokens * 110 + 99) / 100);
    assert_eq!((estimate.learned_calls, estimate.learned_answers), (0, 0));
    // The price is that of the reserve: nothing is added on the way.
    let held = granted(&scene.meter, &estimate.request);
    assert_eq!(Some(held.cost_usd), estimate.cost_usd);
    assert_eq!(held.usage, Usage::tokens(hold.input_tokens, 1024));
    // An estimate is no hold and creates nobody.
    estimated(&scene.meter, "v", None);
    assert_eq!(scene.meter.users().unwrap(), ["u"]);
}

#[test]
fn settled_calls_teach_the_factor_of_the_model_and_the_sizes_of_the_user() {
    let scene = Scene::new();
    let counted = estimated(&scene.meter, "u", None).input_tokens;
    for _ in 0..20 {
        make_call(&scene.meter, "u", Usage::tokens(counted * 13 / 10, 180));
    }
    let mine = estimated(&scene.meter, "u", Some(4_000));
    let hold = mine.hold.unwrap();
    assert_eq!((mine.learned_calls, mine.learned_answers), (20, 20));
    assert!((1_150_000..1_300_000).contains(&hold.factor_ppm), "{}", hold.factor_ppm);
    assert_eq!((hold.output_tokens, hold.output_reason), (191, OutputReason::Learned));
    // Another user shares the model's factor, and has no answers yet.
    let other = estimated(&scene.meter, "v", Some(4_000)).hold.unwrap();
    assert_eq!((other.factor_ppm, other.output_tokens), (hold.factor_ppm, 4_000));
    let known = scene.meter.calibrations().unwrap();
    assert_eq!((known.len(), known[0].model.as_str()), (1, "gemini-2.5-flash"));
    assert_eq!(known[0].factor_ppm, hold.factor_ppm);
    assert_verified(&scene.meter);
    let reopened = scene.reopened();
    assert_eq!(reopened.meter.calibrations().unwrap(), known);
}

#[test]
fn a_call_teaches_once_whatever_is_repeated() {
    let scene = Scene::new();
    let request = CallRequest {
        idempotency_key: Some("k".into()),
        ..estimated(&scene.meter, "u", None).request
    };
    let hold = granted(&scene.meter, &request);
    let outcome: CallOutcome = Usage::tokens(140, 60).into();
    for _ in 0..3 {
        meter_settle(&scene.meter, hold.hold_id, &outcome);
    }
    let record = CallRecord {
        idempotency_key: Some("r".into()),
        input_estimate: request.input_estimate,
        ..CallRecord::new("u", "gemini", "models/gemini-2.5-flash-001", Usage::tokens(150, 61))
    };
    for _ in 0..3 {
        scene.meter.record_call(&record).unwrap();
    }
    let known = scene.meter.calibrations().unwrap();
    assert_eq!((known.len(), known[0].sums.calls), (1, 2), "a dated name is the same model");
}

fn meter_settle(meter: &Meter, hold_id: alwrity_metering::CallKey, outcome: &CallOutcome) {
    meter.settle("u", hold_id, outcome).unwrap();
}

#[test]
fn what_was_not_estimated_or_not_reported_teaches_nothing() {
    let scene = Scene::new();
    let meter = &scene.meter;
    meter.record_call(&CallRecord::new("u", "gemini", "m", Usage::tokens(140, 60))).unwrap();
    let hold = granted(meter, &wish("u").with_tokens(100, 100));
    meter_settle(meter, hold.hold_id, &Usage::tokens(140, 60).into());
    for outcome in [
        CallOutcome { usage_source: UsageSource::Estimated, ..Usage::tokens(140, 60).into() },
        CallOutcome { status_code: 500, ..Usage::tokens(140, 60).into() },
        Usage::none().into(),
    ] {
        let hold = granted(meter, &estimated(meter, "u", None).request);
        meter_settle(meter, hold.hold_id, &outcome);
    }
    let hold = granted(meter, &estimated(meter, "u", None).request);
    meter.release("u", hold.hold_id).unwrap();
    assert_eq!(meter.calibrations().unwrap(), []);
    assert_eq!(number(meter, "SELECT count(*) FROM output_sizes"), 0);
}

#[test]
fn a_late_settlement_teaches_as_well() {
    let scene = Scene::new();
    let hold = granted(&scene.meter, &estimated(&scene.meter, "u", None).request);
    scene.at("2025-10-07T13:00:00Z");
    let outcome: CallOutcome = Usage::tokens(140, 60).into();
    assert!(scene.meter.settle("u", hold.hold_id, &outcome).unwrap().late);
    assert_eq!(scene.meter.calibrations().unwrap()[0].sums.calls, 1);
}

#[test]
fn an_image_is_counted_by_its_own_rule_and_teaches_nothing_of_the_text() {
    let scene = Scene::new();
    let mut seen = body(None);
    seen["messages"][0]["content"] = json!([
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]);
    let estimate = scene.meter.estimate(&wish("u"), EstimateInput::Request(&seen)).unwrap();
    assert!(!estimate.notes.is_empty(), "its size cannot be seen");
    assert_eq!(estimate.request.input_estimate, Some(InputEstimate::default()));
    let hold = granted(&scene.meter, &estimate.request);
    meter_settle(&scene.meter, hold.hold_id, &Usage::tokens(900, 60).into());
    assert_eq!(scene.meter.calibrations().unwrap(), []);
    assert_eq!(estimated(&scene.meter, "u", None).learned_answers, 1);
}

#[test]
fn other_operations_are_estimated_in_their_own_units() {
    let scene = Scene::new();
    let ask = |provider: &str, operation: &str, model: &str, input| {
        let operation = Some(operation.to_owned());
        let request = CallRequest { operation, ..CallRequest::new("u", provider, model) };
        scene.meter.estimate(&request, input).unwrap()
    };
    let deep = json!({"query": "x", "search_depth": "advanced"});
    let search = ask("tavily", "search", "tavily-search", EstimateInput::Request(&deep));
    assert_eq!(search.hold, None);
    assert_eq!(serde_json::to_value(&search.request.usage).unwrap()["searches"], 1);
    let speech = ask("openai", "audio_generation", "tts-1", EstimateInput::Text("Grüße"));
    assert_eq!(speech.request.usage.get(&alwrity_metering::Unit::Characters), 5);
    let vectors = ask("openai", "embeddings", "text-embedding-3-small", EstimateInput::Text("a b"));
    assert_eq!(vectors.hold.unwrap().output_tokens, 0);
    let nothing = scene.meter.estimate(&wish("u"), EstimateInput::Request(&json!({})));
    assert_eq!(nothing.unwrap_err().code(), "invalid_argument");
}

#[test]
fn the_margin_is_added_once() {
    let scene = Scene::with(|options| {
        options.hold_margin_percent = 50;
        options.estimate_margin_percent = 20;
    });
    let estimate = estimated(&scene.meter, "u", Some(10));
    let hold = estimate.hold.unwrap();
    assert_eq!(hold.input_tokens, (estimate.input_tokens * 120 + 99) / 100);
    assert_eq!(granted(&scene.meter, &estimate.request).usage, hold.usage());
    let plain = granted(&scene.meter, &wish("u").with_tokens(100, 10));
    assert_eq!(plain.usage, Usage::tokens(150, 10));
}

#[test]
fn an_unknown_price_is_no_cost_and_refused_where_that_is_wanted() {
    let ask = CallRequest::new("u", "acme", "acme-large");
    let scene = Scene::new();
    let estimate = scene.meter.estimate(&ask, EstimateInput::Text("Hello there.")).unwrap();
    assert_eq!(estimate.cost_usd, None);
    let strict = Scene::with(|options| options.unknown_price = UnknownPrice::Reject);
    let error = strict.meter.estimate(&ask, EstimateInput::Text("Hello there.")).unwrap_err();
    assert_eq!(error.code(), "unknown_price");
}

#[test]
fn the_pricing_view_shows_tokens_of_a_word_and_a_character_once_they_are_learned() {
    let scene = Scene::new();
    let shown = |model: &str| {
        let sql = "SELECT tokens_per_word, tokens_per_character FROM api_provider_pricing \
                   WHERE model_name = ?1 AND variant = 'standard' ORDER BY id";
        let file = rusqlite::Connection::open(scene.path()).unwrap();
        let mut statement = file.prepare(sql).unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        statement.query_map([model], read).unwrap().map(Result::unwrap).collect::<Vec<(Sql, Sql)>>()
    };
    assert!(!shown("gemini-2.5-flash").is_empty());
    assert!(shown("gemini-2.5-flash").iter().all(|row| *row == (Sql::Null, Sql::Null)));
    let record = |provider: &str, model: &str| {
        let sent =
            InputEstimate { characters: 4_000, words: 800, text_tokens: 1_000, other_tokens: 0 };
        let call = CallRecord::new("u", provider, model, Usage::tokens(1_200, 10));
        let call = CallRecord { input_estimate: Some(sent), ..call };
        scene.meter.record_call(&call).unwrap();
    };
    record("gemini", "gemini-2.5-flash");
    record("mistral", "openai/gpt-oss-120b:groq");
    let expected = (Sql::Real(1.5), Sql::Real(0.3));
    for model in ["gemini-2.5-flash", "openai/gpt-oss-120b:groq"] {
        assert!(shown(model).contains(&expected), "{model}: {:?}", shown(model));
    }
    assert_eq!(shown("gemini-2.5-pro")[0], (Sql::Null, Sql::Null));
    assert_verified(&scene.meter);
}

#[test]
fn a_users_export_has_what_was_learned_and_erasing_takes_it() {
    let scene = Scene::new();
    make_call(&scene.meter, "u", Usage::tokens(140, 180));
    granted(&scene.meter, &estimated(&scene.meter, "u", None).request);
    let export = scene.meter.export_user("u").unwrap();
    assert_eq!(export["output_sizes"][0]["model"], "gemini-2.5-flash");
    assert!(export["holds"][0]["input_estimate"]["text_tokens"].as_i64().unwrap() > 100);
    let erased = scene.meter.erase_user("u").unwrap();
    assert_eq!(number(&scene.meter, "SELECT count(*) FROM output_sizes"), 0);
    let export = scene.meter.export_user(&erased.pseudonym).unwrap();
    assert_eq!(export["output_sizes"], json!([]));
    assert_verified(&scene.meter);
}

#[test]
fn eight_threads_lose_no_lesson() {
    let scene = Scene::new();
    let request = estimated(&scene.meter, "u", None).request;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (meter, sent) = (&scene.meter, request.input_estimate);
            scope.spawn(move || {
                for _ in 0..25 {
                    let user = format!("u{}", thread % 3);
                    let usage = Usage::tokens(140, 60);
                    let call = CallRecord::new(&user, "gemini", "gemini-2.5-flash", usage);
                    meter.record_call(&CallRecord { input_estimate: sent, ..call }).unwrap();
                }
            });
        }
    });
    let sums = scene.meter.calibrations().unwrap()[0].sums;
    let text = request.input_estimate.unwrap().text_tokens;
    assert_eq!((sums.calls, sums.estimated_tokens), (200, 200 * text));
}

#[test]
fn an_impossible_estimate_is_refused_at_the_door() {
    let scene = Scene::new();
    let wrong = Some(InputEstimate { words: -1, ..InputEstimate::default() });
    let request = CallRequest { input_estimate: wrong, ..wish("u").with_tokens(1, 1) };
    assert_eq!(scene.meter.reserve(&request).unwrap_err().code(), "invalid_argument");
    let call = CallRecord::new("u", "gemini", "m", Usage::tokens(1, 1));
    let call = CallRecord { input_estimate: wrong, ..call };
    assert_eq!(scene.meter.record_call(&call).unwrap_err().code(), "invalid_argument");
}

#[test]
fn verify_finds_what_cannot_have_been_learned() {
    for damage in [
        "UPDATE calibrations SET reported_tokens = -5",
        "UPDATE calibrations SET estimated_tokens = 5000000",
        "UPDATE output_sizes SET sizes = '{}'",
    ] {
        let scene = Scene::new();
        make_call(&scene.meter, "u", Usage::tokens(140, 180));
        assert_verified(&scene.meter);
        rusqlite::Connection::open(scene.path()).unwrap().execute(damage, []).unwrap();
        let checks = scene.meter.verify().unwrap();
        let wrong: Vec<_> = checks.iter().filter(|check| !check.is_ok).collect();
        assert_eq!(wrong.len(), 1, "{damage}: {wrong:?}");
        assert_eq!(wrong[0].name, "learned", "{damage}");
    }
}

/// An exact count needs neither factor nor margin, and does not bend the factor of the scan.
#[cfg(feature = "exact")]
#[test]
fn an_exact_count_is_held_as_it_is() {
    let scene = Scene::new();
    let pro = alwrity_metering::Subscribe::monthly("pro").waived("test");
    scene.meter.subscribe("u", &pro).unwrap();
    let request = CallRequest::new("u", "openai", "gpt-4o-mini");
    let text = "The tide comes in twice a day, and the boats wait for it. ".repeat(40);
    let estimate = || scene.meter.estimate(&request, EstimateInput::Text(&text)).unwrap();
    let first = estimate();
    let hold = first.hold.unwrap();
    assert_eq!((hold.source, hold.margin_percent), (CountSource::Exact, 0));
    // A message and a request have marks of 4 and 3 tokens.
    let counted = count_tokens(Encoding::O200kBase, &text) + 7;
    assert_eq!((hold.input_tokens, first.input_tokens), (counted, counted));
    for _ in 0..20 {
        let held = granted(&scene.meter, &first.request);
        meter_settle(&scene.meter, held.hold_id, &Usage::tokens(counted, 60).into());
    }
    let kept = first.request.input_estimate.unwrap();
    assert_eq!(kept.text_tokens, estimate_tokens(&text), "the scan's, not its own");
    assert_eq!(scene.meter.calibrations().unwrap()[0].sums.calls, 20);
    assert_eq!(estimate().hold.unwrap().input_tokens, counted);
}
