//! What a store keeps of what was learned: plain values, folded by the rules of `ingest`.

use crate::ingest::{Calibration, OutputSizes};

/// What is known of a model, and of one user's answers from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Of the model, all users together.
    pub calibration: Option<Calibration>,
    /// Of the user's answers.
    pub outputs: Option<OutputSizes>,
}

/// Something that was learned of a provider's model, by its bare name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfModel<T> {
    /// The provider.
    pub provider: String,
    /// The bare name, see [`learned_name`](crate::ingest::learned_name).
    pub model: String,
    /// What was learned.
    pub learned: T,
}
