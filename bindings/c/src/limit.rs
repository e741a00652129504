//! Limits of a user: where they stand, and the user's own.

use alwrity_metering::{LimitChange, Result};

use crate::answer::kept;
use crate::call::{instant, unused};
use crate::caller::{Caller, Promise, grows};
use crate::codes::ALWM_NONE;
use crate::meter::alwm_meter;
use crate::status::alwm_status;
use crate::text::{alwm_string, alwm_text, put_json};

/// A change of a user's own limit.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_limit_change {
    /// Set by `alwm_limit_change_init`.
    pub size: usize,
    /// The limit's name: `gemini_calls`, `monthly_cost`, or a new one with a metric.
    pub name: alwm_text,
    /// `unlimited`, a count, or dollars where cost is counted.
    pub maximum: alwm_text,
    /// What is counted: `calls`, `tokens`, `cost_usd` or a unit; needed for a new name.
    pub metric: alwm_text,
    /// Only this provider.
    pub provider: alwm_text,
    /// Only this operation.
    pub operation: alwm_text,
    /// `period`, `minute`, `hour`, `day` or `lifetime`.
    pub window: alwm_text,
    /// `hard`, `soft` or `grace N%`.
    pub policy: alwm_text,
    /// Why, for people.
    pub note: alwm_text,
    /// The percentages that raise an alert; `NULL` to leave them.
    pub thresholds: *const u8,
    /// How many.
    pub threshold_count: usize,
    /// The first instant that it is in force; without it, now.
    pub starts_at_us: i64,
    /// The first instant that it is not; without it, it stays.
    pub ends_at_us: i64,
    /// Whether it adds to the plan's maximum instead of replacing it.
    pub is_boost: i32,
    /// Must be 0.
    pub reserved: i32,
}

grows!(alwm_limit_change, up to reserved: i32, {
    size: size_of::<alwm_limit_change>(),
    name: alwm_text::NONE,
    maximum: alwm_text::NONE,
    metric: alwm_text::NONE,
    provider: alwm_text::NONE,
    operation: alwm_text::NONE,
    window: alwm_text::NONE,
    policy: alwm_text::NONE,
    note: alwm_text::NONE,
    thresholds: std::ptr::null(),
    threshold_count: 0,
    starts_at_us: ALWM_NONE,
    ends_at_us: ALWM_NONE,
    is_boost: 0,
    reserved: 0,
});

impl alwm_limit_change {
    fn for_core(&self, caller: Caller<'_>) -> Result<LimitChange> {
        unused(self.reserved)?;
        let optional = |name, text| caller.optional(name, text);
        let owned = |name, text| Ok(caller.optional(name, text)?.map(str::to_owned));
        let thresholds = if self.thresholds.is_null() {
            None
        } else {
            Some(caller.slice("thresholds", self.thresholds, self.threshold_count)?.to_vec())
        };
        Ok(LimitChange {
            name: caller.text("name", self.name)?.to_owned(),
            maximum: caller.text("maximum", self.maximum)?.to_owned(),
            is_boost: self.is_boost != 0,
            metric: optional("metric", self.metric)?.map(str::parse).transpose()?,
            provider: owned("provider", self.provider)?,
            operation: owned("operation", self.operation)?,
            window: optional("window", self.window)?.map(str::parse).transpose()?,
            policy: optional("policy", self.policy)?.map(str::parse).transpose()?,
            thresholds,
            starts_at: instant(self.starts_at_us)?,
            ends_at: instant(self.ends_at_us)?,
            note: owned("note", self.note)?,
        })
    }
}

/// Sets the size and every default; `size` is `sizeof *change`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_limit_change_init(
    change: *mut alwm_limit_change,
    size: usize,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| caller.initialise(change, size))
}

/// Where a user stands with every limit now.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_limits(
    meter: *const alwm_meter,
    user: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        put_json(Some(json), &meter.core.limits(caller.text("user", user)?)?)
    })
}

/// Gives a user a limit of its own; the answer, which may be `NULL`, is where the user stands.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_set_limit(
    meter: *const alwm_meter,
    user: alwm_text,
    change: *const alwm_limit_change,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.wanted_value("json", json)?;
        let user = caller.text("user", user)?;
        let change = caller.read("change", change)?.for_core(caller)?;
        put_json(json, &meter.core.set_limit(user, &change)?)
    })
}

/// Ends a user's own limits of that name, now; the answer, which may be `NULL`, is where the user
/// stands.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_clear_limit(
    meter: *const alwm_meter,
    user: alwm_text,
    name: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.wanted_value("json", json)?;
        let (user, name) = (caller.text("user", user)?, caller.text("name", name)?);
        put_json(json, &meter.core.clear_limit(user, name)?)
    })
}
