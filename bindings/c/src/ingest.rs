//! From what a host has to what a call used: detection, extraction, estimation. Pure; no meter.

use std::ffi::c_char;

use alwrity_metering::Money;
use alwrity_metering::ingest::{
    Confidence, Detection, Extracted, detect_provider, estimate_tokens, extract_usage_text,
};

use crate::answer::kept;
use crate::call::alwm_units;
use crate::caller::{Promise, grows};
use crate::codes::{ALWM_NONE, alwm_confidence, row_code};
use crate::status::alwm_status;
use crate::text::{alwm_string, alwm_text, fixed, put_json};

/// What an answer of a provider says was used.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_extracted {
    /// Set it to `sizeof` before the call.
    pub size: usize,
    /// The quantities; other units are in the JSON.
    pub units: alwm_units,
    /// What the vendor says it charged; `ALWM_NONE` when it does not.
    pub vendor_cost_pico_usd: i64,
    /// Whether usage was reported at all; if not, nothing else here says anything.
    pub is_found: i32,
    /// Whether a stream or a crawl ended before its end.
    pub is_partial: i32,
    /// The `alwm_variant` that served it; -1 where the answer does not say.
    pub variant: i32,
    /// An `alwm_usage_source`.
    pub usage_source: i32,
    /// How many quantities are of other units.
    pub other_units: i32,
    /// 0.
    pub reserved: i32,
    /// The model as the answer names it; empty where it does not.
    pub model: [c_char; 256],
}

grows!(alwm_extracted, up to model: [c_char; 256], {
    size: size_of::<alwm_extracted>(),
    units: alwm_units::default(),
    vendor_cost_pico_usd: ALWM_NONE,
    is_found: 0,
    is_partial: 0,
    variant: -1,
    usage_source: 0,
    other_units: 0,
    reserved: 0,
    model: [0; 256],
});

/// Who was called and what for, as far as it is known.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_detection {
    /// Set it to `sizeof` before the call.
    pub size: usize,
    /// An `alwm_confidence`.
    pub confidence: i32,
    /// 0.
    pub reserved: i32,
    /// Who is paid; empty when unknown.
    pub provider: [c_char; 136],
    /// What was done; empty when unknown.
    pub operation: [c_char; 136],
    /// The model as it was written; empty when unknown.
    pub model: [c_char; 256],
}

grows!(alwm_detection, up to model: [c_char; 256], {
    size: size_of::<alwm_detection>(),
    confidence: 0,
    reserved: 0,
    provider: [0; 136],
    operation: [0; 136],
    model: [0; 256],
});

impl alwm_extracted {
    fn of(found: Option<&Extracted>) -> Self {
        let Some(found) = found else { return crate::caller::Grows::initial() };
        Self {
            size: size_of::<Self>(),
            units: alwm_units::of(&found.usage),
            vendor_cost_pico_usd: found.vendor_cost_usd.map_or(ALWM_NONE, Money::pico_usd),
            is_found: 1,
            is_partial: found.is_partial.into(),
            variant: found.variant.map_or(-1, |variant| row_code(variant.code())),
            usage_source: row_code(found.usage_source.code()),
            other_units: i32::try_from(found.usage.other().len()).unwrap_or(i32::MAX),
            reserved: 0,
            model: fixed(found.model.as_deref().unwrap_or_default()),
        }
    }
}

impl alwm_detection {
    fn of(detection: &Detection) -> Self {
        let confidence = match detection.confidence {
            Confidence::Unknown => alwm_confidence::Unknown,
            Confidence::Likely => alwm_confidence::Likely,
            Confidence::Certain => alwm_confidence::Certain,
        };
        Self {
            size: size_of::<Self>(),
            confidence: confidence as i32,
            reserved: 0,
            provider: fixed(detection.provider.as_deref().unwrap_or_default()),
            operation: fixed(detection.operation.as_deref().unwrap_or_default()),
            model: fixed(detection.model.as_deref().unwrap_or_default()),
        }
    }
}

/// What a provider's answer says was used: JSON, or the text of a stream as it came. An answer
/// without usage is `is_found` 0, and `null` as JSON; `json` may be `NULL`. Never waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_extract_usage(
    provider: alwm_text,
    body: alwm_text,
    extracted: *mut alwm_extracted,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let place = caller.place("extracted", extracted)?;
        let json = caller.wanted_value("json", json)?;
        let (provider, body) = (caller.text("provider", provider)?, caller.text("body", body)?);
        let found = extract_usage_text(provider, body);
        put_json(json, &found)?;
        place.put(alwm_extracted::of(found.as_ref()));
        Ok(())
    })
}

/// The tokens of a text, estimated in one pass. Never waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_estimate_tokens(text: alwm_text, tokens: *mut i64) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let place = caller.value("tokens", tokens)?;
        place.put(estimate_tokens(caller.text("text", text)?));
        Ok(())
    })
}

/// Who is behind a URL of an outgoing call, and what its path does; `json` may be `NULL`. Never
/// waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_detect_provider(
    url: alwm_text,
    detection: *mut alwm_detection,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let place = caller.place("detection", detection)?;
        let json = caller.wanted_value("json", json)?;
        let detection = detect_provider(caller.text("url", url)?);
        put_json(json, &detection)?;
        place.put(alwm_detection::of(&detection));
        Ok(())
    })
}
