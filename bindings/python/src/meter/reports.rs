//! Reports: what was used, by whom, on what, and where it is heading.

use alwrity_metering::{Compare, FindHints, HintScope, PeriodChoice};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::Meter;
use crate::failure::failed;
use crate::show::show_as;

#[pymethods]
impl Meter {
    /// What a user used in a period: totals, breakdowns, and where its limits stand now.
    ///
    /// `period` is `"current"`, `"all"` or a month such as `"2025-10"`. Costs are in dollars.
    ///
    /// >>> meter.usage_summary("nobody").total_cost
    /// Decimal('0')
    #[pyo3(signature = (user, period = "current"))]
    fn usage_summary<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        period: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let choice: PeriodChoice = period.parse().map_err(|error| failed(py, &error))?;
        self.answer(py, |meter| meter.usage_summary(user, &choice))
    }

    /// What a user used in a period, by provider and operation together: the lines of the view
    /// `usage_by_provider`. They add up to the summary of that period.
    #[pyo3(signature = (user, period = "current"))]
    fn usage_lines<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        period: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let choice: PeriodChoice = period.parse().map_err(|error| failed(py, &error))?;
        self.answer(py, |meter| meter.usage_lines(user, &choice))
    }

    /// What a user used in the running period, of what it may use, and where it is heading.
    fn dashboard<'py>(&self, py: Python<'py>, user: &str) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.dashboard(user))
    }

    /// What a user used in each of the last months, 1 to 24, the oldest first.
    ///
    /// >>> len(meter.trends("u1", 3).total_calls)
    /// 3
    #[pyo3(signature = (user, months = 6))]
    fn trends<'py>(&self, py: Python<'py>, user: &str, months: i64) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.trends(user, months))
    }

    /// What a user used on each of the last UTC days, 1 to 731, the oldest first.
    #[pyo3(signature = (user, days = 30))]
    fn daily_trends<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        days: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.daily_trends(user, days))
    }

    /// Compares what a user's providers and models did and cost in the last `days`, 1 to 731.
    ///
    /// `sla_ms` is the promised response time, in ms: it adds the share of calls within it.
    #[pyo3(signature = (user, *, days = 30, sla_ms = None))]
    fn compare<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        days: i64,
        sla_ms: Option<i64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let choice = Compare { days, sla_ms };
        show_as(py, "Comparison", &self.ask(py, |meter| meter.compare(user, &choice))?)
    }

    /// What the calls of the last `days` would have cost on cheaper models, by the list.
    #[pyo3(signature = (user, *, days = 30, scope = "used_providers"))]
    fn hints<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        days: i64,
        scope: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let scope = match scope {
            "same_provider" => HintScope::SameProvider,
            "used_providers" => HintScope::UsedProviders,
            "all_providers" => HintScope::AllProviders,
            _ => {
                let expected = "'same_provider', 'used_providers' or 'all_providers'";
                return Err(PyValueError::new_err(format!("scope must be {expected}")));
            }
        };
        self.answer(py, |meter| meter.hints(user, &FindHints { days, scope }))
    }
}
