//! The ledger: every field of a call, and the lists of calls.

use alwrity_metering::domain::call::{Call, CallDetails, UsageSource};
use alwrity_metering::domain::time::Span;
use alwrity_metering::storage::{CallFilter, CallPage, Page, Store};
use alwrity_metering::{Money, PriceMatch, Usage, Variant};

use super::samples::{
    at, bare_call, call, call_at, call_of, cataloguing, correcting_call, full_call, operation,
    price, pricing, unit, unpriced,
};
use super::works::{assert_verified, record, write};

/// Records the call and asserts that every way to read it gives it back.
fn assert_comes_back(store: &dyn Store, call: &Call) {
    let row = record(store, "u", "k", call);
    assert_eq!(row, Call { id: 1, ..call.clone() });
    let page = store.calls("u", &CallFilter::default(), Page::default()).unwrap();
    assert_eq!(page, CallPage { calls: vec![row.clone()], total_count: 1 });
    let unpriced = store.unpriced(0, 10).unwrap();
    let expected = if call.cost.is_none() { vec![("u".to_owned(), row)] } else { vec![] };
    assert_eq!(unpriced, expected);
    assert_verified(store);
}

pub(crate) fn a_call_with_everything_comes_back(store: &dyn Store) {
    write(store, None, cataloguing(&[pricing(price("openrouter", "m", "1"))])).unwrap();
    assert_comes_back(store, &full_call());
}

pub(crate) fn a_call_with_nothing_comes_back(store: &dyn Store) {
    assert_eq!(bare_call().details, CallDetails::default());
    assert_comes_back(store, &bare_call());
}

pub(crate) fn a_correcting_row_comes_back(store: &dyn Store) {
    assert_comes_back(store, &correcting_call());
}

pub(crate) fn every_variant_and_match_comes_back(store: &dyn Store) {
    let mut calls = Vec::new();
    for (number, price_match) in PriceMatch::ALL.iter().enumerate() {
        let variant = Variant::ALL[number % Variant::ALL.len()];
        let usage_source = UsageSource::ALL[number % UsageSource::ALL.len()];
        let status_code = [100, 200, 399, 400, 503, 599][number];
        // A vendor's cost stands also where nothing prices the call.
        let vendor_cost = (number % 2 == 0).then_some(Money::ZERO);
        let kinds = Call { variant, usage_source, price_match: *price_match, ..call() };
        let call = Call { status_code, vendor_cost, is_late: number % 2 == 1, ..kinds };
        calls.push(record(store, "u", &number.to_string(), &call));
        assert_eq!(calls[number], Call { id: calls[number].id, ..call });
    }
    calls.reverse();
    let page = store.calls("u", &CallFilter::default(), Page::default()).unwrap();
    assert_eq!(page.calls, calls);
}

/// The ids of the calls that fit.
fn ids(store: &dyn Store, filter: &CallFilter) -> Vec<i64> {
    let page = store.calls("u", filter, Page::default()).unwrap();
    let ids: Vec<i64> = page.calls.iter().map(|call| call.id).collect();
    assert_eq!(page.total_count, i64::try_from(ids.len()).unwrap());
    ids
}

pub(crate) fn calls_are_newest_first(store: &dyn Store) {
    // The order of recording counts, not that of making.
    for (key, day) in [("1", "09"), ("2", "07"), ("3", "08")] {
        record(store, "u", key, &call_at(&format!("2025-10-{day}T00:00:00Z")));
        record(store, "v", key, &call());
    }
    assert_eq!(ids(store, &CallFilter::default()), [5, 3, 1]);
}

/// Five calls of the user `u`, each with something of its own.
fn record_five(store: &dyn Store) {
    let failed = Call { status_code: 503, ..call_at("2025-10-09T00:00:00Z") };
    let other_model = Call { model: String::new(), ..call() };
    let calls =
        [call(), call_of("openai", "chat"), call_of("gemini", "search"), other_model, failed];
    for (number, call) in calls.iter().enumerate() {
        record(store, "u", &number.to_string(), call);
    }
    record(store, "u", "unpriced", &unpriced());
}

pub(crate) fn each_filter_selects(store: &dyn Store) {
    record_five(store);
    let all = CallFilter::default;
    let text = |text: &str| Some(text.to_owned());
    let span = |from: &str, to: &str| Some(Span { starts_at: at(from), ends_at: at(to) });
    let exactly = span("2025-10-07T12:34:56.789012Z", "2025-10-09T00:00:00Z");
    for (filter, expected) in [
        (all(), vec![6, 5, 4, 3, 2, 1]),
        (CallFilter { provider: text("openai"), ..all() }, vec![2]),
        (CallFilter { provider: text("open"), ..all() }, vec![]),
        (CallFilter { operation: text("search"), ..all() }, vec![3]),
        (CallFilter { operation: text("unheard_of"), ..all() }, vec![]),
        (CallFilter { model: text(""), ..all() }, vec![4]),
        (CallFilter { model: text("gemini-2.5-flash"), ..all() }, vec![6, 5, 3, 2, 1]),
        (CallFilter { status_code: Some(503), ..all() }, vec![5]),
        (CallFilter { status_code: Some(404), ..all() }, vec![]),
        (CallFilter { within: exactly, ..all() }, vec![6, 4, 3, 2, 1]),
        (CallFilter { is_unpriced: true, ..all() }, vec![6]),
    ] {
        assert_eq!(ids(store, &filter), expected, "{filter:?}");
    }
}

pub(crate) fn a_usage_period_is_selected_by_its_start(store: &dyn Store) {
    // Both were made in October; the second counts in a period that started in September.
    record(store, "u", "1", &call());
    record(store, "u", "2", &Call { period_starts_at: at("2025-09-15T00:00:00Z"), ..call() });
    let within = |from: &str, to: &str| CallFilter {
        period_within: Some(Span { starts_at: at(from), ends_at: at(to) }),
        ..CallFilter::default()
    };
    assert_eq!(ids(store, &within("2025-09-01T00:00:00Z", "2025-10-01T00:00:00Z")), [2]);
    assert_eq!(ids(store, &within("2025-10-01T00:00:00Z", "2025-11-01T00:00:00Z")), [1]);
}

pub(crate) fn filters_add_up(store: &dyn Store) {
    record_five(store);
    let filter = CallFilter {
        provider: Some("gemini".into()),
        operation: Some("chat".into()),
        model: Some("gemini-2.5-flash".into()),
        status_code: Some(200),
        within: Some(Span::ALWAYS),
        period_within: Some(Span::ALWAYS),
        is_unpriced: false,
    };
    assert_eq!(ids(store, &filter), [6, 1]);
    assert_eq!(ids(store, &CallFilter { is_unpriced: true, ..filter }), [6]);
}

/// The ids of a page of the user's gemini calls, and how many there are.
fn page(store: &dyn Store, page: Page) -> (Vec<i64>, i64) {
    let filter = CallFilter { provider: Some("gemini".into()), ..CallFilter::default() };
    let page = store.calls("u", &filter, page).unwrap();
    (page.calls.iter().map(|call| call.id).collect(), page.total_count)
}

/// Seven gemini calls, with the odd ids, between others.
fn record_seven(store: &dyn Store) {
    for number in 0..7 {
        record(store, "u", &number.to_string(), &call());
        record(store, "u", &format!("other {number}"), &call_of("openai", "chat"));
    }
}

pub(crate) fn an_offset_and_a_limit_make_pages(store: &dyn Store) {
    record_seven(store);
    let at = |offset, limit| page(store, Page { offset, limit, before_id: None });
    assert_eq!(at(0, 3), (vec![13, 11, 9], 7));
    assert_eq!(at(3, 3), (vec![7, 5, 3], 7));
    assert_eq!(at(6, 3), (vec![1], 7));
    assert_eq!(at(7, 3), (vec![], 7));
    assert_eq!(at(0, 5000).0.len(), 7);
}

pub(crate) fn a_cursor_makes_pages(store: &dyn Store) {
    record_seven(store);
    let before = |before_id, limit| page(store, Page { before_id, offset: 0, limit });
    assert_eq!(before(None, 3), (vec![13, 11, 9], 7));
    // A call that is recorded meanwhile moves no page.
    record(store, "u", "meanwhile", &call());
    assert_eq!(before(Some(9), 3), (vec![7, 5, 3], 8));
    assert_eq!(before(Some(3), 3), (vec![1], 8));
    assert_eq!(before(Some(1), 3), (vec![], 8));
    assert_eq!(page(store, Page { before_id: Some(9), offset: 1, limit: 2 }).0, [5, 3]);
}

pub(crate) fn unpriced_calls_are_listed_with_their_users(store: &dyn Store) {
    let usage = Usage::of(unit("web_searches"), 2);
    let other = Call { usage: usage.clone(), operation: operation("search"), ..unpriced() };
    for (user, key, call) in
        [("v", "1", unpriced()), ("u", "2", call()), ("u", "3", other), ("v", "4", unpriced())]
    {
        record(store, user, key, &call);
    }
    let listed = |after_id, limit| -> Vec<(String, i64)> {
        let unpriced = store.unpriced(after_id, limit).unwrap();
        unpriced.into_iter().map(|(user, call)| (user, call.id)).collect()
    };
    let row = |user: &str, id| (user.to_owned(), id);
    assert_eq!(listed(0, 10), [row("v", 1), row("u", 3), row("v", 4)]);
    assert_eq!(listed(1, 1), [row("u", 3)]);
    assert_eq!(listed(4, 10), []);
    assert_eq!(store.unpriced(1, 1).unwrap()[0].1.usage, usage);
}
