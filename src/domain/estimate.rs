//! Estimates: what a call's input was taken for before it was made.
//!
//! What it is: four numbers that travel from the request through the hold to the record, so that
//! what the provider reports in the end can be learned from. What it is not: the text, or a bill.

use serde::{Deserialize, Serialize};

use super::call::in_range;
use super::usage::QUANTITY_MAX;
use crate::error::Result;

/// How the input of one call was estimated, without factor and margin. Each number is 0–10¹².
///
/// Where something in the request cannot be estimated, such as an image behind an address, all
/// are 0: then nothing is learned of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InputEstimate {
    /// Unicode characters of the texts.
    pub characters: i64,
    /// Words of the texts, between blanks.
    pub words: i64,
    /// Estimated tokens of the texts.
    pub text_tokens: i64,
    /// Estimated tokens of roles, tools and schemas.
    pub other_tokens: i64,
}

impl InputEstimate {
    /// Checks the ranges.
    pub(crate) fn validate(&self) -> Result<()> {
        let Self { characters, words, text_tokens, other_tokens } = *self;
        for (name, number) in [
            ("input_estimate.characters", characters),
            ("input_estimate.words", words),
            ("input_estimate.text_tokens", text_tokens),
            ("input_estimate.other_tokens", other_tokens),
        ] {
            in_range(name, number, 0, QUANTITY_MAX)?;
        }
        Ok(())
    }
}
