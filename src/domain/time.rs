//! Instants: microseconds since 1970-01-01T00:00:00Z, and half-open spans between two of them.
//!
//! What it is: a value that is given. What it is not: a clock; `meter` reads the only one.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Months, NaiveDateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::named::named;
use crate::error::{Error, Result, shown};

/// Microseconds in one second, minute, hour and day.
pub const SECOND_US: i64 = 1_000_000;
const MINUTE_US: i64 = 60 * SECOND_US;
const HOUR_US: i64 = 60 * MINUTE_US;
/// Microseconds in one day.
pub const DAY_US: i64 = 24 * HOUR_US;

/// An instant in microseconds UTC, from 1970-01-01 to the end of the year 9999.
///
/// ```
/// use alwrity_metering::Timestamp;
/// let at: Timestamp = "2025-10-01T02:00:00+02:00".parse()?;
/// assert_eq!(at.to_string(), "2025-10-01T00:00:00Z");
/// # Ok::<(), alwrity_metering::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z, the first instant.
    pub const MIN: Self = Self(0);
    /// The last microsecond of the year 9999.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// The instant that many microseconds after 1970-01-01T00:00:00Z.
    pub fn from_micros(micros: i64) -> Result<Self> {
        if (Self::MIN.0..=Self::MAX.0).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(Error::InvalidTime {
                value: micros.to_string(),
                expected: "microseconds UTC within the years 1970 to 9999",
            })
        }
    }

    /// The nearest instant within the range.
    pub fn from_micros_clamped(micros: i64) -> Self {
        Self(micros.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The instant that much later (or earlier, when negative), kept within the range.
    #[must_use]
    pub fn plus_micros(self, micros: i64) -> Self {
        Self::from_micros_clamped(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to this instant; negative when it is later.
    pub fn micros_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// The same day and time `months` later, on the month's last day when it has no such day.
    #[must_use]
    pub fn plus_months(self, months: i64) -> Self {
        let shift = Months::new(u32::try_from(months.unsigned_abs()).unwrap_or(u32::MAX));
        let civil = self.civil();
        let moved = if months < 0 {
            civil.checked_sub_months(shift)
        } else {
            civil.checked_add_months(shift)
        };
        let out_of_calendar = if months < 0 { Self::MIN } else { Self::MAX };
        moved.map_or(out_of_calendar, |at| Self::from_micros_clamped(at.timestamp_micros()))
    }

    /// The months from January of the year 0 to this instant's month.
    pub fn month_number(self) -> i64 {
        let civil = self.civil();
        i64::from(civil.year()) * 12 + i64::from(civil.month0())
    }

    /// The label of the month, `YYYY-MM`.
    pub fn month_label(self) -> String {
        let civil = self.civil();
        format!("{:04}-{:02}", civil.year(), civil.month())
    }

    /// The label of the day, `YYYY-MM-DD`.
    pub fn day_label(self) -> String {
        self.civil().format("%Y-%m-%d").to_string()
    }

    /// Days since 1970-01-01.
    pub const fn day_number(self) -> i64 {
        self.0.div_euclid(DAY_US)
    }

    /// The start of the month that a label `YYYY-MM` names.
    pub fn from_month_label(label: &str) -> Result<Self> {
        let well_formed = label.len() == 7 && label.as_bytes()[4] == b'-';
        well_formed.then(|| format!("{label}-01T00:00:00Z").parse().ok()).flatten().ok_or_else(
            || Error::InvalidTime { value: shown(label), expected: "a month as `YYYY-MM`" },
        )
    }

    /// Reads a civil time that is known to be UTC, such as `2023-11-16 18:15:46.6805900`; digits
    /// past the microsecond are cut.
    pub fn from_utc_text(text: &str) -> Result<Self> {
        let invalid = || Error::InvalidTime {
            value: shown(text),
            expected: "RFC 3339, or `YYYY-MM-DD HH:MM:SS.ffffff` in UTC",
        };
        let trimmed = text.trim();
        if let Ok(at) = trimmed.parse() {
            return Ok(at);
        }
        let civil =
            NaiveDateTime::parse_from_str(&trimmed.replacen('T', " ", 1), "%Y-%m-%d %H:%M:%S%.f")
                .map_err(|_| invalid())?;
        Self::from_micros(civil.and_utc().timestamp_micros()).map_err(|_| invalid())
    }

    fn civil(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with as many decimals of a second as needed: 0, 3 or 6.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.civil().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339 with a zone.
    fn from_str(text: &str) -> Result<Self> {
        let invalid = || Error::InvalidTime {
            value: shown(text),
            expected: "RFC 3339 with a zone, such as `2025-10-01T00:00:00Z`",
        };
        let at = DateTime::parse_from_rfc3339(text.trim()).map_err(|_| invalid())?;
        Self::from_micros(at.timestamp_micros()).map_err(|_| invalid())
    }
}

impl Serialize for Timestamp {
    /// RFC 3339 for people; the microseconds, by their name, for machines.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_newtype_struct("Timestamp", &self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A half-open span of time: `starts_at` is inside, `ends_at` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The first instant inside.
    pub starts_at: Timestamp,
    /// The first instant after.
    pub ends_at: Timestamp,
}

impl Span {
    /// All of time.
    pub const ALWAYS: Self = Self { starts_at: Timestamp::MIN, ends_at: Timestamp::MAX };

    /// Whether the instant is inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.starts_at <= at && at < self.ends_at
    }

    /// The length in microseconds.
    pub fn length_us(&self) -> i64 {
        self.ends_at.micros_since(self.starts_at)
    }

    /// The month of the start, `YYYY-MM`: for people, never a key.
    pub fn label(&self) -> String {
        self.starts_at.month_label()
    }

    /// The fixed UTC minute, hour or day of that length around an instant.
    fn fixed(at: Timestamp, length_us: i64) -> Self {
        let starts_at = Timestamp(at.0 - at.0.rem_euclid(length_us));
        Self { starts_at, ends_at: starts_at.plus_micros(length_us) }
    }
}

named! {
    /// The window of time that a limit counts in.
    Window "window" {
        /// The user's usage period: a month from the anchor.
        Period = "period",
        /// A UTC minute.
        Minute = "minute",
        /// A UTC hour.
        Hour = "hour",
        /// A UTC day.
        Day = "day",
        /// Everything since the user was first seen.
        Lifetime = "lifetime",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro that names the variants has no default")]
impl Default for Window {
    fn default() -> Self {
        Self::Period
    }
}

impl Window {
    /// The span of this window around `at`, where `period` is the usage period at that instant.
    pub fn span(self, at: Timestamp, period: Span) -> Span {
        match self {
            Self::Period => period,
            Self::Minute => Span::fixed(at, MINUTE_US),
            Self::Hour => Span::fixed(at, HOUR_US),
            Self::Day => Span::fixed(at, DAY_US),
            Self::Lifetime => Span::ALWAYS,
        }
    }

    /// How often a maximum is granted, as it stands behind it: `100 calls a day`.
    pub(crate) const fn how_often(self) -> &'static str {
        match self {
            Self::Period => "a month",
            Self::Minute => "a minute",
            Self::Hour => "an hour",
            Self::Day => "a day",
            Self::Lifetime => "in all",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn reads_zones_and_shows_utc() {
        for (text, shown) in [
            ("2025-10-01T00:00:00Z", "2025-10-01T00:00:00Z"),
            ("2025-10-01T05:30:00.5+05:30", "2025-10-01T00:00:00.500Z"),
            ("2025-10-01T00:00:00.000001Z", "2025-10-01T00:00:00.000001Z"),
        ] {
            assert_eq!(at(text).to_string(), shown);
        }
        for text in ["2025-10-01T00:00:00", "2025-10-01", "1969-12-31T23:59:59Z", "now", ""] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn cuts_a_utc_text_to_microseconds() {
        let cut = Timestamp::from_utc_text("2023-11-16 18:15:46.6805909").unwrap();
        assert_eq!(cut.to_string(), "2023-11-16T18:15:46.680590Z");
    }

    #[test]
    fn months_clamp_to_the_last_day() {
        assert_eq!(at("2025-01-31T10:00:00Z").plus_months(1), at("2025-02-28T10:00:00Z"));
        assert_eq!(at("2024-01-31T10:00:00Z").plus_months(1), at("2024-02-29T10:00:00Z"));
        assert_eq!(at("2024-03-31T00:00:00Z").plus_months(-1), at("2024-02-29T00:00:00Z"));
        assert_eq!(Timestamp::MAX.plus_months(1), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.plus_months(-1), Timestamp::MIN);
    }

    #[test]
    fn windows_are_half_open_and_utc() {
        let period =
            Span { starts_at: at("2025-10-01T00:00:00Z"), ends_at: at("2025-11-01T00:00:00Z") };
        let day = Window::Day.span(at("2025-10-07T23:59:59.999999Z"), period);
        assert_eq!(day.starts_at, at("2025-10-07T00:00:00Z"));
        assert!(day.contains(day.starts_at) && !day.contains(day.ends_at));
        assert_eq!(Window::Minute.span(day.ends_at, period).starts_at, day.ends_at);
        assert_eq!(Window::Period.span(day.ends_at, period), period);
        for window in Window::ALL.iter().copied() {
            assert_eq!(Window::from_code(window.code()).unwrap(), window);
            assert_eq!(window.name().parse::<Window>().unwrap(), window);
        }
    }

    #[test]
    fn month_labels_name_a_start() {
        assert_eq!(Timestamp::from_month_label("2025-10").unwrap(), at("2025-10-01T00:00:00Z"));
        for label in ["2025-13", "2025-1", "25-10-0", "2025-10-01", ""] {
            assert!(Timestamp::from_month_label(label).is_err(), "{label}");
        }
    }
}
