//! Options of `Meter.open`, by the names of the core's table.

use alwrity_metering::Options;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::failure::failed;
use crate::read::{Named, money, unexpected, wrong};

/// The options that were given; the others have their defaults.
pub(crate) fn read(given: Option<&Named<'_>>) -> PyResult<Options> {
    let mut options = Options::default();
    for (name, value) in given.into_iter().flatten() {
        let name = name.cast::<PyString>()?.to_str()?.to_owned();
        if !alwrity_metering::meter::options::OPTIONS.iter().any(|row| row.name == name) {
            return Err(unexpected(&name));
        }
        let text = as_text(&name, &value)?;
        options.set(&name, &text).map_err(|error| failed(value.py(), &error))?;
    }
    Ok(options)
}

/// The value as the table of options writes it.
fn as_text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.is_instance_of::<PyFloat>() {
        return Err(wrong(name, "an int, a str or a Decimal", value));
    }
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(flag.is_true().to_string());
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_str()?.to_owned());
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(value.str()?.to_str()?.to_owned());
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        return Ok(value.extract::<Vec<String>>()?.join(","));
    }
    money(name, value).map(|amount| amount.to_string())
}
