//! Yardsticks of `make bench`: the same verbs by the core alone, in the same process. They are in
//! no wheel but that of the bench.

use std::time::Instant;

use pyo3::prelude::*;

use crate::calls::{record, request};
use crate::meter::Meter;
use crate::read::Named;

#[pymethods]
impl Meter {
    /// How long so many checks of one user take, in seconds; each makes its request, as it does
    /// in Python.
    #[pyo3(signature = (count, user, **call))]
    fn _time_checks(
        &self,
        py: Python<'_>,
        count: usize,
        user: &str,
        call: Option<&Named<'_>>,
    ) -> PyResult<f64> {
        let request = request(user, call)?;
        self.ask(py, |meter| {
            let begun = Instant::now();
            for _ in 0..count {
                meter.check_limit(&request.clone())?;
            }
            Ok(begun.elapsed().as_secs_f64())
        })
    }

    /// How long it takes so many threads to record so many calls each, in seconds.
    #[pyo3(signature = (threads, count, user, **call))]
    fn _time_records(
        &self,
        py: Python<'_>,
        threads: usize,
        count: usize,
        user: &str,
        call: Option<&Named<'_>>,
    ) -> PyResult<f64> {
        let record = record(user, call)?;
        self.ask(py, |meter| {
            let begun = Instant::now();
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        for _ in 0..count {
                            drop(meter.record_call(&record));
                        }
                    });
                }
            });
            Ok(begun.elapsed().as_secs_f64())
        })
    }
}
