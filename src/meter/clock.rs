//! The clock: the one place where the library learns what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::time::Timestamp;

/// Where the meter reads the time.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// A given instant that stands still.
    Fixed(Timestamp),
    /// A clock that a test or a simulation moves.
    Manual(ManualClock),
}

impl Clock {
    /// The time now.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => system_now(),
            Self::Fixed(at) => *at,
            Self::Manual(clock) => clock.now(),
        }
    }
}

fn system_now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros_clamped(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

/// A clock that only moves when it is told to, in either direction.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at an instant.
    pub fn at(at: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(at.micros())))
    }

    /// Moves the clock to an instant, forward or back.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.micros(), Ordering::SeqCst);
    }

    /// Moves the clock forward, or back when negative.
    pub fn advance_ms(&self, ms: i64) {
        self.set(self.now().plus_micros(ms.saturating_mul(1000)));
    }

    /// The instant it stands at.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros_clamped(self.0.load(Ordering::SeqCst))
    }
}
