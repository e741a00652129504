//! Estimates: what a call will probably use, and what was learned of models.

use alwrity_metering::{CallEstimate, EstimateInput};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use serde_json::{Value, json};

use super::Meter;
use crate::calls::request;
use crate::read::{Named, common_unit, json_text};
use crate::show::{plain, show, show_as};

#[pymethods]
impl Meter {
    /// What a call will probably use. `alwrity_metering.Meter.estimate` is how it is asked.
    #[pyo3(signature = (user, sent, **call))]
    fn _estimate<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        sent: &Bound<'py, PyAny>,
        call: Option<&Named<'py>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let asked = request(user, call)?;
        let text = json_text(sent)?;
        let body = match serde_json::from_str(&text) {
            Ok(body @ Value::Object(_)) => Some(body),
            Ok(messages @ Value::Array(_)) => {
                Some(json!({"model": asked.model, "messages": messages}))
            }
            _ => None,
        };
        let input = body.as_ref().map_or(EstimateInput::Text(&text), EstimateInput::Request);
        let estimate = self.ask(py, |meter| meter.estimate(&asked, input))?;
        let class = py.import("alwrity_metering.results")?.getattr("CallEstimate")?;
        class.call1((
            arguments(py, call, &estimate)?,
            estimate.input_tokens,
            show(py, &estimate.hold)?,
            show(py, &estimate.cost_usd)?,
            show(py, &estimate.price_match)?,
            estimate.learned_calls,
            estimate.learned_answers,
            PyTuple::new(py, &estimate.notes)?,
        ))
    }

    /// What was learned of each model from calls that were estimated before and reported after.
    fn calibrations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let models = self.ask(py, alwrity_metering::Meter::calibrations)?;
        let shown: PyResult<Vec<_>> =
            models.iter().map(|model| show_as(py, "ModelCalibration", model)).collect();
        PyTuple::new(py, shown?)
    }
}

/// The arguments that `reserve` takes for an estimated call: those given, and what was estimated.
fn arguments<'py>(
    py: Python<'py>,
    given: Option<&Named<'py>>,
    estimate: &CallEstimate,
) -> PyResult<Bound<'py, PyDict>> {
    let arguments = PyDict::new(py);
    let has_text = estimate.request.input_estimate.is_some();
    for (key, value) in given.into_iter().flatten() {
        // Other units are all in the usage of the estimate.
        let name = key.cast::<PyString>()?.to_str()?;
        if has_text || common_unit(name).is_none() {
            arguments.set_item(key, value)?;
        }
    }
    let request = &estimate.request;
    arguments.set_item("model", &request.model)?;
    if let Some(sent) = &request.input_estimate {
        arguments.set_item("input_tokens", request.input_tokens)?;
        arguments.set_item("max_output_tokens", request.max_output_tokens)?;
        arguments.set_item("input_estimate", plain(py, sent)?)?;
    } else {
        arguments.set_item("usage", plain(py, &request.usage)?)?;
    }
    Ok(arguments)
}
