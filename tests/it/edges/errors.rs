//! Errors: each by the way that leads to it, with its code, its number and what it says.

use alwrity_metering::domain::catalogue_file::read_plans;
use alwrity_metering::domain::key::CallKey;
use alwrity_metering::error::ERRORS;
use alwrity_metering::{
    CallDetails, CallFilter, CallOutcome, CallRecord, CallRequest, Error, LimitChange, Meter,
    Money, Operation, Options, Page, PeriodChoice, Plan, Policy, Subscribe, Timestamp, Unit, Usage,
};

use crate::conformance::samples::{plan, usd};
use crate::regressions::money::price;
use crate::scene::{Scene, ask, chat, granted, limit};

/// Asserts the row of an error and that its message names the value.
#[track_caller]
fn assert_error<T: std::fmt::Debug>(outcome: Result<T, Error>, code: &str, shows: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(shows), "`{error}` does not show `{shows}`");
    let row = ERRORS.iter().find(|row| row.code == code).unwrap();
    assert_eq!((error.number(), error.http_status()), (row.number, row.http_status));
    assert_eq!((error.hint(), error.is_retryable()), (row.hint, row.is_retryable));
}

#[test]
fn invalid_amount_101() {
    for text in ["", "ten", "1e3", "0.1234567890123", "1,5"] {
        assert_error(text.parse::<Money>(), "invalid_amount", text);
    }
    let scene = Scene::new();
    let outcome = scene.meter.set_limit("u", &limit("monthly_cost", "ten dollars"));
    assert_error(outcome, "invalid_amount", "ten dollars");
}

#[test]
fn amount_out_of_range_102() {
    assert_error("9223372.036854775808".parse::<Money>(), "amount_out_of_range", "9223372");
    let scene = Scene::new();
    let dear = CallRecord { vendor_cost_usd: Some(Money::MAX), ..chat("u", "k1", 1, 1) };
    scene.meter.record_call(&dear).unwrap();
    // The sum of the user would pass the range: nothing of the second call is written.
    let one_more = CallRecord { vendor_cost_usd: Some(usd("1")), ..chat("u", "k2", 1, 1) };
    assert_error(scene.meter.record_call(&one_more), "amount_out_of_range", "9223372");
    assert_eq!(crate::scene::log(&scene.meter, "u").total_count, 1);
    crate::scene::assert_verified(&scene.meter);
    let quantity = CallRecord { usage: Usage::tokens(0, 1_000_000_000_000), ..dear };
    let quantity = CallRecord { model: "gemini-2.5-pro".into(), user: "v".into(), ..quantity };
    let quantity = CallRecord { vendor_cost_usd: None, ..quantity };
    assert_error(scene.meter.record_call(&quantity), "amount_out_of_range", "1000000000000");
}

#[test]
fn invalid_usage_103() {
    let meter = &Scene::new().meter;
    let using = |usage| meter.record_call(&CallRecord { usage, ..chat("u", "k", 0, 0) });
    assert_error(using(Usage::tokens(-1, 0)), "invalid_usage", "input_tokens");
    assert_error(using(Usage::tokens(0, 1_000_000_000_001)), "invalid_usage", "output_tokens");
    let cached = Usage::tokens(5, 0).with(Unit::CachedInputTokens, 6);
    assert_error(using(cached), "invalid_usage", "cached_input_tokens");
    assert_error("No Unit".parse::<Unit>(), "invalid_usage", "No Unit");
    let asked = CallRequest { input_tokens: -5, ..ask("u", "k", 0, 0) };
    assert_error(meter.reserve(&asked), "invalid_usage", "-5");
    assert_eq!(meter.users().unwrap(), Vec::<String>::new(), "bad input makes no user");
}

#[test]
fn invalid_time_104() {
    for text in ["yesterday", "2025-10-01", "2025-10-01T00:00:00", "1969-12-31T23:59:59Z"] {
        assert_error(text.parse::<Timestamp>(), "invalid_time", text);
    }
    assert_error(Timestamp::from_micros(-1), "invalid_time", "-1");
    assert_error(Timestamp::from_month_label("2025-13"), "invalid_time", "2025-13");
}

#[test]
fn invalid_name_105() {
    let meter = &Scene::new().meter;
    let long = "x".repeat(256);
    for user in ["", " u", "u\n", long.as_str()] {
        let record = CallRecord { user: user.into(), ..chat("u", "k", 1, 1) };
        assert_error(meter.record_call(&record), "invalid_name", "invalid user");
        assert_error(meter.usage_summary(user, &PeriodChoice::Current), "invalid_name", "user");
        assert_error(meter.limits(user), "invalid_name", "user");
        assert_error(meter.current_period(user), "invalid_name", "user");
        let calls = meter.calls(user, &CallFilter::default(), Page::default());
        assert_error(calls, "invalid_name", "user");
    }
    let with = |change: fn(&mut CallRecord)| {
        let mut record = chat("u", "k", 1, 1);
        change(&mut record);
        meter.record_call(&record)
    };
    assert_error(with(|r| r.provider = String::new()), "invalid_name", "provider");
    assert_error(with(|r| r.model = "a\tb".into()), "invalid_name", "model");
    assert_error(with(|r| r.operation = Some(String::new())), "invalid_name", "operation");
    let key = with(|r| r.idempotency_key = Some("k".repeat(256)));
    assert_error(key, "invalid_name", "idempotency_key");
    assert_error("no hex".parse::<CallKey>(), "invalid_name", "hold_id");
    assert_error("grace 101%".parse::<Policy>(), "invalid_name", "grace 101%");
    assert_error(Operation::new(" "), "invalid_name", "operation");
}

#[test]
fn invalid_argument_106() {
    let meter = &Scene::new().meter;
    let with = |change: fn(&mut CallRecord)| {
        let mut record = chat("u", "k", 1, 1);
        change(&mut record);
        meter.record_call(&record)
    };
    assert_error(with(|r| r.status_code = 99), "invalid_argument", "status_code `99`");
    assert_error(with(|r| r.status_code = 600), "invalid_argument", "600");
    assert_error(with(|r| r.call_count = 0), "invalid_argument", "call_count `0`");
    let negative = with(|r| r.vendor_cost_usd = Some(Money::from_pico_usd(-1)));
    assert_error(negative, "invalid_argument", "vendor_cost_usd");
    assert_error(with(|r| r.details.response_time_ms = Some(-1)), "invalid_argument", "-1");
    assert_error(with(|r| r.details.retry_count = -1), "invalid_argument", "retry_count");
    let long = with(|r| r.details.endpoint = Some("/".repeat(2049)));
    assert_error(long, "invalid_argument", "endpoint `2049 bytes`");
    let tags = with(|r| {
        let tags = (0..17).map(|number| (number.to_string(), String::new()));
        r.details = CallDetails { tags: tags.collect(), ..CallDetails::default() };
    });
    assert_error(tags, "invalid_argument", "17 tags");

    assert_error(meter.reserve_all(&[]), "invalid_argument", "requests `0`");
    assert_error(meter.check_limits(&vec![ask("u", "k", 1, 1); 257]), "invalid_argument", "257");
    let two_users = [ask("u", "k1", 1, 1), ask("v", "k2", 1, 1)];
    assert_error(meter.reserve_all(&two_users), "invalid_argument", "`v`");
    let one_key = [ask("u", "k1", 1, 1), ask("u", "k1", 2, 1)];
    assert_error(meter.reserve_all(&one_key), "invalid_argument", "idempotency_key `k1`");
    let forever = CallRequest { ttl_ms: Some(604_800_001), ..ask("u", "k", 1, 1) };
    assert_error(meter.reserve(&forever), "invalid_argument", "ttl_ms");

    for period in ["", "2025", "2025-1", "2025-13", "last"] {
        assert_error(period.parse::<PeriodChoice>(), "invalid_argument", period);
    }
    let page = Page { limit: 5001, ..Page::default() };
    assert_error(meter.calls("u", &CallFilter::default(), page), "invalid_argument", "5001");
    assert_error(meter.set_limit("u", &limit("gemini_calls", "-1")), "invalid_argument", "-1");
    let backwards = LimitChange {
        starts_at: Some(Timestamp::MAX),
        ends_at: Some(Timestamp::MIN),
        ..limit("gemini_calls", "1")
    };
    assert_error(meter.set_limit("u", &backwards), "invalid_argument", "ends_at");
    let thresholds = LimitChange { thresholds: Some(vec![90, 80]), ..limit("gemini_calls", "1") };
    assert_error(meter.set_limit("u", &thresholds), "invalid_argument", "[90, 80]");
    assert_error(meter.seed("none"), "invalid_argument", "default or alwrity-2026");
}

#[test]
fn invalid_catalogue_107() {
    let text = "[[plan]]\nid = \"x\"\nname = 7\n";
    assert_error(read_plans("mine.toml", text), "invalid_catalogue", "`mine.toml`, line 3");
}

#[test]
fn invalid_plan_108() {
    let meter = &Scene::new().meter;
    let good = plan("own", "1");
    let twice = Plan { limits: vec![good.limits[0].clone(); 2], ..good.clone() };
    assert_error(meter.put_plan(&twice), "invalid_plan", "two limits");
    let upper = Plan { id: "Own".into(), ..good.clone() };
    assert_error(meter.put_plan(&upper), "invalid_plan", "`Own`");
    let negative = Plan { price_monthly_usd: usd("-1"), ..good.clone() };
    assert_error(meter.put_plan(&negative), "invalid_plan", "negative");
    meter.put_plan(&Plan { is_active: false, ..good }).unwrap();
    let outcome = meter.subscribe("u", &Subscribe::monthly("own").waived("test"));
    assert_error(outcome, "invalid_plan", "not offered any more");
}

#[test]
fn invalid_price_109() {
    let meter = &Scene::new().meter;
    let good = price("acme", "m", "2025-10-01T00:00:00Z", "1");
    let mut negative = good.clone();
    negative.rates[0].amount = usd("-1");
    assert_error(meter.put_price(&negative), "invalid_price", "acme / m");
    let mut without = good.clone();
    without.rates.clear();
    assert_error(meter.put_price(&without), "invalid_price", "no rates");
    let mut nameless = good;
    nameless.model = String::new();
    assert_error(meter.put_price(&nameless), "invalid_price", "acme / *");
}

#[test]
fn invalid_option_111() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    let open = |change: fn(&mut Options)| {
        let mut options = Options::default();
        change(&mut options);
        Meter::open(&path, options)
    };
    assert_error(open(|o| o.hold_ttl_ms = 0), "invalid_option", "hold_ttl_ms");
    assert_error(open(|o| o.busy_timeout_ms = 600_001), "invalid_option", "600001");
    assert_error(open(|o| o.queue_capacity = 0), "invalid_option", "queue_capacity");
    assert_error(open(|o| o.unpriced_hold_usd = usd("-0.1")), "invalid_option", "unpriced_hold");
    assert!(!path.exists(), "nothing is made with bad options");
    let mut options = Options::default();
    assert_error(options.set("durability", "soon"), "invalid_option", "durable or queued");
    assert_error(options.set("nonsense", "1"), "invalid_argument", "nonsense");
}

#[test]
fn unknown_things_2xx() {
    let scene = Scene::new();
    let meter = &scene.meter;
    assert_error(
        meter.subscribe("u", &Subscribe::monthly("gold").waived("test")),
        "unknown_plan",
        "known are free",
    );
    assert_error(meter.set_limit("u", &limit("gold", "1")), "unknown_limit", "gold");
    assert_error(meter.clear_limit("u", "gemini_calls"), "unknown_limit", "gemini_calls");
    let hold_id = CallKey::new("u", "never reserved");
    let settled = meter.settle("u", hold_id, &CallOutcome::default());
    assert_error(settled, "unknown_hold", &hold_id.to_string());
    assert_error(meter.release("u", hold_id), "unknown_hold", &hold_id.to_string());
    let empty = Meter::open(scene.path().with_file_name("empty.db"), Options::default()).unwrap();
    assert_error(empty.record_call(&chat("u", "k", 1, 1)), "unknown_plan", "known are none");
    assert_error(empty.limits("u"), "unknown_plan", "free");
}

#[test]
fn hold_closed_302() {
    let scene = Scene::new();
    let hold = granted(&scene.meter, &ask("u", "k", 1, 1));
    scene.meter.settle("u", hold.hold_id, &Usage::tokens(1, 1).into()).unwrap();
    let released = scene.meter.release("u", hold.hold_id);
    assert_error(released, "hold_closed", &format!("hold `{}` is already settled", hold.hold_id));
}

#[test]
fn only_what_may_pass_by_itself_is_retryable() {
    let retryable: Vec<&str> =
        ERRORS.iter().filter(|row| row.is_retryable).map(|row| row.code).collect();
    let expected = ["overloaded", "outcome_unknown", "storage_unavailable", "storage_full"];
    assert_eq!(retryable, expected);
    assert!(Error::Overloaded { waited_ms: 1 }.is_retryable());
    assert!(!Error::Closed {}.is_retryable());
    // A server answers "later" to these, and only to these, of all it may repeat.
    let later =
        |row: &&alwrity_metering::error::ErrorRow| row.is_retryable && row.http_status < 500;
    assert_eq!(ERRORS.iter().find(later), None);
}

#[test]
fn errors_show_one_short_line() {
    let meter = &Scene::new().meter;
    let record =
        CallRecord { provider: format!("a\nb{}", "x".repeat(500)), ..chat("u", "k", 1, 1) };
    let shown = meter.record_call(&record).unwrap_err().to_string();
    assert!(!shown.contains('\n') && shown.chars().count() < 250, "{shown}");
}
