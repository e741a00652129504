//! What another system told its users, and what it did for them.

use alwrity_metering::domain::subscription::Term;
use alwrity_metering::{
    AlertFilter, AlertKey, AlertKind, BillingCycle, CallRecord, Error, History, NewAlert, Page,
    RecordStatus, Severity, Subscribe,
};

use super::{alerts, at, bench, bench_with, calls, plan, thresholds};

const OCTOBER: &str = "2025-10-01T00:00:00Z";

fn past(key: &str, count: i64) -> CallRecord {
    CallRecord { idempotency_key: Some(key.to_owned()), ..calls("u", count) }
}

fn told(threshold_percent: u8) -> NewAlert {
    NewAlert {
        key: AlertKey {
            kind: AlertKind::UsageThreshold,
            subject: "gemini_calls".into(),
            maximum: 10,
            threshold_percent,
            armed_from: at(OCTOBER),
        },
        period_starts_at: at(OCTOBER),
        provider: Some("gemini".into()),
        title: "told there".into(),
        message: String::new(),
        severity: Severity::Info,
        recommended_action: None,
        upgrade_plan_id: None,
        created_at: at(OCTOBER),
        sent_at: Some(at(OCTOBER)),
        read_at: Some(at(OCTOBER)),
        channels: vec!["mail".into()],
    }
}

#[test]
fn an_adopted_past_raises_nothing_and_the_next_call_tells() {
    let bench = bench();
    let receipts = bench.meter.adopt_calls(&[past("a", 8), past("a", 8)]);
    let status = receipts.into_iter().map(|receipt| receipt.unwrap().status).collect::<Vec<_>>();
    assert_eq!(status, [RecordStatus::Recorded, RecordStatus::Duplicate]);
    assert!(alerts(&bench.meter, "u").is_empty());
    let limits = bench.meter.limits("u").unwrap();
    assert_eq!(limits.usage_status.name(), "warning", "the period is marked all the same");
    bench.meter.record_call(&calls("u", 1)).unwrap();
    assert_eq!(thresholds(&bench.meter, "u"), [(90, 10)]);
    assert!(bench.meter.verify().unwrap().iter().all(|check| check.is_ok));
}

#[test]
fn what_was_told_there_is_neither_told_nor_sent_again() {
    let channels = |options: &mut alwrity_metering::Options| {
        options.alert_channels = vec!["mail".into()];
    };
    let bench = bench_with(&[plan("free", 10)], channels);
    let history = History { terms: vec![], alerts: vec![told(80)] };
    bench.meter.adopt_history("u", &history).unwrap();
    bench.meter.adopt_history("u", &history).unwrap();
    bench.meter.adopt_calls(&[past("a", 8)]);
    bench.meter.record_call(&calls("u", 1)).unwrap();
    let found = alerts(&bench.meter, "u");
    let marks: Vec<_> = found.iter().map(|a| (a.key.threshold_percent, a.read_at)).collect();
    assert_eq!(marks, [(80, Some(at(OCTOBER))), (90, None)]);
    let unread = bench.meter.alerts("u", &AlertFilter::unread(), Page::default()).unwrap();
    assert_eq!(unread.unread_count, 1);
    let waiting = bench.meter.outbox().unwrap();
    assert_eq!(waiting.iter().map(|count| count.waiting).collect::<Vec<_>>(), [1], "90 % alone");
}

#[test]
fn a_history_is_adopted_once_and_only_where_there_is_none() {
    let bench = bench();
    let term = |plan: &str| Term::new(plan, BillingCycle::Monthly, at("2025-09-15T00:00:00Z"));
    let history = History { terms: vec![term("pro")], alerts: vec![] };
    assert_eq!(bench.meter.adopt_history("u", &history).unwrap().terms, 1);
    let standing = bench.meter.current_period("u").unwrap();
    assert_eq!(standing.plan_id, "pro");
    assert_eq!(standing.usage_period.starts_at, at("2025-09-15T00:00:00Z"));
    bench.meter.cancel("u", alwrity_metering::CancelAt::Now).unwrap();
    let again = bench.meter.adopt_history("u", &history).unwrap();
    assert_eq!((again.terms, again.known_terms), (0, 1), "also after a change here");
    let other = History { terms: vec![term("basic")], alerts: vec![] };
    let error = bench.meter.adopt_history("u", &other).unwrap_err();
    assert!(matches!(error, Error::SubscriptionState { change: "adopt", .. }), "{error}");
    bench.meter.subscribe("v", &Subscribe::monthly("pro").waived("test")).unwrap();
    assert!(bench.meter.adopt_history("v", &history).is_err());
    let unknown = History { terms: vec![term("gold")], alerts: vec![] };
    assert_eq!(bench.meter.adopt_history("w", &unknown).unwrap_err().code(), "unknown_plan");
    assert_eq!(bench.meter.users().unwrap(), ["u", "v"]);
}
