//! Text of values: the same as everywhere, but made without the detours that millions of rows feel.

use std::collections::VecDeque;
use std::io::Write;

use alwrity_metering::{Money, Timestamp};

use super::row::{Value, day_label};

/// Microseconds in a day and in a second.
const DAY_US: i64 = 86_400_000_000;
const SECOND_US: i64 = 1_000_000;

/// The days whose labels are remembered: that of the call, of its recording, of its period.
const DAYS_KEPT: usize = 4;

/// Writes values as text. It remembers the labels of the last days, which most rows share.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The latest first.
    days: VecDeque<(i64, String)>,
}

impl Texts {
    /// Appends a value other than a text.
    pub(super) fn append(&mut self, value: &Value<'_>, out: &mut Vec<u8>) -> std::io::Result<()> {
        match value {
            Value::Missing | Value::Text(_) | Value::Json(_) => {}
            // Most units of most calls.
            Value::Integer(0) | Value::Money(Money::ZERO) => out.push(b'0'),
            Value::Integer(number) => write!(out, "{number}")?,
            Value::Money(amount) => money(*amount, out)?,
            Value::Time(at) => self.time(*at, out)?,
            Value::Day(day) => out.extend_from_slice(self.label(*day).as_bytes()),
            Value::Flag(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        }
        Ok(())
    }

    fn label(&mut self, day: i64) -> &str {
        let place = self.days.iter().position(|(known, _)| *known == day).unwrap_or_else(|| {
            self.days.truncate(DAYS_KEPT - 1);
            self.days.push_front((day, day_label(day)));
            0
        });
        &self.days[place].1
    }

    /// RFC 3339 in UTC with 0, 3 or 6 decimals of a second, as a [`Timestamp`] shows itself.
    fn time(&mut self, at: Timestamp, out: &mut Vec<u8>) -> std::io::Result<()> {
        let within = at.micros().rem_euclid(DAY_US);
        out.extend_from_slice(self.label(at.day_number()).as_bytes());
        let (seconds, micros) = (within / SECOND_US, within % SECOND_US);
        out.push(b'T');
        two_digits(seconds / 3600, out);
        out.push(b':');
        two_digits(seconds / 60 % 60, out);
        out.push(b':');
        two_digits(seconds % 60, out);
        match (micros, micros % 1000) {
            (0, _) => {}
            (_, 0) => write!(out, ".{:03}", micros / 1000)?,
            _ => write!(out, ".{micros:06}")?,
        }
        out.push(b'Z');
        Ok(())
    }
}

fn two_digits(number: i64, out: &mut Vec<u8>) {
    let digit = |number: i64| u8::try_from(number).map_or(b'?', |digit| b'0' + digit);
    out.push(digit(number / 10));
    out.push(digit(number % 10));
}

/// Trimmed decimal text, as a [`Money`] shows itself.
fn money(amount: Money, out: &mut Vec<u8>) -> std::io::Result<()> {
    const PICO_PER_USD: u64 = 1_000_000_000_000;
    let pico_usd = amount.pico_usd();
    if pico_usd < 0 {
        out.push(b'-');
    }
    let (whole, fraction) =
        (pico_usd.unsigned_abs() / PICO_PER_USD, pico_usd.unsigned_abs() % PICO_PER_USD);
    write!(out, "{whole}")?;
    if fraction > 0 {
        write!(out, ".{fraction:012}")?;
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_that_of_the_value_itself() {
        let mut texts = Texts::default();
        let mut text = |value: Value<'_>| {
            let mut out = Vec::new();
            texts.append(&value, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let numbers = [0, 1, -1, 9, 999_999, 1_000_000, 86_399_999_999, 86_400_000_000];
        let large = [1_759_838_400_000_000, 1_759_838_400_120_000, i64::MAX, i64::MIN + 1];
        for number in numbers.into_iter().chain(large) {
            let amount = Money::from_pico_usd(number);
            assert_eq!(text(Value::Money(amount)), amount.to_string());
            assert_eq!(text(Value::Integer(number)), number.to_string());
            let at = Timestamp::from_micros_clamped(number);
            assert_eq!(text(Value::Time(at)), at.to_string());
        }
        let mut pico = 1_i64;
        while pico < i64::MAX / 7 {
            pico = pico * 7 + 3;
            let amount = Money::from_pico_usd(-pico);
            assert_eq!(text(Value::Money(amount)), amount.to_string());
            let at = Timestamp::from_micros_clamped(pico);
            assert_eq!(text(Value::Time(at)), at.to_string());
        }
        assert_eq!(text(Value::Day(20_368)), "2025-10-07");
        assert_eq!(text(Value::Flag(true)), "true");
    }
}
