//! What the transport of an HTTP client needs: a request before it is sent, and what becomes of a
//! call whose answer is lost.

use alwrity_metering::ingest::{self, ChatEstimate};
use alwrity_metering::{ExpiredHolds, Unit, Usage};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::Serialize;

use crate::meter::Meter;
use crate::show::show;

/// A request as Python has it: its estimate in the arguments of `reserve`.
#[derive(Serialize)]
#[serde(rename = "OutgoingCall")]
struct Shown {
    provider: String,
    operation: Option<String>,
    model: String,
    variant: &'static str,
    input_tokens: i64,
    max_output_tokens: Option<i64>,
    usage: Usage,
    /// What the settlement teaches by: a mapping.
    input_estimate: serde_json::Value,
}

/// What a request with that JSON body asks for; `None` when the URL is no provider's.
#[pyfunction]
#[pyo3(signature = (url, body=None))]
pub(crate) fn read_request<'py>(
    py: Python<'py>,
    url: &str,
    body: Option<&[u8]>,
) -> PyResult<Bound<'py, PyAny>> {
    let found = py.detach(|| {
        let body = body.and_then(|body| serde_json::from_slice(body).ok());
        ingest::read_request(url, body.as_ref())
    });
    let Some(found) = found else { return show(py, &()) };
    let ingest::Outgoing { provider, operation, model, variant, estimate } = found;
    let chat = estimate.as_ref().and_then(|known| known.chat.as_ref());
    let input_estimate = serde_json::to_value(chat.map(ChatEstimate::input_estimate))
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    let (mut usage, max_output_tokens) = estimate
        .map_or_else(|| (Usage::none(), None), |known| (known.usage, known.max_output_tokens));
    let input_tokens = usage.get(&Unit::InputTokens);
    usage.set(Unit::InputTokens, 0);
    let variant = variant.name();
    show(
        py,
        &Shown {
            provider,
            operation,
            model,
            variant,
            input_tokens,
            max_output_tokens,
            usage,
            input_estimate,
        },
    )
}

#[pymethods]
impl Meter {
    /// Whether a hold that expires is charged: its provider may have been paid.
    #[getter]
    fn _charges_expired_holds(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.core(py)?.options().expired_holds == ExpiredHolds::Charge)
    }
}
