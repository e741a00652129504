//! Writing: a store that is busy, and what is queued.

use std::time::Instant;

use alwrity_metering::{
    CallKey, CallOutcome, CallRecord, CallRequest, Durability, Error, HoldReceipt, Meter,
    RecordStatus, Recorded, Reservation, Synchronous, Usage, UsageSource,
};
use rusqlite::Connection;

use crate::scene::{Scene, ask, assert_verified, chat, granted, limit, log, number, used_and_held};

/// Somebody else's connection that holds the write lock.
fn hold_the_lock(scene: &Scene) -> Connection {
    let foreign = Connection::open(scene.path()).unwrap();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    foreign
}

/// Flushes until it is done: an impatient meter gives up early where the machine is slow.
fn flush(meter: &Meter) {
    while let Err(error) = meter.flush() {
        assert_eq!(error.code(), "overloaded");
    }
}

fn impatient() -> Scene {
    Scene::with(|options| options.busy_timeout_ms = 200)
}

#[test]
fn while_somebody_else_writes_a_call_is_refused_in_time_and_nothing_happens() {
    let scene = impatient();
    let hold = granted(&scene.meter, &ask("u", "held", 10, 5));
    let foreign = hold_the_lock(&scene);
    let started = Instant::now();
    let outcomes = [
        scene.meter.record_call(&chat("u", "k", 10, 5)).map(|_| ()),
        scene.meter.reserve(&ask("u", "k2", 10, 5)).map(|_| ()),
        scene.meter.settle("u", hold.hold_id, &Default::default()).map(|_| ()),
        scene.meter.release("u", hold.hold_id).map(|_| ()),
        scene
            .meter
            .subscribe("u", &alwrity_metering::Subscribe::monthly("pro").waived("test"))
            .map(|_| ()),
    ];
    for outcome in outcomes {
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::Overloaded { waited_ms } if waited_ms >= 200), "{error:?}");
        assert_eq!((error.code(), error.http_status()), ("overloaded", 503));
        assert!(error.is_retryable());
    }
    // Five waits of 200 ms, far below the time after which nothing is retried any more.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    // Reading goes on all the while.
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (0, 1));
    assert!(scene.meter.check_limit(&ask("u", "k3", 10, 5)).unwrap().allowed);
    foreign.execute_batch("ROLLBACK").unwrap();
    flush(&scene.meter);
    assert_eq!(number(&scene.meter, "SELECT count(*) FROM calls"), 0);
    assert_eq!(number(&scene.meter, "SELECT count(*) FROM holds"), 1);
    assert_eq!(scene.meter.limits("u").unwrap().plan_id, "free");
    // The same call, repeated with its key, is recorded once.
    let receipt = scene.meter.record_call(&chat("u", "k", 10, 5)).unwrap();
    assert_eq!((receipt.status, receipt.call_id), (RecordStatus::Recorded, 1));
    assert_verified(&scene.meter);
}

#[test]
fn a_full_queue_refuses_without_burning_the_key() {
    let scene = Scene::with(|options| {
        options.busy_timeout_ms = 200;
        options.queue_capacity = 2;
    });
    let foreign = hold_the_lock(&scene);
    let queue = |key: &str| scene.meter.queue_call(&chat("u", key, 10, 5));
    assert_eq!(queue("k1").unwrap(), "k1");
    assert_eq!(queue("k2").unwrap(), "k2");
    let refused = queue("k3");
    assert!(matches!(refused, Err(Error::Overloaded { waited_ms: 200.. })), "{refused:?}");
    foreign.execute_batch("COMMIT").unwrap();
    flush(&scene.meter);
    assert_eq!(log(&scene.meter, "u").total_count, 2);
    assert_eq!(queue("k3").unwrap(), "k3");
    flush(&scene.meter);
    assert_eq!(log(&scene.meter, "u").total_count, 3);
    assert_eq!(scene.meter.queued_failures(), 0);
}

/// Also by a meter whose writer has not begun, and that has nobody to make room for it.
#[test]
fn more_records_than_the_queue_holds_are_recorded() {
    for (capacity, count) in [(2, 9), (4096, 5000)] {
        let scene = Scene::with(|options| options.queue_capacity = capacity);
        let records: Vec<_> =
            (0..count).map(|number| chat("u", &format!("k{number}"), number, 0)).collect();
        let answers = scene.meter.record_calls(&records);
        let ids: Vec<i64> = answers.into_iter().map(|answer| answer.unwrap().call_id).collect();
        assert_eq!(ids, (1..=count).collect::<Vec<_>>());
    }
}

#[test]
fn records_of_a_full_queue_share_one_patience() {
    let scene = Scene::with(|options| {
        options.busy_timeout_ms = 200;
        options.queue_capacity = 2;
    });
    let foreign = hold_the_lock(&scene);
    let started = Instant::now();
    let records: Vec<_> = (0..1000).map(|number| chat("u", &format!("k{number}"), 1, 0)).collect();
    let answers = scene.meter.record_calls(&records);
    assert_eq!(answers.len(), 1000);
    assert!(answers.iter().all(|answer| matches!(answer, Err(Error::Overloaded { .. }))));
    // Far below a thousand waits of 200 ms.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    foreign.execute_batch("COMMIT").unwrap();
    flush(&scene.meter);
    assert_eq!(log(&scene.meter, "u").total_count, 0);
}

#[test]
fn queued_records_are_there_after_a_flush_and_in_their_order() {
    let scene = Scene::new();
    for number in 0..500 {
        let key = scene.meter.queue_call(&chat("u", &format!("k{number}"), number, 0)).unwrap();
        assert_eq!(key, format!("k{number}"));
    }
    scene.meter.flush().unwrap();
    let calls = log(&scene.meter, "u").calls;
    let tokens: Vec<i64> = calls.iter().rev().map(|call| call.usage.total_tokens()).collect();
    assert_eq!(tokens, (0..500).collect::<Vec<_>>());
    assert_verified(&scene.meter);
}

#[test]
fn a_queued_record_without_a_key_tells_the_one_it_got() {
    let scene = Scene::new();
    let record = CallRecord { idempotency_key: None, ..chat("u", "", 10, 5) };
    let key = scene.meter.queue_call(&record).unwrap();
    scene.meter.flush().unwrap();
    let again = CallRecord { idempotency_key: Some(key), ..record };
    assert_eq!(scene.meter.record_call(&again).unwrap().status, RecordStatus::Duplicate);
}

#[test]
fn bad_input_of_a_queued_record_is_answered_at_once_and_later_failures_are_counted() {
    let scene = Scene::new();
    let bad = CallRecord { status_code: 1, ..chat("u", "k", 10, 5) };
    assert_eq!(scene.meter.queue_call(&bad).unwrap_err().code(), "invalid_argument");
    scene.meter.queue_call(&chat("u", "k", 10, 5)).unwrap();
    scene.meter.queue_call(&chat("u", "k", 10, 6)).unwrap();
    scene.meter.flush().unwrap();
    assert_eq!(scene.meter.queued_failures(), 1, "the conflict");
    assert_eq!(log(&scene.meter, "u").total_count, 1);
}

#[test]
fn queued_records_survive_the_end_of_the_meter() {
    let scene = Scene::new();
    for number in 0..300 {
        scene.meter.queue_call(&chat("u", &format!("k{number}"), 1, 1)).unwrap();
    }
    let scene = scene.reopened();
    assert_eq!(log(&scene.meter, "u").total_count, 300);
}

#[test]
fn the_option_durability_decides_what_record_answers() {
    for (durability, is_queued) in [(Durability::Durable, false), (Durability::Queued, true)] {
        let scene = Scene::with(|options| options.durability = durability);
        let recorded = scene.meter.record(&chat("u", "k", 10, 5)).unwrap();
        match recorded {
            Recorded::Queued { idempotency_key } => {
                assert!(is_queued);
                assert_eq!(idempotency_key, "k");
            }
            Recorded::Receipt(receipt) => {
                assert!(!is_queued);
                assert_eq!(receipt.call_id, 1);
            }
        }
        scene.meter.flush().unwrap();
        assert_eq!(log(&scene.meter, "u").total_count, 1);
    }
}

#[test]
fn both_levels_of_durability_give_the_same_rows() {
    let dump = |synchronous| {
        let scene = Scene::with(|options| options.synchronous = synchronous);
        for number in 0..20 {
            let key = format!("k{number}");
            match scene.meter.reserve(&ask("u", &key, 10, 5)).unwrap() {
                Reservation::Granted(_) => {
                    scene.meter.record_call(&chat("u", &key, 10, number)).unwrap();
                }
                other => panic!("not granted: {other:?}"),
            }
        }
        crate::scene::rows(&scene.meter, "SELECT * FROM calls ORDER BY id")
    };
    assert_eq!(dump(Synchronous::Full), dump(Synchronous::Normal));
}

#[test]
fn a_queued_settlement_is_the_same_as_one_that_is_awaited() {
    let scene = Scene::new();
    let (outcome, mut receipts) = (CallOutcome::from(Usage::tokens(10, 7)), Vec::new());
    for user in ["awaited", "queued"] {
        let hold_id = granted(&scene.meter, &ask(user, "k", 10, 5)).hold_id;
        if user == "queued" {
            scene.meter.queue_settle(user, hold_id, &outcome).unwrap();
            scene.meter.flush().unwrap();
        } else {
            scene.meter.settle(user, hold_id, &outcome).unwrap();
        }
        assert_eq!(used_and_held(&scene.meter, user, "gemini_calls"), (1, 0));
        receipts.push(scene.meter.settle(user, hold_id, &outcome).unwrap());
    }
    let [awaited, queued] = &receipts[..] else { panic!("{receipts:?}") };
    assert_eq!((awaited.status, queued.status), (RecordStatus::Duplicate, RecordStatus::Duplicate));
    assert_eq!((awaited.cost_usd, &awaited.usage), (queued.cost_usd, &queued.usage));
    assert_eq!(queued.usage.total_tokens(), 17);
    assert_eq!(scene.meter.queued_failures(), 0);
    assert_verified(&scene.meter);
}

/// It waits in the queue behind a foreign writer until the hold has expired.
#[test]
fn a_queued_settlement_is_late_by_the_instant_it_was_queued() {
    let scene = Scene::new();
    let ttl = |key| CallRequest { ttl_ms: Some(60_000), ..ask("u", key, 10, 5) };
    let in_time = granted(&scene.meter, &ttl("in time"));
    let late = granted(&scene.meter, &ttl("late"));
    let outcome = CallOutcome::from(Usage::tokens(10, 7));
    let foreign = hold_the_lock(&scene);
    scene.meter.queue_settle("u", in_time.hold_id, &outcome).unwrap();
    scene.at("2025-10-07T12:01:00Z");
    scene.meter.queue_settle("u", late.hold_id, &outcome).unwrap();
    foreign.execute_batch("COMMIT").unwrap();
    scene.meter.flush().unwrap();
    let is_late = |hold: HoldReceipt| scene.meter.settle("u", hold.hold_id, &outcome).unwrap().late;
    assert_eq!((is_late(in_time), is_late(late)), (false, true));
}

#[test]
fn bad_input_of_a_queued_settlement_is_answered_at_once_and_later_failures_are_counted() {
    let scene = Scene::new();
    let hold_id = granted(&scene.meter, &ask("u", "k", 10, 5)).hold_id;
    let settle = |user: &str, hold_id, outcome: &CallOutcome| {
        scene.meter.queue_settle(user, hold_id, outcome).map_err(|error| error.code())
    };
    let good = CallOutcome::from(Usage::tokens(10, 7));
    let bad = CallOutcome { status_code: 1, ..good.clone() };
    assert_eq!(settle("u", hold_id, &bad), Err("invalid_argument"));
    let bad = CallOutcome { usage_source: UsageSource::ExpiredHold, ..good.clone() };
    assert_eq!(settle("u", hold_id, &bad), Err("invalid_argument"));
    assert_eq!(settle("u", hold_id, &Usage::tokens(-1, 0).into()), Err("invalid_usage"));
    assert_eq!(settle(" ", hold_id, &good), Err("invalid_name"));
    assert_eq!(settle("u", CallKey::new("u", "unheard of"), &good), Ok(()));
    assert_eq!(settle("u", hold_id, &good), Ok(()));
    assert_eq!(settle("u", hold_id, &Usage::tokens(10, 8).into()), Ok(()));
    scene.meter.flush().unwrap();
    assert_eq!(scene.meter.queued_failures(), 2, "the unknown hold and the conflict");
    assert_eq!(log(&scene.meter, "u").total_count, 1);
}

#[test]
fn a_queued_release_gives_the_hold_back_and_its_failures_are_counted() {
    let scene = Scene::new();
    let hold_id = granted(&scene.meter, &ask("u", "k", 10, 5)).hold_id;
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (0, 1));
    scene.meter.queue_release("u", hold_id).unwrap();
    scene.meter.queue_release("u", hold_id).unwrap();
    scene.meter.flush().unwrap();
    assert_eq!(used_and_held(&scene.meter, "u", "gemini_calls"), (0, 0));
    assert_eq!(scene.meter.queued_failures(), 0, "giving it back again does nothing");
    assert_eq!(scene.meter.queue_release(" ", hold_id).unwrap_err().code(), "invalid_name");
    scene.meter.queue_release("u", CallKey::new("u", "unheard of")).unwrap();
    scene.meter.flush().unwrap();
    assert_eq!(scene.meter.queued_failures(), 1);
    assert_eq!(log(&scene.meter, "u").total_count, 0);
}

#[test]
fn queued_settlements_survive_the_end_of_the_meter() {
    let scene = Scene::new();
    scene.meter.set_limit("u", &limit("gemini_calls", "unlimited")).unwrap();
    for number in 0..40 {
        let hold = granted(&scene.meter, &ask("u", &format!("k{number}"), 10, 5));
        scene.meter.queue_settle("u", hold.hold_id, &Usage::tokens(1, 1).into()).unwrap();
    }
    let scene = scene.reopened();
    assert_eq!(log(&scene.meter, "u").total_count, 40);
    assert_eq!(number(&scene.meter, "SELECT count(*) FROM holds"), 0);
    assert_verified(&scene.meter);
}
