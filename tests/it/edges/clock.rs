//! The clock: it is read in one place and can be given.

use alwrity_metering::{CallRecord, Clock, ManualClock, Meter, Options, Timestamp};

use crate::conformance::samples::at;
use crate::scene::{NOON, Scene, chat, log, quick};

#[test]
fn a_manual_clock_only_moves_when_it_is_told_to() {
    let scene = Scene::new();
    assert_eq!(scene.meter.now(), at(NOON));
    scene.clock.advance_ms(1);
    assert_eq!(scene.meter.now(), at("2025-10-07T12:00:00.001Z"));
    scene.clock.advance_ms(-2);
    assert_eq!(scene.meter.now(), at("2025-10-07T11:59:59.999Z"));
    let twin = scene.clock.clone();
    twin.set(at("2030-01-01T00:00:00Z"));
    assert_eq!(scene.meter.now(), at("2030-01-01T00:00:00Z"));
    twin.advance_ms(i64::MAX);
    assert_eq!(scene.meter.now(), Timestamp::MAX);
    twin.advance_ms(i64::MIN);
    assert_eq!(scene.meter.now(), Timestamp::MIN);
}

#[test]
fn a_fixed_clock_stands_still_and_the_systems_moves_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    let fixed = Options { clock: Clock::Fixed(at(NOON)), ..quick() };
    assert_eq!(Meter::open(&path, fixed).unwrap().now(), at(NOON));
    let meter = Meter::open(&path, quick()).unwrap();
    let (first, second) = (meter.now(), meter.now());
    assert!(at("2026-01-01T00:00:00Z") < first && first <= second);
}

#[test]
fn every_time_of_a_row_is_the_clocks_or_the_callers() {
    let scene = Scene::new();
    let own = CallRecord { occurred_at: Some(at("2025-10-05T00:00:00Z")), ..chat("u", "k1", 1, 1) };
    scene.meter.record_call(&own).unwrap();
    scene.clock.advance_ms(5);
    scene.meter.record_call(&chat("u", "k2", 1, 1)).unwrap();
    let times: Vec<(String, String)> = log(&scene.meter, "u")
        .calls
        .iter()
        .map(|call| (call.occurred_at.to_string(), call.recorded_at.to_string()))
        .collect();
    let later = "2025-10-07T12:00:00.005Z".to_owned();
    let expected = [(later.clone(), later), ("2025-10-05T00:00:00Z".to_owned(), NOON.to_owned())];
    assert_eq!(times, expected);
}

#[test]
fn the_last_and_the_first_instants_are_periods_too() {
    let clock = ManualClock::at(Timestamp::MIN);
    let scene = Scene::with(|options| options.clock = Clock::Manual(clock.clone()));
    for now in [Timestamp::MIN, Timestamp::MAX.plus_micros(-1)] {
        clock.set(now);
        let receipt = scene.meter.record_call(&chat("u", &now.to_string(), 1, 1)).unwrap();
        assert!(receipt.period_starts_at <= now);
        let period = scene.meter.current_period("u").unwrap().usage_period;
        assert!(period.contains(now), "{period:?}");
    }
    crate::scene::assert_verified(&scene.meter);
}
