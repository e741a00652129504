//! Re-rating: giving a cost to calls whose price was unknown when they were recorded.

use std::collections::BTreeMap;

use serde::Serialize;

use super::draft::{Costing, Draft, cost_of};
use super::options::UnknownPrice;
use super::{About, Meter, no_windows};
use crate::domain::call::{Call, CallOutcome};
use crate::domain::catalogue::Catalogue;
use crate::domain::money::Money;
use crate::error::Result;
use crate::storage::{Changes, ReRated, View};

/// Unpriced calls of one provider, model and operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnpricedGroup {
    /// Who is paid.
    pub provider: String,
    /// The model.
    pub model: String,
    /// What was done.
    pub operation: String,
    /// How many calls.
    pub calls: i64,
    /// Their tokens.
    pub tokens: i64,
    /// How many users they are of.
    pub users: i64,
}

/// What re-rating does, or would do, to the calls of one provider and model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReRatingLine {
    /// Who is paid.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Calls that have a price now.
    pub priced_calls: i64,
    /// Calls that still have none.
    pub unpriced_calls: i64,
    /// The cost of the first.
    pub cost_usd: Money,
}

/// The result of re-rating.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReRating {
    /// Whether the calls were changed, or it was only tried.
    pub is_applied: bool,
    /// Calls that have a price now.
    pub priced_calls: i64,
    /// Calls that still have none.
    pub unpriced_calls: i64,
    /// The cost of the first.
    pub cost_usd: Money,
    /// By provider and model.
    pub lines: Vec<ReRatingLine>,
}

/// How many calls are read at once.
const CHUNK: i64 = 1000;

impl Meter {
    /// The calls whose cost is unknown, by provider, model and operation.
    pub fn unpriced(&self) -> Result<Vec<UnpricedGroup>> {
        type Group = (UnpricedGroup, std::collections::BTreeSet<String>);
        let mut groups: BTreeMap<(String, String, String), Group> = BTreeMap::new();
        self.each_unpriced(|user, call| {
            let (provider, model) = (call.provider.clone(), call.model.clone());
            let operation = call.operation.to_string();
            let key = (provider.clone(), model.clone(), operation.clone());
            let (group, users) = groups.entry(key).or_insert_with(|| {
                let group =
                    UnpricedGroup { provider, model, operation, calls: 0, tokens: 0, users: 0 };
                (group, std::collections::BTreeSet::new())
            });
            group.calls += call.call_count;
            group.tokens = group.tokens.saturating_add(call.usage.total_tokens());
            users.insert(user.to_owned());
            Ok(())
        })?;
        let counted = |(mut group, users): Group| {
            group.users = i64::try_from(users.len()).unwrap_or(i64::MAX);
            group
        };
        Ok(groups.into_values().map(counted).collect())
    }

    /// What re-rating the unpriced calls by today's catalogue would do. Changes nothing.
    pub fn re_rate_dry_run(&self) -> Result<ReRating> {
        let catalogue = self.catalogue()?;
        let mut rating = ReRating::default();
        self.each_unpriced(|_, call| {
            let after = re_rated(call, &catalogue)?;
            count(&mut rating, call, after.as_ref().and_then(|call| call.cost))
        })?;
        Ok(rating)
    }

    /// Gives every unpriced call that the catalogue prices by now its cost, as of its own
    /// instant. Priced calls are never touched: a price change does not alter the past.
    pub fn re_rate(&self) -> Result<ReRating> {
        let mut rating = ReRating { is_applied: true, ..ReRating::default() };
        let mut candidates: Vec<(String, Call)> = Vec::new();
        self.each_unpriced(|user, call| {
            candidates.push((user.to_owned(), call.clone()));
            Ok(())
        })?;
        for (user, call) in candidates {
            let decided = call.clone();
            let cost = self.run("re_rate", |completion| {
                let decide = move |view: &View| apply(&decided, view);
                self.submit(About::user(&user), no_windows, decide, completion)
            })?;
            count(&mut rating, &call, cost)?;
        }
        Ok(rating)
    }

    fn each_unpriced(&self, mut visit: impl FnMut(&str, &Call) -> Result<()>) -> Result<()> {
        let mut after_id = 0;
        loop {
            let chunk = self.inner.store.unpriced(after_id, CHUNK)?;
            let Some((_, last)) = chunk.last() else { return Ok(()) };
            after_id = last.id;
            for (user, call) in &chunk {
                visit(user, call)?;
            }
        }
    }
}

fn apply(call: &Call, view: &View) -> Result<(Changes, Option<Money>)> {
    match re_rated(call, &view.head.catalogue)? {
        None => Ok((Changes::default(), None)),
        Some(after) => {
            let cost = after.cost;
            let re_rated = vec![ReRated { before: call.clone(), after }];
            Ok((Changes { re_rated, ..Changes::default() }, cost))
        }
    }
}

/// The call with the cost that the catalogue gives it at its own instant, if it does.
fn re_rated(call: &Call, catalogue: &Catalogue) -> Result<Option<Call>> {
    let outcome = CallOutcome {
        usage: call.usage.clone(),
        usage_source: call.usage_source,
        vendor_cost_usd: call.vendor_cost,
        status_code: call.status_code,
        details: call.details.clone(),
    };
    let draft = Draft::of_call(call, &outcome)?;
    let Costing { cost, charge, price_version_id, price_match, .. } =
        cost_of(&draft, catalogue, call.occurred_at, &UnknownPrice::Record)?;
    let Some(charge) = charge.filter(|_| cost.is_some()) else { return Ok(None) };
    // The usage stays what was recorded, so that only cost and `unpriced_calls` move.
    Ok(Some(Call {
        cost,
        cost_input: charge.cost_input_usd,
        cost_output: charge.cost_output_usd,
        price_version_id,
        price_match,
        ..call.clone()
    }))
}

fn count(rating: &mut ReRating, call: &Call, cost: Option<Money>) -> Result<()> {
    let (provider, model) = (call.provider.clone(), call.model.clone());
    let same = |line: &ReRatingLine| line.provider == provider && line.model == model;
    let place = rating.lines.iter().position(same).unwrap_or_else(|| {
        let cost_usd = Money::ZERO;
        let (priced_calls, unpriced_calls) = (0, 0);
        let line = ReRatingLine { provider, model, priced_calls, unpriced_calls, cost_usd };
        rating.lines.push(line);
        rating.lines.len() - 1
    });
    let line = &mut rating.lines[place];
    match cost {
        Some(cost) => {
            line.priced_calls += call.call_count;
            line.cost_usd = line.cost_usd.plus(cost)?;
            rating.priced_calls += call.call_count;
            rating.cost_usd = rating.cost_usd.plus(cost)?;
        }
        None => {
            line.unpriced_calls += call.call_count;
            rating.unpriced_calls += call.call_count;
        }
    }
    Ok(())
}
