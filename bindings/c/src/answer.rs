//! Answers: how every function ends, whatever happens inside.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use alwrity_metering::{Error, Result};

use crate::caller::{Caller, Promise};
use crate::status::{alwm_status, texts_of};

/// The last failure of a thread.
struct Failure {
    status: alwm_status,
    message: CString,
}

thread_local! {
    static LAST: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// Runs the work of a function that was promised what docs/c-abi.md says; nothing that the work
/// gets from its caller outlives it.
pub(crate) fn kept(promise: &Promise, work: impl FnOnce(Caller<'_>) -> Result<()>) -> alwm_status {
    done(|| work(promise.caller()))
}

/// Runs the work of a function: its error becomes a status and the thread's last failure, and a
/// panic an internal error.
pub(crate) fn done(work: impl FnOnce() -> Result<()>) -> alwm_status {
    // What a panic leaves behind is locks that the core unpoisons, and values of this call alone.
    let error = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return alwm_status::Ok,
        Ok(Err(error)) => error,
        Err(panic) => Error::Internal { reason: reason_of(panic) },
    };
    let status = alwm_status::of(&error);
    let message = CString::new(error.to_string().replace('\0', "\u{fffd}")).unwrap_or_default();
    // A thread that is ending has nobody left to ask.
    let _ = LAST.try_with(|last| last.replace(Some(Failure { status, message })));
    status
}

fn reason_of(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    // Its own drop might panic again.
    std::mem::forget(panic);
    text.unwrap_or_else(|| "a panic without words".to_owned())
}

/// Asks the thread's last failure; it is replaced by the next one alone.
fn last<T>(ask: impl FnOnce(&Failure) -> T, none: T) -> T {
    let asked = LAST.try_with(|last| last.borrow().as_ref().map(ask));
    asked.ok().flatten().unwrap_or(none)
}

/// The status of this thread's last call that failed; `ALWM_STATUS_OK` when none did.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn alwm_last_status() -> alwm_status {
    last(|failure| failure.status, alwm_status::Ok)
}

/// The stable name of that error, such as `unknown_plan`; empty when there was none.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn alwm_last_code() -> *const c_char {
    texts_of(alwm_last_status()).map_or(c"", |texts| texts.code.as_c_str()).as_ptr()
}

/// What went wrong, with the values; it lives until the thread's next call that fails.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn alwm_last_message() -> *const c_char {
    last(|failure| failure.message.as_ptr(), CStr::as_ptr(c""))
}

/// What to do about it; empty when there was no error.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn alwm_last_hint() -> *const c_char {
    texts_of(alwm_last_status()).map_or(c"", |texts| texts.hint.as_c_str()).as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> String {
        LAST.with(|last| last.borrow().as_ref().unwrap().message.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_panic_does_not_cross() {
        assert_eq!(done(|| panic!("a wheel came off")), alwm_status::Internal);
        assert_eq!(message(), "internal error: a wheel came off");
        assert_eq!(done(|| std::panic::panic_any(7)), alwm_status::Internal);
        assert_eq!(message(), "internal error: a panic without words");
    }

    #[test]
    fn a_success_leaves_the_last_failure() {
        assert_eq!(done(|| Err(Error::Closed {})), alwm_status::Closed);
        assert_eq!(done(|| Ok(())), alwm_status::Ok);
        assert_eq!(alwm_last_status(), alwm_status::Closed);
        let other = std::thread::spawn(|| alwm_last_status()).join().unwrap();
        assert_eq!(other, alwm_status::Ok, "another thread's is its own");
    }
}
