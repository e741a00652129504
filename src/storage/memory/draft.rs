//! A draft of the next catalogue: the one before, with the changes of one work.

use std::collections::{BTreeMap, HashMap};

use crate::domain::catalogue::{Catalogue, PlanLimits, Provider};
use crate::domain::plan::Plan;
use crate::domain::price::PriceVersion;
use crate::domain::price_book::PriceBook;
use crate::domain::unit_tree::UnitTree;
use crate::domain::usage::Unit;
use crate::error::{Error, Result};
use crate::storage::CatalogueChange;

/// The catalogue that a work makes of the one before.
pub(super) struct Draft<'a> {
    before: &'a Catalogue,
    plans: Vec<Plan>,
    prices: Vec<PriceVersion>,
    /// The places of a provider's and model's prices: a whole catalogue is thousands of them.
    places: HashMap<(String, String), Vec<usize>>,
    /// By provider and alias.
    aliases: BTreeMap<(String, String), String>,
    providers: BTreeMap<String, Provider>,
    units: UnitTree,
    labels: BTreeMap<Unit, String>,
    is_changed: bool,
}

impl<'a> Draft<'a> {
    /// A draft that changes nothing yet.
    pub(super) fn new(before: &'a Catalogue) -> Self {
        let mut draft = Self {
            before,
            plans: before.plans.clone(),
            prices: Vec::new(),
            places: HashMap::new(),
            aliases: BTreeMap::new(),
            providers: before.providers.clone(),
            units: before.units.clone(),
            labels: before.labels.clone(),
            is_changed: false,
        };
        for price in before.prices.versions() {
            draft.push_price(price.clone());
        }
        for (provider, alias, model) in before.prices.aliases() {
            draft.aliases.insert((provider.to_owned(), alias.to_owned()), model.to_owned());
        }
        draft
    }

    /// Makes one change. A price that `is_used` tells to have rated a call is never edited.
    pub(super) fn apply(
        &mut self,
        change: CatalogueChange,
        is_used: &dyn Fn(i64) -> bool,
    ) -> Result<()> {
        match change {
            CatalogueChange::Plan(plan) => self.put_plan(*plan),
            CatalogueChange::Price(price) => return self.put_price(*price, is_used),
            CatalogueChange::Alias { provider, alias, model } => {
                let old = self.aliases.insert((provider, alias), model.clone());
                self.is_changed |= old != Some(model);
            }
            CatalogueChange::Provider(provider) => {
                let old = self.providers.insert(provider.id.clone(), provider.clone());
                self.is_changed |= old != Some(provider);
            }
            CatalogueChange::Unit { unit, parents, label } => {
                self.is_changed |= self.labels.insert(unit.clone(), label.clone()) != Some(label);
                self.put_unit(unit, parents)?;
            }
        }
        Ok(())
    }

    fn put_plan(&mut self, plan: Plan) {
        match self.plans.iter_mut().find(|known| known.id == plan.id) {
            Some(known) if *known == plan => return,
            Some(known) => *known = plan,
            None => self.plans.push(plan),
        }
        self.is_changed = true;
    }

    fn put_unit(&mut self, unit: Unit, parents: Vec<Unit>) -> Result<()> {
        self.is_changed |= self.units.parents(&unit) != parents;
        self.units.insert(unit, parents)
    }

    fn put_price(&mut self, price: PriceVersion, is_used: &dyn Fn(i64) -> bool) -> Result<()> {
        let is_same = |known: &PriceVersion| {
            known.is_same_price(&price) && known.effective_from == price.effective_from
        };
        let places = self.places.get(&(price.provider.clone(), price.model.clone()));
        let same = places.and_then(|places| places.iter().find(|i| is_same(&self.prices[**i])));
        let Some(place) = same.copied() else {
            self.push_price(PriceVersion { id: self.next_price_id()?, ..price });
            self.is_changed = true;
            return Ok(());
        };
        let known = &mut self.prices[place];
        let price = PriceVersion { id: known.id, ..price };
        if has_same_content(known, &price) {
            return Ok(());
        }
        if is_used(known.id) {
            let reason = format!(
                "its version of {} has rated calls, so it cannot be changed",
                known.effective_from
            );
            return Err(Error::InvalidPrice { price: price.title(), reason });
        }
        *known = price;
        self.is_changed = true;
        Ok(())
    }

    fn push_price(&mut self, price: PriceVersion) {
        let model = (price.provider.clone(), price.model.clone());
        self.places.entry(model).or_default().push(self.prices.len());
        self.prices.push(price);
    }

    fn next_price_id(&self) -> Result<i64> {
        i64::try_from(self.prices.len() + 1)
            .map_err(|error| Error::Internal { reason: error.to_string() })
    }

    /// The next version of the catalogue, or nothing when all was so already.
    pub(super) fn finish(mut self) -> Option<Catalogue> {
        if !self.is_changed {
            return None;
        }
        self.plans.sort_by(|a, b| (a.price_monthly_usd, &a.id).cmp(&(b.price_monthly_usd, &b.id)));
        let aliases =
            self.aliases.into_iter().map(|((provider, alias), model)| (provider, alias, model));
        Some(Catalogue {
            version: self.before.version + 1,
            default_plan: self.before.default_plan.clone(),
            plans: self.plans,
            prices: PriceBook::new(self.prices, aliases),
            providers: self.providers,
            units: self.units,
            labels: self.labels,
            plan_limits: PlanLimits::default(),
        })
    }
}

/// Whether two versions say the same, in whatever order their rates are.
fn has_same_content(one: &PriceVersion, other: &PriceVersion) -> bool {
    let sorted = |price: &PriceVersion| {
        let mut price = price.clone();
        price
            .rates
            .sort_by(|a, b| (&a.unit, a.above_input_tokens).cmp(&(&b.unit, b.above_input_tokens)));
        price
    };
    sorted(one) == sorted(other)
}
