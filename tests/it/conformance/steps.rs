//! Random works, and the fold that the sums must equal after them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use alwrity_metering::domain::call::Call;
use alwrity_metering::domain::counter::{Counter, CounterKey, DayKey};
use alwrity_metering::domain::hold::{Hold, HoldState};
use alwrity_metering::domain::key::CallKey;
use alwrity_metering::domain::time::Span;
use alwrity_metering::storage::{CallFilter, Changes, Found, Page, ReRated, Store, WindowKey};
use alwrity_metering::{Anchor, Money, Usage, Window};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::samples::{call, hold, hour, operation, unit};
use super::works::{by_key, found, recording, seen, write};

/// The users of random works.
pub(crate) const USERS: [&str; 3] = ["ann", "bob", "用户"];

/// One random work.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Records calls, and tracks a window from before them on.
    Record { user: &'static str, calls: Vec<Call>, tracked: Option<Window> },
    /// Holds, or holds again, under one of a few keys.
    Hold { user: &'static str, key: u8, state: HoldState },
    /// Records the call of one of those holds, open or not.
    Settle { user: &'static str, key: u8, call: Box<Call> },
    /// Gives an unpriced call a cost.
    ReRate { place: usize, cost: Money },
    /// Records calls and then fails.
    Fail { user: &'static str, call: Box<Call> },
}

/// Random works, so many of them.
pub(crate) fn steps(length: RangeInclusive<usize>) -> impl Strategy<Value = Vec<Step>> {
    let user = || select(USERS.to_vec());
    let tracked = proptest::option::weighted(0.2, select(Window::ALL.to_vec()));
    let boxed_call = || calls().prop_map(Box::new);
    let step = prop_oneof![
        6 => (user(), vec(calls(), 1..4), tracked)
            .prop_map(|(user, calls, tracked)| Step::Record { user, calls, tracked }),
        2 => (user(), 0_u8..5, select(HoldState::ALL.to_vec()))
            .prop_map(|(user, key, state)| Step::Hold { user, key, state }),
        2 => (user(), 0_u8..5, boxed_call())
            .prop_map(|(user, key, call)| Step::Settle { user, key, call }),
        2 => (any::<usize>(), 0_i64..1_000_000_000_000)
            .prop_map(|(place, pico)| Step::ReRate { place, cost: Money::from_pico_usd(pico) }),
        1 => (user(), boxed_call()).prop_map(|(user, call)| Step::Fail { user, call }),
    ];
    vec(step, length)
}

fn calls() -> impl Strategy<Value = Call> {
    let place = (
        select(vec!["gemini", "openai"]),
        select(vec!["chat", "search"]),
        select(vec!["", "m", "模型"]),
        // Minutes of October and November, close enough together to meet in a window.
        prop_oneof![0_i64..90, 43_200_i64..43_260, Just(88_000)],
    );
    let amounts = (
        -20_i64..1_000,
        0_i64..500,
        -1_i64..3,
        0_i64..4,
        proptest::option::weighted(0.8, -50_i64..5_000_000_000_000),
        proptest::option::of(0_i64..10_000),
        select(vec![200, 404, 500]),
    );
    (place, amounts).prop_map(|((provider, name, model, minute), amounts)| {
        let (input, output, searches, call_count, cost, response_time_ms, status_code) = amounts;
        let occurred_at = hour(0).plus_micros(minute * 60_000_000 + 1);
        let mut call = Call {
            provider: provider.into(),
            operation: operation(name),
            model: model.into(),
            usage: Usage::tokens(input, output).with(unit("web_searches"), searches),
            call_count,
            cost: cost.map(Money::from_pico_usd),
            status_code,
            occurred_at,
            period_starts_at: Anchor::CALENDAR.month(occurred_at).starts_at,
            ..call()
        };
        call.details.response_time_ms = response_time_ms;
        call
    })
}

/// The same random works for the same seed.
pub(crate) fn seeded(seed: u8, length: usize) -> Vec<Step> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = steps(length..=length).new_tree(&mut runner).unwrap();
    tree.current()
}

/// Runs the works, one after the other; their keys are made of numbers from `first` on.
pub(crate) fn run(store: &dyn Store, first: usize, steps: &[Step]) {
    for (number, step) in (first..).zip(steps) {
        run_step(store, number, step);
    }
}

fn run_step(store: &dyn Store, number: usize, step: &Step) {
    let key_of = |key: u8| format!("hold {key}");
    match step {
        Step::Record { user, calls, tracked } => {
            let keys: Vec<String> = (0..calls.len()).map(|i| format!("{number} {i}")).collect();
            let keyed: Vec<(&str, Call)> =
                keys.iter().map(String::as_str).zip(calls.iter().cloned()).collect();
            let tracked = tracked.iter().copied().filter(|window| *window != Window::Period);
            let changes = Changes { tracked: tracked.collect(), ..recording(user, &keyed) };
            write(store, Some(user), changes).unwrap();
        }
        Step::Hold { user, key, state } => {
            let held = Hold { state: *state, ..hold(user, &key_of(*key)) };
            if !is_recorded(store, user, &key_of(*key)) {
                write(store, Some(user), Changes { holds: vec![held], ..seen() }).unwrap();
            }
        }
        Step::Settle { user, key, call } => {
            let removed_holds = vec![CallKey::new(user, &key_of(*key))];
            let calls = recording(user, &[(&key_of(*key), (**call).clone())]);
            let was_recorded = is_recorded(store, user, &key_of(*key));
            let outcome = write(store, Some(user), Changes { removed_holds, ..calls });
            assert_eq!(outcome.is_err(), was_recorded, "a key records once");
        }
        Step::ReRate { place, cost } => re_rate(store, *place, *cost),
        Step::Fail { user, call } => {
            // The second call has the key of the first.
            let twice = [("failed", (**call).clone()), ("failed", (**call).clone())];
            write(store, Some(user), recording(user, &twice)).unwrap_err();
        }
    }
}

fn is_recorded(store: &dyn Store, user: &str, key: &str) -> bool {
    matches!(found(store, user, key), Found::Call(_))
}

fn re_rate(store: &dyn Store, place: usize, cost: Money) {
    let unpriced = store.unpriced(0, 5000).unwrap();
    if unpriced.is_empty() {
        return;
    }
    let (user, before) = unpriced[place % unpriced.len()].clone();
    let after = Call { cost: Some(cost), ..before.clone() };
    let re_rated = vec![ReRated { before, after }];
    write(store, Some(&user), Changes { re_rated, ..Changes::default() }).unwrap();
}

/// Asserts that a user's counters and days are the fold of the user's calls, computed here.
pub(crate) fn assert_sums_are_the_fold(store: &dyn Store, user: &str) {
    let page = Page { limit: 5000, ..Page::default() };
    let calls = store.calls(user, &CallFilter::default(), page).unwrap().calls;
    let tracked = store.account(user).unwrap().map(|account| account.tracked.clone());
    let tracked = tracked.unwrap_or_default();
    let mut counters: BTreeMap<CounterKey, Counter> = BTreeMap::new();
    let mut days: BTreeMap<DayKey, Counter> = BTreeMap::new();
    for call in &calls {
        let short = tracked.iter().filter(|(_, since)| call.id > **since);
        let period = Span { starts_at: call.period_starts_at, ..Span::ALWAYS };
        for window in short.map(|(window, _)| *window).chain([Window::Period]) {
            let starts_at = window.span(call.occurred_at, period).starts_at;
            let (provider, operation) = (call.provider.clone(), call.operation.clone());
            let key = CounterKey { window, starts_at, provider, operation };
            add(counters.entry(key).or_default(), call);
        }
        add(days.entry(DayKey::of(call)).or_default(), call);
    }
    let windows: BTreeSet<WindowKey> = counters.keys().map(window_of).collect();
    let windows: Vec<WindowKey> = windows.into_iter().collect();
    let view = store.look(user, &[], &|_| Ok(windows.clone())).unwrap();
    assert_eq!(by_key(view.counters), counters);
    let periods = by_key(store.period_counters(user, Span::ALWAYS).unwrap());
    counters.retain(|key, _| key.window == Window::Period);
    assert_eq!(periods, counters);
    assert_eq!(by_key(store.days(user, 0, 40_000).unwrap()), days);
}

fn window_of(key: &CounterKey) -> WindowKey {
    WindowKey { window: key.window, starts_at: key.starts_at }
}

fn add(sum: &mut Counter, call: &Call) {
    *sum = sum.plus(&Counter::of(call)).unwrap();
}

/// Everything that a user's works have written, as one text.
pub(crate) fn shown(store: &dyn Store) -> String {
    let users = store.users().unwrap();
    let show = |user: String| {
        let periods = by_key(store.period_counters(&user, Span::ALWAYS).unwrap());
        let days = by_key(store.days(&user, 0, 40_000).unwrap());
        let calls = store.calls(&user, &CallFilter::default(), Page::default()).unwrap();
        let account = store.account(&user).unwrap();
        format!("{account:?}\n{periods:?}\n{days:?}\n{calls:?}\n")
    };
    users.into_iter().map(show).collect()
}
