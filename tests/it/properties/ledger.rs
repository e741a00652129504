//! The ledger: what is shown is what was recorded, however often it is told.

use std::sync::Arc;

use alwrity_metering::domain::key::CallKey;
use alwrity_metering::storage::memory::MemoryStore;
use alwrity_metering::storage::sqlite::SqliteStore;
use alwrity_metering::storage::{Store, StoreOptions};
use alwrity_metering::{
    CallOutcome, CallRecord, Clock, LimitState, Meter, Money, Options, PeriodChoice, Receipt,
    Reservation, Usage, UsageSummary,
};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, proptest};
use proptest::{prop_assert, prop_assert_eq};

use crate::conformance::samples::at;
use crate::conformance::steps::assert_sums_are_the_fold;
use crate::random::{USERS, records, requests};
use crate::scene::{NOON, Scene, assert_verified, log, quick, rows, write_seeded};

/// Every table that follows from the ledger, as one text.
fn dump(meter: &Meter) -> String {
    [
        "calls",
        "call_keys",
        "call_usage",
        "counters",
        "counter_usage",
        "days",
        "day_usage",
        "response_times",
        "usage_periods",
        "holds",
    ]
    .map(|table| {
        format!("{table}\n{:?}\n", rows(meter, &format!("SELECT * FROM {table} ORDER BY 1, 2")))
    })
    .concat()
}

fn summary(meter: &Meter, user: &str, period: &PeriodChoice) -> UsageSummary {
    meter.usage_summary(user, period).unwrap()
}

/// Asserts that each breakdown adds to the totals.
fn assert_adds_up(summary: &UsageSummary) {
    for breakdown in [&summary.provider_breakdown, &summary.operation_breakdown] {
        let sum = |part: fn(&alwrity_metering::Breakdown) -> i64| -> i64 {
            breakdown.values().map(part).sum()
        };
        assert_eq!(sum(|part| part.calls), summary.total_calls);
        assert_eq!(sum(|part| part.tokens), summary.total_tokens);
        assert_eq!(sum(|part| part.unpriced_calls), summary.unpriced_calls);
        let cost = Money::sum(breakdown.values().map(|part| part.cost)).unwrap();
        assert_eq!(cost, summary.total_cost);
    }
    assert_eq!(summary.total_tokens, summary.input_tokens + summary.output_tokens);
}

/// Asserts that the months of a user add to all of it, and that to the user's calls.
fn assert_parts_add_to_the_whole(meter: &Meter, user: &str) {
    let all = summary(meter, user, &PeriodChoice::All);
    let labels = (0..=16).map(|n| at("2025-08-01T00:00:00Z").plus_months(n).month_label());
    let months: Vec<UsageSummary> =
        labels.map(|label| summary(meter, user, &PeriodChoice::Month(label))).collect();
    months.iter().for_each(assert_adds_up);
    assert_adds_up(&all);
    let total = |part: fn(&UsageSummary) -> i64| -> i64 { months.iter().map(part).sum() };
    assert_eq!(total(|month| month.total_calls), all.total_calls);
    assert_eq!(total(|month| month.total_tokens), all.total_tokens);
    assert_eq!(total(|month| month.total_cost.pico_usd()), all.total_cost.pico_usd());
    assert_eq!(total(|month| month.unpriced_calls), all.unpriced_calls);
    assert_eq!(total(|month| month.failed_calls), all.failed_calls);
    let calls = log(meter, user).calls;
    let costs = Money::sum(calls.iter().filter_map(|call| call.cost)).unwrap();
    assert_eq!(costs, all.total_cost);
    assert_eq!(calls.iter().map(|call| call.call_count).sum::<i64>(), all.total_calls);
    assert_eq!(calls.iter().map(|call| call.usage.total_tokens()).sum::<i64>(), all.total_tokens);
    for call in calls.iter().filter(|call| call.cost.is_some()) {
        let parts = call.cost_input.plus(call.cost_output).unwrap();
        assert!(parts <= call.cost.unwrap(), "{call:?}");
    }
}

fn few() -> ProptestConfig {
    ProptestConfig { cases: 12, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn parts_add_to_the_whole(records in vec(records(), 1..40)) {
        let scene = Scene::new();
        for record in &records {
            // A conflict of two contents under one key is part of the game.
            drop(scene.meter.record_call(record));
        }
        for user in USERS {
            assert_parts_add_to_the_whole(&scene.meter, user);
        }
        assert_verified(&scene.meter);
    }

    #[test]
    fn telling_the_same_again_changes_nothing(records in vec(records(), 1..40)) {
        let scene = Scene::new();
        let first: Vec<_> = records.iter().map(|r| scene.meter.record_call(r)).collect();
        let before = dump(&scene.meter);
        scene.clock.advance_ms(3_600_000);
        let scene = scene.reopened();
        for (record, first) in records.iter().zip(first) {
            match (scene.meter.record_call(record), first) {
                (Ok(again), Ok(first)) => {
                    let known = |receipt: Receipt| (receipt.call_id, receipt.cost_usd);
                    prop_assert_eq!(known(again), known(first));
                }
                (Err(again), Err(first)) => prop_assert_eq!(again, first),
                (again, first) => prop_assert!(false, "first {:?}, then {:?}", first, again),
            }
        }
        prop_assert_eq!(dump(&scene.meter), before);
    }

    #[test]
    fn counters_are_a_fold_of_the_ledger_in_every_store(records in vec(records(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metering.db");
        write_seeded(&path);
        let options = Options { clock: Clock::Fixed(at(NOON)), ..quick() };
        let sqlite = SqliteStore::open(&path, StoreOptions::from(&options)).unwrap();
        let stores: [Arc<dyn Store>; 2] = [Arc::new(MemoryStore::new("free")), Arc::new(sqlite)];
        for store in stores {
            let meter = Meter::with_store(Arc::clone(&store), options.clone()).unwrap();
            meter.seed("default").unwrap();
            for record in &records {
                drop(meter.record_call(record));
            }
            USERS.iter().for_each(|user| assert_sums_are_the_fold(&*store, user));
            assert_verified(&meter);
        }
    }

    #[test]
    fn a_settle_within_its_hold_leaves_no_hold(
        requests in vec(requests(), 1..20),
        share in 0_i64..=100,
    ) {
        let scene = Scene::new();
        let meter = &scene.meter;
        for request in &requests {
            let Ok(Reservation::Granted(hold)) = meter.reserve(request) else { continue };
            let held = meter.limits(&request.user).unwrap();
            let within: Usage =
                hold.usage.iter().map(|(unit, quantity)| (unit, quantity * share / 100)).collect();
            let outcome = CallOutcome { usage: within, ..CallOutcome::default() };
            let receipt = meter.settle(&request.user, hold.hold_id, &outcome).unwrap();
            prop_assert_eq!(receipt.overshoot.tokens, 0);
            let after = meter.limits(&request.user).unwrap();
            for (before, after) in held.limits.iter().zip(&after.limits) {
                // What was held has become used, or is free again.
                let total = |state: &LimitState| state.used.number() + state.held.number();
                if hold.is_price_known {
                    prop_assert!(total(after) <= total(before), "{:?} then {:?}", before, after);
                }
                prop_assert_eq!(after.held.number(), 0);
            }
            let left = rows(meter, "SELECT * FROM holds WHERE state = 0");
            prop_assert!(left.is_empty(), "{:?}", left);
            let key = CallKey::new(&request.user, request.idempotency_key.as_ref().unwrap());
            prop_assert_eq!(key, hold.hold_id);
        }
        assert_verified(meter);
    }
}

#[test]
fn many_records_at_once_are_answered_in_their_order() {
    let scene = Scene::new();
    let records: Vec<CallRecord> = (0..300)
        .map(|number| {
            let user = USERS[number % 3];
            crate::scene::chat(
                user,
                &format!("k{}", number / 6),
                1 + i64::try_from(number / 6).unwrap(),
                0,
            )
        })
        .collect();
    let receipts = scene.meter.record_calls(&records);
    for (record, receipt) in records.iter().zip(&receipts) {
        let receipt = receipt.as_ref().unwrap();
        assert_eq!(Some(&receipt.idempotency_key), record.idempotency_key.as_ref());
        assert_eq!((&receipt.user, &receipt.usage), (&record.user, &record.usage));
    }
    // Each key came twice for each user.
    let recorded = receipts
        .iter()
        .filter(|r| r.as_ref().unwrap().status == alwrity_metering::RecordStatus::Recorded);
    assert_eq!(recorded.count(), 150);
    assert_verified(&scene.meter);
}
