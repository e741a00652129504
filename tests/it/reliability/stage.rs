//! Stage: processes that play a role. A worker is this test binary, started again; it tells what
//! happens on its standard error, one line each, and hears on its standard input.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use alwrity_metering::{
    Amount, CallKey, CallRecord, Error, Limit, Matcher, Maximum, Meter, Metric, Money, Options,
    Plan, PriceVersion, Rate, Tier, Unit, Usage, Variant,
};

/// The environment variable that makes this binary a worker: its role and its arguments.
const ROLE: &str = "ALWRITY_METERING_TEST_ROLE";
/// A worker that says nothing for so long has hung.
const SILENCE_MAX: Duration = Duration::from_mins(2);

/// What a worker was started with.
pub(crate) fn role() -> Vec<String> {
    std::env::var(ROLE).unwrap_or_default().split('\n').map(str::to_owned).collect()
}

/// A running worker. It is killed when dropped.
pub(crate) struct Worker {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
    input: Option<ChildStdin>,
    _output: Option<ChildStdout>,
}

impl Worker {
    /// Starts a worker through the ignored test `entry`.
    pub(crate) fn start(entry: &str, role: &[&str]) -> Self {
        Self::start_by(Command::new(std::env::current_exe().unwrap()), entry, role)
    }

    /// Starts a worker by a command that runs this binary.
    pub(crate) fn start_by(mut command: Command, entry: &str, role: &[&str]) -> Self {
        let mut child = command
            .args(["--ignored", "--exact", entry, "--nocapture", "--test-threads=1"])
            .env(ROLE, role.join("\n"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (said, lines) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                if said.send(line).is_err() {
                    return;
                }
            }
        });
        let (input, output) = (child.stdin.take(), child.stdout.take());
        Self { child, lines, heard: Vec::new(), input, _output: output }
    }

    /// The next line that the worker says; nothing when it has ended.
    pub(crate) fn line(&mut self) -> Option<String> {
        use std::sync::mpsc::RecvTimeoutError::Timeout;
        match self.lines.recv_timeout(SILENCE_MAX) {
            Ok(line) => {
                self.heard.push(line.clone());
                Some(line)
            }
            Err(Timeout) => panic!("the worker hangs after {:?}", self.heard),
            Err(_) => None,
        }
    }

    /// Waits until the worker says exactly that.
    pub(crate) fn hear(&mut self, expected: &str) {
        let line = self.line();
        assert_eq!(line.as_deref(), Some(expected), "after {:?}", self.heard);
    }

    pub(crate) fn tell(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it come to its end, which must be a good one; what it said since the last line heard.
    pub(crate) fn finish(mut self) -> Vec<String> {
        self.input = None;
        let before = self.heard.len();
        while self.line().is_some() {}
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {:#?}", self.heard);
        self.heard.split_off(before)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Says a line to the process that started this worker.
pub(crate) fn say(line: &str) {
    let mut errors = std::io::stderr().lock();
    errors.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// The next line that was told to this worker; nothing at the end.
pub(crate) fn told() -> Option<String> {
    let mut line = String::new();
    let length = std::io::stdin().lock().read_line(&mut line).unwrap();
    (length > 0).then(|| line.trim_end().to_owned())
}

/// Opens a meter with the shipped catalogue.
pub(crate) fn seeded(path: &Path) -> Meter {
    let meter = open(path);
    meter.seed("default").unwrap();
    meter
}

/// Opens a meter with one plan and one price: a small file, for cases that copy it often.
pub(crate) fn small(path: &Path) -> Meter {
    let meter = open(path);
    let limits = vec![Limit::new("calls", Metric::Calls, Maximum::AtMost(1000)).unwrap()];
    let plan = Plan {
        id: "free".into(),
        name: "Free".into(),
        tier: Tier::Free,
        price_monthly_usd: Money::ZERO,
        price_yearly_usd: Money::ZERO,
        description: String::new(),
        features: Vec::new(),
        included_cost_usd: None,
        limits,
        is_active: true,
    };
    meter.put_plan(&plan).unwrap();
    let rate = |unit, amount: &str| Rate {
        unit,
        above_input_tokens: 0,
        amount: amount.parse().unwrap(),
        per: 1_000_000,
    };
    let price = PriceVersion {
        id: 0,
        provider: "gemini".into(),
        matcher: Matcher::Exact,
        model: "gemini-2.5-flash".into(),
        variant: Variant::Standard,
        operation: None,
        effective_from: "2025-01-01T00:00:00Z".parse().unwrap(),
        source: "a test".into(),
        rates: vec![rate(Unit::InputTokens, "0.30"), rate(Unit::OutputTokens, "2.50")],
    };
    meter.put_price(&price).unwrap();
    meter
}

pub(crate) fn open(path: &Path) -> Meter {
    Meter::open(path, Options::default()).unwrap()
}

/// A call of the user under a key; each costs $0.0008.
pub(crate) fn call(user: &str, key: &str) -> CallRecord {
    let usage = Usage::tokens(1000, 200);
    let call = CallRecord::new(user, "gemini", "gemini-2.5-flash", usage);
    CallRecord { idempotency_key: Some(key.to_owned()), ..call }
}

/// Records calls `{prefix}-0` to `{prefix}-{count}`, one after the other.
pub(crate) fn record(meter: &Meter, user: &str, prefix: &str, count: usize) -> Result<(), Error> {
    for number in 0..count {
        meter.record_call(&call(user, &format!("{prefix}-{number}")))?;
    }
    Ok(())
}

/// Whether anything is held for the user.
pub(crate) fn is_held(meter: &Meter, user: &str) -> bool {
    let nothing = [Amount::Count(0), Amount::Usd(Money::ZERO)];
    meter.limits(user).unwrap().limits.iter().any(|limit| !nothing.contains(&limit.held))
}

/// How many calls the ledger has.
pub(crate) fn recorded(path: &Path) -> usize {
    let table = open(path).query("SELECT count(*) FROM call_keys").unwrap();
    match table.rows[0][0] {
        alwrity_metering::Cell::Integer(count) => usize::try_from(count).unwrap(),
        ref other => panic!("{other:?}"),
    }
}

/// Whether a key of the user is in the ledger, by the table alone.
pub(crate) fn keys_recorded(meter: &Meter, user: &str, keys: &[String]) -> usize {
    let table = meter.query("SELECT key FROM call_keys").unwrap();
    let there: std::collections::HashSet<Vec<u8>> = table
        .rows
        .into_iter()
        .map(|mut row| match row.remove(0) {
            alwrity_metering::Cell::Blob(key) => key,
            other => panic!("{other:?}"),
        })
        .collect();
    keys.iter().filter(|key| there.contains(CallKey::new(user, key).as_bytes().as_slice())).count()
}

/// Asserts that ledger, counters, rollups and pages agree.
pub(crate) fn assert_verified(path: &Path) {
    let checks = open(path).verify().unwrap();
    let wrong: Vec<_> = checks.iter().filter(|check| !check.is_ok).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
