//! From what a host has to what a call used: detection, extraction, estimation. Pure code.
//!
//! *Before the call* [`estimate_request`] counts what a request will probably use, and [`HoldRule`]
//! turns that into what to hold. *After it* [`extract_usage`] or [`UsageStream`] read what the
//! provider reported. [`detect_provider`], [`detect_model`], [`detect_body`] and [`RouteRules`]
//! tell who was called and what for, where the host does not know it anyway.
//!
//! All knowledge of vendors is in tables, one per provider. Nothing here fails: what is not
//! understood is a note, and what is no usage is `None`.

pub mod names;

mod detect;
mod estimate;
mod extract;
mod stream;

pub use detect::{
    Confidence, Detection, NormalisedModel, ROUTE_RULES_MAX, RouteRules, detect_body,
    detect_body_text, detect_model, detect_provider, normalise_model,
};
pub use estimate::{
    Calibration, ChatEstimate, CountSource, FACTOR_ONE_PPM, HoldEstimate, HoldRule, ImageSize,
    Lesson, OutputEstimate, OutputReason, OutputRule, OutputSizes, RequestEstimate, TextSize,
    TokenScan, estimate_chat, estimate_request, estimate_tokens, image_size, image_tokens,
    learned_name,
};
#[cfg(feature = "exact")]
pub use estimate::{Encoding, count_tokens};
pub use extract::{Extracted, extract_content_type, extract_usage, extract_usage_text, part_of};
pub use names::{operation, provider};
pub use stream::UsageStream;
