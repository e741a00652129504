//! Reading: turning what Python gives into the core's values, with a `TypeError` that says what to
//! give instead.

use std::collections::BTreeMap;

use alwrity_metering::{Money, Timestamp, Unit, Usage};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyMapping, PyString};
use serde::de::DeserializeOwned;

use crate::failure::failed;
use crate::show::epoch;

/// The arguments of a call by their names.
pub(crate) type Named<'py> = Bound<'py, pyo3::types::PyDict>;

/// Takes every argument of a dictionary, `usage` first: a unit that is given by its own name stands
/// above that mapping, in whichever order they come.
pub(crate) fn each_argument<'py>(
    arguments: Option<&Named<'py>>,
    mut take: impl FnMut(&str, &Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    let Some(arguments) = arguments else { return Ok(()) };
    if let Some(usage) = arguments.get_item(intern!(arguments.py(), "usage"))? {
        take("usage", &usage)?;
    }
    for (key, value) in arguments {
        match key.cast::<PyString>()?.to_str()? {
            "usage" => {}
            name => take(name, &value)?,
        }
    }
    Ok(())
}

/// An argument that may be left out. `None` is given all the same.
#[derive(Default)]
pub(crate) struct Given<'py>(Option<Bound<'py, PyAny>>);

impl<'py> Given<'py> {
    /// Takes it, if it was given.
    pub(crate) fn taken(
        &self,
        take: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<()>,
    ) -> PyResult<()> {
        self.0.as_ref().map_or(Ok(()), take)
    }
}

impl<'py> FromPyObject<'_, 'py> for Given<'py> {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(Some(value.to_owned())))
    }
}

/// What an argument has to be, as a `TypeError` says it.
pub(crate) fn wrong(name: &str, expected: &str, given: &Bound<'_, PyAny>) -> PyErr {
    let kind = given.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!("{name} must be {expected}, not {kind}"))
}

/// An argument that the function does not have.
pub(crate) fn unexpected(name: &str) -> PyErr {
    PyTypeError::new_err(format!("unexpected keyword argument '{name}'"))
}

/// An argument that must be given.
pub(crate) fn missing(name: &str) -> PyErr {
    PyTypeError::new_err(format!("missing keyword argument '{name}'"))
}

/// A text.
pub(crate) fn text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = value.cast::<PyString>().map_err(|_| wrong(name, "a str", value))?;
    Ok(text.to_str()?.to_owned())
}

/// A whole number; `True` is none.
pub(crate) fn whole(name: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if !value.is_instance_of::<PyInt>() || value.is_instance_of::<PyBool>() {
        return Err(wrong(name, "an int", value));
    }
    value.extract()
}

/// An optional argument.
pub(crate) fn optional<'py, T>(
    name: &str,
    value: &Bound<'py, PyAny>,
    read: impl FnOnce(&str, &Bound<'py, PyAny>) -> PyResult<T>,
) -> PyResult<Option<T>> {
    if value.is_none() { Ok(None) } else { read(name, value).map(Some) }
}

/// One of several names: `"batch"`, `"yearly"`.
pub(crate) fn named<T>(name: &str, value: &Bound<'_, PyAny>) -> PyResult<T>
where
    T: std::str::FromStr<Err = alwrity_metering::Error>,
{
    let given = value.cast::<PyString>().map_err(|_| wrong(name, "a str", value))?;
    given.to_str()?.parse().map_err(|error| failed(value.py(), &error))
}

/// Dollars: a `Decimal`, an `int`, or decimal text; never a float.
pub(crate) fn money(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Money> {
    amount(name, value)?.parse().map_err(|error| failed(value.py(), &error))
}

/// The digits of an exact number, which is dollars or a count: a `Decimal`, an `int`, or decimal
/// text; never a float.
pub(crate) fn amount(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    const EXPECTED: &str = "a Decimal, an int or decimal text such as \"0.15\"";
    if value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyBool>() {
        return Err(wrong(name, EXPECTED, value));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_str()?.to_owned());
    }
    // Plain digits: `Decimal("1E-9")` would show an exponent.
    let form = if value.is_instance_of::<PyInt>() {
        "d"
    } else if value.get_type().name()? == "Decimal" {
        "f"
    } else {
        return Err(wrong(name, EXPECTED, value));
    };
    value.call_method1("__format__", (form,))?.extract()
}

/// An instant: an aware `datetime`.
pub(crate) fn instant(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    const EXPECTED: &str = "an aware datetime, such as datetime(2025, 10, 1, tzinfo=timezone.utc)";
    let py = value.py();
    let offset = match value.getattr("utcoffset") {
        Ok(utcoffset) => utcoffset.call0()?,
        Err(_) => return Err(wrong(name, EXPECTED, value)),
    };
    if offset.is_none() {
        let message = format!("{name} must be {EXPECTED}, not a naive datetime");
        return Err(PyTypeError::new_err(message));
    }
    let since = value.sub(epoch(py)?)?;
    let days: i64 = since.getattr("days")?.extract()?;
    let seconds: i64 = since.getattr("seconds")?.extract()?;
    let micros: i64 = since.getattr("microseconds")?.extract()?;
    Timestamp::from_micros((days * 86_400 + seconds) * 1_000_000 + micros)
        .map_err(|error| failed(py, &error))
}

/// Quantities by unit.
pub(crate) fn usage(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Usage> {
    let expected = "a mapping of units to ints, such as {\"input_tokens\": 374}";
    let mapping = value.cast::<PyMapping>().map_err(|_| wrong(name, expected, value))?;
    let mut usage = Usage::none();
    for item in mapping.items()?.iter() {
        let (unit, quantity): (String, Bound<'_, PyAny>) = item.extract()?;
        let quantity = whole(&unit, &quantity)?;
        let unit: Unit = unit.parse().map_err(|error| failed(value.py(), &error))?;
        usage.set(unit, quantity);
    }
    Ok(usage)
}

/// A common unit by its name: they may be given as arguments of their own.
pub(crate) fn common_unit(name: &str) -> Option<Unit> {
    let place = Unit::COMMON_NAMES.iter().position(|unit| *unit == name)?;
    Some(Unit::COMMON[place].clone())
}

/// Texts by text.
pub(crate) fn tags(name: &str, value: &Bound<'_, PyAny>) -> PyResult<BTreeMap<String, String>> {
    let expected = "a mapping of str to str";
    value.extract().map_err(|_| wrong(name, expected, value))
}

/// Anything that JSON can say, such as a provider's answer or a plan, as JSON text.
pub(crate) fn json_text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_str()?.to_owned());
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(String::from_utf8_lossy(bytes.as_bytes()).into_owned());
    }
    let module = value.py().import("alwrity_metering._json")?;
    module.getattr("as_text")?.call1((value,))?.extract()
}

/// A value of the core from what JSON can say.
pub(crate) fn from_json<T: DeserializeOwned>(name: &str, value: &Bound<'_, PyAny>) -> PyResult<T> {
    serde_json::from_str(&json_text(value)?)
        .map_err(|error| PyTypeError::new_err(format!("{name}: {error}")))
}
