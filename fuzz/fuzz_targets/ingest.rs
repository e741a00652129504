//! Gives arbitrary bytes to everything in the ingest room that reads what a stranger wrote.
#![no_main]

use alwrity_metering::ingest::{
    RouteRules, UsageStream, detect_body, detect_body_text, detect_model, detect_provider,
    estimate_chat, estimate_request, estimate_tokens, extract_usage, extract_usage_text,
    image_size, operation, provider,
};
use alwrity_metering::redact;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [first, second, bytes @ ..] = input else { return };
    let name = provider::ALL[usize::from(*first) % provider::ALL.len()];
    let done = operation::ALL[usize::from(*second) % operation::ALL.len()];

    let mut whole = UsageStream::new(name);
    whole.push_chunk(bytes);
    let mut cut = UsageStream::new(name);
    for chunk in bytes.chunks(usize::from(*second) + 1) {
        cut.push_chunk(chunk);
    }
    let (whole, cut) = (whole.finish(), cut.finish());
    assert_eq!(whole, cut, "a stream does not depend on its chunks");
    if let Some(found) = whole {
        assert!(found.usage.validate().is_ok(), "quantities are within their range");
    }

    image_size(bytes);
    let text = String::from_utf8_lossy(bytes);
    let tokens = estimate_tokens(&text);
    assert!(tokens >= i64::from(!text.is_empty()));
    detect_provider(&text);
    detect_model(&text);
    let mut rules = RouteRules::new();
    if rules.add(None, &text, Some(name), Some(done)).is_ok() {
        rules.detect("GET", &text);
    }
    extract_usage_text(name, &text);
    detect_body_text(&text);
    assert!(redact(&text).chars().count() <= 501, "one short line");
    if let Ok(body) = serde_json::from_slice(bytes) {
        if let Some(found) = extract_usage(name, &body) {
            assert!(found.usage.validate().is_ok());
        }
        detect_body(&body);
        estimate_chat(&body);
        estimate_request(name, done, &body);
    }
});
