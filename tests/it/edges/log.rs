//! The log: what is kept of a call, what is taken out of it, and how it is paged.

use alwrity_metering::{CallDetails, CallFilter, CallRecord, Page, Span, UsageSource, Variant};

use crate::conformance::samples::{at, usd};
use crate::scene::{Scene, chat, log};

#[test]
fn secrets_never_reach_the_stored_row() {
    let scene = Scene::new();
    let secrets = [
        "sk-proj-abcDEF1234567890abcDEF",
        "hunter2hunter2",
        "jane.doe@example.org",
        "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2ln",
    ];
    let [key, password, mail, base64, token] = secrets;
    let message = format!(
        "401 at https://host/v1?api_key={key}\nAuthorization: Bearer {token}\n\
         password={password} {mail} {base64} {}",
        "and more ".repeat(200)
    );
    let details = CallDetails { error_message: Some(message), ..CallDetails::default() };
    let record = CallRecord { status_code: 401, details, ..chat("u", "k", 0, 0) };
    scene.meter.record_call(&record).unwrap();
    let kept = log(&scene.meter, "u").calls.remove(0).details.error_message.unwrap();
    assert!(kept.starts_with("401 at https://host/v1?api_key=[redacted]"), "{kept}");
    assert_eq!(kept.chars().count(), 501);
    // Not in the row, not in the log beside it, nowhere in the folder.
    let path = scene.path();
    let beside = [path.clone(), path.with_file_name("metering.db-wal")];
    for file in beside.iter().filter(|file| file.exists()) {
        let bytes = std::fs::read(file).unwrap();
        for secret in secrets {
            let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "{secret} in {}", file.display());
        }
    }
}

#[test]
fn everything_that_the_log_has_comes_back() {
    let scene = Scene::new();
    let details = CallDetails {
        actual_provider: Some("groq".into()),
        endpoint: Some("/api/blog/create".into()),
        method: Some("POST".into()),
        response_time_ms: Some(1234),
        request_size_bytes: Some(100),
        response_size_bytes: Some(2000),
        retry_count: 2,
        error_message: Some("overloaded".into()),
        ip_address: Some("2001:db8::1".into()),
        user_agent: Some("app/1".into()),
        tags: [("feature".to_owned(), "ブログ".to_owned())].into(),
    };
    let record = CallRecord {
        variant: Variant::Batch,
        usage_source: UsageSource::Estimated,
        status_code: 503,
        call_count: 3,
        occurred_at: Some(at("2025-10-06T00:00:00.000001Z")),
        vendor_cost_usd: Some(usd("0.000000000001")),
        details: details.clone(),
        ..chat("u", "k", 10, 5)
    };
    scene.meter.record_call(&record).unwrap();
    let scene = scene.reopened();
    let call = log(&scene.meter, "u").calls.remove(0);
    assert_eq!(call.details, details);
    assert_eq!((call.variant, call.usage_source), (Variant::Batch, UsageSource::Estimated));
    assert_eq!((call.status_code, call.call_count), (503, 3));
    let json = serde_json::to_value(&call).unwrap();
    assert_eq!(json["vendor_cost_usd"], "0.000000000001");
    assert_eq!(json["occurred_at"], "2025-10-06T00:00:00.000001Z");
    assert_eq!(json["billing_period"], "2025-10");
    assert_eq!(json["tags"]["feature"], "ブログ");
    assert_eq!(json["usage"], serde_json::json!({"input_tokens": 10, "output_tokens": 5}));
}

#[test]
fn nothing_is_kept_that_was_not_given() {
    let scene = Scene::new();
    scene.meter.record_call(&chat("u", "k", 10, 5)).unwrap();
    let call = log(&scene.meter, "u").calls.remove(0);
    assert_eq!(call.details, CallDetails::default());
}

#[test]
fn pages_go_back_from_the_newest() {
    let scene = Scene::new();
    for number in 0..10 {
        scene.meter.record_call(&chat("u", &number.to_string(), number, 0)).unwrap();
    }
    let ids = |page| {
        let page = scene.meter.calls("u", &CallFilter::default(), page).unwrap();
        assert_eq!(page.total_count, 10);
        page.calls.iter().map(|call| call.id).collect::<Vec<_>>()
    };
    let four = Page { limit: 4, ..Page::default() };
    assert_eq!(ids(four), [10, 9, 8, 7]);
    assert_eq!(ids(Page { before_id: Some(7), ..four }), [6, 5, 4, 3]);
    assert_eq!(ids(Page { offset: 8, ..four }), [2, 1]);
    let within =
        Some(Span { starts_at: at("2025-10-08T00:00:00Z"), ends_at: at("2025-10-09T00:00:00Z") });
    let other_day = CallFilter { within, ..CallFilter::default() };
    assert_eq!(scene.meter.calls("u", &other_day, four).unwrap().total_count, 0);
}

#[test]
fn the_mean_response_time_is_of_the_calls_that_have_one() {
    let scene = Scene::new();
    for (key, response_time_ms, call_count) in
        [("a", Some(100), 1), ("b", Some(400), 2), ("c", None, 5)]
    {
        let details = CallDetails { response_time_ms, ..CallDetails::default() };
        let record = CallRecord { details, call_count, ..chat("u", key, 1, 1) };
        scene.meter.record_call(&record).unwrap();
    }
    let summary = scene.meter.usage_summary("u", &"current".parse().unwrap()).unwrap();
    assert_eq!((summary.total_calls, summary.avg_response_time_ms), (8, Some(300)));
    let nobody = scene.meter.usage_summary("nobody", &"current".parse().unwrap()).unwrap();
    assert_eq!((nobody.total_calls, nobody.avg_response_time_ms), (0, None));
    assert_eq!(nobody.plan_id, "free");
    assert_eq!(scene.meter.users().unwrap(), ["u"], "a question creates nobody");
}
