//! Statuses: the numbers of the table of errors, as C knows them.

use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use alwrity_metering::Error;
use alwrity_metering::error::ERRORS;

/// How a call ended: 0, or the number of an error in docs/errors.md. Numbers are never reused; a
/// number that this header does not know is an error too.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum alwm_status {
    /// It is done.
    Ok = 0,
    /// An amount of money is no exact decimal text of dollars.
    InvalidAmount = 101,
    /// An amount or a sum is beyond ± $9.22 million.
    AmountOutOfRange = 102,
    /// A usage has an unknown form of unit, or a quantity that cannot be.
    InvalidUsage = 103,
    /// A text is no time with a zone, or a time is outside the years 1970 to 9999.
    InvalidTime = 104,
    /// A name (user, provider, model, plan, limit, key, …) is empty, too long or not allowed.
    InvalidName = 105,
    /// An argument is outside what the function accepts.
    InvalidArgument = 106,
    /// A catalogue, plan or price file cannot be read as one.
    InvalidCatalogue = 107,
    /// A plan contradicts itself.
    InvalidPlan = 108,
    /// A price contradicts itself, or would change what is already used.
    InvalidPrice = 109,
    /// A query is not one statement that only reads.
    InvalidQuery = 110,
    /// An option of the library has a value outside its range.
    InvalidOption = 111,
    /// No user of that id has ever been seen.
    UnknownUser = 201,
    /// No plan has that id.
    UnknownPlan = 202,
    /// No limit has that name.
    UnknownLimit = 203,
    /// No hold and no call has that id.
    UnknownHold = 204,
    /// Nothing prices the call, and the setting `unknown_price` says `reject`.
    UnknownPrice = 205,
    /// No alert has that id.
    UnknownAlert = 206,
    /// The alert is another user's.
    AlertOfAnother = 207,
    /// The user has no subscription, or no change of that kind to act on.
    UnknownSubscription = 208,
    /// The user has no invoice or billing period of that start.
    UnknownInvoice = 209,
    /// The idempotency key was used before, with other content.
    IdempotencyConflict = 301,
    /// A hold was released or settled, so it can no longer be released.
    HoldClosed = 302,
    /// The subscription's status or terms do not allow the change.
    SubscriptionState = 304,
    /// The invoice's state does not allow the change.
    InvoiceState = 305,
    /// The queue or the lock was not free within `busy_timeout_ms`; nothing happened.
    Overloaded = 501,
    /// The call was queued, but whether it was committed could not be told.
    OutcomeUnknown = 502,
    /// The store could not be read or written.
    StorageUnavailable = 503,
    /// The file was renamed, replaced or deleted while it was open.
    StorageReplaced = 504,
    /// The file is no store of this library, or is damaged.
    StorageCorrupt = 505,
    /// The file was written by a newer version of this library.
    StorageNewer = 506,
    /// The disk is full; nothing was done.
    StorageFull = 507,
    /// The file is in a place where it could lose data: a symlink, a second name, a network
    /// disk.
    StorageUnsafe = 508,
    /// The meter was closed.
    Closed = 509,
    /// This store cannot do that.
    Unsupported = 510,
    /// A bug of this library: a rule that always holds did not.
    Internal = 601,
}

impl alwm_status {
    /// All of them but `Ok`.
    const ERRORS: &'static [Self] = &[
        Self::InvalidAmount,
        Self::AmountOutOfRange,
        Self::InvalidUsage,
        Self::InvalidTime,
        Self::InvalidName,
        Self::InvalidArgument,
        Self::InvalidCatalogue,
        Self::InvalidPlan,
        Self::InvalidPrice,
        Self::InvalidQuery,
        Self::InvalidOption,
        Self::UnknownUser,
        Self::UnknownPlan,
        Self::UnknownLimit,
        Self::UnknownHold,
        Self::UnknownPrice,
        Self::UnknownAlert,
        Self::AlertOfAnother,
        Self::UnknownSubscription,
        Self::UnknownInvoice,
        Self::IdempotencyConflict,
        Self::HoldClosed,
        Self::SubscriptionState,
        Self::InvoiceState,
        Self::Overloaded,
        Self::OutcomeUnknown,
        Self::StorageUnavailable,
        Self::StorageReplaced,
        Self::StorageCorrupt,
        Self::StorageNewer,
        Self::StorageFull,
        Self::StorageUnsafe,
        Self::Closed,
        Self::Unsupported,
        Self::Internal,
    ];

    /// The status that an error is.
    pub(crate) fn of(error: &Error) -> Self {
        let number = i32::from(error.number());
        Self::ERRORS.iter().copied().find(|one| one.number() == number).unwrap_or(Self::Internal)
    }

    /// The number that C sees.
    #[expect(clippy::as_conversions, reason = "the number of a variant has no other name")]
    const fn number(self) -> i32 {
        self as i32
    }
}

/// What the table says about a number, as C reads it.
pub(crate) struct Texts {
    number: i32,
    pub(crate) code: CString,
    pub(crate) hint: CString,
    http_status: i32,
    is_retryable: bool,
}

/// The line of a number; nothing for 0 and for numbers that the table does not have.
pub(crate) fn texts_of(status: alwm_status) -> Option<&'static Texts> {
    texts_of_number(status.number())
}

fn texts_of_number(number: i32) -> Option<&'static Texts> {
    static TEXTS: OnceLock<Vec<Texts>> = OnceLock::new();
    let texts = TEXTS.get_or_init(|| {
        let of_row = |row: &alwrity_metering::error::ErrorRow| Texts {
            number: row.number.into(),
            code: CString::new(row.code).unwrap_or_default(),
            hint: CString::new(row.hint).unwrap_or_default(),
            http_status: row.http_status.into(),
            is_retryable: row.is_retryable,
        };
        ERRORS.iter().map(of_row).collect()
    });
    texts.iter().find(|texts| texts.number == number)
}

/// The stable name of a status, such as `unknown_plan`; `ok` for 0, empty for an unknown number.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn alwm_status_code(status: i32) -> *const c_char {
    let none = if status == 0 { c"ok" } else { c"" };
    texts_of_number(status).map_or(none, |texts| texts.code.as_c_str()).as_ptr()
}

/// What to do about a status; empty for 0 and for an unknown number.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn alwm_status_hint(status: i32) -> *const c_char {
    texts_of_number(status).map_or(c"", |texts| texts.hint.as_c_str()).as_ptr()
}

/// The HTTP status that a server answers with; 200 for 0, 500 for an unknown number.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn alwm_status_http(status: i32) -> i32 {
    let none = if status == 0 { 200 } else { 500 };
    texts_of_number(status).map_or(none, |texts| texts.http_status)
}

/// Whether the same call, with the same idempotency key, may succeed when it is repeated.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn alwm_status_is_retryable(status: i32) -> i32 {
    texts_of_number(status).is_some_and(|texts| texts.is_retryable).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_the_rows_of_the_table_name_by_name() {
        let numbers: Vec<i32> = ERRORS.iter().map(|row| row.number.into()).collect();
        let own: Vec<i32> = alwm_status::ERRORS.iter().map(|status| status.number()).collect();
        assert_eq!(own, numbers, "a new error needs its line in `alwm_status`");
        for (status, row) in alwm_status::ERRORS.iter().zip(ERRORS) {
            let name: String = row.code.split('_').map(capitalised).collect();
            assert_eq!(format!("{status:?}"), name);
        }
    }

    fn capitalised(word: &str) -> String {
        word[..1].to_uppercase() + &word[1..]
    }
}
