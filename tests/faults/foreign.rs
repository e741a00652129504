//! Foreign hands: whoever else touches the file, in our process or beside it.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::hooks;
use crate::stage::{Worker, assert_verified, open, record, recorded, say, seeded};

const EACH: usize = 20;

/// A hand touches the file in the writing process, then a visitor from another process opens
/// and closes it, as the last one as far as the locks tell.
fn touched(cure: &str, hand: &str) -> (PathBuf, tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    let mut worker = Worker::start("worker", &["foreign", cure, hand, path.to_str().unwrap()]);
    let mut said = Vec::new();
    while let Some(line) = worker.line() {
        if line == "visit" {
            crate::play(&["foreign", "visitor", path.to_str().unwrap()]);
            worker.tell("go on");
        } else {
            said.push(line);
        }
    }
    drop(worker);
    (path, folder, said)
}

fn assert_nothing_is_lost(hand: &str) {
    let (path, _folder, said) = touched("cured", hand);
    assert_eq!(said, ["the log is still there", "acknowledged"], "{hand}");
    assert_eq!(recorded(&path), 2 * EACH);
    assert_verified(&path);
}

#[test]
fn a_plain_read_in_our_process_loses_nothing() {
    assert_nothing_is_lost("plain");
}

#[test]
fn a_second_sqlite_in_our_process_loses_nothing() {
    assert_nothing_is_lost("second");
    assert_nothing_is_lost("imitated");
}

/// That the cases above can fail: with SQLite's own locks the log is deleted under us. Even
/// then nothing is lost in silence: the next write says that the file was replaced.
#[test]
fn without_the_cure_a_foreign_hand_deletes_the_log() {
    for hand in ["plain", "imitated", "second"] {
        let (path, _folder, said) = touched("bare", hand);
        assert_eq!(said, ["the log is gone", "refused: storage_replaced"], "{hand}");
        if hand == "plain" {
            // The visitor wrote the log back before it deleted it; the imitation does not.
            assert_eq!(recorded(&path), EACH);
            assert_verified(&path);
        }
    }
}

#[test]
fn a_foreign_process_that_writes_other_tables_disturbs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    let meter = seeded(&path);
    let foreigner = Worker::start("worker", &["foreign", "writer", path.to_str().unwrap()]);
    record(&meter, "u", "a", 200).unwrap();
    let said = foreigner.finish();
    assert_eq!(said, ["wrote 200"]);
    let notes = meter.query("SELECT count(*) FROM host_notes").unwrap();
    assert_eq!(notes.rows[0][0], alwrity_metering::Cell::Integer(200));
    drop(meter);
    assert_eq!(recorded(&path), 200);
    assert_verified(&path);
}

pub(crate) fn play(role: &[&str]) {
    match role {
        ["visitor", path] => visit(Path::new(path)),
        ["writer", path] => write_notes(Path::new(path)),
        [cure, hand, path] => be_touched(cure, hand, Path::new(path)),
        other => panic!("{other:?}"),
    }
}

fn be_touched(cure: &str, hand: &str, path: &Path) {
    // The first open puts the library's calls in place.
    let warm = tempfile::tempdir().unwrap();
    drop(open(&warm.path().join("warm.db")));
    if cure == "bare" {
        hooks::reset(c"fcntl");
    }
    let meter = seeded(path);
    record(&meter, "u", "before", EACH).unwrap();
    let log = inode(&beside(path, "-wal"));
    assert!(log.is_some());
    match hand {
        "plain" => read_plainly(path),
        "imitated" => imitate_sqlite(path),
        _ if second_sqlite(path) => {}
        _ => imitate_sqlite(path),
    }
    say("visit");
    assert_eq!(crate::stage::told().as_deref(), Some("go on"));
    let is_there = inode(&beside(path, "-wal")) == log;
    say(if is_there { "the log is still there" } else { "the log is gone" });
    match record(&meter, "u", "after", EACH) {
        Ok(()) => say("acknowledged"),
        Err(error) => say(&format!("refused: {}", error.code())),
    }
    // A kill: nothing is closed in order.
    // SAFETY: it ends this process.
    unsafe { libc::_exit(0) }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn inode(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|found| found.ino())
}

fn read_plainly(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut bytes = Vec::new();
        File::open(beside(path, suffix)).unwrap().read_to_end(&mut bytes).unwrap();
        assert!(!bytes.is_empty());
    }
}

/// The calls of another SQLite that opens, reads and closes: a shared lock, then an exclusive
/// one, and when that is granted it is the last and deletes the log.
fn imitate_sqlite(path: &Path) {
    const PENDING: i64 = 0x4000_0000;
    let (main, index) = (file(path), file(&beside(path, "-shm")));
    let _shared = lock(&main, libc::F_RDLCK, PENDING + 2, 510);
    let _in_use = lock(&index, libc::F_RDLCK, 128, 1);
    drop(index);
    if lock(&main, libc::F_WRLCK, PENDING + 2, 510) {
        std::fs::remove_file(beside(path, "-wal")).unwrap();
        std::fs::remove_file(beside(path, "-shm")).unwrap();
    }
}

fn file(path: &Path) -> File {
    File::options().read(true).write(true).open(path).unwrap()
}

fn lock(file: &File, kind: c_int, start: i64, length: i64) -> bool {
    // SAFETY: a lock is plain numbers; the file is open.
    unsafe {
        let mut lock: libc::flock = std::mem::zeroed();
        lock.l_type = libc::c_short::try_from(kind).unwrap();
        (lock.l_start, lock.l_len) = (start, length);
        libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const lock) == 0
    }
}

/// Opens, reads and closes the file by the system's own SQLite; false when there is none.
fn second_sqlite(path: &Path) -> bool {
    type Open = unsafe extern "C" fn(*const c_char, *mut *mut c_void) -> c_int;
    type Exec = unsafe extern "C" fn(
        *mut c_void,
        *const c_char,
        *const c_void,
        *mut c_void,
        *mut *mut c_char,
    ) -> c_int;
    type Close = unsafe extern "C" fn(*mut c_void) -> c_int;
    let path = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the functions have these types in every SQLite 3; it stays loaded.
    unsafe {
        let flags = libc::RTLD_NOW | libc::RTLD_LOCAL | libc::RTLD_DEEPBIND;
        let library = libc::dlopen(c"libsqlite3.so.0".as_ptr(), flags);
        if library.is_null() {
            return false;
        }
        let find = |name: &CStr| {
            let found = libc::dlsym(library, name.as_ptr());
            assert!(!found.is_null());
            found
        };
        let open: Open = std::mem::transmute(find(c"sqlite3_open"));
        let exec: Exec = std::mem::transmute(find(c"sqlite3_exec"));
        let close: Close = std::mem::transmute(find(c"sqlite3_close"));
        assert_ne!(open as usize, rusqlite::ffi::sqlite3_open as *const () as usize);
        let mut connection = std::ptr::null_mut();
        assert_eq!(open(path.as_ptr(), &raw mut connection), 0);
        let (none, nobody) = (std::ptr::null(), std::ptr::null_mut());
        let sql = c"SELECT count(*) FROM calls".as_ptr();
        assert_eq!(exec(connection, sql, none, nobody, std::ptr::null_mut()), 0);
        assert_eq!(close(connection), 0);
    }
    true
}

fn visit(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let count: i64 =
        connection.query_row("SELECT count(*) FROM calls", [], |row| row.get(0)).unwrap();
    assert!(count >= 0);
    connection.close().unwrap();
}

fn write_notes(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(std::time::Duration::from_mins(1)).unwrap();
    connection.execute_batch("CREATE TABLE host_notes (note TEXT)").unwrap();
    for note in 0..200 {
        connection.execute("INSERT INTO host_notes VALUES (?1)", [note]).unwrap();
    }
    say("wrote 200");
}
