//! Catalogue rows: reading all of them, and writing what changes.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::names::{Kind, Names};
use super::rows::{checked, instant};
use super::seal::seal_catalogue;
use crate::domain::catalogue::{Catalogue, PlanLimits, Provider};
use crate::domain::money::Money;
use crate::domain::operation::Operation;
use crate::domain::plan::{Limit, Maximum, Plan};
use crate::domain::price::{PriceVersion, Rate};
use crate::domain::price_book::PriceBook;
use crate::domain::time::Timestamp;
use crate::domain::unit_tree::UnitTree;
use crate::domain::usage::Unit;
use crate::error::{Error, Result};
use crate::storage::CatalogueChange;

/// The whole catalogue, at the version that the file has.
pub(super) fn load(connection: &Connection, default_plan: &str) -> rusqlite::Result<Catalogue> {
    let version =
        connection.query_row("SELECT catalogue_version FROM store", [], |row| row.get(0))?;
    let (units, labels) = units(connection)?;
    Ok(Catalogue {
        version,
        default_plan: default_plan.to_owned(),
        plans: plans(connection)?,
        prices: PriceBook::new(price_versions(connection)?, aliases(connection)?),
        providers: providers(connection)?,
        units,
        labels,
        plan_limits: PlanLimits::default(),
    })
}

fn plans(connection: &Connection) -> rusqlite::Result<Vec<Plan>> {
    let sql = "SELECT plan_id, name, tier, price_monthly_pico_usd, price_yearly_pico_usd, \
               description, features, is_active, included_cost_pico_usd FROM plans \
               ORDER BY price_monthly_pico_usd, plan_id";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut plans = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let (tier, features): (String, String) = (row.get(2)?, row.get(6)?);
        plans.push(Plan {
            name: row.get(1)?,
            tier: checked(tier.parse())?,
            price_monthly_usd: Money::from_pico_usd(row.get(3)?),
            price_yearly_usd: Money::from_pico_usd(row.get(4)?),
            included_cost_usd: row.get::<_, Option<i64>>(8)?.map(Money::from_pico_usd),
            description: row.get(5)?,
            features: json(&features)?,
            limits: plan_limits(connection, &id)?,
            is_active: row.get(7)?,
            id,
        });
    }
    Ok(plans)
}

/// The columns of a limit, in the order that `limit` reads them.
pub(super) const LIMIT_COLUMNS: &str =
    "name, metric, provider, operation, \"window\", maximum, policy, thresholds";

/// A limit of a row of [`LIMIT_COLUMNS`] from a column on.
pub(super) fn limit(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Limit> {
    let text = |column: usize| row.get::<_, String>(first + column);
    let operation: Option<String> = row.get(first + 3)?;
    Ok(Limit {
        name: text(0)?,
        metric: checked(text(1)?.parse())?,
        provider: row.get(first + 2)?,
        operation: operation.map(|name| checked(Operation::new(&name))).transpose()?,
        window: checked(text(4)?.parse())?,
        maximum: Maximum::from_bound(row.get(first + 5)?),
        policy: checked(text(6)?.parse())?,
        thresholds: json(&text(7)?)?,
    })
}

fn plan_limits(connection: &Connection, plan_id: &str) -> rusqlite::Result<Vec<Limit>> {
    let sql =
        format!("SELECT {LIMIT_COLUMNS} FROM plan_limits WHERE plan_id = ?1 ORDER BY position");
    let mut statement = connection.prepare_cached(&sql)?;
    statement.query_map([plan_id], |row| limit(row, 0))?.collect()
}

fn price_versions(connection: &Connection) -> rusqlite::Result<Vec<PriceVersion>> {
    let mut rates: BTreeMap<i64, Vec<Rate>> = BTreeMap::new();
    let sql = "SELECT price_version_id, unit, above_input_tokens, amount_pico_usd, per \
               FROM price_rates";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let unit: String = row.get(1)?;
        rates.entry(row.get(0)?).or_default().push(Rate {
            unit: checked(unit.parse())?,
            above_input_tokens: row.get(2)?,
            amount: Money::from_pico_usd(row.get(3)?),
            per: row.get(4)?,
        });
    }
    let sql = "SELECT id, provider, matcher, model, variant, operation, effective_from_us, source \
               FROM price_versions ORDER BY id";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let (matcher, variant): (String, String) = (row.get(2)?, row.get(4)?);
        let operation: Option<String> = row.get(5)?;
        versions.push(PriceVersion {
            id,
            provider: row.get(1)?,
            matcher: checked(matcher.parse())?,
            model: row.get(3)?,
            variant: checked(variant.parse())?,
            operation: operation.map(|name| checked(Operation::new(&name))).transpose()?,
            effective_from: instant(row, 6)?,
            source: row.get(7)?,
            rates: rates.remove(&id).unwrap_or_default(),
        });
    }
    Ok(versions)
}

fn aliases(connection: &Connection) -> rusqlite::Result<Vec<(String, String, String)>> {
    let mut statement = connection.prepare("SELECT provider, alias, model FROM price_aliases")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}

fn providers(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Provider>> {
    let sql = "SELECT provider, display_name, default_operation FROM providers \
               WHERE display_name IS NOT NULL";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut providers = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (id, operation): (String, String) = (row.get(0)?, row.get(2)?);
        let provider = Provider {
            id: id.clone(),
            display_name: row.get(1)?,
            default_operation: checked(Operation::new(&operation))?,
        };
        providers.insert(id, provider);
    }
    Ok(providers)
}

fn units(connection: &Connection) -> rusqlite::Result<(UnitTree, BTreeMap<Unit, String>)> {
    let (mut tree, mut labels) = (UnitTree::default(), BTreeMap::new());
    let mut statement =
        connection.prepare("SELECT unit, label FROM units WHERE label IS NOT NULL")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let unit: String = row.get(0)?;
        let unit: Unit = checked(unit.parse())?;
        // A unit of the catalogue is a part of just what the catalogue says.
        checked(tree.insert(unit.clone(), Vec::new()))?;
        labels.insert(unit, row.get(1)?);
    }
    let mut parents: BTreeMap<Unit, Vec<Unit>> = BTreeMap::new();
    let sql = "SELECT u.unit, p.unit FROM unit_parents x JOIN units u ON u.id = x.unit_id \
               JOIN units p ON p.id = x.parent_id ORDER BY x.unit_id, x.position";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (unit, parent): (String, String) = (row.get(0)?, row.get(1)?);
        parents.entry(checked(unit.parse())?).or_default().push(checked(parent.parse())?);
    }
    for (unit, parents) in parents {
        checked(tree.insert(unit, parents))?;
    }
    Ok((tree, labels))
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}

fn json_text<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// Refuses, before anything is written, a price that would change one that calls are rated by,
/// and a unit that would be a part of itself.
pub(super) fn check(
    connection: &Connection,
    changes: &[CatalogueChange],
    catalogue: &Catalogue,
) -> rusqlite::Result<Result<()>> {
    if changes.is_empty() {
        return Ok(Ok(()));
    }
    let mut units = catalogue.units.clone();
    for change in changes {
        if let CatalogueChange::Unit { unit, parents, .. } = change
            && let Err(cycle) = units.insert(unit.clone(), parents.clone())
        {
            return Ok(Err(cycle));
        }
        let CatalogueChange::Price(price) = change else { continue };
        let Some(known) = same_version(catalogue, price) else { continue };
        if sorted(&known.rates) == sorted(&price.rates) && known.source == price.source {
            continue;
        }
        let sql = "SELECT EXISTS (SELECT 1 FROM calls WHERE price_version_id = ?1) \
                   OR EXISTS (SELECT 1 FROM holds WHERE price_version_id = ?1) \
                   OR EXISTS (SELECT 1 FROM pruned_calls WHERE price_version_id = ?1)";
        let is_used: bool = connection.query_row(sql, [known.id], |row| row.get(0))?;
        if is_used {
            let reason = format!(
                "version {} is used by recorded calls, so it can no longer change",
                known.id
            );
            return Ok(Err(Error::InvalidPrice { price: price.title(), reason }));
        }
    }
    Ok(Ok(()))
}

fn sorted(rates: &[Rate]) -> Vec<(String, i64, i64, i64)> {
    let mut rows: Vec<_> = rates
        .iter()
        .map(|r| (r.unit.to_string(), r.above_input_tokens, r.amount.pico_usd(), r.per))
        .collect();
    rows.sort_unstable();
    rows
}

fn same_version<'a>(catalogue: &'a Catalogue, price: &PriceVersion) -> Option<&'a PriceVersion> {
    catalogue
        .prices
        .versions()
        .iter()
        .find(|known| known.is_same_price(price) && known.effective_from == price.effective_from)
}

/// Writes the changes and raises the catalogue's version.
pub(super) fn write(
    connection: &Connection,
    names: &mut Names,
    changes: &[CatalogueChange],
    at: Timestamp,
) -> rusqlite::Result<()> {
    for change in changes {
        match change {
            CatalogueChange::Plan(plan) => write_plan(connection, plan, at)?,
            CatalogueChange::Price(price) => write_price(connection, price)?,
            CatalogueChange::Alias { provider, alias, model } => {
                let sql = "INSERT INTO price_aliases (provider, alias, model) VALUES (?1, ?2, ?3) \
                           ON CONFLICT DO UPDATE SET model = excluded.model";
                connection.prepare_cached(sql)?.execute([provider, alias, model])?;
            }
            CatalogueChange::Provider(provider) => {
                let Provider { id, display_name, default_operation } = provider;
                names.id(connection, Kind::Provider, id)?;
                let sql = "UPDATE providers SET display_name = ?2, default_operation = ?3 \
                           WHERE provider = ?1";
                let mut statement = connection.prepare_cached(sql)?;
                statement.execute([id, display_name, default_operation.as_str()])?;
            }
            CatalogueChange::Unit { unit, parents, label } => {
                write_unit(connection, names, unit, parents, label)?;
            }
        }
    }
    let sql = "UPDATE store SET catalogue_version = catalogue_version + 1";
    connection.execute(sql, [])?;
    seal_catalogue(connection)
}

fn write_plan(connection: &Connection, plan: &Plan, at: Timestamp) -> rusqlite::Result<()> {
    let sql = "INSERT INTO plans (plan_id, name, tier, price_monthly_pico_usd, \
               price_yearly_pico_usd, description, features, is_active, created_at_us, \
               updated_at_us, included_cost_pico_usd) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10) \
               ON CONFLICT (plan_id) DO UPDATE SET name = excluded.name, tier = excluded.tier, \
               price_monthly_pico_usd = excluded.price_monthly_pico_usd, \
               price_yearly_pico_usd = excluded.price_yearly_pico_usd, \
               description = excluded.description, features = excluded.features, \
               is_active = excluded.is_active, updated_at_us = excluded.updated_at_us, \
               included_cost_pico_usd = excluded.included_cost_pico_usd";
    connection.prepare_cached(sql)?.execute(params![
        plan.id,
        plan.name,
        plan.tier.name(),
        plan.price_monthly_usd.pico_usd(),
        plan.price_yearly_usd.pico_usd(),
        plan.description,
        json_text(&plan.features)?,
        plan.is_active,
        at.micros(),
        plan.included_cost_usd.map(Money::pico_usd),
    ])?;
    connection.execute("DELETE FROM plan_limits WHERE plan_id = ?1", [&plan.id])?;
    let sql = format!(
        "INSERT INTO plan_limits (plan_id, position, {LIMIT_COLUMNS}) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    for (position, limit) in (0_i64..).zip(&plan.limits) {
        statement.execute(params![
            plan.id,
            position,
            limit.name,
            limit.metric.name(),
            limit.provider,
            limit.operation.as_ref().map(Operation::as_str),
            limit.window.name(),
            limit.maximum.bound(),
            limit.policy.to_string(),
            json_text(&limit.thresholds)?,
        ])?;
    }
    Ok(())
}

fn write_price(connection: &Connection, price: &PriceVersion) -> rusqlite::Result<()> {
    let sql = "SELECT id FROM price_versions WHERE provider = ?1 AND matcher = ?2 AND model = ?3 \
               AND variant = ?4 AND ifnull(operation, '') = ?5 AND effective_from_us = ?6";
    let operation = price.operation.as_ref().map(Operation::as_str);
    let known: Option<i64> = connection
        .prepare_cached(sql)?
        .query_row(
            params![
                price.provider,
                price.matcher.name(),
                price.model,
                price.variant.name(),
                operation.unwrap_or_default(),
                price.effective_from.micros(),
            ],
            |row| row.get(0),
        )
        .optional()?;
    let id = if let Some(id) = known {
        connection.execute(
            "UPDATE price_versions SET source = ?2 WHERE id = ?1",
            params![id, price.source],
        )?;
        connection.execute("DELETE FROM price_rates WHERE price_version_id = ?1", [id])?;
        id
    } else {
        let sql = "INSERT INTO price_versions (provider, matcher, model, variant, operation, \
                   effective_from_us, source) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        connection.prepare_cached(sql)?.insert(params![
            price.provider,
            price.matcher.name(),
            price.model,
            price.variant.name(),
            operation,
            price.effective_from.micros(),
            price.source,
        ])?
    };
    let sql = "INSERT INTO price_rates (price_version_id, unit, above_input_tokens, \
               amount_pico_usd, per) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut statement = connection.prepare_cached(sql)?;
    for rate in &price.rates {
        statement.execute(params![
            id,
            rate.unit.name(),
            rate.above_input_tokens,
            rate.amount.pico_usd(),
            rate.per,
        ])?;
    }
    Ok(())
}

fn write_unit(
    connection: &Connection,
    names: &mut Names,
    unit: &Unit,
    parents: &[Unit],
    label: &str,
) -> rusqlite::Result<()> {
    let id = names.id(connection, Kind::Unit, unit.name())?;
    connection.execute("UPDATE units SET label = ?2 WHERE id = ?1", params![id, label])?;
    connection.execute("DELETE FROM unit_parents WHERE unit_id = ?1", [id])?;
    for (position, parent) in (0_i64..).zip(parents) {
        let parent_id = names.id(connection, Kind::Unit, parent.name())?;
        let sql = "INSERT INTO unit_parents (unit_id, position, parent_id) VALUES (?1, ?2, ?3)";
        connection.execute(sql, params![id, position, parent_id])?;
    }
    Ok(())
}
