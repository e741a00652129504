//! Delivery: through a channel that fails, by deliverers that die, and by several at once.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use alwrity_metering::domain::alert::outbox::ATTEMPTS_MAX;
use alwrity_metering::{Channel, Delivered, Delivery, DeliveryFailure};

use super::{Bench, alerts, bench_with, calls, plan};

fn bench() -> Bench {
    bench_with(&[plan("free", 10)], |options| options.alert_channels = vec!["pigeon".into()])
}

/// What a pigeon does with a message.
type Fly<'a> = dyn FnMut(&Delivery) -> Result<(), DeliveryFailure> + 'a;

/// A channel that does with each message what it is told to.
struct Pigeon<'a> {
    sent: &'a Mutex<Vec<String>>,
    fly: Box<Fly<'a>>,
}

impl<'a> Pigeon<'a> {
    fn new(
        sent: &'a Mutex<Vec<String>>,
        fly: impl FnMut(&Delivery) -> Result<(), DeliveryFailure> + 'a,
    ) -> Self {
        Self { sent, fly: Box::new(fly) }
    }
}

impl Channel for Pigeon<'_> {
    fn name(&self) -> &'static str {
        "pigeon"
    }

    fn send(&mut self, delivery: &Delivery) -> Result<(), DeliveryFailure> {
        (self.fly)(delivery)?;
        self.sent.lock().unwrap().push(delivery.message_id.clone());
        Ok(())
    }
}

const fn delivered(sent: i64, postponed: i64, given_up: i64) -> Delivered {
    Delivered { sent, postponed, given_up }
}

#[test]
fn every_alert_is_sent_once() {
    let bench = bench();
    for user in ["u", "v", "w", "x", "y"] {
        bench.meter.record_call(&calls(user, 10)).unwrap();
    }
    let sent = Mutex::new(Vec::new());
    let deliver = || bench.meter.deliver_alerts(&mut Pigeon::new(&sent, |_| Ok(()))).unwrap();
    assert_eq!(deliver(), delivered(15, 0, 0));
    assert_eq!(deliver(), delivered(0, 0, 0));
    let mut ids = sent.into_inner().unwrap();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 15);
    let found = alerts(&bench.meter, "u");
    assert!(found.iter().all(|alert| alert.sent_at == Some(bench.clock.now())));
}

#[test]
fn a_failure_is_tried_again_later_under_the_same_message_id() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 8)).unwrap();
    let sent = Mutex::new(Vec::new());
    let mut attempts: Vec<(String, i64)> = Vec::new();
    for round in 1..=3 {
        let outcome = bench.meter.deliver_alerts(&mut Pigeon::new(&sent, |delivery| {
            attempts.push((delivery.message_id.clone(), delivery.attempt));
            let reason = "storm, key sk-abcdefghijklmnopqrstuvwxyz0123456789";
            if round < 3 { Err(DeliveryFailure::passing(reason)) } else { Ok(()) }
        }));
        let expected = if round < 3 { delivered(0, 1, 0) } else { delivered(1, 0, 0) };
        assert_eq!(outcome.unwrap(), expected);
        let soon = bench.meter.deliver_alerts(&mut Pigeon::new(&sent, |_| panic!("too soon")));
        assert_eq!(soon.unwrap(), delivered(0, 0, 0));
        bench.clock.advance_ms(60_000);
    }
    let id = attempts[0].0.clone();
    assert_eq!(attempts, [(id.clone(), 1), (id.clone(), 2), (id.clone(), 3)]);
    assert_eq!(*sent.lock().unwrap(), [id]);
}

#[test]
fn what_is_not_to_be_delivered_is_given_up() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 9)).unwrap();
    let sent = Mutex::new(Vec::new());
    let gone = &mut Pigeon::new(&sent, |delivery| match delivery.alert.key.threshold_percent {
        80 => Err(DeliveryFailure::lasting("nobody lives here")),
        _ => Err(DeliveryFailure::passing("storm")),
    });
    assert_eq!(bench.meter.deliver_alerts(gone).unwrap(), delivered(0, 1, 1));
    for attempt in 2..=ATTEMPTS_MAX {
        bench.clock.advance_ms(8 * 3_600_000);
        let is_last = attempt == ATTEMPTS_MAX;
        let expected = if is_last { delivered(0, 0, 1) } else { delivered(0, 1, 0) };
        assert_eq!(bench.meter.deliver_alerts(gone).unwrap(), expected, "{attempt}");
    }
    let counts = bench.meter.outbox().unwrap();
    assert_eq!((counts[0].waiting, counts[0].done, counts[0].given_up), (0, 0, 2));
    let errors = bench.meter.query("SELECT last_error FROM outbox ORDER BY id").unwrap();
    assert_eq!(format!("{:?}", errors.rows[0][0]), r#"Text("nobody lives here")"#);
}

#[test]
fn a_deliverer_that_dies_leaves_its_alerts_to_the_next() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 10)).unwrap();
    let sent = Mutex::new(Vec::new());
    let mut flights = 0;
    // It dies after the second message is out, before it could say so.
    let died = catch_unwind(AssertUnwindSafe(|| {
        bench.meter.deliver_alerts(&mut Pigeon::new(&sent, |delivery| {
            flights += 1;
            if flights == 2 {
                sent.lock().unwrap().push(delivery.message_id.clone());
                panic!("killed");
            }
            Ok(())
        }))
    }));
    assert!(died.is_err());
    let heir = || bench.meter.deliver_alerts(&mut Pigeon::new(&sent, |_| Ok(()))).unwrap();
    assert_eq!(heir(), delivered(0, 0, 0), "they are leased to the dead one");
    bench.clock.advance_ms(11 * 60_000);
    assert_eq!(heir(), delivered(2, 0, 0));
    let mut times: BTreeMap<String, i64> = BTreeMap::new();
    for id in sent.into_inner().unwrap() {
        *times.entry(id).or_default() += 1;
    }
    let mut times: Vec<i64> = times.into_values().collect();
    times.sort_unstable();
    assert_eq!(times, [1, 1, 2], "none lost; the doubled one has one message id");
}

#[test]
fn several_deliverers_share_the_work() {
    let bench = bench();
    for number in 0..20 {
        bench.meter.record_call(&calls(&format!("u{number}"), 10)).unwrap();
    }
    let sent = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                bench.meter.deliver_alerts(&mut Pigeon::new(&sent, |_| Ok(()))).unwrap();
            });
        }
    });
    let mut ids = sent.into_inner().unwrap();
    assert_eq!(ids.len(), 60, "each once");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 60);
}

#[test]
fn a_slow_channel_leaves_the_rest_of_its_lease_to_others() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 10)).unwrap();
    let sent = Mutex::new(Vec::new());
    let mut slow = Pigeon::new(&sent, |_| {
        bench.clock.advance_ms(9 * 60_000 + 1);
        Ok(())
    });
    // Each lease is long enough for one; the others are due again when it is over.
    assert_eq!(bench.meter.deliver_alerts(&mut slow).unwrap().sent, 1);
    drop(slow);
    bench.clock.advance_ms(60_000);
    let rest = bench.meter.deliver_alerts(&mut Pigeon::new(&sent, |_| Ok(()))).unwrap();
    assert_eq!(rest, delivered(2, 0, 0));
}
