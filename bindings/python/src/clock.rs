//! The clock of tests: it moves when it is told to.

use alwrity_metering as core;
use pyo3::prelude::*;

use crate::read::instant;
use crate::show::datetime;

/// A clock that only moves when it is told to, in either direction. Give it to `Meter.open` as
/// `clock`.
#[pyclass(frozen, module = "alwrity_metering")]
pub(crate) struct ManualClock(pub(crate) core::ManualClock);

#[pymethods]
impl ManualClock {
    #[new]
    fn new(at: &Bound<'_, PyAny>) -> PyResult<Self> {
        instant("at", at).map(core::ManualClock::at).map(Self)
    }

    /// The time that it shows.
    fn now<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.0.now())
    }

    /// Sets it to an instant.
    fn set(&self, at: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.set(instant("at", at)?);
        Ok(())
    }

    /// Moves it by a `timedelta`, back when that is negative.
    fn advance(&self, by: &Bound<'_, PyAny>) -> PyResult<()> {
        let moved = datetime(by.py(), self.0.now())?.add(by)?;
        self.0.set(instant("by", &moved)?);
        Ok(())
    }

    fn __repr__(&self) -> String {
        format!("ManualClock({})", self.0.now())
    }
}
