//! The log: a user's recorded calls, newest first.

use serde::Serialize;

use super::Meter;
use crate::domain::call::in_range;
use crate::domain::call::{Call, CallDetails, UsageSource};
use crate::domain::money::Money;
use crate::domain::name;
use crate::domain::operation::Operation;
use crate::domain::price::{PriceMatch, Variant};
use crate::domain::time::Timestamp;
use crate::domain::usage::Usage;
use crate::error::Result;
use crate::storage::{CallFilter, CallPage, Page};

impl Meter {
    /// A page of a user's recorded calls, newest first, and how many there are in all.
    ///
    /// `page.before_id` is the cursor: give the id of the last call that was seen.
    pub fn calls(&self, user: &str, filter: &CallFilter, page: Page) -> Result<CallPage> {
        let user = name::user(user)?;
        in_range("limit", page.limit, 1, 5000)?;
        in_range("offset", page.offset, 0, i64::MAX)?;
        self.inner.store.calls(user, &normalised(filter), page)
    }
}

/// The filter with names as the ledger keeps them: trimmed and in lower case.
fn normalised(filter: &CallFilter) -> CallFilter {
    let name = |text: &Option<String>| text.as_ref().map(|text| text.trim().to_lowercase());
    CallFilter {
        provider: name(&filter.provider),
        operation: name(&filter.operation),
        model: name(&filter.model),
        ..filter.clone()
    }
}

/// A recorded call as JSON shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoggedCall {
    /// The id of the ledger row.
    pub call_id: i64,
    /// Who is paid.
    pub provider: String,
    /// What was done.
    pub operation: Operation,
    /// The model.
    pub model: String,
    /// The service tier.
    pub variant: Variant,
    /// What was used.
    pub usage: Usage,
    /// Where the usage is from.
    pub usage_source: UsageSource,
    /// How many calls.
    pub call_count: i64,
    /// The HTTP status.
    pub status_code: i64,
    /// When the call was made.
    pub occurred_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The label of its usage period.
    pub billing_period: String,
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
    /// Whether it was settled late.
    pub late: bool,
    /// The rest.
    #[serde(flatten)]
    pub details: CallDetails,
}

impl From<Call> for LoggedCall {
    fn from(call: Call) -> Self {
        let Call {
            id,
            provider,
            operation,
            model,
            variant,
            usage,
            usage_source,
            call_count,
            status_code,
            occurred_at,
            recorded_at,
            period_starts_at,
            cost,
            cost_input,
            cost_output,
            vendor_cost,
            price_version_id,
            price_match,
            is_late,
            details,
        } = call;
        Self {
            call_id: id,
            provider,
            operation,
            model,
            variant,
            usage,
            usage_source,
            call_count,
            status_code,
            occurred_at,
            recorded_at,
            billing_period: period_starts_at.month_label(),
            cost_usd: cost,
            cost_input_usd: cost_input,
            cost_output_usd: cost_output,
            vendor_cost_usd: vendor_cost,
            price_version_id,
            price_match,
            late: is_late,
            details,
        }
    }
}
