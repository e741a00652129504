//! Exact counts of OpenAI's encodings, with the feature `exact`.
//!
//! The vocabularies are part of the crate `bpe-openai`: nothing is fetched at run time. It counts
//! in linear time whatever the text, which matters where a user writes the text.

use std::fmt;

use crate::ingest::detect::normalise_model;

/// An encoding of OpenAI's models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// gpt-4o and everything after it.
    O200kBase,
    /// gpt-4, gpt-3.5-turbo and the text-embedding-3 models.
    Cl100kBase,
}

impl Encoding {
    /// The encoding of a model, or `None` for a model that is not OpenAI's.
    ///
    /// ```
    /// use alwrity_metering::ingest::Encoding;
    /// assert_eq!(Encoding::of_model("gpt-4o-mini-2024-07-18"), Some(Encoding::O200kBase));
    /// assert_eq!(Encoding::of_model("claude-sonnet-4-5"), None);
    /// ```
    pub fn of_model(model: &str) -> Option<Self> {
        const BY_PREFIX: [(&str, Encoding); 13] = [
            ("gpt-4o", Encoding::O200kBase),
            ("gpt-4.", Encoding::O200kBase),
            ("gpt-4-", Encoding::Cl100kBase),
            ("gpt-5", Encoding::O200kBase),
            ("gpt-oss", Encoding::O200kBase),
            ("chatgpt-4o", Encoding::O200kBase),
            ("gpt-3.5", Encoding::Cl100kBase),
            ("text-embedding-3", Encoding::Cl100kBase),
            ("text-embedding-ada-002", Encoding::Cl100kBase),
            ("o1", Encoding::O200kBase),
            ("o3", Encoding::O200kBase),
            ("o4", Encoding::O200kBase),
            ("codex", Encoding::O200kBase),
        ];
        let name = normalise_model(model).name;
        if name == "gpt-4" {
            return Some(Self::Cl100kBase);
        }
        BY_PREFIX.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, found)| *found)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::O200kBase => "o200k_base",
            Self::Cl100kBase => "cl100k_base",
        })
    }
}

/// The exact tokens of a text, special tokens read as plain text.
///
/// ```
/// use alwrity_metering::ingest::{Encoding, count_tokens};
/// assert_eq!(count_tokens(Encoding::O200kBase, "tiktoken is great!"), 6);
/// ```
pub fn count_tokens(encoding: Encoding, text: &str) -> i64 {
    let tokenizer = match encoding {
        Encoding::O200kBase => bpe_openai::o200k_base(),
        Encoding::Cl100kBase => bpe_openai::cl100k_base(),
    };
    i64::try_from(tokenizer.count(text)).unwrap_or(i64::MAX)
}
