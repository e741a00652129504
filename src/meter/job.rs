//! Jobs: a work for the store, made of two pure functions and a place for its answer.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::events;
use crate::domain::alert::NewAlert;
use crate::domain::key::CallKey;
use crate::error::{Error, Result};
use crate::storage::{Changes, Head, View, WindowKey, Work};

/// What takes a job's outcome: a waiting thread, an event loop, or nobody.
pub(crate) type Completion<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// Says which windows a job needs.
type Windows = Box<dyn Fn(&Head) -> Result<Vec<WindowKey>> + Send>;
/// Decides a job: what changes, and what is answered.
type Decide<T> = Box<dyn FnMut(&View) -> Result<(Changes, T)> + Send>;

/// Where the alerts of a work were raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AlertsFrom {
    /// By the work itself: they are logged.
    Here,
    /// By another system, some time ago.
    Elsewhere,
}

/// A work that answers with a `T`.
pub(crate) struct Job<T> {
    pub(crate) user: Option<String>,
    pub(crate) keys: Vec<CallKey>,
    pub(crate) needs_sync: bool,
    pub(crate) needs_billing: bool,
    pub(crate) is_awaited: bool,
    pub(crate) alerts_from: AlertsFrom,
    pub(crate) windows: Windows,
    pub(crate) decide: Decide<T>,
    pub(crate) answer: Option<T>,
    /// The alerts that the decision raised: they are logged once they are committed.
    pub(crate) raised: Vec<NewAlert>,
    pub(crate) completion: Completion<T>,
}

impl<T: Send> Work for Job<T> {
    fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    fn keys(&self) -> &[CallKey] {
        &self.keys
    }

    fn needs_sync(&self) -> bool {
        self.needs_sync
    }

    fn needs_billing(&self) -> bool {
        self.needs_billing
    }

    fn is_awaited(&self) -> bool {
        self.is_awaited
    }

    fn windows(&self, head: &Head) -> Result<Vec<WindowKey>> {
        (self.windows)(head)
    }

    fn decide(&mut self, view: &View) -> Result<Changes> {
        let (changes, answer) = (self.decide)(view)?;
        self.answer = Some(answer);
        if self.alerts_from == AlertsFrom::Here {
            self.raised.clone_from(&changes.alerts);
        }
        Ok(changes)
    }

    fn finish(self: Box<Self>, outcome: Result<()>) {
        let Self { answer, completion, raised, .. } = *self;
        if outcome.is_ok() {
            for alert in &raised {
                events::raised(alert);
            }
        }
        let missing = || Error::Internal { reason: "a work was finished undecided".into() };
        completion(outcome.and_then(|()| answer.ok_or_else(missing)));
    }
}

/// A completion that hands the outcome to a waiting thread.
pub(crate) fn waiting<T: Send + 'static>() -> (Completion<T>, Receiver<Result<T>>) {
    let (sender, receiver): (SyncSender<Result<T>>, _) = sync_channel(1);
    // A caller that has gone away needs no answer.
    (Box::new(move |outcome| drop(sender.send(outcome))), receiver)
}
