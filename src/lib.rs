//! alwrity-metering: price every LLM, search, image and audio call exactly.

pub mod domain;
pub mod error;

pub use domain::money::Money;
pub use domain::operation::Operation;
pub use domain::period::Anchor;
pub use domain::time::{Span, Timestamp, Window};
pub use domain::usage::{Unit, UnitName, Usage};
pub use error::{Error, Result};
