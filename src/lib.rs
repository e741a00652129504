//! alwrity-metering: price every LLM, search, image and audio call exactly.

pub mod domain;
pub mod error;
pub mod ingest;

pub use domain::money::Money;
pub use domain::usage::{Unit, UnitName, Usage};
pub use error::{Error, Result};
pub use ingest::{Extracted, UsageStream, estimate_tokens, extract_usage};
