//! Growth: the log stays bounded, whoever reads and however long it goes on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::scope;

use alwrity_metering::{Meter, Options, Synchronous};

use super::stage::{assert_verified, call, seeded};

/// Twice the size from which the log is cut, in bytes.
const LOG_BYTES_MAX: u64 = 128 << 20;

#[test]
fn the_log_stays_bounded_under_load_with_readers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    drop(seeded(&path));
    let options = Options { synchronous: Synchronous::Normal, ..Options::default() };
    let meter = Meter::open(&path, options).unwrap();
    let (is_over, largest) = (AtomicBool::new(false), AtomicU64::new(0));
    let log = format!("{}-wal", path.display());
    let written = scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Acquire) {
                    meter.usage_summary("u0", &"all".parse().unwrap()).unwrap();
                    let size = std::fs::metadata(&log).map_or(0, |found| found.len());
                    largest.fetch_max(size, Ordering::AcqRel);
                }
            });
        }
        // Each batch touches many pages, and writes more than the log may hold in all.
        let mut written = 0;
        for round in 0..60 {
            let calls: Vec<_> = (0..200)
                .map(|user| call(&format!("u{user}"), &format!("{round}-{user}")))
                .collect();
            written += meter.record_calls(&calls).into_iter().map(Result::unwrap).count();
        }
        is_over.store(true, Ordering::Release);
        written
    });
    let largest = largest.into_inner();
    assert!(largest > 0 && largest < LOG_BYTES_MAX, "{largest} bytes");
    drop(meter);
    assert_eq!(super::stage::recorded(&path), written);
    assert_verified(&path);
}
