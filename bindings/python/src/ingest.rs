//! What is known of a call from its URL, its answer or its text, without a meter.

use std::borrow::Cow;

use alwrity_metering::ingest;
use pyo3::prelude::*;
use serde::Serialize;

use crate::read::json_text;
use crate::show::{decimal, show};

/// How many tokens a text has, to about 5 %.
#[pyfunction]
pub(crate) fn estimate_tokens(py: Python<'_>, text: &str) -> i64 {
    py.detach(|| ingest::estimate_tokens(text))
}

/// How many input tokens messages have: a list of messages, a text, or a whole request.
#[pyfunction]
pub(crate) fn estimate_input_tokens(
    py: Python<'_>,
    messages: &Bound<'_, PyAny>,
    model: &str,
) -> PyResult<i64> {
    let text = json_text(messages)?;
    Ok(py.detach(|| match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(serde_json::Value::Object(request)) => {
            let estimate = ingest::estimate_chat(&serde_json::Value::Object(request));
            estimate.map_or(0, |estimate| estimate.input_tokens())
        }
        Ok(messages @ serde_json::Value::Array(_)) => {
            let request = serde_json::json!({"model": model, "messages": messages});
            ingest::estimate_chat(&request).map_or(0, |estimate| estimate.input_tokens())
        }
        _ => {
            let message = serde_json::json!([{"role": "user", "content": text}]);
            let request = serde_json::json!({"model": model, "messages": message});
            ingest::estimate_chat(&request).map_or(0, |estimate| estimate.input_tokens())
        }
    }))
}

/// Who was called and what for.
#[derive(Serialize)]
#[serde(rename = "Detection")]
struct Detected<'a> {
    provider: Option<Cow<'a, str>>,
    operation: Option<Cow<'a, str>>,
    model: Option<&'a str>,
    confidence: ingest::Confidence,
}

/// Who is called by a request to that URL, and what for.
#[pyfunction]
pub(crate) fn detect_provider<'py>(py: Python<'py>, url: &str) -> PyResult<Bound<'py, PyAny>> {
    let ingest::Detection { provider, operation, model, confidence } = ingest::detect_provider(url);
    let model = model.as_deref();
    show(py, &Detected { provider, operation, model, confidence })
}

/// What a provider's answer says was used; `None` when it reports nothing.
#[pyfunction]
pub(crate) fn extract_usage<'py>(
    provider: &str,
    response: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = response.py();
    let text = json_text(response)?;
    extracted(py, py.detach(|| ingest::extract_usage_text(provider, &text)))
}

/// What a body of bytes counts as by its `Content-Type`: one image, one video, one sound.
#[pyfunction]
pub(crate) fn extract_content_type<'py>(
    py: Python<'py>,
    content_type: &str,
) -> PyResult<Bound<'py, PyAny>> {
    extracted(py, ingest::extract_content_type(content_type))
}

fn extracted(
    py: Python<'_>,
    found: Option<ingest::Extracted>,
) -> PyResult<Bound<'_, PyAny>> {
    let Some(found) = found else { return show(py, &()) };
    let class = py.import("alwrity_metering.results")?.getattr("Extracted")?;
    let cost = found.vendor_cost.map(|cost| decimal(py, cost)).transpose()?;
    let tier = found.service_tier.map(ingest::ServiceTier::as_str);
    class.call1((
        show(py, &found.usage)?,
        found.source.as_str(),
        found.model,
        tier,
        cost,
        found.is_partial,
        show(py, &found.notes)?,
    ))
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
        extracted(py, self.stream.so_far())
    }

    /// What the whole stream used, `None` when that is nothing; it begins anew afterwards.
    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let next = ingest::UsageStream::new(&self.provider);
        extracted(py, std::mem::replace(&mut self.stream, next).finish())
    }
}
