//! Before the call: how many tokens a text or a chat is, and how many the answer will be.
//!
//! What it is: a scan without a vocabulary, a factor per model learned from what the provider
//! reported, and a margin. What it is not: the bill. Every count says where it comes from.

mod calibration;
mod chat;
#[cfg(feature = "exact")]
mod exact;
mod hold;
mod images;
mod lesson;
mod output;
mod request;
mod scan;
mod script;
mod weights;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use calibration::{Calibration, FACTOR_ONE_PPM, TextSize};
pub use chat::{ChatEstimate, estimate_chat};
#[cfg(feature = "exact")]
pub use exact::{Encoding, count_tokens};
pub use hold::{HoldEstimate, HoldRule};
pub use images::{ImageSize, image_size, image_tokens};
pub use lesson::{Lesson, learned_name};
pub use output::{OutputEstimate, OutputReason, OutputRule, OutputSizes};
pub use request::{RequestEstimate, estimate_request};
pub use scan::TokenScan;

/// Where a count comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountSource {
    /// By the scan, before the call or in place of a report that never came.
    #[default]
    Estimated,
    /// By the provider, in its answer.
    Reported,
    /// By the model's own encoding, with the feature `exact`.
    Exact,
}

impl CountSource {
    /// The stable name: `estimated`, `reported` or `exact`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Estimated => "estimated",
            Self::Reported => "reported",
            Self::Exact => "exact",
        }
    }
}

impl fmt::Display for CountSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The tokens of a text, estimated in one pass; 0 for an empty text.
///
/// The weights stand for OpenAI's `o200k_base`; a [`Calibration`] turns the estimate into that of
/// another model. The accuracy by language is in `docs/estimation.md`.
///
/// ```
/// use alwrity_metering::ingest::estimate_tokens;
/// assert_eq!(estimate_tokens(""), 0);
/// let prose = estimate_tokens("The quick brown fox jumps over the lazy dog.");
/// assert!((9..=11).contains(&prose));
/// // Text without blanks is not one token.
/// assert!(estimate_tokens("吾輩は猫である。名前はまだ無い。") > 10);
/// ```
pub fn estimate_tokens(text: &str) -> i64 {
    let mut scan = TokenScan::new();
    scan.push(text);
    scan.tokens()
}

/// The tokens of a text by the model's own encoding: nothing for a model whose encoding is not
/// known, and without the feature `exact`.
fn exact_tokens(model: &str, text: &str) -> Option<i64> {
    #[cfg(feature = "exact")]
    let tokens = Encoding::of_model(model).map(|encoding| count_tokens(encoding, text));
    #[cfg(not(feature = "exact"))]
    let tokens = None.filter(|_: &i64| !model.is_empty() || !text.is_empty());
    tokens
}

/// `amount × parts ÷ whole`, rounded up, within 0 and [`i64::MAX`].
fn share_up(amount: i64, parts: i64, whole: i64) -> i64 {
    let product = i128::from(amount.max(0)) * i128::from(parts.max(0));
    let whole = i128::from(whole.max(1));
    i64::try_from((product + whole - 1) / whole).unwrap_or(i64::MAX)
}
