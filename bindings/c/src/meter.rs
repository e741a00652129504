//! The meter: opening and closing a store, its clock, and what is in a new one.

use std::ffi::{OsStr, c_char};
use std::os::unix::ffi::OsStrExt;

use alwrity_metering::{ManualClock, Meter, Options, Timestamp};

use crate::answer::kept;
use crate::caller::{Promise, invalid};
use crate::options::alwm_options;
use crate::status::alwm_status;
use crate::text::{alwm_string, alwm_text, put_json};

/// A store that is open; any number of threads may use it at once.
pub struct alwm_meter {
    pub(crate) core: Meter,
    clock: Option<ManualClock>,
}

/// Any number of threads may share a meter.
const _: fn() = || {
    fn shared_between_threads<T: Send + Sync>() {}
    shared_between_threads::<alwm_meter>();
};

/// The version of the library, such as `0.1.0`; `ALWM_VERSION` is that of the header.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn alwm_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Opens the file, or makes it, with the tables that this version needs. `options` may be `NULL`
/// for the defaults.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_open(
    path: alwm_text,
    options: *const alwm_options,
    meter: *mut *mut alwm_meter,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let place = caller.value("meter", meter)?;
        let path = caller.bytes("path", path)?;
        let path = path.ok_or_else(|| invalid("path", "NULL", "the path of a file"))?;
        let (options, clock) = if options.is_null() {
            (Options::default(), None)
        } else {
            caller.read("options", options)?.for_core(caller)?
        };
        let core = Meter::open(OsStr::from_bytes(path), options)?;
        place.put_boxed(alwm_meter { core, clock });
        Ok(())
    })
}

/// Waits for what is queued, closes the meter and sets the pointer to `NULL`; does nothing where
/// it is `NULL` already. It is closed whatever the answer is, which is that of `alwm_flush`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_close(meter: *mut *mut alwm_meter) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| match caller.take_boxed("meter", meter)? {
        Some(meter) => meter.core.flush(),
        None => Ok(()),
    })
}

/// The time, as the meter's clock tells it. Never waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_now(meter: *const alwm_meter, now_us: *mut i64) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        caller.value("now_us", now_us)?.put(meter.core.now().micros());
        Ok(())
    })
}

/// Moves the clock of a meter that was opened with `now_us`, forward or back: for tests and
/// simulations. Never waits.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_set_now(meter: *const alwm_meter, now_us: i64) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let at = Timestamp::from_micros(now_us)?;
        let clock = meter.clock.as_ref();
        clock
            .ok_or_else(|| invalid("meter", "the system's clock", "one opened with `now_us`"))?
            .set(at);
        Ok(())
    })
}

/// Gives the store the plans of a set (`default`), prices, providers and units; what is there
/// stays. `json` may be `NULL`.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alwm_seed(
    meter: *const alwm_meter,
    plan_set: alwm_text,
    json: *mut alwm_string,
) -> alwm_status {
    // SAFETY: the caller keeps docs/c-abi.md.
    let promise = unsafe { Promise::given() };
    kept(&promise, |caller| {
        let meter = caller.shared("meter", meter)?;
        let json = caller.wanted_value("json", json)?;
        put_json(json, &meter.core.seed(caller.text("plan_set", plan_set)?)?)
    })
}
