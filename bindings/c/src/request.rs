//! Requests: what a caller asks for before a call.

use alwrity_metering::{CallRequest, Result};

use crate::answer::kept;
use crate::call::{
    alwm_input_estimate, alwm_quantity, alwm_units, given, input_estimate, instant, unused,
};
use crate::caller::{Caller, Promise, grows};
use crate::codes::{ALWM_NONE, variant};
use crate::status::alwm_status;
use crate::text::alwm_text;

/// A call that is about to be made.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alwm_call_request {
    /// Set by `alwm_call_request_init`.
    pub size: usize,
    /// The user's id in the host, 1–255 bytes.
    pub user: alwm_text,
    /// Who will be paid.
    pub provider: alwm_text,
    /// What will be done; without it the catalogue's default.
    pub operation: alwm_text,
    /// The model, if there is one.
    pub model: alwm_text,
    /// The key that makes a repeat harmless, 1–255 bytes; without it, one is made.
    pub idempotency_key: alwm_text,
    /// Input tokens, exact or estimated; 0 by default.
    pub input_tokens: i64,
    /// The cap on output tokens; without it the option `default_output_tokens`, for chat.
    pub max_output_tokens: i64,
    /// Quantities beside; its `input_tokens` and `output_tokens` add to the two above.
    pub units: alwm_units,
    /// Quantities of other units; `NULL` for none.
    pub other_units: *const alwm_quantity,
    /// How many of those.
    pub other_unit_count: usize,
    /// How the input was estimated; `NULL` when it was not.
    pub input_estimate: *const alwm_input_estimate,
    /// How many calls are asked for at once; 1 by default.
    pub call_count: i64,
    /// When the call is made; without it, now.
    pub occurred_at_us: i64,
    /// How long the hold lives, in ms; without it the option `hold_ttl_ms`.
    pub ttl_ms: i64,
    /// An `alwm_variant`; standard by default.
    pub variant: i32,
    /// Must be 0.
    pub reserved: i32,
}

grows!(alwm_call_request, up to reserved: i32, {
    size: size_of::<alwm_call_request>(),
    user: alwm_text::NONE,
    provider: alwm_text::NONE,
    operation: alwm_text::NONE,
    model: alwm_text::NONE,
    idempotency_key: alwm_text::NONE,
    input_tokens: 0,
    max_output_tokens: ALWM_NONE,
    units: alwm_units::default(),
    other_units: std::ptr::null(),
    other_unit_count: 0,
    input_estimate: std::ptr::null(),
    call_count: 1,
    occurred_at_us: ALWM_NONE,
    ttl_ms: ALWM_NONE,
    variant: 0,
    reserved: 0,
});

impl alwm_call_request {
    /// The request of the core that it says.
    pub(crate) fn for_core(&self, caller: Caller<'_>) -> Result<CallRequest> {
        unused(self.reserved)?;
        let text = |name, text| Ok(caller.optional(name, text)?.unwrap_or_default().to_owned());
        let optional = |name, text| Ok(caller.optional(name, text)?.map(str::to_owned));
        Ok(CallRequest {
            user: text("user", self.user)?,
            provider: text("provider", self.provider)?,
            operation: optional("operation", self.operation)?,
            model: text("model", self.model)?,
            variant: variant(self.variant)?,
            input_tokens: self.input_tokens,
            max_output_tokens: given(self.max_output_tokens),
            usage: self.units.usage(caller, self.other_units, self.other_unit_count)?,
            call_count: self.call_count,
            occurred_at: instant(self.occurred_at_us)?,
            idempotency_key: optional("idempotency_key", self.idempotency_key)?,
            ttl_ms: given(self.ttl_ms),
            input_estimate: input_estimate(caller, self.input_estimate)?,
        })
    }

    /// Several requests of the core.
    pub(crate) fn all_for_core(
        caller: Caller<'_>,
        requests: *const Self,
        count: usize,
    ) -> Result<Vec<CallRequest>> {
        let requests = caller.read_all("requests", requests, count)?;
        requests.iter().map(|request| request.for_core(caller)).collect()
    }
}

/// Sets the size and every default; `size` is `sizeof *request`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_call_request_init(
    request: *mut alwm_call_request,
    size: usize,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| caller.initialise(request, size))
}
