//! Every golden body gives exactly what its line in `cases.json` says, however it is handed over.

use std::path::PathBuf;

use alwrity_metering::ingest::{
    Extracted, UsageStream, detect_body, extract_usage, extract_usage_text, provider,
};
use alwrity_metering::{Money, Usage, UsageSource, Variant};
use serde::Deserialize;

/// How many cases there are: a lost one is a failure.
const CASES: usize = 108;

#[derive(Deserialize)]
struct Case {
    id: String,
    file: String,
    provider: String,
    usage: Option<Usage>,
    model: Option<String>,
    variant: Option<Variant>,
    vendor_cost_usd: Option<Money>,
    #[serde(default)]
    is_partial: bool,
    usage_source: Option<UsageSource>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/ingest")
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(folder().join("cases.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn text_of(case: &Case) -> String {
    std::fs::read_to_string(folder().join(&case.file)).unwrap()
}

fn assert_case(case: &Case, found: Option<&Extracted>, how: &str) {
    let id = &case.id;
    let Some(expected) = &case.usage else {
        assert_eq!(found, None, "{id} {how}: no usage is none, never zero");
        return;
    };
    let found = found.unwrap_or_else(|| panic!("{id} {how}: found no usage"));
    assert_eq!(&found.usage, expected, "{id} {how}: {:?}", found.notes);
    assert_eq!(found.model, case.model, "{id} {how}");
    assert_eq!(found.variant, case.variant, "{id} {how}");
    assert_eq!(found.vendor_cost_usd, case.vendor_cost_usd, "{id} {how}");
    assert_eq!(found.is_partial, case.is_partial, "{id} {how}: {:?}", found.notes);
    assert_eq!(Some(found.usage_source), case.usage_source, "{id} {how}");
    found.usage.validate().unwrap();
}

#[test]
fn every_golden_body_gives_what_its_line_says() {
    let cases = cases();
    assert_eq!(cases.len(), CASES);
    let files = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(files, CASES + 1, "every file has its case");
    for case in &cases {
        assert_case(case, extract_usage_text(&case.provider, &text_of(case)).as_ref(), "as text");
    }
}

#[test]
fn a_parsed_body_gives_the_same_as_its_text() {
    let mut parsed = 0;
    for case in cases() {
        if let Ok(body) = serde_json::from_str(&text_of(&case)) {
            parsed += 1;
            assert_case(&case, extract_usage(&case.provider, &body).as_ref(), "parsed");
        }
    }
    assert!(parsed > 70, "{parsed}");
}

#[test]
fn a_stream_gives_the_same_wherever_it_is_cut_into_chunks() {
    let mut streams = 0;
    for case in cases() {
        if !(case.id.contains("stream")) {
            continue;
        }
        streams += 1;
        let text = text_of(&case);
        for size in [1, 2, 3, 5, 7, 64, 1_000] {
            let mut stream = UsageStream::new(&case.provider);
            for chunk in text.as_bytes().chunks(size) {
                stream.push_chunk(chunk);
            }
            assert_case(&case, stream.finish().as_ref(), &format!("in chunks of {size}"));
        }
    }
    assert!(streams >= 20, "{streams}");
}

#[test]
fn every_provider_has_golden_bodies() {
    let cases = cases();
    for name in provider::ALL {
        let count = cases.iter().filter(|case| case.provider == name).count();
        assert!(count >= 1, "{name} has none");
    }
}

#[test]
fn a_bodys_shape_never_names_another_provider() {
    let mut named = 0;
    for case in cases() {
        let Ok(body) = serde_json::from_str(&text_of(&case)) else { continue };
        if let Some(found) = detect_body(&body).provider {
            named += 1;
            // A router hands on the answer of the host that it chose, a cloud that of its models.
            let stands_for = match case.provider.as_str() {
                "huggingface" => "groq",
                "aws_bedrock" if case.id.contains("anthropic") => "anthropic",
                other => other,
            };
            assert_eq!(found, stands_for, "{}", case.id);
        }
    }
    assert!(named > 50, "{named}");
}

#[test]
fn notes_are_about_fields_and_never_about_content() {
    for case in cases() {
        let found = extract_usage_text(&case.provider, &text_of(&case));
        for note in found.map(|found| found.notes).unwrap_or_default() {
            let is_content =
                ["tide", "boat", "harbour", "wind"].iter().any(|word| note.contains(word));
            assert!(!is_content, "{}: {note}", case.id);
        }
    }
}

#[test]
fn news_and_corrections_are_noted() {
    let notes = |id: &str| {
        let cases = cases();
        let case = cases.iter().find(|case| case.id == id).unwrap();
        extract_usage_text(&case.provider, &text_of(case)).unwrap().notes
    };
    assert_eq!(notes("odd-float-counts"), ["unknown field `usage.new_field`"]);
    assert_eq!(
        notes("odd-subset-beyond-total"),
        ["`cached_input_tokens` is more than `input_tokens` holds and was cut"]
    );
    for id in ["openai-chat", "anthropic-cache-both", "gemini-chat", "xai-chat", "groq-chat"] {
        assert_eq!(notes(id), Vec::<String>::new(), "{id}");
    }
}
