//! Calls: one use of a provider, as the host tells it and as the ledger keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::estimate::InputEstimate;
use super::money::Money;
use super::named::named;
use super::operation::Operation;
use super::price::{PriceMatch, Variant};
use super::time::Timestamp;
use super::usage::Usage;
use crate::error::{Error, Result};

named! {
    /// Where a usage is from.
    UsageSource "usage_source" {
        /// The provider reported it.
        Reported = "reported",
        /// It was estimated, here or by the host.
        Estimated = "estimated",
        /// The hold expired and was charged at its estimate: the provider may have been paid.
        ExpiredHold = "expired_hold",
    }
}

/// What the log keeps about a call beside its usage. Nothing of it is compared on a repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallDetails {
    /// Who really answered, when `provider` is a gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual_provider: Option<String>,
    /// The path or URL that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The HTTP method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// How long the provider took, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_time_ms: Option<i64>,
    /// The size of the request, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_size_bytes: Option<i64>,
    /// The size of the response, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_size_bytes: Option<i64>,
    /// How often the host retried before this answer.
    pub retry_count: i64,
    /// The error text; redacted and cut before it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The caller's address; give it only if you want it kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// The caller's user agent; give it only if you want it kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Free tags, at most 16.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// A call that was made, as the host records it.
///
/// ```
/// use alwrity_metering::{CallRecord, Usage};
/// let call = CallRecord {
///     idempotency_key: Some("request-17".into()),
///     ..CallRecord::new("u1", "gemini", "gemini-2.5-flash", Usage::tokens(374, 44))
/// };
/// # let _ = call;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallRecord {
    /// The user's id in the host, 1–255 bytes.
    pub user: String,
    /// Who is paid: `gemini`, `openai`, `tavily`.
    pub provider: String,
    /// What was done; without it the catalogue's default of the model or the provider.
    pub operation: Option<String>,
    /// The model, empty when there is none.
    pub model: String,
    /// The service tier.
    pub variant: Variant,
    /// What was used.
    pub usage: Usage,
    /// Where the usage is from.
    pub usage_source: UsageSource,
    /// What the vendor says it cost, in dollars; it wins over the list price.
    pub vendor_cost_usd: Option<Money>,
    /// The HTTP status of the provider's answer, 100–599.
    pub status_code: i64,
    /// How many calls this record stands for, 1 or more.
    pub call_count: i64,
    /// When the call was made; without it, now.
    pub occurred_at: Option<Timestamp>,
    /// The key that makes a repeat harmless, 1–255 bytes; without it, one is made.
    pub idempotency_key: Option<String>,
    /// How the input was estimated before the call, to be learned from; not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_estimate: Option<InputEstimate>,
    /// What the log keeps beside the usage.
    pub details: CallDetails,
}

impl Default for CallRecord {
    fn default() -> Self {
        Self {
            user: String::new(),
            provider: String::new(),
            operation: None,
            model: String::new(),
            variant: Variant::Standard,
            usage: Usage::none(),
            usage_source: UsageSource::Reported,
            vendor_cost_usd: None,
            status_code: 200,
            call_count: 1,
            occurred_at: None,
            idempotency_key: None,
            input_estimate: None,
            details: CallDetails::default(),
        }
    }
}

impl CallRecord {
    /// A successful call of that user, provider, model and usage.
    pub fn new(user: &str, provider: &str, model: &str, usage: Usage) -> Self {
        Self {
            user: user.to_owned(),
            provider: provider.to_owned(),
            model: model.to_owned(),
            usage,
            ..Self::default()
        }
    }
}

/// A call that is about to be made, as the host asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallRequest {
    /// The user's id in the host, 1–255 bytes.
    pub user: String,
    /// Who will be paid.
    pub provider: String,
    /// What will be done; without it the catalogue's default of the model or the provider.
    pub operation: Option<String>,
    /// The model, empty when there is none.
    pub model: String,
    /// The service tier.
    pub variant: Variant,
    /// Input tokens, exact or estimated.
    pub input_tokens: i64,
    /// The cap on output tokens; without it the option `default_output_tokens`, for chat.
    pub max_output_tokens: Option<i64>,
    /// Quantities of other units; `input_tokens` and `output_tokens` here add to the two above.
    pub usage: Usage,
    /// How many calls are asked for at once, 1 or more.
    pub call_count: i64,
    /// When the call is made; without it, now.
    pub occurred_at: Option<Timestamp>,
    /// The key that makes a repeat harmless, 1–255 bytes; without it, one is made.
    pub idempotency_key: Option<String>,
    /// How long the hold lives, in ms; without it the option `hold_ttl_ms`.
    pub ttl_ms: Option<i64>,
    /// How the input was estimated, see [`Meter::estimate`](crate::Meter::estimate): the model is
    /// learned from when the call is settled, and no other margin is added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_estimate: Option<InputEstimate>,
}

impl Default for CallRequest {
    fn default() -> Self {
        Self {
            user: String::new(),
            provider: String::new(),
            operation: None,
            model: String::new(),
            variant: Variant::Standard,
            input_tokens: 0,
            max_output_tokens: None,
            usage: Usage::none(),
            call_count: 1,
            occurred_at: None,
            idempotency_key: None,
            ttl_ms: None,
            input_estimate: None,
        }
    }
}

impl CallRequest {
    /// One call of that user, provider and model.
    pub fn new(user: &str, provider: &str, model: &str) -> Self {
        Self {
            user: user.to_owned(),
            provider: provider.to_owned(),
            model: model.to_owned(),
            ..Self::default()
        }
    }

    /// The same request for exactly these tokens.
    #[must_use]
    pub fn with_tokens(mut self, input_tokens: i64, max_output_tokens: i64) -> Self {
        self.input_tokens = input_tokens;
        self.max_output_tokens = Some(max_output_tokens);
        self
    }
}

/// How a call that was held for turned out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallOutcome {
    /// What was used.
    pub usage: Usage,
    /// Where the usage is from.
    pub usage_source: UsageSource,
    /// What the vendor says it cost, in dollars.
    pub vendor_cost_usd: Option<Money>,
    /// The HTTP status of the provider's answer, 100–599.
    pub status_code: i64,
    /// What the log keeps beside the usage.
    pub details: CallDetails,
}

impl Default for CallOutcome {
    fn default() -> Self {
        Self {
            usage: Usage::none(),
            usage_source: UsageSource::Reported,
            vendor_cost_usd: None,
            status_code: 200,
            details: CallDetails::default(),
        }
    }
}

impl From<Usage> for CallOutcome {
    fn from(usage: Usage) -> Self {
        Self { usage, ..Self::default() }
    }
}

/// A recorded call: one row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The row's id, ascending in the order of recording.
    #[serde(rename = "call_id")]
    pub id: i64,
    /// Who is paid.
    pub provider: String,
    /// What was done.
    pub operation: Operation,
    /// The model, empty when there is none.
    pub model: String,
    /// The service tier.
    pub variant: Variant,
    /// What was used, implied units included.
    pub usage: Usage,
    /// Where the usage is from.
    pub usage_source: UsageSource,
    /// How many calls the row stands for; 0 in a row that only corrects another.
    pub call_count: i64,
    /// The HTTP status.
    pub status_code: i64,
    /// When the call was made: it decides period, price and windows.
    pub occurred_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The start of the usage period that it counts in; JSON shows the label of its month.
    #[serde(rename = "billing_period", serialize_with = "month_label")]
    pub period_starts_at: Timestamp,
    /// What is charged; nothing when unknown.
    #[serde(rename = "cost_usd")]
    pub cost: Option<Money>,
    /// The part of input tokens.
    #[serde(rename = "cost_input_usd")]
    pub cost_input: Money,
    /// The part of output tokens.
    #[serde(rename = "cost_output_usd")]
    pub cost_output: Money,
    /// What the vendor says it cost.
    #[serde(rename = "vendor_cost_usd")]
    pub vendor_cost: Option<Money>,
    /// The price version that rated it.
    pub price_version_id: Option<i64>,
    /// How that was found.
    pub price_match: PriceMatch,
    /// Whether it was settled after its hold was released or had expired.
    #[serde(rename = "late")]
    pub is_late: bool,
    /// What the log keeps beside the usage.
    #[serde(flatten)]
    pub details: CallDetails,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn month_label<S: Serializer>(
    at: &Timestamp,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.month_label())
}

impl Call {
    /// Whether the provider answered with an error.
    pub const fn is_failed(&self) -> bool {
        self.status_code >= 400
    }

    /// Whether it failed and used nothing: such a call uses up no `*_calls` limit.
    pub fn is_free_failure(&self) -> bool {
        self.is_failed() && self.usage.is_none()
    }
}

impl CallDetails {
    /// The same without free texts, tags and names of things outside.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self {
            response_time_ms: self.response_time_ms,
            request_size_bytes: self.request_size_bytes,
            response_size_bytes: self.response_size_bytes,
            retry_count: self.retry_count,
            ..Self::default()
        }
    }

    /// Checks the lengths; cuts nothing.
    pub(crate) fn validate(&self) -> Result<()> {
        let texts = [
            ("actual_provider", &self.actual_provider, 128),
            ("endpoint", &self.endpoint, 2048),
            ("method", &self.method, 16),
            ("ip_address", &self.ip_address, 64),
            ("user_agent", &self.user_agent, 512),
        ];
        for (name, text, bytes_max) in texts {
            let length = text.as_ref().map_or(0, String::len);
            if length > bytes_max {
                let expected = format!("at most {bytes_max} bytes").into();
                let value = format!("{length} bytes");
                return Err(Error::InvalidArgument { name, value, expected });
            }
        }
        let numbers = [
            ("response_time_ms", self.response_time_ms.unwrap_or(0)),
            ("request_size_bytes", self.request_size_bytes.unwrap_or(0)),
            ("response_size_bytes", self.response_size_bytes.unwrap_or(0)),
            ("retry_count", self.retry_count),
        ];
        for (name, number) in numbers {
            in_range(name, number, 0, 1 << 50)?;
        }
        let is_long = |text: &str| text.len() > 128;
        let has_long_tag = self.tags.iter().any(|(name, value)| is_long(name) || is_long(value));
        if self.tags.len() > 16 || has_long_tag {
            let value = format!("{} tags", self.tags.len());
            let expected = "at most 16 tags of at most 128 bytes".into();
            return Err(Error::InvalidArgument { name: "tags", value, expected });
        }
        Ok(())
    }
}

/// Checks that a number is within its bounds.
pub(crate) fn in_range(name: &'static str, value: i64, min: i64, max: i64) -> Result<()> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    let expected = format!("a number from {min} to {max}").into();
    Err(Error::InvalidArgument { name, value: value.to_string(), expected })
}
