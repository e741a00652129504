//! Pruning through the meter: reports, invoices and repeats are what they were.

use alwrity_metering::{
    CallRecord, Page, PeriodChoice, Pruned, Receipt, RecordStatus, Reservation, Subscribe, Usage,
};

use super::{Desk, at, usd};

fn record(key: &str) -> CallRecord {
    CallRecord {
        idempotency_key: Some(key.into()),
        vendor_cost_usd: Some(usd("0.07")),
        occurred_at: Some(at("2025-04-10T00:00:00Z")),
        ..CallRecord::new("u", "gemini", "m", Usage::tokens(10, 5))
    }
}

fn desk(folder: &std::path::Path) -> Desk {
    let desk = Desk::in_folder(folder, "2025-04-01T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("metered").paid("ch_1")).unwrap();
    desk.go_to("2025-05-20T00:00:00Z");
    desk
}

#[test]
fn reports_and_invoices_are_the_same_after_pruning() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    for key in ["1", "2", "3"] {
        desk.meter.record_call(&record(key)).unwrap();
    }
    desk.spend("u", "6");
    let all = || {
        let summary = desk.meter.usage_summary("u", &PeriodChoice::All).unwrap();
        let page = Page::default();
        let history = desk.meter.subscription_history("u", page).unwrap();
        (summary, desk.meter.billing_history("u").unwrap(), history)
    };
    let before = all();
    let cutoff = at("2025-05-01T00:00:00Z");
    let expected = Pruned { calls: 3, unpriced_calls: 0 };
    assert_eq!(desk.meter.prune_dry_run(cutoff).unwrap(), expected);
    assert_eq!(desk.meter.prune(cutoff).unwrap(), expected);
    assert_eq!(desk.meter.calls("u", &Default::default(), Page::default()).unwrap().total_count, 1);
    assert_eq!(all(), before);
    desk.assert_verified();
    desk.meter.rebuild().unwrap();
    assert_eq!(all(), before);
    // A late call of a pruned period still counts in it.
    desk.meter.record_call(&record("4")).unwrap();
    let april = desk.meter.usage_summary("u", &"2025-04".parse().unwrap()).unwrap();
    assert_eq!((april.total_calls, april.total_cost), (4, usd("0.28")));
    desk.assert_verified();
    let future = desk.meter.prune(at("2025-05-20T00:00:01Z")).unwrap_err();
    assert_eq!(future.code(), "invalid_argument");
}

#[test]
fn a_repeat_of_a_pruned_call_is_a_duplicate_with_its_cost_and_counts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    let first = desk.meter.record_call(&record("k")).unwrap();
    desk.meter.prune(at("2025-05-01T00:00:00Z")).unwrap();
    let again = desk.meter.record_call(&record("k")).unwrap();
    assert!(again.pruned);
    let expected = Receipt { status: RecordStatus::Duplicate, pruned: true, ..first.clone() };
    assert_eq!(Receipt { price_match: first.price_match, ..again }, expected);
    let without_time = CallRecord { occurred_at: None, ..record("k") };
    assert!(desk.meter.record_call(&without_time).unwrap().pruned);
    for other in [
        CallRecord { usage: Usage::tokens(10, 6), ..record("k") },
        CallRecord { model: "n".into(), ..record("k") },
        CallRecord { vendor_cost_usd: None, ..record("k") },
        CallRecord { status_code: 500, ..record("k") },
        CallRecord { call_count: 2, ..record("k") },
        CallRecord { occurred_at: Some(at("2025-04-10T00:00:01Z")), ..record("k") },
    ] {
        let conflict = desk.meter.record_call(&other).unwrap_err();
        assert_eq!(conflict.code(), "idempotency_conflict");
        assert!(conflict.to_string().contains('`'), "{conflict}");
    }
    let summary = desk.meter.usage_summary("u", &PeriodChoice::All).unwrap();
    assert_eq!((summary.total_calls, summary.total_cost), (1, usd("0.07")));
    let request = alwrity_metering::CallRequest {
        idempotency_key: Some("k".into()),
        ..alwrity_metering::CallRequest::new("u", "gemini", "m").with_tokens(10, 5)
    };
    let Reservation::Duplicate(receipt) = desk.meter.reserve(&request).unwrap() else {
        panic!("the call is recorded, it must not be made again");
    };
    assert_eq!((receipt.pruned, receipt.call_id, receipt.cost_usd), (true, 1, Some(usd("0.07"))));
    desk.assert_verified();
}

#[test]
fn a_settled_hold_that_was_pruned_answers_with_its_cost() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    let request = alwrity_metering::CallRequest::new("u", "gemini", "m").with_tokens(10, 5);
    let Reservation::Granted(hold) = desk.meter.reserve(&request).unwrap() else {
        panic!("it fits");
    };
    let outcome = alwrity_metering::CallOutcome {
        vendor_cost_usd: Some(usd("0.5")),
        ..Usage::tokens(10, 5).into()
    };
    desk.meter.settle("u", hold.hold_id, &outcome).unwrap();
    desk.go_to("2025-06-20T00:00:00Z");
    desk.meter.prune(at("2025-06-01T00:00:00Z")).unwrap();
    let again = desk.meter.settle("u", hold.hold_id, &outcome).unwrap();
    assert_eq!((again.status, again.pruned), (RecordStatus::Duplicate, true));
    assert_eq!(again.cost_usd, Some(usd("0.5")));
    assert_eq!(desk.meter.release("u", hold.hold_id).unwrap_err().code(), "hold_closed");
    desk.assert_verified();
}
