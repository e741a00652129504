//! Alerts: reading, marking and delivering them.

use alwrity_metering::{AlertFilter, Channel, Delivery, DeliveryFailure, Page};
use pyo3::prelude::*;
use serde::Serialize;

use super::Meter;
use crate::read::named;
use crate::show::show;

/// A delivery as Python has it.
#[derive(Serialize)]
#[serde(rename = "Delivery")]
struct Shown<'a> {
    message_id: &'a str,
    attempt: i64,
    alert: &'a alwrity_metering::Alert,
}

/// A function of Python that carries alerts.
struct Carrier {
    name: String,
    send: Py<PyAny>,
}

impl Channel for Carrier {
    fn name(&self) -> &str {
        &self.name
    }

    fn send(&mut self, delivery: &Delivery) -> Result<(), DeliveryFailure> {
        Python::attach(|py| {
            let Delivery { message_id, attempt, alert, .. } = delivery;
            let shown = show(py, &Shown { message_id, attempt: *attempt, alert });
            shown.and_then(|shown| self.send.call1(py, (shown,))).map(drop).map_err(|error| {
                let is_final = error
                    .value(py)
                    .getattr("is_final")
                    .is_ok_and(|is_final| is_final.is_truthy().unwrap_or(false));
                let asked = error.value(py).getattr("retry_after_ms");
                let retry_after_ms = asked.and_then(|asked| asked.extract()).ok();
                DeliveryFailure { reason: error.to_string(), is_final, retry_after_ms }
            })
        })
    }
}

fn filter(
    unread: bool,
    dismissed: bool,
    kind: Option<&Bound<'_, PyAny>>,
    severity: Option<&Bound<'_, PyAny>>,
) -> PyResult<AlertFilter> {
    Ok(AlertFilter {
        is_unread: unread,
        with_dismissed: dismissed,
        kind: kind.map(|kind| named("kind", kind)).transpose()?,
        severity: severity.map(|severity| named("severity", severity)).transpose()?,
    })
}

#[pymethods]
impl Meter {
    /// The option `alert_channels`: what an alert of this process waits for.
    #[getter]
    fn _alert_channels(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.core(py)?.options().alert_channels.clone())
    }

    /// A page of a user's alerts, newest first; dismissed ones only when they are asked for.
    #[pyo3(signature = (
        user, *, unread=false, dismissed=false, kind=None, severity=None, before_id=None, offset=0,
        limit=50,
    ))]
    #[expect(clippy::too_many_arguments, reason = "a filter and a page, as Python names them")]
    fn alerts<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        unread: bool,
        dismissed: bool,
        kind: Option<&Bound<'py, PyAny>>,
        severity: Option<&Bound<'py, PyAny>>,
        before_id: Option<i64>,
        offset: i64,
        limit: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let filter = filter(unread, dismissed, kind, severity)?;
        self.answer(py, |meter| meter.alerts(user, &filter, Page { before_id, offset, limit }))
    }

    /// A page of the operator's alerts, newest first: failures of the store.
    #[pyo3(signature = (
        *, unread=false, dismissed=false, kind=None, severity=None, before_id=None, offset=0,
        limit=50,
    ))]
    #[expect(clippy::too_many_arguments, reason = "a filter and a page, as Python names them")]
    fn operator_alerts<'py>(
        &self,
        py: Python<'py>,
        unread: bool,
        dismissed: bool,
        kind: Option<&Bound<'py, PyAny>>,
        severity: Option<&Bound<'py, PyAny>>,
        before_id: Option<i64>,
        offset: i64,
        limit: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let filter = filter(unread, dismissed, kind, severity)?;
        let page = Page { before_id, offset, limit };
        self.answer(py, |meter| meter.operator_alerts(&filter, page))
    }

    /// Marks an alert of the user as read. Raises `UnknownAlertError`, `AlertOfAnotherError`.
    fn mark_read(&self, py: Python<'_>, user: &str, alert_id: i64) -> PyResult<()> {
        self.ask(py, |meter| meter.mark_read(user, alert_id))
    }

    /// Marks all alerts of the user as read; how many there were.
    fn mark_all_read(&self, py: Python<'_>, user: &str) -> PyResult<i64> {
        self.ask(py, |meter| meter.mark_all_read(user))
    }

    /// Dismisses an alert of the user: it is shown no more.
    fn dismiss(&self, py: Python<'_>, user: &str, alert_id: i64) -> PyResult<()> {
        self.ask(py, |meter| meter.dismiss(user, alert_id))
    }

    /// Dismisses an alert of the operator.
    fn dismiss_operator_alert(&self, py: Python<'_>, alert_id: i64) -> PyResult<()> {
        self.ask(py, |meter| meter.dismiss_operator_alert(alert_id))
    }

    /// Sends every alert that is due in a channel, by a function that takes a `Delivery`.
    ///
    /// An exception of it postpones the alert, for about two days at most; one whose attribute
    /// `is_final` is true gives it up, and one whose `retry_after_ms` is a number rests the
    /// channel that long. `channel` is a name of the option `alert_channels`.
    fn deliver_alerts<'py>(
        &self,
        py: Python<'py>,
        channel: String,
        send: Py<PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut carrier = Carrier { name: channel, send };
        self.answer(py, |meter| meter.deliver_alerts(&mut carrier))
    }

    /// How the outbox stands, by channel.
    fn outbox<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, alwrity_metering::Meter::outbox)
    }
}
