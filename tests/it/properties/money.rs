//! Money against rational numbers of any size.

use alwrity_metering::Money;
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::{Strategy, any, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq};

/// A whole number as a rational.
pub(crate) fn rational(number: i64) -> BigRational {
    BigRational::from_integer(BigInt::from(number))
}

/// The nearest whole number and, when two are as near, the even one.
pub(crate) fn half_even(exact: &BigRational) -> BigInt {
    let two = BigInt::from(2);
    let below = exact.floor().to_integer();
    let twice_rest = (exact - BigRational::from_integer(below.clone())) * rational(2);
    let is_even = |number: &BigInt| (number % &two) == BigInt::from(0);
    match twice_rest.cmp(&rational(1)) {
        std::cmp::Ordering::Less => below,
        std::cmp::Ordering::Equal if is_even(&below) => below,
        std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => below + 1,
    }
}

fn amounts() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        -10_000_i64..10_000,
        0_i64..2_000_000_000_000,
        proptest::sample::select(vec![0, 1, -1, i64::MAX, i64::MIN]),
    ]
}

/// Quantities and divisors, many of which meet in an exact half.
fn counts() -> impl Strategy<Value = i64> {
    prop_oneof![
        1_i64..=20,
        proptest::sample::select(vec![1, 2, 60, 1000, 3600, 1_000_000, 2_000_000]),
        1_i64..=1_000_000_000_000,
    ]
}

proptest! {
    #[test]
    fn a_charge_is_the_exact_quotient_rounded_half_to_even(
        amount in amounts(),
        quantity in prop_oneof![counts(), counts().prop_map(|count| -count)],
        per in counts(),
    ) {
        let exact = rational(amount) * rational(quantity) / rational(per);
        let expected = i64::try_from(half_even(&exact)).ok();
        let charged = Money::from_pico_usd(amount).charge(quantity, per);
        prop_assert_eq!(charged.as_ref().ok().map(|money| money.pico_usd()), expected);
        if let Err(error) = charged {
            prop_assert_eq!(error.code(), "amount_out_of_range");
        }
    }

    #[test]
    fn a_text_says_exactly_the_amount(pico in amounts()) {
        let money = Money::from_pico_usd(pico);
        let (shown, sql) = (money.to_string(), money.to_sql_text());
        for text in [&shown, &sql] {
            prop_assert_eq!(text.parse::<Money>().unwrap(), money);
            prop_assert_eq!(read(text), rational(pico) / rational(1_000_000_000_000));
        }
        prop_assert_eq!(sql.split_once('.').unwrap().1.len(), 12);
        prop_assert!(!shown.contains('.') || !shown.ends_with(['0', '.']));
        prop_assert_eq!(sql.trim_end_matches('0').trim_end_matches('.'), shown);
    }

    #[test]
    fn a_sum_is_exact_or_an_error(amounts in proptest::collection::vec(amounts(), 0..20)) {
        let exact: BigInt = amounts.iter().map(|amount| BigInt::from(*amount)).sum();
        let summed = Money::sum(amounts.iter().map(|amount| Money::from_pico_usd(*amount)));
        prop_assert_eq!(summed.ok().map(|sum| BigInt::from(sum.pico_usd())),
            i64::try_from(&exact).ok().map(BigInt::from));
    }

    #[test]
    fn plus_and_minus_undo_each_other(one in amounts(), other in amounts()) {
        let (one, other) = (Money::from_pico_usd(one), Money::from_pico_usd(other));
        if let Ok(sum) = one.plus(other) {
            prop_assert_eq!(sum.minus(other).unwrap(), one);
        }
    }

    #[test]
    fn any_text_is_an_amount_or_an_error_that_shows_it(text in "[-+0-9.eE_ ]{0,24}") {
        if let Ok(money) = text.parse::<Money>() {
            prop_assert_eq!(read(text.trim().trim_start_matches('+')),
                rational(money.pico_usd()) / rational(1_000_000_000_000));
        }
    }
}

/// Decimal text as a rational, digit by digit.
fn read(text: &str) -> BigRational {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let mut number = rational(0);
    for digit in whole.chars().chain(decimals.chars()).filter(char::is_ascii_digit) {
        number = number * rational(10) + rational(i64::from(digit.to_digit(10).unwrap()));
    }
    for _ in decimals.chars().filter(char::is_ascii_digit) {
        number /= rational(10);
    }
    number * rational(sign)
}
