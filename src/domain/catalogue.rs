//! The catalogue: plans, prices, providers and units, as they stand at one version.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use super::limit::EffectiveLimit;
use super::operation::Operation;
use super::plan::Plan;
use super::price::PriceMatch;
use super::price_book::{FoundPrice, PriceBook, PriceQuery};
use super::unit_tree::UnitTree;
use super::usage::Unit;
use crate::error::{Error, Result, shown};

/// A provider that the catalogue knows. Others may be used too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The id: `gemini`.
    pub id: String,
    /// The name for people.
    pub display_name: String,
    /// What a call does when nothing tells.
    pub default_operation: Operation,
}

/// Everything that rules look up, at one version.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Rises with every change.
    pub version: i64,
    /// The plan of users without a subscription.
    pub default_plan: String,
    /// The plans, cheapest first.
    pub plans: Vec<Plan>,
    /// The prices.
    pub prices: PriceBook,
    /// The providers, by id.
    pub providers: BTreeMap<String, Provider>,
    /// Which unit is a part of which.
    pub units: UnitTree,
    /// What each unit counts, for people.
    pub labels: BTreeMap<Unit, String>,
    /// The limits of each plan as users have them, made when they are first asked for.
    pub plan_limits: PlanLimits,
}

/// A memory of what follows from the plans alone. It is no part of the catalogue's content: a
/// copy begins empty, and it never changes an answer.
#[derive(Debug, Default)]
pub struct PlanLimits(OnceLock<HashMap<String, Arc<[EffectiveLimit]>>>);

impl Clone for PlanLimits {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Catalogue {
    /// The plan with that id.
    pub fn plan(&self, id: &str) -> Result<&Plan> {
        self.plans.iter().find(|plan| plan.id == id).ok_or_else(|| {
            let known: Vec<&str> = self.plans.iter().map(|plan| plan.id.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Error::UnknownPlan { plan: shown(id), known }
        })
    }

    /// The limits of a plan as a user without limits of its own has them.
    pub fn limits_of(&self, plan_id: &str) -> Result<Arc<[EffectiveLimit]>> {
        let effective = |plan: &Plan| {
            let limits = plan.limits.iter().cloned().map(EffectiveLimit::of_plan).collect();
            (plan.id.clone(), limits)
        };
        let known = self.plan_limits.0.get_or_init(|| self.plans.iter().map(effective).collect());
        match known.get(plan_id) {
            Some(limits) => Ok(Arc::clone(limits)),
            None => self.plan(plan_id).map(|_| Arc::from([])),
        }
    }

    /// The provider with that id.
    pub fn provider(&self, id: &str) -> Option<&Provider> {
        self.providers.get(id)
    }

    /// What a call of the provider does when nothing tells: chat, when it is not known either.
    pub fn usual_operation(&self, provider: &str) -> Operation {
        self.provider(provider)
            .map_or_else(Operation::chat, |provider| provider.default_operation.clone())
    }

    /// The price of a call, or that of the named default, or nothing.
    pub fn find_price(
        &self,
        query: &PriceQuery<'_>,
        named_default: Option<(&str, &str)>,
    ) -> Option<FoundPrice<'_>> {
        self.prices.find(query).or_else(|| {
            let (provider, model) = named_default?;
            let found = self.prices.find(&PriceQuery { provider, model, ..*query })?;
            Some(FoundPrice { price_match: PriceMatch::NamedDefault, ..found })
        })
    }

    /// The active plans that are dearer than that one, the cheapest first.
    pub fn dearer_plans(&self, than: &str) -> impl Iterator<Item = &Plan> {
        let place = self.plans.iter().position(|plan| plan.id == than);
        let dearer = place.and_then(|place| self.plans.get(place + 1..)).unwrap_or_default();
        dearer.iter().filter(|plan| plan.is_active)
    }

    /// The cheapest active plan that is dearer than `than`, and whose limit of that name allows
    /// at least `amount`: what a user who nears a limit is told to look at.
    pub fn upgrade(&self, than: &str, limit: &str, amount: i128) -> Option<&Plan> {
        self.dearer_plans(than).find(|plan| {
            plan.limit(limit).is_none_or(|own| {
                own.policy.ceiling(own.maximum).is_none_or(|ceiling| ceiling >= amount)
            })
        })
    }
}
