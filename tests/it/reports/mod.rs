//! Reports: every number of every report, recomputed from the ledger by plain SQL.

mod compared;
mod dashboards;
mod sample;
mod trends;

use alwrity_metering::{
    CallRecord, Cell, Clock, ManualClock, Meter, Money, Options, Subscribe, Synchronous, Timestamp,
    Usage,
};
use tempfile::TempDir;

/// A meter with two years of generated calls of two users, and its clock.
pub(crate) struct History {
    pub(crate) meter: Meter,
    pub(crate) clock: ManualClock,
    _folder: TempDir,
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The end of the history: the 31st of a month, in the middle of a usage period.
pub(crate) const NOW: &str = "2027-08-31T15:30:00Z";

/// The user whose numbers are checked: on Free at first, then on Pro from a 31st on.
pub(crate) const USER: &str = "ann";

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

pub(crate) fn history() -> History {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at(at("2025-09-10T00:00:00Z"));
    let options = Options {
        clock: Clock::Manual(clock.clone()),
        synchronous: Synchronous::Normal,
        ..Options::default()
    };
    let meter = Meter::open(folder.path().join("metering.db"), options).unwrap();
    meter.seed("default").unwrap();
    let mut numbers = Numbers(7);
    let mut records = Vec::new();
    let now = at(NOW);
    let mut is_subscribed = false;
    let mut instant = clock.now();
    while instant < now {
        if !is_subscribed && instant >= at("2026-05-31T09:00:00Z") {
            record_all(&meter, &mut records);
            clock.set(at("2026-05-31T09:00:00Z"));
            meter.subscribe(USER, &Subscribe::monthly("pro").waived("test")).unwrap();
            is_subscribed = true;
        }
        let user = if numbers.below(4) == 0 { "bob" } else { USER };
        records.push(CallRecord { occurred_at: Some(instant), ..random_call(user, &mut numbers) });
        // Between a minute and two days, with a month of silence in between.
        let step = i64::try_from(1 + numbers.below(2880)).unwrap();
        instant = instant.plus_micros(step * 60_000_000);
        if (at("2026-11-20T00:00:00Z")..at("2026-12-31T12:00:00Z")).contains(&instant) {
            instant = at("2026-12-31T12:00:00Z");
        }
    }
    record_all(&meter, &mut records);
    clock.set(now);
    History { meter, clock, _folder: folder }
}

fn record_all(meter: &Meter, records: &mut Vec<CallRecord>) {
    for receipt in meter.record_calls(records) {
        receipt.unwrap();
    }
    records.clear();
}

fn random_call(user: &str, numbers: &mut Numbers) -> CallRecord {
    let models = [
        ("openai", "gpt-4o"),
        ("openai", "gpt-4o-mini"),
        ("gemini", "gemini-2.5-pro"),
        ("tavily", ""),
        ("nobody", "unpriced-1"),
    ];
    let place = usize::try_from(numbers.below(5)).unwrap();
    let (provider, model) = models[place];
    let mut number = |bound| i64::try_from(numbers.below(bound)).unwrap();
    let usage = match provider {
        "tavily" => Usage::none(),
        _ => Usage::tokens(1 + number(50_000), 1 + number(4_000)),
    };
    let mut call = CallRecord {
        call_count: 1 + number(3) / 2,
        ..CallRecord::new(user, provider, model, usage)
    };
    if number(9) == 0 {
        (call.status_code, call.usage) = (503, Usage::none());
    }
    if number(10) > 0 {
        call.details.response_time_ms = Some(5 + number(200) * number(100));
    }
    call
}

impl History {
    /// The rows of a query, its numbers as text.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let shown = |cell: Cell| match cell {
            Cell::Null => "null".to_owned(),
            Cell::Integer(number) => number.to_string(),
            Cell::Real(number) => number.to_string(),
            Cell::Text(text) => text,
            Cell::Blob(bytes) => format!("{bytes:?}"),
        };
        let table = self.meter.query(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
        table.rows.into_iter().map(|row| row.into_iter().map(shown).collect()).collect()
    }

    /// The only number of a query.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.rows(sql)[0][0].parse().unwrap_or(0)
    }

    /// The only amount of a query, of pico-dollars.
    pub(crate) fn money(&self, sql: &str) -> Money {
        Money::from_pico_usd(self.number(sql))
    }
}

/// The calls of the user, with the names that its rows refer to.
pub(crate) const CALLS: &str = "(SELECT c.*, p.provider, m.model, o.operation FROM calls c \
    JOIN users u ON u.id = c.user_id AND u.user = 'ann' \
    JOIN providers p ON p.id = c.provider_id JOIN models m ON m.id = c.model_id \
    JOIN operations o ON o.id = c.operation_id)";
