//! Catalogue files: plans as TOML, prices and names as CSV, read into plain values.
//!
//! The columns are described in `catalogue/README.md`; the default files are compiled in.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::catalogue::Provider;
use super::money::Money;
use super::name;
use super::operation::Operation;
use super::plan::{Limit, Maximum, Metric, Plan, Policy, THRESHOLDS, Tier};
use super::price::{Matcher, PriceVersion, Rate, Variant};
use super::time::{Timestamp, Window};
use super::usage::Unit;
use crate::error::{Error, Result, shown};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    plan: Vec<PlanEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanEntry {
    id: String,
    name: String,
    tier: Tier,
    price_monthly_usd: Money,
    price_yearly_usd: Money,
    #[serde(default)]
    description: String,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default)]
    limit: Vec<LimitEntry>,
    #[serde(default = "yes")]
    is_active: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitEntry {
    name: String,
    metric: Metric,
    provider: Option<String>,
    operation: Option<String>,
    #[serde(default)]
    window: Window,
    maximum: String,
    #[serde(default)]
    policy: Policy,
    thresholds: Option<Vec<u8>>,
}

impl TryFrom<PlanEntry> for Plan {
    type Error = Error;

    fn try_from(entry: PlanEntry) -> Result<Self> {
        let limits = entry.limit.into_iter().map(Limit::try_from).collect::<Result<_>>()?;
        let plan = Self {
            id: entry.id,
            name: entry.name,
            tier: entry.tier,
            price_monthly_usd: entry.price_monthly_usd,
            price_yearly_usd: entry.price_yearly_usd,
            description: entry.description,
            features: entry.features,
            limits,
            is_active: entry.is_active,
        };
        plan.validate()?;
        Ok(plan)
    }
}

impl TryFrom<LimitEntry> for Limit {
    type Error = Error;

    fn try_from(entry: LimitEntry) -> Result<Self> {
        let maximum = Maximum::parse(&entry.maximum, &entry.metric)?;
        let provider = entry.provider.as_deref().map(|p| name::normalised("provider", p));
        Ok(Self {
            provider: provider.transpose()?,
            operation: entry.operation.as_deref().map(Operation::new).transpose()?,
            window: entry.window,
            policy: entry.policy,
            thresholds: entry.thresholds.unwrap_or_else(|| THRESHOLDS.to_vec()),
            ..Self::new(&entry.name, entry.metric, maximum)?
        })
    }
}

/// Reads a file of plans (TOML).
///
/// # Errors
/// `invalid_catalogue` with the line, or `invalid_plan`.
pub fn read_plans(file: &str, text: &str) -> Result<Vec<Plan>> {
    let parsed: PlanFile = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let lines = text.get(..offset).map_or(0, |before| before.matches('\n').count());
        Error::InvalidCatalogue {
            file: shown(file),
            line: u64::try_from(lines + 1).unwrap_or(0),
            reason: error.message().to_owned(),
        }
    })?;
    parsed.plan.into_iter().map(Plan::try_from).collect()
}

#[derive(Deserialize)]
struct PriceRow {
    provider: String,
    matcher: Matcher,
    model: String,
    variant: Variant,
    operation: String,
    unit: Unit,
    above_input_tokens: i64,
    amount_usd: Money,
    per: i64,
    effective_from: Timestamp,
    source: String,
}

/// Reads a file of prices (CSV): one row a rate, the rows of one price forming a version.
///
/// # Errors
/// `invalid_catalogue` with the line, or `invalid_price`.
pub fn read_prices(file: &str, text: &str) -> Result<Vec<PriceVersion>> {
    let mut versions: Vec<PriceVersion> = Vec::new();
    let mut places: BTreeMap<(String, Matcher, String, Variant, String, Timestamp), usize> =
        BTreeMap::new();
    for row in rows::<PriceRow>(file, text)? {
        let row = row?;
        let provider = name::normalised("provider", &row.provider)?;
        let model = row.model.trim().to_lowercase();
        let key = (
            provider.clone(),
            row.matcher,
            model.clone(),
            row.variant,
            row.operation.clone(),
            row.effective_from,
        );
        let rate = Rate {
            unit: row.unit,
            above_input_tokens: row.above_input_tokens,
            amount: row.amount_usd,
            per: row.per,
        };
        if let Some(place) = places.get(&key) {
            versions[*place].rates.push(rate);
            continue;
        }
        places.insert(key, versions.len());
        let operation = Some(row.operation.as_str()).filter(|operation| !operation.is_empty());
        versions.push(PriceVersion {
            id: 0,
            provider,
            matcher: row.matcher,
            model,
            variant: row.variant,
            operation: operation.map(Operation::new).transpose()?,
            effective_from: row.effective_from,
            source: row.source,
            rates: vec![rate],
        });
    }
    for version in &versions {
        version.validate()?;
    }
    Ok(versions)
}

#[derive(Deserialize)]
struct AliasRow {
    provider: String,
    alias: String,
    model: String,
}

/// Reads a file of aliases (CSV): provider, alias, model.
pub fn read_aliases(file: &str, text: &str) -> Result<Vec<(String, String, String)>> {
    rows::<AliasRow>(file, text)?
        .map(|row| {
            let AliasRow { provider, alias, model } = row?;
            Ok((
                name::normalised("provider", &provider)?,
                name::normalised("alias", &alias)?,
                name::normalised("model", &model)?,
            ))
        })
        .collect()
}

#[derive(Deserialize)]
struct ProviderRow {
    provider: String,
    display_name: String,
    default_operation: String,
}

/// Reads a file of providers (CSV).
pub fn read_providers(file: &str, text: &str) -> Result<Vec<Provider>> {
    rows::<ProviderRow>(file, text)?
        .map(|row| {
            let row = row?;
            Ok(Provider {
                id: name::normalised("provider", &row.provider)?,
                display_name: row.display_name,
                default_operation: Operation::new(&row.default_operation)?,
            })
        })
        .collect()
}

#[derive(Deserialize)]
struct UnitRow {
    unit: Unit,
    subset_of: String,
    label: String,
}

/// A unit, what it is a part of, and what it counts.
pub type UnitEntry = (Unit, Vec<Unit>, String);

/// Reads a file of units (CSV).
pub fn read_units(file: &str, text: &str) -> Result<Vec<UnitEntry>> {
    rows::<UnitRow>(file, text)?
        .map(|row| {
            let UnitRow { unit, subset_of, label } = row?;
            let parents = subset_of.split_whitespace().map(str::parse).collect::<Result<_>>()?;
            Ok((unit, parents, label))
        })
        .collect()
}

/// The rows of a CSV file with a header.
fn rows<T: DeserializeOwned>(file: &str, text: &str) -> Result<impl Iterator<Item = Result<T>>> {
    let invalid = |error: &csv::Error| Error::InvalidCatalogue {
        file: shown(file),
        line: error.position().map_or(0, csv::Position::line),
        reason: error.to_string(),
    };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    reader.headers().map_err(|error| invalid(&error))?;
    let parsed: Vec<Result<T>> =
        reader.deserialize().map(|row| row.map_err(|error| invalid(&error))).collect();
    Ok(parsed.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_row_is_named_by_its_line() {
        let head = concat!(
            "provider,matcher,model,variant,operation,unit,above_input_tokens,",
            "amount_usd,per,effective_from,source\n"
        );
        let good = "p,exact,m,standard,,input_tokens,0,0.15,1000000,2025-01-01T00:00:00Z,s\n";
        assert_eq!(read_prices("f", &format!("{head}{good}")).unwrap().len(), 1);
        let bad = good.replace("0.15", "cheap");
        let error = read_prices("f.csv", &format!("{head}{good}{bad}")).unwrap_err();
        assert!(matches!(&error, Error::InvalidCatalogue { line: 3, .. }), "{error}");
    }

    #[test]
    fn a_bad_plan_is_named_by_its_line() {
        let error = read_plans("p.toml", "[[plan]]\nid = 1\n").unwrap_err();
        assert!(matches!(&error, Error::InvalidCatalogue { line: 2, .. }), "{error}");
    }
}
