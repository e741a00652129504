//! Logs: the events of the core as records of Python's `logging`.
//!
//! An event of the target `alwrity_metering::meter` goes to the logger `alwrity_metering.meter`,
//! with its fields in the text and, as a dictionary, in the record's attribute `fields`. Python
//! decides what becomes of it. Events below INFO come with every call: they are passed on only if
//! the logger was enabled for DEBUG when a meter was opened.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

static IS_VERBOSE: AtomicBool = AtomicBool::new(false);
static IS_SILENT: AtomicBool = AtomicBool::new(false);

/// The root of the loggers.
const ROOT: &str = "alwrity_metering";

/// Passes events on to Python, from now on. A host that listens to `tracing` itself keeps doing so.
pub(crate) fn install() {
    drop(tracing::subscriber::set_global_default(Bridge));
}

/// Passes events below INFO on, too, if the logger is enabled for them.
pub(crate) fn look_at_level(py: Python<'_>) -> PyResult<()> {
    let logger = py.import("logging")?.call_method1("getLogger", (ROOT,))?;
    let is_verbose = logger.call_method1("isEnabledFor", (10,))?.is_truthy()?;
    if IS_VERBOSE.swap(is_verbose, Ordering::Relaxed) != is_verbose {
        tracing::callsite::rebuild_interest_cache();
    }
    Ok(())
}

/// Passes nothing on any more: the interpreter ends.
#[pyfunction]
pub(crate) fn stop_logging() {
    IS_SILENT.store(true, Ordering::Relaxed);
}

struct Bridge;

fn level_max() -> LevelFilter {
    if IS_VERBOSE.load(Ordering::Relaxed) { LevelFilter::DEBUG } else { LevelFilter::INFO }
}

impl Subscriber for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with(ROOT)
            && *metadata.level() <= level_max()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(level_max())
    }

    fn event(&self, event: &Event<'_>) {
        if IS_SILENT.load(Ordering::Relaxed) {
            return;
        }
        // None when the interpreter has ended.
        Python::try_attach(|py| {
            if let Err(error) = pass_on(py, event) {
                error.write_unraisable(py, None);
            }
        });
    }

    // The core has no spans.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn pass_on(py: Python<'_>, event: &Event<'_>) -> PyResult<()> {
    let metadata = event.metadata();
    let level = match *metadata.level() {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        _ => 10,
    };
    let name = metadata.target().replace("::", ".");
    let logger = py.import("logging")?.call_method1("getLogger", (name,))?;
    if !logger.call_method1("isEnabledFor", (level,))?.is_truthy()? {
        return Ok(());
    }
    let mut told = Told { message: String::new(), texts: String::new(), fields: PyDict::new(py) };
    event.record(&mut told);
    let extra = PyDict::new(py);
    extra.set_item("fields", &told.fields)?;
    let options = PyDict::new(py);
    options.set_item("extra", extra)?;
    logger.call_method("log", (level, "%s%s", told.message, told.texts), Some(&options))?;
    Ok(())
}

/// What an event tells.
struct Told<'py> {
    message: String,
    texts: String,
    fields: Bound<'py, PyDict>,
}

impl Visit for Told<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.texts.push_str(&format!(" {}={value}", field.name()));
        drop(self.fields.set_item(field.name(), value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.texts.push_str(&format!(" {}={value}", field.name()));
        drop(self.fields.set_item(field.name(), value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.texts.push_str(&format!(" {}={text}", field.name()));
            drop(self.fields.set_item(field.name(), text));
        }
    }
}
