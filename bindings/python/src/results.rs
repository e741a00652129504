//! Results that are made at every call: they stay the core's values, and a field becomes Python's
//! when somebody asks for it. All others are classes of `alwrity_metering.results`.

use alwrity_metering as core;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

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

/// The numbers of a limit that a rate-limit header tells: its name, metric and window, the maximum
/// and what remains after the wanted amount as whole numbers (dollars in millionths), and the
/// microsecond that it resets at. Nothing where there is no limit.
type Room = (String, String, String, i64, i64, Option<i64>);

fn room(state: Option<&core::LimitState>) -> Option<Room> {
    let state = state?;
    let whole = |amount: core::Amount| match amount {
        core::Amount::Count(count) => count,
        core::Amount::Usd(money) => money.pico_usd().div_euclid(1_000_000),
    };
    let left = state.remaining?.number().saturating_sub(state.wanted.number()).max(0);
    let left = match state.maximum? {
        core::Amount::Count(_) => left,
        core::Amount::Usd(_) => left / 1_000_000,
    };
    let resets_at = state.resets_at.map(core::Timestamp::micros);
    let (metric, window) = (state.metric.name().to_owned(), state.window.to_string());
    Some((state.name.clone(), metric, window, whole(state.maximum?), left, resets_at))
}

#[pymethods]
impl Decision {
    /// What the rate-limit headers tell, without making objects of it all.
    fn _room(&self) -> Option<Room> {
        room(self.0.limit.as_ref())
    }
}

#[pymethods]
impl HoldReceipt {
    /// What the rate-limit headers tell, without making objects of it all.
    fn _room(&self) -> Option<Room> {
        room(self.0.tightest.as_ref())
    }
}
