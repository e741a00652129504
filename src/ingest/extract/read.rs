//! Reading numbers out of a body: counts, seconds and money, from their decimal text.

use serde_json::Value;

use crate::domain::money::Money;
use crate::domain::usage::QUANTITY_MAX;

/// More digits than this are no amount of money or time.
const DIGITS_MAX: usize = 36;

/// What stands at a dotted path; the empty path is the value itself.
pub(super) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(value);
    }
    path.split('.').try_fold(value, |value, key| value.get(key))
}

/// A count: a whole number within 0 and [`QUANTITY_MAX`]; else why not.
pub(super) fn count(value: &Value) -> Result<i64, &'static str> {
    let Value::Number(number) = value else { return Err("is no number") };
    let whole = match number.as_i64() {
        Some(whole) => Some(whole),
        // A proxy may have turned `12` into `12.0`.
        None => number.to_string().strip_suffix(".0").and_then(|text| text.parse().ok()),
    };
    match whole {
        None => Err("is no whole number"),
        Some(whole) if whole < 0 => Err("is negative"),
        Some(whole) if whole > QUANTITY_MAX => Err("is too large"),
        Some(whole) => Ok(whole),
    }
}

/// Seconds, a started one counting; numbers and decimal text.
pub(super) fn seconds(value: &Value) -> Option<i64> {
    let decimal = Decimal::read(value)?;
    let (whole, rest) = decimal.shifted(0)?;
    let seconds = i64::try_from(whole).ok()? + i64::from(rest != Rest::None);
    (0..=QUANTITY_MAX).contains(&seconds).then_some(seconds)
}

/// Money in a unit of 10^−`places` dollars, and whether it had to be rounded to a pico-dollar.
pub(super) fn money(value: &Value, places: u32) -> Option<(Money, bool)> {
    let decimal = Decimal::read(value)?;
    let (whole, rest) = decimal.shifted(i64::from(12_u32.checked_sub(places)?))?;
    let rounded = whole
        + i128::from(rest == Rest::MoreThanHalf)
        + i128::from(rest == Rest::Half && whole % 2 == 1);
    let pico_usd = i64::try_from(rounded).ok()?;
    Some((Money::from_pico_usd(pico_usd), rest != Rest::None))
}

/// What a cut left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    None,
    LessThanHalf,
    Half,
    MoreThanHalf,
}

/// A number from 0, exactly: `digits` × 10^`exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decimal {
    digits: i128,
    exponent: i64,
}

impl Decimal {
    /// Reads a JSON number or decimal text; negative, empty or overlong ones are `None`.
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::parse(&number.to_string()),
            Value::String(text) => Self::parse(text.trim()),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            None => (text, 0),
            Some((mantissa, exponent)) if exponent.len() <= 5 => {
                (mantissa, exponent.strip_prefix('+').unwrap_or(exponent).parse::<i64>().ok()?)
            }
            Some(_) => return None,
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() || whole.len() + fraction.len() > DIGITS_MAX {
            return None;
        }
        let mut digits = 0_i128;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return None;
            }
            digits = digits * 10 + i128::from(byte - b'0');
        }
        Some(Self { digits, exponent: exponent - i64::try_from(fraction.len()).ok()? })
    }

    /// The whole part of this × 10^`places`, and what is left over.
    fn shifted(self, places: i64) -> Option<(i128, Rest)> {
        let exponent = self.exponent + places;
        if self.digits == 0 {
            return Some((0, Rest::None));
        }
        let power = |places: i64| 10_i128.checked_pow(u32::try_from(places).ok()?);
        if exponent >= 0 {
            return Some((self.digits.checked_mul(power(exponent)?)?, Rest::None));
        }
        let Some(divisor) = power(-exponent) else { return Some((0, Rest::LessThanHalf)) };
        let (whole, left) = (self.digits / divisor, self.digits % divisor);
        let rest = match (left, left.cmp(&(divisor / 2))) {
            (0, _) => Rest::None,
            (_, std::cmp::Ordering::Less) => Rest::LessThanHalf,
            (_, std::cmp::Ordering::Equal) => Rest::Half,
            (_, std::cmp::Ordering::Greater) => Rest::MoreThanHalf,
        };
        Some((whole, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn money_is_exact_whatever_its_form() {
        for (text, pico, is_rounded) in [
            ("0.005", 5_000_000_000, false),
            ("1.2e-7", 120_000, false),
            ("1E-12", 1, false),
            ("2.5e+1", 25_000_000_000_000, false),
            ("0", 0, false),
            ("0.0000000000005", 0, true),
            ("0.0000000000015", 2, true),
            ("0.0000000000025", 2, true),
            ("0.00000000000250001", 3, true),
            ("1e-300", 0, true),
            ("0.00014100000000000001", 141_000_000, true),
        ] {
            let found = money(&json!(text), 0);
            assert_eq!(found, Some((Money::from_pico_usd(pico), is_rounded)), "{text}");
        }
        assert_eq!(money(&json!(0.000_129), 0), Some((Money::from_pico_usd(129_000_000), false)));
        assert_eq!(
            money(&json!(37_756_000), 10),
            Some((Money::from_pico_usd(3_775_600_000), false)),
            "ticks of 10⁻¹⁰ dollars"
        );
        for wrong in [json!(-1), json!("-1"), json!("abc"), json!("1e999999"), json!(null)] {
            assert_eq!(money(&wrong, 0), None, "{wrong}");
        }
        assert_eq!(money(&json!("99999999999"), 0), None);
        assert_eq!(money(&json!(1e300), 0), None);
        assert_eq!(money(&json!("."), 0), None);
    }

    #[test]
    fn counts_are_whole_and_bounded() {
        assert_eq!(count(&json!(12)), Ok(12));
        assert_eq!(count(&json!(12.0)), Ok(12));
        for wrong in [json!(-1), json!(1.5), json!("12"), json!(true), json!(null), json!(1e18)] {
            assert!(count(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_started_second_counts() {
        for (value, expected) in
            [(json!(12.01), 13), (json!("12.0"), 12), (json!(0), 0), (json!("0.2"), 1)]
        {
            assert_eq!(seconds(&value), Some(expected), "{value}");
        }
        assert_eq!(seconds(&json!(-2)), None);
    }
}
