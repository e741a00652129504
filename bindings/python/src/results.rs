//! Results that are made at every call: they stay the core's values, and a field becomes Python's
//! when somebody asks for it. All others are classes of `alwrity_metering.results`.

use alwrity_metering as core;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::meter::Meter;
use crate::rate_limit::{self, Headers};
use crate::show::{plain, show};

/// Defines the class of a result with these fields, in the order of its `repr`.
macro_rules! result {
    ($(#[doc = $doc:literal])+ $name:ident, $($field:ident),+ $(,)?) => {
        $(#[doc = $doc])+
        #[pyclass(frozen, module = "alwrity_metering")]
        pub(crate) struct $name(pub(crate) core::$name);

        #[pymethods]
        impl $name {
            $(
                #[getter]
                fn $field<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                    show(py, &self.0.$field)
                }
            )+

            /// What the command's `--json` shows: dictionaries, lists, texts and numbers.
            fn as_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                plain(py, &self.0)
            }

            fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
                let mut parts = Vec::new();
                $(parts.push(format!(
                    concat!(stringify!($field), "={}"),
                    show(py, &self.0.$field)?.repr()?
                ));)+
                Ok(format!(concat!(stringify!($name), "({})"), parts.join(", ")))
            }

            fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
                other.cast::<Self>().is_ok_and(|other| self.0 == other.get().0)
            }

            fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
                let text = serde_json::to_string(&slf.get().0)
                    .map_err(|error| PyValueError::new_err(error.to_string()))?;
                let restore = slf.get_type().getattr("_restore")?;
                (restore, (text,)).into_pyobject(slf.py())
            }

            #[staticmethod]
            fn _restore(text: &str) -> PyResult<Self> {
                let value = serde_json::from_str(text);
                value.map(Self).map_err(|error| PyValueError::new_err(error.to_string()))
            }
        }

        impl $name {
            /// The value as an object of Python.
            pub(crate) fn of(py: Python<'_>, value: core::$name) -> PyResult<Bound<'_, PyAny>> {
                Self(value).into_bound_py_any(py)
            }
        }
    };
}

result! {
    /// Whether calls may be made now. Being over a limit is a decision, never an error.
    Decision,
    allowed, reason, user, plan_id, message, limit, limits, refusing, resets_at, retry_after_ms,
    upgrade_plan_id, cost_usd, usage_period, calls, subscription_status,
}

result! {
    /// A hold that was granted: room that is kept free until it is settled, released or expires.
    HoldReceipt,
    hold_id, idempotency_key, user, provider, operation, model, usage, call_count, cost_usd,
    is_price_known, reserved_at, expires_at, is_repeat, tightest, subscription_status,
}

result! {
    /// The proof of a recorded call.
    Receipt,
    status, call_id, idempotency_key, user, provider, operation, model, usage, usage_source,
    call_count, occurred_at, period_starts_at, cost_usd, cost_input_usd, cost_output_usd,
    vendor_cost_usd, price_version_id, price_match, late, pruned, overshoot, limits_exceeded,
}

result! {
    /// What a call would cost. `cost_usd` is `None` when no price is known.
    Quote,
    cost_usd, cost_input_usd, cost_output_usd, provider, operation, model, lines, price_version,
    price_match,
}

#[pymethods]
impl Decision {
    /// The rate-limit headers: of a refusal as it was judged, else at the meter's time.
    #[pyo3(signature = (meter=None))]
    fn _rate_limit_headers<'py>(
        &self,
        py: Python<'py>,
        meter: Option<&Bound<'py, Meter>>,
    ) -> PyResult<Headers<'py>> {
        let decision = &self.0;
        let Some(limit) = &decision.limit else { return Ok(Vec::new()) };
        let (Some(resets_at), Some(wait_ms)) = (decision.resets_at, decision.retry_after_ms) else {
            return Ok(rate_limit::headers(py, limit, clock_of(py, meter)?));
        };
        let judged_at = resets_at.plus_micros(wait_ms.saturating_mul(-1000));
        let mut headers = rate_limit::headers(py, limit, Some(judged_at));
        headers.push(rate_limit::retry_after(py, wait_ms));
        Ok(headers)
    }
}

#[pymethods]
impl HoldReceipt {
    /// The rate-limit headers at the meter's time.
    #[pyo3(signature = (meter=None))]
    fn _rate_limit_headers<'py>(
        &self,
        py: Python<'py>,
        meter: Option<&Bound<'py, Meter>>,
    ) -> PyResult<Headers<'py>> {
        let Some(limit) = &self.0.tightest else { return Ok(Vec::new()) };
        Ok(rate_limit::headers(py, limit, clock_of(py, meter)?))
    }
}

fn clock_of(py: Python<'_>, meter: Option<&Bound<'_, Meter>>) -> PyResult<Option<core::Timestamp>> {
    meter.map(|meter| Ok(meter.get().core(py)?.now())).transpose()
}
