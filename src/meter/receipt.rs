//! Receipts and decisions: what the meter answers.

use serde::{Deserialize, Serialize};

use crate::domain::call::{Call, UsageSource};
use crate::domain::hold::Hold;
use crate::domain::key::CallKey;
use crate::domain::limit::LimitState;
use crate::domain::money::Money;
use crate::domain::operation::Operation;
use crate::domain::price::PriceMatch;
use crate::domain::pruned::PrunedCall;
use crate::domain::subscription::SubscriptionStatus;
use crate::domain::time::{Span, Timestamp};
use crate::domain::usage::Usage;

/// Whether a record was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordStatus {
    /// It was recorded now.
    Recorded,
    /// It was recorded before, with the same content; nothing changed.
    Duplicate,
}

/// What a call used beyond its hold. All 0 when it kept within.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overshoot {
    /// Tokens above the hold.
    pub tokens: i64,
    /// Dollars above the hold.
    pub cost_usd: Money,
}

/// The proof of a recorded call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Whether it was recorded now or before.
    pub status: RecordStatus,
    /// The id of the ledger row.
    pub call_id: i64,
    /// The key to repeat the call with; empty when a hold's key is not known to the caller.
    pub idempotency_key: String,
    /// The user.
    pub user: String,
    /// Who is paid.
    pub provider: String,
    /// What was done.
    pub operation: Operation,
    /// The model.
    pub model: String,
    /// What was used, implied units included.
    pub usage: Usage,
    /// Where the usage is from.
    pub usage_source: UsageSource,
    /// How many calls.
    pub call_count: i64,
    /// When the call was made.
    pub occurred_at: Timestamp,
    /// The start of the usage period that it counts in.
    pub period_starts_at: Timestamp,
    /// What is charged; nothing when unknown.
    pub cost_usd: Option<Money>,
    /// The part of input tokens.
    pub cost_input_usd: Money,
    /// The part of output tokens.
    pub cost_output_usd: Money,
    /// What the vendor says it cost.
    pub vendor_cost_usd: Option<Money>,
    /// The price version that rated it.
    pub price_version_id: Option<i64>,
    /// How that was found.
    pub price_match: PriceMatch,
    /// Whether its hold had been released or had expired.
    pub late: bool,
    /// Whether the first record's row was pruned: then its id and its cost are what is left of it,
    /// and the rest is from this repeat.
    pub pruned: bool,
    /// What it used beyond its hold.
    pub overshoot: Overshoot,
    /// The limits that refuse and are passed all the same.
    pub limits_exceeded: Vec<LimitState>,
}

impl Receipt {
    pub(crate) fn new(status: RecordStatus, user: &str, key: &str, call: &Call) -> Self {
        Self {
            status,
            call_id: call.id,
            idempotency_key: key.to_owned(),
            user: user.to_owned(),
            provider: call.provider.clone(),
            operation: call.operation.clone(),
            model: call.model.clone(),
            usage: call.usage.clone(),
            usage_source: call.usage_source,
            call_count: call.call_count,
            occurred_at: call.occurred_at,
            period_starts_at: call.period_starts_at,
            cost_usd: call.cost,
            cost_input_usd: call.cost_input,
            cost_output_usd: call.cost_output,
            vendor_cost_usd: call.vendor_cost,
            price_version_id: call.price_version_id,
            price_match: call.price_match,
            late: call.is_late,
            pruned: false,
            overshoot: Overshoot::default(),
            limits_exceeded: Vec::new(),
        }
    }
}

impl Receipt {
    /// The answer to a repeat of a call that was pruned: its id and cost, and what the repeat says.
    pub(crate) fn of_pruned(first: &PrunedCall, user: &str, key: &str, again: &Call) -> Self {
        let is_same_cost = again.cost == Some(first.cost);
        let part = |cost: Money| if is_same_cost { cost } else { Money::ZERO };
        let call = Call {
            id: first.id,
            cost: Some(first.cost),
            cost_input: part(again.cost_input),
            cost_output: part(again.cost_output),
            price_version_id: first.price_version_id,
            occurred_at: first.occurred_at,
            period_starts_at: first.period_starts_at,
            ..again.clone()
        };
        Self { pruned: true, ..Self::new(RecordStatus::Duplicate, user, key, &call) }
    }
}

/// A hold that was granted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldReceipt {
    /// What `settle` and `release` name it by.
    pub hold_id: CallKey,
    /// The key that it was reserved with; its call is recorded under the same key.
    pub idempotency_key: String,
    /// The user.
    pub user: String,
    /// Who will be paid.
    pub provider: String,
    /// What will be done.
    pub operation: Operation,
    /// The model.
    pub model: String,
    /// The usage that is held.
    pub usage: Usage,
    /// How many calls are held.
    pub call_count: i64,
    /// The cost that is held.
    pub cost_usd: Money,
    /// Whether that is by a price, or the worst case of an unknown one.
    pub is_price_known: bool,
    /// When it was made: the call's `occurred_at`.
    pub reserved_at: Timestamp,
    /// The first instant that it no longer counts.
    pub expires_at: Timestamp,
    /// Whether the same key had reserved it before.
    pub is_repeat: bool,
    /// The limit with the least room left, this hold included.
    pub tightest: Option<LimitState>,
    /// The status of the user's subscription, if there is one: what a host asks that lets nobody
    /// whose subscription has lapsed go on with the default plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_status: Option<SubscriptionStatus>,
}

impl HoldReceipt {
    pub(crate) fn new(user: &str, key: &str, hold: &Hold) -> Self {
        Self {
            hold_id: hold.key,
            idempotency_key: key.to_owned(),
            user: user.to_owned(),
            provider: hold.provider.clone(),
            operation: hold.operation.clone(),
            model: hold.model.clone(),
            usage: hold.usage.clone(),
            call_count: hold.call_count,
            cost_usd: hold.cost,
            is_price_known: hold.price_match != PriceMatch::Unknown,
            reserved_at: hold.reserved_at,
            expires_at: hold.expires_at,
            is_repeat: false,
            tightest: None,
            subscription_status: None,
        }
    }
}

/// Why a decision is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Everything fits.
    WithinLimits,
    /// A limit would be passed.
    LimitReached,
    /// A limit is 0: the plan does not contain it.
    NotInPlan,
}

/// How one of several calls fares, after those before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallVerdict {
    /// Who will be paid.
    pub provider: String,
    /// What will be done.
    pub operation: Operation,
    /// Whether it fits, together with the calls before it.
    pub allowed: bool,
    /// Its estimated cost.
    pub cost_usd: Money,
    /// The tightest limit, of those that refuse if any does.
    pub limit: Option<LimitState>,
    /// What to tell the user, when it is refused.
    pub message: Option<String>,
}

/// Whether calls may be made. Being over a limit is a decision, never an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether all of the calls may be made.
    pub allowed: bool,
    /// Why.
    pub reason: Reason,
    /// The user.
    pub user: String,
    /// The user's plan.
    pub plan_id: String,
    /// What to tell the user.
    pub message: String,
    /// The tightest limit: of those that refuse, if any does.
    pub limit: Option<LimitState>,
    /// Every limit that covers the calls, the tightest first.
    pub limits: Vec<LimitState>,
    /// The names of the limits that refuse.
    pub refusing: Vec<String>,
    /// The end of the refusing limit's window.
    pub resets_at: Option<Timestamp>,
    /// How long until then, in ms.
    pub retry_after_ms: Option<i64>,
    /// The cheapest plan that is offered and would allow all of it; nothing where a subscription
    /// was suspended or not paid.
    pub upgrade_plan_id: Option<String>,
    /// The estimated cost of all calls.
    pub cost_usd: Money,
    /// The usage period that was judged.
    pub usage_period: Span,
    /// The calls, in their order.
    pub calls: Vec<CallVerdict>,
    /// The status of the user's subscription, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_status: Option<SubscriptionStatus>,
}

/// The answer to `reserve`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Reservation {
    /// The estimate is kept free: make the call, then settle.
    Granted(Box<HoldReceipt>),
    /// It does not fit: do not make the call.
    Refused(Box<Decision>),
    /// The key's call is recorded already: do not make the call again.
    Duplicate(Box<Receipt>),
}

/// The answer to `reserve_all`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Reservations {
    /// All are held (or recorded already), in their order; none is refused.
    Granted {
        /// One for each request.
        reservations: Vec<Reservation>,
    },
    /// They do not fit together: nothing is held.
    Refused {
        /// Why.
        decision: Box<Decision>,
    },
}

/// The answer to `release`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseStatus {
    /// The hold counts no more from now on.
    Released,
    /// It had been released or had expired before.
    AlreadyClosed,
}

/// What a call would cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The cost; nothing when no price is known.
    pub cost_usd: Option<Money>,
    /// The part of input tokens.
    pub cost_input_usd: Money,
    /// The part of output tokens.
    pub cost_output_usd: Money,
    /// Who would be paid.
    pub provider: String,
    /// What would be done.
    pub operation: Operation,
    /// The model.
    pub model: String,
    /// The lines that add to the cost.
    pub lines: Vec<crate::domain::rating::ChargeLine>,
    /// The price version.
    pub price_version: Option<QuotedPrice>,
    /// How that was found.
    pub price_match: PriceMatch,
}

/// Which price a quote is by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotedPrice {
    /// The row's id.
    pub id: i64,
    /// The service tier of the price; `standard` where the call's own has none.
    pub variant: crate::domain::price::Variant,
    /// The first instant that it applies to.
    pub effective_from: Timestamp,
    /// Where it is from.
    pub source: String,
}
