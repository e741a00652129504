//! The catalogue through the meter: reading and changing plans and prices.

use std::sync::Arc;

use super::{About, Meter, events, no_windows};
use crate::domain::catalogue::Catalogue;
use crate::domain::name;
use crate::domain::plan::Plan;
use crate::domain::price::{PriceVersion, PriceWarning};
use crate::error::Result;
use crate::storage::{CatalogueChange, Changes, View};

impl Meter {
    /// Plans, prices, providers and units, as they stand now.
    pub fn catalogue(&self) -> Result<Arc<Catalogue>> {
        self.inner.store.catalogue()
    }

    /// The plans, cheapest first.
    pub fn plans(&self) -> Result<Vec<Plan>> {
        Ok(self.catalogue()?.plans.clone())
    }

    /// The price versions, all or those of one provider, in the order they were added.
    pub fn prices(&self, provider: Option<&str>) -> Result<Vec<PriceVersion>> {
        let provider = provider.map(|p| name::normalised("provider", p)).transpose()?;
        let catalogue = self.catalogue()?;
        let is_wanted = |version: &&PriceVersion| {
            provider.as_ref().is_none_or(|provider| *provider == version.provider)
        };
        Ok(catalogue.prices.versions().iter().filter(is_wanted).cloned().collect())
    }

    /// Adds a plan, or replaces the one with its id. Counters stay; only limits change.
    pub fn put_plan(&self, plan: &Plan) -> Result<()> {
        self.put_plans(std::slice::from_ref(plan))
    }

    /// Adds or replaces several plans in one transaction: all of them, or none.
    pub fn put_plans(&self, plans: &[Plan]) -> Result<()> {
        plans.iter().try_for_each(Plan::validate)?;
        let change = |plan: &Plan| CatalogueChange::Plan(Box::new(plan.clone()));
        self.change_catalogue(plans.iter().map(change).collect())
    }

    /// Adds a price version, which takes over from its instant on. It warns of token prices that
    /// look like another scale.
    ///
    /// # Errors
    /// `invalid_price` for a contradiction, or when it would change a version that is used.
    pub fn put_price(&self, price: &PriceVersion) -> Result<Vec<PriceWarning>> {
        self.put_prices(std::slice::from_ref(price))
    }

    /// Adds several price versions in one transaction: all of them, or none.
    pub fn put_prices(&self, prices: &[PriceVersion]) -> Result<Vec<PriceWarning>> {
        let mut changes = Vec::with_capacity(prices.len());
        let mut warnings = Vec::new();
        for price in prices {
            let price = PriceVersion {
                id: 0,
                provider: name::normalised("provider", &price.provider)?,
                model: price.model.trim().to_lowercase(),
                ..price.clone()
            };
            warnings.extend(price.validate()?);
            changes.push(CatalogueChange::Price(Box::new(price)));
        }
        for warning in &warnings {
            events::price_warned(warning);
        }
        self.change_catalogue(changes)?;
        Ok(warnings)
    }

    /// Changes the catalogue in one transaction.
    pub(crate) fn change_catalogue(&self, changes: Vec<CatalogueChange>) -> Result<()> {
        let catalogue_at = Some(self.now());
        self.run("catalogue", |completion| {
            let decide = move |_: &View| {
                let catalogue = changes.clone();
                Ok((Changes { catalogue, catalogue_at, ..Changes::default() }, ()))
            };
            self.submit(About::catalogue(), no_windows, decide, completion)
        })
    }
}
