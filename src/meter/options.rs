//! Options: how a meter is opened. One table, checked against docs/operations.md.

use std::str::FromStr;

use super::clock::Clock;
use crate::domain::money::Money;
use crate::error::{Error, Result, shown};
use crate::storage::{Durability, StoreOptions, Synchronous};

/// What becomes of a call that nothing prices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UnknownPrice {
    /// It is held at its worst case and recorded with an unknown cost, to be re-rated later.
    #[default]
    Record,
    /// It is refused before it is made; one that was made is recorded with an unknown cost.
    Reject,
    /// It is priced as this model.
    As {
        /// The provider of the price.
        provider: String,
        /// The model of the price.
        model: String,
    },
}

/// What becomes of a hold whose time is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpiredHolds {
    /// It counts no more.
    #[default]
    Release,
    /// It is charged at its estimate, and flagged: the provider may have been paid.
    Charge,
}

/// The options of a meter. `Options::default()` is right for a service that handles money.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the time is read.
    pub clock: Clock,
    /// The plan of users without a subscription.
    pub default_plan: String,
    /// Output tokens that are held for a chat without `max_output_tokens`, 0–10⁹.
    pub default_output_tokens: i64,
    /// What is added to a hold's estimate of input tokens, in percent, 0–1000.
    pub hold_margin_percent: i64,
    /// What [`Meter::estimate`](crate::Meter::estimate) adds to its count of input tokens, in
    /// percent, 0–100; `hold_margin_percent` is not added on top.
    pub estimate_margin_percent: i64,
    /// How long a hold lives, in ms, 1 to 7 days.
    pub hold_ttl_ms: i64,
    /// What a call is held at when no price of its operation is known.
    pub unpriced_hold_usd: Money,
    /// What becomes of a call that nothing prices.
    pub unknown_price: UnknownPrice,
    /// What becomes of a hold whose time is over.
    pub expired_holds: ExpiredHolds,
    /// When a record is answered.
    pub durability: Durability,
    /// How safe a durable commit is.
    pub synchronous: Synchronous,
    /// The longest wait for the queue and the lock, in ms, 1 to 10 minutes.
    pub busy_timeout_ms: u64,
    /// Works that may wait in the queue, 1–65 536.
    pub queue_capacity: usize,
    /// Rows that `query` returns at most, 1–1 000 000.
    pub query_rows_max: usize,
    /// The channels that deliver alerts: each alert waits in the outbox for each of them. None
    /// by default: alerts are stored, logged and shown.
    pub alert_channels: Vec<String>,
    /// Whether a file that is a symbolic link or has a second name is accepted.
    pub allow_linked_file: bool,
    /// Whether a file on a network disk is accepted.
    pub allow_network_disk: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Clock::System,
            default_plan: "free".to_owned(),
            default_output_tokens: 1024,
            hold_margin_percent: 0,
            estimate_margin_percent: 10,
            hold_ttl_ms: 600_000,
            unpriced_hold_usd: Money::from_pico_usd(100_000_000_000),
            unknown_price: UnknownPrice::Record,
            expired_holds: ExpiredHolds::Release,
            durability: Durability::Durable,
            synchronous: Synchronous::Full,
            busy_timeout_ms: 5000,
            queue_capacity: 4096,
            query_rows_max: 10_000,
            alert_channels: Vec::new(),
            allow_linked_file: false,
            allow_network_disk: false,
        }
    }
}

impl From<&Options> for StoreOptions {
    fn from(options: &Options) -> Self {
        Self {
            default_plan: options.default_plan.clone(),
            synchronous: options.synchronous,
            busy_timeout_ms: options.busy_timeout_ms,
            queue_capacity: options.queue_capacity,
            allow_linked_file: options.allow_linked_file,
            allow_network_disk: options.allow_network_disk,
        }
    }
}

/// One option as the documents list it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionRow {
    /// The field, which is also the Python keyword.
    pub name: &'static str,
    /// The default, as text.
    pub default: &'static str,
    /// What is accepted.
    pub expected: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

impl OptionRow {
    /// The variable of the environment: `ALWRITY_METERING_` and the name in capitals.
    pub fn environment(&self) -> String {
        format!("ALWRITY_METERING_{}", self.name.to_uppercase())
    }

    /// The flag of the command: `--` and the name with dashes.
    pub fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }
}

macro_rules! option_rows {
    ($($name:literal $default:literal $expected:literal $meaning:literal;)+) => {
        /// All options that have a text form, in the order of the documents.
        pub const OPTIONS: &[OptionRow] = &[$(OptionRow {
            name: $name, default: $default, expected: $expected, meaning: $meaning,
        }),+];
    };
}

option_rows! {
    "default_plan" "free" "a plan's id" "the plan of users without a subscription";
    "default_output_tokens" "1024" "0 to 1000000000" "held for a chat without `max_output_tokens`";
    "hold_margin_percent" "0" "0 to 1000" "added to a hold's estimate of input tokens";
    "estimate_margin_percent" "10" "0 to 100" "added to what `estimate` counts as input tokens";
    "hold_ttl_ms" "600000" "1 to 604800000" "how long a hold lives";
    "unpriced_hold_usd" "0.1" "dollars, 0 or more" "held when no price of the operation is known";
    "unknown_price" "record" "record, reject or PROVIDER/MODEL"
        "what a call that nothing prices becomes";
    "expired_holds" "release" "release or charge" "what a hold becomes when its time is over";
    "durability" "durable" "durable or queued" "when a record is answered";
    "synchronous" "full" "full or normal" "whether a commit survives a power cut, or a kill only";
    "busy_timeout_ms" "5000" "1 to 600000" "the longest wait for the queue and the lock";
    "queue_capacity" "4096" "1 to 65536" "works that may wait in the queue";
    "query_rows_max" "10000" "1 to 1000000" "rows that `query` returns at most";
    "alert_channels" "" "names in `a-z 0-9 _`, with commas" "the channels that deliver alerts";
    "allow_linked_file" "false" "true or false" "accept a symbolic link or a file with two names";
    "allow_network_disk" "false" "true or false" "accept a file on a network disk";
}

impl Options {
    /// Sets the option of that name from text.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for an unknown name or a text that is not accepted.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        let row = OPTIONS.iter().find(|row| row.name == name).ok_or(Error::InvalidArgument {
            name: "option",
            value: shown(name),
            expected: "a name from the table of options".into(),
        })?;
        let invalid = || Error::InvalidOption {
            option: row.name,
            value: shown(text),
            expected: row.expected,
        };
        match row.name {
            "default_plan" => text.clone_into(&mut self.default_plan),
            "default_output_tokens" => self.default_output_tokens = number(text, invalid)?,
            "hold_margin_percent" => self.hold_margin_percent = number(text, invalid)?,
            "estimate_margin_percent" => {
                self.estimate_margin_percent = number(text, invalid)?;
            }
            "hold_ttl_ms" => self.hold_ttl_ms = number(text, invalid)?,
            "unpriced_hold_usd" => self.unpriced_hold_usd = number(text, invalid)?,
            "unknown_price" => self.unknown_price = text.parse()?,
            "expired_holds" => {
                let choices =
                    [("release", ExpiredHolds::Release), ("charge", ExpiredHolds::Charge)];
                self.expired_holds = choice(text, &choices, invalid)?;
            }
            "durability" => {
                let choices = [("durable", Durability::Durable), ("queued", Durability::Queued)];
                self.durability = choice(text, &choices, invalid)?;
            }
            "synchronous" => {
                let choices = [("full", Synchronous::Full), ("normal", Synchronous::Normal)];
                self.synchronous = choice(text, &choices, invalid)?;
            }
            "busy_timeout_ms" => self.busy_timeout_ms = number(text, invalid)?,
            "queue_capacity" => self.queue_capacity = number(text, invalid)?,
            "query_rows_max" => self.query_rows_max = number(text, invalid)?,
            "alert_channels" => self.alert_channels = channels(text).ok_or_else(invalid)?,
            "allow_linked_file" => self.allow_linked_file = number(text, invalid)?,
            _ => self.allow_network_disk = number(text, invalid)?,
        }
        self.validate()
    }

    /// Sets every option that the environment names as `ALWRITY_METERING_…`.
    pub fn set_from_environment(&mut self) -> Result<()> {
        for row in OPTIONS {
            if let Ok(text) = std::env::var(row.environment()) {
                self.set(row.name, &text)?;
            }
        }
        Ok(())
    }

    /// Checks every range.
    pub fn validate(&self) -> Result<()> {
        let ranges = [
            ("default_output_tokens", self.default_output_tokens, 0, 1_000_000_000),
            ("hold_margin_percent", self.hold_margin_percent, 0, 1000),
            ("estimate_margin_percent", self.estimate_margin_percent, 0, 100),
            ("hold_ttl_ms", self.hold_ttl_ms, 1, 604_800_000),
            ("unpriced_hold_usd", self.unpriced_hold_usd.pico_usd(), 0, i64::MAX),
            ("busy_timeout_ms", i64::try_from(self.busy_timeout_ms).unwrap_or(-1), 1, 600_000),
            ("queue_capacity", i64::try_from(self.queue_capacity).unwrap_or(-1), 1, 65_536),
            ("query_rows_max", i64::try_from(self.query_rows_max).unwrap_or(-1), 1, 1_000_000),
        ];
        for (name, value, min, max) in ranges {
            if !(min..=max).contains(&value) {
                let row = OPTIONS.iter().find(|row| row.name == name);
                let expected = row.map_or("a value within its range", |row| row.expected);
                return Err(Error::InvalidOption {
                    option: name,
                    value: value.to_string(),
                    expected,
                });
            }
        }
        Ok(())
    }
}

/// Names of channels, separated by commas; nothing when one of them is no name.
fn channels(text: &str) -> Option<Vec<String>> {
    let is_name = |name: &str| {
        let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        (1..=32).contains(&name.len()) && name.bytes().all(is_allowed)
    };
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|_| !text.trim().is_empty()) {
        if !is_name(name) {
            return None;
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

fn number<T: FromStr>(text: &str, invalid: impl Fn() -> Error) -> Result<T> {
    text.trim().parse().map_err(|_| invalid())
}

fn choice<T: Copy>(text: &str, choices: &[(&str, T)], invalid: impl Fn() -> Error) -> Result<T> {
    choices.iter().find(|(name, _)| *name == text).map(|(_, one)| *one).ok_or_else(invalid)
}

impl FromStr for UnknownPrice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match (text, text.split_once('/')) {
            ("record", _) => Ok(Self::Record),
            ("reject", _) => Ok(Self::Reject),
            (_, Some((provider, model))) if !provider.is_empty() && !model.is_empty() => {
                Ok(Self::As { provider: provider.to_owned(), model: model.to_owned() })
            }
            _ => Err(Error::InvalidOption {
                option: "unknown_price",
                value: shown(text),
                expected: "record, reject or PROVIDER/MODEL",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_text_is_the_default() {
        for row in OPTIONS {
            let mut options = Options::default();
            options.set(row.name, row.default).unwrap();
            assert_eq!(format!("{options:?}"), format!("{:?}", Options::default()), "{}", row.name);
        }
    }

    #[test]
    fn every_option_refuses_nonsense_and_says_what_it_wants() {
        for row in OPTIONS.iter().filter(|row| row.name != "default_plan") {
            let error = Options::default().set(row.name, "-7,x").unwrap_err();
            assert_eq!(error.code(), "invalid_option", "{}", row.name);
            assert!(error.to_string().contains(row.name), "{error}");
        }
        assert!(Options::default().set("hold_ttl_ms", "0").is_err());
        assert!(Options::default().set("nonsense", "1").is_err());
    }
}
