//! Holds: what a call that is under way will probably use, kept free for it.

use super::estimate::InputEstimate;
use super::key::CallKey;
use super::money::Money;
use super::named::named;
use super::operation::Operation;
use super::plan::{Limit, Metric};
use super::price::{PriceMatch, Variant};
use super::time::{Span, Timestamp, Window};
use super::usage::Usage;

named! {
    /// What a hold has become.
    HoldState "hold_state" {
        /// It counts until it expires.
        Open = "open",
        /// The caller gave it back.
        Released = "released",
        /// Its time was over when somebody looked; a later clock does not revive it.
        Expired = "expired",
    }
}

/// A reservation of a call's estimate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The key that names it, and the call it becomes.
    pub key: CallKey,
    /// Who will be paid.
    pub provider: String,
    /// What will be done.
    pub operation: Operation,
    /// The model.
    pub model: String,
    /// The service tier.
    pub variant: Variant,
    /// How many calls.
    pub call_count: i64,
    /// The estimated usage.
    pub usage: Usage,
    /// The estimated cost; the configured worst case when the price is unknown.
    pub cost: Money,
    /// The price version of the reserve.
    pub price_version_id: Option<i64>,
    /// How that was found.
    pub price_match: PriceMatch,
    /// When it was made: the call's `occurred_at`.
    pub reserved_at: Timestamp,
    /// The first instant that it no longer counts.
    pub expires_at: Timestamp,
    /// The start of the usage period of its reserve, which it never leaves.
    pub period_starts_at: Timestamp,
    /// How its input was estimated, if it was here: to be learned from when it is settled.
    pub input_estimate: Option<InputEstimate>,
    /// What it has become.
    pub state: HoldState,
}

impl Hold {
    /// Whether it counts at an instant.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.state == HoldState::Open && now < self.expires_at
    }

    /// Whether it is open but its time is over.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.state == HoldState::Open && now >= self.expires_at
    }

    /// Whether it counts in that window.
    pub fn is_in(&self, window: Window, span: Span) -> bool {
        match window {
            Window::Period => self.period_starts_at == span.starts_at,
            _ => span.contains(self.reserved_at),
        }
    }

    /// What it keeps free of a limit's metric.
    pub fn amount(&self, limit: &Limit) -> i128 {
        if !limit.covers(&self.provider, &self.operation) {
            return 0;
        }
        amount(&limit.metric, self.call_count, &self.usage, self.cost)
    }
}

/// The quantity of a metric in an estimate.
pub(crate) fn amount(metric: &Metric, calls: i64, usage: &Usage, cost: Money) -> i128 {
    match metric {
        Metric::Calls => calls.into(),
        Metric::Tokens => usage.total_tokens().into(),
        Metric::Cost => cost.pico_usd().into(),
        Metric::Unit(unit) => usage.get(unit).into(),
    }
}
