//! Alerts: what users and the operator are told, and its way out.

use std::ffi::{CStr, CString, c_char, c_void};

use alwrity_metering::{AlertFilter, Channel, Delivery, DeliveryFailure, Page, Result};
use serde::Serialize;

use crate::answer::kept;
use crate::call::given;
use crate::caller::{Caller, Promise, grows, invalid};
use crate::codes::ALWM_NONE;
use crate::meter::alwm_meter;
use crate::status::alwm_status;
use crate::text::{alwm_string, alwm_text, put_json};

/// Which alerts are wanted; newest first.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_alert_filter {
    /// Set by `alwm_alert_filter_init`.
    pub size: usize,
    /// Only this kind: `usage_threshold`, `velocity`, `unpriced` or `critical_error`.
    pub alert_type: alwm_text,
    /// Only this urgency: `info`, `warning` or `error`.
    pub severity: alwm_text,
    /// Only alerts with an id below this one: the cursor, from the last page's last alert.
    pub before_id: i64,
    /// How many of the first to leave out.
    pub offset: i64,
    /// The most that are wanted, 1–5000; 50 by default.
    pub limit: i64,
    /// Only alerts that nobody has read.
    pub is_unread: i32,
    /// Also alerts that were put away.
    pub with_dismissed: i32,
}

grows!(alwm_alert_filter, up to with_dismissed: i32, {
    size: size_of::<alwm_alert_filter>(),
    alert_type: alwm_text::NONE,
    severity: alwm_text::NONE,
    before_id: ALWM_NONE,
    offset: 0,
    limit: 50,
    is_unread: 0,
    with_dismissed: 0,
});

/// The filter and the page behind a pointer; the defaults for NULL.
fn filter_of(caller: Caller<'_>, filter: *const alwm_alert_filter) -> Result<(AlertFilter, Page)> {
    if filter.is_null() {
        return Ok((AlertFilter::default(), Page::default()));
    }
    let own = caller.read("filter", filter)?;
    let filter = AlertFilter {
        is_unread: own.is_unread != 0,
        with_dismissed: own.with_dismissed != 0,
        kind: caller.optional("alert_type", own.alert_type)?.map(str::parse).transpose()?,
        severity: caller.optional("severity", own.severity)?.map(str::parse).transpose()?,
    };
    Ok((filter, Page { before_id: given(own.before_id), offset: own.offset, limit: own.limit }))
}

/// Sets the size and every default; `size` is `sizeof *filter`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_alert_filter_init(
    filter: *mut alwm_alert_filter,
    size: usize,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| caller.initialise(filter, size))
}

/// A page of a user's alerts, newest first, and how many there are; `filter` may be `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_alerts(
    meter: *const alwm_meter,
    user: alwm_text,
    filter: *const alwm_alert_filter,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let (filter, page) = filter_of(caller, filter)?;
        put_json(Some(json), &meter.core.alerts(caller.text("user", user)?, &filter, page)?)
    })
}

/// A page of the operator's alerts: failures of the store, and what `alwm_verify` found.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_operator_alerts(
    meter: *const alwm_meter,
    filter: *const alwm_alert_filter,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let (filter, page) = filter_of(caller, filter)?;
        put_json(Some(json), &meter.core.operator_alerts(&filter, page)?)
    })
}

/// Marks an alert of a user as read.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_mark_read(
    meter: *const alwm_meter,
    user: alwm_text,
    alert_id: i64,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        meter.core.mark_read(caller.text("user", user)?, alert_id)
    })
}

/// Marks all alerts of a user as read. `count`, how many there were, may be `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_mark_all_read(
    meter: *const alwm_meter,
    user: alwm_text,
    count: *mut i64,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let place = caller.wanted_value("count", count)?;
        let marked = meter.core.mark_all_read(caller.text("user", user)?)?;
        if let Some(place) = place {
            place.put(marked);
        }
        Ok(())
    })
}

/// Puts an alert of a user away.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_dismiss(
    meter: *const alwm_meter,
    user: alwm_text,
    alert_id: i64,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        meter.core.dismiss(caller.text("user", user)?, alert_id)
    })
}

/// Puts an alert of the operator away.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_dismiss_operator_alert(
    meter: *const alwm_meter,
    alert_id: i64,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| caller.shared("meter", meter)?.core.dismiss_operator_alert(alert_id))
}

/// How many alerts wait in each channel, and what became of the others.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_outbox(
    meter: *const alwm_meter,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        put_json(Some(json), &meter.core.outbox()?)
    })
}

/// Sends one alert, which is JSON with `message_id`, `attempt` and `alert`; both texts live until
/// it returns. It returns 0 once the receiver has it, 1 when it should be tried again later, and
/// anything else when that is of no use. It may call the library.
pub type alwm_send_alert = Option<
    extern "C" fn(context: *mut c_void, message_id: *const c_char, delivery: *const c_char) -> i32,
>;

/// A channel of the caller's.
struct Sender<'call> {
    name: &'call str,
    send: extern "C" fn(*mut c_void, *const c_char, *const c_char) -> i32,
    context: *mut c_void,
}

/// What a channel is given.
#[derive(Serialize)]
struct Shown<'a> {
    message_id: &'a str,
    attempt: i64,
    alert: &'a alwrity_metering::Alert,
}

impl Channel for Sender<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn send(&mut self, delivery: &Delivery) -> std::result::Result<(), DeliveryFailure> {
        let Delivery { id: _, message_id, attempt, alert } = delivery;
        let shown = serde_json::to_string(&Shown { message_id, attempt: *attempt, alert });
        let unshown = |error: &dyn std::error::Error| DeliveryFailure::lasting(error.to_string());
        let shown = CString::new(shown.map_err(|error| unshown(&error))?);
        let shown: CString = shown.map_err(|error| unshown(&error))?;
        let id = CString::new(message_id.as_str()).map_err(|error| unshown(&error))?;
        let (id, shown): (&CStr, &CStr) = (&id, &shown);
        match (self.send)(self.context, id.as_ptr(), shown.as_ptr()) {
            0 => Ok(()),
            1 => Err(DeliveryFailure::passing("the channel asks to try again")),
            code => Err(DeliveryFailure::lasting(format!("the channel gave up with {code}"))),
        }
    }
}

/// Sends every alert that is due in a channel that the option `alert_channels` names; each is
/// claimed by one process. `json`, what the round did, may be `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_deliver_alerts(
    meter: *const alwm_meter,
    channel: alwm_text,
    send: alwm_send_alert,
    context: *mut c_void,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.wanted_value("json", json)?;
        let send = send.ok_or_else(|| invalid("send", "NULL", "a function"))?;
        let name = caller.text("channel", channel)?;
        put_json(json, &meter.core.deliver_alerts(&mut Sender { name, send, context })?)
    })
}
