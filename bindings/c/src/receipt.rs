//! Receipts: what the meter answers to the verbs of the hot path.

use std::ffi::c_char;

use alwrity_metering::{
    Decision, HoldReceipt, LimitState, Money, Quote, Receipt, Reservation, Timestamp,
};

use crate::call::alwm_units;
use crate::caller::grows;
use crate::codes::{ALWM_NONE, alwm_outcome, alwm_record_status, reason, record_status, row_code};
use crate::text::fixed;

/// The proof of a recorded call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_receipt {
    /// Set it to `sizeof` before the call.
    pub size: usize,
    /// The id of the ledger row.
    pub call_id: i64,
    /// What was used, implied units included; other units are in the JSON.
    pub units: alwm_units,
    /// What is charged; `ALWM_NONE` when unknown.
    pub cost_pico_usd: i64,
    /// The part of input tokens.
    pub cost_input_pico_usd: i64,
    /// The part of output tokens.
    pub cost_output_pico_usd: i64,
    /// What the vendor says it cost; `ALWM_NONE` when it does not.
    pub vendor_cost_pico_usd: i64,
    /// The price version that rated it, or `ALWM_NONE`.
    pub price_version_id: i64,
    /// When the call was made.
    pub occurred_at_us: i64,
    /// The start of the usage period that it counts in.
    pub period_starts_at_us: i64,
    /// How many calls.
    pub call_count: i64,
    /// Tokens beyond the hold.
    pub overshoot_tokens: i64,
    /// Cost beyond the hold.
    pub overshoot_pico_usd: i64,
    /// An `alwm_record_status`.
    pub status: i32,
    /// An `alwm_price_match`.
    pub price_match: i32,
    /// An `alwm_usage_source`.
    pub usage_source: i32,
    /// How many limits that refuse are passed all the same; they are in the JSON.
    pub limits_exceeded: i32,
    /// Whether its hold had been released or had expired.
    pub is_late: i32,
    /// Whether the first record's row was pruned; then the id and the cost are the first one's.
    pub is_pruned: i32,
    /// The key to repeat the call with.
    pub idempotency_key: [c_char; 256],
}

grows!(alwm_receipt, up to idempotency_key: [c_char; 256], {
    size: size_of::<alwm_receipt>(),
    call_id: ALWM_NONE,
    units: alwm_units::default(),
    cost_pico_usd: ALWM_NONE,
    cost_input_pico_usd: 0,
    cost_output_pico_usd: 0,
    vendor_cost_pico_usd: ALWM_NONE,
    price_version_id: ALWM_NONE,
    occurred_at_us: ALWM_NONE,
    period_starts_at_us: ALWM_NONE,
    call_count: 0,
    overshoot_tokens: 0,
    overshoot_pico_usd: 0,
    status: 0,
    price_match: row_code(alwrity_metering::PriceMatch::Unknown.code()),
    usage_source: 0,
    limits_exceeded: 0,
    is_late: 0,
    is_pruned: 0,
    idempotency_key: [0; 256],
});

/// Whether calls may be made, and the tightest limit: of those that refuse, if any does.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_decision {
    /// Set it to `sizeof` before the call.
    pub size: usize,
    /// The estimated cost of all calls.
    pub cost_pico_usd: i64,
    /// The start of the usage period that was judged.
    pub period_starts_at_us: i64,
    /// Its end, exclusive.
    pub period_ends_at_us: i64,
    /// The end of the refusing limit's window, or `ALWM_NONE`.
    pub resets_at_us: i64,
    /// How long until then, in ms, or `ALWM_NONE`.
    pub retry_after_ms: i64,
    /// The limit's maximum, boost included; `ALWM_NONE` for no maximum. Pico-dollars where
    /// `limit_is_cost`, else a count; so are the next four.
    pub limit_maximum: i64,
    /// What recorded calls used.
    pub limit_used: i64,
    /// What live holds keep free.
    pub limit_held: i64,
    /// What the calls want.
    pub limit_wanted: i64,
    /// maximum − used − held, not below 0; `ALWM_NONE` for no maximum.
    pub limit_remaining: i64,
    /// Whether all of the calls may be made.
    pub allowed: i32,
    /// An `alwm_reason`.
    pub reason: i32,
    /// Whether the limit counts cost.
    pub limit_is_cost: i32,
    /// How many limits refuse; their names are in the JSON.
    pub refusing_limits: i32,
    /// The limit's name; empty when no limit covers the calls.
    pub limit_name: [c_char; 136],
    /// The user's plan.
    pub plan_id: [c_char; 136],
    /// The cheapest plan that would allow it; empty when none would help.
    pub upgrade_plan_id: [c_char; 136],
    /// What to tell the user.
    pub message: [c_char; 512],
}

grows!(alwm_decision, up to message: [c_char; 512], {
    size: size_of::<alwm_decision>(),
    cost_pico_usd: ALWM_NONE,
    period_starts_at_us: ALWM_NONE,
    period_ends_at_us: ALWM_NONE,
    resets_at_us: ALWM_NONE,
    retry_after_ms: ALWM_NONE,
    limit_maximum: ALWM_NONE,
    limit_used: 0,
    limit_held: 0,
    limit_wanted: 0,
    limit_remaining: ALWM_NONE,
    allowed: 0,
    reason: 0,
    limit_is_cost: 0,
    refusing_limits: 0,
    limit_name: [0; 136],
    plan_id: [0; 136],
    upgrade_plan_id: [0; 136],
    message: [0; 512],
});

/// The answer to a reservation.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_reservation {
    /// Set it to `sizeof` before the call.
    pub size: usize,
    /// The cost that is held, or that was refused, or that is recorded (`ALWM_NONE` if unknown).
    pub cost_pico_usd: i64,
    /// How many calls are held.
    pub call_count: i64,
    /// When it was made: the call's `occurred_at_us`; `ALWM_NONE` unless granted.
    pub reserved_at_us: i64,
    /// The first instant that it no longer counts; `ALWM_NONE` unless granted.
    pub expires_at_us: i64,
    /// The call that is recorded already; `ALWM_NONE` unless a duplicate.
    pub call_id: i64,
    /// The end of the refusing limit's window, or `ALWM_NONE`.
    pub resets_at_us: i64,
    /// How long until then, in ms, or `ALWM_NONE`.
    pub retry_after_ms: i64,
    /// An `alwm_outcome`.
    pub outcome: i32,
    /// An `alwm_reason`.
    pub reason: i32,
    /// Whether the cost is by a price, or the worst case of an unknown one.
    pub is_price_known: i32,
    /// Whether the same key had reserved it before.
    pub is_repeat: i32,
    /// What `alwm_settle` and `alwm_release` name the hold by; empty unless granted.
    pub hold_id: [c_char; 40],
    /// The key that it was reserved with; its call is recorded under the same key.
    pub idempotency_key: [c_char; 256],
    /// The limit that refuses, or the one with the least room left; may be empty.
    pub limit_name: [c_char; 136],
    /// What to tell the user; empty unless refused.
    pub message: [c_char; 512],
}

grows!(alwm_reservation, up to message: [c_char; 512], {
    size: size_of::<alwm_reservation>(),
    cost_pico_usd: ALWM_NONE,
    call_count: 0,
    reserved_at_us: ALWM_NONE,
    expires_at_us: ALWM_NONE,
    call_id: ALWM_NONE,
    resets_at_us: ALWM_NONE,
    retry_after_ms: ALWM_NONE,
    outcome: 0,
    reason: 0,
    is_price_known: 0,
    is_repeat: 0,
    hold_id: [0; 40],
    idempotency_key: [0; 256],
    limit_name: [0; 136],
    message: [0; 512],
});

/// What a call would cost.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_price_quote {
    /// Set it to `sizeof` before the call.
    pub size: usize,
    /// The cost; `ALWM_NONE` when no price is known.
    pub cost_pico_usd: i64,
    /// The part of input tokens.
    pub cost_input_pico_usd: i64,
    /// The part of output tokens.
    pub cost_output_pico_usd: i64,
    /// The price version, or `ALWM_NONE`.
    pub price_version_id: i64,
    /// The first instant that it applies to, or `ALWM_NONE`.
    pub effective_from_us: i64,
    /// An `alwm_price_match`.
    pub price_match: i32,
    /// The `alwm_variant` of the price; -1 when there is none.
    pub variant: i32,
    /// What would be done.
    pub operation: [c_char; 136],
}

grows!(alwm_price_quote, up to operation: [c_char; 136], {
    size: size_of::<alwm_price_quote>(),
    cost_pico_usd: ALWM_NONE,
    cost_input_pico_usd: 0,
    cost_output_pico_usd: 0,
    price_version_id: ALWM_NONE,
    effective_from_us: ALWM_NONE,
    price_match: 0,
    variant: -1,
    operation: [0; 136],
});

fn pico(cost: Option<Money>) -> i64 {
    cost.map_or(ALWM_NONE, Money::pico_usd)
}

fn micros(at: Option<Timestamp>) -> i64 {
    at.map_or(ALWM_NONE, Timestamp::micros)
}

fn name_of(limit: Option<&LimitState>) -> [c_char; 136] {
    fixed(limit.map_or("", |limit| limit.name.as_str()))
}

/// A number of limits, of which there are never so many.
fn few(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

impl alwm_receipt {
    pub(crate) fn of(receipt: &Receipt) -> Self {
        Self {
            size: size_of::<Self>(),
            call_id: receipt.call_id,
            units: alwm_units::of(&receipt.usage),
            cost_pico_usd: pico(receipt.cost_usd),
            cost_input_pico_usd: receipt.cost_input_usd.pico_usd(),
            cost_output_pico_usd: receipt.cost_output_usd.pico_usd(),
            vendor_cost_pico_usd: pico(receipt.vendor_cost_usd),
            price_version_id: receipt.price_version_id.unwrap_or(ALWM_NONE),
            occurred_at_us: receipt.occurred_at.micros(),
            period_starts_at_us: receipt.period_starts_at.micros(),
            call_count: receipt.call_count,
            overshoot_tokens: receipt.overshoot.tokens,
            overshoot_pico_usd: receipt.overshoot.cost_usd.pico_usd(),
            status: record_status(receipt.status),
            price_match: row_code(receipt.price_match.code()),
            usage_source: row_code(receipt.usage_source.code()),
            limits_exceeded: few(receipt.limits_exceeded.len()),
            is_late: receipt.late.into(),
            is_pruned: receipt.pruned.into(),
            idempotency_key: fixed(&receipt.idempotency_key),
        }
    }

    /// What is known of a record that is queued: its key.
    pub(crate) fn queued(key: &str) -> Self {
        let status = alwm_record_status::Queued as i32;
        Self { status, idempotency_key: fixed(key), ..crate::caller::Grows::initial() }
    }
}

impl alwm_decision {
    pub(crate) fn of(decision: &Decision) -> Self {
        let limit = decision.limit.as_ref();
        let number = |amount: alwrity_metering::Amount| amount.number();
        let maximum = limit.and_then(|limit| limit.maximum);
        Self {
            size: size_of::<Self>(),
            cost_pico_usd: decision.cost_usd.pico_usd(),
            period_starts_at_us: decision.usage_period.starts_at.micros(),
            period_ends_at_us: decision.usage_period.ends_at.micros(),
            resets_at_us: micros(decision.resets_at),
            retry_after_ms: decision.retry_after_ms.unwrap_or(ALWM_NONE),
            limit_maximum: maximum.map_or(ALWM_NONE, number),
            limit_used: limit.map_or(0, |limit| limit.used.number()),
            limit_held: limit.map_or(0, |limit| limit.held.number()),
            limit_wanted: limit.map_or(0, |limit| limit.wanted.number()),
            limit_remaining: limit.and_then(|limit| limit.remaining).map_or(ALWM_NONE, number),
            allowed: decision.allowed.into(),
            reason: reason(decision.reason),
            limit_is_cost: limit
                .is_some_and(|limit| limit.metric == alwrity_metering::Metric::Cost)
                .into(),
            refusing_limits: few(decision.refusing.len()),
            limit_name: name_of(limit),
            plan_id: fixed(&decision.plan_id),
            upgrade_plan_id: fixed(decision.upgrade_plan_id.as_deref().unwrap_or_default()),
            message: fixed(&decision.message),
        }
    }
}

impl alwm_reservation {
    pub(crate) fn of(reservation: &Reservation) -> Self {
        match reservation {
            Reservation::Granted(hold) => Self::granted(hold),
            Reservation::Refused(decision) => Self::refused(decision),
            Reservation::Duplicate(receipt) => Self {
                outcome: alwm_outcome::Duplicate as i32,
                cost_pico_usd: pico(receipt.cost_usd),
                call_count: receipt.call_count,
                call_id: receipt.call_id,
                is_price_known: receipt.cost_usd.is_some().into(),
                is_repeat: 1,
                idempotency_key: fixed(&receipt.idempotency_key),
                ..crate::caller::Grows::initial()
            },
        }
    }

    fn granted(hold: &HoldReceipt) -> Self {
        Self {
            outcome: alwm_outcome::Granted as i32,
            reason: reason(alwrity_metering::Reason::WithinLimits),
            cost_pico_usd: hold.cost_usd.pico_usd(),
            call_count: hold.call_count,
            reserved_at_us: hold.reserved_at.micros(),
            expires_at_us: hold.expires_at.micros(),
            is_price_known: hold.is_price_known.into(),
            is_repeat: hold.is_repeat.into(),
            hold_id: fixed(&hold.hold_id.to_string()),
            idempotency_key: fixed(&hold.idempotency_key),
            limit_name: name_of(hold.tightest.as_ref()),
            ..crate::caller::Grows::initial()
        }
    }

    pub(crate) fn refused(decision: &Decision) -> Self {
        Self {
            outcome: alwm_outcome::Refused as i32,
            reason: reason(decision.reason),
            cost_pico_usd: decision.cost_usd.pico_usd(),
            resets_at_us: micros(decision.resets_at),
            retry_after_ms: decision.retry_after_ms.unwrap_or(ALWM_NONE),
            limit_name: name_of(decision.limit.as_ref()),
            message: fixed(&decision.message),
            ..crate::caller::Grows::initial()
        }
    }
}

impl alwm_price_quote {
    pub(crate) fn of(quote: &Quote) -> Self {
        let price = quote.price_version.as_ref();
        Self {
            size: size_of::<Self>(),
            cost_pico_usd: pico(quote.cost_usd),
            cost_input_pico_usd: quote.cost_input_usd.pico_usd(),
            cost_output_pico_usd: quote.cost_output_usd.pico_usd(),
            price_version_id: price.map_or(ALWM_NONE, |price| price.id),
            effective_from_us: micros(price.map(|price| price.effective_from)),
            price_match: row_code(quote.price_match.code()),
            variant: price.map_or(-1, |price| row_code(price.variant.code())),
            operation: fixed(quote.operation.as_str()),
        }
    }
}
