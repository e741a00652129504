//! Forks: parent and child both use the meter that the parent opened.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alwrity_metering::storage::sqlite::SqliteStore;
use alwrity_metering::storage::{Changes, Head, Store, StoreOptions, View, WindowKey, Work};
use alwrity_metering::{CallKey, CallRecord, Meter, Options, Result, Synchronous, Usage};

use crate::stage::{assert_verified, open, record, recorded, say, seeded, told};

const EACH: usize = 20;

/// Plays a role in a process of its own and asserts how many calls it left, all of them well.
fn assert_leaves(role: &str, calls: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    crate::play(&["fork", role, path.to_str().unwrap()]);
    assert_eq!(recorded(&path), calls, "{role}");
    assert_verified(&path);
}

#[test]
fn parent_and_child_both_write() {
    assert_leaves("both", 3 * EACH);
}

#[test]
fn children_of_a_preloaded_parent_write() {
    assert_leaves("preload", 4 * EACH);
}

#[test]
fn a_parent_of_many_threads_forks_while_it_writes() {
    assert_leaves("threads", 8 * 5 + 4 * 50);
}

#[test]
fn a_grandchild_writes() {
    assert_leaves("nested", 4 * EACH);
}

#[test]
fn a_child_that_closes_the_meter_takes_nothing_from_its_parent() {
    assert_leaves("closing", 2 * EACH);
}

/// Children begin with the same memory: keys that are made from it would be those of siblings.
#[test]
fn children_of_one_parent_make_keys_of_their_own() {
    assert_leaves("unkeyed", 1 + 4 * 100);
}

/// A child inherits the parent's open files; did it keep them, the parent's locks would outlive
/// the parent.
#[test]
fn a_child_outlives_its_parent_and_keeps_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    let mut parent =
        crate::stage::Worker::start("worker", &["fork", "orphan", path.to_str().unwrap()]);
    parent.hear("forked");
    // The parent dies in the middle of its turn, with every lock taken.
    parent.hear("dying");
    record(&open(&path), "u", "mine", EACH).unwrap();
    parent.tell("write");
    parent.hear("the orphan wrote");
    drop(parent);
    assert_eq!(recorded(&path), 3 * EACH);
    assert_verified(&path);
}

pub(crate) fn play(role: &[&str]) {
    let [role, path] = role else { panic!("{role:?}") };
    let path = Path::new(path);
    match *role {
        "both" => both(path),
        "preload" => preload(path),
        "threads" => threads(path),
        "nested" => nested(path),
        "closing" => closing(path),
        "orphan" => orphan(path),
        "unkeyed" => unkeyed(path),
        other => panic!("{other}"),
    }
}

/// Forks; the child does that and ends at once, well or with its panic.
fn fork(child: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child only runs what a host's child would, and ends by `_exit`.
    let id = unsafe { libc::fork() };
    assert!(id >= 0);
    if id == 0 {
        let outcome = catch_unwind(AssertUnwindSafe(child));
        // SAFETY: it ends this process without running what belongs to the parent.
        unsafe { libc::_exit(i32::from(outcome.is_err())) }
    }
    id
}

fn wait(child: libc::pid_t) {
    let mut status = 0;
    // SAFETY: the child is ours and the status a place of our own.
    let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!((ended, status), (child, 0));
}

fn writing_child(meter: &Meter, prefix: &str) -> libc::pid_t {
    fork(|| record(meter, "u", prefix, EACH).unwrap())
}

fn unkeyed(path: &Path) {
    let meter = seeded(path);
    let call = CallRecord::new("u", "exa", "", Usage::none());
    meter.record_call(&call).unwrap();
    // All at the same instant, so that their clocks tell them nothing apart.
    let go = Instant::now() + Duration::from_millis(200);
    let write = || {
        while Instant::now() < go {}
        for _ in 0..100 {
            meter.queue_call(&call).unwrap();
        }
        meter.flush().unwrap();
    };
    let children: Vec<_> = (0..4).map(|_| fork(write)).collect();
    children.into_iter().for_each(wait);
}

fn both(path: &Path) {
    let meter = seeded(path);
    record(&meter, "u", "before", EACH).unwrap();
    let child = writing_child(&meter, "child");
    record(&meter, "u", "parent", EACH).unwrap();
    wait(child);
    // A foreign process that comes and goes finds the parent's locks still there.
    let visited = crate::play(&["foreign", "visitor", path.to_str().unwrap()]);
    assert!(visited.is_empty());
    meter.record_call(&crate::stage::call("u", "before-0")).unwrap();
}

fn preload(path: &Path) {
    let meter = seeded(path);
    let children: Vec<_> =
        (0..4).map(|number| writing_child(&meter, &format!("c{number}"))).collect();
    children.into_iter().for_each(wait);
}

fn threads(path: &Path) {
    let meter = seeded(path);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut writers = Vec::new();
        for thread in 0..4 {
            let (meter, is_over) = (&meter, &is_over);
            writers.push(scope.spawn(move || {
                record(meter, &format!("u{thread}"), "t", 50).unwrap();
                while !is_over.load(Ordering::Acquire) {
                    meter.usage_summary("u0", &"current".parse().unwrap()).unwrap();
                    meter.record_call(&crate::stage::call(&format!("u{thread}"), "t-0")).unwrap();
                }
            }));
        }
        for round in 0..8 {
            let child = fork(|| record(&meter, "child", &format!("c{round}"), 5).unwrap());
            wait(child);
        }
        is_over.store(true, Ordering::Release);
    });
}

fn nested(path: &Path) {
    let meter = seeded(path);
    record(&meter, "u", "a", EACH).unwrap();
    let child = fork(|| {
        record(&meter, "u", "b", EACH).unwrap();
        let grandchild = writing_child(&meter, "c");
        record(&meter, "u", "d", EACH).unwrap();
        wait(grandchild);
    });
    wait(child);
}

fn closing(path: &Path) {
    let meter = seeded(path);
    record(&meter, "u", "a", EACH).unwrap();
    let inherited = meter.clone();
    drop(meter);
    let slot = std::cell::RefCell::new(Some(inherited));
    let child = fork(|| drop(slot.borrow_mut().take()));
    wait(child);
    record(slot.borrow().as_ref().unwrap(), "u", "b", EACH).unwrap();
}

fn orphan(path: &Path) {
    let meter = seeded(path);
    record(&meter, "u", "parent", EACH).unwrap();
    let options = Options { synchronous: Synchronous::Normal, ..Options::default() };
    let store = SqliteStore::open(path, StoreOptions::from(&options)).unwrap();
    store.flush().unwrap();
    fork(|| {
        assert_eq!(told().as_deref(), Some("write"));
        record(&meter, "u", "orphan", EACH).unwrap();
        say("the orphan wrote");
    });
    say("forked");
    say("dying");
    store.submit(Box::new(Deadly)).unwrap();
    std::thread::park();
}

/// A work that ends its process in the middle of its transaction, as a crash would.
struct Deadly;

impl Work for Deadly {
    fn user(&self) -> Option<&str> {
        None
    }

    fn keys(&self) -> &[CallKey] {
        &[]
    }

    fn windows(&self, _: &Head) -> Result<Vec<WindowKey>> {
        Ok(Vec::new())
    }

    fn decide(&mut self, _: &View) -> Result<Changes> {
        // SAFETY: it kills this process.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        unreachable!()
    }

    fn finish(self: Box<Self>, _: Result<()>) {}
}
