//! Limits: where a user stands, and the user's own limits.

use alwrity_metering::LimitChange;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::Meter;
use crate::read::{Named, amount, instant, named, optional, text, unexpected};

#[pymethods]
impl Meter {
    /// Where a user stands with every limit now, in the order of the plan.
    fn limits<'py>(&self, py: Python<'py>, user: &str) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.limits(user))
    }

    /// Gives a user a limit of its own, in place of the plan's or on top of it (`boost`).
    ///
    /// `maximum` is `None` for no limit, a count, or dollars for a limit of cost.
    ///
    /// >>> limits = meter.set_limit("u1", "gemini_calls", 500, note="a gift").limits
    /// >>> [(limit.maximum, limit.is_override) for limit in limits if limit.name == "gemini_calls"]
    /// [(500, True)]
    #[pyo3(signature = (user, name, maximum, **change))]
    fn set_limit<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        name: &str,
        maximum: &Bound<'py, PyAny>,
        change: Option<&Named<'py>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let change = limit_change(name, maximum, change)?;
        self.answer(py, |meter| meter.set_limit(user, &change))
    }

    /// Ends a user's own limits of that name, now: the plan's holds again.
    fn clear_limit<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        name: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.clear_limit(user, name))
    }
}

fn limit_change(
    name: &str,
    maximum: &Bound<'_, PyAny>,
    arguments: Option<&Named<'_>>,
) -> PyResult<LimitChange> {
    let maximum = optional("maximum", maximum, amount)?.unwrap_or_else(|| "unlimited".to_owned());
    let mut change = LimitChange { name: name.to_owned(), maximum, ..LimitChange::default() };
    for (key, value) in arguments.into_iter().flatten() {
        let key = key.cast::<PyString>()?;
        let name = key.to_str()?;
        match name {
            "boost" => change.is_boost = value.extract()?,
            "metric" => change.metric = optional(name, &value, named)?,
            "provider" => change.provider = optional(name, &value, text)?,
            "operation" => change.operation = optional(name, &value, text)?,
            "window" => change.window = optional(name, &value, named)?,
            "policy" => change.policy = optional(name, &value, named)?,
            "thresholds" => change.thresholds = value.extract()?,
            "starts_at" => change.starts_at = optional(name, &value, instant)?,
            "ends_at" => change.ends_at = optional(name, &value, instant)?,
            "note" => change.note = optional(name, &value, text)?,
            _ => return Err(unexpected(name)),
        }
    }
    Ok(change)
}
