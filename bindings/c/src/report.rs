//! Reports: what was used, by whom, on what, and where it is heading; all of them JSON.

use alwrity_metering::{Compare, FindHints};

use crate::answer::kept;
use crate::call::given;
use crate::caller::Promise;
use crate::codes::hint_scope;
use crate::meter::alwm_meter;
use crate::status::alwm_status;
use crate::text::{alwm_string, alwm_text, put_json};

/// What a user used in a period: `current` (also for `NULL`), `all` or a month as `YYYY-MM`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_usage_summary(
    meter: *const alwm_meter,
    user: alwm_text,
    period: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let period = caller.optional("period", period)?.unwrap_or("current").parse()?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.usage_summary(user, &period)?)
    })
}

/// What a user used in a period, as `alwm_usage_summary` takes it, by provider and operation
/// together.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_usage_lines(
    meter: *const alwm_meter,
    user: alwm_text,
    period: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let period = caller.optional("period", period)?.unwrap_or("current").parse()?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.usage_lines(user, &period)?)
    })
}

/// A user's running period at one glance: use, limits, trends, projections, alerts.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_dashboard(
    meter: *const alwm_meter,
    user: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.dashboard(user)?)
    })
}

/// What a user used in each of the last months, 1–24.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_trends(
    meter: *const alwm_meter,
    user: alwm_text,
    months: i64,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.trends(user, months)?)
    })
}

/// What a user used on each of the last UTC days, 1–731.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_daily_trends(
    meter: *const alwm_meter,
    user: alwm_text,
    days: i64,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.daily_trends(user, days)?)
    })
}

/// A user's providers and models side by side over the last UTC days, 1–731. `sla_ms`, the
/// promised response time, may be `ALWM_NONE`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_compare(
    meter: *const alwm_meter,
    user: alwm_text,
    days: i64,
    sla_ms: i64,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let choice = Compare { days, sla_ms: given(sla_ms) };
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.compare(user, &choice)?)
    })
}

/// Cheaper models for the use of the last UTC days, 1–731; `scope` is an `alwm_hint_scope`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_hints(
    meter: *const alwm_meter,
    user: alwm_text,
    days: i64,
    scope: i32,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let choice = FindHints { days, scope: hint_scope(scope)? };
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.hints(user, &choice)?)
    })
}

/// The users that were ever seen, in the order of their first sight.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_users(
    meter: *const alwm_meter,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        put_json(Some(json), &meter.core.users()?)
    })
}
