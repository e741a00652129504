//! Amounts: another program's floats as exact decimals, by the shortest text that means them.
//!
//! `0.1 + 0.2` is stored as `0.30000000000000004`: that is what was charged there, so that is what
//! is read, and rounded once, half to even, to the pico-dollar.

/// The decimals that are kept.
const PLACES: usize = 12;

/// A decimal in units of 10⁻¹², and whether digits were lost on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exact {
    pub(super) pico: i64,
    pub(super) is_rounded: bool,
}

impl Exact {
    pub(super) const fn whole(pico: i64) -> Self {
        Self { pico, is_rounded: false }
    }

    /// The same number in units of 10⁻³, rounded half to even: seconds become milliseconds.
    pub(super) fn thousandths(self) -> i64 {
        divide_half_even(self.pico.into(), 1_000_000_000).unwrap_or(i64::MAX)
    }
}

/// A float by its shortest text, which reads back as the same float.
pub(super) fn of_float(value: f64) -> Option<Exact> {
    // `Display` writes that text, without an exponent.
    if value.is_finite() { of_decimal(&value.to_string()) } else { None }
}

/// A text that another program wrote for a number.
pub(super) fn of_text(text: &str) -> Option<Exact> {
    let text = text.trim();
    of_decimal(text).or_else(|| of_float(text.parse().ok()?))
}

/// Plain decimal text; nothing for an exponent and beyond the range of money.
fn of_decimal(text: &str) -> Option<Exact> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let (kept, lost) = fraction.split_at(fraction.len().min(PLACES));
    let units: i128 = format!("{whole}{kept:0<PLACES$}").parse().ok()?;
    let is_rounded = lost.bytes().any(|byte| byte != b'0');
    let units = units + i128::from(rounds_up(lost, units));
    let units = if is_negative { -units } else { units };
    Some(Exact { pico: i64::try_from(units).ok()?, is_rounded })
}

/// Whether the digits behind the kept ones round those up.
fn rounds_up(lost: &str, units: i128) -> bool {
    let mut digits = lost.bytes();
    match digits.next() {
        Some(b'5') => digits.any(|byte| byte != b'0') || units % 2 != 0,
        Some(first) => first > b'5',
        None => false,
    }
}

fn divide_half_even(units: i128, by: i128) -> Option<i64> {
    let (quotient, rest) = (units.div_euclid(by), units.rem_euclid(by));
    let is_up = rest * 2 > by || (rest * 2 == by && quotient % 2 != 0);
    i64::try_from(quotient + i128::from(is_up)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pico(text: &str) -> (i64, bool) {
        let exact = of_text(text).unwrap();
        (exact.pico, exact.is_rounded)
    }

    #[test]
    fn a_float_is_what_its_shortest_text_says() {
        assert_eq!(of_float(0.1 + 0.2).unwrap(), Exact { pico: 300_000_000_000, is_rounded: true });
        assert_eq!(of_float(0.1).unwrap(), Exact::whole(100_000_000_000));
        assert_eq!(of_float(3.75e-7).unwrap(), Exact::whole(375_000));
        assert_eq!(of_float(1e-13).unwrap(), Exact { pico: 0, is_rounded: true });
        assert_eq!(of_float(29.0).unwrap(), Exact::whole(29_000_000_000_000));
        assert_eq!(of_float(-0.5).unwrap(), Exact::whole(-500_000_000_000));
        for value in [f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(of_float(value), None);
        }
    }

    #[test]
    fn digits_beyond_the_pico_round_half_to_even_once() {
        assert_eq!(pico("0.0000000000005"), (0, true));
        assert_eq!(pico("0.0000000000015"), (2, true));
        assert_eq!(pico("0.0000000000005000001"), (1, true));
        assert_eq!(pico("0.00000000000149"), (1, true));
        assert_eq!(pico("0.0000000000010"), (1, false));
        assert_eq!(pico("1e-5"), (10_000_000, false));
        for text in ["", "-", "1.2.3", "abc", "1,5", "NaN"] {
            assert_eq!(of_text(text), None, "{text}");
        }
    }

    #[test]
    fn seconds_become_milliseconds() {
        let ms = |text: &str| of_text(text).unwrap().thousandths();
        assert_eq!((ms("1.2345"), ms("0.0005"), ms("0.0015"), ms("0")), (1234, 0, 2, 0));
    }
}
