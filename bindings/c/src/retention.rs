//! Retention and privacy: pruning, exporting, and giving or taking away all that is kept of a user.

use std::ffi::{c_char, c_void};
use std::ops::ControlFlow;

use alwrity_metering::{Error, Pruned, Span, Timestamp};
use serde::Serialize;

use crate::answer::kept;
use crate::call::instant;
use crate::caller::{Promise, invalid};
use crate::meter::alwm_meter;
use crate::status::alwm_status;
use crate::text::{alwm_string, alwm_text, put_json};

/// What was pruned, or would be.
#[derive(Serialize)]
struct Pruning {
    is_applied: bool,
    #[serde(flatten)]
    pruned: Pruned,
}

/// What `alwm_prune` would remove; it changes nothing.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_prune_dry_run(
    meter: *const alwm_meter,
    older_than_us: i64,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let pruned = meter.core.prune_dry_run(Timestamp::from_micros(older_than_us)?)?;
        put_json(Some(json), &Pruning { is_applied: false, pruned })
    })
}

/// Removes the rows of calls that were made before an instant; their sums and keys stay.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_prune(
    meter: *const alwm_meter,
    older_than_us: i64,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let pruned = meter.core.prune(Timestamp::from_micros(older_than_us)?)?;
        put_json(Some(json), &Pruning { is_applied: true, pruned })
    })
}

/// Everything that is kept about a user, as one object.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_export_user(
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
        put_json(Some(json), &meter.core.export_user(user)?)
    })
}

/// Takes a user's identity and every free text out of the store; the numbers stay under a
/// pseudonym. There is no way back.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_erase_user(
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
        put_json(Some(json), &meter.core.erase_user(user)?)
    })
}

/// Takes one call of an export: the user with a NUL, and the call as JSON; both live until it
/// returns. It returns 0 to go on, anything else to stop.
pub type alwm_visit_call =
    Option<extern "C" fn(context: *mut c_void, user: *const c_char, call: *const c_char) -> i32>;

/// Visits the recorded calls of one user, or of all for `NULL`, that were made from one instant to
/// before another (`ALWM_NONE` for no bound), in the order of recording and in one snapshot.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_visit_calls(
    meter: *const alwm_meter,
    user: alwm_text,
    from_us: i64,
    before_us: i64,
    visit: alwm_visit_call,
    context: *mut c_void,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let visit = visit.ok_or_else(|| invalid("visit", "NULL", "a function"))?;
        let user = caller.optional("user", user)?;
        let starts_at = instant(from_us)?.unwrap_or(Span::ALWAYS.starts_at);
        let ends_at = instant(before_us)?.unwrap_or(Span::ALWAYS.ends_at);
        let mut failed = None;
        meter.core.visit_calls(user, Span { starts_at, ends_at }, &mut |user, call| match (
            c_text(user),
            serde_json::to_string(&call).ok().as_deref().and_then(c_text),
        ) {
            (Some(user), Some(call)) if visit(context, user.as_ptr(), call.as_ptr()) == 0 => {
                ControlFlow::Continue(())
            }
            (Some(_), Some(_)) => ControlFlow::Break(()),
            _ => {
                let reason = format!("call {} cannot be shown", call.id);
                failed = Some(Error::Internal { reason });
                ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(()), Err)
    })
}

/// The text with a NUL at its end; names hold none.
fn c_text(text: &str) -> Option<std::ffi::CString> {
    std::ffi::CString::new(text).ok()
}
