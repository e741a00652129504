//! Showing: turning the core's values into Python's.
//!
//! One serializer does it for every type. A struct becomes the class of its name in
//! `alwrity_metering.results`, money a `Decimal`, an instant an aware `datetime`, a list a tuple.
//! [`plain`] makes what the command's `--json` shows instead: dictionaries, lists and texts.

use std::fmt;

use alwrity_metering::{Money, Timestamp};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyNone, PyString, PyTuple, PyType};
use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// The value as Python's classes.
pub(crate) fn show<'py, T: Serialize + ?Sized>(
    py: Python<'py>,
    value: &T,
) -> PyResult<Bound<'py, PyAny>> {
    show_as(py, "", value)
}

/// The value as the class of that name, for a struct whose fields are put together from several.
pub(crate) fn show_as<'py, T: Serialize + ?Sized>(
    py: Python<'py>,
    name: &'static str,
    value: &T,
) -> PyResult<Bound<'py, PyAny>> {
    value.serialize(Shower { py, form: Form::Typed, name }).map_err(|Failed(error)| error)
}

/// The value as `--json` shows it.
pub(crate) fn plain<'py, T: Serialize + ?Sized>(
    py: Python<'py>,
    value: &T,
) -> PyResult<Bound<'py, PyAny>> {
    value.serialize(Shower { py, form: Form::Plain, name: "" }).map_err(|Failed(error)| error)
}

/// An amount as `decimal.Decimal`.
pub(crate) fn decimal(py: Python<'_>, money: Money) -> PyResult<Bound<'_, PyAny>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")?.call1((money.to_string(),))
}

/// An instant as a `datetime` in UTC.
pub(crate) fn datetime(py: Python<'_>, at: Timestamp) -> PyResult<Bound<'_, PyAny>> {
    static TIMEDELTA: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let since = TIMEDELTA.import(py, "datetime", "timedelta")?.call1((0, 0, at.micros()))?;
    epoch(py)?.add(since)
}

/// The first instant, as a `datetime` in UTC.
pub(crate) fn epoch(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static EPOCH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made = EPOCH.get_or_try_init(py, || {
        let module = py.import("datetime")?;
        let utc = module.getattr("timezone")?.getattr("utc")?;
        let epoch = module.getattr("datetime")?.call1((1970, 1, 1, 0, 0, 0, 0, utc))?;
        PyResult::Ok(epoch.unbind())
    })?;
    Ok(made.bind(py).clone())
}

/// The class of a result.
fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static RESULTS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = RESULTS
        .get_or_try_init(py, || PyResult::Ok(py.import("alwrity_metering.results")?.unbind()))?;
    module.bind(py).getattr(name)
}

/// What becomes of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Typed,
    Plain,
}

/// Takes one value; `name` is what a struct that is put together from several is called.
#[derive(Clone, Copy)]
struct Shower<'py> {
    py: Python<'py>,
    form: Form,
    name: &'static str,
}

/// A Python exception on its way through serde.
#[derive(Debug)]
struct Failed(PyErr);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failed {}

impl serde::ser::Error for Failed {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(PyRuntimeError::new_err(message.to_string()))
    }
}

impl From<PyErr> for Failed {
    fn from(error: PyErr) -> Self {
        Self(error)
    }
}

type Shown<'py> = Result<Bound<'py, PyAny>, Failed>;

impl<'py> Shower<'py> {
    fn fields(self, name: &'static str) -> Fields<'py> {
        let shower = Self { name, ..self };
        Fields { shower, fields: PyDict::new(self.py), key: None }
    }

    fn items(self, length: Option<usize>) -> Items<'py> {
        Items { shower: self, items: Vec::with_capacity(length.unwrap_or(0)) }
    }

    fn none(self) -> Bound<'py, PyAny> {
        PyNone::get(self.py).to_owned().into_any()
    }
}

/// Methods that hand a value to Python as it is.
macro_rules! as_it_is {
    ($($method:ident $type:ty),+ $(,)?) => {
        $(fn $method(self, value: $type) -> Shown<'py> {
            Ok(value.into_pyobject(self.py).map_err(PyErr::from)?.to_owned().into_any())
        })+
    };
}

impl<'py> Serializer for Shower<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Failed;
    type SerializeSeq = Items<'py>;
    type SerializeTuple = Items<'py>;
    type SerializeTupleStruct = Items<'py>;
    type SerializeTupleVariant = Items<'py>;
    type SerializeMap = Fields<'py>;
    type SerializeStruct = Fields<'py>;
    type SerializeStructVariant = Fields<'py>;

    as_it_is! {
        serialize_bool bool, serialize_i8 i8, serialize_i16 i16, serialize_i32 i32,
        serialize_i64 i64, serialize_u8 u8, serialize_u16 u16, serialize_u32 u32,
        serialize_u64 u64, serialize_f32 f32, serialize_f64 f64, serialize_char char,
        serialize_str &str,
    }

    fn is_human_readable(&self) -> bool {
        self.form == Form::Plain
    }

    fn serialize_bytes(self, value: &[u8]) -> Shown<'py> {
        Ok(PyBytes::new(self.py, value).into_any())
    }

    fn serialize_none(self) -> Shown<'py> {
        Ok(self.none())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Shown<'py> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Shown<'py> {
        Ok(self.none())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Shown<'py> {
        Ok(self.none())
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Shown<'py> {
        Ok(PyString::intern(self.py, variant).into_any())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Shown<'py> {
        let inner = value.serialize(self)?;
        match name {
            "Money" => Ok(decimal(self.py, Money::from_pico_usd(inner.extract()?))?),
            "Timestamp" => Ok(datetime(self.py, Timestamp::from_micros_clamped(inner.extract()?))?),
            _ => Ok(inner),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Shown<'py> {
        let dict = PyDict::new(self.py);
        dict.set_item(variant, value.serialize(self)?)?;
        Ok(dict.into_any())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items<'py>, Failed> {
        Ok(self.items(length))
    }

    fn serialize_tuple(self, length: usize) -> Result<Items<'py>, Failed> {
        Ok(self.items(Some(length)))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        length: usize,
    ) -> Result<Items<'py>, Failed> {
        Ok(self.items(Some(length)))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        length: usize,
    ) -> Result<Items<'py>, Failed> {
        Ok(self.items(Some(length)))
    }

    /// A map of unknown length is a struct that serde put together from several.
    fn serialize_map(self, length: Option<usize>) -> Result<Fields<'py>, Failed> {
        Ok(self.fields(if length.is_none() { self.name } else { "" }))
    }

    fn serialize_struct(self, name: &'static str, _length: usize) -> Result<Fields<'py>, Failed> {
        Ok(self.fields(name))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Fields<'py>, Failed> {
        Ok(self.fields(""))
    }
}

/// The items of a list.
struct Items<'py> {
    shower: Shower<'py>,
    items: Vec<Bound<'py, PyAny>>,
}

impl<'py> Items<'py> {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        self.items.push(value.serialize(self.shower)?);
        Ok(())
    }

    fn done(self) -> Shown<'py> {
        match self.shower.form {
            Form::Typed => Ok(PyTuple::new(self.shower.py, self.items)?.into_any()),
            Form::Plain => Ok(PyList::new(self.shower.py, self.items)?.into_any()),
        }
    }
}

/// The fields of a struct, or the entries of a map.
struct Fields<'py> {
    shower: Shower<'py>,
    fields: Bound<'py, PyDict>,
    key: Option<Bound<'py, PyAny>>,
}

/// Fields whose values are lists of structs that serde put together from several.
const PUT_TOGETHER: [(&str, &str); 3] =
    [("calls", "Call"), ("models", "ModelLine"), ("providers", "ProviderLine")];

impl<'py> Fields<'py> {
    fn put<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Failed> {
        let shown = value.serialize(Shower { name: known_name(key), ..self.shower })?;
        self.fields.set_item(PyString::intern(self.shower.py, key), shown)?;
        Ok(())
    }

    fn done(self) -> Shown<'py> {
        let Shower { py, form, name } = self.shower;
        if form == Form::Plain || name.is_empty() {
            return Ok(self.fields.into_any());
        }
        Ok(class(py, name)?.call((), Some(&self.fields))?)
    }
}

macro_rules! items {
    ($($trait:ident $method:ident),+ $(,)?) => {
        $(impl<'py> $trait for Items<'py> {
            type Ok = Bound<'py, PyAny>;
            type Error = Failed;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
                self.push(value)
            }

            fn end(self) -> Shown<'py> {
                self.done()
            }
        })+
    };
}

items! {
    SerializeSeq serialize_element, SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field,
}

macro_rules! fields {
    ($($trait:ident),+ $(,)?) => {
        $(impl<'py> $trait for Fields<'py> {
            type Ok = Bound<'py, PyAny>;
            type Error = Failed;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Failed> {
                self.put(key, value)
            }

            fn end(self) -> Shown<'py> {
                self.done()
            }
        })+
    };
}

fields! { SerializeStruct, SerializeStructVariant }

impl<'py> SerializeMap for Fields<'py> {
    type Ok = Bound<'py, PyAny>;
    type Error = Failed;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Failed> {
        self.key = Some(key.serialize(Shower { name: "", ..self.shower })?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        let key = self.key.take().unwrap_or_else(|| self.shower.none());
        let field = key.cast::<PyString>().ok().and_then(|key| key.to_str().ok().map(known_name));
        let name = field.unwrap_or_default();
        self.fields.set_item(key, value.serialize(Shower { name, ..self.shower })?)?;
        Ok(())
    }

    fn end(self) -> Shown<'py> {
        self.done()
    }
}

/// The class of the items of a field, if serde put them together.
fn known_name(field: &str) -> &'static str {
    PUT_TOGETHER.iter().find(|(known, _)| *known == field).map_or("", |(_, name)| name)
}
