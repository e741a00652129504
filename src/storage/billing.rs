//! What invoices are made of, and how they change.

use crate::domain::invoice::{Invoice, ModelKey, ModelUsage};
use crate::domain::time::Timestamp;

/// What invoices of a user are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Billing {
    /// The finalized invoices, void ones included, in the order of their ids.
    pub invoices: Vec<Invoice>,
    /// What was used, by usage period, provider and model.
    pub usage: Vec<(ModelKey, ModelUsage)>,
}

/// An invoice that becomes void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoidedInvoice {
    /// Its id.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}
