//! The verbs of an event loop: each starts its work and returns the future of its answer, or
//! `None` while the queue is full.

use std::sync::Arc;

use pyo3::prelude::*;

use super::Meter;
use super::calls::{held, records, requests, settlement};
use crate::calls::{record, request};
use crate::mailbox::{Letter, Mailbox, Slot};
use crate::read::Named;

/// The future of an answer.
type Future<'py> = PyResult<Option<Bound<'py, PyAny>>>;

#[pymethods]
impl Meter {
    #[pyo3(signature = (mailbox, user, call))]
    fn _record_call_then<'py>(
        &self,
        mailbox: &Bound<'py, Mailbox>,
        user: &str,
        call: &Named<'py>,
    ) -> Future<'py> {
        let record = record(user, Some(call))?;
        Mailbox::post(mailbox, self.core(mailbox.py())?, |meter, slot, token| {
            meter.record_call_then(&record, move |answer| {
                slot.put(token, Letter::Receipt(answer));
            })
        })
    }

    /// The futures of several records, in their order; fewer than were given while the queue is
    /// full.
    fn _record_calls_then<'py>(
        &self,
        mailbox: &Bound<'py, Mailbox>,
        calls: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let mut futures = Vec::new();
        for record in records(calls)? {
            let core = self.core(mailbox.py())?;
            let future = Mailbox::post(mailbox, core, |meter, slot, token| {
                meter.record_call_then(&record, move |answer| {
                    slot.put(token, Letter::Receipt(answer));
                })
            })?;
            let Some(future) = future else { break };
            futures.push(future);
        }
        Ok(futures)
    }

    fn _reserve_then<'py>(
        &self,
        mailbox: &Bound<'py, Mailbox>,
        user: &str,
        call: &Named<'py>,
    ) -> Future<'py> {
        let request = request(user, Some(call))?;
        Mailbox::post(mailbox, self.core(mailbox.py())?, |meter, slot, token| {
            let owner = meter.clone();
            meter.reserve_all_then(&[request], move |answer| {
                slot.put(token, Letter::Reservation(owner, answer));
            })
        })
    }

    fn _reserve_all_then<'py>(
        &self,
        mailbox: &Bound<'py, Mailbox>,
        user: &str,
        calls: &Bound<'py, PyAny>,
    ) -> Future<'py> {
        let requests = requests(user, calls)?;
        Mailbox::post(mailbox, self.core(mailbox.py())?, |meter, slot, token| {
            let owner = meter.clone();
            meter.reserve_all_then(&requests, move |answer| {
                slot.put(token, Letter::Reservations(owner, answer));
            })
        })
    }

    fn _settle_then<'py>(
        &self,
        mailbox: &Bound<'py, Mailbox>,
        user: &str,
        hold: &Bound<'py, PyAny>,
        outcome: &Named<'py>,
    ) -> Future<'py> {
        let py = mailbox.py();
        let (key, outcome) = settlement(py, hold, Some(outcome))?;
        Mailbox::post(mailbox, self.core(py)?, |meter, slot, token| {
            meter.settle_then(user, key, &outcome, move |answer| {
                slot.put(token, Letter::Receipt(answer));
            })
        })
    }

    fn _release_then<'py>(
        &self,
        mailbox: &Bound<'py, Mailbox>,
        user: &str,
        hold: &Bound<'py, PyAny>,
    ) -> Future<'py> {
        let py = mailbox.py();
        let (key, _) = held(py, hold)?;
        Mailbox::post(mailbox, self.core(py)?, |meter, slot: Arc<Slot>, token| {
            meter.release_then(user, key, move |answer| slot.put(token, Letter::Release(answer)))
        })
    }

    /// How long a caller waits for the queue and the lock, in ms.
    #[getter]
    fn _busy_timeout_ms(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.core(py)?.options().busy_timeout_ms)
    }
}
