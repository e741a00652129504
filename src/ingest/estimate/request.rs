//! What a request will probably use, whatever its operation: the counts of a hold.

use serde::Serialize;
use serde_json::Value;

use super::chat::{ChatEstimate, estimate_chat};
use super::{CountSource, TextSize};
use crate::domain::usage::{Unit, Usage};
use crate::ingest::names::{operation, provider};

/// The most of anything that one request is believed to ask for.
const ASKED_MAX: i64 = 10_000;
/// Where a request says how many images it wants.
const IMAGES: [&str; 7] =
    ["n", "num_images", "samples", "number_of_images", "numberOfImages", "sampleCount", "count"];
/// Where a request says how long a video or a sound is to be, in seconds.
const SECONDS: [&str; 4] = ["seconds", "duration", "duration_seconds", "durationSeconds"];
/// Where a request holds the text that is to be spoken.
const SPOKEN: [&str; 4] = ["input", "text", "prompt", "script"];

/// What a request will probably use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestEstimate {
    /// Quantities by unit; of a chat only the input, without factor or margin.
    pub usage: Usage,
    /// The model that the request names.
    pub model: Option<String>,
    /// The most output tokens that a chat allows.
    pub max_output_tokens: Option<i64>,
    /// Of a chat: its parts.
    pub chat: Option<ChatEstimate>,
    /// Where the quantities come from: exact only where the chat's are.
    pub source: CountSource,
    /// What could not be counted.
    pub notes: Vec<String>,
}

/// Estimates a request by its operation, or `None` when nothing in it can be counted.
///
/// ```
/// use alwrity_metering::Unit;
/// use alwrity_metering::ingest::{estimate_request, operation, provider};
/// let request = serde_json::json!({"model": "gpt-image-1", "prompt": "a cat", "n": 3});
/// let estimate = estimate_request(provider::OPENAI, operation::IMAGE_GENERATION, &request);
/// assert_eq!(estimate.map(|e| e.usage.get(&Unit::Images)), Some(3));
/// ```
pub fn estimate_request(
    provider: &str,
    operation: &str,
    request: &Value,
) -> Option<RequestEstimate> {
    let object = request.as_object()?;
    let chat = match operation {
        operation::CHAT => Some(estimate_chat(request)?),
        // Texts alone: there are no roles and no marks around them.
        operation::EMBEDDINGS => Some(ChatEstimate { frame_tokens: 0, ..estimate_chat(request)? }),
        _ => None,
    };
    let usage = match operation {
        operation::CHAT | operation::EMBEDDINGS => {
            Usage::of(Unit::InputTokens, chat.as_ref().map_or(0, ChatEstimate::input_tokens))
        }
        operation::IMAGE_GENERATION | operation::IMAGE_EDIT => {
            Usage::of(Unit::Images, asked(request, &IMAGES).unwrap_or(1).max(1))
        }
        operation::VIDEO_GENERATION => {
            let usage = asked(request, &SECONDS)
                .map_or_else(Usage::none, |seconds| Usage::of(Unit::Seconds, seconds));
            named(usage, "videos", 1)
        }
        operation::AUDIO_GENERATION => {
            let text = SPOKEN.iter().find_map(|key| object.get(*key)?.as_str());
            text.map_or_else(Usage::none, |text| {
                Usage::of(Unit::Characters, TextSize::of(text).characters)
            })
            .with(Unit::Requests, 1)
        }
        operation::SEARCH => searches(provider, request),
        operation::CRAWL => {
            let listed = object.get("urls").and_then(Value::as_array).map(Vec::len);
            let listed = listed.and_then(|count| i64::try_from(count).ok());
            let pages = listed.or_else(|| asked(request, &["limit"])).unwrap_or(1).max(1);
            Usage::of(Unit::Pages, pages)
        }
        _ => return None,
    };
    Some(RequestEstimate {
        usage,
        model: object.get("model").and_then(Value::as_str).map(str::to_owned),
        max_output_tokens: chat.as_ref().and_then(|chat| chat.max_output_tokens),
        notes: chat.as_ref().map(|chat| chat.notes.clone()).unwrap_or_default(),
        source: chat.as_ref().map_or(CountSource::Estimated, |chat| chat.source),
        chat,
    })
}

/// Tavily bills an advanced search as two credits: one more than any other.
fn searches(provider: &str, request: &Value) -> Usage {
    let usage = Usage::of(Unit::Searches, 1);
    if provider != provider::TAVILY {
        return usage;
    }
    let is_advanced = request.get("search_depth").and_then(Value::as_str) == Some("advanced");
    if is_advanced { named(usage, "extra_credits", 1) } else { usage }
}

fn named(usage: Usage, unit: &str, quantity: i64) -> Usage {
    match unit.parse() {
        Ok(unit) => usage.with(unit, quantity),
        Err(_) => usage,
    }
}

/// A count that a request asks for, at its top or one level down; numbers as text too.
fn asked(request: &Value, keys: &[&str]) -> Option<i64> {
    let places = [Some(request), request.get("parameters"), request.get("config")];
    places.into_iter().flatten().chain(request.get("input")).find_map(|place| {
        keys.iter().find_map(|key| {
            let value = place.get(*key)?;
            let count =
                value.as_i64().or_else(|| value.as_str()?.trim_end_matches('s').parse().ok());
            count.filter(|count| *count >= 0).map(|count| count.min(ASKED_MAX))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn usage(provider: &str, operation: &str, request: &Value) -> String {
        let estimate = estimate_request(provider, operation, request).unwrap();
        serde_json::to_string(&estimate.usage).unwrap()
    }

    #[test]
    fn each_operation_is_estimated_in_its_own_units() {
        for (provider, operation, request, expected) in [
            ("tavily", "search", json!({"query": "x"}), r#"{"searches":1}"#),
            (
                "tavily",
                "search",
                json!({"query": "x", "search_depth": "advanced"}),
                r#"{"searches":1,"extra_credits":1}"#,
            ),
            ("exa", "search", json!({"query": "x"}), r#"{"searches":1}"#),
            ("firecrawl", "crawl", json!({"url": "x", "limit": 20}), r#"{"pages":20}"#),
            ("firecrawl", "crawl", json!({"urls": ["a", "b"]}), r#"{"pages":2}"#),
            (
                "openai",
                "audio_generation",
                json!({"input": "Grüße"}),
                r#"{"requests":1,"characters":5}"#,
            ),
            (
                "wavespeed",
                "video_generation",
                json!({"duration": 5}),
                r#"{"seconds":5,"videos":1}"#,
            ),
            (
                "gemini",
                "video_generation",
                json!({"parameters": {"durationSeconds": "8"}}),
                r#"{"seconds":8,"videos":1}"#,
            ),
            (
                "gemini",
                "image_generation",
                json!({"parameters": {"sampleCount": 4}}),
                r#"{"images":4}"#,
            ),
            ("stability", "image_edit", json!({"prompt": "x"}), r#"{"images":1}"#),
        ] {
            assert_eq!(usage(provider, operation, &request), expected, "{provider} {operation}");
        }
    }

    #[test]
    fn what_cannot_be_counted_is_none() {
        assert_eq!(estimate_request("openai", "chat", &json!({"model": "gpt-4o"})), None);
        assert_eq!(estimate_request("openai", "fine_tuning", &json!({"n": 1})), None);
        assert_eq!(estimate_request("openai", "search", &json!([])), None);
    }
}
