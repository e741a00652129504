//! Invoices: showing, closing, voiding, and noting what was paid.
//!
//! `period` is `current` (also for `NULL`), the month that the billing period starts in, or the
//! instant of its start.

use alwrity_metering::InvoicePaid;

use crate::answer::kept;
use crate::caller::Promise;
use crate::meter::alwm_meter;
use crate::status::alwm_status;
use crate::text::{alwm_string, alwm_text, put_json};

/// A user's invoice: the finalized one, or the draft as it stands now. `period` is `current` (also
/// for `NULL`), a month as `YYYY-MM`, or the instant that the billing period starts.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_invoice(
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
        put_json(Some(json), &meter.core.invoice(user, &period)?)
    })
}

/// The same as text for a terminal.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_invoice_text(
    meter: *const alwm_meter,
    user: alwm_text,
    period: alwm_text,
    text: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.value("text", text)?;
        let user = caller.text("user", user)?;
        let period = caller.optional("period", period)?.unwrap_or("current").parse()?;
        place.put_text(meter.core.invoice(user, &period)?.to_text()?)
    })
}

/// The same as one page of HTML.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_invoice_html(
    meter: *const alwm_meter,
    user: alwm_text,
    period: alwm_text,
    text: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.value("text", text)?;
        let user = caller.text("user", user)?;
        let period = caller.optional("period", period)?.unwrap_or("current").parse()?;
        place.put_text(meter.core.invoice(user, &period)?.to_html()?)
    })
}

/// All invoices and drafts of a user.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_billing_history(
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
        put_json(Some(json), &meter.core.billing_history(user)?)
    })
}

/// Freezes the draft of a billing period that has ended, with its hash.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_finalize_invoice(
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
        put_json(Some(json), &meter.core.finalize_invoice(user, &period)?)
    })
}

/// Finalizes every billing period that has ended and has lines.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_finalize_ended(
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
        put_json(Some(json), &meter.core.finalize_ended(user)?)
    })
}

/// Declares a finalized invoice void: its period is a draft again.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_void_invoice(
    meter: *const alwm_meter,
    user: alwm_text,
    period: alwm_text,
    reason: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let period = caller.optional("period", period)?.unwrap_or("current").parse()?;
        let reason = caller.text("reason", reason)?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.void_invoice(user, &period, reason)?)
    })
}

/// Notes what became of the payment of a finalized invoice: `pending`, `paid`, `failed` or
/// `waived`. The two references may be `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_set_invoice_payment(
    meter: *const alwm_meter,
    user: alwm_text,
    period: alwm_text,
    payment_status: alwm_text,
    reference: alwm_text,
    stripe_invoice_id: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let period = caller.optional("period", period)?.unwrap_or("current").parse()?;
        let optional = |name, text| Ok(caller.optional(name, text)?.map(str::to_owned));
        let paid = InvoicePaid {
            status: caller.text("payment_status", payment_status)?.parse()?,
            reference: optional("reference", reference)?,
            stripe_invoice_id: optional("stripe_invoice_id", stripe_invoice_id)?,
        };
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.set_invoice_payment(user, &period, &paid)?)
    })
}
