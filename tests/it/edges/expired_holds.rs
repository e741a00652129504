//! The option `expired_holds`: an expired hold is given back, or charged at its estimate.

use alwrity_metering::{
    CallOutcome, CallRequest, ExpiredHolds, RecordStatus, ReleaseStatus, Reservation, Usage,
    UsageSource,
};

use crate::conformance::samples::{at, usd};
use crate::scene::{
    Scene, ask, assert_verified, chat, cost, granted, limit, log, number, refused, used_and_held,
};

fn charging() -> Scene {
    Scene::with(|options| options.expired_holds = ExpiredHolds::Charge)
}

fn outcome(input_tokens: i64, output_tokens: i64) -> CallOutcome {
    Usage::tokens(input_tokens, output_tokens).into()
}

/// A hold of 1000 tokens in and 100 out, whose time is over.
fn expired(scene: &Scene) -> alwrity_metering::HoldReceipt {
    let hold = granted(&scene.meter, &ask("u", "k", 1000, 100));
    scene.clock.advance_ms(600_000);
    hold
}

#[test]
fn charged_it_counts_as_used_at_once_before_anything_is_written() {
    let scene = charging();
    expired(&scene);
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (1, 0));
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_tokens"), (1100, 0));
    assert_eq!(number(&scene.meter, "SELECT count(*) FROM calls"), 0);
}

#[test]
fn charged_it_becomes_a_row_in_the_users_next_write_and_is_flagged() {
    let scene = charging();
    let hold = expired(&scene);
    scene.meter.record_call(&chat("u", "k2", 10, 5)).unwrap();
    let calls = log(&scene.meter, "u").calls;
    assert_eq!(calls.len(), 2);
    let charged = calls.iter().find(|call| call.usage.total_tokens() == 1100).unwrap();
    assert_eq!(charged.usage_source, UsageSource::ExpiredHold);
    assert_eq!(charged.cost, Some(hold.cost_usd));
    assert_eq!(charged.occurred_at, hold.reserved_at);
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (2, 0));
    assert_eq!(number(&scene.meter, "SELECT count(*) FROM holds"), 0);
    assert_verified(&scene.meter);
}

#[test]
fn charged_in_a_write_that_records_nothing_else_it_still_verifies() {
    let scene = charging();
    expired(&scene);
    granted(&scene.meter, &ask("u", "k2", 10, 5));
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (1, 1));
    assert_eq!(number(&scene.meter, "SELECT count(*) FROM usage_periods"), 1);
    assert_verified(&scene.meter);
}

#[test]
fn charged_it_leaves_the_status_of_the_period_behind() {
    let scene = charging();
    scene.meter.set_limit("u", &limit("gemini_calls", "1")).unwrap();
    expired(&scene);
    refused(&scene.meter, &ask("u", "k2", 10, 5));
    let sql = "SELECT count(*) FROM usage_periods WHERE usage_status = 'limit_reached'";
    assert_eq!(number(&scene.meter, sql), 1);
    assert_verified(&scene.meter);
}

#[test]
fn a_late_settle_of_a_charged_hold_writes_the_difference() {
    let scene = charging();
    let hold = expired(&scene);
    scene.meter.record_call(&chat("u", "k2", 10, 5)).unwrap();
    let receipt = scene.meter.settle("u", hold.hold_id, &outcome(1000, 40)).unwrap();
    assert!(receipt.late);
    assert_eq!((receipt.status, receipt.call_id), (RecordStatus::Recorded, 1));
    assert_eq!(receipt.cost_usd, Some(usd("0.00014")));
    // 0.0001625 was charged; the third row takes 60 tokens out of it.
    let correction = log(&scene.meter, "u").calls.remove(0);
    assert_eq!(correction.usage, Usage::tokens(0, -60));
    assert_eq!((correction.call_count, correction.cost), (0, Some(usd("-0.0000225"))));
    assert!(correction.is_late);
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (2, 0));
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_tokens"), (1055, 0));
    assert_eq!(cost(&scene.meter, "u"), "0.000143125");
    assert_verified(&scene.meter);
}

#[test]
fn a_late_settle_twice_is_a_duplicate_or_a_conflict() {
    let scene = charging();
    let hold = expired(&scene);
    scene.meter.record_call(&chat("u", "k2", 10, 5)).unwrap();
    let first = scene.meter.settle("u", hold.hold_id, &outcome(1000, 40)).unwrap();
    let again = scene.meter.settle("u", hold.hold_id, &outcome(1000, 40)).unwrap();
    assert_eq!((again.status, again.late), (RecordStatus::Duplicate, true));
    assert_eq!((again.call_id, again.cost_usd), (first.call_id, first.cost_usd));
    let error = scene.meter.settle("u", hold.hold_id, &outcome(1000, 41)).unwrap_err();
    assert_eq!(error.code(), "idempotency_conflict");
    assert_eq!(log(&scene.meter, "u").total_count, 3);
    let scene = scene.reopened();
    let again = scene.meter.settle("u", hold.hold_id, &outcome(1000, 40)).unwrap();
    assert_eq!(again.status, RecordStatus::Duplicate);
    assert_verified(&scene.meter);
}

#[test]
fn a_settle_before_anybody_else_writes_records_the_truth_alone() {
    let scene = charging();
    let hold = expired(&scene);
    let receipt = scene.meter.settle("u", hold.hold_id, &outcome(1000, 40)).unwrap();
    assert!(receipt.late);
    assert_eq!(receipt.cost_usd, Some(usd("0.00014")));
    assert_eq!(log(&scene.meter, "u").total_count, 1);
    assert_verified(&scene.meter);
}

#[test]
fn a_late_failure_takes_the_charge_back_but_stays_a_call() {
    let scene = charging();
    let hold = expired(&scene);
    scene.meter.record_call(&chat("u", "k2", 10, 5)).unwrap();
    let failed = CallOutcome { status_code: 500, ..CallOutcome::default() };
    let receipt = scene.meter.settle("u", hold.hold_id, &failed).unwrap();
    assert_eq!(receipt.cost_usd, Some(usd("0")));
    assert_eq!(cost(&scene.meter, "u"), "0.000003125");
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_tokens"), (15, 0));
    assert_verified(&scene.meter);
}

#[test]
fn reserving_again_under_a_charged_key_is_a_duplicate() {
    let scene = charging();
    expired(&scene);
    for _ in 0..2 {
        let Reservation::Duplicate(receipt) =
            scene.meter.reserve(&ask("u", "k", 1000, 100)).unwrap()
        else {
            panic!("it was charged")
        };
        assert_eq!(receipt.usage_source, UsageSource::ExpiredHold);
        assert_eq!(receipt.call_id, 1);
    }
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (1, 0));
    assert_verified(&scene.meter);
}

#[test]
fn a_hold_is_charged_in_the_period_of_its_reserve() {
    let scene = charging();
    scene.at("2025-10-31T23:59:00Z");
    granted(&scene.meter, &CallRequest { ttl_ms: Some(1000), ..ask("u", "k", 1000, 100) });
    scene.at("2025-11-05T00:00:00Z");
    scene.meter.record_call(&chat("u", "k2", 10, 5)).unwrap();
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (1, 0));
    let october = scene.meter.usage_summary("u", &"2025-10".parse().unwrap()).unwrap();
    assert_eq!((october.total_calls, october.total_tokens), (1, 1100));
    assert_verified(&scene.meter);
}

#[test]
fn released_it_counts_no_more_and_reserving_again_makes_a_new_hold() {
    let scene = Scene::new();
    let first = expired(&scene);
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (0, 0));
    let second = granted(&scene.meter, &ask("u", "k", 2000, 100));
    assert!(!second.is_repeat);
    assert_eq!(second.hold_id, first.hold_id);
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_tokens"), (0, 2100));
    scene.meter.settle("u", second.hold_id, &outcome(2000, 100)).unwrap();
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_tokens"), (2100, 0));
    assert_verified(&scene.meter);
}

#[test]
fn releasing_an_expired_hold_that_is_charged_does_not_take_the_use_back() {
    for is_written_before in [false, true] {
        let scene = charging();
        let hold = expired(&scene);
        if is_written_before {
            scene.meter.record_call(&chat("v", "k", 10, 5)).unwrap();
            scene.meter.record_call(&chat("u", "k2", 10, 5)).unwrap();
        }
        let (calls, _) = used_and_held(&scene.meter, "u", "gemini_calls");
        for _ in 0..2 {
            let status = scene.meter.release("u", hold.hold_id).unwrap();
            assert_eq!(status, ReleaseStatus::AlreadyClosed);
            assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (calls, 0));
        }
        // It is written down now, so a clock that steps back changes nothing.
        scene.clock.advance_ms(-300_000);
        assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (calls, 0));
        scene.meter.settle("u", hold.hold_id, &outcome(1000, 40)).unwrap();
        assert_eq!(scene.meter.release("u", hold.hold_id).unwrap_err().code(), "hold_closed");
        assert_verified(&scene.meter);
    }
}

#[test]
fn a_charge_in_an_older_period_leaves_its_status_as_it_is() {
    let scene = charging();
    scene.meter.set_limit("u", &limit("gemini_calls", "1")).unwrap();
    scene.at("2025-10-31T23:59:00Z");
    granted(&scene.meter, &CallRequest { ttl_ms: Some(1000), ..ask("u", "k", 10, 5) });
    scene.meter.record_call(&chat("u", "k1", 10, 5)).unwrap();
    scene.at("2025-11-05T00:00:00Z");
    scene.meter.record_call(&chat("u", "k2", 10, 5)).unwrap();
    let sql = "SELECT count(*) FROM usage_periods WHERE usage_status = 'limit_reached'";
    assert_eq!(number(&scene.meter, sql), 2);
    assert_verified(&scene.meter);
}

#[test]
fn a_subscription_dated_back_over_a_hold_leaves_it_in_its_own_period() {
    for expired_holds in [ExpiredHolds::Release, ExpiredHolds::Charge] {
        for is_written_before in [false, true] {
            let scene = Scene::with(|options| options.expired_holds = expired_holds);
            let hold = expired(&scene);
            let dated_back = alwrity_metering::Subscribe {
                starts_at: Some(at("2025-10-05T00:00:00Z")),
                ..alwrity_metering::Subscribe::monthly("basic")
            };
            scene.meter.subscribe("u", &dated_back).unwrap();
            if is_written_before {
                scene.meter.record_call(&chat("u", "k2", 10, 5)).unwrap();
            }
            scene.meter.settle("u", hold.hold_id, &outcome(1000, 40)).unwrap();
            let october = at("2025-10-01T00:00:00Z");
            let calls = log(&scene.meter, "u").calls;
            let of_hold = calls.iter().filter(|call| call.occurred_at == hold.reserved_at);
            assert!(of_hold.clone().count() > 0);
            assert!(of_hold.clone().all(|call| call.period_starts_at == october));
            assert_verified(&scene.meter);
        }
    }
}
