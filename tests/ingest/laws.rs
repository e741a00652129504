//! Laws over made-up input: nothing panics, nothing loops, the same bytes give the same answer.
//!
//! That the work is linear is counted where the loops are: `src/ingest/work.rs`.

use alwrity_metering::ingest::{
    Calibration, OutputSizes, RouteRules, TextSize, TokenScan, UsageStream, detect_body,
    detect_model, detect_provider, estimate_chat, estimate_request, estimate_tokens, extract_usage,
    extract_usage_text, normalise_model, operation, part_of, provider,
};
use alwrity_metering::{Unit, Usage, redact};
use proptest::prelude::*;
use serde_json::Value;

/// JSON made of the very keys that the tables know, so that the readers go deep.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_i64..5_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "message",
            "message_start",
            "response.completed",
            "AUDIO",
            "flex",
            "1e-9",
            "-5",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..8)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    let known = vec![
        "usage",
        "usageMetadata",
        "usage_metadata",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
        "cached_tokens",
        "reasoning_tokens",
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation",
        "ephemeral_1h_input_tokens",
        "promptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "promptTokensDetails",
        "modality",
        "tokenCount",
        "type",
        "model",
        "response",
        "message",
        "delta",
        "choices",
        "candidates",
        "content",
        "parts",
        "text",
        "costDollars",
        "total",
        "cost",
        "data",
        "outputs",
        "results",
        "images",
        "billed_units",
        "meta",
        "seconds",
        "service_tier",
        "messages",
        "contents",
        "tools",
        "role",
        "inlineData",
        "image_url",
        "url",
        "inputTokens",
        "outputTokens",
        "custom_id",
        "body",
        "metadata",
        "creditsUsed",
        "key",
        "event_type",
    ];
    prop_oneof![8 => prop::sample::select(known).prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}

fn provider_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select([&provider::ALL[..], &["unheard-of"]].concat())
}

fn assert_sound(usage: &Usage) {
    usage.validate().unwrap();
    for (unit, quantity) in usage.iter() {
        if let Some(whole) = part_of(unit.name()) {
            let whole: Unit = whole.parse().unwrap();
            assert!(quantity <= usage.get(&whole) || unit.name().starts_with("cached_input_"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_read_without_panic_and_soundly(name in provider_name(), body in json()) {
        let found = extract_usage(name, &body);
        if let Some(found) = &found {
            assert_sound(&found.usage);
            prop_assert!(found.notes.len() <= 60);
        }
        prop_assert_eq!(found, extract_usage(name, &body));
        detect_body(&body);
        estimate_chat(&body);
        for done in operation::ALL {
            estimate_request(name, done, &body);
        }
    }

    #[test]
    fn any_text_is_read_without_panic(name in provider_name(), text in "\\PC{0,200}") {
        extract_usage_text(name, &text);
        detect_provider(&text);
        detect_model(&text);
        normalise_model(&text);
        let tokens = estimate_tokens(&text);
        prop_assert!(tokens >= i64::from(!text.is_empty()));
        prop_assert!(tokens <= 6 * i64::try_from(text.len()).unwrap() + 1);
    }

    #[test]
    fn any_bytes_stream_the_same_however_they_are_cut(
        name in provider_name(),
        events in prop::collection::vec(json(), 0..5),
        noise in prop::collection::vec(any::<u8>(), 0..40),
        cuts in prop::collection::vec(1_usize..40, 1..20),
    ) {
        let mut bytes = Vec::new();
        for event in &events {
            bytes.extend_from_slice(format!("data: {event}\r\n\r\n").as_bytes());
        }
        bytes.extend_from_slice(&noise);
        let mut whole = UsageStream::new(name);
        whole.push_chunk(&bytes);
        let mut cut = UsageStream::new(name);
        let mut rest = &bytes[..];
        for size in cuts.iter().cycle() {
            let (first, after) = rest.split_at((*size).min(rest.len()));
            cut.push_chunk(first);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        let (whole, cut) = (whole.finish(), cut.finish());
        prop_assert_eq!(&whole, &cut);
        if let Some(found) = whole {
            assert_sound(&found.usage);
        }
    }

    #[test]
    fn any_text_is_redacted_to_one_short_line(
        text in prop_oneof!["\\PC{0,600}", "([a-zA-Z0-9+/_.@: =-]{0,40}[\\n ]?){0,40}"],
        key in "[A-Za-z0-9]{24,48}",
    ) {
        let clean = redact(&format!("{text} Bearer {key}"));
        prop_assert!(clean.chars().count() <= 501);
        prop_assert!(!clean.contains(&key) && !clean.contains('\n'));
    }

    #[test]
    fn a_text_in_pieces_is_the_text(
        parts in prop::collection::vec("[a-zA-Zäß 0-9.,!'\n日本кор]{0,12}", 0..12),
    ) {
        let mut scan = TokenScan::new();
        for part in &parts {
            scan.push(part);
        }
        prop_assert_eq!(scan.tokens(), estimate_tokens(&parts.concat()));
    }

    #[test]
    fn a_strangers_host_is_unknown(
        host in prop::sample::select(vec!["api.openai.com", "api.anthropic.com", "api.exa.ai"]),
        extra in "[a-z]{1,8}",
        path in "(/[a-z0-9]{1,6}){0,4}",
    ) {
        for stranger in [
            format!("https://{host}.{extra}{path}"),
            format!("https://{extra}{host}{path}"),
            format!("https://{extra}.test/{host}{path}"),
            format!("https://{host}@{extra}.test{path}"),
            format!("https://{extra}.test?x=https://{host}{path}"),
            format!("https://{extra}.test\\@{host}{path}"),
        ] {
            prop_assert!(detect_provider(&stranger).is_unknown(), "{}", stranger);
        }
        let owner = detect_provider(&format!("https://{host}{path}"));
        prop_assert!(!owner.is_unknown());
    }

    #[test]
    fn a_route_that_nobody_listed_is_unknown(path in "(/[a-z]{1,6}){1,5}") {
        let mut rules = RouteRules::new();
        rules.add(None, "/listed/{id}", Some("exa"), Some("search")).unwrap();
        let is_listed = path.starts_with("/listed/") && path.matches('/').count() == 2;
        prop_assert_eq!(rules.detect("POST", &path).is_unknown(), !is_listed);
    }

    #[test]
    fn a_factor_stays_bounded_whatever_is_folded(
        pairs in prop::collection::vec((any::<i64>(), any::<i64>()), 0..60),
    ) {
        let mut model = Calibration::new();
        let mut sizes = OutputSizes::new();
        for (estimated_tokens, reported) in pairs {
            let sent = TextSize { characters: reported, words: estimated_tokens, estimated_tokens };
            model.observe(sent, reported);
            sizes.observe(reported);
            prop_assert!((500_000..=2_000_000).contains(&model.factor_ppm()));
            prop_assert!(sizes.quantile(95).unwrap_or(0) >= 0);
        }
        model.tokens_per_word_ppm();
        model.tokens_per_character_ppm();
    }
}

#[test]
fn deep_nesting_neither_overflows_nor_panics() {
    for (open, close) in [("[", "]"), ("{\"usage\":", "}"), ("{\"response\":", "}")] {
        let text = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        extract_usage_text("openai", &text);
        let mut stream = UsageStream::new("cohere");
        stream.push_chunk(format!("data: {text}\n\n"));
        stream.finish();
    }
}
