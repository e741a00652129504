//! Subscriptions: starting, changing and ending them; every answer is JSON.

use alwrity_metering::{Change, ExternalIds, Page, Payment, Result, Subscribe, Timestamp};

use crate::answer::kept;
use crate::call::{instant, unused};
use crate::caller::{Caller, Promise, grows, invalid};
use crate::codes::{
    self, ALWM_NONE, alwm_billing_cycle, alwm_payment, billing_cycle, cancel_at, changed_cycle,
};
use crate::meter::alwm_meter;
use crate::status::alwm_status;
use crate::text::{alwm_string, alwm_text, put_json};

/// What a user subscribes to.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_subscribe_terms {
    /// Set by `alwm_subscribe_terms_init`.
    pub size: usize,
    /// The plan.
    pub plan_id: alwm_text,
    /// The reference of the payment, or why nobody pays, as `payment` says.
    pub payment_text: alwm_text,
    /// The customer at Stripe.
    pub stripe_customer_id: alwm_text,
    /// The subscription at Stripe.
    pub stripe_subscription_id: alwm_text,
    /// How the user pays, for people: `card`.
    pub payment_method: alwm_text,
    /// What periods are counted from; without it, now at first, then what it was.
    pub anchor_us: i64,
    /// From when on; without it, now.
    pub starts_at_us: i64,
    /// An `alwm_billing_cycle`; monthly by default.
    pub billing_cycle: i32,
    /// An `alwm_payment`; pending by default: it grants nothing until it is paid.
    pub payment: i32,
    /// Whether it renews by itself; 1 by default.
    pub auto_renew: i32,
    /// Must be 0.
    pub reserved: i32,
}

grows!(alwm_subscribe_terms, up to reserved: i32, {
    size: size_of::<alwm_subscribe_terms>(),
    plan_id: alwm_text::NONE,
    payment_text: alwm_text::NONE,
    stripe_customer_id: alwm_text::NONE,
    stripe_subscription_id: alwm_text::NONE,
    payment_method: alwm_text::NONE,
    anchor_us: ALWM_NONE,
    starts_at_us: ALWM_NONE,
    billing_cycle: alwm_billing_cycle::Monthly as i32,
    payment: alwm_payment::Pending as i32,
    auto_renew: 1,
    reserved: 0,
});

fn payment_of(caller: Caller<'_>, payment: i32, text: alwm_text) -> Result<Payment> {
    codes::payment(payment, caller.optional("payment_text", text)?)
}

impl alwm_subscribe_terms {
    fn for_core(&self, caller: Caller<'_>) -> Result<Subscribe> {
        unused(self.reserved)?;
        let optional = |name, text| Ok(caller.optional(name, text)?.map(str::to_owned));
        Ok(Subscribe {
            plan_id: caller.text("plan_id", self.plan_id)?.to_owned(),
            billing_cycle: billing_cycle(self.billing_cycle)?,
            anchor: instant(self.anchor_us)?,
            starts_at: instant(self.starts_at_us)?,
            payment: payment_of(caller, self.payment, self.payment_text)?,
            auto_renew: self.auto_renew != 0,
            external: ExternalIds {
                stripe_customer_id: optional("stripe_customer_id", self.stripe_customer_id)?,
                stripe_subscription_id: optional(
                    "stripe_subscription_id",
                    self.stripe_subscription_id,
                )?,
                payment_method: optional("payment_method", self.payment_method)?,
            },
        })
    }
}

/// Sets the size and every default; `size` is `sizeof *terms`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_subscribe_terms_init(
    terms: *mut alwm_subscribe_terms,
    size: usize,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| caller.initialise(terms, size))
}

/// Puts a user on a plan.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_subscribe(
    meter: *const alwm_meter,
    user: alwm_text,
    terms: *const alwm_subscribe_terms,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let terms = caller.read("terms", terms)?.for_core(caller)?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.subscribe(user, &terms)?)
    })
}

/// Makes the change that waits for its payment happen, paid under the host's reference.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_confirm_payment(
    meter: *const alwm_meter,
    user: alwm_text,
    reference: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let reference = caller.text("reference", reference)?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.confirm_payment(user, reference, ExternalIds::default())?)
    })
}

/// Pays one fee. `payment` is an `alwm_payment`, and the text its reference or reason.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_renew(
    meter: *const alwm_meter,
    user: alwm_text,
    payment: i32,
    payment_text: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let payment = payment_of(caller, payment, payment_text)?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.renew(user, payment)?)
    })
}

/// Goes over to a dearer plan at once, for the prorated difference; `billing_cycle` may be
/// `ALWM_BILLING_CYCLE_AS_BEFORE`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_upgrade(
    meter: *const alwm_meter,
    user: alwm_text,
    plan_id: alwm_text,
    billing_cycle: i32,
    payment: i32,
    payment_text: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let plan_id = caller.text("plan_id", plan_id)?;
        let cycle = changed_cycle(billing_cycle)?;
        let payment = payment_of(caller, payment, payment_text)?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.upgrade(user, plan_id, cycle, payment)?)
    })
}

/// Goes over to a cheaper plan when the billing period ends.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_downgrade(
    meter: *const alwm_meter,
    user: alwm_text,
    plan_id: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let plan_id = caller.text("plan_id", plan_id)?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.downgrade(user, plan_id)?)
    })
}

/// Pays by the year from the running month on, or by the month when the year ends.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_change_cycle(
    meter: *const alwm_meter,
    user: alwm_text,
    cycle: i32,
    payment: i32,
    payment_text: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let cycle = billing_cycle(cycle)?;
        let payment = payment_of(caller, payment, payment_text)?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.change_cycle(user, cycle, payment)?)
    })
}

/// Ends a subscription; `when` is an `alwm_cancel_at`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_cancel(
    meter: *const alwm_meter,
    user: alwm_text,
    when: i32,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let when = cancel_at(when)?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.cancel(user, when)?)
    })
}

/// Takes back what is scheduled or waits for its payment.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_withdraw_change(
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
        put_json(Some(json), &meter.core.withdraw_change(user)?)
    })
}

/// Notes that a payment is late: the plan is granted until the grace ends.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_mark_past_due(
    meter: *const alwm_meter,
    user: alwm_text,
    grace_until_us: i64,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let grace_until = Timestamp::from_micros(grace_until_us)?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.mark_past_due(user, grace_until)?)
    })
}

/// Grants nothing from now on.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_suspend(
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
        put_json(Some(json), &meter.core.suspend(user)?)
    })
}

/// Ends a suspension.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_resume(
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
        put_json(Some(json), &meter.core.resume(user)?)
    })
}

/// How a user's subscription stands, and what is scheduled.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_subscription(
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
        put_json(Some(json), &meter.core.subscription(user)?)
    })
}

/// What has happened to a subscription, newest first: 1 to 100 lines, without the first `offset`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_subscription_history(
    meter: *const alwm_meter,
    user: alwm_text,
    limit: i64,
    offset: i64,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let page = Page { before_id: None, offset, limit };
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.subscription_history(user, page)?)
    })
}

/// What a change would do and cost, to the cent. The change is JSON, such as
/// `{"change": "upgrade", "plan_id": "pro", "billing_cycle": null}`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_preview_change(
    meter: *const alwm_meter,
    user: alwm_text,
    change: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.value("json", json)?;
        let change = change_of(caller.text("change", change)?)?;
        let user = caller.text("user", user)?;
        put_json(Some(json), &meter.core.preview_change(user, &change)?)
    })
}

/// Reads a change.
fn change_of(json: &str) -> Result<Change> {
    serde_json::from_str(json)
        .map_err(|error| invalid("change", &error.to_string(), "a change as JSON"))
}
