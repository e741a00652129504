//! Estimates: what a call will probably use, by its text and by what was learned.

use std::ffi::c_char;

use alwrity_metering::{CallEstimate, EstimateInput, Money};

use crate::answer::kept;
use crate::call::{alwm_input_estimate, alwm_units};
use crate::caller::{Caller, Promise, grows, invalid};
use crate::codes::{ALWM_NONE, row_code};
use crate::meter::alwm_meter;
use crate::request::alwm_call_request;
use crate::status::alwm_status;
use crate::text::{alwm_string, alwm_text, fixed, put_json};

/// What a call will probably use. Put the first five into the request to reserve, the last of
/// them only where `has_input_estimate`: the settlement teaches.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_call_estimate {
    /// Set it to `sizeof` before the call.
    pub size: usize,
    /// Input tokens to hold, factor and margin included.
    pub input_tokens: i64,
    /// Output tokens to hold; `ALWM_NONE` where no text is sent to a model.
    pub max_output_tokens: i64,
    /// Quantities beside.
    pub units: alwm_units,
    /// How the input was estimated.
    pub input_estimate: alwm_input_estimate,
    /// Input tokens as counted, before factor and margin.
    pub counted_tokens: i64,
    /// What the request would be held at; `ALWM_NONE` when it cannot be priced.
    pub cost_pico_usd: i64,
    /// How many calls of all users the factor was learned from.
    pub learned_calls: i64,
    /// How many answers that this user had from the model count for the output.
    pub learned_answers: i64,
    /// Whether a text is sent to a model, so that there is something to learn.
    pub has_input_estimate: i32,
    /// An `alwm_price_match`.
    pub price_match: i32,
    /// The model: the request's, or the one that the body names.
    pub model: [c_char; 256],
}

grows!(alwm_call_estimate, up to model: [c_char; 256], {
    size: size_of::<alwm_call_estimate>(),
    input_tokens: 0,
    max_output_tokens: ALWM_NONE,
    units: alwm_units::default(),
    input_estimate: alwm_input_estimate::default(),
    counted_tokens: 0,
    cost_pico_usd: ALWM_NONE,
    learned_calls: 0,
    learned_answers: 0,
    has_input_estimate: 0,
    price_match: 0,
    model: [0; 256],
});

impl alwm_call_estimate {
    fn of(estimate: &CallEstimate) -> Self {
        let request = &estimate.request;
        let input_estimate = request.input_estimate.unwrap_or_default();
        Self {
            size: size_of::<Self>(),
            input_tokens: request.input_tokens,
            max_output_tokens: request.max_output_tokens.unwrap_or(ALWM_NONE),
            units: alwm_units::of(&request.usage),
            input_estimate: alwm_input_estimate {
                characters: input_estimate.characters,
                words: input_estimate.words,
                text_tokens: input_estimate.text_tokens,
                other_tokens: input_estimate.other_tokens,
            },
            counted_tokens: estimate.input_tokens,
            cost_pico_usd: estimate.cost_usd.map_or(ALWM_NONE, Money::pico_usd),
            learned_calls: estimate.learned_calls,
            learned_answers: estimate.learned_answers,
            has_input_estimate: request.input_estimate.is_some().into(),
            price_match: row_code(estimate.price_match.code()),
            model: fixed(&request.model),
        }
    }
}

/// What a call with this text will probably use: of a chat one message, of speech what is to be
/// spoken. The user of the request may be left out; `json` may be `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_estimate_text(
    meter: *const alwm_meter,
    request: *const alwm_call_request,
    text: alwm_text,
    estimate: *mut alwm_call_estimate,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let text = caller.text("text", text)?;
        answered(caller, meter, request, EstimateInput::Text(text), estimate, json)
    })
}

/// What a call with this request, JSON as it will be sent in any vendor's form, will probably use.
/// A model and a maximum that are not given are taken from it; `json` may be `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_estimate_request(
    meter: *const alwm_meter,
    request: *const alwm_call_request,
    body: alwm_text,
    estimate: *mut alwm_call_estimate,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let body = serde_json::from_str(caller.text("body", body)?)
            .map_err(|error| invalid("body", &error.to_string(), "a request as JSON"))?;
        answered(caller, meter, request, EstimateInput::Request(&body), estimate, json)
    })
}

fn answered(
    caller: Caller<'_>,
    meter: *const alwm_meter,
    request: *const alwm_call_request,
    input: EstimateInput<'_>,
    estimate: *mut alwm_call_estimate,
    json: *mut alwm_string,
) -> alwrity_metering::Result<()> {
    let meter = caller.shared("meter", meter)?;
    let place = caller.place("estimate", estimate)?;
    let json = caller.wanted_value("json", json)?;
    let request = caller.read("request", request)?.for_core(caller)?;
    let answer = meter.core.estimate(&request, input)?;
    put_json(json, &answer)?;
    place.put(alwm_call_estimate::of(&answer));
    Ok(())
}

/// What was learned of each model from calls that were estimated before and reported after.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_calibrations(
    meter: *const alwm_meter,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        put_json(Some(json), &meter.core.calibrations()?)
    })
}
