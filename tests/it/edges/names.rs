//! Names: users and keys are kept exactly, providers and models are normalised.

use alwrity_metering::{CallFilter, CallRecord, CallRequest, Page, RecordStatus, Usage};

use crate::scene::{
    NOON, SECOND_LIST, Scene, ask, assert_verified, call, chat, granted, log, used_and_held,
};

#[test]
fn users_in_any_script_are_kept_exactly() {
    let scene = Scene::new();
    let users = ["用户", "Ünïcode", "ünïcode", "مستخدم", "🦀 crab", "a'b\"c;--", "u\u{301}", "ú"];
    for user in users {
        granted(&scene.meter, &ask(user, "held", 10, 5));
        scene.meter.record_call(&chat(user, "k", 10, 5)).unwrap();
    }
    let scene = scene.reopened();
    assert_eq!(scene.meter.users().unwrap(), users);
    for user in users {
        assert_eq!(used_and_held(&scene.meter, user, "gemini_calls"), (1, 1), "{user}");
        let again = scene.meter.record_call(&chat(user, "k", 10, 5)).unwrap();
        assert_eq!((again.status, again.user.as_str()), (RecordStatus::Duplicate, user));
    }
    assert_verified(&scene.meter);
}

#[test]
fn users_and_keys_of_255_bytes_are_accepted_and_no_longer_ones() {
    let scene = Scene::new();
    // 85 characters of three bytes each.
    let (user, key) = ("界".repeat(85), "鍵".repeat(85));
    assert_eq!((user.len(), key.len()), (255, 255));
    let first = scene.meter.record_call(&chat(&user, &key, 10, 5)).unwrap();
    assert_eq!((first.user.as_str(), first.idempotency_key.as_str()), (&*user, &*key));
    let again = scene.meter.record_call(&chat(&user, &key, 10, 5)).unwrap();
    assert_eq!(again.status, RecordStatus::Duplicate);
    let other = chat(&user, &key[..252], 10, 5);
    assert_eq!(scene.meter.record_call(&other).unwrap().status, RecordStatus::Recorded);
    for (user, key) in [(user.clone() + "x", key.clone()), (user, key + "x")] {
        let error = scene.meter.record_call(&chat(&user, &key, 10, 5)).unwrap_err();
        assert_eq!(error.code(), "invalid_name");
    }
}

#[test]
fn keys_differ_in_every_byte_and_belong_to_their_user() {
    let scene = Scene::new();
    let pairs = [("a", "bc"), ("ab", "c"), ("a", "Bc"), ("a", "bc2"), ("A", "bc")];
    for (user, key) in pairs {
        let receipt = scene.meter.record_call(&chat(user, key, 1, 1)).unwrap();
        assert_eq!(receipt.status, RecordStatus::Recorded, "{user} {key}");
    }
}

#[test]
fn a_call_without_a_key_gets_one_that_repeats_it() {
    let scene = Scene::new();
    let record = CallRecord { idempotency_key: None, ..chat("u", "", 10, 5) };
    let first = scene.meter.record_call(&record).unwrap();
    let second = scene.meter.record_call(&record).unwrap();
    assert_ne!(first.idempotency_key, second.idempotency_key);
    assert_eq!(log(&scene.meter, "u").total_count, 2);
    let key = Some(first.idempotency_key);
    let again = scene.meter.record_call(&CallRecord { idempotency_key: key, ..record }).unwrap();
    assert_eq!((again.status, again.call_id), (RecordStatus::Duplicate, first.call_id));
}

#[test]
fn providers_models_and_operations_are_trimmed_and_lower_case() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let usage = Usage::tokens(1_000_000, 0);
    let record = call("u", "k", (" Gemini ", "Chat", "Gemini-2.5-FLASH"), usage.clone());
    let receipt = meter.record_call(&record).unwrap();
    assert_eq!((receipt.provider.as_str(), receipt.model.as_str()), ("gemini", "gemini-2.5-flash"));
    assert_eq!(receipt.cost_usd.unwrap().to_string(), "0.125");
    let same = call("u", "k", ("gemini", "chat", "gemini-2.5-flash"), usage);
    assert_eq!(meter.record_call(&same).unwrap().status, RecordStatus::Duplicate);
    let upper = CallFilter {
        provider: Some("GEMINI".into()),
        operation: Some("CHAT".into()),
        model: Some("Gemini-2.5-Flash".into()),
        ..CallFilter::default()
    };
    assert_eq!(meter.calls("u", &upper, Page::default()).unwrap().total_count, 1);
    assert_eq!(meter.prices(Some("Gemini")).unwrap(), meter.prices(Some("gemini")).unwrap());
}

#[test]
fn without_an_operation_a_call_does_what_its_model_is_priced_for_else_what_its_provider_does() {
    let scene = Scene::new();
    scene.at(SECOND_LIST);
    for (provider, model, expected) in [
        ("wavespeed", "qwen-edit", "image_edit"),
        ("wavespeed", "hunyuan-video", "video_generation"),
        ("wavespeed", "minimax/speech-02-hd", "audio_generation"),
        ("wavespeed", "openai/gpt-oss-20b", "chat"),
        // The default price of the provider is for videos; a model without a price is a chat.
        ("wavespeed", "never heard of", "chat"),
        ("gemini", "gemini-embedding", "embeddings"),
        ("gemini", "models/gemini-2.5-flash", "chat"),
        ("tavily", "", "search"),
        ("tavily", "anything", "search"),
        ("firecrawl", "", "crawl"),
        ("stability", "sd-9", "image_generation"),
        ("acme", "acme-1", "chat"),
    ] {
        let record = CallRecord::new("u", provider, model, Usage::none());
        let quote = scene.meter.quote(&record).unwrap();
        assert_eq!(quote.operation.as_str(), expected, "{provider} / {model}");
        assert_eq!(scene.meter.record_call(&record).unwrap().operation, quote.operation);
        let request = CallRequest::new("u", provider, model);
        let decision = scene.meter.check_limit(&request).unwrap();
        assert_eq!(decision.calls[0].operation, quote.operation, "{provider} / {model}");
    }
    // Before the second list nothing was known of that model.
    scene.at(NOON);
    let record = CallRecord::new("u", "wavespeed", "qwen-edit", Usage::none());
    assert_eq!(scene.meter.quote(&record).unwrap().operation.as_str(), "chat");
}
