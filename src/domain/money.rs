//! Money: an exact, signed amount of US dollars.
//!
//! What it is: an integer of pico-dollars (10⁻¹² USD), so that a price of $0.0375 per million
//! tokens is the whole number 37 500 per token. What it is not: a float, or another currency.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// Pico-dollars in one dollar.
pub const PICO_PER_USD: i64 = 1_000_000_000_000;

/// Pico-dollars in one cent.
const PICO_PER_CENT: i64 = PICO_PER_USD / 100;

/// An exact amount of US dollars, in pico-dollars (10⁻¹² USD), from −$9.22 M to +$9.22 M.
///
/// ```
/// use alwrity_metering::Money;
/// let price: Money = "0.000000375".parse()?;
/// assert_eq!(price.pico_usd(), 375_000);
/// assert_eq!(price.to_string(), "0.000000375");
/// # Ok::<(), alwrity_metering::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// The largest amount, about $9.22 M.
    pub const MAX: Self = Self(i64::MAX);

    /// An amount of pico-dollars.
    pub const fn from_pico_usd(pico_usd: i64) -> Self {
        Self(pico_usd)
    }

    /// The amount in pico-dollars.
    pub const fn pico_usd(self) -> i64 {
        self.0
    }

    /// The sum, or [`Error::AmountOutOfRange`].
    pub fn plus(self, other: Self) -> Result<Self> {
        self.0
            .checked_add(other.0)
            .map(Self)
            .ok_or_else(|| Error::AmountOutOfRange { value: format!("{self} + {other}") })
    }

    /// The difference, or [`Error::AmountOutOfRange`].
    pub fn minus(self, other: Self) -> Result<Self> {
        self.0
            .checked_sub(other.0)
            .map(Self)
            .ok_or_else(|| Error::AmountOutOfRange { value: format!("{self} - {other}") })
    }

    /// `amount × quantity ÷ per`, rounded half to even: the one place where a charge may round.
    ///
    /// # Errors
    /// [`Error::AmountOutOfRange`] when the result is beyond the range or `per` is not positive.
    pub fn charge(self, quantity: i64, per: i64) -> Result<Self> {
        let out_of_range =
            || Error::AmountOutOfRange { value: format!("{self} × {quantity} ÷ {per}") };
        if per <= 0 {
            return Err(out_of_range());
        }
        let product = i128::from(self.0) * i128::from(quantity);
        let rounded = divide_half_even(product, i128::from(per));
        i64::try_from(rounded).map(Self).map_err(|_| out_of_range())
    }

    /// `amount × part ÷ whole` in whole cents, rounded once, half to even: the one place where an
    /// invoice line rounds.
    ///
    /// # Errors
    /// [`Error::AmountOutOfRange`] when the result is beyond the range or `whole` is not positive.
    pub fn cents_of_share(self, part: i64, whole: i64) -> Result<Self> {
        let out_of_range =
            || Error::AmountOutOfRange { value: format!("{self} × {part} ÷ {whole}") };
        if whole <= 0 {
            return Err(out_of_range());
        }
        let product = i128::from(self.0) * i128::from(part);
        let cents = divide_half_even(product, i128::from(whole) * i128::from(PICO_PER_CENT));
        let pico = cents.checked_mul(i128::from(PICO_PER_CENT)).ok_or_else(out_of_range)?;
        i64::try_from(pico).map(Self).map_err(|_| out_of_range())
    }

    /// The amount in whole cents, rounded half to even.
    pub fn to_cents(self) -> Result<Self> {
        self.cents_of_share(1, 1)
    }

    /// The amount with the other sign.
    pub fn negated(self) -> Result<Self> {
        Self::ZERO.minus(self)
    }

    /// Decimal text with at least two places, as invoices show it: `29.00`, `0.0012`.
    pub fn to_invoice_text(self) -> String {
        let text = self.to_string();
        let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        match places {
            0 => text + ".00",
            1 => text + "0",
            _ => text,
        }
    }

    /// The exact sum of many amounts.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self> {
        let total: i128 = amounts.into_iter().map(|amount| i128::from(amount.0)).sum();
        Self::from_total(total)
    }

    /// A sum of pico-dollars, narrowed to an amount.
    pub fn from_total(pico_usd: i128) -> Result<Self> {
        i64::try_from(pico_usd)
            .map(Self)
            .map_err(|_| Error::AmountOutOfRange { value: format!("{pico_usd} pico-dollars") })
    }

    /// Decimal text with always 12 places, as the SQL views show it: `0.000000375000`.
    pub fn to_sql_text(self) -> String {
        let pico = self.0.unsigned_abs();
        let (whole, fraction) =
            (pico / PICO_PER_USD.unsigned_abs(), pico % PICO_PER_USD.unsigned_abs());
        let sign = if self.0 < 0 { "-" } else { "" };
        format!("{sign}{whole}.{fraction:012}")
    }
}

/// Integer division, rounded to the nearest and, when halfway, to the even quotient.
fn divide_half_even(numerator: i128, denominator: i128) -> i128 {
    let quotient = numerator.div_euclid(denominator);
    let remainder = numerator.rem_euclid(denominator);
    match (remainder * 2).cmp(&denominator) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + (quotient & 1),
    }
}

impl fmt::Display for Money {
    /// Trimmed decimal text: `0`, `1.5`, `0.000000375`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_sql_text();
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl FromStr for Money {
    type Err = Error;

    /// Reads decimal text of dollars. More than 12 decimals, an exponent or a sign alone is an
    /// error: nothing is ever rounded on the way in.
    fn from_str(text: &str) -> Result<Self> {
        let invalid =
            |expected| Error::InvalidAmount { value: crate::error::shown(text), expected };
        let decimal = Decimal::from_str_exact(text.trim())
            .map_err(|_| invalid("decimal text of dollars, such as `0.15`"))?;
        let pico = decimal
            .checked_mul(Decimal::from(PICO_PER_USD))
            .ok_or(Error::AmountOutOfRange { value: crate::error::shown(text) })?;
        if !pico.fract().is_zero() {
            return Err(invalid("at most 12 decimal places"));
        }
        i64::try_from(pico.trunc().mantissa() / 10_i128.pow(pico.trunc().scale()))
            .map(Self)
            .map_err(|_| Error::AmountOutOfRange { value: crate::error::shown(text) })
    }
}

impl Serialize for Money {
    /// Decimal text for people; the pico-dollars, by their name, for machines.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_newtype_struct("Money", &self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_shows_exact_decimals() {
        for (text, pico) in [
            ("0", 0),
            ("0.000000375", 375_000),
            ("29", 29 * PICO_PER_USD),
            ("-1.5", -1_500_000_000_000),
            ("0.000000000001", 1),
            ("9223372.036854775807", i64::MAX),
        ] {
            let money: Money = text.parse().unwrap();
            assert_eq!(money.pico_usd(), pico, "{text}");
            assert_eq!(money.to_string(), text);
        }
    }

    #[test]
    fn refuses_what_it_cannot_hold_exactly() {
        for text in
            ["", "abc", "1e-6", "0.0000000000001", "1,5", "NaN", "$1", "9223372.036854775808"]
        {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_charge_rounds_half_to_even() {
        let pico = |n: i64| Money::from_pico_usd(n);
        assert_eq!(pico(1).charge(1, 2).unwrap(), pico(0));
        assert_eq!(pico(3).charge(1, 2).unwrap(), pico(2));
        assert_eq!(pico(-1).charge(1, 2).unwrap(), pico(0));
        assert_eq!(pico(5).charge(1, 3).unwrap(), pico(2));
        assert!(Money::MAX.charge(2, 1).is_err());
        assert!(pico(1).charge(1, 0).is_err());
    }

    #[test]
    fn a_share_rounds_once_to_cents_half_to_even() {
        let share = |text: &str, part, whole| {
            text.parse::<Money>().unwrap().cents_of_share(part, whole).unwrap().to_string()
        };
        assert_eq!(share("29", 1, 3), "9.67");
        assert_eq!(share("0.01", 1, 2), "0");
        assert_eq!(share("0.03", 1, 2), "0.02");
        assert_eq!(share("-0.03", 1, 2), "-0.02");
        // Rounding to pico-dollars first would make this a tie, and then 0.02.
        assert_eq!(share("0.044999999999", 1, 3), "0.01");
        assert!(Money::ZERO.cents_of_share(1, 0).is_err());
        assert_eq!("29".parse::<Money>().unwrap().to_invoice_text(), "29.00");
        assert_eq!("0.5".parse::<Money>().unwrap().to_invoice_text(), "0.50");
        assert_eq!("0.0012".parse::<Money>().unwrap().to_invoice_text(), "0.0012");
    }

    #[test]
    fn sql_text_always_has_twelve_places() {
        assert_eq!(Money::from_pico_usd(-375_000).to_sql_text(), "-0.000000375000");
        assert_eq!(Money::from_pico_usd(i64::MIN).to_sql_text(), "-9223372.036854775808");
    }
}
