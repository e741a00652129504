//! Failures: raising the exception that the table of errors names.

use alwrity_metering::Error;
use alwrity_metering::error::ERRORS;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// The exception of an error: the class of its code, in `alwrity_metering.errors`.
pub(crate) fn failed(py: Python<'_>, error: &Error) -> PyErr {
    let raised = || {
        let module = py.import("alwrity_metering.errors")?;
        let class = module.getattr("BY_CODE")?.get_item(error.code())?;
        PyResult::Ok(PyErr::from_value(class.call1((error.to_string(),))?))
    };
    raised().unwrap_or_else(|failure| {
        let message = error.to_string();
        let told = PyRuntimeError::new_err(message);
        told.set_cause(py, Some(failure));
        told
    })
}

/// The table of errors, for the module that makes the classes.
#[pyfunction]
pub(crate) fn error_table(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let rows = PyList::empty(py);
    for row in ERRORS {
        let dict = PyDict::new(py);
        dict.set_item("code", row.code)?;
        dict.set_item("number", row.number)?;
        dict.set_item("http_status", row.http_status)?;
        dict.set_item("is_retryable", row.is_retryable)?;
        dict.set_item("meaning", row.meaning.trim())?;
        dict.set_item("hint", row.hint)?;
        rows.append(dict)?;
    }
    Ok(rows)
}
