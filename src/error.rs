//! Every error, in one table: code, number, HTTP status, meaning and hint.
//!
//! Being over a limit is no error but a [`Decision`](crate::Decision). The numbers are stable and
//! never reused: C, Python, HTTP and the CLI read them from here.

use std::borrow::Cow;

/// The result of every fallible function of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One line of the table of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorRow {
    /// The stable name, in `snake_case`.
    pub code: &'static str,
    /// The stable number, never reused.
    pub number: u16,
    /// The HTTP status that a server answers with.
    pub http_status: u16,
    /// Whether the same call may succeed when it is repeated, with the same idempotency key.
    pub is_retryable: bool,
    /// When it happens.
    pub meaning: &'static str,
    /// What to do about it.
    pub hint: &'static str,
}

macro_rules! errors {
    ($(
        $(#[doc = $doc:literal])+
        $variant:ident { $($(#[doc = $field_doc:literal])+ $field:ident: $type:ty),* $(,)? }
        = $number:literal $code:literal $http:literal $retry:literal
        $message:literal, hint $hint:literal;
    )+) => {
        /// What went wrong, with the facts that tell what to do.
        ///
        /// Messages carry values that the caller gave, never prompts, keys or answers.
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        #[non_exhaustive]
        pub enum Error {
            $(
                $(#[doc = $doc])+
                #[error($message)]
                $variant { $($(#[doc = $field_doc])+ $field: $type),* },
            )+
        }

        /// The table of all errors, by number.
        pub const ERRORS: &[ErrorRow] = &[$(ErrorRow {
            code: $code,
            number: $number,
            http_status: $http,
            is_retryable: $retry,
            meaning: concat!($($doc),+),
            hint: $hint,
        }),+];

        impl Error {
            /// The error's stable number, see [`ERRORS`].
            pub const fn number(&self) -> u16 {
                match self { $(Self::$variant { .. } => $number),+ }
            }
        }
    };
}

errors! {
    /// An amount of money is no exact decimal text of dollars.
    InvalidAmount {
        /// The text that was given.
        value: String,
        /// What would have been right.
        expected: &'static str,
    } = 101 "invalid_amount" 422 false
    "invalid amount `{value}`: expected {expected}",
    hint "give dollars as decimal text, never as a float: `0.15`";

    /// An amount or a sum is beyond ± $9.22 million.
    AmountOutOfRange {
        /// The amount or the operation.
        value: String,
    } = 102 "amount_out_of_range" 422 false
    "amount out of range: `{value}` is beyond 9223372 USD",
    hint "check the price and the quantities; no real call costs this much";

    /// A usage has an unknown form of unit, or a quantity that cannot be.
    InvalidUsage {
        /// The unit.
        unit: String,
        /// Why it cannot be.
        reason: Cow<'static, str>,
    } = 103 "invalid_usage" 422 false
    "invalid usage of `{unit}`: {reason}",
    hint "quantities are whole numbers from 0; cached and reasoning counts are inside the totals";

    /// A text is no time with a zone, or a time is outside the years 1970 to 9999.
    InvalidTime {
        /// The text that was given.
        value: String,
        /// What would have been right.
        expected: &'static str,
    } = 104 "invalid_time" 422 false
    "invalid time `{value}`: expected {expected}",
    hint "give RFC 3339 with a zone: `2025-10-01T00:00:00Z`";

    /// A name (user, provider, model, plan, limit, key, …) is empty, too long or not allowed.
    InvalidName {
        /// Which name.
        field: &'static str,
        /// The text that was given, shortened.
        value: String,
        /// What would have been right.
        expected: &'static str,
    } = 105 "invalid_name" 422 false
    "invalid {field} `{value}`: expected {expected}",
    hint "names are plain text without control characters";

    /// An argument is outside what the function accepts.
    InvalidArgument {
        /// Which argument.
        name: &'static str,
        /// The value that was given.
        value: String,
        /// What would have been right.
        expected: Cow<'static, str>,
    } = 106 "invalid_argument" 422 false
    "invalid {name} `{value}`: expected {expected}",
    hint "see the documentation of the function for the range";

    /// A catalogue, plan or price file cannot be read as one.
    InvalidCatalogue {
        /// The file, or what was read.
        file: String,
        /// The line, counted from 1; 0 when unknown.
        line: u64,
        /// Why not.
        reason: String,
    } = 107 "invalid_catalogue" 422 false
    "invalid catalogue `{file}`, line {line}: {reason}",
    hint "compare the line with the files under `catalogue/`";

    /// A plan contradicts itself.
    InvalidPlan {
        /// The plan.
        plan: String,
        /// Why it cannot be.
        reason: String,
    } = 108 "invalid_plan" 422 false
    "invalid plan `{plan}`: {reason}",
    hint "a plan needs an id, two prices and limits with distinct names";

    /// A price contradicts itself, or would change what is already used.
    InvalidPrice {
        /// Provider and model.
        price: String,
        /// Why it cannot be.
        reason: String,
    } = 109 "invalid_price" 422 false
    "invalid price of `{price}`: {reason}",
    hint "a used version is never edited: give a new one with a later `effective_from`";

    /// A query is not one statement that only reads.
    InvalidQuery {
        /// What SQLite said, or why it was refused.
        reason: String,
    } = 110 "invalid_query" 400 false
    "invalid query: {reason}",
    hint "give one SELECT; the names are in docs/schema.md";

    /// An option of the library has a value outside its range.
    InvalidOption {
        /// The option.
        option: &'static str,
        /// The value that was given.
        value: String,
        /// What would have been right.
        expected: &'static str,
    } = 111 "invalid_option" 500 false
    "invalid option `{option}` = `{value}`: expected {expected}",
    hint "see the table of options in docs/operations.md";

    /// No user of that id has ever been seen.
    UnknownUser {
        /// The user.
        user: String,
    } = 201 "unknown_user" 404 false
    "unknown user `{user}`",
    hint "a user exists from its first call, check or subscription";

    /// No plan has that id.
    UnknownPlan {
        /// The plan.
        plan: String,
        /// The plans that exist.
        known: String,
    } = 202 "unknown_plan" 404 false
    "unknown plan `{plan}`: known are {known}",
    hint "seed the plans with `init`, or add one with `plans set`";

    /// No limit has that name.
    UnknownLimit {
        /// The limit.
        limit: String,
    } = 203 "unknown_limit" 404 false
    "unknown limit `{limit}`",
    hint "list the names with `limits USER`";

    /// No hold and no call has that id.
    UnknownHold {
        /// The hold.
        hold_id: String,
    } = 204 "unknown_hold" 404 false
    "unknown hold `{hold_id}`",
    hint "record the call with `record_call`, which needs no hold";

    /// Nothing prices the call, and the setting `unknown_price` says `reject`.
    UnknownPrice {
        /// The provider.
        provider: String,
        /// The model.
        model: String,
    } = 205 "unknown_price" 422 false
    "unknown price of `{provider}` / `{model}`",
    hint "add it with `prices set`, or set `unknown_price` to `record`";

    /// No alert has that id.
    UnknownAlert {
        /// The alert.
        alert_id: String,
    } = 206 "unknown_alert" 404 false
    "unknown alert `{alert_id}`",
    hint "list the ids with `alerts USER`";

    /// The alert is another user's.
    AlertOfAnother {
        /// The alert.
        alert_id: String,
    } = 207 "alert_of_another" 403 false
    "alert `{alert_id}` is another user's",
    hint "list the user's own with `alerts USER`";
    /// The user has no subscription, or no change of that kind to act on.
    UnknownSubscription {
        /// The user.
        user: String,
        /// What was looked for.
        wanted: &'static str,
    } = 208 "unknown_subscription" 404 false
    "user `{user}` has no {wanted}",
    hint "look with `history USER`; `subscribe` starts a subscription";

    /// The user has no invoice or billing period of that start.
    UnknownInvoice {
        /// The user.
        user: String,
        /// The period that was asked for.
        period: String,
        /// What there is.
        known: String,
    } = 209 "unknown_invoice" 404 false
    "user `{user}` has no invoice `{period}`: {known}",
    hint "list them with `invoice USER --list`";

    /// The idempotency key was used before, with other content.
    IdempotencyConflict {
        /// The key.
        key: String,
        /// The first field that differs, with both values.
        difference: String,
    } = 301 "idempotency_conflict" 409 false
    "idempotency key `{key}` was used for another call: {difference}",
    hint "use one key for one call; repeat a call with exactly its own content";

    /// A hold was released or settled, so it can no longer be released.
    HoldClosed {
        /// The hold.
        hold_id: String,
        /// What it has become.
        state: &'static str,
    } = 302 "hold_closed" 409 false
    "hold `{hold_id}` is already {state}",
    hint "nothing is left to do: the hold counts no more";

    /// The subscription's status or terms do not allow the change.
    SubscriptionState {
        /// What was asked.
        change: &'static str,
        /// Why it cannot be.
        reason: String,
    } = 304 "subscription_state" 409 false
    "cannot {change} the subscription: {reason}",
    hint "`preview USER` shows what each change would do";

    /// The invoice's state does not allow the change.
    InvoiceState {
        /// What was asked.
        change: &'static str,
        /// The label of the period.
        period: String,
        /// Why it cannot be.
        reason: String,
    } = 305 "invoice_state" 409 false
    "cannot {change} the invoice of {period}: {reason}",
    hint "finalize when the period is over; what is finalized never changes, but can be voided";

    /// The queue or the lock was not free within `busy_timeout_ms`; nothing happened.
    Overloaded {
        /// How long the caller waited, in ms.
        waited_ms: u64,
    } = 501 "overloaded" 503 true
    "overloaded: the store was not free within {waited_ms} ms, nothing was done",
    hint "repeat with the same idempotency key; see docs/operations.md on load";

    /// The call was queued, but whether it was committed could not be told.
    OutcomeUnknown {
        /// The idempotency key to repeat the call with.
        key: String,
    } = 502 "outcome_unknown" 503 true
    "outcome unknown: the call with key `{key}` may or may not be recorded",
    hint "repeat the call with this key: it is recorded once";

    /// The store could not be read or written.
    StorageUnavailable {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        reason: String,
    } = 503 "storage_unavailable" 503 true
    "storage unavailable: could not {action}: {reason}",
    hint "check the disk, the folder and its permissions; see docs/troubleshooting.md";

    /// The file was renamed, replaced or deleted while it was open.
    StorageReplaced {
        /// The file.
        path: String,
    } = 504 "storage_replaced" 503 false
    "the file `{path}` was renamed, replaced or deleted while it was open",
    hint "put the file back, or close and open the meter again";

    /// The file is no store of this library, or is damaged.
    StorageCorrupt {
        /// The file.
        path: String,
        /// What was found.
        reason: String,
    } = 505 "storage_corrupt" 500 false
    "the file `{path}` is damaged or no store: {reason}",
    hint "check the path, or restore a backup; `rebuild` helps only where `verify` names counters";

    /// The file was written by a newer version of this library.
    StorageNewer {
        /// The file.
        path: String,
        /// The version that the file needs.
        needed: i64,
        /// The version that this library has.
        supported: i64,
    } = 506 "storage_newer" 500 false
    "the file `{path}` needs schema {needed}, this library knows {supported}",
    hint "upgrade the library in every process that opens the file";

    /// The disk is full; nothing was done.
    StorageFull {
        /// What was tried.
        action: &'static str,
    } = 507 "storage_full" 507 true
    "the disk is full: could not {action}, nothing was done",
    hint "free space; the call can be repeated with its key";

    /// The file is in a place where it could lose data: a symlink, a second name, a network disk.
    StorageUnsafe {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    } = 508 "storage_unsafe" 500 false
    "the file `{path}` is not safe to use: {reason}",
    hint "use a local file with one name, or allow it with the option that is named";

    /// The meter was closed.
    Closed {} = 509 "closed" 503 false
    "the meter is closed",
    hint "open it again";

    /// This store cannot do that.
    Unsupported {
        /// What was asked.
        action: &'static str,
    } = 510 "unsupported" 501 false
    "this store cannot {action}",
    hint "use a SQLite store";

    /// A bug of this library: a rule that always holds did not.
    Internal {
        /// What did not hold.
        reason: String,
    } = 601 "internal" 500 false
    "internal error: {reason}",
    hint "please report it with the steps that led here";
}

impl Error {
    /// The error's line in the table.
    pub fn row(&self) -> &'static ErrorRow {
        let number = self.number();
        ERRORS.iter().find(|row| row.number == number).unwrap_or(&ERRORS[ERRORS.len() - 1])
    }

    /// The stable name of the error.
    pub fn code(&self) -> &'static str {
        self.row().code
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        self.row().hint
    }

    /// The HTTP status that a server answers with.
    pub fn http_status(&self) -> u16 {
        self.row().http_status
    }

    /// Whether the same call, with the same idempotency key, may succeed when it is repeated.
    pub fn is_retryable(&self) -> bool {
        self.row().is_retryable
    }
}

/// A text from outside as an error may show it: one line, at most 80 characters.
pub(crate) fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = text.chars().take(80).map(clean).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_codes_are_unique_and_sorted() {
        assert!(ERRORS.windows(2).all(|pair| pair[0].number < pair[1].number));
        let mut codes: Vec<_> = ERRORS.iter().map(|row| row.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ERRORS.len());
        assert!(ERRORS.iter().all(|row| !row.hint.is_empty() && row.http_status >= 400));
    }

    #[test]
    fn an_error_shows_a_short_clean_value() {
        let error = Error::AmountOutOfRange { value: shown("1\n2") };
        assert_eq!(error.code(), "amount_out_of_range");
        assert!(!error.to_string().contains('\n'));
        assert_eq!(shown(&"x".repeat(100)).chars().count(), 81);
    }
}
