//! Pruned calls: what is kept of a call whose row is gone, so that a repeat of its key is
//! answered and counts nothing.

use super::call::Call;
use super::money::Money;
use super::time::Timestamp;

use sha2::{Digest, Sha256};

/// The first half of SHA-256 over what a repeat must have in common with the first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// The bytes as they are stored.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From the bytes as they are stored.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The fingerprint of a call: of the fields that a conflict compares.
    pub fn of(call: &Call) -> Self {
        let Call { provider, operation, model, usage, status_code, call_count, .. } = call;
        let vendor_cost = call.vendor_cost.map_or(String::new(), |cost| cost.to_string());
        let mut hash = Sha256::new();
        let texts = [provider.as_str(), operation.as_str(), model.as_str(), vendor_cost.as_str()];
        for text in texts {
            hash.update(text.as_bytes());
            hash.update([0]);
        }
        for number in [status_code, call_count] {
            hash.update(number.to_le_bytes());
        }
        for (unit, quantity) in usage.iter().filter(|(_, quantity)| *quantity != 0) {
            hash.update(unit.name().as_bytes());
            hash.update([0]);
            hash.update(quantity.to_le_bytes());
        }
        let mut half = [0; 16];
        half.copy_from_slice(&hash.finalize()[..16]);
        Self(half)
    }
}

/// What is left of a call that was pruned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrunedCall {
    /// The id of its row.
    pub id: i64,
    /// What a repeat must have in common with it.
    pub fingerprint: Fingerprint,
    /// When the call was made.
    pub occurred_at: Timestamp,
    /// The start of the usage period that it counts in.
    pub period_starts_at: Timestamp,
    /// What was charged.
    pub cost: Money,
    /// The price version that rated it.
    pub price_version_id: Option<i64>,
}

impl PrunedCall {
    /// What is left of a call; nothing when its cost is unknown, for then it stays.
    pub fn of(call: &Call) -> Option<Self> {
        Some(Self {
            id: call.id,
            fingerprint: Fingerprint::of(call),
            occurred_at: call.occurred_at,
            period_starts_at: call.period_starts_at,
            cost: call.cost?,
            price_version_id: call.price_version_id,
        })
    }
}
