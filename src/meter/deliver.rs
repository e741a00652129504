//! Delivering: taking alerts out of the outbox and through a channel.
//!
//! An alert waits in the outbox for each channel that `Options::alert_channels` names. Whoever
//! delivers claims some for a while, sends them, and says what became of each. A process that
//! dies in between has delivered some without saying so: they are delivered again, with the same
//! message id, by which a receiver tells. Nothing is lost, and nothing is sent twice otherwise.

use serde::Serialize;

use super::{Meter, events};
use crate::domain::alert::outbox::{Delivery, OutboxCount, next_attempt, paused_until};
use crate::domain::redact::redact;
use crate::domain::time::{SECOND_US, Timestamp};
use crate::error::Result;
use crate::storage::OutboxChange;

/// Something that carries alerts to people: a webhook, a mail, whatever the host has.
///
/// # Example
/// ```
/// use alwrity_metering::{Channel, Delivery, DeliveryFailure};
/// struct Printer;
/// impl Channel for Printer {
///     fn name(&self) -> &str {
///         "printer"
///     }
///     fn send(&mut self, delivery: &Delivery) -> Result<(), DeliveryFailure> {
///         println!("{} {}", delivery.message_id, delivery.alert.title);
///         Ok(())
///     }
/// }
/// ```
pub trait Channel {
    /// The name that `Options::alert_channels` knows it by.
    fn name(&self) -> &str;

    /// Sends one alert; `Ok` once the receiver has it. It may come again with the same message
    /// id, when the process died before it could say that it was sent. At most a minute.
    fn send(&mut self, delivery: &Delivery) -> Result<(), DeliveryFailure>;
}

/// Why an alert was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryFailure {
    /// What went wrong; it is redacted and kept.
    pub reason: String,
    /// Whether trying again is of no use.
    pub is_final: bool,
    /// How long the receiver asks to be left alone, if it does. The channel then rests that long,
    /// six hours at most.
    pub retry_after_ms: Option<i64>,
}

impl DeliveryFailure {
    /// A failure that may pass.
    pub fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_final: false, retry_after_ms: None }
    }

    /// A failure that will not pass: the receiver is gone, or refuses this message.
    pub fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_final: true, retry_after_ms: None }
    }
}

/// What one round of delivery did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// Alerts that the channel took.
    pub sent: i64,
    /// Alerts that it did not take and that are tried again later.
    pub postponed: i64,
    /// Alerts that are given up.
    pub given_up: i64,
}

/// Alerts that are claimed at once.
const CLAIM_MAX: i64 = 8;
/// How long a claim holds: longer than all its attempts take, a minute each at most.
const LEASE_US: i64 = 10 * 60 * SECOND_US;
/// The last part of a lease, in which no attempt is begun.
const LEASE_MARGIN_US: i64 = 60 * SECOND_US;

impl Meter {
    /// Sends every alert that is due in a channel. Several processes may do so at once: each
    /// alert is claimed by one of them.
    ///
    /// # Errors
    /// Those of the store. A failure of the channel is none: the alert is tried again later,
    /// after 15 seconds at first, then twice as long each time, for about two days. Where the
    /// receiver asks for a pause, the round ends and the channel rests.
    pub fn deliver_alerts(&self, channel: &mut dyn Channel) -> Result<Delivered> {
        let mut delivered = Delivered::default();
        loop {
            let token = uuid::Uuid::now_v7().to_string();
            let now = self.now();
            let leased_until = now.plus_micros(LEASE_US);
            self.change_outbox(vec![OutboxChange::Claim {
                token: token.clone(),
                channel: channel.name().to_owned(),
                now,
                leased_until,
                limit: CLAIM_MAX,
            }])?;
            let claimed = self.inner.store.claimed(&token)?;
            if claimed.is_empty() {
                return Ok(delivered);
            }
            for delivery in claimed {
                if self.now().plus_micros(LEASE_MARGIN_US) >= leased_until {
                    // The rest is due again when the lease is over.
                    break;
                }
                let pause = self.deliver(channel, &delivery, token.clone(), &mut delivered)?;
                if pause.is_some() {
                    return Ok(delivered);
                }
            }
        }
    }

    /// One attempt; until when the channel rests, if the receiver asks for that.
    fn deliver(
        &self,
        channel: &mut dyn Channel,
        delivery: &Delivery,
        token: String,
        delivered: &mut Delivered,
    ) -> Result<Option<Timestamp>> {
        let id = delivery.id;
        let failure = match channel.send(delivery) {
            Ok(()) => {
                delivered.sent += 1;
                let (alert_id, at) = (delivery.alert.id, self.now());
                self.change_outbox(vec![OutboxChange::Delivered { id, alert_id, at }])?;
                return Ok(None);
            }
            Err(failure) => failure,
        };
        let now = self.now();
        let pause = failure.retry_after_ms.map(|pause_ms| paused_until(now, pause_ms));
        let next = next_attempt(now, delivery.attempt, &delivery.message_id);
        let due_at =
            next.filter(|_| !failure.is_final).map(|due_at| due_at.max(pause.unwrap_or(due_at)));
        let reason = redact(&failure.reason);
        if due_at.is_some() {
            delivered.postponed += 1;
            events::postponed(channel.name(), delivery, &reason);
        } else {
            delivered.given_up += 1;
            events::given_up(channel.name(), delivery, &reason);
        }
        let mut changes = vec![OutboxChange::Failed { id, token: token.clone(), due_at, reason }];
        changes.extend(pause.map(|until| {
            let channel = channel.name().to_owned();
            OutboxChange::Paused { channel, token, until }
        }));
        self.change_outbox(changes)?;
        Ok(pause)
    }

    /// How the outbox stands, by channel.
    pub fn outbox(&self) -> Result<Vec<OutboxCount>> {
        self.inner.store.outbox()
    }
}
