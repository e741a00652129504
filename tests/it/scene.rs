//! A scene: a meter on a file of its own, filled with the shipped catalogue, and a clock that
//! only the test moves.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use alwrity_metering::{
    CallPage, CallRecord, CallRequest, Cell, Clock, Decision, HoldReceipt, LimitChange, LimitState,
    ManualClock, Meter, Options, Page, Reservation, Synchronous, Timestamp, Usage,
};

use crate::conformance::samples::at;

/// Noon of a day in the first price list's time; nothing of it depends on the real clock.
pub(crate) const NOON: &str = "2025-10-07T12:00:00Z";

/// A day of the second price list's time.
pub(crate) const SECOND_LIST: &str = "2026-12-07T12:00:00Z";

/// A file that is seeded once; every scene starts from a copy.
static SEEDED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seeded.db");
    let clock = Clock::Fixed(at("2025-09-04T00:00:00Z"));
    let meter = Meter::open(&path, Options { clock, ..quick() }).unwrap();
    meter.seed("default").unwrap();
    // Closing the last handle writes the log back, so that the one file is everything.
    drop(meter);
    std::fs::read(&path).unwrap()
});

/// Options without an fsync for each commit: what is asserted does not depend on power cuts.
pub(crate) fn quick() -> Options {
    Options { synchronous: Synchronous::Normal, ..Options::default() }
}

/// Writes a seeded store, for its owner alone.
pub(crate) fn write_seeded(path: &Path) {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.unwrap().write_all(&SEEDED).unwrap();
}

/// A meter, its file and its clock.
pub(crate) struct Scene {
    pub(crate) meter: Meter,
    pub(crate) clock: ManualClock,
    folder: tempfile::TempDir,
    options: Options,
}

impl Scene {
    /// A scene with the default options, at [`NOON`].
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A scene with other options.
    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_seeded(&folder.path().join("metering.db"));
        let clock = ManualClock::at(at(NOON));
        let mut options = Options { clock: Clock::Manual(clock.clone()), ..quick() };
        change(&mut options);
        let meter = Meter::open(folder.path().join("metering.db"), options.clone()).unwrap();
        Self { meter, clock, folder, options }
    }

    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("metering.db")
    }

    /// The same scene after the file was closed and opened again.
    pub(crate) fn reopened(self) -> Self {
        let Self { meter, clock, folder, options } = self;
        drop(meter);
        let meter = Meter::open(folder.path().join("metering.db"), options.clone()).unwrap();
        Self { meter, clock, folder, options }
    }

    /// Moves the clock to an instant.
    pub(crate) fn at(&self, text: &str) -> Timestamp {
        self.clock.set(at(text));
        at(text)
    }
}

/// A chat of these tokens with gemini-2.5-flash, under that key.
pub(crate) fn chat(user: &str, key: &str, input_tokens: i64, output_tokens: i64) -> CallRecord {
    let usage = Usage::tokens(input_tokens, output_tokens);
    CallRecord {
        idempotency_key: Some(key.to_owned()),
        ..CallRecord::new(user, "gemini", "gemini-2.5-flash", usage)
    }
}

/// A call of any provider and operation, under that key.
pub(crate) fn call(user: &str, key: &str, what: (&str, &str, &str), usage: Usage) -> CallRecord {
    let (provider, operation, model) = what;
    CallRecord {
        idempotency_key: Some(key.to_owned()),
        operation: Some(operation.to_owned()),
        ..CallRecord::new(user, provider, model, usage)
    }
}

/// The request for a chat of these tokens with gemini-2.5-flash, under that key.
pub(crate) fn ask(user: &str, key: &str, input_tokens: i64, max_output_tokens: i64) -> CallRequest {
    CallRequest {
        idempotency_key: Some(key.to_owned()),
        ..CallRequest::new(user, "gemini", "gemini-2.5-flash")
            .with_tokens(input_tokens, max_output_tokens)
    }
}

/// The request for any provider and operation.
pub(crate) fn ask_of(user: &str, what: (&str, &str, &str)) -> CallRequest {
    let (provider, operation, model) = what;
    CallRequest { operation: Some(operation.to_owned()), ..CallRequest::new(user, provider, model) }
}

/// A user's own limit of that name.
pub(crate) fn limit(name: &str, maximum: &str) -> LimitChange {
    LimitChange { name: name.into(), maximum: maximum.into(), ..LimitChange::default() }
}

/// Reserves what must be granted.
pub(crate) fn granted(meter: &Meter, request: &CallRequest) -> HoldReceipt {
    match meter.reserve(request).unwrap() {
        Reservation::Granted(hold) => *hold,
        other => panic!("not granted: {other:?}"),
    }
}

/// Reserves what must be refused.
pub(crate) fn refused(meter: &Meter, request: &CallRequest) -> Decision {
    match meter.reserve(request).unwrap() {
        Reservation::Refused(decision) => *decision,
        other => panic!("not refused: {other:?}"),
    }
}

/// Where a user stands with the limit of that name.
pub(crate) fn state(meter: &Meter, user: &str, name: &str) -> LimitState {
    let limits = meter.limits(user).unwrap().limits;
    limits.into_iter().find(|limit| limit.name == name).unwrap()
}

/// What is used and what is held of a limit.
pub(crate) fn used_and_held(meter: &Meter, user: &str, name: &str) -> (i64, i64) {
    let state = state(meter, user, name);
    (state.used.number(), state.held.number())
}

/// The total cost of the running period, as text.
pub(crate) fn cost(meter: &Meter, user: &str) -> String {
    meter.usage_summary(user, &"current".parse().unwrap()).unwrap().total_cost.to_string()
}

/// All calls of a user, newest first.
pub(crate) fn log(meter: &Meter, user: &str) -> CallPage {
    meter.calls(user, &Default::default(), Page { limit: 5000, ..Page::default() }).unwrap()
}

/// The rows that a statement reads.
pub(crate) fn rows(meter: &Meter, sql: &str) -> Vec<Vec<Cell>> {
    meter.query(sql).unwrap().rows
}

/// The one number that a statement reads.
pub(crate) fn number(meter: &Meter, sql: &str) -> i64 {
    match rows(meter, sql).as_slice() {
        [row] => match row.as_slice() {
            [Cell::Integer(number)] => *number,
            other => panic!("no number: {other:?}"),
        },
        other => panic!("not one row: {other:?}"),
    }
}

/// Asserts that the ledger, counters, rollups and holds agree.
pub(crate) fn assert_verified(meter: &Meter) {
    let checks = meter.verify().unwrap();
    assert!(!checks.is_empty());
    assert_eq!(checks.iter().find(|check| !check.is_ok), None);
}
