//! Operations: what a call did, named as OpenTelemetry's generative AI conventions name it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::name;
use crate::error::Result;

/// What a call did: `chat`, `embeddings`, `image_generation`, `image_edit`, `video_generation`,
/// `audio_generation`, `search`, `crawl`, or any other name in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Operation(String);

impl Operation {
    /// An operation by its name, trimmed and in lower case, 1 to 128 bytes.
    pub fn new(name: &str) -> Result<Self> {
        name::normalised("operation", name).map(Self)
    }

    /// The operation that is meant when nothing tells.
    pub fn chat() -> Self {
        Self("chat".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
