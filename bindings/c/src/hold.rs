//! Holds: asking, reserving, settling and giving back.

use alwrity_metering::{CallKey, ReleaseStatus, Reservations};
use serde::Serialize;

use crate::answer::kept;
use crate::call::alwm_call_outcome;
use crate::caller::Promise;
use crate::codes::release_status;
use crate::meter::alwm_meter;
use crate::receipt::{alwm_decision, alwm_receipt, alwm_reservation};
use crate::request::alwm_call_request;
use crate::status::alwm_status;
use crate::text::{alwm_string, alwm_text, put_json};

/// Whether a call may be made now. It reserves nothing: only `alwm_reserve` enforces.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_check_limit(
    meter: *const alwm_meter,
    request: *const alwm_call_request,
    decision: *mut alwm_decision,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.place("decision", decision)?;
        let json = caller.wanted_value("json", json)?;
        let request = caller.read("request", request)?.for_core(caller)?;
        let decision = meter.core.check_limit(&request)?;
        put_json(json, &decision)?;
        place.put(alwm_decision::of(&decision));
        Ok(())
    })
}

/// Whether several calls of one user (1–256) may be made together, each seeing those before it.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_check_limits(
    meter: *const alwm_meter,
    requests: *const alwm_call_request,
    count: usize,
    decision: *mut alwm_decision,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.place("decision", decision)?;
        let json = caller.wanted_value("json", json)?;
        let requests = alwm_call_request::all_for_core(caller, requests, count)?;
        let decision = meter.core.check_limits(&requests)?;
        put_json(json, &decision)?;
        place.put(alwm_decision::of(&decision));
        Ok(())
    })
}

/// Reserves a call's estimate, if it fits every limit; then make the call and settle. A repeat
/// with the same key returns the same hold, or the recorded call. A refusal is an `outcome`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_reserve(
    meter: *const alwm_meter,
    request: *const alwm_call_request,
    reservation: *mut alwm_reservation,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.place("reservation", reservation)?;
        let json = caller.wanted_value("json", json)?;
        let request = caller.read("request", request)?.for_core(caller)?;
        let reservation = meter.core.reserve(&request)?;
        put_json(json, &reservation)?;
        place.put(alwm_reservation::of(&reservation));
        Ok(())
    })
}

/// Reserves several calls of one user (1–256) together: all of them, or none. Where they are
/// refused, every one of the `count` reservations says so.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_reserve_all(
    meter: *const alwm_meter,
    requests: *const alwm_call_request,
    count: usize,
    reservations: *mut alwm_reservation,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let places = caller.places("reservations", reservations, count)?;
        let json = caller.wanted_value("json", json)?;
        let requests = alwm_call_request::all_for_core(caller, requests, count)?;
        let answer = meter.core.reserve_all(&requests)?;
        put_json(json, &answer)?;
        places.put_each(|place| match &answer {
            Reservations::Granted { reservations } => {
                reservations.get(place).map(alwm_reservation::of)
            }
            Reservations::Refused { decision } => Some(alwm_reservation::refused(decision)),
        });
        Ok(())
    })
}

/// Records what the call that was held for really used, and ends the hold. More than was held is
/// charged in full. `receipt` may be `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_settle(
    meter: *const alwm_meter,
    user: alwm_text,
    hold_id: alwm_text,
    outcome: *const alwm_call_outcome,
    receipt: *mut alwm_receipt,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.wanted("receipt", receipt)?;
        let json = caller.wanted_value("json", json)?;
        let user = caller.text("user", user)?;
        let hold_id: CallKey = caller.text("hold_id", hold_id)?.parse()?;
        let outcome = caller.read("outcome", outcome)?.for_core(caller)?;
        let receipt = meter.core.settle(user, hold_id, &outcome)?;
        put_json(json, &receipt)?;
        if let Some(place) = place {
            place.put(alwm_receipt::of(&receipt));
        }
        Ok(())
    })
}

/// Queues what the call that was held for really used, and returns at once; `alwm_flush` waits for
/// the commit. Bad input is still answered here.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_queue_settle(
    meter: *const alwm_meter,
    user: alwm_text,
    hold_id: alwm_text,
    outcome: *const alwm_call_outcome,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let user = caller.text("user", user)?;
        let hold_id: CallKey = caller.text("hold_id", hold_id)?.parse()?;
        let outcome = caller.read("outcome", outcome)?.for_core(caller)?;
        meter.core.queue_settle(user, hold_id, &outcome)
    })
}

/// Queues the giving back of a hold and returns at once.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_queue_release(
    meter: *const alwm_meter,
    user: alwm_text,
    hold_id: alwm_text,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let user = caller.text("user", user)?;
        let hold_id: CallKey = caller.text("hold_id", hold_id)?.parse()?;
        meter.core.queue_release(user, hold_id)
    })
}

/// What became of a hold that was given back.
#[derive(Serialize)]
struct Released {
    hold_id: CallKey,
    status: ReleaseStatus,
}

/// Gives a hold back: the call was not made. `status`, an `alwm_release_status`, may be `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_release(
    meter: *const alwm_meter,
    user: alwm_text,
    hold_id: alwm_text,
    status: *mut i32,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.wanted_value("status", status)?;
        let json = caller.wanted_value("json", json)?;
        let user = caller.text("user", user)?;
        let hold_id: CallKey = caller.text("hold_id", hold_id)?.parse()?;
        let status = meter.core.release(user, hold_id)?;
        put_json(json, &Released { hold_id, status })?;
        if let Some(place) = place {
            place.put(release_status(status));
        }
        Ok(())
    })
}
