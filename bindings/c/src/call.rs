//! Calls: what a caller says of a call that was made, and of how it turned out.

use alwrity_metering::domain::estimate::InputEstimate;
use alwrity_metering::domain::usage::COMMON_UNITS;
use alwrity_metering::{
    CallDetails, CallOutcome, CallRecord, Money, Result, Timestamp, Unit, Usage,
};

use crate::answer::kept;
use crate::caller::{Caller, Promise, grows, invalid};
use crate::codes::{ALWM_NONE, usage_source, variant};
use crate::status::alwm_status;
use crate::text::alwm_text;

/// Quantities of the common units, 0 or more. Cached, cache-write, reasoning and audio counts are
/// inside the input and output totals. Never changes: other units come as `alwm_quantity`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct alwm_units {
    /// Tokens of the prompt, cached ones included.
    pub input_tokens: i64,
    /// Tokens of the answer, reasoning included.
    pub output_tokens: i64,
    /// Input tokens read from the provider's cache.
    pub cached_input_tokens: i64,
    /// Input tokens written to a cache for 5 minutes.
    pub cache_write_5m_tokens: i64,
    /// Input tokens written to a cache for 1 hour.
    pub cache_write_1h_tokens: i64,
    /// Output tokens spent on reasoning.
    pub reasoning_tokens: i64,
    /// Input tokens that are audio.
    pub input_audio_tokens: i64,
    /// Output tokens that are audio.
    pub output_audio_tokens: i64,
    /// Requests, for prices that count them.
    pub requests: i64,
    /// Searches.
    pub searches: i64,
    /// Images.
    pub images: i64,
    /// Pages read, crawled or recognised.
    pub pages: i64,
    /// Seconds of audio or video; a started second counts.
    pub seconds: i64,
    /// Characters of text, as speech synthesis bills them.
    pub characters: i64,
}

/// A quantity of a unit by its name, such as `web_searches`. Never changes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_quantity {
    /// The unit.
    pub unit: alwm_text,
    /// How many, 0 or more.
    pub quantity: i64,
}

/// How the input of a call was estimated before it, as `alwm_call_estimate` has it; the model is
/// learned from it. Never changes.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct alwm_input_estimate {
    /// Unicode characters of the texts.
    pub characters: i64,
    /// Words of the texts, between blanks.
    pub words: i64,
    /// Estimated tokens of the texts.
    pub text_tokens: i64,
    /// Estimated tokens of roles, tools and schemas.
    pub other_tokens: i64,
}

/// A free tag. Never changes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_tag {
    /// The name, at most 128 bytes.
    pub name: alwm_text,
    /// The value, at most 128 bytes.
    pub value: alwm_text,
}

/// What the log keeps of a call beside its usage.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_call_details {
    /// Set by `alwm_call_details_init`.
    pub size: usize,
    /// Who really answered, when `provider` is a gateway.
    pub actual_provider: alwm_text,
    /// The path or URL that was called.
    pub endpoint: alwm_text,
    /// The HTTP method.
    pub method: alwm_text,
    /// The error text; redacted and cut before it is kept.
    pub error_message: alwm_text,
    /// The caller's address; give it only if you want it kept.
    pub ip_address: alwm_text,
    /// The caller's user agent; give it only if you want it kept.
    pub user_agent: alwm_text,
    /// Tags, at most 16; `NULL` for none.
    pub tags: *const alwm_tag,
    /// How many tags.
    pub tag_count: usize,
    /// How long the provider took, in ms.
    pub response_time_ms: i64,
    /// The size of the request, in bytes.
    pub request_size_bytes: i64,
    /// The size of the response, in bytes.
    pub response_size_bytes: i64,
    /// How often the host retried before this answer; 0 by default.
    pub retry_count: i64,
}

/// A call that was made.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_call_record {
    /// Set by `alwm_call_record_init`.
    pub size: usize,
    /// The user's id in the host, 1–255 bytes.
    pub user: alwm_text,
    /// Who is paid: `gemini`, `openai`, `tavily`.
    pub provider: alwm_text,
    /// What was done; without it the catalogue's default.
    pub operation: alwm_text,
    /// The model, if there is one.
    pub model: alwm_text,
    /// The key that makes a repeat harmless, 1–255 bytes; without it, one is made.
    pub idempotency_key: alwm_text,
    /// What was used.
    pub units: alwm_units,
    /// Quantities of other units; `NULL` for none.
    pub other_units: *const alwm_quantity,
    /// How many of those.
    pub other_unit_count: usize,
    /// What the log keeps beside; `NULL` for nothing.
    pub details: *const alwm_call_details,
    /// How the input was estimated before the call; `NULL` when it was not.
    pub input_estimate: *const alwm_input_estimate,
    /// What the vendor says it cost; it wins over the list price.
    pub vendor_cost_pico_usd: i64,
    /// When the call was made; without it, now.
    pub occurred_at_us: i64,
    /// How many calls this stands for; 1 by default.
    pub call_count: i64,
    /// The HTTP status of the provider's answer, 100–599; 200 by default.
    pub status_code: i64,
    /// An `alwm_variant`; standard by default.
    pub variant: i32,
    /// An `alwm_usage_source`; reported by default.
    pub usage_source: i32,
}

/// How a call that was held for turned out.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_call_outcome {
    /// Set by `alwm_call_outcome_init`.
    pub size: usize,
    /// What was used.
    pub units: alwm_units,
    /// Quantities of other units; `NULL` for none.
    pub other_units: *const alwm_quantity,
    /// How many of those.
    pub other_unit_count: usize,
    /// What the log keeps beside; `NULL` for nothing.
    pub details: *const alwm_call_details,
    /// What the vendor says it cost; it wins over the list price.
    pub vendor_cost_pico_usd: i64,
    /// The HTTP status of the provider's answer, 100–599; 200 by default.
    pub status_code: i64,
    /// An `alwm_usage_source`; reported by default.
    pub usage_source: i32,
    /// Must be 0.
    pub reserved: i32,
}

grows!(alwm_call_details, up to retry_count: i64, {
        size: size_of::<alwm_call_details>(),
        actual_provider: alwm_text::NONE,
        endpoint: alwm_text::NONE,
        method: alwm_text::NONE,
        error_message: alwm_text::NONE,
        ip_address: alwm_text::NONE,
        user_agent: alwm_text::NONE,
        tags: std::ptr::null(),
        tag_count: 0,
        response_time_ms: ALWM_NONE,
        request_size_bytes: ALWM_NONE,
        response_size_bytes: ALWM_NONE,
        retry_count: 0,
});

grows!(alwm_call_record, up to usage_source: i32, {
        size: size_of::<alwm_call_record>(),
        user: alwm_text::NONE,
        provider: alwm_text::NONE,
        operation: alwm_text::NONE,
        model: alwm_text::NONE,
        idempotency_key: alwm_text::NONE,
        units: alwm_units::default(),
        other_units: std::ptr::null(),
        other_unit_count: 0,
        details: std::ptr::null(),
    input_estimate: std::ptr::null(),
        vendor_cost_pico_usd: ALWM_NONE,
        occurred_at_us: ALWM_NONE,
        call_count: 1,
        status_code: 200,
        variant: 0,
        usage_source: 0,
});

grows!(alwm_call_outcome, up to reserved: i32, {
        size: size_of::<alwm_call_outcome>(),
        units: alwm_units::default(),
        other_units: std::ptr::null(),
        other_unit_count: 0,
        details: std::ptr::null(),
        vendor_cost_pico_usd: ALWM_NONE,
        status_code: 200,
        usage_source: 0,
        reserved: 0,
});

/// A number, unless it is `ALWM_NONE`.
pub(crate) fn given(number: i64) -> Option<i64> {
    (number != ALWM_NONE).then_some(number)
}

/// Checks a field that a later version may give a meaning.
pub(crate) fn unused(reserved: i32) -> Result<()> {
    if reserved == 0 { Ok(()) } else { Err(invalid("reserved", &reserved.to_string(), "0")) }
}

/// An instant, unless it is `ALWM_NONE`.
pub(crate) fn instant(micros: i64) -> Result<Option<Timestamp>> {
    given(micros).map(Timestamp::from_micros).transpose()
}

impl alwm_units {
    /// What was used, other units added.
    pub(crate) fn usage(
        &self,
        caller: Caller<'_>,
        others: *const alwm_quantity,
        count: usize,
    ) -> Result<Usage> {
        let mut usage = Usage::of_common(self.numbers());
        for other in caller.slice("other_units", others, count)? {
            let unit: Unit = caller.text("unit", other.unit)?.parse()?;
            usage = usage.plus(&Usage::of(unit, other.quantity))?;
        }
        Ok(usage)
    }

    /// The common part of a usage.
    pub(crate) fn of(usage: &Usage) -> Self {
        let [
            input_tokens,
            output_tokens,
            cached_input_tokens,
            cache_write_5m_tokens,
            cache_write_1h_tokens,
            reasoning_tokens,
            input_audio_tokens,
            output_audio_tokens,
            requests,
            searches,
            images,
            pages,
            seconds,
            characters,
        ] = *usage.common();
        Self {
            input_tokens,
            output_tokens,
            cached_input_tokens,
            cache_write_5m_tokens,
            cache_write_1h_tokens,
            reasoning_tokens,
            input_audio_tokens,
            output_audio_tokens,
            requests,
            searches,
            images,
            pages,
            seconds,
            characters,
        }
    }

    /// The quantities, in the order of the core.
    const fn numbers(&self) -> [i64; COMMON_UNITS] {
        [
            self.input_tokens,
            self.output_tokens,
            self.cached_input_tokens,
            self.cache_write_5m_tokens,
            self.cache_write_1h_tokens,
            self.reasoning_tokens,
            self.input_audio_tokens,
            self.output_audio_tokens,
            self.requests,
            self.searches,
            self.images,
            self.pages,
            self.seconds,
            self.characters,
        ]
    }
}

/// The estimate behind a pointer; none for NULL.
pub(crate) fn input_estimate(
    caller: Caller<'_>,
    estimate: *const alwm_input_estimate,
) -> Result<Option<InputEstimate>> {
    if estimate.is_null() {
        return Ok(None);
    }
    let alwm_input_estimate { characters, words, text_tokens, other_tokens } =
        *caller.shared("input_estimate", estimate)?;
    Ok(Some(InputEstimate { characters, words, text_tokens, other_tokens }))
}

/// The details behind a pointer; none for NULL.
fn details(caller: Caller<'_>, details: *const alwm_call_details) -> Result<CallDetails> {
    if details.is_null() {
        return Ok(CallDetails::default());
    }
    let own = caller.read("details", details)?;
    let text = |name, text| Ok(caller.optional(name, text)?.map(str::to_owned));
    let mut tags = std::collections::BTreeMap::new();
    for tag in caller.slice("tags", own.tags, own.tag_count)? {
        let (name, value) = (caller.text("tag", tag.name)?, caller.text("tag", tag.value)?);
        tags.insert(name.to_owned(), value.to_owned());
    }
    Ok(CallDetails {
        actual_provider: text("actual_provider", own.actual_provider)?,
        endpoint: text("endpoint", own.endpoint)?,
        method: text("method", own.method)?,
        response_time_ms: given(own.response_time_ms),
        request_size_bytes: given(own.request_size_bytes),
        response_size_bytes: given(own.response_size_bytes),
        retry_count: own.retry_count,
        error_message: text("error_message", own.error_message)?,
        ip_address: text("ip_address", own.ip_address)?,
        user_agent: text("user_agent", own.user_agent)?,
        tags,
    })
}

/// Replaces a text in its own memory.
fn replace(text: &mut String, by: Option<&str>) {
    text.clear();
    text.push_str(by.unwrap_or_default());
}

impl alwm_call_record {
    /// The call of the core that it says.
    pub(crate) fn for_core(&self, caller: Caller<'_>) -> Result<CallRecord> {
        let mut record = CallRecord::default();
        self.fill(caller, &mut record)?;
        Ok(record)
    }

    /// Makes a call of the core, whose details are empty, the one that it says; its texts are
    /// written over.
    pub(crate) fn fill(&self, caller: Caller<'_>, record: &mut CallRecord) -> Result<()> {
        // Without `..`, so that a new field is a compile error here.
        let CallRecord {
            user,
            provider,
            operation,
            model,
            variant: own_variant,
            usage,
            usage_source: own_source,
            vendor_cost_usd,
            status_code,
            call_count,
            occurred_at,
            idempotency_key,
            details: own_details,
            input_estimate: own_estimate,
        } = record;
        replace(user, caller.optional("user", self.user)?);
        replace(provider, caller.optional("provider", self.provider)?);
        replace(model, caller.optional("model", self.model)?);
        *operation = caller.optional("operation", self.operation)?.map(str::to_owned);
        *own_variant = variant(self.variant)?;
        *usage = self.units.usage(caller, self.other_units, self.other_unit_count)?;
        *own_source = usage_source(self.usage_source)?;
        *vendor_cost_usd = given(self.vendor_cost_pico_usd).map(Money::from_pico_usd);
        (*status_code, *call_count) = (self.status_code, self.call_count);
        *occurred_at = instant(self.occurred_at_us)?;
        let key = caller.optional("idempotency_key", self.idempotency_key)?;
        *idempotency_key = key.map(str::to_owned);
        if !self.details.is_null() {
            *own_details = details(caller, self.details)?;
        }
        *own_estimate = input_estimate(caller, self.input_estimate)?;
        Ok(())
    }
}

impl alwm_call_outcome {
    /// The outcome of the core that it says.
    pub(crate) fn for_core(&self, caller: Caller<'_>) -> Result<CallOutcome> {
        unused(self.reserved)?;
        Ok(CallOutcome {
            usage: self.units.usage(caller, self.other_units, self.other_unit_count)?,
            usage_source: usage_source(self.usage_source)?,
            vendor_cost_usd: given(self.vendor_cost_pico_usd).map(Money::from_pico_usd),
            status_code: self.status_code,
            details: details(caller, self.details)?,
        })
    }
}

/// Sets the size and every default; `size` is `sizeof *details`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_call_details_init(
    details: *mut alwm_call_details,
    size: usize,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| caller.initialise(details, size))
}

/// Sets the size and every default; `size` is `sizeof *record`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_call_record_init(
    record: *mut alwm_call_record,
    size: usize,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| caller.initialise(record, size))
}

/// Sets the size and every default; `size` is `sizeof *outcome`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_call_outcome_init(
    outcome: *mut alwm_call_outcome,
    size: usize,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| caller.initialise(outcome, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stand_in_the_order_of_the_core() {
        let units = alwm_units { input_tokens: 1, images: 2, characters: 3, ..Default::default() };
        let usage = Usage::of_common(units.numbers());
        let expected = [(Unit::InputTokens, 1), (Unit::Images, 2), (Unit::Characters, 3)];
        assert_eq!(usage, expected.into_iter().collect());
        let mut all = [0; COMMON_UNITS];
        for (place, number) in (1..).zip(&mut all) {
            *number = place;
        }
        assert_eq!(alwm_units::of(&Usage::of_common(all)).numbers(), all);
    }
}
