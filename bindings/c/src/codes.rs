//! Codes: the numbers that stand in structs for the core's choices. They are never reused.
//!
//! Fields hold plain `int32_t`, so that a number from a newer version is no undefined behaviour.
//! Choices that rows keep have the codes of rows; the others start at 1, so that a struct of zeros
//! says nothing.

use alwrity_metering::{
    BillingCycle, CancelAt, Error, HintScope, Payment, Reason, RecordStatus, ReleaseStatus, Result,
    UsageSource, Variant,
};

/// A number that is not known or not given, where 0 would be one.
pub const ALWM_NONE: i64 = i64::MIN;

/// The service tier of a call or a price.
#[repr(i32)]
pub enum alwm_variant {
    /// The ordinary tier.
    Standard = 0,
    /// Answered within hours.
    Batch = 1,
    /// Cheaper and slower.
    Flex = 2,
    /// Dearer and faster.
    Priority = 3,
}

/// Where a usage is from.
#[repr(i32)]
pub enum alwm_usage_source {
    /// The provider reported it.
    Reported = 0,
    /// It was estimated.
    Estimated = 1,
    /// The hold expired and was charged at its estimate; only the library says so.
    ExpiredHold = 2,
}

/// How the price of a call was found.
#[repr(i32)]
pub enum alwm_price_match {
    /// By the model's own id.
    Exact = 0,
    /// By an alias of the model.
    Alias = 1,
    /// By the longest prefix of the model's id.
    Prefix = 2,
    /// By the provider's default price.
    ProviderDefault = 3,
    /// By the price that the option `unknown_price` names.
    NamedDefault = 4,
    /// Not at all: the cost is unknown.
    Unknown = 5,
}

/// Whether a record was new.
#[repr(i32)]
pub enum alwm_record_status {
    /// It was recorded now.
    Recorded = 1,
    /// It was recorded before, with the same content.
    Duplicate = 2,
    /// It is queued; only its key is known. `alwm_flush` waits for the commit.
    Queued = 3,
}

/// Why a decision is what it is.
#[repr(i32)]
pub enum alwm_reason {
    /// Everything fits.
    WithinLimits = 1,
    /// A limit would be passed.
    LimitReached = 2,
    /// A limit is 0: the plan does not contain it.
    NotInPlan = 3,
}

/// What became of a reservation.
#[repr(i32)]
pub enum alwm_outcome {
    /// The estimate is kept free: make the call, then settle.
    Granted = 1,
    /// It does not fit: do not make the call.
    Refused = 2,
    /// The key's call is recorded already: do not make the call again.
    Duplicate = 3,
}

/// What became of a hold that was given back.
#[repr(i32)]
pub enum alwm_release_status {
    /// It counts no more from now on.
    Released = 1,
    /// It had been released or had expired before.
    AlreadyClosed = 2,
}

/// What becomes of a hold whose time is over.
#[repr(i32)]
pub enum alwm_expired_holds {
    /// It counts no more.
    Release = 1,
    /// It is charged at its estimate, and flagged.
    Charge = 2,
}

/// When `alwm_record` answers.
#[repr(i32)]
pub enum alwm_durability {
    /// After the commit.
    Durable = 1,
    /// When it is queued.
    Queued = 2,
}

/// How safe a commit is.
#[repr(i32)]
pub enum alwm_synchronous {
    /// It survives a power cut.
    Full = 1,
    /// It survives a kill.
    Normal = 2,
}

/// How often a fee is due.
#[repr(i32)]
pub enum alwm_billing_cycle {
    /// Every month.
    Monthly = 0,
    /// Every year.
    Yearly = 1,
    /// As before; only where a subscription is changed.
    AsBefore = -1,
}

/// How a change is paid for.
#[repr(i32)]
pub enum alwm_payment {
    /// Not yet: the change waits for its payment and grants nothing.
    Pending = 1,
    /// It was paid; the text is the host's reference.
    Reference = 2,
    /// Nobody pays for this change; the text says why.
    Waived = 3,
}

/// When a cancellation takes effect.
#[repr(i32)]
pub enum alwm_cancel_at {
    /// When what was paid for ends.
    PeriodEnd = 1,
    /// At once.
    Now = 2,
}

/// Which providers a hint may name.
#[repr(i32)]
pub enum alwm_hint_scope {
    /// The one that was paid.
    SameProvider = 1,
    /// Those that the user has used.
    UsedProviders = 2,
    /// All that the catalogue prices.
    AllProviders = 3,
}

/// How sure a detection is.
#[repr(i32)]
pub enum alwm_confidence {
    /// Nothing known.
    Unknown = 0,
    /// The evidence fits, but others may look the same.
    Likely = 1,
    /// The evidence belongs to this provider alone.
    Certain = 2,
}

/// What a cell of a query's answer is.
#[repr(i32)]
pub enum alwm_cell {
    /// SQL NULL.
    Null = 1,
    /// A whole number.
    Int64 = 2,
    /// A floating-point number.
    Double = 3,
    /// A text.
    Text = 4,
    /// Bytes.
    Bytes = 5,
}

/// How grave an event of the log is.
#[repr(i32)]
pub enum alwm_log_level {
    /// Something failed.
    Error = 1,
    /// Something should be looked at.
    Warn = 2,
    /// Something worth knowing happened.
    Info = 3,
    /// For whoever looks for a fault.
    Debug = 4,
}

fn unknown(name: &'static str, code: i32, expected: &'static str) -> Error {
    Error::InvalidArgument { name, value: code.to_string(), expected: expected.into() }
}

/// The choice of a code, from pairs of both.
pub(crate) fn chosen<T: Clone>(
    name: &'static str,
    code: i32,
    choices: &[(i32, T)],
    expected: &'static str,
) -> Result<T> {
    let found = choices.iter().find(|(own, _)| *own == code);
    found.map(|(_, choice)| choice.clone()).ok_or_else(|| unknown(name, code, expected))
}

/// The choice that has a code in rows.
fn of_row<T: Copy>(name: &'static str, all: &[T], code: i32, expected: &'static str) -> Result<T> {
    let found = usize::try_from(code).ok().and_then(|place| all.get(place));
    found.copied().ok_or_else(|| unknown(name, code, expected))
}

pub(crate) fn variant(code: i32) -> Result<Variant> {
    of_row("variant", Variant::ALL, code, "an ALWM_VARIANT")
}

pub(crate) fn usage_source(code: i32) -> Result<UsageSource> {
    of_row("usage_source", UsageSource::ALL, code, "an ALWM_USAGE_SOURCE")
}

pub(crate) fn billing_cycle(code: i32) -> Result<BillingCycle> {
    of_row("billing_cycle", BillingCycle::ALL, code, "an ALWM_BILLING_CYCLE")
}

/// A cycle, or nothing for "as before".
pub(crate) fn changed_cycle(code: i32) -> Result<Option<BillingCycle>> {
    if code == alwm_billing_cycle::AsBefore as i32 {
        return Ok(None);
    }
    billing_cycle(code).map(Some)
}

pub(crate) fn cancel_at(code: i32) -> Result<CancelAt> {
    let choices = [
        (alwm_cancel_at::PeriodEnd as i32, CancelAt::PeriodEnd),
        (alwm_cancel_at::Now as i32, CancelAt::Now),
    ];
    chosen("when", code, &choices, "an ALWM_CANCEL_AT")
}

pub(crate) fn hint_scope(code: i32) -> Result<HintScope> {
    let choices = [
        (alwm_hint_scope::SameProvider as i32, HintScope::SameProvider),
        (alwm_hint_scope::UsedProviders as i32, HintScope::UsedProviders),
        (alwm_hint_scope::AllProviders as i32, HintScope::AllProviders),
    ];
    chosen("scope", code, &choices, "an ALWM_HINT_SCOPE")
}

/// How a change is paid for; the text is needed unless it waits.
pub(crate) fn payment(code: i32, text: Option<&str>) -> Result<Payment> {
    let text = text.unwrap_or_default().to_owned();
    let choices = [
        (alwm_payment::Pending as i32, Payment::Pending),
        (alwm_payment::Reference as i32, Payment::Reference(text.clone())),
        (alwm_payment::Waived as i32, Payment::Waived(text)),
    ];
    chosen("payment", code, &choices, "an ALWM_PAYMENT")
}

pub(crate) const fn record_status(status: RecordStatus) -> i32 {
    match status {
        RecordStatus::Recorded => alwm_record_status::Recorded as i32,
        RecordStatus::Duplicate => alwm_record_status::Duplicate as i32,
    }
}

pub(crate) const fn reason(reason: Reason) -> i32 {
    match reason {
        Reason::WithinLimits => alwm_reason::WithinLimits as i32,
        Reason::LimitReached => alwm_reason::LimitReached as i32,
        Reason::NotInPlan => alwm_reason::NotInPlan as i32,
    }
}

pub(crate) const fn release_status(status: ReleaseStatus) -> i32 {
    match status {
        ReleaseStatus::Released => alwm_release_status::Released as i32,
        ReleaseStatus::AlreadyClosed => alwm_release_status::AlreadyClosed as i32,
    }
}

/// The code that a choice has in rows; they are few.
pub(crate) fn row_code(code: i64) -> i32 {
    i32::try_from(code).unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use alwrity_metering::PriceMatch;

    use super::*;

    #[test]
    fn choices_that_rows_keep_have_the_codes_of_rows() {
        let pairs = [
            (Variant::Standard.code(), alwm_variant::Standard as i32),
            (Variant::Batch.code(), alwm_variant::Batch as i32),
            (Variant::Flex.code(), alwm_variant::Flex as i32),
            (Variant::Priority.code(), alwm_variant::Priority as i32),
            (UsageSource::Reported.code(), alwm_usage_source::Reported as i32),
            (UsageSource::Estimated.code(), alwm_usage_source::Estimated as i32),
            (UsageSource::ExpiredHold.code(), alwm_usage_source::ExpiredHold as i32),
            (PriceMatch::Exact.code(), alwm_price_match::Exact as i32),
            (PriceMatch::Alias.code(), alwm_price_match::Alias as i32),
            (PriceMatch::Prefix.code(), alwm_price_match::Prefix as i32),
            (PriceMatch::ProviderDefault.code(), alwm_price_match::ProviderDefault as i32),
            (PriceMatch::NamedDefault.code(), alwm_price_match::NamedDefault as i32),
            (PriceMatch::Unknown.code(), alwm_price_match::Unknown as i32),
            (BillingCycle::Monthly.code(), alwm_billing_cycle::Monthly as i32),
            (BillingCycle::Yearly.code(), alwm_billing_cycle::Yearly as i32),
        ];
        for (row, own) in pairs {
            assert_eq!(row_code(row), own);
        }
        let counts = [Variant::ALL.len(), UsageSource::ALL.len(), PriceMatch::ALL.len()];
        assert_eq!(counts, [4, 3, 6], "a new choice needs its code");
        assert_eq!(BillingCycle::ALL.len(), 2, "a new choice needs its code");
    }

    #[test]
    fn an_unknown_code_is_refused_by_name() {
        for error in [variant(4).unwrap_err(), variant(-1).unwrap_err()] {
            assert_eq!(error.code(), "invalid_argument");
            assert!(error.to_string().contains("variant"), "{error}");
        }
        assert!(cancel_at(0).is_err() && hint_scope(0).is_err() && payment(0, None).is_err());
        assert_eq!(changed_cycle(-1).unwrap(), None);
        assert!(billing_cycle(-1).is_err());
    }
}
