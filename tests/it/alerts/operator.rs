//! The operator's alerts: failures of the store, and differences that `verify` finds.

use alwrity_metering::{AlertFilter, Error, Meter, Page, Severity};

use super::{bench, calls};

fn operator_alerts(meter: &Meter) -> Vec<(String, String)> {
    let page = meter.operator_alerts(&AlertFilter::default(), Page::default()).unwrap();
    assert!(page.alerts.iter().all(|alert| alert.severity == Severity::Error));
    page.alerts.into_iter().map(|alert| (alert.key.subject, alert.message)).collect()
}

#[test]
fn a_failure_of_the_store_is_told_when_it_works_again() {
    let bench = bench();
    let (path, away) = (bench.path(), bench.folder.path().join("away.db"));
    bench.meter.record_call(&calls("u", 1)).unwrap();
    std::fs::rename(&path, &away).unwrap();
    for _ in 0..2 {
        let error = bench.meter.record_call(&calls("u", 1)).unwrap_err();
        assert!(matches!(error, Error::StorageReplaced { .. }), "{error}");
    }
    std::fs::rename(&away, &path).unwrap();
    assert_eq!(operator_alerts(&bench.meter), []);
    bench.meter.record_call(&calls("u", 1)).unwrap();
    bench.meter.flush().unwrap();
    let found = operator_alerts(&bench.meter);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "storage_replaced");
    let id = bench.meter.operator_alerts(&AlertFilter::default(), Page::default()).unwrap();
    assert_eq!(bench.meter.dismiss("u", id.alerts[0].id).unwrap_err().code(), "alert_of_another");
    bench.meter.dismiss_operator_alert(id.alerts[0].id).unwrap();
    assert_eq!(operator_alerts(&bench.meter), []);
}

#[test]
fn a_refusal_of_the_rules_is_no_failure_of_the_store() {
    let bench = bench();
    let mut call = calls("u", 1);
    call.idempotency_key = Some("k".into());
    bench.meter.record_call(&call).unwrap();
    call.call_count = 2;
    bench.meter.record_call(&call).unwrap_err();
    bench.meter.record_call(&calls("u", 1)).unwrap();
    bench.meter.flush().unwrap();
    assert_eq!(operator_alerts(&bench.meter), []);
}

#[test]
fn a_difference_that_verify_finds_is_told_once_a_day() {
    let bench = bench();
    bench.meter.record_call(&calls("u", 1)).unwrap();
    let is_fine = |meter: &Meter| {
        let checks = meter.verify().unwrap();
        meter.flush().unwrap();
        checks.iter().all(|check| check.is_ok)
    };
    assert!(is_fine(&bench.meter), "{:?}", bench.meter.verify());
    assert_eq!(operator_alerts(&bench.meter), []);
    let connection = rusqlite::Connection::open(bench.path()).unwrap();
    connection.execute("UPDATE counters SET calls = calls + 1", []).unwrap();
    assert!(!is_fine(&bench.meter) && !is_fine(&bench.meter));
    let found = operator_alerts(&bench.meter);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "verify_counters");
    assert!(found[0].1.contains("calls 2"), "{}", found[0].1);
}
