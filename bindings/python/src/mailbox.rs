//! Mailboxes: how the store's thread answers an event loop.
//!
//! Each loop has one. The store's thread puts answers into it and rings a bell, a socket that the
//! loop watches, once for all answers that the loop has not fetched yet. So it never waits for
//! the interpreter, and a loop that is closed, or an interpreter that ends, does not matter to it.
//! The tests are in tests/python/test_async.py.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alwrity_metering::{
    Error, Meter, Pending, Receipt, ReleaseStatus, Reservation, Reservations, Result,
};
use pyo3::intern;
use pyo3::prelude::*;

use crate::failure::failed;
use crate::meter::{reservation, reservations};
use crate::results;
use crate::show::show;

/// What an answer is about.
pub(crate) enum Letter {
    /// A record or a settlement.
    Receipt(Result<Receipt>),
    /// One reservation.
    Reservation(Meter, Result<Reservations>),
    /// Several.
    Reservations(Meter, Result<Reservations>),
    /// A release.
    Release(Result<ReleaseStatus>),
}

impl Letter {
    /// The answer as Python has it, or the exception.
    fn open(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let raised = |error: Error| failed(py, &error);
        match self {
            Self::Receipt(answer) => results::Receipt::of(py, answer.map_err(raised)?),
            Self::Release(answer) => show(py, &answer.map_err(raised)?),
            Self::Reservations(_, answer) => reservations(py, answer.map_err(raised)?),
            Self::Reservation(_, answer) => match answer.map_err(raised)? {
                Reservations::Refused { decision } => results::Decision::of(py, *decision),
                Reservations::Granted { reservations } => {
                    let first = reservations.into_iter().next();
                    let missing = || Error::Internal { reason: "no reservation".into() };
                    reservation(py, first.ok_or_else(missing).map_err(raised)?)
                }
            },
        }
    }

    /// Nobody wants the answer any more: what it holds free is given back.
    fn discard(self) {
        let (Self::Reservation(meter, answer) | Self::Reservations(meter, answer)) = self else {
            return;
        };
        let Ok(Reservations::Granted { reservations }) = answer else { return };
        for reservation in reservations {
            // A hold that was there before is somebody else's.
            if let Reservation::Granted(hold) = reservation
                && !hold.is_repeat
            {
                // If that fails, it expires by itself.
                drop(meter.release_then(&hold.user, hold.hold_id, |_| ()));
            }
        }
    }
}

/// The side of a mailbox that the store's thread has.
pub(crate) struct Slot {
    /// Nothing once the mailbox is gone.
    letters: Mutex<Option<Vec<(u64, Letter)>>>,
    bell: UnixStream,
}

impl Slot {
    fn letters(&self) -> MutexGuard<'_, Option<Vec<(u64, Letter)>>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an answer in, and rings unless the bell is ringing.
    pub(crate) fn put(&self, token: u64, letter: Letter) {
        let mut letters = self.letters();
        let Some(list) = letters.as_mut() else {
            drop(letters);
            letter.discard();
            return;
        };
        list.push((token, letter));
        let is_first = list.len() == 1;
        drop(letters);
        if is_first {
            // A bell that is full is ringing.
            drop((&self.bell).write(&[1]));
        }
    }

    fn take(&self) -> Vec<(u64, Letter)> {
        self.letters().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes no more answers; those that it has.
    fn close(&self) -> Vec<(u64, Letter)> {
        self.letters().take().unwrap_or_default()
    }
}

/// Somebody who awaits an answer.
struct Awaiter {
    future: Py<PyAny>,
    pending: Pending,
    meter: Meter,
}

#[derive(Default)]
struct State {
    last_token: u64,
    awaiters: HashMap<u64, Awaiter>,
    is_watching: bool,
}

/// The mailbox of one event loop.
#[pyclass(frozen, module = "alwrity_metering._native", weakref)]
pub(crate) struct Mailbox {
    slot: Arc<Slot>,
    bell: UnixStream,
    state: Mutex<State>,
    /// A weak reference: a loop keeps its mailbox, not the other way round.
    loop_ref: Py<PyAny>,
    process: u32,
}

impl Mailbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a work and returns the future of its answer; nothing while the queue is full.
    pub(crate) fn post<'py>(
        slf: &Bound<'py, Self>,
        meter: Meter,
        start: impl FnOnce(&Meter, Arc<Slot>, u64) -> Result<Pending>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, this) = (slf.py(), slf.get());
        let token = {
            let mut state = this.state();
            state.last_token += 1;
            state.last_token
        };
        let pending = match start(&meter, Arc::clone(&this.slot), token) {
            Ok(pending) => pending,
            Err(Error::Overloaded { .. }) => return Ok(None),
            Err(error) => return Err(failed(py, &error)),
        };
        let future = this.event_loop(py)?.call_method0(intern!(py, "create_future"))?;
        let patience = patience(&meter);
        let awaiter = Awaiter { future: future.clone().unbind(), pending, meter };
        let mut state = this.state();
        state.awaiters.insert(token, awaiter);
        let must_watch = !std::mem::replace(&mut state.is_watching, true);
        drop(state);
        if must_watch {
            Self::watch_in(slf, patience)?;
        }
        Ok(Some(future))
    }

    fn event_loop<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.loop_ref.bind(py).call0()
    }

    fn watch_in(slf: &Bound<'_, Self>, time: Duration) -> PyResult<()> {
        let watch = slf.getattr("watch")?;
        slf.get().event_loop(slf.py())?.call_method1("call_later", (time.as_secs_f64(), watch))?;
        Ok(())
    }

    fn deliver(&self, py: Python<'_>, token: u64, letter: Letter) -> PyResult<()> {
        let awaiter = self.state().awaiters.remove(&token);
        let future = awaiter.map(|awaiter| awaiter.future.into_bound(py));
        match future {
            Some(future) if !future.call_method0(intern!(py, "done"))?.is_truthy()? => {
                match letter.open(py) {
                    Ok(answer) => future.call_method1(intern!(py, "set_result"), (answer,))?,
                    Err(error) => future.call_method1("set_exception", (error,))?,
                };
            }
            _ => letter.discard(),
        }
        Ok(())
    }
}

/// How long a caller waits until its work begins.
fn patience(meter: &Meter) -> Duration {
    Duration::from_millis(meter.options().busy_timeout_ms)
}

#[pymethods]
impl Mailbox {
    /// The mailbox of a loop, given a weak reference to it. `fileno` is to be watched.
    #[new]
    fn new(loop_ref: Py<PyAny>) -> PyResult<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        let slot = Arc::new(Slot { letters: Mutex::new(Some(Vec::new())), bell: theirs });
        let (state, process) = (Mutex::default(), std::process::id());
        Ok(Self { slot, bell: ours, state, loop_ref, process })
    }

    fn fileno(&self) -> i32 {
        self.bell.as_raw_fd()
    }

    /// Fetches the answers and completes their futures: called when the bell rings.
    fn fetch(&self, py: Python<'_>) -> PyResult<()> {
        let mut rings = [0; 64];
        // Silenced first: whoever puts an answer in afterwards rings again.
        while (&self.bell).read(&mut rings).is_ok_and(|count| count == rings.len()) {}
        for (token, letter) in self.slot.take() {
            self.deliver(py, token, letter)?;
        }
        Ok(())
    }

    /// The awaiter of a future was cancelled: a work that has not begun is taken back. One that
    /// has begun completes; a hold that it is granted is given back.
    fn abandon(&self, future: &Bound<'_, PyAny>) {
        let mut state = self.state();
        let is_its = |(_, awaiter): &(&u64, &Awaiter)| awaiter.future.is(future);
        let token = state.awaiters.iter().find(is_its).map(|(token, _)| *token);
        let awaiter = token.and_then(|token| state.awaiters.remove(&token));
        drop(state);
        if let Some(awaiter) = awaiter {
            awaiter.meter.take_back(&awaiter.pending);
        }
    }

    /// Gives up what has not begun within the busy timeout, and what does not end at all.
    fn watch(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        let mut overdue = Vec::new();
        let mut state = this.state();
        let mut next: Option<Duration> = None;
        for (token, awaiter) in &state.awaiters {
            let (patience, waited) = (patience(&awaiter.meter), awaiter.pending.since().elapsed());
            let left = patience.saturating_sub(waited);
            if left.is_zero() {
                overdue.push(*token);
            }
            let left = left.max(Duration::from_millis(10));
            next = Some(next.map_or(left, |next| next.min(left)));
        }
        state.is_watching = next.is_some();
        drop(state);
        for token in overdue {
            this.give_up(py, token)?;
        }
        next.map_or(Ok(()), |next| Self::watch_in(slf, next))
    }

    /// Takes no more answers: the loop is closed. What they hold free is given back.
    fn close(&self) {
        self.slot.close().into_iter().for_each(|(_, letter)| letter.discard());
    }

    /// How many answers are awaited.
    fn __len__(&self) -> usize {
        self.state().awaiters.len()
    }
}

impl Mailbox {
    fn give_up(&self, py: Python<'_>, token: u64) -> PyResult<()> {
        let mut state = self.state();
        let Some(awaiter) = state.awaiters.get(&token) else { return Ok(()) };
        let waited = awaiter.pending.since().elapsed();
        let error = if awaiter.meter.take_back(&awaiter.pending) {
            let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
            Error::Overloaded { waited_ms }
        } else if waited > patience(&awaiter.meter) * 7 {
            // It has begun, but the disk hangs.
            awaiter.pending.outcome_unknown()
        } else {
            return Ok(());
        };
        let awaiter = state.awaiters.remove(&token);
        drop(state);
        if let Some(awaiter) = awaiter
            && !awaiter.future.call_method0(py, "done")?.is_truthy(py)?
        {
            awaiter.future.call_method1(py, "set_exception", (failed(py, &error),))?;
        }
        Ok(())
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        // In a child, the answers are the parent's.
        if self.process == std::process::id() {
            self.close();
        }
    }
}
