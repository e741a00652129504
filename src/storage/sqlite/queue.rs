//! The queue in front of the writer: bounded, and a work can leave it until it begins.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::storage::{Ticket, Work};

/// The most works that one transaction takes.
pub(super) const BATCH_MAX: usize = 256;

/// A work that waits.
pub(super) struct Waiting {
    pub(super) ticket: Ticket,
    pub(super) work: Box<dyn Work>,
    /// How often the store has failed to write it.
    pub(super) failures: u32,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    last_ticket: u64,
    is_closed: bool,
    is_writer_started: bool,
}

/// Works in the order they came.
pub(super) struct Queue {
    state: Mutex<State>,
    has_work: Condvar,
    has_room: Condvar,
    capacity: usize,
    patience: Duration,
}

/// The tickets of works, and whether the writer has still to be started; or the works themselves.
pub(super) type Pushed = std::result::Result<(Vec<Ticket>, bool), Vec<Box<dyn Work>>>;

/// What the writer finds when it looks.
pub(super) enum Turnout {
    /// Works wait; whether the first batch of them must reach the disk.
    Work {
        /// Whether any of them does.
        needs_sync: bool,
    },
    /// The queue is closed and empty.
    Closed,
}

impl Queue {
    pub(super) fn new(capacity: usize, patience: Duration) -> Self {
        let state = Mutex::new(State::default());
        Self { state, has_work: Condvar::new(), has_room: Condvar::new(), capacity, patience }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement, so a panic elsewhere leaves it usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when a caller that comes now waits for room.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Puts a work at the end, waiting for room; true when the writer has still to be started.
    pub(super) fn push(&self, work: Box<dyn Work>, until: Instant) -> Result<(Ticket, bool)> {
        let patience = until.saturating_duration_since(Instant::now());
        let mut state = self.lock();
        while state.waiting.len() >= self.capacity && !state.is_closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let waited_ms =
                    u64::try_from(patience.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
                return Err(Error::Overloaded { waited_ms });
            }
            state =
                self.has_room.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.is_closed {
            return Err(Error::Closed {});
        }
        state.last_ticket += 1;
        let ticket = Ticket(state.last_ticket);
        state.waiting.push_back(Waiting { ticket, work, failures: 0 });
        let must_start = !std::mem::replace(&mut state.is_writer_started, true);
        drop(state);
        self.has_work.notify_one();
        Ok((ticket, must_start))
    }

    /// Puts several works at the end together, if there is room for all, else gives them back;
    /// true when the writer has still to be started.
    pub(super) fn push_all(&self, works: Vec<Box<dyn Work>>) -> Pushed {
        let mut state = self.lock();
        if state.is_closed || state.waiting.len() + works.len() > self.capacity {
            return Err(works);
        }
        let mut tickets = Vec::with_capacity(works.len());
        for work in works {
            state.last_ticket += 1;
            let ticket = Ticket(state.last_ticket);
            state.waiting.push_back(Waiting { ticket, work, failures: 0 });
            tickets.push(ticket);
        }
        let must_start =
            !tickets.is_empty() && !std::mem::replace(&mut state.is_writer_started, true);
        drop(state);
        self.has_work.notify_one();
        Ok((tickets, must_start))
    }

    /// The writer could not be started: the next work tries again.
    pub(super) fn start_again(&self) {
        self.lock().is_writer_started = false;
    }

    /// How many works wait.
    pub(super) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Whether nobody is let in any more.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Puts works back where they came from, in their order.
    pub(super) fn put_back(&self, works: Vec<Waiting>) {
        let mut state = self.lock();
        for waiting in works.into_iter().rev() {
            state.waiting.push_front(waiting);
        }
    }

    /// Rests, until the time is over, another work comes, or the queue is closed.
    pub(super) fn rest(&self, time: Duration) {
        let state = self.lock();
        if !state.is_closed {
            drop(self.has_work.wait_timeout(state, time));
        }
    }

    /// Takes a work out, if it has not begun.
    pub(super) fn cancel(&self, ticket: Ticket) -> bool {
        let mut state = self.lock();
        let place = state.waiting.iter().position(|waiting| waiting.ticket == ticket);
        let is_taken = place.and_then(|place| state.waiting.remove(place)).is_some();
        drop(state);
        if is_taken {
            self.has_room.notify_one();
        }
        is_taken
    }

    /// Waits until works wait, or the queue is closed and empty.
    pub(super) fn wait(&self) -> Turnout {
        let mut state = self.lock();
        loop {
            if !state.waiting.is_empty() {
                let needs_sync =
                    state.waiting.iter().take(BATCH_MAX).any(|waiting| waiting.work.needs_sync());
                return Turnout::Work { needs_sync };
            }
            if state.is_closed {
                return Turnout::Closed;
            }
            state = self.has_work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes the next batch: at most `most` works; without a sync, only those that need none.
    pub(super) fn take(&self, with_sync: bool, most: usize) -> Vec<Waiting> {
        let mut state = self.lock();
        let mut batch = Vec::new();
        while batch.len() < most.min(BATCH_MAX)
            && state.waiting.front().is_some_and(|next| with_sync || !next.work.needs_sync())
        {
            batch.extend(state.waiting.pop_front());
        }
        drop(state);
        self.has_room.notify_all();
        batch
    }

    /// Takes everything that waits.
    pub(super) fn drain(&self) -> Vec<Waiting> {
        let drained = self.lock().waiting.drain(..).collect();
        self.has_room.notify_all();
        drained
    }

    /// Lets nobody in any more; what waits is still done.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.has_work.notify_all();
        self.has_room.notify_all();
    }
}
