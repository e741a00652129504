//! What pruning and erasing do.

use serde::Serialize;

/// Whether pruning happens or is only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PruneMode {
    /// Nothing changes.
    Count,
    /// The calls are removed.
    Remove,
}

/// What pruning did, or would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Calls whose rows are gone, and whose sums are kept.
    pub calls: i64,
    /// Calls that stay although they are old enough: their cost is unknown.
    pub unpriced_calls: i64,
}

/// What erasing a user did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Calls that name nobody any more. They stay in the totals.
    pub calls: i64,
    /// Holds that are gone.
    pub holds: i64,
    /// Invoices that name nobody any more. Their hashes stay valid.
    pub invoices: i64,
}
