//! The meter as Python has it: a file per group of verbs.
//!
//! Every verb releases the interpreter while it may wait for the disk, the queue or a lock.

mod alerts;
mod calls;
mod care;
mod catalogue;
mod estimates;
mod invoices;
mod later;
mod limits;
mod reports;
mod subscriptions;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use alwrity_metering as core;
use alwrity_metering::Error;
use pyo3::prelude::*;
use serde::Serialize;

use crate::clock::ManualClock;
use crate::failure::failed;
use crate::log;
use crate::options;
use crate::read::Named;
use crate::show::{datetime, show};

pub(crate) use self::calls::{reservation, reservations};

/// The handle of a store. `alwrity_metering.Meter` is this class with what is best said in Python.
#[pyclass(frozen, subclass, module = "alwrity_metering._native")]
pub(crate) struct Meter {
    /// Nothing once it is closed.
    open: Mutex<Option<core::Meter>>,
    path: PathBuf,
}

impl Meter {
    /// The core's handle, or `closed`.
    pub(crate) fn core(&self, py: Python<'_>) -> PyResult<core::Meter> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.clone().ok_or_else(|| failed(py, &Error::Closed {}))
    }

    /// Asks the core without holding the interpreter.
    pub(crate) fn ask<T: Send>(
        &self,
        py: Python<'_>,
        verb: impl FnOnce(&core::Meter) -> core::Result<T> + Send,
    ) -> PyResult<T> {
        let meter = self.core(py)?;
        py.detach(|| verb(&meter)).map_err(|error| failed(py, &error))
    }

    /// Asks the core, and shows the answer.
    pub(crate) fn answer<'py, T: Serialize + Send>(
        &self,
        py: Python<'py>,
        verb: impl FnOnce(&core::Meter) -> core::Result<T> + Send,
    ) -> PyResult<Bound<'py, PyAny>> {
        show(py, &self.ask(py, verb)?)
    }
}

impl Drop for Meter {
    /// It may wait for the store's thread, which may want to log.
    fn drop(&mut self) {
        let open = self.open.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(meter) = open {
            Python::attach(|py| py.detach(|| drop(meter)));
        }
    }
}

#[pymethods]
impl Meter {
    #[new]
    #[pyo3(signature = (path, *, clock=None, **options))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        clock: Option<&Bound<'_, ManualClock>>,
        options: Option<&Named<'_>>,
    ) -> PyResult<Self> {
        log::look_at_level(py)?;
        let mut read = options::read(options)?;
        if let Some(clock) = clock {
            read.clock = core::Clock::Manual(clock.get().0.clone());
        }
        let opened = py.detach(|| core::Meter::open(&path, read));
        let open = Mutex::new(Some(opened.map_err(|error| failed(py, &error))?));
        Ok(Self { open, path })
    }

    /// The file.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Commits what is queued and lets go of the file. Closing again does nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(meter) = open else { return Ok(()) };
        py.detach(move || {
            let flushed = meter.flush();
            drop(meter);
            flushed
        })
        .map_err(|error| failed(py, &error))
    }

    /// The time, as the meter's clock tells it.
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.core(py)?.now())
    }

    /// Waits until everything that was queued before is committed.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.ask(py, core::Meter::flush)
    }

    /// How many queued records failed after they were accepted; each is logged as an error.
    fn queued_failures(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.core(py)?.queued_failures())
    }
}
