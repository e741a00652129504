//! Clocks: whatever they do, usage is neither lost nor doubled, and no hold comes back to life.

use alwrity_metering::{
    CallOutcome, CallRequest, ManualClock, Meter, Options, PeriodChoice, RecordStatus, Reservation,
    Timestamp, Usage, meter::clock::Clock,
};

use super::stage::{assert_verified, call, is_held, recorded};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn metered(folder: &std::path::Path, clock: &ManualClock) -> Meter {
    let options = Options { clock: Clock::Manual(clock.clone()), ..Options::default() };
    let meter = Meter::open(folder.join("metering.db"), options).unwrap();
    meter.seed("default").unwrap();
    meter
}

fn calls(meter: &Meter, period: &str) -> i64 {
    let period: PeriodChoice = period.parse().unwrap();
    meter.usage_summary("u", &period).unwrap().total_calls
}

#[test]
fn a_clock_that_steps_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(at("2025-12-31T23:59:59.999999Z"));
    let meter = metered(folder.path(), &clock);
    // Over the leap of the year, back over it, far ahead and back again.
    let steps = [
        "2025-12-31T23:59:59.999999Z",
        "2026-01-01T00:00:00Z",
        "2025-12-31T23:59:59Z",
        "2028-02-29T12:00:00Z",
        "2026-01-01T00:00:01Z",
    ];
    for (number, step) in steps.iter().enumerate() {
        clock.set(at(step));
        let call = call("u", &format!("k{number}"));
        assert_eq!(meter.record_call(&call).unwrap().status, RecordStatus::Recorded, "{step}");
        // The retry comes when the clock has stepped again.
        clock.advance_ms(-86_400_000);
        assert_eq!(meter.record_call(&call).unwrap().status, RecordStatus::Duplicate, "{step}");
    }
    let by_month: Vec<i64> =
        ["2025-12", "2026-01", "2028-02"].iter().map(|month| calls(&meter, month)).collect();
    assert_eq!(by_month, [2, 2, 1]);
    assert_eq!(calls(&meter, "all"), 5);
    drop(meter);
    let path = folder.path().join("metering.db");
    assert_eq!(recorded(&path), 5);
    assert_verified(&path);
}

#[test]
fn a_clock_that_steps_back_revives_no_expired_hold() {
    let folder = tempfile::tempdir().unwrap();
    let start = at("2026-01-15T12:00:00Z");
    let clock = ManualClock::at(start);
    let meter = metered(folder.path(), &clock);
    let request = CallRequest {
        ttl_ms: Some(1000),
        ..CallRequest::new("u", "gemini", "gemini-2.5-flash").with_tokens(1000, 200)
    };
    let Reservation::Granted(hold) = meter.reserve(&request).unwrap() else { panic!() };
    clock.advance_ms(2000);
    let outcome = CallOutcome::from(Usage::tokens(1000, 200));
    let receipt = meter.settle("u", hold.hold_id, &outcome).unwrap();
    assert!(receipt.late, "its time was over");
    clock.set(start);
    let again = meter.settle("u", hold.hold_id, &outcome).unwrap();
    assert_eq!(again.status, RecordStatus::Duplicate);
    assert!(!is_held(&meter, "u"));
    assert_eq!(calls(&meter, "all"), 1);
}

#[test]
fn a_call_of_the_future_and_one_of_the_past_count_in_their_own_periods() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(at("2026-05-15T12:00:00Z"));
    let meter = metered(folder.path(), &clock);
    for (key, occurred_at) in [
        ("future", "2027-03-01T00:00:00Z"),
        ("past", "2026-04-30T23:59:59.999999Z"),
        ("now", "2026-05-15T12:00:00Z"),
    ] {
        let call =
            alwrity_metering::CallRecord { occurred_at: Some(at(occurred_at)), ..call("u", key) };
        meter.record_call(&call).unwrap();
    }
    let by_month: Vec<i64> =
        ["2026-04", "2026-05", "2027-03"].iter().map(|month| calls(&meter, month)).collect();
    assert_eq!(by_month, [1, 1, 1]);
    assert_eq!(calls(&meter, "current"), 1);
    assert_verified(&folder.path().join("metering.db"));
}
