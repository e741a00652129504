//! Works written by hand, and what every work may rely on.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};

use alwrity_metering::domain::account::UsageStatus;
use alwrity_metering::domain::call::Call;
use alwrity_metering::domain::counter::{Counter, CounterKey};
use alwrity_metering::domain::key::CallKey;
use alwrity_metering::storage::{
    Changes, Check, Found, Head, PeriodMark, Store, View, WindowKey, Work,
};
use alwrity_metering::{Anchor, Result, Window};

use super::samples::{at, call, hour, october};

/// What a work answers: its outcome, and what it saw last.
pub(crate) type Answer = (Result<()>, Option<View>);

/// A work made of a closure. It answers through a channel.
pub(crate) struct FnWork<D> {
    user: Option<String>,
    keys: Vec<CallKey>,
    windows: Result<Vec<WindowKey>>,
    needs_billing: bool,
    decide: D,
    seen: Option<View>,
    answer: Sender<Answer>,
}

impl<D: FnMut(&View) -> Result<Changes> + Send> FnWork<D> {
    /// A work of that user, and where its answer comes from.
    pub(crate) fn new(user: Option<&str>, decide: D) -> (Self, Receiver<Answer>) {
        let (answer, answers) = channel();
        let user = user.map(str::to_owned);
        let (keys, windows, seen) = (Vec::new(), Ok(Vec::new()), None);
        (Self { user, keys, windows, needs_billing: false, decide, seen, answer }, answers)
    }

    /// The same work, looking up these keys.
    pub(crate) fn with_keys(self, keys: &[CallKey]) -> Self {
        Self { keys: keys.to_vec(), ..self }
    }

    /// The same work, asking for what invoices are made of.
    pub(crate) fn asking_for_billing(self) -> Self {
        Self { needs_billing: true, ..self }
    }

    /// The same work, asking for these windows.
    pub(crate) fn with_windows(self, windows: Result<Vec<WindowKey>>) -> Self {
        Self { windows, ..self }
    }
}

impl<D: FnMut(&View) -> Result<Changes> + Send> Work for FnWork<D> {
    fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    fn keys(&self) -> &[CallKey] {
        &self.keys
    }

    fn windows(&self, _head: &Head) -> Result<Vec<WindowKey>> {
        self.windows.clone()
    }

    fn needs_billing(&self) -> bool {
        self.needs_billing
    }

    fn decide(&mut self, view: &View) -> Result<Changes> {
        self.seen = Some(view.clone());
        (self.decide)(view)
    }

    fn finish(self: Box<Self>, outcome: Result<()>) {
        self.answer.send((outcome, self.seen)).unwrap();
    }
}

/// Runs a work that writes these changes, whatever it sees; its calls get the next ids.
pub(crate) fn write(store: &dyn Store, user: Option<&str>, changes: Changes) -> Result<()> {
    let (work, answers) = FnWork::new(user, move |view| Ok(numbered(view, changes.clone())));
    store.submit(Box::new(work)).unwrap();
    answers.recv().unwrap().0
}

/// The changes with the ids that their calls get.
pub(crate) fn numbered(view: &View, mut changes: Changes) -> Changes {
    for (id, (_, call)) in (view.next_call_id..).zip(&mut changes.calls) {
        call.id = id;
    }
    changes
}

/// Changes of a user that is created if need be.
pub(crate) fn seen() -> Changes {
    Changes { seen_at: Some(at("2025-10-01T00:00:00Z")), ..Changes::default() }
}

/// Changes that record these calls under these keys of the user.
pub(crate) fn recording(user: &str, calls: &[(&str, Call)]) -> Changes {
    let keyed = calls.iter().map(|(key, call)| (CallKey::new(user, key), call.clone()));
    Changes { calls: keyed.collect(), ..seen() }
}

/// Records one call; its row.
pub(crate) fn record(store: &dyn Store, user: &str, key: &str, call: &Call) -> Call {
    write(store, Some(user), recording(user, &[(key, call.clone())])).unwrap();
    match found(store, user, key) {
        Found::Call(call) => *call,
        other => panic!("a recorded call: {other:?}"),
    }
}

/// What a key of the user stands for.
pub(crate) fn found(store: &dyn Store, user: &str, key: &str) -> Found {
    let view = store.look(user, &[CallKey::new(user, key)], &|_| Ok(Vec::new())).unwrap();
    view.head.found[0].clone()
}

/// What the user's works would see of these windows.
pub(crate) fn look(store: &dyn Store, user: &str, windows: &[(Window, &str)]) -> View {
    let windows: Vec<WindowKey> = windows
        .iter()
        .map(|(window, starts_at)| WindowKey { window: *window, starts_at: at(starts_at) })
        .collect();
    store.look(user, &[], &|_| Ok(windows.clone())).unwrap()
}

/// The user's counters of these windows. No key comes twice.
pub(crate) fn counters(
    store: &dyn Store,
    user: &str,
    windows: &[(Window, &str)],
) -> BTreeMap<CounterKey, Counter> {
    by_key(look(store, user, windows).counters)
}

/// A list of counters by their keys. No key comes twice.
pub(crate) fn by_key<K: Ord>(counters: Vec<(K, Counter)>) -> BTreeMap<K, Counter> {
    let length = counters.len();
    let by_key: BTreeMap<K, Counter> = counters.into_iter().collect();
    assert_eq!(by_key.len(), length, "a counter comes once");
    by_key
}

/// Asserts that `verify` finds nothing wrong.
pub(crate) fn assert_verified(store: &dyn Store) {
    let checks = store.verify().unwrap();
    for name in ["counters", "days", "keys", "holds"] {
        assert!(checks.iter().any(|check| check.name == name), "{name} in {checks:?}");
    }
    // `verify` asks for plans and for the period of every call; bare works bring neither.
    let is_meant = |check: &Check| ["catalogue", "periods"].contains(&check.name);
    let is_wrong = |check: &&Check| !check.is_ok && !is_meant(check);
    assert_eq!(checks.iter().find(is_wrong), None);
}

pub(crate) fn a_work_is_finished_once(store: &dyn Store) {
    let (work, answers) = FnWork::new(Some("u"), |_| Ok(seen()));
    store.submit(Box::new(work)).unwrap();
    assert_eq!(answers.recv().unwrap().0, Ok(()));
    assert!(answers.recv().is_err(), "the work is gone after its answer");
}

pub(crate) fn a_work_without_a_user_sees_no_account(store: &dyn Store) {
    record(store, "u", "k", &call());
    let (work, answers) = FnWork::new(None, |_| Ok(Changes::default()));
    store.submit(Box::new(work)).unwrap();
    let (outcome, view) = answers.recv().unwrap();
    let view = view.unwrap();
    assert_eq!(outcome, Ok(()));
    assert!(view.head.account.is_none() && view.counters.is_empty() && view.holds.is_empty());
    assert_eq!(view.next_call_id, 2);
}

pub(crate) fn a_look_shows_what_a_work_would_see(store: &dyn Store) {
    record(store, "u", "k", &call());
    let keys = [CallKey::new("u", "k"), CallKey::new("u", "other")];
    let windows = vec![WindowKey { window: Window::Period, starts_at: october() }];
    let (work, answers) = FnWork::new(Some("u"), |_| Ok(Changes::default()));
    let work = work.with_keys(&keys).with_windows(Ok(windows.clone()));
    store.submit(Box::new(work)).unwrap();
    let worked = answers.recv().unwrap().1.unwrap();
    let looked = store.look("u", &keys, &|_| Ok(windows.clone())).unwrap();
    assert_eq!(looked.head.account, worked.head.account);
    assert_eq!(looked.head.found, worked.head.found);
    assert_eq!(looked.head.catalogue.version, worked.head.catalogue.version);
    assert_eq!(by_key(looked.counters), by_key(worked.counters));
    assert_eq!(looked.next_call_id, worked.next_call_id);
}

pub(crate) fn period_marks_are_taken(store: &dyn Store) {
    let span = Anchor::CALENDAR.month(october());
    let mark = |usage_status, hour_number| PeriodMark { span, usage_status, at: hour(hour_number) };
    for mark in [mark(UsageStatus::Warning, 1), mark(UsageStatus::LimitReached, 2)] {
        let changes = Changes { periods: vec![mark], ..seen() };
        assert_eq!(write(store, Some("u"), changes), Ok(()));
    }
    assert_verified(store);
}
