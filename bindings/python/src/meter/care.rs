//! Care of the store: proving it, restoring it, asking it, and taking things out of it.

use alwrity_metering as core;
use alwrity_metering::Cell;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::Meter;
use crate::read::instant;
use crate::show::{plain, show, show_as};

#[pymethods]
impl Meter {
    /// The users that were ever seen, in the order of their first sight.
    fn users(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.ask(py, core::Meter::users)
    }

    /// Recomputes every counter from the ledger and compares them; checks the set-up of the file.
    ///
    /// >>> meter.verify().is_ok
    /// True
    fn verify<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.verify().map(core::Verification::from))
    }

    /// Replaces every counter by what the ledger says; how many rows were written.
    fn rebuild(&self, py: Python<'_>) -> PyResult<i64> {
        self.ask(py, core::Meter::rebuild)
    }

    /// Runs one SQL statement that only reads, on the tables and views of docs/schema.md.
    ///
    /// >>> meter.query("SELECT id, price_monthly FROM subscription_plans WHERE id = 'basic'").rows
    /// (('basic', '29.000000000000'),)
    fn query<'py>(&self, py: Python<'py>, sql: &str) -> PyResult<Bound<'py, PyAny>> {
        let table = self.ask(py, |meter| meter.query(sql))?;
        let rows: PyResult<Vec<_>> = table.rows.iter().map(|row| cells(py, row)).collect();
        let class = py.import("alwrity_metering.results")?.getattr("Table")?;
        let columns = PyTuple::new(py, table.columns)?;
        class.call1((columns, PyTuple::new(py, rows?)?, table.is_cut))
    }

    /// Removes calls that were made before an instant; their sums stay. Unpriced calls stay, too.
    #[pyo3(signature = (older_than, *, dry_run = false))]
    fn prune<'py>(
        &self,
        py: Python<'py>,
        older_than: &Bound<'py, PyAny>,
        dry_run: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let before = instant("older_than", older_than)?;
        self.answer(
            py,
            |meter| {
                if dry_run { meter.prune_dry_run(before) } else { meter.prune(before) }
            },
        )
    }

    /// Everything that is kept about a user, as JSON has it.
    fn export_user<'py>(&self, py: Python<'py>, user: &str) -> PyResult<Bound<'py, PyAny>> {
        plain(py, &self.ask(py, |meter| meter.export_user(user))?)
    }

    /// Takes a user's identity and every free text out of the store; the numbers stay.
    fn erase_user<'py>(&self, py: Python<'py>, user: &str) -> PyResult<Bound<'py, PyAny>> {
        show_as(py, "ErasedUser", &self.ask(py, |meter| meter.erase_user(user))?)
    }

    /// Calls whose cost is unknown, by provider, model and operation.
    fn unpriced<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, core::Meter::unpriced)
    }

    /// Prices what had no price, now that prices are known; others never change.
    #[pyo3(signature = (*, dry_run = false))]
    fn re_rate<'py>(&self, py: Python<'py>, dry_run: bool) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| if dry_run { meter.re_rate_dry_run() } else { meter.re_rate() })
    }
}

fn cells<'py>(py: Python<'py>, row: &[Cell]) -> PyResult<Bound<'py, PyTuple>> {
    let shown: PyResult<Vec<_>> = row
        .iter()
        .map(|cell| match cell {
            Cell::Null => show(py, &()),
            Cell::Integer(number) => show(py, number),
            Cell::Real(number) => show(py, number),
            Cell::Text(text) => show(py, text),
            Cell::Blob(bytes) => Ok(PyBytes::new(py, bytes).into_any()),
        })
        .collect();
    PyTuple::new(py, shown?)
}
