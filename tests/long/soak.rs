//! Soak: some processes that do everything at once, are killed at random, and start again.
//!
//! `DURATION_S` (300), `PROCESSES` (4), `LIMIT` (500) and `SEED` come from the environment. Each
//! process writes into a journal of its own what it is about to do and what was acknowledged. At
//! the end every acknowledged call is looked for, and `verify` runs. It prints a row of
//! docs/reliability.md.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program that tests stops at the first thing that is wrong"
)]

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use alwrity_metering::{
    CallFilter, CallKey, CallOutcome, CallRecord, CallRequest, Cell, Limit, Maximum, Meter, Metric,
    Options, Page, PeriodChoice, Plan, Reservation, Subscribe, Usage,
};

const USERS: u64 = 20;
/// How often the user `capped` may call.
const CAP: u64 = 500;

/// Random numbers; a seed makes a run another one.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % sides
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    if let (Some(path), Some(journal)) = (arguments.next(), arguments.next()) {
        let seed = u64::from(std::process::id());
        return work(Path::new(&path), Path::new(&journal), seed);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("soak.db");
    prepare(&path);
    let (kills, journals) = storm(&path, folder.path());
    tell(&path, &journals, kills);
}

fn cap() -> i64 {
    i64::try_from(number("LIMIT", CAP)).unwrap()
}

fn prepare(path: &Path) {
    let meter = Meter::open(path, Options::default()).unwrap();
    meter.seed("default").unwrap();
    let pro = meter.plans().unwrap().into_iter().find(|plan| plan.id == "pro").unwrap();
    let limits = vec![Limit::new("calls", Metric::Calls, Maximum::AtMost(cap())).unwrap()];
    meter.put_plan(&Plan { id: "capped".into(), limits, ..pro }).unwrap();
    meter.subscribe("capped", &Subscribe::monthly("capped").waived("a test")).unwrap();
}

/// Runs the processes and kills them at random; how many were killed, and all journals.
fn storm(path: &Path, folder: &Path) -> (usize, Vec<PathBuf>) {
    let until = Instant::now() + Duration::from_secs(number("DURATION_S", 300));
    let mut dice = Dice(number("SEED", u64::from(std::process::id())));
    let mut journals = Vec::new();
    let start = |journals: &mut Vec<PathBuf>| -> Child {
        journals.push(folder.join(format!("journal-{}", journals.len())));
        let journal = journals.last().unwrap();
        Command::new(std::env::current_exe().unwrap())
            .args([path, journal])
            .stdin(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut running: Vec<Child> =
        (0..number("PROCESSES", 4)).map(|_| start(&mut journals)).collect();
    let mut kills = 0;
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(200 + dice.roll(1500)));
        let place = usize::try_from(dice.roll(u64::try_from(running.len()).unwrap())).unwrap();
        if let Some(status) = running[place].try_wait().unwrap() {
            panic!("a process ended by itself: {status}");
        }
        running[place].kill().unwrap();
        running[place].wait().unwrap();
        kills += 1;
        running[place] = start(&mut journals);
    }
    for mut child in running {
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    (kills, journals)
}

/// The users and keys of the lines that begin with a mark.
fn noted(journals: &[PathBuf], mark: char) -> Vec<(String, String)> {
    let mut noted = Vec::new();
    for journal in journals {
        let text = std::fs::read_to_string(journal).unwrap_or_default();
        let mut lines: Vec<&str> = text.split('\n').collect();
        // What has no end was written by nobody.
        lines.pop();
        for line in lines.iter().filter(|line| line.starts_with(mark)) {
            let (user, key) = line[1..].split_once(' ').unwrap();
            noted.push((user.to_owned(), key.to_owned()));
        }
    }
    noted
}

fn tell(path: &Path, journals: &[PathBuf], kills: usize) {
    let options = Options { query_rows_max: 1_000_000, ..Options::default() };
    let meter = Meter::open(path, options).unwrap();
    // What was begun and not acknowledged is repeated by its key: it may be there or not.
    let (begun, acknowledged) = (noted(journals, '?'), noted(journals, '!'));
    let known: HashSet<&(String, String)> = acknowledged.iter().collect();
    let open: Vec<_> = begun.iter().filter(|one| !known.contains(one)).collect();
    // What the capped user only reserved or was refused is none of them.
    let repeated: Vec<_> = open.iter().filter(|(user, _)| user != "capped").collect();
    for (user, key) in &repeated {
        meter.record_call(&call(user, key)).unwrap();
    }
    let there = keys(&meter);
    let key = |(user, key): &(String, String)| CallKey::new(user, key).to_string();
    let lost = acknowledged.iter().filter(|one| !there.contains(&key(one))).count();
    let expected: HashSet<_> = begun.iter().map(&key).collect();
    let unasked = there.iter().filter(|key| !expected.contains(*key)).count();
    let rows = one(&meter, "SELECT count(*) FROM calls");
    let doubled = rows - i64::try_from(there.len()).unwrap() + i64::try_from(unasked).unwrap();
    let period = PeriodChoice::All;
    let capped = meter.usage_summary("capped", &period).unwrap().total_calls;
    let over = (capped - cap()).max(0);
    let checks = meter.verify().unwrap();
    let wrong: Vec<_> = checks.iter().filter(|check| !check.is_ok).collect();
    let (processes, seconds) = (number("PROCESSES", 4), number("DURATION_S", 300));
    println!("| test | rounds | acknowledged | lost | doubled | over the cap |");
    println!("|---|---|---|---|---|---|");
    println!(
        "| soak, {processes} processes, {seconds} s | {kills} kills | {} | {lost} | {doubled} \
         | {over} |",
        acknowledged.len()
    );
    println!(
        "\n{} were under way when a process died; the capped user made {capped}",
        repeated.len()
    );
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!((lost, doubled, over), (0, 0, 0));
}

/// All keys of the store, as hexadecimal text, in pages.
fn keys(meter: &Meter) -> HashSet<String> {
    let (mut keys, mut last) = (HashSet::new(), String::new());
    loop {
        let sql = format!(
            "SELECT lower(hex(key)) FROM call_keys WHERE key > x'{last}' ORDER BY key LIMIT 500000"
        );
        for mut row in meter.query(&sql).unwrap().rows {
            let Some(Cell::Text(key)) = row.pop() else { panic!("{row:?}") };
            last.clone_from(&key);
            keys.insert(key);
        }
        if i64::try_from(keys.len()).unwrap() >= one(meter, "SELECT count(*) FROM call_keys") {
            return keys;
        }
    }
}

fn one(meter: &Meter, sql: &str) -> i64 {
    match meter.query(sql).unwrap().rows[0][0] {
        Cell::Integer(number) => number,
        ref other => panic!("{other:?}"),
    }
}

fn call(user: &str, key: &str) -> CallRecord {
    let usage = Usage::tokens(1000, 200);
    let call = CallRecord::new(user, "gemini", "gemini-2.5-flash", usage);
    CallRecord { idempotency_key: Some(key.to_owned()), ..call }
}

/// What a process does until it is killed.
fn work(path: &Path, journal: &Path, seed: u64) {
    let mut dice = Dice(seed);
    let meter = Meter::open(path, Options::default()).unwrap();
    let mut journal = std::fs::File::create(journal).unwrap();
    let mut note = |mark: char, user: &str, key: &str| {
        journal.write_all(format!("{mark}{user} {key}\n").as_bytes()).unwrap();
    };
    for round in 0_u64.. {
        let user = format!("user-{}", dice.roll(USERS));
        let key = format!("{seed}-{round}");
        match dice.roll(20) {
            0..8 => {
                note('?', &user, &key);
                meter.record_call(&call(&user, &key)).unwrap();
                note('!', &user, &key);
            }
            8..12 => {
                note('?', "capped", &key);
                if reserve_and_settle(&meter, "capped", &key, &mut dice) {
                    note('!', "capped", &key);
                }
            }
            12..14 => {
                let keys: Vec<String> = (0..20).map(|number| format!("{key}-{number}")).collect();
                for key in &keys {
                    note('?', &user, key);
                }
                let batch: Vec<_> = keys.iter().map(|key| call(&user, key)).collect();
                for (key, answer) in keys.iter().zip(meter.record_calls(&batch)) {
                    answer.unwrap();
                    note('!', &user, key);
                }
            }
            14 => {
                note('?', &user, &key);
                meter.queue_call(&call(&user, &key)).unwrap();
                meter.flush().unwrap();
                note('!', &user, &key);
            }
            15 => drop(meter.usage_summary(&user, &PeriodChoice::Current).unwrap()),
            16 => drop(meter.limits(&user).unwrap()),
            17 => drop(meter.calls(&user, &CallFilter::default(), Page::default()).unwrap()),
            18 if dice.roll(200) == 0 => drop(meter.rebuild().unwrap()),
            _ => drop(meter.check_limit(&request(&user, &key)).unwrap()),
        }
    }
}

fn request(user: &str, key: &str) -> CallRequest {
    let request = CallRequest::new(user, "gemini", "gemini-2.5-flash").with_tokens(1000, 200);
    CallRequest { idempotency_key: Some(key.to_owned()), ..request }
}

/// Whether the call was recorded; some are released, and some left to expire.
fn reserve_and_settle(meter: &Meter, user: &str, key: &str, dice: &mut Dice) -> bool {
    let Reservation::Granted(hold) = meter.reserve(&request(user, key)).unwrap() else {
        return false;
    };
    match dice.roll(10) {
        0 => {
            meter.release(user, hold.hold_id).unwrap();
            false
        }
        1 => false,
        _ => {
            let outcome = CallOutcome::from(Usage::tokens(1000, 200));
            meter.settle(user, hold.hold_id, &outcome).unwrap();
            true
        }
    }
}
