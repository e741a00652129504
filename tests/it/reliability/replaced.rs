//! Replaced: the file is renamed, replaced or deleted while it is open, or lies badly.

use std::path::{Path, PathBuf};

use alwrity_metering::{Meter, Options};

use super::stage::{assert_verified, call, open, record, recorded, seeded};

/// A meter with one call, in a folder of its own.
fn metered(folder: &Path) -> (PathBuf, Meter) {
    let path = folder.join("metering.db");
    let meter = seeded(&path);
    record(&meter, "u", "before", 1).unwrap();
    (path, meter)
}

/// Every verb says that the file was replaced.
fn assert_noticed(meter: &Meter, what: &str) {
    let record = meter.record_call(&call("u", "after")).map(drop);
    let summary = meter.usage_summary("u", &"current".parse().unwrap()).map(drop);
    let answers = [record, summary, meter.rebuild().map(drop), meter.query("SELECT 1").map(drop)];
    for answer in answers {
        assert_eq!(answer.unwrap_err().code(), "storage_replaced", "{what}");
    }
}

#[test]
fn a_renamed_file_is_noticed_and_welcome_back() {
    let folder = tempfile::tempdir().unwrap();
    let (path, meter) = metered(folder.path());
    let elsewhere = folder.path().join("elsewhere.db");
    std::fs::rename(&path, &elsewhere).unwrap();
    assert_noticed(&meter, "renamed");
    std::fs::rename(&elsewhere, &path).unwrap();
    record(&meter, "u", "back", 1).unwrap();
    drop(meter);
    assert_eq!(recorded(&path), 2);
    assert_verified(&path);
}

#[test]
fn a_deleted_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, meter) = metered(folder.path());
    std::fs::remove_file(&path).unwrap();
    assert_noticed(&meter, "deleted");
    assert!(!path.exists(), "nothing is made in its place");
}

#[test]
fn a_replaced_file_is_noticed_and_opens_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (path, meter) = metered(folder.path());
    let other = folder.path().join("other.db");
    drop(seeded(&other));
    std::fs::rename(&other, &path).unwrap();
    assert_noticed(&meter, "replaced");
    drop(meter);
    for suffix in ["-wal", "-shm"] {
        // The log of the old file is not the new one's.
        drop(std::fs::remove_file(format!("{}{suffix}", path.display())));
    }
    record(&open(&path), "u", "new", 1).unwrap();
    assert_eq!(recorded(&path), 1);
}

/// Whoever "cleans up" a `-wal` file throws acknowledged calls away.
#[test]
fn a_deleted_log_is_noticed_before_anything_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let (path, meter) = metered(folder.path());
    std::fs::remove_file(format!("{}-wal", path.display())).unwrap();
    let error = meter.record_call(&call("u", "after")).unwrap_err();
    assert_eq!(error.code(), "storage_replaced");
    assert!(error.to_string().contains("-wal"), "{error}");
    assert_noticed(&meter, "the log is gone for good");
    // Another meter of this process does not get the one that is lost.
    drop(meter);
    record(&open(&path), "u", "new", 1).unwrap();
}

/// The index of the log is deleted, and another process, which makes a new one, records three
/// calls and dies.
fn record_beside(path: &Path) {
    std::fs::remove_file(format!("{}-shm", path.display())).unwrap();
    super::kills::killed_writer(path, 3).kill();
}

/// The index holds the locks and the end of the log: two indexes are two writers at one place.
#[test]
fn a_deleted_index_is_noticed_before_another_process_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (path, meter) = metered(folder.path());
    record_beside(&path);
    let error = meter.record_call(&call("u", "after")).unwrap_err();
    assert_eq!(error.code(), "storage_replaced");
    assert!(error.to_string().contains("-shm"), "{error}");
    assert_noticed(&meter, "the index is gone for good");
    drop(meter);
    record(&open(&path), "u", "new", 1).unwrap();
    assert_eq!(recorded(&path), 5);
    assert_verified(&path);
}

/// The last connection to close writes the log back and deletes it, by the index that it has.
#[test]
fn whoever_has_a_deleted_index_closes_and_takes_nothing_away() {
    let folder = tempfile::tempdir().unwrap();
    let (path, meter) = metered(folder.path());
    record_beside(&path);
    drop(meter);
    assert_eq!(recorded(&path), 4);
    assert_verified(&path);
}

#[test]
fn links_are_refused_unless_they_are_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, meter) = metered(folder.path());
    drop(meter);
    let refused = |path: &Path, why: &str| {
        let error = Meter::open(path, Options::default()).unwrap_err();
        assert_eq!(error.code(), "storage_unsafe");
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.to_string().contains("allow_linked_file"), "{error}");
    };
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    refused(&link, "symbolic link");
    let allowed = Options { allow_linked_file: true, ..Options::default() };
    record(&Meter::open(&link, allowed).unwrap(), "u", "through", 1).unwrap();
    let second = folder.path().join("second.db");
    std::fs::hard_link(&path, &second).unwrap();
    refused(&second, "second name");
    refused(&path, "second name");
    std::fs::remove_file(&second).unwrap();
    assert_eq!(recorded(&path), 2);
    let error = Meter::open(folder.path(), Options::default()).unwrap_err();
    assert_eq!(error.code(), "storage_unsafe", "a folder is no file");
}
