//! Closing a period from many threads and handles: one invoice, the same for all.

use std::sync::Barrier;

use alwrity_metering::{CallRecord, Clock, Meter, Options, Subscribe, Synchronous, Usage};

use super::{Desk, usd};
use crate::regressions::processes::run;
use crate::scene::{Scene, assert_verified, chat, number};

#[test]
fn closing_a_period_from_many_threads_and_handles_makes_one_invoice() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::in_folder(folder.path(), "2025-04-01T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("metered").paid("ch_1")).unwrap();
    desk.spend("u", "7.5");
    desk.go_to("2025-05-01T00:00:00Z");
    // Other options make an engine of their own: its writer is as foreign as another process's.
    let other = |busy_timeout_ms| {
        let options = Options {
            clock: Clock::Manual(desk.clock.clone()),
            synchronous: Synchronous::Normal,
            busy_timeout_ms,
            ..Options::default()
        };
        Meter::open(folder.path().join("metering.db"), options).unwrap()
    };
    let meters = [desk.meter.clone(), other(59_000), other(58_000)];
    let start = Barrier::new(8);
    let invoices: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let (meter, start) = (&meters[number % meters.len()], &start);
                scope.spawn(move || {
                    start.wait();
                    // A late call beside each closing: it is in the invoice, or in the next.
                    let call = CallRecord {
                        occurred_at: Some("2025-04-30T00:00:00Z".parse().unwrap()),
                        vendor_cost_usd: Some(usd("0.01")),
                        ..CallRecord::new("u", "gemini", "m", Usage::tokens(1, 1))
                    };
                    meter.record_call(&call).unwrap();
                    meter.finalize_invoice("u", &"2025-04".parse().unwrap()).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(invoices.iter().all(|own| *own == invoices[0]), "all got the same invoice");
    let history = desk.meter.billing_history("u").unwrap();
    let overage: Vec<_> = history.iter().map(|own| own.overage_cost_usd).collect();
    assert_eq!(history.len(), 2);
    assert_eq!(overage[0].plus(overage[1]).unwrap(), usd("2.58"), "every late call once");
    desk.assert_verified();
}

#[test]
fn closing_all_that_has_ended_closes_each_once() {
    let desk = Desk::at("2025-01-31T00:00:00Z");
    desk.meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    desk.go_to("2025-04-15T00:00:00Z");
    let closed = desk.meter.finalize_ended("u").unwrap();
    let labels: Vec<_> = closed.iter().map(|own| own.billing_period.as_str()).collect();
    assert_eq!(labels, ["2025-01", "2025-02"]);
    assert_eq!(desk.meter.finalize_ended("u").unwrap(), []);
    assert_eq!(desk.meter.finalize_ended("nobody").unwrap(), []);
}

#[test]
fn closing_periods_from_four_processes_makes_one_invoice_of_each() {
    let scene = Scene::new();
    let meter = &scene.meter;
    meter.subscribe("u", &Subscribe::monthly("basic").paid("ch_1")).unwrap();
    meter.record_call(&chat("u", "on time", 10, 5)).unwrap();
    scene.at("2025-12-10T00:00:00Z");
    run("close", &scene.path(), "2025-12-10T00:00:00Z", 4);
    assert_eq!(number(meter, "SELECT count(*) FROM invoices"), 2);
    assert_eq!(number(meter, "SELECT count(DISTINCT hash) FROM invoices"), 2);
    // Every call is billed once: in its period's invoice, or as an adjustment of the draft.
    let invoices = meter.billing_history("u").unwrap();
    assert_eq!(invoices.len(), 3);
    let lines = invoices.iter().flat_map(|own| &own.invoice.lines);
    assert_eq!(lines.map(|line| line.calls).sum::<i64>(), 1 + 4 * 5 * 2);
    assert_verified(meter);
}
