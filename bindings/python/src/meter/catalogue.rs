//! The catalogue: plans and prices.

use alwrity_metering as core;
use alwrity_metering::domain::catalogue_file::{read_plans, read_prices};
use alwrity_metering::PriceVersion;
use pyo3::prelude::*;

use super::Meter;
use crate::failure::failed;
use crate::read::{Named, from_json, instant};
use crate::show::show;

#[pymethods]
impl Meter {
    #[pyo3(signature = (plan_set = "default"))]
    fn seed<'py>(&self, py: Python<'py>, plan_set: &str) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.seed(plan_set))
    }

    fn plans<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, core::Meter::plans)
    }

    /// Adds the plans of a text in the form of the files under `catalogue/plans` (TOML), or
    /// replaces those with the same id.
    fn put_plans(&self, py: Python<'_>, toml: &str) -> PyResult<usize> {
        let plans = read_plans("toml", toml).map_err(|error| failed(py, &error))?;
        self.ask(py, |meter| meter.put_plans(&plans))?;
        Ok(plans.len())
    }

    #[pyo3(signature = (provider = None))]
    fn prices<'py>(
        &self,
        py: Python<'py>,
        provider: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.prices(provider))
    }

    #[pyo3(signature = (provider, model = "", *, operation = None, variant = "standard", at = None))]
    fn price<'py>(
        &self,
        py: Python<'py>,
        provider: &str,
        model: &str,
        operation: Option<&str>,
        variant: &str,
        at: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let record = core::CallRecord {
            operation: operation.map(str::to_owned),
            variant: variant.parse().map_err(|error| failed(py, &error))?,
            occurred_at: at.map(|at| instant("at", at)).transpose()?,
            ..core::CallRecord::new("", provider, model, core::Usage::none())
        };
        let version = self.ask(py, |meter| {
            let Some(price) = meter.quote(&record)?.price_version else { return Ok(None) };
            Ok(meter.catalogue()?.prices.by_id(price.id).cloned())
        })?;
        show(py, &version)
    }

    /// Adds the price versions of a text in the form of the files under `catalogue/prices` (CSV).
    fn put_prices<'py>(&self, py: Python<'py>, csv: &str) -> PyResult<Bound<'py, PyAny>> {
        let prices = read_prices("csv", csv).map_err(|error| failed(py, &error))?;
        self.answer(py, |meter| meter.put_prices(&prices))
    }

    #[pyo3(signature = (**price))]
    fn put_price<'py>(
        &self,
        py: Python<'py>,
        price: Option<&Named<'py>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let price = price.ok_or_else(|| crate::read::missing("provider"))?;
        let price: PriceVersion = from_json("price", price.as_any())?;
        self.answer(py, |meter| meter.put_price(&price))
    }
}
