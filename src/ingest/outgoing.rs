//! What a request to a provider is about to be: who is called, what for, and how much of it.
//!
//! What it is: detection and estimation, put together for a client that sees the request go out.
//! What it is not: a record; nothing of the request's text is kept.

use serde_json::Value;

use super::detect::{Detection, detect_model, detect_provider};
use super::estimate::{RequestEstimate, estimate_request};
use super::names::operation;
use crate::domain::price::Variant;

/// A request that goes out to a provider, as far as its address and its body tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Who is called, as in [`names::provider`](super::names::provider).
    pub provider: String,
    /// What for, as in [`names::operation`](super::names::operation); nothing when the address is
    /// none that is charged for, such as a list of models.
    pub operation: Option<String>,
    /// The model of the address, else of the body; empty when neither names one.
    pub model: String,
    /// The tier that is asked for.
    pub variant: Variant,
    /// What it will probably use; nothing when the body cannot be read.
    pub estimate: Option<RequestEstimate>,
}

/// Reads a request that goes out, or `None` when its address is no provider's.
///
/// ```
/// use alwrity_metering::ingest::read_request;
/// let body = serde_json::json!({"model": "gpt-4o", "input": "Hello!", "max_output_tokens": 9});
/// let url = "https://api.openai.com/v1/responses";
/// let request = read_request(url, Some(&body)).ok_or("no provider")?;
/// assert_eq!(request.operation.as_deref(), Some("chat"));
/// assert_eq!(request.model, "gpt-4o");
/// assert_eq!(request.estimate.and_then(|estimate| estimate.max_output_tokens), Some(9));
/// assert_eq!(read_request("https://example.test/v1/responses", Some(&body)), None);
/// # Ok::<(), &str>(())
/// ```
pub fn read_request(url: &str, body: Option<&Value>) -> Option<Outgoing> {
    let Detection { provider, operation, model, .. } = detect_provider(url);
    let provider = provider?.into_owned();
    let text = |key: &str| body.and_then(|body| body.get(key)).and_then(Value::as_str);
    let model = model.or_else(|| text("model").map(str::to_owned)).unwrap_or_default();
    let operation = made_by(&model, operation.map(std::borrow::Cow::into_owned));
    let estimate = match (&operation, body) {
        (Some(operation), Some(body)) => estimate_request(&provider, operation, body),
        _ => None,
    };
    let tier = text("service_tier").or_else(|| text("serviceTier"));
    let variant = match tier.map(str::to_ascii_lowercase).as_deref() {
        Some("flex") => Variant::Flex,
        Some("priority") => Variant::Priority,
        Some("batch") => Variant::Batch,
        _ => Variant::Standard,
    };
    Some(Outgoing { provider, operation, model, variant, estimate })
}

/// What is done where a chat is asked of a model that makes images or sounds.
fn made_by(model: &str, asked: Option<String>) -> Option<String> {
    if asked.as_deref() != Some(operation::CHAT) {
        return asked;
    }
    let made = detect_model(model).operation.filter(|made| made != operation::EMBEDDINGS);
    made.map(std::borrow::Cow::into_owned).or(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn address_and_body_together_say_what_is_asked() {
        for (url, body, expected) in [
            (
                "https://api.openai.com/v1/chat/completions",
                json!({"model": "o4-mini", "messages": [], "service_tier": "flex"}),
                ("openai", Some("chat"), "o4-mini", Variant::Flex),
            ),
            (
                "https://generativelanguage.googleapis.com/v1/models/gemini-2.5-flash-image:\
                 generateContent",
                json!({"contents": []}),
                ("gemini", Some("image_generation"), "gemini-2.5-flash-image", Variant::Standard),
            ),
            (
                "https://openrouter.ai/api/v1/chat/completions",
                json!({"model": "google/gemini-2.5-flash-image", "messages": []}),
                (
                    "openrouter",
                    Some("image_generation"),
                    "google/gemini-2.5-flash-image",
                    Variant::Standard,
                ),
            ),
            (
                "https://api.anthropic.com/v1/messages/count_tokens",
                json!({"model": "claude-sonnet-4-5", "service_tier": "auto"}),
                ("anthropic", None, "claude-sonnet-4-5", Variant::Standard),
            ),
            (
                "https://api.tavily.com/search",
                json!({"query": "tides"}),
                ("tavily", Some("search"), "", Variant::Standard),
            ),
        ] {
            let found = read_request(url, Some(&body)).unwrap();
            let (provider, operation, model, variant) = expected;
            assert_eq!(found.provider, provider, "{url}");
            assert_eq!(found.operation.as_deref(), operation, "{url}");
            assert_eq!(found.model, model, "{url}");
            assert_eq!(found.variant, variant, "{url}");
        }
    }

    #[test]
    fn without_a_body_only_the_address_is_known() {
        let found = read_request("https://api.openai.com/v1/images/edits", None).unwrap();
        assert_eq!(found.operation.as_deref(), Some("image_edit"));
        assert_eq!((found.model.as_str(), found.estimate), ("", None));
        assert_eq!(
            read_request("https://api.openai.com.evil.test/v1/chat/completions", None),
            None
        );
    }
}
