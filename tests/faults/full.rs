//! Full: a small disk that is really full, and an index of the log that cannot grow.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use alwrity_metering::{CallRecord, Meter, Options, RecordStatus, Synchronous};
use rusqlite::Connection;

use crate::disk;
use crate::stage::{Worker, assert_verified, call, keys_recorded, open, recorded, say, small};

/// A tmpfs of its own for each round, where the system lets a process mount one for itself; the
/// cases of `injected` fill the disk everywhere.
#[test]
fn a_full_tmpfs_loses_nothing_and_goes_on_once_there_is_room() {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount"]);
        command
    };
    let mut probe = unshare();
    probe.arg("true").stdout(Stdio::null()).stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        eprintln!("no tmpfs can be mounted here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = unshare();
    command.arg(std::env::current_exe().unwrap());
    let role = ["full", "tmpfs", folder.path().to_str().unwrap()];
    let said = Worker::start_by(command, "worker", &role).finish();
    println!("a full tmpfs: {}", said.last().unwrap());
}

/// The log itself has room, but its index, which all processes share, has not.
#[test]
fn an_index_of_the_log_that_cannot_grow_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let said = crate::play(&["full", "index", folder.path().to_str().unwrap()]);
    println!("an index that cannot grow: {}", said.last().unwrap());
}

pub(crate) fn play(role: &[&str]) {
    match role {
        ["tmpfs", folder] => fill_disks(Path::new(folder)),
        ["index", folder] => fill_index(Path::new(folder)),
        other => panic!("{other:?}"),
    }
}

/// What is answered. Where a commit is in the log and its index has no room for it, nobody can
/// tell at once.
const NAMED: [&str; 2] = ["storage_full", "outcome_unknown"];

/// Room that is made when the disk is full.
const SPARE_BYTES: usize = 1 << 20;

fn fill_disks(folder: &Path) {
    let (mut rounds, mut acknowledged) = (0, 0);
    // Not in step with pages, so that different files meet the end of the disk.
    for kib in (1600..2000).step_by(44) {
        let disk = folder.join(kib.to_string());
        std::fs::create_dir(&disk).unwrap();
        mount(&disk, kib);
        acknowledged += fill(&disk);
        rounds += 1;
    }
    say(&format!("{rounds} rounds, {acknowledged} acknowledged"));
}

fn mount(at: &Path, kib: usize) {
    let at = CString::new(at.as_os_str().as_bytes()).unwrap();
    let size = CString::new(format!("size={kib}k")).unwrap();
    // SAFETY: all are C texts; the mount is this process's own and ends with it.
    let code = unsafe {
        let kind = c"tmpfs".as_ptr();
        libc::mount(kind, at.as_ptr(), kind, 0, size.as_ptr().cast())
    };
    assert_eq!(code, 0, "{}", std::io::Error::last_os_error());
}

/// Records until there is no room, closes, makes room, and repeats every call.
fn fill(disk: &Path) -> usize {
    let (path, spare) = (disk.join("metering.db"), disk.join("spare"));
    std::fs::write(&spare, vec![7; SPARE_BYTES]).unwrap();
    let meter = small(&path);
    let mut keys = Vec::new();
    let error = loop {
        let key = format!("k{}", keys.len());
        match meter.record_call(&call("u", &key)) {
            Ok(_) => keys.push(key),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), "storage_full", "{error}");
    // Reading goes on.
    let summary = meter.usage_summary("u", &"all".parse().unwrap()).unwrap();
    assert_eq!(usize::try_from(summary.total_calls).unwrap(), keys.len());
    // The end writes the log back, for which there may be no room either.
    drop(meter);
    std::fs::remove_file(&spare).unwrap();
    let meter = open(&path);
    assert_eq!(keys_recorded(&meter, "u", &keys), keys.len());
    for key in &keys {
        assert_eq!(meter.record_call(&call("u", key)).unwrap().status, RecordStatus::Duplicate);
    }
    meter.record_call(&call("u", &format!("k{}", keys.len()))).unwrap();
    drop(meter);
    assert_eq!(recorded(&path), keys.len() + 1);
    assert_verified(&path);
    keys.len()
}

/// The first block of the index: it holds 4062 pages of the log.
const INDEX_BYTES: usize = 32 << 10;

fn fill_index(folder: &Path) {
    let path = folder.join("metering.db");
    drop(small(&path));
    disk::install();
    disk::watch(folder);
    disk::cap("-shm", INDEX_BYTES);
    let options = Options { synchronous: Synchronous::Normal, ..Options::default() };
    let meter = Meter::open(&path, options).unwrap();
    meter.record_call(&call("u", "first")).unwrap();
    // A reader of an old snapshot: the log cannot begin anew, however much is written back.
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM calls;").unwrap();
    let (mut keys, mut failed) = (vec!["first".to_owned()], Vec::new());
    for batch in 0..200 {
        let calls: Vec<_> = (0..200).map(|number| wide(&format!("{batch}-{number}"))).collect();
        let answers = meter.record_calls(&calls);
        for (call, answer) in calls.into_iter().zip(answers) {
            match answer {
                Ok(_) => keys.extend(call.idempotency_key),
                Err(error) => failed.push((call, error)),
            }
        }
        if !failed.is_empty() {
            break;
        }
    }
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    disk::mend();
    assert!(!failed.is_empty(), "the index would have had to grow");
    for (call, error) in failed {
        assert!(NAMED.contains(&error.code()), "{error}");
        meter.record_call(&call).unwrap();
        keys.extend(call.idempotency_key);
    }
    drop(meter);
    let all = Options { query_rows_max: 100_000, ..Options::default() };
    let meter = Meter::open(&path, all).unwrap();
    assert_eq!(keys_recorded(&meter, "u", &keys), keys.len());
    drop(meter);
    assert_eq!(recorded(&path), keys.len());
    assert_verified(&path);
    say(&format!("{} acknowledged", keys.len()));
}

/// A call that takes a page.
fn wide(key: &str) -> CallRecord {
    let mut wide = call("u", key);
    wide.details.endpoint = Some("/".repeat(2000));
    wide
}
