//! Calls as Python tells them: requests, records and outcomes from keyword arguments.

use alwrity_metering::{
    CallDetails, CallOutcome, CallRecord, CallRequest, Usage, UsageSource, Variant,
    extract_usage_text,
};
use pyo3::prelude::*;

use crate::read::{
    Named, common_unit, each_argument, from_json, instant, json_text, missing, money, named,
    optional, tags, text, unexpected, usage, whole,
};

/// A call that is about to be made, from a dictionary of arguments.
pub(crate) fn request(user: &str, arguments: Option<&Named<'_>>) -> PyResult<CallRequest> {
    let mut asked = Asked::of(user);
    each_argument(arguments, |name, value| asked.take(name, value))?;
    asked.request()?;
    Ok(asked.request)
}

/// What is said of a call that is about to be made.
pub(crate) struct Asked {
    request: CallRequest,
    /// Nobody is paid for a call without a provider; an empty one is the core's to refuse.
    has_provider: bool,
}

impl Asked {
    pub(crate) fn of(user: &str) -> Self {
        let request = CallRequest { user: user.to_owned(), ..CallRequest::default() };
        Self { request, has_provider: false }
    }

    /// The request, when all that it needs was said.
    pub(crate) fn request(&self) -> PyResult<&CallRequest> {
        if self.has_provider { Ok(&self.request) } else { Err(missing("provider")) }
    }

    /// Takes an argument.
    pub(crate) fn take(&mut self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let request = &mut self.request;
        match name {
            "provider" => {
                request.provider = text(name, value)?;
                self.has_provider = true;
            }
            "model" => request.model = text(name, value)?,
            "operation" => request.operation = optional(name, value, text)?,
            "variant" => request.variant = named(name, value)?,
            "input_tokens" => request.input_tokens = whole(name, value)?,
            "max_output_tokens" => request.max_output_tokens = optional(name, value, whole)?,
            "usage" => {
                for (unit, quantity) in usage(name, value)?.iter() {
                    request.usage.set(unit, quantity);
                }
            }
            "input_estimate" => request.input_estimate = optional(name, value, from_json)?,
            "call_count" => request.call_count = whole(name, value)?,
            "occurred_at" => request.occurred_at = optional(name, value, instant)?,
            "idempotency_key" => request.idempotency_key = optional(name, value, text)?,
            "ttl_ms" => request.ttl_ms = optional(name, value, whole)?,
            _ => match common_unit(name) {
                Some(unit) => request.usage.set(unit, whole(name, value)?),
                None => return Err(unexpected(name)),
            },
        }
        Ok(())
    }
}

/// A call that was made, and the provider's answer to it, which is read last.
pub(crate) fn record(user: &str, arguments: Option<&Named<'_>>) -> PyResult<CallRecord> {
    let mut record = CallRecord { user: user.to_owned(), ..CallRecord::default() };
    let (mut provider, mut outcome) = (None, Outcome::default());
    each_argument(arguments, |name, value| {
        match name {
            "provider" => provider = Some(text(name, value)?),
            "model" => record.model = text(name, value)?,
            "operation" => record.operation = optional(name, value, text)?,
            "variant" => outcome.variant = Some(named(name, value)?),
            "call_count" => record.call_count = whole(name, value)?,
            "occurred_at" => record.occurred_at = optional(name, value, instant)?,
            "idempotency_key" => record.idempotency_key = optional(name, value, text)?,
            _ => outcome.take(name, value)?,
        }
        Ok(())
    })?;
    record.provider = provider.ok_or_else(|| missing("provider"))?;
    outcome.read_response(&record.provider, None);
    if record.model.is_empty() {
        record.model = outcome.model.unwrap_or_default();
    }
    record.variant = outcome.variant.unwrap_or(record.variant);
    let CallOutcome { usage, usage_source, vendor_cost_usd, status_code, details } = outcome.told;
    Ok(CallRecord { usage, usage_source, vendor_cost_usd, status_code, details, ..record })
}

/// How a call turned out that `held` was kept free for, if that is known.
pub(crate) fn outcome(
    provider: &str,
    held: Option<&Usage>,
    arguments: Option<&Named<'_>>,
) -> PyResult<CallOutcome> {
    let mut outcome = Outcome::default();
    let mut provider = provider.to_owned();
    each_argument(arguments, |name, value| {
        match name {
            // Only how the answer is read depends on it.
            "provider" => provider = text(name, value)?,
            _ => outcome.take(name, value)?,
        }
        Ok(())
    })?;
    outcome.read_response(&provider, held);
    Ok(outcome.told)
}

/// What is said of a call beside who was called and what for.
#[derive(Default)]
struct Outcome {
    told: CallOutcome,
    response: Option<String>,
    model: Option<String>,
    variant: Option<Variant>,
}

impl Outcome {
    fn take(&mut self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let details = &mut self.told.details;
        match name {
            "response" => {
                self.response = optional(name, value, |_, value| json_text(value))?;
            }
            "usage" => {
                for (unit, quantity) in usage(name, value)?.iter() {
                    self.told.usage.set(unit, quantity);
                }
            }
            "usage_source" => self.told.usage_source = named(name, value)?,
            "vendor_cost_usd" => self.told.vendor_cost_usd = optional(name, value, money)?,
            "status_code" => self.told.status_code = whole(name, value)?,
            "retry_count" => details.retry_count = whole(name, value)?,
            "tags" => details.tags = optional(name, value, tags)?.unwrap_or_default(),
            _ => match detail(details, name) {
                Some(Detail::Text(field)) => *field = optional(name, value, text)?,
                Some(Detail::Whole(field)) => *field = optional(name, value, whole)?,
                None => match common_unit(name) {
                    Some(unit) => self.told.usage.set(unit, whole(name, value)?),
                    None => return Err(unexpected(name)),
                },
            },
        }
        Ok(())
    }

    /// Reads what the provider's answer says was used. What was given by name stands above it; an
    /// answer that reports nothing counts as what was held for it, and is marked as an estimate.
    fn read_response(&mut self, provider: &str, held: Option<&Usage>) {
        let Some(response) = self.response.as_deref() else { return };
        let is_told = !self.told.usage.is_none();
        let Some(found) = extract_usage_text(provider, response) else {
            if !is_told && self.told.status_code < 400 {
                self.told.usage = held.cloned().unwrap_or_default();
                self.told.usage_source = UsageSource::Estimated;
            }
            return;
        };
        if !is_told {
            self.told.usage = found.usage;
            self.told.usage_source = found.usage_source;
        }
        self.told.vendor_cost_usd = self.told.vendor_cost_usd.or(found.vendor_cost_usd);
        self.model = found.model;
        self.variant = self.variant.or(found.variant);
    }
}

/// A detail of a call, to be set.
enum Detail<'a> {
    Text(&'a mut Option<String>),
    Whole(&'a mut Option<i64>),
}

fn detail<'a>(details: &'a mut CallDetails, name: &str) -> Option<Detail<'a>> {
    Some(match name {
        "actual_provider" => Detail::Text(&mut details.actual_provider),
        "endpoint" => Detail::Text(&mut details.endpoint),
        "method" => Detail::Text(&mut details.method),
        "error_message" => Detail::Text(&mut details.error_message),
        "ip_address" => Detail::Text(&mut details.ip_address),
        "user_agent" => Detail::Text(&mut details.user_agent),
        "response_time_ms" => Detail::Whole(&mut details.response_time_ms),
        "request_size_bytes" => Detail::Whole(&mut details.request_size_bytes),
        "response_size_bytes" => Detail::Whole(&mut details.response_size_bytes),
        _ => return None,
    })
}
