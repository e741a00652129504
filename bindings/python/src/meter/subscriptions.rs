//! Subscriptions: changing them, previewing a change, and looking at them.

use alwrity_metering::{BillingCycle, CancelAt, Change, ExternalIds, Page, Payment, Subscribe};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::Meter;
use crate::failure::failed;
use crate::read::{Named, from_json, instant, named, optional, text, unexpected};

/// How a change is paid for: `paid` is the host's reference, `waived` the reason why nobody pays.
fn payment(paid: Option<String>, waived: Option<String>) -> PyResult<Payment> {
    match (paid, waived) {
        (None, None) => Ok(Payment::Pending),
        (Some(reference), None) => Ok(Payment::Reference(reference)),
        (None, Some(reason)) => Ok(Payment::Waived(reason)),
        (Some(_), Some(_)) => Err(PyTypeError::new_err("give `paid` or `waived`, not both")),
    }
}

fn cycle(py: Python<'_>, name: Option<&str>) -> PyResult<Option<BillingCycle>> {
    name.map(|name| name.parse().map_err(|error| failed(py, &error))).transpose()
}

fn subscribe(plan_id: &str, arguments: Option<&Named<'_>>) -> PyResult<Subscribe> {
    let mut wish = Subscribe::monthly(plan_id);
    let (mut paid, mut waived) = (None, None);
    for (key, value) in arguments.into_iter().flatten() {
        let key = key.cast::<PyString>()?;
        let name = key.to_str()?;
        let external = &mut wish.external;
        match name {
            "billing_cycle" => wish.billing_cycle = named(name, &value)?,
            "anchor" => wish.anchor = optional(name, &value, instant)?,
            "starts_at" => wish.starts_at = optional(name, &value, instant)?,
            "paid" => paid = optional(name, &value, text)?,
            "waived" => waived = optional(name, &value, text)?,
            "auto_renew" => wish.auto_renew = value.extract()?,
            "stripe_customer_id" => external.stripe_customer_id = optional(name, &value, text)?,
            "stripe_subscription_id" => {
                external.stripe_subscription_id = optional(name, &value, text)?;
            }
            "payment_method" => external.payment_method = optional(name, &value, text)?,
            _ => return Err(unexpected(name)),
        }
    }
    wish.payment = payment(paid, waived)?;
    Ok(wish)
}

#[pymethods]
impl Meter {
    /// Puts a user on a plan. It grants nothing until it is paid: give `paid` or `waived`.
    ///
    /// >>> meter.subscribe("u1", "basic").status
    /// 'pending'
    /// >>> meter.confirm_payment("u1", "ch_1").status
    /// 'active'
    #[pyo3(signature = (user, plan_id, **terms))]
    fn subscribe<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        plan_id: &str,
        terms: Option<&Named<'py>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let wish = subscribe(plan_id, terms)?;
        self.answer(py, |meter| meter.subscribe(user, &wish))
    }

    /// Makes the change that waits for its payment happen, paid under the host's reference.
    #[pyo3(signature = (
        user, reference, *, stripe_customer_id=None, stripe_subscription_id=None,
        payment_method=None,
    ))]
    fn confirm_payment<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        reference: &str,
        stripe_customer_id: Option<String>,
        stripe_subscription_id: Option<String>,
        payment_method: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let external = ExternalIds { stripe_customer_id, stripe_subscription_id, payment_method };
        self.answer(py, |meter| meter.confirm_payment(user, reference, external))
    }

    /// Pays one fee: for the running period, or for one more.
    #[pyo3(signature = (user, *, paid=None, waived=None))]
    fn renew<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        paid: Option<String>,
        waived: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let payment = payment(paid, waived)?;
        self.answer(py, |meter| meter.renew(user, payment))
    }

    /// Goes over to a dearer plan at once, for the prorated difference of the fees.
    #[pyo3(signature = (user, plan_id, *, billing_cycle=None, paid=None, waived=None))]
    fn upgrade<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        plan_id: &str,
        billing_cycle: Option<&str>,
        paid: Option<String>,
        waived: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (cycle, payment) = (cycle(py, billing_cycle)?, payment(paid, waived)?);
        self.answer(py, |meter| meter.upgrade(user, plan_id, cycle, payment))
    }

    /// Goes over to a cheaper plan when the billing period ends. Nothing is given back.
    fn downgrade<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        plan_id: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.downgrade(user, plan_id))
    }

    /// Pays by the year from the running month on, or by the month when the year ends.
    #[pyo3(signature = (user, billing_cycle, *, paid=None, waived=None))]
    fn change_cycle<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        billing_cycle: &str,
        paid: Option<String>,
        waived: Option<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let cycle = billing_cycle.parse().map_err(|error| failed(py, &error))?;
        let payment = payment(paid, waived)?;
        self.answer(py, |meter| meter.change_cycle(user, cycle, payment))
    }

    /// Ends a subscription, now or when what was paid for ends. Nothing is given back.
    #[pyo3(signature = (user, *, when = "period_end"))]
    fn cancel<'py>(&self, py: Python<'py>, user: &str, when: &str) -> PyResult<Bound<'py, PyAny>> {
        let when = match when {
            "period_end" => CancelAt::PeriodEnd,
            "now" => CancelAt::Now,
            _ => return Err(PyValueError::new_err("when must be 'period_end' or 'now'")),
        };
        self.answer(py, |meter| meter.cancel(user, when))
    }

    /// Takes back what is scheduled or waits for its payment: it never happens.
    fn withdraw_change<'py>(&self, py: Python<'py>, user: &str) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.withdraw_change(user))
    }

    /// Notes that a payment is late: the plan is granted until the grace ends.
    #[pyo3(signature = (user, *, grace_until))]
    fn mark_past_due<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        grace_until: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let grace_until = instant("grace_until", grace_until)?;
        self.answer(py, |meter| meter.mark_past_due(user, grace_until))
    }

    /// Grants nothing until `resume`. Time goes on: the fee is not given back.
    fn suspend<'py>(&self, py: Python<'py>, user: &str) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.suspend(user))
    }

    /// Ends a suspension: what was before holds again, in its phase.
    fn resume<'py>(&self, py: Python<'py>, user: &str) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.resume(user))
    }

    /// What a change would do and cost now, without doing it.
    ///
    /// `change` is `subscribe`, `renew`, `upgrade`, `downgrade`, `change_cycle` or `cancel`, and the rest
    /// its arguments.
    ///
    /// >>> _ = meter.subscribe("u1", "basic", paid="ch_1")
    /// >>> meter.preview_change("u1", "upgrade", plan_id="pro").fee_usd
    /// Decimal('79')
    #[pyo3(signature = (user, change, **terms))]
    fn preview_change<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        change: &str,
        terms: Option<&Named<'py>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let wish = preview(py, change, terms)?;
        self.answer(py, |meter| meter.preview_change(user, &wish))
    }

    /// How a user's subscription stands now.
    fn subscription<'py>(&self, py: Python<'py>, user: &str) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, |meter| meter.subscription(user))
    }

    /// Everything that has happened to a user's subscription, newest first.
    #[pyo3(signature = (user, *, before_id=None, offset=0, limit=50))]
    fn subscription_history<'py>(
        &self,
        py: Python<'py>,
        user: &str,
        before_id: Option<i64>,
        offset: i64,
        limit: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let page = Page { before_id, offset, limit };
        self.answer(py, |meter| meter.subscription_history(user, page))
    }
}

/// The change of that verb.
fn preview(py: Python<'_>, change: &str, terms: Option<&Named<'_>>) -> PyResult<Change> {
    let fields = pyo3::types::PyDict::new(py);
    if change == "subscribe" {
        fields.set_item("billing_cycle", "monthly")?;
        fields.set_item("auto_renew", true)?;
    }
    if let Some(terms) = terms {
        fields.update(terms.as_mapping())?;
    }
    fields.set_item("change", change)?;
    from_json("change", fields.as_any())
}
