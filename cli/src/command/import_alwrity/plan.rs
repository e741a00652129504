//! Plans: ALwrity's plans as ours, so that nobody's limits change by the migration.
//!
//! A limit of 0 is not enforced there, but on the Free plan it is meant as "not in the plan"; here
//! these are two things. The common limit on texts is never meant so: without it, those of the
//! providers hold.

use std::collections::{BTreeMap, HashMap};

use alwrity_metering::{
    Error, Limit, Maximum, Metric, Money, Operation, Plan, Result as Metered, Tier,
};
use serde::Serialize;

use super::provider::made;
use super::row::PlanRow;
use crate::failure::Failure;

/// What one of their plans becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct PlanLine {
    /// Its name there.
    pub(super) theirs: String,
    pub(super) tier: Tier,
    /// The plan here.
    pub(super) plan_id: String,
    /// Whether the import adds it, since none here has its fees and limits.
    pub(super) is_new: bool,
}

/// The plans that were mapped.
#[derive(Clone, Debug, Default)]
pub(super) struct PlanBook {
    given: Vec<(String, String)>,
    plans: Vec<Plan>,
    by_id: HashMap<(usize, i64), String>,
    by_name: BTreeMap<String, String>,
    pub(super) lines: Vec<PlanLine>,
}

impl PlanBook {
    /// A book on the plans of a store, with those that the operator mapped by hand.
    pub(super) fn new(plans: &[Plan], given: &[(String, String)]) -> Result<Self, Failure> {
        for (theirs, ours) in given {
            if !plans.iter().any(|plan| plan.id == *ours) {
                let known: Vec<&str> = plans.iter().map(|plan| plan.id.as_str()).collect();
                return Err(Failure::usage(
                    format!("`--plan-map {theirs}={ours}`: there is no plan `{ours}`"),
                    format!("the store has `{}`", known.join("`, `")),
                ));
            }
        }
        let (given, plans) = (given.to_vec(), plans.to_vec());
        Ok(Self { given, plans, ..Self::default() })
    }

    /// Maps a plan of a file; the plan to add, if none here is the same.
    pub(super) fn map(&mut self, file: usize, row: &PlanRow) -> Metered<Option<Plan>> {
        let is_given = |(theirs, _): &&(String, String)| theirs.eq_ignore_ascii_case(&row.name);
        let given = self.given.iter().find(is_given).map(|(_, ours)| ours.clone());
        let wanted = self.wanted(row)?;
        let same = given.or_else(|| self.same(&wanted, row));
        let added = if same.is_none() { Some(wanted) } else { None };
        let plan_id = match (&same, &added) {
            (Some(id), _) => id.clone(),
            (None, Some(plan)) => plan.id.clone(),
            (None, None) => return Ok(None),
        };
        self.by_id.insert((file, row.id), plan_id.clone());
        self.by_name.insert(row.name.to_lowercase(), plan_id.clone());
        let is_new = added.is_some();
        let line = PlanLine { theirs: row.name.clone(), tier: row.tier, plan_id, is_new };
        let is_told =
            |known: &PlanLine| (&known.theirs, &known.plan_id) == (&line.theirs, &line.plan_id);
        if !self.lines.iter().any(is_told) {
            self.lines.push(line);
        }
        self.plans.extend(added.clone());
        Ok(added)
    }

    /// What a plan of a file has become, by its id or else by its name.
    pub(super) fn find(&self, file: usize, id: i64, name: Option<&str>) -> Option<&Plan> {
        let by_name = || self.by_name.get(&name?.to_lowercase());
        let plan_id = self.by_id.get(&(file, id)).or_else(by_name)?;
        self.plans.iter().find(|plan| plan.id == *plan_id)
    }

    /// The plan of ours that is the same, that of the tier's own name first.
    fn same(&self, wanted: &Plan, row: &PlanRow) -> Option<String> {
        let is_same = |plan: &&Plan| {
            let has_same_limit = |name: &&&str| {
                let theirs = wanted.limit(name);
                let ours = plan.limit(name).filter(|ours| ours.maximum != Maximum::Unlimited);
                let bound = |limit: Option<&Limit>| limit.and_then(|limit| limit.maximum.bound());
                bound(theirs) == bound(ours) && ours.is_none_or(|ours| is_alike(theirs, ours))
            };
            plan.tier == wanted.tier
                && plan.price_monthly_usd == wanted.price_monthly_usd
                && plan.price_yearly_usd == wanted.price_yearly_usd
                && row.limits.keys().filter(|name| !has_same_limit(name)).count() == 0
        };
        let same: Vec<&Plan> = self.plans.iter().filter(is_same).collect();
        let by_tier = same.iter().find(|plan| plan.id == wanted.tier.name());
        by_tier.or_else(|| same.first()).map(|plan| plan.id.clone())
    }

    /// Their plan in our words. Limits that their version does not know are those of our plan of
    /// that tier.
    fn wanted(&self, row: &PlanRow) -> Metered<Plan> {
        let base = self.plans.iter().find(|plan| plan.id == row.tier.name());
        let own = row.limits.iter().map(|(name, value)| limit(name, *value, row.tier));
        let mut limits = own.collect::<Metered<Vec<Limit>>>()?;
        let missing = |limit: &&Limit| !row.limits.contains_key(limit.name.as_str());
        limits.extend(base.iter().flat_map(|plan| plan.limits.iter().filter(missing)).cloned());
        Ok(Plan {
            id: self.free_id(&row.name)?,
            name: row.name.clone(),
            tier: row.tier,
            price_monthly_usd: Money::from_pico_usd(row.price_monthly),
            price_yearly_usd: Money::from_pico_usd(row.price_yearly),
            included_cost_usd: None,
            description: row.description.clone(),
            features: row.features.clone(),
            limits,
            is_active: row.is_active,
        })
    }

    /// An id that no plan has: the name, else `alwrity-` before it, else a number behind that.
    fn free_id(&self, name: &str) -> Metered<String> {
        let plain = |c: char| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let slug: String = name.chars().map(plain).collect();
        let numbers = (2..).map(|number| format!("alwrity-{slug}-{number}"));
        let mut ids = [slug.clone(), format!("alwrity-{slug}")].into_iter().chain(numbers);
        let is_free = |id: &String| !self.plans.iter().any(|plan| plan.id == *id);
        ids.find(is_free).ok_or(Error::Internal { reason: "no id is free".to_owned() })
    }
}

/// Whether two limits count the same.
fn is_alike(theirs: Option<&Limit>, ours: &Limit) -> bool {
    theirs.is_some_and(|theirs| {
        (&theirs.metric, &theirs.provider, &theirs.operation, theirs.window)
            == (&ours.metric, &ours.provider, &ours.operation, ours.window)
    })
}

/// One of their limits in our words.
pub(super) fn limit(name: &str, value: i64, tier: Tier) -> Metered<Limit> {
    let is_shared = matches!(name, "ai_text_generation_calls" | "monthly_cost");
    let maximum = match value {
        0 if tier == Tier::Free && !is_shared => Maximum::AtMost(0),
        0 => Maximum::Unlimited,
        value => Maximum::AtMost(value),
    };
    if name == "monthly_cost" {
        return Limit::new(name, Metric::Cost, maximum);
    }
    let (scope, metric) = match name.strip_suffix("_tokens") {
        Some(scope) => (scope, Metric::Tokens),
        None => (name.strip_suffix("_calls").unwrap_or(name), Metric::Calls),
    };
    let limit = Limit::new(name, metric, maximum)?;
    match (scope, made(scope)) {
        ("ai_text_generation", _) => Ok(limit.for_operation(Operation::chat())),
        (_, Some(operation)) => Ok(limit.for_operation(Operation::new(operation)?)),
        (provider, None) => limit.for_provider(provider),
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::LIMITS;
    use super::*;

    fn row(name: &str, tier: Tier, value: i64) -> PlanRow {
        PlanRow {
            id: 1,
            name: name.to_owned(),
            tier,
            price_monthly: 0,
            price_yearly: 0,
            limits: LIMITS.iter().map(|name| (*name, value)).collect(),
            features: vec![],
            description: String::new(),
            is_active: true,
        }
    }

    #[test]
    fn zero_is_what_it_means_there() {
        let maximum = |name, tier| limit(name, 0, tier).unwrap().maximum;
        assert_eq!(maximum("openai_calls", Tier::Free), Maximum::AtMost(0));
        assert_eq!(maximum("openai_calls", Tier::Pro), Maximum::Unlimited);
        assert_eq!(maximum("monthly_cost", Tier::Free), Maximum::Unlimited);
        assert_eq!(maximum("ai_text_generation_calls", Tier::Free), Maximum::Unlimited);
    }

    #[test]
    fn a_plan_of_its_own_is_added_once_and_found_again() {
        let mut book = PlanBook::new(&[], &[]).unwrap();
        let added = book.map(0, &row("Pro", Tier::Pro, 7)).unwrap().unwrap();
        assert_eq!((added.id.as_str(), added.limits.len()), ("pro", 20));
        added.validate().unwrap();
        assert_eq!(book.map(1, &row("Pro", Tier::Pro, 7)).unwrap(), None);
        let other = book.map(2, &row("Pro", Tier::Pro, 8)).unwrap().unwrap();
        assert_eq!(other.id, "alwrity-pro");
        let third = book.map(3, &row("Pro", Tier::Pro, 9)).unwrap().unwrap();
        assert_eq!(third.id, "alwrity-pro-2");
        let id = |file| book.find(file, 1, None).map(|plan| plan.id.as_str());
        assert_eq!([id(0), id(1), id(2)], [Some("pro"), Some("pro"), Some("alwrity-pro")]);
        assert_eq!(book.find(9, 1, Some("PRO")).map(|p| p.id.as_str()), Some("alwrity-pro-2"));
    }

    #[test]
    fn an_older_version_takes_the_limits_that_it_does_not_know_from_ours() {
        let mut book = PlanBook::new(&[], &[]).unwrap();
        let full = book.map(0, &row("Pro", Tier::Pro, 7)).unwrap().unwrap();
        let mut older = row("Pro", Tier::Pro, 7);
        older.limits.retain(|name, _| !name.starts_with("exa"));
        assert_eq!(book.map(1, &older).unwrap(), None, "what it knows is the same");
        older.limits.insert("gemini_calls", 6);
        let added = book.map(2, &older).unwrap().unwrap();
        assert_eq!(added.limit("exa_calls"), full.limit("exa_calls"));
    }
}
