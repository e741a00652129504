//! Rating against a reference in rational numbers: subsets, tiers, fallbacks, rounding.

use std::collections::BTreeMap;

use alwrity_metering::domain::rating::{Rated, rate};
use alwrity_metering::domain::unit_tree::UnitTree;
use alwrity_metering::{Matcher, Money, PriceVersion, Rate, Timestamp, Unit, Usage, Variant};
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::{Just, Strategy, prop_oneof, proptest};
use proptest::sample::{select, subsequence};
use proptest::{prop_assert, prop_assert_eq};

use super::money::{half_even, rational};

/// The parts of input tokens and of output tokens, in the order in which they keep what two of
/// them claim: audio gives way first.
const INPUT_PARTS: [Unit; 4] = [
    Unit::CachedInputTokens,
    Unit::CacheWrite5mTokens,
    Unit::CacheWrite1hTokens,
    Unit::InputAudioTokens,
];
const OUTPUT_PARTS: [Unit; 2] = [Unit::ReasoningTokens, Unit::OutputAudioTokens];

fn parts_of(whole: &Unit) -> &'static [Unit] {
    match whole {
        Unit::InputTokens => &INPUT_PARTS,
        Unit::OutputTokens => &OUTPUT_PARTS,
        _ => &[],
    }
}

fn whole_of(part: &Unit) -> Option<Unit> {
    [Unit::InputTokens, Unit::OutputTokens].into_iter().find(|whole| parts_of(whole).contains(part))
}

/// What is billed of each unit, so that nothing is billed twice.
fn billed(usage: &Usage) -> BTreeMap<Unit, i64> {
    let mut billed = BTreeMap::new();
    for unit in Unit::COMMON.iter().filter(|unit| whole_of(unit).is_none()) {
        let mut left = usage.get(unit);
        for part in parts_of(unit) {
            let taken = usage.get(part).min(left);
            billed.insert(part.clone(), taken);
            left -= taken;
        }
        billed.insert(unit.clone(), left);
    }
    billed.retain(|_, quantity| *quantity > 0);
    billed
}

/// The rate of a unit: its own, or else its whole's, of the highest tier that is passed.
fn rate_of<'a>(rates: &'a [Rate], unit: &Unit, input_tokens: i64) -> Option<&'a Rate> {
    let mut best: Option<&Rate> = None;
    for rate in rates.iter().filter(|rate| rate.unit == *unit) {
        let is_passed = rate.above_input_tokens == 0 || input_tokens > rate.above_input_tokens;
        if is_passed && best.is_none_or(|b| b.above_input_tokens < rate.above_input_tokens) {
            best = Some(rate);
        }
    }
    best.or_else(|| whole_of(unit).and_then(|whole| rate_of(rates, &whole, input_tokens)))
}

/// What a usage costs in pico-dollars.
struct Reference {
    /// Each line rounded, as it is charged.
    charged: BigInt,
    /// Without any rounding.
    exact: BigRational,
    /// Whether every unit has a rate, or is a mere description of what has.
    is_priced: bool,
}

fn reference(rates: &[Rate], usage: &Usage) -> Reference {
    let (mut charged, mut exact) = (BigInt::from(0), rational(0));
    let mut missing = Vec::new();
    for (unit, quantity) in billed(usage) {
        match rate_of(rates, &unit, usage.get(&Unit::InputTokens)) {
            Some(rate) => {
                let line =
                    rational(rate.amount.pico_usd()) * rational(quantity) / rational(rate.per);
                charged += half_even(&line);
                exact += line;
            }
            None if unit == Unit::Requests => {}
            None => missing.push(unit),
        }
    }
    let describes =
        |unit: &Unit| matches!(unit, Unit::Images | Unit::Pages | Unit::Seconds | Unit::Characters);
    let is_priced =
        missing.is_empty() || (charged > BigInt::from(0) && missing.iter().all(describes));
    Reference { charged, exact, is_priced }
}

fn rates() -> impl Strategy<Value = Vec<Rate>> {
    let amount = prop_oneof![
        Just(0_i64),
        1_i64..=9,
        (1_i64..=100_000).prop_map(|n| n * 12_500_000),
        1_i64..=1_000_000_000_000_000,
    ];
    let per = select(vec![1_i64, 3, 60, 1000, 3600, 1_000_000]);
    let tiers = select(vec![vec![0_i64], vec![0, 1000], vec![0, 1000, 200_000], vec![500]]);
    let all = Unit::COMMON.to_vec();
    let units = subsequence(all, 1..=Unit::COMMON.len());
    (units, tiers, proptest::collection::vec((amount, per), 14 * 3)).prop_map(
        |(units, tiers, prices)| {
            let mut prices = prices.into_iter();
            let mut rates = Vec::new();
            for unit in units {
                for tier in &tiers {
                    let (amount, per) = prices.next().unwrap();
                    rates.push(Rate {
                        unit: unit.clone(),
                        above_input_tokens: *tier,
                        amount: Money::from_pico_usd(amount),
                        per,
                    });
                }
            }
            rates
        },
    )
}

/// Usage whose parts are each within their whole, and may claim more than it together.
fn usages() -> impl Strategy<Value = Usage> {
    let tokens = || prop_oneof![Just(0_i64), 1_i64..2000, 190_000_i64..210_000, 0_i64..3_000_000];
    let others = proptest::collection::vec(prop_oneof![3 => Just(0_i64), 1 => 1_i64..5000], 6);
    let shares = proptest::collection::vec(0_i64..=100, 6);
    (tokens(), tokens(), shares, others).prop_map(|(input, output, shares, others)| {
        let mut usage = Usage::tokens(input, output);
        for (part, share) in INPUT_PARTS.iter().chain(&OUTPUT_PARTS).zip(shares) {
            let whole = usage.get(&whole_of(part).unwrap());
            // Half of the parts are absent.
            let quantity = if share % 2 == 0 { 0 } else { whole * share / 100 };
            usage.set(part.clone(), quantity);
        }
        for (unit, quantity) in Unit::COMMON[8..].iter().zip(others) {
            usage.set(unit.clone(), quantity);
        }
        usage
    })
}

fn version(rates: Vec<Rate>) -> PriceVersion {
    PriceVersion {
        id: 1,
        provider: "p".into(),
        matcher: Matcher::Exact,
        model: "m".into(),
        variant: Variant::Standard,
        operation: None,
        effective_from: Timestamp::MIN,
        source: "test".into(),
        rates,
    }
}

proptest! {
    #[test]
    fn a_rating_is_that_of_the_rational_reference(rates in rates(), usage in usages()) {
        let Reference { charged, exact, is_priced } = reference(&rates, &usage);
        match rate(&version(rates), &usage, &UnitTree::default()) {
            Err(error) => {
                prop_assert_eq!(error.code(), "amount_out_of_range");
                prop_assert!(charged > BigInt::from(i64::MAX), "{} is within the range", charged);
            }
            Ok(Rated::Priced(charge)) => {
                prop_assert!(is_priced);
                let cost = charge.cost_usd.pico_usd();
                prop_assert_eq!(BigInt::from(cost), charged);
                // Each line is rounded once: together they are off by half a pico-dollar each.
                let lines = i64::try_from(charge.lines.len()).unwrap();
                let error = rational(cost) - exact;
                let most = rational(lines) / rational(2);
                prop_assert!(error <= most.clone() && -error <= most);
            }
            Ok(Rated::Unrated(units)) => prop_assert!(!is_priced && !units.is_empty()),
        }
    }

    #[test]
    fn the_parts_of_a_charge_add_to_it(rates in rates(), usage in usages()) {
        let rated = rate(&version(rates), &usage, &UnitTree::default());
        let Ok(Rated::Priced(charge)) = rated else { return Ok(()) };
        let of = |whole: Unit| {
            let lines = charge.lines.iter().filter(move |line| {
                line.unit == whole || whole_of(&line.unit) == Some(whole.clone())
            });
            Money::sum(lines.map(|line| line.cost_usd)).unwrap()
        };
        prop_assert_eq!(charge.cost_input_usd, of(Unit::InputTokens));
        prop_assert_eq!(charge.cost_output_usd, of(Unit::OutputTokens));
        let all = Money::sum(charge.lines.iter().map(|line| line.cost_usd)).unwrap();
        prop_assert_eq!(charge.cost_usd, all);
        // No token is in two lines: the tokens of the lines are those of the usage.
        let billed: i64 = charge
            .lines
            .iter()
            .filter(|line| line.unit.name().ends_with("_tokens"))
            .map(|line| line.quantity)
            .sum();
        let rated_all = charge.lines.iter().any(|line| line.unit == Unit::InputTokens
            || whole_of(&line.unit) == Some(Unit::InputTokens));
        prop_assert!(billed <= usage.total_tokens());
        prop_assert!(rated_all || usage.get(&Unit::InputTokens) == 0);
    }
}
