//! The log: the core's events, given to a function of the caller's.

use std::cell::Cell;
use std::ffi::{CString, c_char, c_void};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

use alwrity_metering::{Error, Result};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::answer::done;
use crate::caller::invalid;
use crate::codes::alwm_log_level;
use crate::status::alwm_status;

/// Takes one event: an `alwm_log_level`, where it is from, and what happened with its values, as
/// docs/operations.md lists them; both texts live until it returns. It may run in any thread, at
/// once in several, and must not call the library.
pub type alwm_log_callback = Option<
    extern "C" fn(context: *mut c_void, level: i32, target: *const c_char, message: *const c_char),
>;

/// Whoever listens.
struct Listener {
    tell: extern "C" fn(*mut c_void, i32, *const c_char, *const c_char),
    /// The caller's pointer, which is only handed back.
    context: usize,
}

static LISTENER: RwLock<Option<Listener>> = RwLock::new(None);
/// The gravest level that is left out; 0 while nobody listens.
static LEVEL_MAX: AtomicI32 = AtomicI32::new(0);

thread_local! {
    /// Whether this thread is inside the listener.
    static IS_TELLING: Cell<bool> = const { Cell::new(false) };
}

/// Gives every event to the listener.
struct Log;

fn level_of(metadata: &Metadata<'_>) -> i32 {
    match *metadata.level() {
        Level::ERROR => alwm_log_level::Error as i32,
        Level::WARN => alwm_log_level::Warn as i32,
        Level::INFO => alwm_log_level::Info as i32,
        _ => alwm_log_level::Debug as i32,
    }
}

/// The message, then `name=value` of each field.
#[derive(Default)]
struct Line {
    message: String,
    values: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a text does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.values, " {name}={value:?}"),
        };
    }
}

impl Subscriber for Log {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // Asked every time: who listens may change.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let is_ours = metadata.target().starts_with("alwrity_metering");
        is_ours && level_of(metadata) <= LEVEL_MAX.load(Ordering::Relaxed)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let text = CString::new((line.message + &line.values).replace('\0', "\u{fffd}"));
        let target = CString::new(event.metadata().target());
        let (Ok(text), Ok(target)) = (text, target) else { return };
        // Held while the listener runs: once it is replaced, it no longer does.
        let listener = LISTENER.read().unwrap_or_else(PoisonError::into_inner);
        let Some(Listener { tell, context }) = &*listener else { return };
        let was_telling = IS_TELLING.replace(true);
        let context = std::ptr::with_exposed_provenance_mut(*context);
        tell(context, level_of(event.metadata()), target.as_ptr(), text.as_ptr());
        IS_TELLING.set(was_telling);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Makes the log the one that events go to, once.
fn install() -> Result<()> {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    let is_ours = *INSTALLED.get_or_init(|| tracing::subscriber::set_global_default(Log).is_ok());
    if is_ours {
        return Ok(());
    }
    Err(Error::Unsupported { action: "take the log: the program has a subscriber of its own" })
}

/// Gives every event down to a level (an `alwm_log_level`) to a function, together with a pointer
/// that only it understands; `NULL` ends that. The former one no longer runs afterwards. It is the
/// whole process's. Set it before other threads are inside the library where the process forks.
/// Since 0.1.0.
#[unsafe(no_mangle)]
pub extern "C" fn alwm_set_log(
    level: i32,
    callback: alwm_log_callback,
    context: *mut c_void,
) -> alwm_status {
    done(|| {
        if IS_TELLING.get() {
            return Err(invalid("callback", "a call from inside", "a call from outside of it"));
        }
        let levels = alwm_log_level::Error as i32..=alwm_log_level::Debug as i32;
        if callback.is_some() && !levels.contains(&level) {
            return Err(invalid("level", &level.to_string(), "an ALWM_LOG_LEVEL"));
        }
        let context = context.expose_provenance();
        let listener = callback.map(|tell| Listener { tell, context });
        if listener.is_some() {
            install()?;
        }
        let level = if listener.is_some() { level } else { 0 };
        *LISTENER.write().unwrap_or_else(PoisonError::into_inner) = listener;
        LEVEL_MAX.store(level, Ordering::Relaxed);
        Ok(())
    })
}
