//! Verification: whether the ledger gives every counter.

use serde::Serialize;

use crate::storage::Check;

/// The checks of [`Meter::verify`](super::Meter::verify) in one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Whether all is well.
    pub is_ok: bool,
    /// The first check that found a difference.
    pub first_difference: Option<Check>,
    /// All checks.
    pub checks: Vec<Check>,
}

impl From<Vec<Check>> for Verification {
    fn from(checks: Vec<Check>) -> Self {
        let first_difference = checks.iter().find(|check| !check.is_ok).cloned();
        Self { is_ok: first_difference.is_none(), first_difference, checks }
    }
}
