//! What is known of a call from its URL, its answer or its text, without a meter.

use alwrity_metering::{Usage, ingest};
use pyo3::prelude::*;
use serde::Serialize;

use crate::read::{from_json, json_text};
use crate::show::show;

/// How many tokens a text has, to about 5 %.
#[pyfunction]
pub(crate) fn estimate_tokens(py: Python<'_>, text: &str) -> i64 {
    py.detach(|| ingest::estimate_tokens(text))
}

/// What a request will probably use.
#[derive(Serialize)]
#[serde(rename = "RequestEstimate")]
struct Estimated<'a> {
    usage: &'a Usage,
    model: Option<&'a str>,
    max_output_tokens: Option<i64>,
    notes: &'a [String],
}

/// What a request, as it is sent to a provider, will probably use; `None` when nothing in it can
/// be counted.
#[pyfunction]
pub(crate) fn estimate_request<'py>(
    provider: &str,
    operation: &str,
    request: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = request.py();
    let request = from_json("request", request)?;
    let found = py.detach(|| ingest::estimate_request(provider, operation, &request));
    let Some(found) = &found else { return show(py, &()) };
    let ingest::RequestEstimate { usage, model, max_output_tokens, notes, .. } = found;
    let (model, max_output_tokens) = (model.as_deref(), *max_output_tokens);
    show(py, &Estimated { usage, model, max_output_tokens, notes })
}

/// Who is called by a request to that URL, and what for.
#[pyfunction]
pub(crate) fn detect_provider<'py>(py: Python<'py>, url: &str) -> PyResult<Bound<'py, PyAny>> {
    show(py, &ingest::detect_provider(url))
}

/// Whose model that is, and what it is for.
#[pyfunction]
pub(crate) fn detect_model<'py>(py: Python<'py>, model: &str) -> PyResult<Bound<'py, PyAny>> {
    show(py, &ingest::detect_model(model))
}

/// Who is called by a request with that body, and what for.
#[pyfunction]
pub(crate) fn detect_body<'py>(body: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    show(body.py(), &ingest::detect_body(&from_json("body", body)?))
}

/// What a provider's answer says was used; `None` when it reports nothing.
#[pyfunction]
pub(crate) fn extract_usage<'py>(
    provider: &str,
    response: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = response.py();
    let text = json_text(response)?;
    show(py, &py.detach(|| ingest::extract_usage_text(provider, &text)))
}

/// What a body of bytes counts as by its `Content-Type`: one image, one video, one sound.
#[pyfunction]
pub(crate) fn extract_content_type<'py>(
    py: Python<'py>,
    content_type: &str,
) -> PyResult<Bound<'py, PyAny>> {
    show(py, &ingest::extract_content_type(content_type))
}

/// Reads what a stream used, chunk by chunk or event by event.
#[pyclass(module = "alwrity_metering")]
pub(crate) struct UsageStream {
    provider: String,
    stream: ingest::UsageStream,
}

#[pymethods]
impl UsageStream {
    #[new]
    fn new(provider: String) -> Self {
        Self { stream: ingest::UsageStream::new(&provider), provider }
    }

    /// Takes bytes or text as they came, or an event: a dict, or an object of an SDK.
    fn push(&mut self, chunk: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(bytes) = chunk.extract::<&[u8]>() {
            self.stream.push_chunk(bytes);
        } else if let Ok(text) = chunk.extract::<&str>() {
            self.stream.push_chunk(text);
        } else if let Ok(event) = serde_json::from_str(&json_text(chunk)?) {
            self.stream.push_event(&event);
        }
        Ok(())
    }

    /// What is known so far; `None` when that is nothing.
    fn so_far<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        show(py, &self.stream.so_far())
    }

    /// What the whole stream used, `None` when that is nothing; it begins anew afterwards.
    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let next = ingest::UsageStream::new(&self.provider);
        show(py, &std::mem::replace(&mut self.stream, next).finish())
    }
}
