//! Plans and prices, and giving calls the cost that they had none of.

use alwrity_metering::domain::catalogue_file::{read_plans, read_prices};
use serde::Serialize;

use crate::answer::kept;
use crate::caller::Promise;
use crate::meter::alwm_meter;
use crate::status::alwm_status;
use crate::text::{alwm_string, alwm_text, put_json};

/// The name of a text in errors about its lines.
const GIVEN: &str = "the text";

/// The plans and their limits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_plans(
    meter: *const alwm_meter,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        put_json(Some(json), &meter.core.plans()?)
    })
}

/// Adds the plans of a TOML text in the form of `catalogue/plans`, or replaces those with the same
/// id; all of them, or none. The answer is the plans.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_put_plans(
    meter: *const alwm_meter,
    toml: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let plans = read_plans(GIVEN, caller.text("toml", toml)?)?;
        meter.core.put_plans(&plans)?;
        put_json(Some(json), &plans)
    })
}

/// Every price version, or those of a provider; `provider` may be `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_prices(
    meter: *const alwm_meter,
    provider: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let provider = caller.optional("provider", provider)?;
        put_json(Some(json), &meter.core.prices(provider)?)
    })
}

/// What was put, and what looks wrong about it.
#[derive(Serialize)]
struct Put {
    versions: usize,
    warnings: Vec<alwrity_metering::PriceWarning>,
}

/// Puts the price versions of a CSV text in the form of `catalogue/prices`; all of them, or none.
/// The answer counts them, and warns of prices that look a million times off.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_put_prices(
    meter: *const alwm_meter,
    csv: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let prices = read_prices(GIVEN, caller.text("csv", csv)?)?;
        let warnings = meter.core.put_prices(&prices)?;
        put_json(Some(json), &Put { versions: prices.len(), warnings })
    })
}

/// The calls whose cost is unknown, by provider, model and operation.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_unpriced(
    meter: *const alwm_meter,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        put_json(Some(json), &meter.core.unpriced()?)
    })
}

/// What `alwm_re_rate` would do; it changes nothing.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_re_rate_dry_run(
    meter: *const alwm_meter,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        put_json(Some(json), &meter.core.re_rate_dry_run()?)
    })
}

/// Gives calls whose cost is unknown the cost that is known by now.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_re_rate(
    meter: *const alwm_meter,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        put_json(Some(json), &meter.core.re_rate()?)
    })
}
