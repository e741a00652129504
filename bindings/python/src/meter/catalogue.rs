//! The catalogue: plans and prices.

use alwrity_metering as core;
use alwrity_metering::domain::catalogue_file::{read_plans, read_prices};
use alwrity_metering::domain::price_book::PriceQuery;
use alwrity_metering::{Operation, PriceVersion};
use pyo3::prelude::*;

use super::Meter;
use crate::failure::failed;
use crate::read::{Named, from_json, instant};
use crate::show::show;

#[pymethods]
impl Meter {
    /// Adds the shipped plans of that set, with prices; what is there already is left as it is.
    #[pyo3(signature = (plan_set = "default"))]
    fn seed<'py>(&self, py: Python<'py>, plan_set: &str) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.seed(plan_set))
    }

    /// The plans, cheapest first.
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

    /// The price versions, all or those of one provider, in the order they were added.
    #[pyo3(signature = (provider = None))]
    fn prices<'py>(&self, py: Python<'py>, provider: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.prices(provider))
    }

    /// The price version in force for a model, `None` when nothing prices it.
    ///
    /// >>> [(rate.unit, rate.amount_usd, rate.per) for rate in meter.price("exa").rates][-1]
    /// ('searches', Decimal('0.007'), 1)
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
        let (operation, variant) = (operation.map(Operation::new), variant.parse());
        let operation = operation.transpose().map_err(|error| failed(py, &error))?;
        let variant = variant.map_err(|error| failed(py, &error))?;
        let at = at.map(|at| instant("at", at)).transpose()?;
        let version = self.ask(py, |meter| {
            let (catalogue, at) = (meter.catalogue()?, at.unwrap_or_else(|| meter.now()));
            let of_model = || catalogue.prices.operation_of(provider, model, at).cloned();
            let operation =
                operation.or_else(of_model).unwrap_or_else(|| catalogue.usual_operation(provider));
            let query = PriceQuery { provider, model, operation: &operation, variant, at };
            Ok(catalogue.find_price(&query, None).map(|found| found.version.clone()))
        })?;
        show(py, &version)
    }

    /// Adds the price versions of a text in the form of the files under `catalogue/prices` (CSV).
    fn put_prices<'py>(&self, py: Python<'py>, csv: &str) -> PyResult<Bound<'py, PyAny>> {
        let prices = read_prices("csv", csv).map_err(|error| failed(py, &error))?;
        self.answer(py, |meter| meter.put_prices(&prices))
    }

    /// Adds a price version, which takes over from its instant on; warnings when it looks wrong.
    ///
    /// A used version is never edited: give a new one with a later `effective_from`.
    ///
    /// >>> from datetime import datetime, timezone
    /// >>> meter.put_price(
    /// ...     provider="openai", matcher="exact", model="our-own", variant="standard", source="us",
    /// ...     effective_from=datetime(2025, 10, 1, tzinfo=timezone.utc),
    /// ...     rates=[{"unit": "input_tokens", "amount_usd": "0.15", "per": 1_000_000}],
    /// ... )
    /// ()
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
