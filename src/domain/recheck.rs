//! Rechecking: whether a call of the ledger costs what its usage and its price version say.

use super::call::{Call, UsageSource};
use super::money::Money;
use super::price::{Matcher, PriceMatch, PriceVersion, Variant};
use super::price_book::PriceBook;
use super::rating::{Charge, Rated, full_usage, list_charge, rate};
use super::unit_tree::UnitTree;

/// A column of a call that is not what the rules give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The column.
    pub column: &'static str,
    /// What the ledger says.
    pub stored: String,
    /// What the rules give.
    pub recomputed: String,
}

/// The parts of a cost: all, input, output.
type Cost = (Option<Money>, Money, Money);

/// Rates a call anew: the first column that differs.
pub fn difference(call: &Call, prices: &PriceBook, units: &UnitTree) -> Option<Difference> {
    let version = call.price_version_id.and_then(|id| prices.by_id(id));
    if call.price_version_id.is_some() != version.is_some() {
        let id = call.price_version_id.unwrap_or_default().to_string();
        return Some(differs("price_version_id", id, "a price version"));
    }
    if !is_matched(call, version) {
        let recomputed = version.map_or("unknown".to_owned(), |version| {
            format!("as version {} is found, {}", version.id, version.title())
        });
        return Some(differs("price_match", call.price_match.name(), recomputed));
    }
    let (cost, cost_input, cost_output) = match recomputed(call, version, units) {
        Ok(cost) => cost?,
        Err(error) => return Some(differs("usage", "what cannot be rated", error.to_string())),
    };
    let shown = |money: Option<Money>| money.map_or("unknown".into(), |money| money.to_string());
    let columns = [
        ("cost_pico_usd", call.cost, cost),
        ("cost_input_pico_usd", Some(call.cost_input), Some(cost_input)),
        ("cost_output_pico_usd", Some(call.cost_output), Some(cost_output)),
    ];
    let (column, stored, own) = columns.into_iter().find(|(_, stored, own)| stored != own)?;
    Some(differs(column, shown(stored), shown(own)))
}

fn differs(
    column: &'static str,
    stored: impl Into<String>,
    recomputed: impl Into<String>,
) -> Difference {
    Difference { column, stored: stored.into(), recomputed: recomputed.into() }
}

/// Whether the version can have been found in the way that the call says.
fn is_matched(call: &Call, version: Option<&PriceVersion>) -> bool {
    let Some(version) = version else { return call.price_match == PriceMatch::Unknown };
    let is_way = match call.price_match {
        PriceMatch::Exact | PriceMatch::Alias => version.matcher == Matcher::Exact,
        PriceMatch::Prefix => version.matcher == Matcher::Prefix,
        PriceMatch::ProviderDefault => version.matcher == Matcher::Default,
        PriceMatch::NamedDefault => true,
        PriceMatch::Unknown => false,
    };
    let is_variant = version.variant == call.variant || version.variant == Variant::Standard;
    is_way && is_variant && version.effective_from <= call.occurred_at
}

/// The cost by the rules; nothing where the row alone does not tell.
fn recomputed(
    call: &Call,
    version: Option<&PriceVersion>,
    units: &UnitTree,
) -> crate::error::Result<Option<Cost>> {
    let is_correction = call.call_count == 0;
    // Which unit is a part of which may have been told after the call.
    let is_known = call.usage.other().is_empty();
    if is_correction || !is_known {
        return Ok(None);
    }
    if let Some(vendor) = call.vendor_cost {
        return Ok(Some((Some(vendor), Money::ZERO, Money::ZERO)));
    }
    if call.usage_source == UsageSource::ExpiredHold {
        // It was charged what was held, as a whole; without a price that is a setting's amount.
        let Some(version) = version else { return Ok(None) };
        return Ok(match rate(version, &call.usage, units)? {
            Rated::Priced(charge) => Some((Some(charge.cost_usd), Money::ZERO, Money::ZERO)),
            Rated::Unrated(_) => None,
        });
    }
    let Call { usage, operation, status_code, call_count, .. } = call;
    let usage = full_usage(usage, operation, *status_code, *call_count, version);
    Ok(Some(match list_charge(version, *status_code, &usage, units)? {
        None => (None, Money::ZERO, Money::ZERO),
        Some(Charge { cost_usd, cost_input_usd, cost_output_usd, .. }) => {
            (Some(cost_usd), cost_input_usd, cost_output_usd)
        }
    }))
}
