//! Listens to the library's own events: how long the writer's transactions take, and how long its
//! callers stand still while it writes the log back in its turn.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Durations since the last look.
#[derive(Default)]
pub(crate) struct Heard {
    /// Transactions, with their commit.
    pub(crate) commits: Vec<Duration>,
    /// Checkpoints in the writer's turn.
    pub(crate) stalls: Vec<Duration>,
}

/// What hears it, for the whole process.
#[derive(Clone, Default)]
pub(crate) struct Listener(Arc<Mutex<Heard>>);

impl Listener {
    /// Begins to listen.
    pub(crate) fn start() -> Self {
        let listener = Self::default();
        tracing::subscriber::set_global_default(listener.clone()).unwrap();
        listener
    }

    /// What was heard since the last time.
    pub(crate) fn take(&self) -> Heard {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The field `elapsed_us`.
struct Elapsed(u64);

impl Visit for Elapsed {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "elapsed_us" {
            self.0 = value;
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "alwrity_metering::store"
    }

    fn event(&self, event: &Event<'_>) {
        let has = |name| event.metadata().fields().field(name).is_some();
        let mut elapsed = Elapsed(0);
        event.record(&mut elapsed);
        let took = Duration::from_micros(elapsed.0);
        let is_writer = std::thread::current().name() == Some("alwrity-writer");
        if is_writer && has("works") {
            self.0.lock().unwrap().commits.push(took);
        } else if is_writer && has("log_bytes") {
            self.0.lock().unwrap().stalls.push(took);
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
