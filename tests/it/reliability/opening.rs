//! Opening a new file by many at once.

use std::path::Path;
use std::sync::Barrier;
use std::thread::scope;

use super::WORKER;
use super::stage::{Worker, assert_verified, open, say, seeded, told};
use alwrity_metering::{Error, Meter, Options};

const ROUNDS: usize = 30;
const AT_ONCE: usize = 8;

#[test]
fn eight_threads_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        let path = folder.path().join(format!("{round}.db"));
        let barrier = Barrier::new(AT_ONCE);
        scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    barrier.wait();
                    assert_eq!(open(&path).current_period("u").unwrap().plan_id, "free");
                });
            }
        });
        assert!(open(&path).verify().unwrap().iter().any(|check| check.name == "views"));
    }
}

#[test]
fn eight_processes_open_a_new_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut workers: Vec<_> = (0..AT_ONCE).map(|_| Worker::start(WORKER, &["opening"])).collect();
    for worker in &mut workers {
        worker.hear("ready");
    }
    for round in 0..ROUNDS {
        let path = folder.path().join(format!("{round}.db"));
        for worker in &mut workers {
            worker.tell(path.to_str().unwrap());
        }
        for worker in &mut workers {
            worker.hear("opened");
        }
    }
    let last = folder.path().join(format!("{}.db", ROUNDS - 1));
    drop(seeded(&last));
    assert_verified(&last);
    for worker in workers {
        assert!(worker.finish().is_empty());
    }
}

pub(crate) fn play() {
    say("ready");
    while let Some(path) = told() {
        let opened = Meter::open(&path, Options::default());
        match opened.and_then(|meter| meter.current_period("u")) {
            Ok(standing) => assert_eq!(standing.plan_id, "free"),
            Err(error) => {
                say(&error.to_string());
                continue;
            }
        }
        say("opened");
    }
}

/// A file that a later version of the library has raised is refused, and told apart.
#[test]
fn an_older_library_is_refused_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    drop(open(&path));
    let connection = rusqlite::Connection::open(&path).unwrap();
    let supported: i64 =
        connection.query_row("SELECT schema_version FROM store", [], |row| row.get(0)).unwrap();
    let needed = supported + 1;
    let raise = |column: &str| {
        connection.execute(&format!("UPDATE store SET {column} = ?1"), [needed]).unwrap();
    };
    // A newer schema that older writers can still keep is no reason to refuse.
    raise("schema_version");
    drop(open(&path));
    raise("min_writer_version");
    let error = Meter::open(&path, Options::default()).unwrap_err();
    let shown = path.display().to_string();
    assert_eq!(error, Error::StorageNewer { path: shown, needed, supported });
    assert!(error.hint().contains("upgrade"));
}

#[test]
fn another_database_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("host.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    let error = Meter::open(&path, Options::default()).unwrap_err();
    assert_eq!(error.code(), "storage_corrupt");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(!Path::new(&format!("{}-wal", path.display())).exists());
}

/// The cheap check after a kill, and none after an orderly end.
#[test]
fn an_unclean_end_is_noticed_at_the_next_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    let last_end = |path: &Path| {
        let checks = open(path).verify().unwrap();
        checks.into_iter().find(|check| check.name == "last end")
    };
    let worker = super::kills::killed_writer(&path, 20);
    worker.kill();
    let check = last_end(&path).expect("it was killed");
    assert!(check.is_ok && check.found.contains("1 users"), "{check:?}");
    assert_eq!(last_end(&path), None, "the last end was an orderly one");
    // A counter that is wrong is found without a full `verify`.
    let worker = super::kills::killed_writer(&path, 1);
    worker.kill();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("UPDATE counters SET input_tokens = input_tokens + 1").unwrap();
    // Nobody closes it in order.
    std::mem::forget(connection);
    let check = last_end(&path).expect("it was killed again");
    assert!(!check.is_ok && check.found.contains("counters"), "{check:?}");
}
