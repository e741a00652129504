//! Settling: turning a hold into the call that was really made, or giving it back.

use std::sync::Arc;

use super::draft::{Costing, Draft, check_outcome, cost_of, cost_with};
use super::job::Completion;
use super::posting::{Posting, Rules, windows_at};
use super::receipt::{Overshoot, Receipt, RecordStatus, ReleaseStatus};
use super::record::difference;
use super::{About, Meter, events};
use crate::domain::call::{Call, CallOutcome, UsageSource};
use crate::domain::catalogue::Catalogue;
use crate::domain::hold::{Hold, HoldState};
use crate::domain::key::CallKey;
use crate::domain::limit::LimitState;
use crate::domain::money::Money;
use crate::domain::name;
use crate::domain::operation::Operation;
use crate::domain::price::{PriceMatch, Variant};
use crate::domain::time::Timestamp;
use crate::domain::usage::{Unit, Usage};
use crate::error::{Error, Result};
use crate::storage::{Changes, Found, Head, View, WindowKey, Work};

/// A settlement that was checked at the door.
pub(super) struct Settlement {
    user: String,
    hold_id: CallKey,
    outcome: CallOutcome,
    now: Timestamp,
}

impl Meter {
    /// Records what the call that was held for really used, and ends the hold.
    ///
    /// More than was held is charged in full and stated in the receipt. The call counts in the
    /// window of its reserve and is priced by the version of then. A hold that was released or
    /// has expired is settled all the same: `late` is true.
    ///
    /// # Errors
    /// `unknown_hold`, `idempotency_conflict` when it was settled with other content, `invalid_*`
    /// for bad input, and the errors of the store.
    pub fn settle(&self, user: &str, hold_id: CallKey, outcome: &CallOutcome) -> Result<Receipt> {
        let settlement = self.settlement(user, hold_id, outcome)?;
        self.run(&hold_id.to_string(), |completion| {
            self.inner.store.submit(self.settlement_work(settlement, true, completion))
        })
        .inspect(events::recorded)
    }

    pub(super) fn settlement(
        &self,
        user: &str,
        hold_id: CallKey,
        outcome: &CallOutcome,
    ) -> Result<Settlement> {
        let user = name::user(user)?.to_owned();
        check_outcome(outcome)?;
        Ok(Settlement { user, hold_id, outcome: outcome.clone(), now: self.now() })
    }

    pub(super) fn settlement_work(
        &self,
        settlement: Settlement,
        is_awaited: bool,
        completion: Completion<Receipt>,
    ) -> Box<dyn Work> {
        let Settlement { user, hold_id, outcome, now } = settlement;
        let rules = Arc::clone(&self.inner.rules);
        let keys = vec![hold_id, hold_id.correction()];
        let about = About { is_awaited, ..About::keys(&user, keys) };
        let windows = move |head: &Head| windows_of_hold(head, now);
        let decide = move |view: &View| settle(&user, hold_id, &outcome, now, &rules, view);
        Self::work(about, windows, decide, completion)
    }

    /// Gives a hold back: the call was not made. Giving it back again, or after it has expired,
    /// does nothing.
    ///
    /// # Errors
    /// `unknown_hold`, `hold_closed` when it was settled, and the errors of the store.
    pub fn release(&self, user: &str, hold_id: CallKey) -> Result<ReleaseStatus> {
        let user = name::user(user)?;
        self.run(&hold_id.to_string(), |completion| {
            self.inner.store.submit(self.release_work(user, hold_id, true, completion))
        })
    }

    pub(super) fn release_work(
        &self,
        user: &str,
        hold_id: CallKey,
        is_awaited: bool,
        completion: Completion<ReleaseStatus>,
    ) -> Box<dyn Work> {
        let (user, now, rules) = (user.to_owned(), self.now(), Arc::clone(&self.inner.rules));
        let keys = vec![hold_id, hold_id.correction()];
        let about = About { is_awaited, ..About::holds(&user, keys) };
        let windows = move |head: &Head| windows_at(head, now);
        let decide = move |view: &View| release(&user, hold_id, now, &rules, view);
        Self::work(about, windows, decide, completion)
    }
}

fn windows_of_hold(head: &Head, now: Timestamp) -> Result<Vec<WindowKey>> {
    let at = match head.found.first() {
        Some(Found::Hold(hold)) => hold.reserved_at,
        Some(Found::Call(call)) => call.occurred_at,
        _ => now,
    };
    windows_at(head, at)
}

fn release(
    user: &str,
    hold_id: CallKey,
    now: Timestamp,
    rules: &Arc<Rules>,
    view: &View,
) -> Result<(Changes, ReleaseStatus)> {
    let is_corrected = matches!(view.head.found.get(1), Some(Found::Call(_)));
    match view.head.found.first() {
        // It is too late to give it back: it expires here, as in any other write.
        Some(Found::Hold(hold)) if hold.is_overdue(now) => {
            let posting = Posting::new(view, user, now, now, rules)?;
            Ok((posting.changes, ReleaseStatus::AlreadyClosed))
        }
        Some(Found::Hold(hold)) if hold.state == HoldState::Open => {
            let released = Hold { state: HoldState::Released, ..Hold::clone(hold) };
            let changes = Changes { holds: vec![released], ..Changes::default() };
            Ok((changes, ReleaseStatus::Released))
        }
        Some(Found::Hold(_)) => Ok((Changes::default(), ReleaseStatus::AlreadyClosed)),
        Some(Found::Call(call))
            if call.usage_source == UsageSource::ExpiredHold && !is_corrected =>
        {
            Ok((Changes::default(), ReleaseStatus::AlreadyClosed))
        }
        Some(Found::Call(_) | Found::Pruned(_)) => {
            Err(Error::HoldClosed { hold_id: hold_id.to_string(), state: "settled" })
        }
        _ => Err(Error::UnknownHold { hold_id: hold_id.to_string() }),
    }
}

fn settle(
    user: &str,
    hold_id: CallKey,
    outcome: &CallOutcome,
    now: Timestamp,
    rules: &Arc<Rules>,
    view: &View,
) -> Result<(Changes, Receipt)> {
    match view.head.found.first() {
        Some(Found::Hold(hold)) => settle_hold(hold, outcome, user, "", now, rules, view),
        Some(Found::Call(call)) if call.usage_source == UsageSource::ExpiredHold => {
            settle_charged(call, hold_id, outcome, user, now, rules, view)
        }
        Some(Found::Call(call)) => {
            settle_again(call, outcome, user, &hold_id.to_string(), now, rules, view)
        }
        // A settled call that is gone cannot be compared: its id and cost are the answer.
        Some(Found::Pruned(first)) => {
            let again = reported(outcome, first.occurred_at);
            Ok((Changes::default(), Receipt::of_pruned(first, user, "", &again)))
        }
        _ => Err(Error::UnknownHold { hold_id: hold_id.to_string() }),
    }
}

/// Turns a hold into its call.
pub(crate) fn settle_hold(
    hold: &Hold,
    outcome: &CallOutcome,
    user: &str,
    key_text: &str,
    now: Timestamp,
    rules: &Arc<Rules>,
    view: &View,
) -> Result<(Changes, Receipt)> {
    let draft = Draft::of_hold(hold, outcome)?;
    // The hold itself is settled here, so it must not expire on the way.
    let mut view = view.clone();
    view.holds.retain(|open| open.key != hold.key);
    let mut posting = Posting::new(&view, user, hold.reserved_at, now, rules)?;
    let costing = cost_by_version(&draft, hold.price_version_id, hold, &posting.catalogue, rules)?;
    let mut call = costing.into_call(&draft, hold.reserved_at, now, hold.period_starts_at);
    call.is_late = !hold.is_live(now);
    posting.close(hold.key);
    let call = posting.enter(hold.key, call)?;
    posting.learn(hold.input_estimate.as_ref(), &call);
    let mut receipt = Receipt::new(RecordStatus::Recorded, user, key_text, &call);
    receipt.overshoot = Overshoot {
        tokens: (call.usage.total_tokens() - hold.usage.total_tokens()).max(0),
        cost_usd: call.cost.unwrap_or(Money::ZERO).minus(hold.cost)?.max(Money::ZERO),
    };
    receipt.limits_exceeded = mark_period(&mut posting, &call);
    Ok((posting.changes, receipt))
}

/// Marks the period that a call was entered into; the limits of it that are passed although they
/// refuse. They are not at hand where a subscription was dated back over the reserve.
fn mark_period(posting: &mut Posting, call: &Call) -> Vec<LimitState> {
    if call.period_starts_at == posting.standing.usage_period.starts_at {
        return posting.mark_period();
    }
    posting.touch_period(call.period_starts_at, call.occurred_at);
    Vec::new()
}

/// Rates by the version of the reserve; where there was none, by what is known of then by now.
fn cost_by_version(
    draft: &Draft,
    version_id: Option<i64>,
    hold: &Hold,
    catalogue: &Catalogue,
    rules: &Rules,
) -> Result<Costing> {
    match version_id.and_then(|id| catalogue.prices.by_id(id)) {
        Some(version) => {
            let operation = hold.operation.clone();
            cost_with(draft, operation, Some(version), hold.price_match, catalogue)
        }
        None => cost_of(draft, catalogue, hold.reserved_at, &rules.unknown_price),
    }
}

/// Settles a call that is settled already: the first receipt, or a conflict.
fn settle_again(
    call: &Call,
    outcome: &CallOutcome,
    user: &str,
    key_text: &str,
    now: Timestamp,
    rules: &Rules,
    view: &View,
) -> Result<(Changes, Receipt)> {
    let draft = Draft::of_call(call, outcome)?;
    let again = costed_again(&draft, call, now, rules, &view.head.catalogue)?;
    match difference(call, &again, None) {
        None => {
            let receipt = Receipt::new(RecordStatus::Duplicate, user, "", call);
            Ok((Changes::default(), receipt))
        }
        Some(difference) => {
            Err(Error::IdempotencyConflict { key: key_text.to_owned(), difference })
        }
    }
}

/// What an outcome alone says of a call.
fn reported(outcome: &CallOutcome, occurred_at: Timestamp) -> Call {
    Call {
        id: 0,
        provider: String::new(),
        operation: Operation::chat(),
        model: String::new(),
        variant: Variant::Standard,
        usage: outcome.usage.clone(),
        usage_source: outcome.usage_source,
        call_count: 1,
        status_code: outcome.status_code,
        occurred_at,
        recorded_at: occurred_at,
        period_starts_at: occurred_at,
        cost: None,
        cost_input: Money::ZERO,
        cost_output: Money::ZERO,
        vendor_cost: outcome.vendor_cost_usd,
        price_version_id: None,
        price_match: PriceMatch::Unknown,
        is_late: false,
        details: outcome.details.clone(),
    }
}

fn costed_again(
    draft: &Draft,
    call: &Call,
    now: Timestamp,
    rules: &Rules,
    catalogue: &Catalogue,
) -> Result<Call> {
    let version = call.price_version_id.and_then(|id| catalogue.prices.by_id(id));
    let costing = match version {
        Some(version) => {
            let operation = call.operation.clone();
            cost_with(draft, operation, Some(version), call.price_match, catalogue)?
        }
        None => cost_of(draft, catalogue, call.occurred_at, &rules.unknown_price)?,
    };
    Ok(costing.into_call(draft, call.occurred_at, now, call.period_starts_at))
}

/// Settles a hold that expired and was charged at its estimate: a second row corrects the first
/// by the difference, so that both together are the truth.
fn settle_charged(
    charged: &Call,
    hold_id: CallKey,
    outcome: &CallOutcome,
    user: &str,
    now: Timestamp,
    rules: &Arc<Rules>,
    view: &View,
) -> Result<(Changes, Receipt)> {
    let draft = Draft::of_call(charged, outcome)?;
    let real = costed_again(&draft, charged, now, rules, &view.head.catalogue)?;
    let correction = correcting(charged, &real)?;
    if let Some(Found::Call(first)) = view.head.found.get(1) {
        return match difference(first, &correction, None) {
            None => {
                let receipt = Receipt::new(RecordStatus::Duplicate, user, "", &real);
                Ok((Changes::default(), Receipt { call_id: charged.id, late: true, ..receipt }))
            }
            Some(difference) => {
                Err(Error::IdempotencyConflict { key: hold_id.to_string(), difference })
            }
        };
    }
    let mut posting = Posting::new(view, user, charged.occurred_at, now, rules)?;
    let entered = posting.enter(hold_id.correction(), correction)?;
    let limits_exceeded = mark_period(&mut posting, &entered);
    let receipt = Receipt::new(RecordStatus::Recorded, user, "", &real);
    let receipt = Receipt { call_id: charged.id, late: true, limits_exceeded, ..receipt };
    Ok((posting.changes, receipt))
}

/// The row that turns what was charged into what is real: quantities may be negative.
fn correcting(charged: &Call, real: &Call) -> Result<Call> {
    let units: Vec<Unit> =
        charged.usage.iter().chain(real.usage.iter()).map(|(unit, _)| unit).collect();
    let usage: Usage = units
        .into_iter()
        .map(|unit| {
            let change = real.usage.get(&unit) - charged.usage.get(&unit);
            (unit, change)
        })
        .collect();
    let cost = match (real.cost, charged.cost) {
        (Some(real), Some(charged)) => Some(real.minus(charged)?),
        (real, None) => real,
        // What it really cost is unknown, so what was charged stands.
        (None, Some(_)) => Some(Money::ZERO),
    };
    Ok(Call {
        usage,
        call_count: 0,
        cost,
        cost_input: real.cost_input.minus(charged.cost_input)?,
        cost_output: real.cost_output.minus(charged.cost_output)?,
        is_late: true,
        ..real.clone()
    })
}
