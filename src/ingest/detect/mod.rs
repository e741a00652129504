//! Who was called and what for: from a URL, a model's name, the shape of a body, or a route.
//!
//! What it is: tables of facts, matched part by part. What it is not: a guess; what no table knows
//! is unknown.

mod body;
mod hosts;
mod model;
mod pattern;
mod routes;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use body::{detect_body, detect_body_text};
pub use model::{NormalisedModel, detect_model, normalise_model};
pub use routes::{ROUTE_RULES_MAX, RouteRules};

use super::names::{operation, provider};
use hosts::SITES;
use pattern::{match_host, match_path, split_url};

/// How sure a detection is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Nothing known.
    #[default]
    Unknown,
    /// The evidence fits, but others may look the same, such as a resold model.
    Likely,
    /// The evidence belongs to this provider alone.
    Certain,
}

impl Confidence {
    /// The stable name: `unknown`, `likely` or `certain`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// Who was called and what for, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detection {
    /// Who is paid, as in [`names::provider`](super::names::provider).
    pub provider: Option<Cow<'static, str>>,
    /// What was done, as in [`names::operation`](super::names::operation).
    pub operation: Option<Cow<'static, str>>,
    /// The model as it was written.
    pub model: Option<String>,
    /// How sure the provider is; of an operation alone, how sure that is.
    pub confidence: Confidence,
}

impl Detection {
    /// Nothing known.
    pub const fn unknown() -> Self {
        Self { provider: None, operation: None, model: None, confidence: Confidence::Unknown }
    }

    /// True when neither provider nor operation is known.
    pub const fn is_unknown(&self) -> bool {
        self.provider.is_none() && self.operation.is_none()
    }

    /// This detection, its gaps filled from another one; a surer provider wins.
    ///
    /// ```
    /// use alwrity_metering::ingest::{detect_model, detect_provider};
    /// let call = detect_provider("https://api.mistral.ai/v1/unheard-of");
    /// let both = call.or(detect_model("gpt-oss-120b"));
    /// assert_eq!(both.provider.as_deref(), Some("mistral"));
    /// assert_eq!(both.operation.as_deref(), Some("chat"));
    /// ```
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let other_is_surer = other.provider.is_some()
            && (self.provider.is_none() || other.confidence > self.confidence);
        let (surer, rest) = if other_is_surer { (other, self) } else { (self, other) };
        let confidence = match surer.provider {
            Some(_) => surer.confidence,
            None => surer.confidence.max(rest.confidence),
        };
        Self {
            provider: surer.provider.or(rest.provider),
            operation: surer.operation.or(rest.operation),
            model: surer.model.or(rest.model),
            confidence,
        }
    }

    const fn known(
        provider: Option<&'static str>,
        operation: Option<&'static str>,
        confidence: Confidence,
    ) -> Self {
        Self {
            provider: borrowed(provider),
            operation: borrowed(operation),
            model: None,
            confidence,
        }
    }
}

const fn borrowed(name: Option<&'static str>) -> Option<Cow<'static, str>> {
    match name {
        Some(name) => Some(Cow::Borrowed(name)),
        None => None,
    }
}

/// Who is behind a URL of an outgoing call, and what its path does.
///
/// The host is compared label by label, as a client resolves it: a user part, a port or a longer
/// name never helps a stranger's host.
///
/// ```
/// use alwrity_metering::ingest::{Confidence, detect_provider};
/// let call = detect_provider("https://api.openai.com/v1/chat/completions");
/// assert_eq!(call.provider.as_deref(), Some("openai"));
/// assert_eq!(call.operation.as_deref(), Some("chat"));
/// assert_eq!(call.confidence, Confidence::Certain);
/// assert!(detect_provider("https://api.openai.com.evil.test/v1/chat/completions").is_unknown());
/// ```
pub fn detect_provider(url: &str) -> Detection {
    let Some((host, path)) = split_url(url) else { return Detection::unknown() };
    let mut owner = None;
    for site in SITES {
        if !site.hosts.iter().any(|pattern| match_host(pattern, host)) {
            continue;
        }
        owner = owner.or(Some(site.provider));
        for (pattern, found) in site.paths {
            if let Some(model) = match_path(pattern, path) {
                return with_model(site.provider, *found, model.map(str::to_owned));
            }
        }
    }
    match owner {
        None => Detection::unknown(),
        Some(provider) => with_model(provider, None, model_in_path(provider, path)),
    }
}

/// The model of the media hosts, whose path is the model itself.
fn model_in_path(owner: &str, path: &str) -> Option<String> {
    let path = path.trim_matches('/');
    let model = match owner {
        provider::WAVESPEED => path.strip_prefix("api/v3/")?,
        provider::FAL => path,
        _ => return None,
    };
    (!model.is_empty() && !model.starts_with("predictions")).then(|| model.to_owned())
}

/// A certain provider; where the model makes an image and not a text, its name decides.
fn with_model(
    provider: &'static str,
    found: Option<&'static str>,
    model: Option<String>,
) -> Detection {
    let by_name = model.as_deref().and_then(model::operation_of_model);
    let done = match (found, by_name) {
        (Some(operation::CHAT), Some(name)) if name != operation::EMBEDDINGS => Some(name),
        (found, by_name) => found.or(by_name),
    };
    Detection { model, ..Detection::known(Some(provider), done, Confidence::Certain) }
}
