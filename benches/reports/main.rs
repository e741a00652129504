//! Reports of one user in stores of 10 000, 100 000 and 1 million calls, and what checking alerts
//! costs a record.
//!
//! `cargo bench --bench reports` prints a table; `-- --json FILE` writes the figures too. The store
//! grows while it is measured, the user does not: it has 10 000 calls of five models in a year, and
//! 99 others have the rest.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::float_arithmetic)]
#![allow(clippy::cast_precision_loss, reason = "times for people")]

use std::path::Path;
use std::time::{Duration, Instant};

use alwrity_metering::domain::alert::{highest_reached, is_told, reached_at_this_pace};
use alwrity_metering::domain::counter::{Counter, CounterKey};
use alwrity_metering::domain::limit::Books;
use alwrity_metering::{
    CallDetails, CallRecord, Clock, Compare, FindHints, ManualClock, Maximum, Meter, Money,
    Operation, Options, Plan, Span, Subscribe, Synchronous, Timestamp, Usage, Window,
};

const USERS: usize = 100;
/// The user that is measured has the first calls, as many in every store.
const USER: &str = "user-0";
const OWN_CALLS: usize = 10_000;
/// A year of hours, whatever the number of calls.
const HOURS: usize = 365 * 24;
const MODELS: [(&str, &str); 5] = [
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-4o"),
    ("gemini", "gemini-2.5-flash"),
    ("anthropic", "claude-sonnet-4-5"),
    ("tavily", ""),
];

/// A figure, and the most that it should be, if that was promised.
struct Figure {
    name: String,
    value: f64,
    goal: Option<f64>,
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let mut figures = Vec::new();
    reports(folder.path(), &mut figures);
    alerts(folder.path(), &mut figures);
    println!("{:<48} {:>10}  {:<7} met", "what", "figure", "goal");
    for Figure { name, value, goal } in &figures {
        let goal = goal.map_or_else(String::new, |goal| {
            format!("≤ {goal:<5} {}", if *value <= goal { "yes" } else { "NO" })
        });
        println!("{}", format!("{name:<48} {value:>10.1}  {goal}").trim_end());
    }
    if let Some(path) = json_path() {
        let figures: serde_json::Map<_, _> =
            figures.into_iter().map(|own| (own.name, own.value.into())).collect();
        std::fs::write(path, serde_json::to_string_pretty(&figures).unwrap()).unwrap();
    }
}

fn json_path() -> Option<String> {
    std::env::args().skip_while(|arg| arg != "--json").nth(1)
}

fn starts_at() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

/// The `n`-th call, at an hour of the year that the calls of every store are spread over.
fn record(n: usize) -> CallRecord {
    let number = |n: usize| i64::try_from(n).unwrap();
    let user = if n < OWN_CALLS { 0 } else { 1 + n % (USERS - 1) };
    let (provider, model) = MODELS[n % MODELS.len()];
    let usage = match provider {
        "tavily" => Usage::none(),
        _ => Usage::tokens(number(400 + (n * 37) % 1500), number(50 + (n * 13) % 700)),
    };
    let hour = number((n * 7919) % HOURS);
    CallRecord {
        occurred_at: Some(starts_at().plus_micros(hour * 3_600_000_000)),
        details: CallDetails {
            response_time_ms: Some(300 + number(n * 7 % 4000)),
            ..CallDetails::default()
        },
        ..CallRecord::new(&format!("user-{user}"), provider, model, usage)
    }
}

fn meter(path: &Path, clock: &ManualClock) -> Meter {
    let options = Options {
        clock: Clock::Manual(clock.clone()),
        synchronous: Synchronous::Normal,
        ..Options::default()
    };
    let meter = Meter::open(path, options).unwrap();
    meter.seed("default").unwrap();
    for user in 0..USERS {
        meter
            .subscribe(&format!("user-{user}"), &Subscribe::monthly("pro").waived("test"))
            .unwrap();
    }
    meter
}

fn reports(folder: &Path, figures: &mut Vec<Figure>) {
    let clock = ManualClock::at(starts_at());
    let meter = meter(&folder.join("reports.db"), &clock);
    clock.set(starts_at().plus_micros(i64::try_from(HOURS).unwrap() * 3_600_000_000 - 1));
    let mut recorded = 0;
    for calls in [OWN_CALLS, 100_000, 1_000_000] {
        for n in recorded..calls {
            meter.queue_call(&record(n)).unwrap();
        }
        meter.flush().unwrap();
        assert_eq!(meter.queued_failures(), 0);
        recorded = calls;
        let mut figure = |name: &str, goal, one: &dyn Fn()| {
            let name = format!("{name}, {calls} calls, µs");
            figures.push(Figure { name, value: median_micros(one), goal });
        };
        let at_once = Some(100.0);
        figure("dashboard", at_once, &|| drop(meter.dashboard(USER).unwrap()));
        figure("trends(12)", at_once, &|| drop(meter.trends(USER, 12).unwrap()));
        figure("usage_summary", None, &|| {
            drop(meter.usage_summary(USER, &"current".parse().unwrap()).unwrap());
        });
        figure("daily_trends(30)", None, &|| drop(meter.daily_trends(USER, 30).unwrap()));
        figure("compare(30 days)", None, &|| {
            drop(meter.compare(USER, &Compare::default()).unwrap());
        });
        figure("hints(30 days)", None, &|| {
            drop(meter.hints(USER, &FindHints::default()).unwrap());
        });
    }
}

/// The median of rounds, each long enough to be measured.
fn median_micros(one: &dyn Fn()) -> f64 {
    const REPEATS: u32 = 20;
    one();
    let mut rounds: Vec<Duration> = (0..31)
        .map(|_| {
            let started = Instant::now();
            (0..REPEATS).for_each(|_| one());
            started.elapsed() / REPEATS
        })
        .collect();
    rounds.sort_unstable();
    rounds[rounds.len() / 2].as_secs_f64() * 1e6
}

/// What a record in batches of 100 takes, with the twenty limits of a plan and the same plan
/// without a maximum, in turn: the difference is what limits, thresholds and alerts cost.
fn alerts(folder: &Path, figures: &mut Vec<Figure>) {
    let clock = ManualClock::at(starts_at());
    let watched = meter(&folder.join("alerts.db"), &clock);
    let unwatched = meter(&folder.join("unwatched.db"), &clock);
    let mut plan = pro(&unwatched);
    plan.limits.iter_mut().for_each(|limit| limit.maximum = Maximum::Unlimited);
    unwatched.put_plan(&plan).unwrap();
    clock.set(starts_at().plus_micros(20 * 24 * 3_600_000_000));
    let mut n = OWN_CALLS;
    let mut rounds: [Vec<Duration>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..200 {
        let batch: Vec<CallRecord> =
            (n..n + 100).map(|n| CallRecord { occurred_at: None, ..record(n) }).collect();
        n += 100;
        for (meter, rounds) in [&watched, &unwatched].into_iter().zip(&mut rounds) {
            let started = Instant::now();
            assert!(meter.record_calls(&batch).iter().all(Result::is_ok));
            rounds.push(started.elapsed());
        }
    }
    let [with, without] = rounds.map(|mut rounds| {
        rounds.sort_unstable();
        rounds[rounds.len() / 2].as_secs_f64() * 1e6 / 100.0
    });
    let mut figure = |name: &str, value, goal| {
        figures.push(Figure { name: name.to_owned(), value, goal });
    };
    figure("record_call in a batch of 100, NORMAL, µs", with, None);
    figure("the same, no limit has a maximum, µs", without, None);
    figure(
        "limits and their alerts, percent of a record",
        100.0 * (with - without) / with,
        Some(10.0),
    );
    figure("of that, comparing every limit, µs", check_micros(&watched, clock.now()), None);
}

fn pro(meter: &Meter) -> Plan {
    meter.plans().unwrap().into_iter().find(|plan| plan.id == "pro").unwrap()
}

/// Every limit of the user's plan against the counters of five models, as a record does it.
fn check_micros(meter: &Meter, now: Timestamp) -> f64 {
    let plan = pro(meter);
    let usage_period = Span { starts_at: starts_at(), ends_at: starts_at().plus_months(1) };
    let counters: Vec<(CounterKey, Counter)> = MODELS
        .iter()
        .map(|(provider, model)| {
            let key = CounterKey {
                window: Window::Period,
                starts_at: usage_period.starts_at,
                provider: (*provider).to_owned(),
                operation: Operation::new(if model.is_empty() { "search" } else { "chat" })
                    .unwrap(),
            };
            let cost = Money::from_pico_usd(1_000_000_000);
            (key, Counter { calls: 90, limited_calls: 90, cost, ..Counter::default() })
        })
        .collect();
    let books = Books { at: now, now, usage_period, counters: &counters, holds: &[] };
    median_micros(&|| {
        for limit in &plan.limits {
            let used = books.used(limit);
            if let Some(threshold) = highest_reached(limit, used) {
                std::hint::black_box(is_told(&[], limit, threshold, usage_period.starts_at));
            }
            std::hint::black_box(reached_at_this_pace(limit, used, usage_period, now));
        }
    })
}
