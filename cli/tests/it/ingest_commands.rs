//! `detect`, `extract`, `estimate`, `calibrations`, and `record --from-response`.

use std::path::Path;

use alwrity_metering::{CallRequest, EstimateInput, Meter, Options, Reservation, Usage};
use serde_json::json;

use crate::bench::Bench;

/// The path of a golden body.
fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/ingest").join(name);
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_call_is_detected_by_what_is_known_of_it() {
    let bench = Bench::empty();
    bench.run(&["detect", "--url", "api.mistral.ai/v1/chat/completions"]).shows(
        "
        exit 0
        --- out
        provider    mistral
        operation   chat
        model       -
        confidence  certain
        ",
    );
    let both = ["detect", "--url", "https://api.groq.com/x", "--model", "openai/gpt-oss-120b"];
    assert_eq!(
        bench.json(&both),
        json!({"provider": "groq", "operation": "chat", "model": "openai/gpt-oss-120b",
            "confidence": "certain"})
    );
    for (file, provider) in [
        ("anthropic-stream.sse", "anthropic"),
        ("gemini-stream-list.json", "gemini"),
        ("exa-search.json", "exa"),
    ] {
        assert_eq!(bench.json(&["detect", "--body", &golden(file)])["provider"], provider);
    }
    let unknown = bench.run(&["detect", "--url", "https://api.openai.com.evil.test/v1/chat"]);
    assert_eq!(unknown.code, 1, "{unknown}");
    assert!(unknown.out.contains("confidence  unknown"), "{unknown}");
    assert_eq!(bench.run(&["detect"]).code, 2, "it needs something to go by");
}

#[test]
fn an_answer_is_extracted_whatever_its_form() {
    let bench = Bench::empty();
    bench.run(&["extract", &golden("anthropic-cache-both.json")]).shows(
        "
        exit 0
        --- out
        provider      anthropic
        operation     chat
        model         claude-sonnet-4-5-20250929
        usage         input_tokens=10750 output_tokens=393 cached_input_tokens=10000 \
        cache_write_5m_tokens=200 cache_write_1h_tokens=500
        variant       priority
        vendor_cost   -
        usage_source  reported
        ",
    );
    let cost = bench.json(&["extract", &golden("exa-search.json"), "--provider", "exa"]);
    assert_eq!((&cost["provider"], &cost["usage_source"]), (&json!("exa"), &json!("reported")));
    assert!(cost["vendor_cost_usd"].is_string(), "{cost}");
    let cut = golden("openai-chat-stream-cut.sse");
    let cut = bench.run(&["extract", &cut, "--provider", "openai", "--stream"]);
    assert_eq!(cut.code, 0, "{cut}");
    assert!(cut.err.contains("the usage is what is known so far"), "{cut}");
    let image = bench.write("image.png", "\u{89}PNG");
    let image = ["extract", &image, "--provider", "stability", "--content-type", "image/png"];
    assert_eq!(bench.json(&image)["usage"], json!({"images": 1}));
}

#[test]
fn an_answer_without_usage_is_no_zero() {
    let bench = Bench::empty();
    let none = bench.run(&["extract", &golden("openai-error.json"), "--provider", "openai"]);
    assert_eq!(none.code, 1, "{none}");
    assert!(none.err.contains("reports no usage") && none.err.contains("hint: "), "{none}");
    let strange = bench.write("strange.json", "{\"ok\": true}");
    let strange = bench.run(&["extract", &strange]);
    assert_eq!(strange.code, 2, "{strange}");
    assert!(strange.err.contains("give `--provider NAME`"), "{strange}");
    assert_eq!(bench.run(&["extract", "no-such-file"]).code, 1);
}

#[test]
fn a_saved_answer_is_priced() {
    let bench = Bench::new();
    let answer = golden("openai-chat-reasoning-flex.json");
    let later = ["--at", "2026-12-07T12:00:00Z", "--json"];
    let record = [&later[..], &["record", "u1", "--from-response", &answer, "--key", "k"]].concat();
    let ran = bench.run(&record);
    assert_eq!(ran.code, 0, "{ran}");
    let receipt = ran.json();
    assert_eq!(receipt["provider"], "openai");
    assert_eq!(receipt["model"], "o4-mini-2025-04-16");
    assert_eq!(receipt["usage"]["reasoning_tokens"], 1152);
    // Flex costs half: 89 × $0.55 and 1210 × $2.20 a million.
    assert_eq!(receipt["cost_usd"], "0.00271095");
    assert_eq!(bench.run(&record).json()["status"], "duplicate");
    // What is said on the command line wins.
    let said = ["--variant", "standard", "--model", "o4-mini", "--key", "said"];
    let said = [&later[..], &["record", "u1", "--from-response", &answer], &said].concat();
    assert_eq!(bench.run(&said).json()["cost_usd"], "0.0054219");
    let exa = golden("exa-search.json");
    let exa = [&later[..], &["record", "u1", "--from-response", &exa]].concat();
    let receipt = bench.run(&exa).json();
    assert_eq!(receipt["operation"], "search");
    let extracted = bench.json(&["extract", &golden("exa-search.json")]);
    assert_eq!(receipt["cost_usd"], extracted["vendor_cost_usd"]);
}

#[test]
fn a_saved_answer_and_quantities_do_not_go_together() {
    let bench = Bench::new();
    let answer = golden("openai-chat.json");
    let both = ["record", "u1", "--from-response", &answer, "--input-tokens", "3"];
    assert_eq!(bench.run(&both).code, 2);
    let alone = bench.run(&["record", "u1", "--provider", "openai", "--stream"]);
    assert_eq!(alone.code, 2, "{alone}");
    assert!(alone.err.contains("give `--from-response FILE`"), "{alone}");
    assert_eq!(bench.run(&["record", "u1"]).code, 2, "no provider");
}

#[test]
fn an_estimate_shows_how_it_came_about_and_learns() {
    let bench = Bench::new();
    let text = bench.write("prompt.txt", &"The tide comes in twice a day. ".repeat(20));
    let by_text = bench.run_at_noon(&["estimate", &text, "--model", "gemini-2.5-flash"]);
    by_text.shows(
        "
        exit 0
        --- out
        provider            gemini
        model               gemini-2.5-flash
        input_tokens        169
        source              estimated
        factor              1.000 of 0 calls
        margin              10%
        held_input_tokens   186
        held_output_tokens  1024
        output_reason       default
        cost                $0.00040725
        ",
    );
    let body = json!({
        "model": "gemini-2.5-flash", "max_tokens": 50,
        "messages": [{"role": "user", "content": "The tide comes in twice a day. ".repeat(20)}],
    });
    let request = bench.write("request.json", &body.to_string());
    let by_request = bench.json(&["estimate", &request]);
    assert_eq!(by_request["request"]["max_output_tokens"], 50);
    assert_eq!(by_request["input_tokens"], 169);
    let as_text = bench.json(&["estimate", &request, "--text", "--model", "gemini-2.5-flash"]);
    assert_ne!(as_text["input_tokens"], 169);
    let nobody = bench.run(&["estimate", &text, "--model", "my-own"]);
    assert_eq!(nobody.code, 2, "{nobody}");
    assert!(nobody.err.contains("--provider NAME"), "{nobody}");

    assert!(bench.run(&["calibrations"]).out.starts_with("nothing is learned yet"));
    let meter = Meter::open(bench.db(), Options::default()).unwrap();
    for _ in 0..20 {
        let ask = CallRequest::new("u1", "gemini", "");
        let estimate = meter.estimate(&ask, EstimateInput::Request(&body)).unwrap();
        let Reservation::Granted(hold) = meter.reserve(&estimate.request).unwrap() else {
            panic!("refused")
        };
        meter.settle("u1", hold.hold_id, &Usage::tokens(200, 30).into()).unwrap();
    }
    drop(meter);
    let known = bench.json(&["calibrations"]);
    assert_eq!((&known[0]["model"], &known[0]["calls"]), (&json!("gemini-2.5-flash"), &json!(20)));
    let learned = bench.json(&["estimate", &request, "--user", "u1"]);
    assert_eq!(learned["hold"]["output_tokens"], 31);
    assert_eq!(learned["hold"]["factor_ppm"], known[0]["factor_ppm"]);
}
