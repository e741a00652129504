//! The outbox: an alert's way through one channel, and when a failed attempt is made again.

use serde::Serialize;

use super::Alert;
use crate::domain::time::{SECOND_US, Timestamp};

/// An alert on its way through a channel, claimed for one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The row's id.
    pub id: i64,
    /// The same in every attempt, so that a receiver can tell a repeat: `msg_` and a UUID.
    pub message_id: String,
    /// Which attempt this is, from 1.
    pub attempt: i64,
    /// The alert.
    pub alert: Alert,
}

/// How many alerts wait in a channel, and what became of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutboxCount {
    /// The channel.
    pub channel: String,
    /// Not delivered yet.
    pub waiting: i64,
    /// Delivered.
    pub done: i64,
    /// Given up.
    pub given_up: i64,
}

/// The first pause after a failed attempt.
const PAUSE_FIRST_US: i64 = 15 * SECOND_US;
/// No pause is longer than this, but for its jitter, also when the receiver asks for more.
const PAUSE_MAX_US: i64 = 6 * 3600 * SECOND_US;
/// After this many failed attempts, about two days, an alert is given up.
pub const ATTEMPTS_MAX: i64 = 18;

/// When to try again after the failed attempt of that number: each pause is twice the one before,
/// up to six hours, and up to a fifth longer, so that what failed together does not return
/// together. Nothing when it is given up.
pub fn next_attempt(now: Timestamp, attempt: i64, message_id: &str) -> Option<Timestamp> {
    if attempt >= ATTEMPTS_MAX {
        return None;
    }
    let doublings = u32::try_from(attempt.max(1) - 1).unwrap_or(0).min(30);
    let pause = PAUSE_FIRST_US.saturating_mul(1 << doublings).min(PAUSE_MAX_US);
    Some(now.plus_micros(pause + pause / 5 / 1000 * jitter_permille(attempt, message_id)))
}

/// Until when a receiver that asks for a pause is left alone: at most six hours.
pub fn paused_until(now: Timestamp, pause_ms: i64) -> Timestamp {
    now.plus_micros(pause_ms.clamp(0, PAUSE_MAX_US / 1000) * 1000)
}

/// 0 to 1000, different for each message and attempt: FNV-1a of both, so that the rule stays pure.
fn jitter_permille(attempt: i64, message_id: &str) -> i64 {
    let bytes = message_id.bytes().chain(attempt.to_le_bytes());
    let hash = bytes.fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    i64::try_from(hash % 1001).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_six_hours_with_a_fifth_of_jitter() {
        let now = Timestamp::MIN;
        for (attempt, seconds) in
            [(1, 15), (2, 30), (3, 60), (10, 7680), (12, 21_600), (17, 21_600)]
        {
            let pause = next_attempt(now, attempt, "msg_1").unwrap().micros();
            let (least, most) = (seconds * SECOND_US, seconds * SECOND_US * 6 / 5);
            assert!((least..=most).contains(&pause), "{attempt}: {pause}");
        }
        assert_eq!(next_attempt(now, ATTEMPTS_MAX, "msg_1"), None);
    }

    #[test]
    fn a_pause_that_is_asked_for_has_bounds() {
        let now = Timestamp::MIN;
        for (asked_ms, seconds) in
            [(-1, 0), (0, 0), (90_000, 90), (i64::MAX, 21_600), (i64::MIN, 0)]
        {
            assert_eq!(paused_until(now, asked_ms), now.plus_micros(seconds * SECOND_US));
        }
    }

    #[test]
    fn what_failed_together_does_not_return_together() {
        let at = |id: &str| next_attempt(Timestamp::MIN, 5, id).unwrap();
        let mut instants: Vec<_> = (0..100).map(|number| at(&format!("msg_{number}"))).collect();
        instants.sort_unstable();
        instants.dedup();
        assert!(instants.len() > 90, "{}", instants.len());
    }
}
