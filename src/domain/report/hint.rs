//! Hints: what the same use would have cost on cheaper models.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::domain::catalogue::Catalogue;
use crate::domain::counter::{Counter, DayKey};
use crate::domain::limit::percent;
use crate::domain::money::Money;
use crate::domain::operation::Operation;
use crate::domain::price::{Matcher, PriceVersion, Variant};
use crate::domain::rating::{Rated, rate_in_tier, with_implied_units};
use crate::domain::time::Timestamp;
use crate::domain::usage::Unit;
use crate::error::Result;

/// A cheaper model for a use.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheaperModel {
    /// Who would be paid.
    pub provider: String,
    /// The model.
    pub model: String,
    /// What the same quantities cost there, at today's list price.
    pub cost: Money,
    /// How much less that is.
    pub saving: Money,
    /// That in percent of what was paid.
    pub saving_percentage: f64,
}

/// A use that would have cost less elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hint {
    /// Who was paid.
    pub provider: String,
    /// The model.
    pub model: String,
    /// What was done.
    pub operation: Operation,
    /// Recorded calls.
    pub calls: i64,
    /// Input and output tokens.
    pub tokens: i64,
    /// What was paid.
    pub cost: Money,
    /// At most three, the largest saving first.
    pub cheaper: Vec<CheaperModel>,
}

/// Which providers a hint may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HintScope {
    /// The one that was paid.
    SameProvider,
    /// Those that the user has used.
    #[default]
    UsedProviders,
    /// All that the catalogue prices.
    AllProviders,
}

/// The most alternatives of one use.
const CHEAPER_MAX: usize = 3;

/// What the use of these days would have cost on cheaper models of the same operation, at the
/// prices in force at an instant; the largest saving first.
///
/// A use with calls of unknown cost is left out, and so is a model that does not price every unit
/// that was used. Prices by context size are taken at the mean size of the calls.
pub fn hints(
    days: &[(DayKey, Counter)],
    catalogue: &Catalogue,
    at: Timestamp,
    scope: HintScope,
) -> Result<Vec<Hint>> {
    let mut uses: BTreeMap<(&str, &str, &Operation), Counter> = BTreeMap::new();
    for (key, counter) in days {
        let sum = uses.entry((&key.provider, &key.model, &key.operation)).or_default();
        *sum = sum.plus(counter)?;
    }
    let used_providers: BTreeSet<&str> = uses.keys().map(|(provider, _, _)| *provider).collect();
    let candidates: Vec<&PriceVersion> = catalogue
        .prices
        .in_force(at)
        .filter(|version| version.matcher == Matcher::Exact && version.variant == Variant::Standard)
        .collect();
    let mut hints = Vec::new();
    for ((provider, model, operation), sum) in uses {
        if sum.cost <= Money::ZERO || sum.unpriced_calls > 0 {
            continue;
        }
        let is_meant = |version: &&&PriceVersion| {
            let is_in_scope = match scope {
                HintScope::SameProvider => version.provider == provider,
                HintScope::UsedProviders => used_providers.contains(version.provider.as_str()),
                HintScope::AllProviders => true,
            };
            let is_for =
                version.operation.as_ref().map_or(operation.as_str() == "chat", |o| o == operation);
            is_in_scope && is_for && (version.provider != provider || version.model != model)
        };
        let mut cheaper = Vec::new();
        for version in candidates.iter().filter(is_meant) {
            cheaper.extend(cheaper_on(version, &sum, operation, catalogue)?);
        }
        cheaper.sort_by(|one, other| {
            (other.saving, &one.provider, &one.model).cmp(&(
                one.saving,
                &other.provider,
                &other.model,
            ))
        });
        cheaper.truncate(CHEAPER_MAX);
        if !cheaper.is_empty() {
            hints.push(Hint {
                provider: provider.to_owned(),
                model: model.to_owned(),
                operation: operation.clone(),
                calls: sum.calls,
                tokens: sum.usage.total_tokens(),
                cost: sum.cost,
                cheaper,
            });
        }
    }
    hints.sort_by_key(|hint| std::cmp::Reverse(hint.cheaper.first().map(|one| one.saving)));
    Ok(hints)
}

fn cheaper_on(
    version: &PriceVersion,
    sum: &Counter,
    operation: &Operation,
    catalogue: &Catalogue,
) -> Result<Option<CheaperModel>> {
    let usage = with_implied_units(&sum.usage, operation, sum.limited_calls, Some(version));
    let mean_input = sum.usage.get(&Unit::InputTokens).checked_div(sum.limited_calls).unwrap_or(0);
    let rated = rate_in_tier(version, &usage, mean_input, &catalogue.units)?;
    let Rated::Priced(charge) = rated else { return Ok(None) };
    // A price of 0 is a promotion or a gap in the list: nobody should be led there.
    if charge.cost_usd <= Money::ZERO || charge.cost_usd >= sum.cost {
        return Ok(None);
    }
    let saving = sum.cost.minus(charge.cost_usd)?;
    let share = percent(saving.pico_usd().into(), sum.cost.pico_usd().into());
    Ok(Some(CheaperModel {
        provider: version.provider.clone(),
        model: version.model.clone(),
        cost: charge.cost_usd,
        saving,
        saving_percentage: share.unwrap_or(0.0),
    }))
}
