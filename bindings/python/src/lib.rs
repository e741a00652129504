//! The extension module of the wheel: `alwrity_metering._native`.
//!
//! It is thin: [`read`] turns what Python gives into the core's values, the core does the work
//! while other threads run, and [`show`] turns the answer into Python's values. What is best said
//! in Python (context managers, streams, the asynchronous meter) is in `python/alwrity_metering`.

#[cfg(feature = "bench")]
mod bench;
mod calls;
mod clock;
mod failure;
mod ingest;
mod log;
mod mailbox;
mod meter;
mod options;
mod outgoing;
mod rate_limit;
mod read;
mod results;
mod show;

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command; the exit code. `self_command` is what starts it again.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "Python's lists become vectors of our own")]
fn run_command(py: Python<'_>, args: Vec<OsString>, self_command: Vec<OsString>) -> u8 {
    py.detach(|| alwrity_metering_cli::run(args, &self_command))
}

/// The core of alwrity-metering.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::clock::ManualClock;
    #[pymodule_export]
    use super::failure::error_table;
    #[pymodule_export]
    use super::ingest::{
        UsageStream, detect_body, detect_model, detect_provider, estimate_request, estimate_tokens,
        extract_content_type, extract_usage,
    };
    #[pymodule_export]
    use super::log::stop_logging;
    #[pymodule_export]
    use super::mailbox::Mailbox;
    #[pymodule_export]
    use super::meter::Meter;
    #[pymodule_export]
    use super::outgoing::read_request;
    #[pymodule_export]
    use super::results::{Decision, HoldReceipt, Quote, Receipt};
    #[pymodule_export]
    use super::run_command;

    #[pymodule_init]
    #[expect(clippy::unnecessary_wraps, reason = "as it is asked for")]
    fn init(_module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        super::log::install();
        Ok(())
    }
}
