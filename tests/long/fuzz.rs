//! Fuzz: texts from outside, bent at random: nothing panics, and what is accepted is exact.
//!
//! `DURATION_S` (60) and `SEED` come from the environment. The targets take turns; each starts
//! from texts that are right and changes, cuts, doubles or joins parts of them.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that tests stops at the first thing that is wrong"
)]

use std::time::{Duration, Instant};

use alwrity_metering::domain::catalogue_file::{
    read_aliases, read_plans, read_prices, read_providers, read_units,
};
use alwrity_metering::{CallRecord, Cell, Meter, Money, Options, Timestamp, Usage};

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        usize::try_from(self.0 >> 33).unwrap() % sides.max(1)
    }

    fn of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.roll(choices.len())]
    }
}

const PLANS: &str = include_str!("../../catalogue/plans/default.toml");
const PRICES: &str = include_str!("../../catalogue/prices/2025-09-04.csv");
const ALIASES: &str = include_str!("../../catalogue/aliases.csv");
const PROVIDERS: &str = include_str!("../../catalogue/providers.csv");
const UNITS: &str = include_str!("../../catalogue/units.csv");

const AMOUNTS: [&str; 9] =
    ["0", "0.15", "-1.5", "9223372.036854775807", "0.000000000001", "1e-6", "+3", ".5", "00012.50"];
const TIMES: [&str; 4] =
    ["2025-10-01T00:00:00Z", "1970-01-01T00:00:00+02:00", "9999-12-31T23:59:59.999999Z", "2025-02"];
const QUERIES: [&str; 10] = [
    "SELECT * FROM api_usage_logs LIMIT 3",
    "SELECT user_id, sum(total_cost_pico_usd) FROM usage_summaries GROUP BY 1",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT * FROM n",
    "SELECT count(*) FROM calls c JOIN users u ON u.id = c.user_id WHERE u.user LIKE '%u%'",
    "DELETE FROM calls",
    "UPDATE counters SET input_tokens = 0",
    "PRAGMA journal_mode = delete",
    "ATTACH DATABASE 'other.db' AS other",
    "DROP VIEW usage_summaries; SELECT 1",
    "SELECT load_extension('x'), randomblob(100), printf('%s', 'a')",
];
/// What is put into texts, beside parts of others.
const PIECES: [&str; 24] = [
    "",
    " ",
    "\n",
    "\0",
    ",",
    ";",
    "\"",
    "'",
    "--",
    "/*",
    "-",
    "9",
    "99999999999999999999",
    "é",
    "計",
    "\u{feff}",
    "[",
    "]",
    "=",
    "null",
    "unlimited",
    "1e309",
    "\r\n",
    ")",
];

/// A text that is bent in a few places.
fn bent(dice: &mut Dice, seeds: &[&str]) -> String {
    let mut text: Vec<char> = dice.of(seeds).chars().collect();
    for _ in 0..=dice.roll(6) {
        let (one, other) = (dice.roll(text.len() + 1), dice.roll(text.len() + 1));
        let (from, to) = (one.min(other), one.max(other));
        match dice.roll(5) {
            0 => drop(text.splice(from..from, dice.of(&PIECES).chars())),
            1 => drop(text.drain(from..to.min(from + 12))),
            2 => {
                let part: Vec<char> = text[from..to.min(from + 40)].to_vec();
                text.splice(other..other, part);
            }
            3 if from < text.len() => {
                let digit = u32::try_from(dice.roll(10)).unwrap();
                text[from] = char::from_digit(digit, 10).unwrap();
            }
            _ => {
                let piece: Vec<char> =
                    dice.of(seeds).chars().skip(dice.roll(40)).take(20).collect();
                text.splice(from..from, piece);
            }
        }
    }
    text.into_iter().collect()
}

/// An accepted amount is shown as one that is read as the same.
fn amount(dice: &mut Dice) -> bool {
    let text = bent(dice, &AMOUNTS);
    let Ok(amount) = text.parse::<Money>() else { return false };
    assert_eq!(amount.to_string().parse::<Money>().unwrap(), amount, "{text:?}");
    assert_eq!(amount.to_sql_text().parse::<Money>().unwrap(), amount, "{text:?}");
    // No digit was rounded away: what was written has at most 12 places that are not 0.
    let places = text.trim().split_once('.').map_or("", |(_, places)| places);
    assert!(places.trim_end_matches('0').len() <= 12 || places.contains(['e', 'E']), "{text:?}");
    true
}

fn time(dice: &mut Dice) -> bool {
    let text = bent(dice, &TIMES);
    let Ok(at) = text.parse::<Timestamp>() else { return false };
    assert_eq!(at.to_string().parse::<Timestamp>().unwrap(), at, "{text:?}");
    true
}

fn catalogue(dice: &mut Dice) -> bool {
    match dice.roll(5) {
        0 => {
            let text = bent(dice, &[PLANS]);
            read_plans("a", &text).is_ok_and(|plans| {
                assert!(plans.iter().all(|plan| !plan.id.is_empty()), "{text}");
                true
            })
        }
        1 => {
            let text = bent(dice, &[PRICES]);
            read_prices("a", &text).is_ok_and(|prices| {
                let is_whole = |rate: &alwrity_metering::Rate| rate.per > 0;
                assert!(prices.iter().all(|price| price.rates.iter().all(is_whole)), "{text}");
                true
            })
        }
        2 => read_aliases("a", &bent(dice, &[ALIASES])).is_ok(),
        3 => read_providers("a", &bent(dice, &[PROVIDERS])).is_ok(),
        _ => read_units("a", &bent(dice, &[UNITS])).is_ok(),
    }
}

/// Whatever is asked, nothing is changed, and no more rows come than are allowed.
fn query(dice: &mut Dice, meter: &Meter) -> bool {
    let sql = bent(dice, &QUERIES);
    match meter.query(&sql) {
        Ok(table) => {
            assert!(table.rows.len() <= 100, "{sql}");
            true
        }
        Err(error) => {
            let named = ["invalid_query", "storage_unavailable"];
            assert!(named.contains(&error.code()), "{sql:?}: {error}");
            false
        }
    }
}

fn stored(meter: &Meter) -> Vec<Vec<Cell>> {
    let sql = "SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM sqlite_schema), \
               (SELECT sum(input_tokens) FROM counters)";
    meter.query(sql).unwrap().rows
}

fn main() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let until = Instant::now() + Duration::from_secs(number("DURATION_S", 60));
    let seed = number("SEED", u64::from(std::process::id()));
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let folder = tempfile::tempdir().unwrap();
    let options = Options { query_rows_max: 100, ..Options::default() };
    let meter = Meter::open(folder.path().join("fuzz.db"), options).unwrap();
    meter.seed("default").unwrap();
    let usage = Usage::tokens(1000, 200);
    meter.record_call(&CallRecord::new("u", "gemini", "gemini-2.5-flash", usage)).unwrap();
    let before = stored(&meter);
    let mut tried = [(0_u64, 0_u64); 4];
    while Instant::now() < until {
        for (target, (count, accepted)) in tried.iter_mut().enumerate() {
            let is_accepted = match target {
                0 => amount(&mut dice),
                1 => time(&mut dice),
                2 => catalogue(&mut dice),
                _ => query(&mut dice, &meter),
            };
            *count += 1;
            *accepted += u64::from(is_accepted);
        }
    }
    assert_eq!(stored(&meter), before, "a query changed something");
    assert!(meter.verify().unwrap().iter().all(|check| check.is_ok));
    println!("| texts | tried | accepted |\n|---|---|---|");
    for (name, (count, accepted)) in ["amounts", "times", "catalogues", "queries"].iter().zip(tried)
    {
        println!("| {name} | {count} | {accepted} |");
    }
}
