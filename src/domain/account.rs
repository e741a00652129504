//! Accounts: what the store keeps about one user, beside its calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alert::AlertKey;
use super::catalogue::Catalogue;
use super::limit::EffectiveLimit;
use super::named::named;
use super::plan::{Limit, Maximum, Metric};
use super::subscription::{Standing, Timeline};
use super::time::{Timestamp, Window};
use crate::error::Result;

named! {
    /// How a user's own limit changes the plan's.
    OverrideKind "override_kind" {
        /// It replaces the plan's limit of that name.
        Replace = "replace",
        /// Its maximum is added to that of the limit of that name.
        Boost = "boost",
    }
}

/// A limit of one user alone, within a span of time. It survives changes of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitOverride {
    /// The row's id, 0 until it is stored. Of two in force, the later one counts.
    pub id: i64,
    /// How it changes the plan's limit.
    pub kind: OverrideKind,
    /// The limit; for a boost, its maximum is what is added.
    pub limit: Limit,
    /// The first instant that it is in force.
    pub starts_at: Timestamp,
    /// The first instant that it is not, if it ends.
    pub ends_at: Option<Timestamp>,
    /// Why, for people.
    pub note: Option<String>,
}

impl LimitOverride {
    /// Whether it is in force at an instant.
    pub fn is_in_force(&self, at: Timestamp) -> bool {
        self.starts_at <= at && self.ends_at.is_none_or(|end| at < end)
    }
}

/// A user: its subscription, its own limits, and which short windows are counted for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The row's id.
    pub id: i64,
    /// The user's id in the host.
    pub user: String,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// The subscription.
    pub timeline: Timeline,
    /// The user's own limits.
    pub overrides: Vec<LimitOverride>,
    /// For each short window that is counted, the last call id before counting began.
    pub tracked: BTreeMap<Window, i64>,
    /// The newest alerts of each limit that the user was told of. Some may be missing: the store
    /// raises none twice all the same.
    pub told: Vec<AlertKey>,
}

named! {
    /// The status of a user's usage, from the limits alone.
    UsageStatus "usage_status" {
        /// Below every warning.
        Active = "active",
        /// A limit is at 80 % or more, or a soft one is passed.
        Warning = "warning",
        /// A limit that refuses is used up.
        LimitReached = "limit_reached",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro that names the variants has no default")]
impl Default for UsageStatus {
    fn default() -> Self {
        Self::Active
    }
}

impl Account {
    /// A user that was never seen before.
    pub fn new(id: i64, user: &str, created_at: Timestamp) -> Self {
        Self {
            id,
            user: user.to_owned(),
            created_at,
            timeline: Timeline::default(),
            overrides: Vec::new(),
            tracked: BTreeMap::new(),
            told: Vec::new(),
        }
    }

    /// The plan and the periods at an instant.
    pub fn standing(&self, at: Timestamp, catalogue: &Catalogue) -> Standing {
        self.timeline.standing(at, &catalogue.default_plan)
    }

    /// The limits in force at an instant: the plan's, replaced and boosted by the user's own.
    pub fn limits(&self, at: Timestamp, catalogue: &Catalogue) -> Result<Arc<[EffectiveLimit]>> {
        self.limits_under(&self.standing(at, catalogue).plan_id, at, catalogue)
    }

    /// The limits that would be in force at an instant if the user were on that plan.
    pub(crate) fn limits_under(
        &self,
        plan_id: &str,
        at: Timestamp,
        catalogue: &Catalogue,
    ) -> Result<Arc<[EffectiveLimit]>> {
        let of_plan = catalogue.limits_of(plan_id)?;
        let in_force = |kind: OverrideKind| {
            self.overrides.iter().filter(move |own| own.kind == kind && own.is_in_force(at))
        };
        if self.overrides.iter().all(|own| !own.is_in_force(at)) {
            return Ok(of_plan);
        }
        let mut limits = of_plan.to_vec();
        for own in in_force(OverrideKind::Replace) {
            let replaced = EffectiveLimit::of_user(own.limit.clone());
            match limits.iter_mut().find(|known| known.limit.name == own.limit.name) {
                Some(known) => *known = replaced,
                None => limits.push(replaced),
            }
        }
        for boost in in_force(OverrideKind::Boost) {
            let same = limits.iter_mut().find(|known| known.limit.name == boost.limit.name);
            if let (Some(known), Some(added)) = (same, boost.limit.maximum.bound()) {
                known.add_boost(added);
            }
        }
        Ok(limits.into())
    }

    /// The definition that a limit's name stands for: the user's own, the plan's, that of any
    /// other plan, or by the pattern `<provider>_calls`, `<provider>_tokens`, `<provider>_cost`.
    pub fn limit_by_name(
        &self,
        name: &str,
        at: Timestamp,
        catalogue: &Catalogue,
    ) -> Result<Option<Limit>> {
        let in_force = self.limits(at, catalogue)?;
        let known = in_force
            .iter()
            .map(|own| Limit::clone(&own.limit))
            .chain(catalogue.plans.iter().flat_map(|plan| plan.limits.iter().cloned()))
            .find(|limit| limit.name == name);
        if known.is_some() {
            return Ok(known);
        }
        let patterns =
            [("_calls", Metric::Calls), ("_tokens", Metric::Tokens), ("_cost", Metric::Cost)];
        for (suffix, metric) in patterns {
            if let Some(provider) = name.strip_suffix(suffix)
                && catalogue.provider(provider).is_some()
            {
                let limit = Limit::new(name, metric, Maximum::Unlimited)?;
                return limit.for_provider(provider).map(Some);
            }
        }
        Ok(None)
    }
}
