//! Processes: exact counts and limits, whoever writes.

use std::path::Path;
use std::thread::scope;

use alwrity_metering::{
    CallOutcome, CallRequest, Limit, Maximum, Meter, Metric, PeriodChoice, Plan, Reservation,
    Subscribe, Usage,
};

use super::WORKER;
use super::stage::{Worker, assert_verified, open, record, recorded, say, seeded, told};

const LIMIT: usize = 100;

/// A plan that allows a hundred calls.
fn limited(path: &Path) -> Meter {
    let meter = seeded(path);
    let free = meter.plans().unwrap().into_iter().find(|plan| plan.id == "free").unwrap();
    let maximum = Maximum::AtMost(i64::try_from(LIMIT).unwrap());
    let limits = vec![Limit::new("calls", Metric::Calls, maximum).unwrap()];
    meter.put_plan(&Plan { id: "hundred".into(), limits, ..free }).unwrap();
    meter.subscribe("u", &Subscribe::monthly("hundred")).unwrap();
    meter
}

/// Reserves and settles one call; whether it was granted.
fn reserve_and_settle(meter: &Meter) -> bool {
    let request = CallRequest::new("u", "gemini", "gemini-2.5-flash").with_tokens(1000, 200);
    let Reservation::Granted(hold) = meter.reserve(&request).unwrap() else { return false };
    meter.settle("u", hold.hold_id, &CallOutcome::from(Usage::tokens(1000, 200))).unwrap();
    true
}

/// Reserves and settles until it is refused; how many calls passed.
fn use_up(meter: &Meter) -> usize {
    let mut passed = 0;
    while reserve_and_settle(meter) {
        passed += 1;
    }
    passed
}

/// Records on the common user and on its own between reservations, as long as any is granted;
/// how many were.
fn mix(meter: &Meter, name: &str) -> usize {
    let mut passed = 0;
    for number in 0..EACH {
        record(meter, "all", &format!("{name}-{number}"), 1).unwrap();
        passed += usize::from(reserve_and_settle(meter));
        record(meter, &format!("u{name}"), &number.to_string(), 1).unwrap();
    }
    passed + use_up(meter)
}

fn start(role: &[&str], count: usize) -> Vec<Worker> {
    let mut workers: Vec<_> = (0..count).map(|_| Worker::start(WORKER, role)).collect();
    for worker in &mut workers {
        worker.hear("ready");
    }
    for (number, worker) in workers.iter_mut().enumerate() {
        worker.tell(&number.to_string());
    }
    workers
}

fn summed(workers: Vec<Worker>) -> usize {
    let said = workers.into_iter().map(Worker::finish);
    said.map(|lines| lines[0].parse::<usize>().unwrap()).sum()
}

#[test]
fn eight_threads_pass_exactly_a_hundred_calls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    let meter = limited(&path);
    let passed = scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| use_up(&meter))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert_eq!(passed, LIMIT);
    drop(meter);
    assert_eq!(recorded(&path), LIMIT);
    assert_verified(&path);
}

#[test]
fn four_processes_pass_exactly_a_hundred_calls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metering.db");
    drop(limited(&path));
    let workers = start(&["processes", "use up", path.to_str().unwrap()], 4);
    assert_eq!(summed(workers), LIMIT);
    assert_eq!(recorded(&path), LIMIT);
    assert_verified(&path);
}

/// All of them reserve, settle and record, on one user that all share and on one of their own.
#[test]
fn two_four_and_eight_processes_reserve_settle_and_record() {
    for count in [2, 4, 8] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metering.db");
        drop(limited(&path));
        let workers = start(&["processes", "mix", path.to_str().unwrap()], count);
        let passed = summed(workers);
        let meter = open(&path);
        let used = |user: &str| {
            let summary = meter.usage_summary(user, &PeriodChoice::All).unwrap();
            usize::try_from(summary.total_calls).unwrap()
        };
        assert_eq!((passed, used("u")), (LIMIT, LIMIT), "{count} processes");
        assert_eq!(used("all"), count * EACH, "{count} processes");
        assert!((0..count).all(|number| used(&format!("u{number}")) == EACH));
        assert_eq!(recorded(&path), LIMIT + 2 * count * EACH);
        drop(meter);
        assert_verified(&path);
    }
}

/// Also the first calls of a new period, from all of them at once.
#[test]
fn two_four_and_eight_processes_lose_nothing() {
    for count in [2, 4, 8] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metering.db");
        drop(seeded(&path));
        let workers = start(&["processes", "record", path.to_str().unwrap()], count);
        let acknowledged = summed(workers);
        assert_eq!(acknowledged, count * 2 * EACH);
        let meter = open(&path);
        assert_eq!(recorded(&path), acknowledged);
        let summary = meter.usage_summary("all", &PeriodChoice::Current).unwrap();
        let shared = i64::try_from(count * EACH).unwrap();
        assert_eq!(summary.total_calls, shared);
        assert_eq!(summary.total_cost.pico_usd(), shared * 800_000_000);
        drop(meter);
        assert_verified(&path);
    }
}

/// Calls of each process on the common user, and on its own.
const EACH: usize = 60;

pub(crate) fn play(role: &[&str]) {
    let [role, path] = role else { panic!("{role:?}") };
    let meter = open(Path::new(path));
    say("ready");
    let name = told().unwrap();
    let count = match *role {
        "use up" => use_up(&meter),
        "mix" => mix(&meter, &name),
        _ => {
            record(&meter, "all", &name, EACH).unwrap();
            record(&meter, &format!("u{name}"), &name, EACH).unwrap();
            2 * EACH
        }
    };
    say(&count.to_string());
}
