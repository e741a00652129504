//! Invoices: drafts, closing a period, and what was told of payments.

use alwrity_metering::{InvoiceChoice, InvoicePaid, UserInvoice};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::Meter;
use crate::failure::failed;
use crate::read::{instant, named};
use crate::show::show_as;

/// `"current"`, a month as `"2025-10"`, or the instant that the period starts.
fn choice(period: &Bound<'_, PyAny>) -> PyResult<InvoiceChoice> {
    match period.extract::<&str>() {
        Ok(text) => text.parse().map_err(|error| failed(period.py(), &error)),
        Err(_) => instant("period", period).map(InvoiceChoice::Start),
    }
}

fn invoice<'py>(py: Python<'py>, invoice: &UserInvoice) -> PyResult<Bound<'py, PyAny>> {
    show_as(py, "Invoice", invoice)
}

fn invoices<'py>(py: Python<'py>, all: &[UserInvoice]) -> PyResult<Bound<'py, PyTuple>> {
    let shown: PyResult<Vec<_>> = all.iter().map(|one| invoice(py, one)).collect();
    PyTuple::new(py, shown?)
}

#[pymethods]
impl Meter {
    #[pyo3(name = "_invoice")]
    fn invoice<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        period: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let choice = choice(period)?;
        invoice(py, &self.ask(py, |meter| meter.invoice(user, &choice))?)
    }

    /// The invoice as `text` for a terminal, or as one page of `html`.
    fn _invoice_as(
        &self,
        py: Python<'_>,
        user: &str,
        period: &Bound<'_, PyAny>,
        form: &str,
    ) -> PyResult<String> {
        let choice = choice(period)?;
        self.ask(py, |meter| {
            let found = meter.invoice(user, &choice)?;
            if form == "html" { found.to_html() } else { found.to_text() }
        })
    }

    /// A user's invoices, the newest first.
    fn billing_history<'py>(&self, py: Python<'py>, user: &str) -> PyResult<Bound<'py, PyTuple>> {
        invoices(py, &self.ask(py, |meter| meter.billing_history(user))?)
    }

    /// Freezes the invoice of a billing period that has ended.
    #[pyo3(signature = (user, period))]
    fn finalize_invoice<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        period: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let choice = choice(period)?;
        invoice(py, &self.ask(py, |meter| meter.finalize_invoice(user, &choice))?)
    }

    /// Freezes the invoices of all of a user's billing periods that have ended.
    fn finalize_ended<'py>(&self, py: Python<'py>, user: &str) -> PyResult<Bound<'py, PyTuple>> {
        invoices(py, &self.ask(py, |meter| meter.finalize_ended(user))?)
    }

    /// Declares a finalized invoice void: its period is a draft again.
    #[pyo3(signature = (user, period, *, reason))]
    fn void_invoice<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        period: &Bound<'py, PyAny>,
        reason: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let choice = choice(period)?;
        invoice(py, &self.ask(py, |meter| meter.void_invoice(user, &choice, reason))?)
    }

    /// Notes what became of the payment of a finalized invoice.
    #[pyo3(signature = (user, period, *, status, reference = None, stripe_invoice_id = None))]
    fn set_invoice_payment<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        period: &Bound<'py, PyAny>,
        status: &Bound<'py, PyAny>,
        reference: Option<String>,
        stripe_invoice_id: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let choice = choice(period)?;
        let paid = InvoicePaid { status: named("status", status)?, reference, stripe_invoice_id };
        invoice(py, &self.ask(py, |meter| meter.set_invoice_payment(user, &choice, &paid))?)
    }
}
