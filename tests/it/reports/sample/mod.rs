//! The shipped sample: every number of every report recomputed from its calls by plain SQL.
//!
//! The trace gives times and tokens. It is moved and stretched to four months, and dealt to four
//! users and five models, so that there are months, limits that are reached, and failures.

mod days;
mod now;

use std::sync::OnceLock;

use alwrity_metering::{
    CallRecord, Cell, Clock, Limit, ManualClock, Maximum, Meter, Metric, Operation, Options,
    Subscribe, Synchronous, Timestamp, Usage,
};
use tempfile::TempDir;

use super::at;

/// The user whose numbers are checked.
const USER: &str = "user-1";

/// In the middle of the last usage period.
const NOW: &str = "2026-01-29T12:00:00Z";

/// What a minute of the trace becomes.
const STRETCH: i64 = 60;

const FIRST: &str = "2025-10-01T05:00:00Z";
const SUBSCRIBED: &str = "2025-10-31T08:00:00Z";

/// The user's periods, written by hand: start, end, label, and the plan.
const PERIODS: [[&str; 4]; 4] = [
    ["2025-10-01T00:00:00Z", SUBSCRIBED, "2025-10", "free"],
    [SUBSCRIBED, "2025-11-30T08:00:00Z", "2025-10", "basic"],
    ["2025-11-30T08:00:00Z", "2025-12-31T08:00:00Z", "2025-11", "basic"],
    ["2025-12-31T08:00:00Z", "2026-01-31T08:00:00Z", "2025-12", "basic"],
];

/// The meter that has the sample.
struct Sample {
    meter: Meter,
    _folder: TempDir,
}

/// It is played once, and only read after that.
fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(play)
}

fn play() -> Sample {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(at(FIRST));
    let options = Options {
        clock: Clock::Manual(clock.clone()),
        synchronous: Synchronous::Normal,
        ..Options::default()
    };
    let meter = Meter::open(folder.path().join("metering.db"), options).unwrap();
    meter.seed("default").unwrap();
    lower_basic(&meter);
    let mut is_subscribed = false;
    for chunk in records().chunks(25) {
        let last = chunk.last().unwrap().occurred_at.unwrap();
        // A chunk that the subscription would begin in comes after it: late by some hours.
        if !is_subscribed && last >= at(SUBSCRIBED) {
            clock.set(at(SUBSCRIBED));
            for user in 0..4 {
                let wish = Subscribe::monthly("basic").paid("ch_1");
                meter.subscribe(&format!("user-{user}"), &wish).unwrap();
            }
            is_subscribed = true;
        }
        clock.set(last.max(clock.now()));
        meter.record_calls(chunk).into_iter().for_each(|receipt| drop(receipt.unwrap()));
    }
    clock.set(at(NOW));
    Sample { meter, _folder: folder }
}

/// The Basic plan with maxima that the sample reaches, and a limit of each kind.
fn lower_basic(meter: &Meter) {
    let mut basic = meter.plans().unwrap().remove(1);
    for limit in &mut basic.limits {
        match limit.name.as_str() {
            "gemini_calls" => limit.maximum = Maximum::AtMost(13),
            "openai_tokens" => limit.maximum = Maximum::AtMost(52_000),
            "monthly_cost" => limit.maximum = Maximum::AtMost(160_000_000_000),
            _ => {}
        }
    }
    let chats = Limit::new("chat_tokens", Metric::Tokens, Maximum::AtMost(1_000_000)).unwrap();
    basic.limits.push(chats.for_operation(Operation::chat()));
    meter.put_plan(&basic).unwrap();
}

/// The calls of the shipped trace.
fn records() -> Vec<CallRecord> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sample_trace.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<(Timestamp, i64, i64)> = text.lines().skip(1).map(row).collect();
    let first = rows[0].0;
    let moved = |when: Timestamp| at(FIRST).plus_micros(when.micros_since(first) * STRETCH);
    let records = rows.iter().enumerate().map(|(n, (when, input, output))| CallRecord {
        occurred_at: Some(moved(*when)),
        ..record(n, *input, *output)
    });
    records.collect()
}

fn row(line: &str) -> (Timestamp, i64, i64) {
    let fields: Vec<&str> = line.split(',').collect();
    let when = fields[0].replace(' ', "T") + "Z";
    (at(&when), fields[1].parse().unwrap(), fields[2].parse().unwrap())
}

fn record(n: usize, input: i64, output: i64) -> CallRecord {
    let models = [
        ("openai", "gpt-4o-mini"),
        ("gemini", "gemini-2.5-pro"),
        ("openai", "gpt-4o"),
        ("tavily", ""),
        ("nobody", "unpriced-1"),
    ];
    // The last is rare: a use of unknown cost has no hint.
    let place = if n.is_multiple_of(97) { 4 } else { n / 4 % 4 };
    let (provider, model) = models[place];
    let usage = if provider == "tavily" { Usage::none() } else { Usage::tokens(input, output) };
    let mut call = CallRecord::new(&format!("user-{}", n % 4), provider, model, usage);
    if n.is_multiple_of(13) {
        (call.status_code, call.usage) = (503, Usage::none());
    }
    if !n.is_multiple_of(17) {
        call.details.response_time_ms = Some(150 + input / 20 + output * 7);
    }
    call
}

impl Sample {
    /// The rows of a query, every value as text. It may read the tables `own`, the user's calls
    /// with the names that they refer to and the period that they fall into, and `period`.
    fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let periods = PERIODS.map(|[starts_at, ends_at, label, plan]| {
            let (from, to) = (at(starts_at).micros(), at(ends_at).micros());
            format!("({from}, {to}, '{label}', '{plan}')")
        });
        let sql = format!(
            "WITH period(starts_at, ends_at, label, plan_id) AS (VALUES {}), \
             own AS (SELECT c.*, p.provider, m.model, o.operation, period.label, \
                 period.starts_at AS period_at, \
                 strftime('%Y-%m-%d', c.occurred_at_us / 1000000, 'unixepoch') AS day, \
                 c.input_tokens + c.output_tokens AS tokens, \
                 c.call_count * (c.status_code >= 400) AS failed, \
                 c.call_count * (c.cost_pico_usd IS NULL) AS unpriced, \
                 c.call_count * NOT (c.status_code >= 400 AND c.input_tokens + c.output_tokens \
                     + c.searches = 0) AS billable \
             FROM calls c JOIN users u ON u.id = c.user_id AND u.user = '{USER}' \
             JOIN providers p ON p.id = c.provider_id JOIN models m ON m.id = c.model_id \
             JOIN operations o ON o.id = c.operation_id \
             JOIN period ON c.occurred_at_us >= period.starts_at \
                 AND c.occurred_at_us < period.ends_at) {sql}",
            periods.join(", ")
        );
        let shown = |cell: Cell| match cell {
            Cell::Null => "-".to_owned(),
            Cell::Integer(number) => number.to_string(),
            Cell::Real(number) => number.to_string(),
            Cell::Text(text) => text,
            Cell::Blob(bytes) => format!("{bytes:?}"),
        };
        let table = self.meter.query(&sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
        table.rows.into_iter().map(|row| row.into_iter().map(shown).collect()).collect()
    }
}

/// A row as [`Sample::rows`] shows it.
fn line<const N: usize>(values: [&dyn std::fmt::Display; N]) -> Vec<String> {
    values.iter().map(|value| (*value).to_string()).collect()
}

/// A value that may be missing, as [`Sample::rows`] shows it.
fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[test]
fn the_sample_has_what_its_reports_are_checked_with() {
    let sample = sample();
    let counts = sample.rows(
        "SELECT count(*) = 500, count(DISTINCT label) = 3, count(DISTINCT provider) = 4, \
         sum(failed) > 0, sum(unpriced) > 0, sum(response_time_ms IS NULL) > 0, \
         sum(period_at != period_starts_at_us) FROM own",
    );
    assert_eq!(counts, [["1", "1", "1", "1", "1", "1", "0"]], "every call in its period");
}
