//! Proof: recomputing every total from the ledger.

use alwrity_metering::Verification;

use crate::answer::kept;
use crate::caller::Promise;
use crate::meter::alwm_meter;
use crate::status::alwm_status;
use crate::text::{alwm_string, put_json};

/// Recomputes every counter and rollup from the ledger and compares them; `is_ok` is 1 when all is
/// well. `json`, which names the first difference, may be `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_verify(
    meter: *const alwm_meter,
    is_ok: *mut i32,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.value("is_ok", is_ok)?;
        let json = caller.wanted_value("json", json)?;
        let verification = Verification::from(meter.core.verify()?);
        put_json(json, &verification)?;
        place.put(verification.is_ok.into());
        Ok(())
    })
}

/// Replaces every counter and rollup by what the ledger says. `rows`, how many were written, may be
/// `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_rebuild(meter: *const alwm_meter, rows: *mut i64) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.wanted_value("rows", rows)?;
        let written = meter.core.rebuild()?;
        if let Some(place) = place {
            place.put(written);
        }
        Ok(())
    })
}
