//! Alerts and their outbox, as stores keep them.

use crate::domain::alert::{Alert, AlertKind, Severity};
use crate::domain::time::Timestamp;

/// Whose alerts are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// A user's.
    User(&'a str),
    /// The operator's: failures that are nobody's usage.
    Operator,
}

/// Which alerts are wanted. Newest first; dismissed ones only when they are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Only alerts that nobody has read.
    pub is_unread: bool,
    /// Also alerts that were put away.
    pub with_dismissed: bool,
    /// Only alerts of this kind.
    pub kind: Option<AlertKind>,
    /// Only alerts of this urgency.
    pub severity: Option<Severity>,
}

impl AlertFilter {
    /// The alerts that nobody has read or put away.
    pub fn unread() -> Self {
        Self { is_unread: true, ..Self::default() }
    }

    /// Whether an alert is wanted.
    pub(crate) fn fits(&self, alert: &Alert) -> bool {
        let Self { is_unread, with_dismissed, kind, severity } = self;
        (!is_unread || alert.read_at.is_none())
            && (*with_dismissed || alert.dismissed_at.is_none())
            && kind.is_none_or(|kind| kind == alert.key.kind)
            && severity.is_none_or(|severity| severity == alert.severity)
    }
}

/// A page of alerts, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct AlertPage {
    /// The alerts, newest first.
    pub alerts: Vec<Alert>,
    /// How many fit the filter, on all pages.
    pub total: i64,
    /// How many nobody has read or put away, whatever the filter.
    pub unread_count: i64,
}

/// What becomes of alerts that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertMark {
    /// This one was read.
    Read {
        /// The alert.
        id: i64,
        /// When.
        at: Timestamp,
    },
    /// All of the work's user were read, or the operator's where there is no user.
    AllRead {
        /// When.
        at: Timestamp,
    },
    /// This one was put away; where it still waits to be delivered, it does so no more.
    Dismissed {
        /// The alert.
        id: i64,
        /// When.
        at: Timestamp,
    },
}

/// A change of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxChange {
    /// Claims the alerts of a channel that are due, the longest due first. Until `leased_until`
    /// nobody else gets them; then they are due again, for who claimed them has died.
    Claim {
        /// What the claim is asked for by, see `Store::claimed`.
        token: String,
        /// The channel.
        channel: String,
        /// What is due by then is claimed.
        now: Timestamp,
        /// The end of the lease.
        leased_until: Timestamp,
        /// The most that are claimed.
        limit: i64,
    },
    /// The channel took it.
    Delivered {
        /// The delivery.
        id: i64,
        /// Its alert: it was sent, also where it was put away in the meantime.
        alert_id: i64,
        /// When.
        at: Timestamp,
    },
    /// The channel did not take it. Ignored when somebody else has claimed it since.
    Failed {
        /// The delivery.
        id: i64,
        /// The claim that failed.
        token: String,
        /// When it is due again; nothing when it is given up.
        due_at: Option<Timestamp>,
        /// What went wrong.
        reason: String,
    },
    /// The channel's receiver asks to be left alone: nothing that waits for it is due before
    /// `until`. What the claim still holds goes back as if it had not been claimed.
    Paused {
        /// The channel.
        channel: String,
        /// The claim of whoever was told so.
        token: String,
        /// The end of the pause.
        until: Timestamp,
    },
}
