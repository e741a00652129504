//! Counting: nothing is lost, nothing counts twice, whoever writes at the same time.

use std::sync::Barrier;

use alwrity_metering::{CallRecord, CallRequest, Meter, Options, RecordStatus, Usage};

use super::processes::{CALLS_A_PROCESS, run};
use crate::conformance::samples::usd;
use crate::scene::{NOON, Scene, assert_verified, chat, cost, log, number, quick, used_and_held};

const THREADS: i64 = 8;

/// Runs the same in eight threads that begin together.
pub(crate) fn in_threads(task: impl Fn(i64) + Sync) {
    let barrier = Barrier::new(usize::try_from(THREADS).unwrap());
    let (task, barrier) = (&task, &barrier);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                barrier.wait();
                task(thread);
            });
        }
    });
}

/// Asserts that exactly so many calls of 10 tokens in and 5 out are everywhere.
fn assert_counted(meter: &Meter, calls: i64) {
    let summary = meter.usage_summary("u", &"current".parse().unwrap()).unwrap();
    // 10 × $0.125 and 5 × $0.375 per million.
    let total_cost = usd("0.000003125").charge(calls, 1).unwrap();
    assert_eq!(summary.total_calls, calls);
    assert_eq!((summary.input_tokens, summary.output_tokens), (10 * calls, 5 * calls));
    assert_eq!(summary.total_cost, total_cost);
    let breakdown = &summary.provider_breakdown["gemini"];
    assert_eq!(
        (breakdown.calls, breakdown.tokens, breakdown.cost),
        (calls, 15 * calls, total_cost)
    );
    assert_eq!(summary.operation_breakdown["chat"].calls, calls);
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (calls, 0));
    assert_eq!(used_and_held(meter, "u", "gemini_tokens"), (15 * calls, 0));
    assert_eq!(used_and_held(meter, "u", "monthly_cost"), (total_cost.pico_usd(), 0));
    for (table, column) in [("calls", "call_count"), ("counters", "calls"), ("days", "calls")] {
        assert_eq!(number(meter, &format!("SELECT sum({column}) FROM {table}")), calls, "{table}");
    }
    assert_eq!(number(meter, "SELECT count(*) FROM calls"), calls);
    assert_verified(meter);
}

#[test]
fn regression_01_eight_threads_on_one_user_lose_no_call() {
    // With an fsync for each commit, as hosts run it.
    let scene = Scene::with(|options| options.synchronous = Default::default());
    in_threads(|thread| {
        for call in 0..500 {
            let record = chat("u", &format!("t{thread} c{call}"), 10, 5);
            scene.meter.record_call(&record).unwrap();
        }
    });
    assert_counted(&scene.meter, 500 * THREADS);
    let scene = scene.reopened();
    assert_counted(&scene.meter, 500 * THREADS);
}

#[test]
fn regression_01_four_processes_on_one_user_lose_no_call() {
    let scene = Scene::new();
    run("record", &scene.path(), NOON, 4);
    assert_counted(&scene.meter, 4 * CALLS_A_PROCESS);
    // The same calls again, from as many processes: all of them are known.
    run("record", &scene.path(), NOON, 4);
    assert_counted(&scene.meter, 4 * CALLS_A_PROCESS);
}

#[test]
fn regression_02_the_first_calls_of_a_period_from_many_threads_all_count() {
    let scene = Scene::new();
    scene.meter.record_call(&chat("u", "october", 10, 5)).unwrap();
    scene.at("2025-11-01T00:00:00Z");
    in_threads(|thread| {
        scene.meter.record_call(&chat("u", &format!("t{thread}"), 10, 5)).unwrap();
    });
    let month =
        |label: &str| scene.meter.usage_summary("u", &label.parse().unwrap()).unwrap().total_calls;
    assert_eq!((month("2025-10"), month("2025-11")), (1, THREADS));
    assert_eq!(number(&scene.meter, "SELECT count(*) FROM usage_periods"), 2);
    assert_verified(&scene.meter);
}

#[test]
fn regression_02_the_first_calls_of_a_period_from_four_processes_all_count() {
    let scene = Scene::new();
    scene.meter.record_call(&chat("u", "october", 10, 5)).unwrap();
    run("record", &scene.path(), "2025-11-01T00:00:00Z", 4);
    scene.at("2025-11-01T00:00:00Z");
    let current = scene.meter.usage_summary("u", &"current".parse().unwrap()).unwrap();
    assert_eq!(current.total_calls, 4 * CALLS_A_PROCESS);
    assert_verified(&scene.meter);
}

#[test]
fn regression_02_the_first_opens_of_a_new_file_all_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("by-processes.db");
    run("open", &path, NOON, 4);
    assert_eq!(Meter::open(&path, quick()).unwrap().users().unwrap(), Vec::<String>::new());
    let path = folder.path().join("by-threads.db");
    in_threads(|_| {
        // Each thread with options of its own, so that they do not share one engine.
        let options = Options { busy_timeout_ms: 5000, ..quick() };
        let meter = Meter::open(&path, options).unwrap();
        meter.seed("default").unwrap();
    });
    let meter = Meter::open(&path, quick()).unwrap();
    assert_eq!(meter.plans().unwrap().len(), 4);
    assert_eq!(number(&meter, "SELECT count(*) FROM plans"), 4);
}

#[test]
fn regression_06_failed_calls_are_recorded_and_priced_for_what_they_report() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let failed =
        |key: &str, status_code, usage| CallRecord { status_code, usage, ..chat("u", key, 0, 0) };
    let nothing = meter.record_call(&failed("k1", 500, Usage::none())).unwrap();
    assert_eq!(nothing.cost_usd.unwrap().to_string(), "0");
    let partly = meter.record_call(&failed("k2", 429, Usage::tokens(1000, 0))).unwrap();
    assert_eq!(partly.cost_usd.unwrap().to_string(), "0.000125");
    let redirected = meter.record_call(&failed("k3", 399, Usage::tokens(1000, 0))).unwrap();
    assert_eq!(redirected.cost_usd, partly.cost_usd);
    let summary = meter.usage_summary("u", &"current".parse().unwrap()).unwrap();
    assert_eq!((summary.total_calls, summary.failed_calls), (3, 2));
    assert!((summary.error_rate - 66.6666).abs() < 1e-9, "{}", summary.error_rate);
    assert_eq!(summary.total_cost.to_string(), "0.00025");
    // The call that used nothing uses up no `*_calls` limit.
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (2, 0));
    let codes: Vec<i64> = log(meter, "u").calls.iter().map(|call| call.status_code).collect();
    assert_eq!(codes, [399, 429, 500]);
    assert_verified(meter);
}

#[test]
fn regression_06_a_failed_search_or_image_is_not_charged_as_one() {
    let scene = Scene::new();
    for (provider, operation) in [("tavily", "search"), ("stability", "image_generation")] {
        let record = CallRecord {
            status_code: 503,
            operation: Some(operation.into()),
            ..CallRecord::new("u", provider, "", Usage::none())
        };
        let receipt = scene.meter.record_call(&record).unwrap();
        assert_eq!(receipt.cost_usd.unwrap().to_string(), "0", "{provider}");
        assert!(receipt.usage.is_none(), "{provider}");
    }
    assert_eq!(cost(&scene.meter, "u"), "0");
}

/// A connection of somebody else, who makes the next write of a counter fail.
fn with_a_failing_table(scene: &Scene, task: impl FnOnce()) {
    let foreign = rusqlite::Connection::open(scene.path()).unwrap();
    let trigger = "CREATE TRIGGER failing BEFORE INSERT ON counters \
                   BEGIN SELECT RAISE(ABORT, 'no'); END";
    foreign.execute_batch(trigger).unwrap();
    task();
    foreign.execute_batch("DROP TRIGGER failing").unwrap();
}

#[test]
fn regression_16_a_write_that_fails_does_not_burn_the_key() {
    let scene = Scene::new();
    let record = chat("u", "k", 1000, 500);
    with_a_failing_table(&scene, || {
        let error = scene.meter.record_call(&record).unwrap_err();
        assert!(error.code() == "internal" || error.code() == "storage_unavailable", "{error:?}");
        assert_eq!(number(&scene.meter, "SELECT count(*) FROM call_keys"), 0);
    });
    let receipt = scene.meter.record_call(&record).unwrap();
    assert_eq!((receipt.status, receipt.call_id), (RecordStatus::Recorded, 1));
    let again = scene.meter.record_call(&record).unwrap();
    assert_eq!((again.status, again.call_id), (RecordStatus::Duplicate, 1));
    assert_eq!(again.cost_usd, receipt.cost_usd);
    assert_eq!(log(&scene.meter, "u").total_count, 1);
    assert_verified(&scene.meter);
}

#[test]
fn regression_16_the_same_key_with_other_content_names_the_difference() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let first = chat("u", "k", 1000, 500);
    meter.record_call(&first).unwrap();
    let others = [
        ("provider", CallRecord { provider: "openai".into(), ..first.clone() }),
        ("model", CallRecord { model: "gemini-2.5-pro".into(), ..first.clone() }),
        ("operation", CallRecord { operation: Some("crawl".into()), ..first.clone() }),
        ("usage", CallRecord { usage: Usage::tokens(1000, 501), ..first.clone() }),
        ("status_code", CallRecord { status_code: 201, ..first.clone() }),
        ("call_count", CallRecord { call_count: 2, ..first.clone() }),
        ("vendor_cost_usd", CallRecord { vendor_cost_usd: Some(usd("1")), ..first.clone() }),
        (
            "occurred_at",
            CallRecord { occurred_at: Some(scene.at("2025-10-08T00:00:00Z")), ..first.clone() },
        ),
    ];
    for (field, other) in others {
        let error = meter.record_call(&other).unwrap_err();
        assert_eq!(error.code(), "idempotency_conflict", "{field}");
        assert!(error.to_string().contains(&format!("`{field}` was")), "{field}: {error}");
        assert!(error.to_string().contains("`k`"), "{error}");
    }
    // What the log keeps beside is not compared.
    let mut same = first.clone();
    same.details.response_time_ms = Some(12);
    same.details.error_message = Some("later".into());
    assert_eq!(meter.record_call(&same).unwrap().status, RecordStatus::Duplicate);
    assert_eq!(log(meter, "u").total_count, 1);
    assert_eq!(meter.record_call(&chat("v", "k", 1, 1)).unwrap().status, RecordStatus::Recorded);
}

#[test]
fn regression_16_a_record_under_the_key_of_another_calls_hold_is_a_conflict() {
    let scene = Scene::new();
    let meter = &scene.meter;
    let request = CallRequest {
        idempotency_key: Some("k".into()),
        ..CallRequest::new("u", "gemini", "gemini-2.5-flash").with_tokens(10, 5)
    };
    meter.reserve(&request).unwrap();
    let other = CallRecord { provider: "openai".into(), ..chat("u", "k", 10, 5) };
    let error = meter.record_call(&other).unwrap_err();
    assert_eq!(error.code(), "idempotency_conflict");
    assert!(error.to_string().contains("`provider` was `gemini`, now it is `openai`"), "{error}");
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (0, 1));
    assert_eq!(meter.record_call(&chat("u", "k", 10, 5)).unwrap().call_id, 1);
    assert_eq!(used_and_held(meter, "u", "gemini_calls"), (1, 0));
}
