//! Rating: what a usage costs under a price version.

use serde::{Deserialize, Serialize};

use super::money::Money;
use super::operation::Operation;
use super::price::{PriceVersion, Rate};
use super::unit_tree::UnitTree;
use super::usage::{Unit, Usage};
use crate::error::Result;

/// One line of a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeLine {
    /// The unit; the quantities of different lines never overlap.
    pub unit: Unit,
    /// How many.
    pub quantity: i64,
    /// The price of `per` units.
    pub amount_usd: Money,
    /// How many units the amount is for.
    pub per: i64,
    /// `amount × quantity ÷ per`.
    pub cost_usd: Money,
}

/// What a call costs: the sum of its lines, exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Charge {
    /// All lines together.
    pub cost_usd: Money,
    /// The lines of input tokens and their subsets.
    pub cost_input_usd: Money,
    /// The lines of output tokens and their subsets.
    pub cost_output_usd: Money,
    /// The lines.
    pub lines: Vec<ChargeLine>,
}

/// The result of rating a usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rated {
    /// Every unit has a rate.
    Priced(Charge),
    /// These units have none, so the cost is unknown.
    Unrated(Vec<Unit>),
}

/// Rates a usage: each share of the split is charged once, at its own rate or at that of the
/// nearest unit that it is a part of. `requests` count only where the price charges them, and
/// images, videos, seconds, characters and pages need no rate beside what was charged.
pub fn rate(price: &PriceVersion, usage: &Usage, units: &UnitTree) -> Result<Rated> {
    rate_in_tier(price, usage, usage.get(&Unit::InputTokens), units)
}

/// The same for the usage of several calls together, in the context tier of one call's input.
pub fn rate_in_tier(
    price: &PriceVersion,
    usage: &Usage,
    input_tokens: i64,
    units: &UnitTree,
) -> Result<Rated> {
    let shares = units.split(usage)?;
    let mut charge = Charge { lines: Vec::with_capacity(shares.len()), ..Charge::default() };
    let mut unrated = Vec::new();
    for (unit, quantity) in shares {
        match nearest_rate(price, &unit, input_tokens, units) {
            Some(rate) => add_line(&mut charge, rate, unit, quantity, units)?,
            None if unit == Unit::Requests => {}
            None => unrated.push(unit),
        }
    }
    // A model priced by tokens may be told how many images those tokens were: nothing is missing.
    let only_describes = |unit: &Unit| {
        matches!(unit, Unit::Images | Unit::Seconds | Unit::Characters | Unit::Pages)
            || unit.name() == "videos"
    };
    let is_priced = charge.cost_usd > Money::ZERO && unrated.iter().all(only_describes);
    let is_priced = is_priced || unrated.is_empty();
    Ok(if is_priced { Rated::Priced(charge) } else { Rated::Unrated(unrated) })
}

fn nearest_rate<'a>(
    price: &'a PriceVersion,
    unit: &Unit,
    input_tokens: i64,
    units: &UnitTree,
) -> Option<&'a Rate> {
    price.rate(unit, input_tokens).or_else(|| {
        units
            .parents(unit)
            .iter()
            .find_map(|parent| nearest_rate(price, parent, input_tokens, units))
    })
}

fn add_line(
    charge: &mut Charge,
    rate: &Rate,
    unit: Unit,
    quantity: i64,
    units: &UnitTree,
) -> Result<()> {
    let cost = rate.amount.charge(quantity, rate.per)?;
    charge.cost_usd = charge.cost_usd.plus(cost)?;
    match units.root(&unit) {
        Unit::InputTokens => charge.cost_input_usd = charge.cost_input_usd.plus(cost)?,
        Unit::OutputTokens => charge.cost_output_usd = charge.cost_output_usd.plus(cost)?,
        _ => {}
    }
    let (amount_usd, per) = (rate.amount, rate.per);
    charge.lines.push(ChargeLine { unit, quantity, amount_usd, per, cost_usd: cost });
    Ok(())
}

/// What a call that is over costs by the list; nothing when that is not known. A failed call that
/// used nothing is free.
pub fn list_charge(
    price: Option<&PriceVersion>,
    status_code: i64,
    usage: &Usage,
    units: &UnitTree,
) -> Result<Option<Charge>> {
    if status_code >= 400 && usage.is_none() {
        return Ok(Some(Charge::default()));
    }
    let Some(price) = price else { return Ok(None) };
    // A call that was carried out used something: no usage means that it is not known.
    if usage.is_none() {
        return Ok(None);
    }
    match rate(price, usage, units)? {
        Rated::Priced(charge) => Ok(Some(charge)),
        Rated::Unrated(_) => Ok(None),
    }
}

/// What a call that is over used: a failed one only what it reports.
pub fn full_usage(
    usage: &Usage,
    operation: &Operation,
    status_code: i64,
    call_count: i64,
    price: Option<&PriceVersion>,
) -> Usage {
    if status_code >= 400 {
        return usage.clone();
    }
    with_implied_units(usage, operation, call_count, price)
}

/// The unit that an operation uses one of per call when nothing else is reported.
pub fn unit_of_operation(operation: &Operation) -> Option<Unit> {
    match operation.as_str() {
        "search" => Some(Unit::Searches),
        "crawl" => Some(Unit::Pages),
        "image_generation" | "image_edit" => Some(Unit::Images),
        _ => None,
    }
}

/// Adds what a call that was carried out used without reporting it: one request a call where
/// the price charges requests, and one image, search or page where nothing of the kind is given.
pub fn with_implied_units(
    usage: &Usage,
    operation: &Operation,
    call_count: i64,
    price: Option<&PriceVersion>,
) -> Usage {
    let mut full = usage.clone();
    let charges_requests = price.is_some_and(|price| price.charges(&Unit::Requests));
    if charges_requests && full.get(&Unit::Requests) == 0 {
        full.set(Unit::Requests, call_count);
    }
    let has_no_count = || usage.iter().all(|(unit, _)| unit.name().ends_with("_tokens"));
    if let Some(unit) = unit_of_operation(operation)
        && has_no_count()
        && price.is_none_or(|price| price.charges(&unit))
    {
        full.set(unit, call_count);
    }
    full
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::price::{Matcher, Variant};
    use crate::domain::time::Timestamp;

    fn price(rates: &[(&str, &str, i64)]) -> PriceVersion {
        let rate = |(unit, amount, per): &(&str, &str, i64)| Rate {
            unit: unit.parse().unwrap(),
            above_input_tokens: 0,
            amount: amount.parse().unwrap(),
            per: *per,
        };
        PriceVersion {
            id: 1,
            provider: "p".into(),
            matcher: Matcher::Exact,
            model: "m".into(),
            variant: Variant::Standard,
            operation: None,
            effective_from: Timestamp::MIN,
            source: "test".into(),
            rates: rates.iter().map(rate).collect(),
        }
    }

    fn cost(rates: &[(&str, &str, i64)], usage: &Usage) -> Option<String> {
        match rate(&price(rates), usage, &UnitTree::default()).unwrap() {
            Rated::Priced(charge) => Some(charge.cost_usd.to_string()),
            Rated::Unrated(_) => None,
        }
    }

    const TEXT: [(&str, &str, i64); 2] =
        [("input_tokens", "3", 1_000_000), ("output_tokens", "15", 1_000_000)];

    #[test]
    fn regression_17_tiny_charges_are_exact() {
        let rates = [("input_tokens", "0.0375", 1_000_000)];
        assert_eq!(cost(&rates, &Usage::tokens(10, 0)).unwrap(), "0.000000375");
    }

    #[test]
    fn regression_19_cached_tokens_are_billed_once() {
        let rates = [TEXT[0], TEXT[1], ("cached_input_tokens", "0.3", 1_000_000)];
        let usage = Usage::tokens(1_000_000, 0).with(Unit::CachedInputTokens, 900_000);
        assert_eq!(cost(&rates, &usage).unwrap(), "0.57");
        // Without a rate of their own they cost what input tokens cost.
        assert_eq!(cost(&TEXT, &usage).unwrap(), "3");
    }

    #[test]
    fn a_unit_without_a_rate_makes_the_cost_unknown() {
        assert_eq!(cost(&TEXT, &Usage::tokens(1, 1).with(Unit::Searches, 1)), None);
        assert_eq!(cost(&TEXT, &Usage::of(Unit::Images, 1)), None);
        assert_eq!(cost(&TEXT, &Usage::tokens(1, 0).with(Unit::Images, 1)).unwrap(), "0.000003");
        assert_eq!(cost(&TEXT, &Usage::tokens(1, 0).with(Unit::Requests, 1)).unwrap(), "0.000003");
        let included = [TEXT[0], TEXT[1], ("images", "0", 1)];
        assert_eq!(
            cost(&included, &Usage::tokens(1, 0).with(Unit::Images, 1)).unwrap(),
            "0.000003"
        );
    }

    #[test]
    fn parts_add_to_the_whole() {
        let usage = Usage::tokens(7, 11).with(Unit::ReasoningTokens, 5);
        let Rated::Priced(charge) = rate(&price(&TEXT), &usage, &UnitTree::default()).unwrap()
        else {
            panic!("priced")
        };
        assert_eq!(charge.cost_usd, charge.cost_input_usd.plus(charge.cost_output_usd).unwrap());
        let lines = Money::sum(charge.lines.iter().map(|line| line.cost_usd)).unwrap();
        assert_eq!(lines, charge.cost_usd);
    }

    #[test]
    fn a_search_counts_as_one_search_unless_told() {
        let search = Operation::new("search").unwrap();
        let implied = with_implied_units(&Usage::none(), &search, 3, None);
        assert_eq!(implied.get(&Unit::Searches), 3);
        let told = with_implied_units(&Usage::of(Unit::Searches, 2), &search, 1, None);
        assert_eq!(told.get(&Unit::Searches), 2);
        let chat = with_implied_units(&Usage::tokens(1, 1), &Operation::chat(), 1, None);
        assert_eq!(chat, Usage::tokens(1, 1));
    }
}
