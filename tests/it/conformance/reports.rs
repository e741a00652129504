//! What reports and exports read: sums in other shapes, and every row in turn.

use std::ops::ControlFlow;

use alwrity_metering::domain::call::Call;
use alwrity_metering::domain::counter::Totals;
use alwrity_metering::domain::time::Span;
use alwrity_metering::storage::{AlertFilter, Audience, Store, WindowKey};
use alwrity_metering::{Usage, Window};

use super::alerts::{alert, page, raising};
use super::samples::{at, call, call_at, call_of, october, unit};
use super::steps::{USERS, run, seeded};
use super::works::{by_key, record, write};

fn visited(store: &dyn Store, user: Option<&str>, within: Span) -> Vec<(String, Call)> {
    let mut visited = Vec::new();
    let visit = &mut |user: &std::sync::Arc<str>, call| {
        visited.push((user.to_string(), call));
        ControlFlow::Continue(())
    };
    store.visit_calls(user, within, visit).unwrap();
    visited
}

pub(crate) fn calls_are_visited_in_the_order_of_recording(store: &dyn Store) {
    let used = Usage::tokens(1, 1).with(unit("web_searches"), 2);
    let calls = [
        ("u", call()),
        ("v", Call { usage: used, ..call_of("openai", "chat") }),
        ("u", call_at("2025-10-01T00:00:00Z")),
        ("u", call_at("2025-10-31T00:00:00Z")),
    ];
    let recorded: Vec<(String, Call)> = calls
        .iter()
        .enumerate()
        .map(|(number, (user, call))| {
            ((*user).to_owned(), record(store, user, &number.to_string(), call))
        })
        .collect();
    assert_eq!(visited(store, None, Span::ALWAYS), recorded);
    let of_v = visited(store, Some("v"), Span::ALWAYS);
    assert_eq!(of_v, recorded[1..2]);
    let within =
        Span { starts_at: at("2025-10-07T00:00:00Z"), ends_at: at("2025-10-31T00:00:00Z") };
    assert_eq!(visited(store, None, within), recorded[..2], "the end is left out");
    assert_eq!(visited(store, Some("nobody"), Span::ALWAYS), []);
    let mut count = 0;
    let visit = &mut |_: &std::sync::Arc<str>, _| {
        count += 1;
        if count == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    store.visit_calls(None, Span::ALWAYS, visit).unwrap();
    assert_eq!(count, 2);
}

pub(crate) fn days_are_visited_by_user(store: &dyn Store) {
    run(store, 0, &seeded(11, 60));
    let mut visited = Vec::new();
    let visit = &mut |user: &std::sync::Arc<str>, key, sum| {
        visited.push((user.to_string(), key, sum));
        ControlFlow::Continue(())
    };
    store.visit_days(None, Span::ALWAYS, visit).unwrap();
    let users = store.users().unwrap();
    let days = |user: &String| store.days(user, 0, 4_000_000).unwrap();
    let all: usize = users.iter().map(|user| days(user).len()).sum();
    assert_eq!(visited.len(), all);
    for user in &users {
        let own = visited.iter().filter(|(name, _, _)| name == user);
        let own = own.map(|(_, key, sum)| (key.clone(), sum.clone())).collect();
        assert_eq!(by_key(own), by_key(days(user)));
    }
    let first = visited[0].1.day;
    let within = Span {
        starts_at: at("1970-01-01T00:00:00Z").plus_micros(first * 86_400_000_000 + 1),
        ends_at: at("1970-01-01T00:00:00Z").plus_micros(first * 86_400_000_000 + 2),
    };
    let mut touched = Vec::new();
    let visit =
        &mut |_: &std::sync::Arc<str>, key: alwrity_metering::domain::counter::DayKey, _| {
            touched.push(key.day);
            ControlFlow::Continue(())
        };
    store.visit_days(None, within, visit).unwrap();
    assert!(!touched.is_empty() && touched.iter().all(|day| *day == first));
}

pub(crate) fn totals_are_those_of_the_period_counters(store: &dyn Store) {
    run(store, 0, &seeded(5, 60));
    for user in USERS {
        let mut expected: Vec<_> = store
            .period_counters(user, Span::ALWAYS)
            .unwrap()
            .iter()
            .map(|(key, sum)| (key.starts_at, key.provider.clone(), shown(Totals::from(sum))))
            .collect();
        let mut found: Vec<_> = store
            .period_totals(user, Span::ALWAYS)
            .unwrap()
            .into_iter()
            .map(|(starts_at, provider, totals)| (starts_at, provider, shown(totals)))
            .collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }
    assert_eq!(store.period_totals("nobody", Span::ALWAYS).unwrap(), []);
}

fn shown(totals: Totals) -> [i64; 3] {
    [totals.calls, totals.tokens, totals.cost.pico_usd()]
}

pub(crate) fn a_glance_shows_what_its_parts_show(store: &dyn Store) {
    run(store, 0, &seeded(3, 60));
    let user = USERS[0];
    write(store, Some(user), raising(&[alert(80), alert(90), alert(100)])).unwrap();
    let windows = vec![WindowKey { window: Window::Period, starts_at: october() }];
    let days = call().occurred_at.day_number() - 10..call().occurred_at.day_number() + 40;
    let glance = store.glance(user, &|_| Ok(windows.clone()), days.clone(), 2).unwrap();
    let looked = store.look(user, &[], &|_| Ok(windows.clone())).unwrap();
    assert_eq!(by_key(glance.view.counters), by_key(looked.counters));
    assert_eq!(glance.view.head.account, looked.head.account);
    assert_eq!(glance.view.holds, looked.holds);
    let rollups = store.days(user, days.start, days.end).unwrap();
    assert_eq!(glance.recent.first_day, rollups.iter().map(|(key, _)| key.day).min());
    for (provider, operation, sum) in &glance.recent.sums {
        let own = rollups
            .iter()
            .filter(|(key, _)| key.provider == *provider && key.operation == *operation);
        let expected =
            own.map(|(_, sum)| sum.clone()).reduce(|one, other| one.plus(&other).unwrap());
        assert_eq!(Some(sum), expected.as_ref());
    }
    let calls: i64 = glance.recent.sums.iter().map(|(_, _, sum)| sum.calls).sum();
    assert_eq!(calls, rollups.iter().map(|(_, sum)| sum.calls).sum::<i64>());
    let unread = page(store, Audience::User(user), &AlertFilter::unread());
    assert_eq!(glance.alerts.alerts, unread.alerts[..2]);
    assert_eq!(glance.alerts.unread_count, unread.unread_count);
    let nothing = store.glance("nobody", &|_| Ok(windows.clone()), days, 2).unwrap();
    assert!(nothing.view.head.account.is_none() && nothing.recent.sums.is_empty());
    assert!(nothing.alerts.alerts.is_empty());
}
