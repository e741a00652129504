//! The disk: how long one fsync takes now.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::rounds::median;

/// The median of 50 appends of 4 KiB with an fsync each, in µs.
pub(crate) fn fsync_us(folder: &Path) -> f64 {
    let mut file = std::fs::File::create(folder.join("fsync")).unwrap();
    let times: Vec<_> = (0..50)
        .map(|_| {
            file.write_all(&[7; 4096]).unwrap();
            let started = Instant::now();
            file.sync_data().unwrap();
            started.elapsed()
        })
        .collect();
    median(&times).as_secs_f64() * 1e6
}
