//! Operations: what a call did, named as OpenTelemetry's generative AI conventions name it.

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::name;
use crate::error::Result;

/// What a call did: `chat`, `embeddings`, `image_generation`, `image_edit`, `video_generation`,
/// `audio_generation`, `search`, `crawl`, or any other name in lower case.
///
/// It is shared when it is cloned: every call, hold and counter carries one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operation(Arc<str>);

static CHAT: LazyLock<Operation> = LazyLock::new(|| Operation("chat".into()));

impl Operation {
    /// An operation by its name, trimmed and in lower case, 1 to 128 bytes.
    pub fn new(name: &str) -> Result<Self> {
        name::normalised("operation", name).map(|name| Self(name.into()))
    }

    /// The operation that is meant when nothing tells.
    pub fn chat() -> Self {
        CHAT.clone()
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| Self(name.into()))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
