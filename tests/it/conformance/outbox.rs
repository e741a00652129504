//! The outbox: claimed by one, due again when the claimer dies, never forgotten.

use alwrity_metering::domain::alert::NewAlert;
use alwrity_metering::domain::time::Timestamp;
use alwrity_metering::storage::{AlertMark, Changes, OutboxChange, Store};
use alwrity_metering::{Delivery, OutboxCount};

use super::alerts::{alert, raising};
use super::samples::hour;
use super::works::write;

fn raise(store: &dyn Store, channels: &[&str], thresholds: &[u8]) {
    let channels: Vec<String> = channels.iter().map(|&name| name.to_owned()).collect();
    let alerts: Vec<NewAlert> = thresholds
        .iter()
        .map(|percent| NewAlert { channels: channels.clone(), ..alert(*percent) })
        .collect();
    write(store, Some("u"), raising(&alerts)).unwrap();
}

fn change(store: &dyn Store, change: OutboxChange) {
    write(store, None, Changes { outbox: vec![change], ..Changes::default() }).unwrap();
}

/// Claims for an hour from `now` on.
fn claim(store: &dyn Store, token: &str, now: Timestamp, limit: i64) -> Vec<Delivery> {
    let leased_until = now.plus_micros(3_600_000_000);
    let (token, channel) = (token.to_owned(), "mail".to_owned());
    let claim = OutboxChange::Claim { token: token.clone(), channel, now, leased_until, limit };
    change(store, claim);
    store.claimed(&token).unwrap()
}

fn failed(delivery: &Delivery, token: &str, due_at: Option<Timestamp>) -> OutboxChange {
    let (token, reason) = (token.to_owned(), "no route".to_owned());
    OutboxChange::Failed { id: delivery.id, token, due_at, reason }
}

fn delivered(delivery: &Delivery, at: Timestamp) -> OutboxChange {
    OutboxChange::Delivered { id: delivery.id, alert_id: delivery.alert.id, at }
}

fn count(waiting: i64, done: i64, given_up: i64) -> OutboxCount {
    OutboxCount { channel: "mail".into(), waiting, done, given_up }
}

pub(crate) fn an_alert_waits_for_each_of_its_channels(store: &dyn Store) {
    raise(store, &["mail", "webhook"], &[80, 90]);
    raise(store, &["mail"], &[80]);
    raise(store, &[], &[100]);
    let counts = store.outbox().unwrap();
    let waiting: Vec<(&str, i64)> =
        counts.iter().map(|count| (count.channel.as_str(), count.waiting)).collect();
    assert_eq!(waiting, [("mail", 2), ("webhook", 2)], "an alert that is raised again adds none");
    let claimed = claim(store, "a", hour(2), 10);
    assert_eq!(claimed.len(), 2);
    assert!(claimed.iter().all(|delivery| delivery.attempt == 1));
    assert!(claimed.iter().all(|delivery| delivery.message_id.starts_with("msg_")));
    assert_ne!(claimed[0].message_id, claimed[1].message_id);
    assert_eq!(claimed[0].alert, store.alert(claimed[0].alert.id).unwrap().unwrap());
}

pub(crate) fn what_is_claimed_is_claimed_by_one(store: &dyn Store) {
    raise(store, &["mail"], &[80, 90, 100]);
    assert_eq!(claim(store, "early", hour(0), 10), [], "before it was raised");
    assert_eq!(claim(store, "a", hour(2), 2).len(), 2);
    assert_eq!(claim(store, "b", hour(2), 10).len(), 1);
    assert_eq!(claim(store, "c", hour(2), 10), []);
    assert_eq!(store.claimed("a").unwrap().len(), 2, "it is asked for as often as one likes");
}

pub(crate) fn a_claim_that_died_is_due_again(store: &dyn Store) {
    raise(store, &["mail"], &[80]);
    let first = claim(store, "dead", hour(2), 1).remove(0);
    let again = claim(store, "heir", hour(3), 1).remove(0);
    assert_eq!(again.message_id, first.message_id, "a receiver can tell the repeat");
    assert_eq!((first.attempt, again.attempt), (1, 2));
    // The dead one comes back: its failure says nothing of the heir's attempt …
    change(store, failed(&first, "dead", None));
    assert_eq!(store.outbox().unwrap(), [count(1, 0, 0)]);
    // … but what it did deliver is delivered.
    change(store, delivered(&first, hour(4)));
    change(store, failed(&again, "heir", None));
    assert_eq!(store.outbox().unwrap(), [count(0, 1, 0)]);
    assert_eq!(claim(store, "late", hour(100), 1), []);
}

pub(crate) fn a_delivered_alert_tells_when_it_was_first(store: &dyn Store) {
    raise(store, &["mail", "webhook"], &[80]);
    let delivery = claim(store, "a", hour(2), 1).remove(0);
    change(store, delivered(&delivery, hour(3)));
    change(store, delivered(&delivery, hour(4)));
    assert_eq!(store.alert(delivery.alert.id).unwrap().unwrap().sent_at, Some(hour(3)));
    assert_eq!(store.claimed("a").unwrap(), []);
    assert_eq!(store.outbox().unwrap()[0], count(0, 1, 0));
}

pub(crate) fn a_failed_delivery_comes_back_when_it_is_due(store: &dyn Store) {
    raise(store, &["mail"], &[80]);
    let first = claim(store, "a", hour(2), 1).remove(0);
    change(store, failed(&first, "a", Some(hour(5))));
    assert_eq!(claim(store, "b", hour(4), 1), []);
    let second = claim(store, "c", hour(5), 1).remove(0);
    assert_eq!(second.attempt, 2);
    change(store, failed(&second, "c", None));
    assert_eq!(store.outbox().unwrap(), [count(0, 0, 1)]);
    assert_eq!(claim(store, "d", hour(1000), 1), [], "it is given up");
}

pub(crate) fn a_channel_that_rests_has_nothing_due(store: &dyn Store) {
    raise(store, &["mail", "webhook"], &[80, 90, 100]);
    let claimed = claim(store, "a", hour(2), 2);
    let until = hour(4);
    let paused = OutboxChange::Paused { channel: "mail".into(), token: "a".into(), until };
    let outbox = vec![failed(&claimed[0], "a", Some(hour(5))), paused];
    write(store, None, Changes { outbox, ..Changes::default() }).unwrap();
    assert_eq!(store.claimed("a").unwrap(), [], "the claim is given back");
    assert_eq!(claim(store, "b", hour(3), 10), []);
    let rested = claim(store, "c", until, 10);
    assert_eq!(rested.iter().map(|delivery| delivery.attempt).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(store.outbox().unwrap()[0], count(3, 0, 0));
    for delivery in &rested {
        change(store, delivered(delivery, until));
    }
    let later = claim(store, "d", hour(5), 10);
    assert_eq!(later.len(), 1, "the one that was due later than the rest");
    assert_eq!(later[0].attempt, 2, "it had its attempt");
}

pub(crate) fn what_is_dismissed_waits_no_more(store: &dyn Store) {
    raise(store, &["mail"], &[80, 90]);
    let flying = claim(store, "a", hour(2), 1).remove(0);
    let dismissed = |id: i64| {
        let marks = vec![AlertMark::Dismissed { id, at: hour(3) }];
        Changes { alert_marks: marks, ..Changes::default() }
    };
    write(store, Some("v"), dismissed(flying.alert.id)).unwrap();
    assert_eq!(store.outbox().unwrap(), [count(2, 0, 0)], "somebody else's");
    write(store, Some("u"), dismissed(flying.alert.id)).unwrap();
    assert_eq!(store.outbox().unwrap(), [count(1, 0, 0)]);
    // What had left already is known to have arrived.
    change(store, delivered(&flying, hour(4)));
    assert_eq!(store.alert(flying.alert.id).unwrap().unwrap().sent_at, Some(hour(4)));
    assert_eq!(claim(store, "b", hour(100), 10).len(), 1);
}
