//! Counters and day rollups: which sums a call belongs to.

use std::collections::BTreeMap;

use alwrity_metering::domain::call::Call;
use alwrity_metering::domain::counter::{Counter, DayKey, ResponseKey};
use alwrity_metering::domain::histogram::bucket;
use alwrity_metering::domain::time::Span;
use alwrity_metering::storage::{Changes, Store};
use alwrity_metering::{Unit, Usage, Window};

use super::samples::{
    OCTOBER, at, call, call_at, call_of, correcting_call, counter_key, operation, unit, unpriced,
    usd,
};
use super::works::{assert_verified, by_key, counters, record, recording, seen, write};

const NOVEMBER: &str = "2025-11-01T00:00:00Z";
const ALWAYS: &str = "1970-01-01T00:00:00Z";

/// The calls that each counter of these windows has counted, by window start and provider.
fn calls_in(
    store: &dyn Store,
    windows: &[(Window, &str)],
) -> Vec<(Window, String, String, String, i64)> {
    let shown = counters(store, "u", windows).into_iter().map(|(key, counter)| {
        let (starts_at, operation) = (key.starts_at.to_string(), key.operation.to_string());
        (key.window, starts_at, key.provider, operation, counter.calls)
    });
    shown.collect()
}

fn row(
    window: Window,
    starts_at: &str,
    provider: &str,
    operation: &str,
    calls: i64,
) -> (Window, String, String, String, i64) {
    (window, starts_at.into(), provider.into(), operation.into(), calls)
}

pub(crate) fn counters_are_by_window_provider_and_operation(store: &dyn Store) {
    record(store, "u", "1", &call());
    record(store, "u", "2", &Call { model: "another".into(), ..call() });
    record(store, "u", "3", &call_of("gemini", "image_edit"));
    record(store, "u", "4", &call_of("openai", "chat"));
    record(store, "u", "5", &Call { period_starts_at: at(NOVEMBER), ..call() });
    record(store, "v", "1", &call());
    let period = Window::Period;
    assert_eq!(
        calls_in(store, &[(period, OCTOBER), (period, NOVEMBER)]),
        [
            row(period, OCTOBER, "gemini", "chat", 2),
            row(period, OCTOBER, "gemini", "image_edit", 1),
            row(period, OCTOBER, "openai", "chat", 1),
            row(period, NOVEMBER, "gemini", "chat", 1),
        ]
    );
    assert_verified(store);
}

pub(crate) fn exactly_the_wanted_windows_are_shown(store: &dyn Store) {
    let changes =
        Changes { tracked: vec![Window::Day, Window::Hour], ..recording("u", &[("1", call())]) };
    write(store, Some("u"), changes).unwrap();
    record(store, "u", "2", &Call { period_starts_at: at(NOVEMBER), ..call() });
    let day = "2025-10-07T00:00:00Z";
    assert_eq!(calls_in(store, &[]), []);
    assert_eq!(
        calls_in(store, &[(Window::Period, NOVEMBER)]),
        [row(Window::Period, NOVEMBER, "gemini", "chat", 1)]
    );
    assert_eq!(
        calls_in(store, &[(Window::Day, day), (Window::Hour, day), (Window::Minute, day)]),
        [row(Window::Day, day, "gemini", "chat", 2)]
    );
    let twice = [(Window::Day, day), (Window::Day, day)];
    assert_eq!(calls_in(store, &twice), [row(Window::Day, day, "gemini", "chat", 2)]);
}

pub(crate) fn every_part_of_a_counter_is_summed(store: &dyn Store) {
    let mut timed = call();
    timed.details.response_time_ms = Some(250);
    timed.call_count = 3;
    let failed = Call { status_code: 429, usage: Usage::none(), cost: Some(usd("0")), ..call() };
    let billed_failure = Call { status_code: 500, ..unpriced() };
    for (key, call) in [("1", call()), ("2", timed), ("3", failed), ("4", billed_failure)] {
        record(store, "u", key, &call);
    }
    let expected = Counter {
        calls: 6,
        limited_calls: 5,
        failed_calls: 2,
        unpriced_calls: 1,
        timed_calls: 3,
        response_time_ms: 750,
        usage: Usage::tokens(30, 15),
        cost: usd("0.02"),
    };
    let key = counter_key(Window::Period, OCTOBER, "gemini", "chat");
    let kept = counters(store, "u", &[(Window::Period, OCTOBER)]);
    assert_eq!(kept, BTreeMap::from([(key, expected.clone())]));
    assert_eq!(store.days("u", 0, 40_000).unwrap()[0].1, expected);
    assert_verified(store);
}

pub(crate) fn a_short_window_is_counted_once_it_is_tracked(store: &dyn Store) {
    record(store, "u", "before", &call());
    // Tracking begins before the calls of the same work.
    let tracked = vec![Window::Minute, Window::Hour, Window::Day];
    let changes = Changes { tracked: tracked.clone(), ..recording("u", &[("first", call())]) };
    write(store, Some("u"), changes).unwrap();
    let account = store.account("u").unwrap().unwrap();
    assert_eq!(account.tracked, tracked.into_iter().map(|window| (window, 1)).collect());
    record(store, "u", "same minute", &call_at("2025-10-07T12:34:00Z"));
    record(store, "u", "next minute", &call_at("2025-10-07T12:35:00Z"));
    record(store, "u", "next hour", &call_at("2025-10-07T13:00:00Z"));
    record(store, "u", "next day", &call_at("2025-10-08T00:00:00Z"));
    let chat = |window, starts_at, calls| row(window, starts_at, "gemini", "chat", calls);
    let expected = [
        chat(Window::Period, OCTOBER, 6),
        chat(Window::Minute, "2025-10-07T12:34:00Z", 2),
        chat(Window::Minute, "2025-10-07T12:35:00Z", 1),
        chat(Window::Hour, "2025-10-07T12:00:00Z", 3),
        chat(Window::Hour, "2025-10-07T13:00:00Z", 1),
        chat(Window::Day, "2025-10-07T00:00:00Z", 4),
        chat(Window::Day, "2025-10-08T00:00:00Z", 1),
    ];
    let windows: Vec<_> = expected.iter().map(|row| (row.0, row.1.as_str())).collect();
    assert_eq!(calls_in(store, &windows), expected);
    assert_verified(store);
}

pub(crate) fn tracking_again_changes_nothing(store: &dyn Store) {
    let changes = Changes { tracked: vec![Window::Day], ..seen() };
    write(store, Some("u"), changes.clone()).unwrap();
    record(store, "u", "1", &call());
    write(store, Some("u"), changes).unwrap();
    assert_eq!(store.account("u").unwrap().unwrap().tracked, BTreeMap::from([(Window::Day, 0)]));
    assert_verified(store);
}

pub(crate) fn lifetime_is_counted_from_its_tracking_on(store: &dyn Store) {
    record(store, "u", "before", &call());
    let changes = Changes { tracked: vec![Window::Lifetime], ..seen() };
    write(store, Some("u"), changes).unwrap();
    record(store, "u", "1", &call_at("2025-10-07T12:34:00Z"));
    record(store, "u", "2", &call_at("2031-02-03T00:00:00Z"));
    let lifetime = Window::Lifetime;
    let expected = [row(lifetime, ALWAYS, "gemini", "chat", 2)];
    assert_eq!(calls_in(store, &[(lifetime, ALWAYS)]), expected);
    assert_verified(store);
}

pub(crate) fn units_without_a_column_are_counted(store: &dyn Store) {
    let used = |searches, storage| {
        let usage = Usage::tokens(1, 1).with(unit("web_searches"), searches);
        Call { usage: usage.with(unit("storage_hours"), storage), ..call() }
    };
    record(store, "u", "1", &used(2, 0));
    record(store, "u", "2", &used(3, 7));
    record(store, "u", "3", &call());
    let expected =
        Usage::tokens(12, 7).with(unit("web_searches"), 5).with(unit("storage_hours"), 7);
    let kept = counters(store, "u", &[(Window::Period, OCTOBER)]);
    assert_eq!(kept.into_values().next().unwrap().usage, expected);
    assert_eq!(store.days("u", 0, 40_000).unwrap()[0].1.usage, expected);
    let listed = store.period_counters("u", Span::ALWAYS).unwrap();
    assert_eq!(listed[0].1.usage, expected);
    assert_verified(store);
}

pub(crate) fn a_correcting_row_takes_away(store: &dyn Store) {
    let used = Usage::tokens(10, 5).with(unit("web_searches"), 1);
    record(store, "u", "1", &Call { usage: used, ..call() });
    record(store, "u", "2", &correcting_call());
    let kept = counters(store, "u", &[(Window::Period, OCTOBER)]).into_values().next().unwrap();
    assert_eq!((kept.calls, kept.limited_calls, kept.cost), (1, 1, usd("0.005")));
    assert_eq!(kept.usage, Usage::tokens(5, 3));
    assert_eq!(kept.usage.get(&Unit::InputTokens), 5);
    assert_verified(store);
}

pub(crate) fn period_counters_are_those_that_start_within(store: &dyn Store) {
    let changes = Changes { tracked: vec![Window::Day], ..seen() };
    write(store, Some("u"), changes).unwrap();
    let starts = ["2025-09-01T00:00:00Z", OCTOBER, "2025-10-15T08:00:00Z", NOVEMBER];
    for starts_at in starts {
        record(store, "u", starts_at, &Call { period_starts_at: at(starts_at), ..call() });
    }
    let within = |from: &str, to: &str| -> Vec<String> {
        let span = Span { starts_at: at(from), ends_at: at(to) };
        let counters = by_key(store.period_counters("u", span).unwrap());
        assert!(counters.keys().all(|key| key.window == Window::Period));
        counters.keys().map(|key| key.starts_at.to_string()).collect()
    };
    assert_eq!(within(OCTOBER, NOVEMBER), starts[1..3]);
    assert_eq!(within(ALWAYS, "2100-01-01T00:00:00Z"), starts);
    assert!(within("2025-10-01T00:00:00.000001Z", "2025-10-15T08:00:00Z").is_empty());
}

pub(crate) fn days_are_by_provider_model_and_operation(store: &dyn Store) {
    let calls = [
        call(),
        call_at("2025-10-07T23:59:59.999999Z"),
        call_at("2025-10-08T00:00:00Z"),
        Call { model: String::new(), ..call() },
        call_of("gemini", "image_edit"),
        call_of("openai", "chat"),
        Call { period_starts_at: at(NOVEMBER), ..call() },
    ];
    for (number, call) in calls.iter().enumerate() {
        record(store, "u", &number.to_string(), call);
    }
    let key = |day, provider: &str, model: &str, name: &str| DayKey {
        day,
        provider: provider.into(),
        model: model.into(),
        operation: operation(name),
    };
    let model = call().model;
    let expected = [
        (key(20_368, "gemini", "", "chat"), 1),
        (key(20_368, "gemini", &model, "chat"), 3),
        (key(20_368, "gemini", &model, "image_edit"), 1),
        (key(20_368, "openai", &model, "chat"), 1),
        (key(20_369, "gemini", &model, "chat"), 1),
    ];
    let days = by_key(store.days("u", 0, 40_000).unwrap());
    let counted: BTreeMap<DayKey, i64> = days.into_iter().map(|(k, c)| (k, c.calls)).collect();
    assert_eq!(counted, expected.into());
    assert_verified(store);
}

pub(crate) fn days_are_within_their_range(store: &dyn Store) {
    for day in ["06", "07", "08", "09"] {
        record(store, "u", day, &call_at(&format!("2025-10-{day}T00:00:00Z")));
    }
    let within = |from, before| -> Vec<i64> {
        store.days("u", from, before).unwrap().into_iter().map(|(key, _)| key.day).collect()
    };
    assert_eq!(within(20_368, 20_370), [20_368, 20_369], "by day, the end left out");
    assert!(within(20_368, 20_368).is_empty() && within(20_371, 30_000).is_empty());
}

pub(crate) fn response_times_are_by_provider_and_bucket(store: &dyn Store) {
    let timed = |provider: &str, occurred_at: &str, ms: Option<i64>, call_count: i64| {
        let mut call = Call { call_count, ..call_of(provider, "chat") };
        call.occurred_at = at(occurred_at);
        call.details.response_time_ms = ms;
        call
    };
    let calls = [
        timed("gemini", "2025-10-07T00:00:00Z", Some(7), 1),
        timed("gemini", "2025-10-07T01:00:00Z", Some(1000), 2),
        timed("gemini", "2025-10-07T02:00:00Z", Some(1010), 1),
        timed("gemini", "2025-10-07T03:00:00Z", None, 5),
        timed("openai", "2025-10-08T00:00:00Z", Some(7), 1),
        timed("openai", "2025-10-09T00:00:00Z", Some(7), 1),
    ];
    for (number, call) in calls.iter().enumerate() {
        record(store, "u", &number.to_string(), call);
    }
    let mut found = store.response_times("u", 20_368, 20_370).unwrap();
    found.sort();
    let key = |day, provider: &str, ms| ResponseKey {
        day,
        provider: provider.into(),
        bucket: bucket(ms),
    };
    let expected = [
        (key(20_368, "gemini", 7), 1),
        (key(20_368, "gemini", 1000), 3),
        (key(20_369, "openai", 7), 1),
    ];
    assert_eq!(found, expected);
    assert_eq!(store.response_times("v", 0, 40_000).unwrap(), []);
}
