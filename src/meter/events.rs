//! Events: what the meter tells a host's log, through `tracing`.
//!
//! docs/operations.md lists every event and its fields, and a test compares them. No event names
//! a user: a `call_id` leads to the row, which only the file's owner may read.

use super::receipt::{Decision, Receipt, RecordStatus, Reservations};
use crate::domain::money::Money;
use crate::domain::price::PriceWarning;
use crate::error::Error;

/// The target of these events, whatever the module that sends them is called.
const TARGET: &str = "alwrity_metering::meter";

/// A call was recorded, or was recorded before.
pub(super) fn recorded(receipt: &Receipt) {
    let Receipt { call_id, provider, model, operation, .. } = receipt;
    if receipt.status == RecordStatus::Duplicate {
        tracing::debug!(target: TARGET, call_id, "a call was repeated");
        return;
    }
    tracing::debug!(target: TARGET, call_id, provider, model, %operation, "recorded a call");
    if receipt.cost_usd.is_none() {
        tracing::warn!(target: TARGET, call_id, provider, model, %operation, "no price is known");
    }
    if receipt.late {
        tracing::info!(target: TARGET, call_id, "a hold was settled late");
    }
    let overshoot = receipt.overshoot;
    if overshoot.tokens > 0 || overshoot.cost_usd > Money::ZERO {
        let (tokens, cost_usd) = (overshoot.tokens, overshoot.cost_usd);
        tracing::info!(target: TARGET, call_id, tokens, %cost_usd, "more was used than was held");
    }
    for state in &receipt.limits_exceeded {
        let limit = state.name.as_str();
        tracing::info!(target: TARGET, call_id, limit, "recorded a call over a limit");
    }
}

/// A reservation was answered.
pub(super) fn reserved(reservations: &Reservations) {
    if let Reservations::Refused { decision } = reservations {
        refused(decision);
    }
}

fn refused(decision: &Decision) {
    let limit = decision.limit.as_ref().map_or("", |state| state.name.as_str());
    let (plan_id, calls) = (decision.plan_id.as_str(), decision.calls.len());
    let resets_at = decision.resets_at.map(|at| at.to_string());
    tracing::info!(target: TARGET, limit, plan_id, calls, resets_at, "refused a reservation");
}

/// A queued call could not be recorded, and nobody waits for the answer.
pub(super) fn queued_call_failed(key: &str, error: &Error) {
    let code = error.code();
    tracing::error!(target: TARGET, key, code, %error, "a queued call was not recorded");
}

/// A price was accepted that looks like another scale.
pub(super) fn price_warned(warning: &PriceWarning) {
    let PriceWarning { price, unit, message } = warning;
    tracing::warn!(target: TARGET, price, %unit, reason = message, "a price looks wrong");
}
