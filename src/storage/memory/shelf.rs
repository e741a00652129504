//! Alerts and their outbox, of all users and of the operator.

use std::sync::Arc;

use crate::domain::alert::outbox::{Delivery, OutboxCount};
use crate::domain::alert::{Alert, AlertKey, NewAlert};
use crate::domain::time::Timestamp;
use crate::storage::{AlertFilter, AlertMark, AlertPage, OutboxChange, Page};

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Waiting,
    Done,
    GivenUp,
}

/// An alert's way through one channel.
#[derive(Clone, Debug)]
struct Message {
    id: i64,
    alert_id: i64,
    channel: String,
    /// What the receiver knows it by.
    receiver_id: String,
    attempts: i64,
    due_at: Timestamp,
    token: Option<String>,
    way: Way,
}

/// All alerts, ascending by id, and their messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    alerts: Vec<Arc<Alert>>,
    messages: Vec<Message>,
}

fn next_id(length: usize) -> i64 {
    i64::try_from(length).map_or(i64::MAX, |last| last + 1)
}

impl Shelf {
    /// Raises an alert, if its key was not raised before; its key when it was new.
    pub(super) fn raise(&mut self, user: Option<&str>, alert: NewAlert) -> Option<AlertKey> {
        let is_known = |known: &Arc<Alert>| known.user.as_deref() == user && known.key == alert.key;
        if self.alerts.iter().any(is_known) {
            return None;
        }
        let id = next_id(self.alerts.len());
        for channel in &alert.channels {
            self.messages.push(Message {
                id: self.messages.last().map_or(1, |last| last.id + 1),
                alert_id: id,
                channel: channel.clone(),
                receiver_id: format!("msg_{}", uuid::Uuid::now_v7().simple()),
                attempts: 0,
                due_at: alert.created_at,
                token: None,
                way: Way::Waiting,
            });
        }
        let key = alert.key.clone();
        self.alerts.push(Arc::new(Alert::raised(id, user, alert)));
        Some(key)
    }

    /// Marks alerts of a user, or of the operator.
    pub(super) fn mark(&mut self, user: Option<&str>, mark: AlertMark) {
        let own = self.alerts.iter_mut().filter(|alert| alert.user.as_deref() == user);
        for alert in own {
            match mark {
                AlertMark::Read { id, at } if id == alert.id => {
                    let alert = Arc::make_mut(alert);
                    alert.read_at = alert.read_at.or(Some(at));
                }
                AlertMark::AllRead { at } if alert.is_unread() => {
                    Arc::make_mut(alert).read_at = Some(at);
                }
                AlertMark::Dismissed { id, at } if id == alert.id => {
                    let alert = Arc::make_mut(alert);
                    alert.dismissed_at = alert.dismissed_at.or(Some(at));
                    // What was put away need not be sent any more.
                    self.messages.retain(|m| m.alert_id != id || m.way != Way::Waiting);
                }
                _ => {}
            }
        }
    }

    /// Takes a user's identity and texts away, and the messages that were not delivered.
    pub(super) fn erase(&mut self, user: &str, pseudonym: &str) {
        let is_own = |alert: &&mut Arc<Alert>| alert.user.as_deref() == Some(user);
        let mut erased = Vec::new();
        for alert in self.alerts.iter_mut().filter(is_own) {
            let alert = Arc::make_mut(alert);
            alert.user = Some(pseudonym.to_owned());
            "erased".clone_into(&mut alert.title);
            alert.message.clear();
            alert.recommended_action = None;
            erased.push(alert.id);
        }
        self.messages.retain(|message| !erased.contains(&message.alert_id));
    }

    /// Changes the outbox.
    pub(super) fn change(&mut self, change: OutboxChange) {
        match change {
            OutboxChange::Claim { token, channel, now, leased_until, limit } => {
                let is_due =
                    |m: &Message| m.channel == channel && m.due_at <= now && m.way == Way::Waiting;
                let mut due: Vec<&mut Message> =
                    self.messages.iter_mut().filter(|message| is_due(message)).collect();
                due.sort_by_key(|message| (message.due_at, message.id));
                for message in due.into_iter().take(usize::try_from(limit).unwrap_or(0)) {
                    message.token = Some(token.clone());
                    message.attempts += 1;
                    message.due_at = leased_until;
                }
            }
            OutboxChange::Delivered { id, alert_id, at } => {
                if let Some(message) = self.messages.iter_mut().find(|m| m.id == id) {
                    message.way = Way::Done;
                }
                if let Some(alert) = self.alerts.iter_mut().find(|alert| alert.id == alert_id) {
                    let alert = Arc::make_mut(alert);
                    alert.sent_at = alert.sent_at.or(Some(at));
                }
            }
            OutboxChange::Failed { id, token, due_at, reason: _ } => {
                let is_ours = |m: &&mut Message| {
                    m.id == id && m.way != Way::Done && m.token.as_ref() == Some(&token)
                };
                let Some(message) = self.messages.iter_mut().find(is_ours) else { return };
                message.due_at = due_at.unwrap_or(message.due_at);
                message.token = None;
                message.way = if due_at.is_some() { Way::Waiting } else { Way::GivenUp };
            }
            OutboxChange::Paused { channel, token, until } => {
                let is_waiting = |m: &&mut Message| m.channel == channel && m.way == Way::Waiting;
                for message in self.messages.iter_mut().filter(is_waiting) {
                    if message.token.as_ref() == Some(&token) {
                        message.due_at = until;
                        message.attempts -= 1;
                        message.token = None;
                    }
                    message.due_at = message.due_at.max(until);
                }
            }
        }
    }

    /// A page of a user's alerts, or of the operator's.
    pub(super) fn page(&self, user: Option<&str>, filter: &AlertFilter, page: Page) -> AlertPage {
        let own = || self.alerts.iter().rev().filter(|alert| alert.user.as_deref() == user);
        let fitting: Vec<&Arc<Alert>> = own().filter(|alert| filter.fits(alert)).collect();
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let place = |number: i64| usize::try_from(number).unwrap_or(0);
        AlertPage {
            total: count(fitting.len()),
            unread_count: count(own().filter(|alert| alert.is_unread()).count()),
            alerts: fitting
                .into_iter()
                .filter(|alert| page.before_id.is_none_or(|before| alert.id < before))
                .skip(place(page.offset))
                .take(place(page.limit))
                .map(|alert| Alert::clone(alert))
                .collect(),
        }
    }

    /// An alert by its id.
    pub(super) fn alert(&self, id: i64) -> Option<Alert> {
        self.alerts.iter().find(|alert| alert.id == id).map(|alert| Alert::clone(alert))
    }

    /// What a claim got.
    pub(super) fn claimed(&self, token: &str) -> Vec<Delivery> {
        let is_claimed = |m: &&Message| m.token.as_deref() == Some(token) && m.way == Way::Waiting;
        let delivery = |message: &Message| {
            Some(Delivery {
                id: message.id,
                message_id: message.receiver_id.clone(),
                attempt: message.attempts,
                alert: self.alert(message.alert_id)?,
            })
        };
        self.messages.iter().filter(is_claimed).filter_map(delivery).collect()
    }

    /// How the outbox stands.
    pub(super) fn counts(&self) -> Vec<OutboxCount> {
        let mut counts: Vec<OutboxCount> = Vec::new();
        for message in &self.messages {
            let place = counts.iter().position(|count| count.channel == message.channel);
            let place = place.unwrap_or_else(|| {
                let channel = message.channel.clone();
                counts.push(OutboxCount { channel, ..OutboxCount::default() });
                counts.len() - 1
            });
            match message.way {
                Way::Waiting => counts[place].waiting += 1,
                Way::Done => counts[place].done += 1,
                Way::GivenUp => counts[place].given_up += 1,
            }
        }
        counts.sort_by(|one, other| one.channel.cmp(&other.channel));
        counts
    }
}
