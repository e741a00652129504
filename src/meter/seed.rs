//! Seeding: filling a new store with the catalogue that the library ships.

use serde::Serialize;

use super::{About, Meter, no_windows};
use crate::domain::catalogue::Catalogue;
use crate::domain::catalogue_file::{
    read_aliases, read_plans, read_prices, read_providers, read_units,
};
use crate::error::{Error, Result, shown};
use crate::storage::{CatalogueChange, Changes, View};

/// A file that is compiled in: its name and its text.
type Shipped = (&'static str, &'static str);

macro_rules! shipped {
    ($path:literal) => {
        ($path, include_str!(concat!("../../catalogue/", $path)))
    };
}

/// The plan sets, by name.
const PLAN_SETS: [(&str, Shipped); 2] = [
    ("default", shipped!("plans/default.toml")),
    ("alwrity-2026", shipped!("plans/alwrity-2026.toml")),
];
const PRICES: [Shipped; 2] = [shipped!("prices/2025-09-04.csv"), shipped!("prices/2026-11-24.csv")];
const ALIASES: Shipped = shipped!("aliases.csv");
const PROVIDERS: Shipped = shipped!("providers.csv");
const UNITS: Shipped = shipped!("units.csv");

/// What seeding added; what was there already is left as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seeded {
    /// Plans that were added.
    pub plans: usize,
    /// Price versions that were added.
    pub prices: usize,
    /// Aliases that were added.
    pub aliases: usize,
    /// Providers that were added.
    pub providers: usize,
    /// Units that were added.
    pub units: usize,
}

impl Meter {
    /// Adds the plans of a set (`default` or `alwrity-2026`), and all prices, aliases, providers
    /// and units that the library ships, in one transaction. What is there already, edited or
    /// not, stays as it is: seeding again changes nothing.
    ///
    /// # Errors
    /// `invalid_argument` for an unknown set, and the errors of the store.
    pub fn seed(&self, plan_set: &str) -> Result<Seeded> {
        let changes = shipped_catalogue(plan_set)?;
        let catalogue_at = Some(self.now());
        self.run("seed", |completion| {
            let decide = move |view: &View| {
                let catalogue = missing(&changes, &view.head.catalogue);
                let seeded = counted(&catalogue);
                Ok((Changes { catalogue, catalogue_at, ..Changes::default() }, seeded))
            };
            self.submit(About::catalogue(), no_windows, decide, completion)
        })
    }
}

/// The names of the plan sets that can be seeded.
pub fn plan_sets() -> impl Iterator<Item = &'static str> {
    PLAN_SETS.iter().map(|(name, _)| *name)
}

/// Everything that the library ships, as changes of an empty catalogue.
fn shipped_catalogue(plan_set: &str) -> Result<Vec<CatalogueChange>> {
    let (_, (file, text)) =
        PLAN_SETS.iter().find(|(name, _)| *name == plan_set).ok_or_else(|| {
            let expected = plan_sets().collect::<Vec<_>>().join(" or ").into();
            Error::InvalidArgument { name: "plans", value: shown(plan_set), expected }
        })?;
    let mut changes: Vec<CatalogueChange> = Vec::new();
    for (unit, parents, label) in read_units(UNITS.0, UNITS.1)? {
        changes.push(CatalogueChange::Unit { unit, parents, label });
    }
    let providers = read_providers(PROVIDERS.0, PROVIDERS.1)?;
    changes.extend(providers.into_iter().map(CatalogueChange::Provider));
    let plans = read_plans(file, text)?;
    changes.extend(plans.into_iter().map(|plan| CatalogueChange::Plan(Box::new(plan))));
    for (file, text) in PRICES {
        let prices = read_prices(file, text)?;
        changes.extend(prices.into_iter().map(|price| CatalogueChange::Price(Box::new(price))));
    }
    for (provider, alias, model) in read_aliases(ALIASES.0, ALIASES.1)? {
        changes.push(CatalogueChange::Alias { provider, alias, model });
    }
    Ok(changes)
}

/// The changes that are about something the catalogue does not have.
fn missing(changes: &[CatalogueChange], catalogue: &Catalogue) -> Vec<CatalogueChange> {
    let known_prices: std::collections::HashSet<_> = catalogue
        .prices
        .versions()
        .iter()
        .map(|p| (&p.provider, p.matcher, &p.model, p.variant, &p.operation, p.effective_from))
        .collect();
    let is_missing = |change: &&CatalogueChange| match change {
        CatalogueChange::Plan(plan) => catalogue.plan(&plan.id).is_err(),
        CatalogueChange::Price(p) => {
            let key = (&p.provider, p.matcher, &p.model, p.variant, &p.operation, p.effective_from);
            !known_prices.contains(&key)
        }
        CatalogueChange::Alias { provider, alias, .. } => {
            catalogue.prices.alias(provider, alias).is_none()
        }
        CatalogueChange::Provider(provider) => catalogue.provider(&provider.id).is_none(),
        CatalogueChange::Unit { unit, .. } => !catalogue.labels.contains_key(unit),
    };
    changes.iter().filter(is_missing).cloned().collect()
}

fn counted(changes: &[CatalogueChange]) -> Seeded {
    let mut seeded = Seeded::default();
    for change in changes {
        match change {
            CatalogueChange::Plan(_) => seeded.plans += 1,
            CatalogueChange::Price(_) => seeded.prices += 1,
            CatalogueChange::Alias { .. } => seeded.aliases += 1,
            CatalogueChange::Provider(_) => seeded.providers += 1,
            CatalogueChange::Unit { .. } => seeded.units += 1,
        }
    }
    seeded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_shipped_can_be_read_and_warns_of_nothing() {
        for set in plan_sets() {
            let changes = shipped_catalogue(set).unwrap();
            assert_eq!(counted(&changes).plans, 4);
            for change in changes {
                if let CatalogueChange::Price(price) = change {
                    assert_eq!(price.validate().unwrap(), vec![], "{}", price.title());
                }
            }
        }
        assert!(shipped_catalogue("nonsense").is_err());
    }
}
