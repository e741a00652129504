//! What the shape of a response body says: marks that a vendor's answers have.

use serde_json::Value;

use super::model::detect_model;
use super::{Confidence, Detection};
use crate::ingest::names::{operation as o, provider as p};

/// A mark: a place in a body, and the text that must stand there, if any.
type Mark = (&'static [&'static str], Option<&'static str>);

/// A shape: all its marks must be there.
struct BodyShape {
    marks: &'static [Mark],
    provider: Option<&'static str>,
    operation: Option<&'static str>,
    confidence: Confidence,
}

const fn shape(
    marks: &'static [Mark],
    provider: Option<&'static str>,
    operation: Option<&'static str>,
    confidence: Confidence,
) -> BodyShape {
    BodyShape { marks, provider, operation, confidence }
}

use Confidence::{Certain, Likely};

/// The shapes, the more telling first; the first that fits counts.
const SHAPES: [BodyShape; 37] = [
    // OpenAI's form, with a mark of whose it is.
    shape(&[(&["x_groq"], None)], Some(p::GROQ), Some(o::CHAT), Certain),
    shape(&[(&["usage", "queue_time"], None)], Some(p::GROQ), Some(o::CHAT), Likely),
    shape(&[(&["usage", "cost_in_usd_ticks"], None)], Some(p::XAI), None, Certain),
    shape(
        &[(&["usage", "prompt_cache_hit_tokens"], None)],
        Some(p::DEEPSEEK),
        Some(o::CHAT),
        Likely,
    ),
    shape(&[(&["prompt_filter_results"], None)], Some(p::AZURE_OPENAI), Some(o::CHAT), Certain),
    shape(
        &[(&["choices", "0", "content_filter_results"], None)],
        Some(p::AZURE_OPENAI),
        Some(o::CHAT),
        Certain,
    ),
    shape(
        &[(&["usage", "search_context_size"], None)],
        Some(p::PERPLEXITY),
        Some(o::CHAT),
        Certain,
    ),
    shape(&[(&["usage", "cost", "total_cost"], None)], Some(p::PERPLEXITY), Some(o::CHAT), Likely),
    shape(
        &[(&["provider"], None), (&["choices"], None), (&["usage", "cost"], None)],
        Some(p::OPENROUTER),
        Some(o::CHAT),
        Certain,
    ),
    // Forms of their own.
    shape(
        &[(&["type"], Some("message")), (&["usage", "input_tokens"], None)],
        Some(p::ANTHROPIC),
        Some(o::CHAT),
        Likely,
    ),
    shape(
        &[(&["type"], Some("message_start")), (&["message", "usage"], None)],
        Some(p::ANTHROPIC),
        Some(o::CHAT),
        Likely,
    ),
    shape(&[(&["usageMetadata"], None)], Some(p::GEMINI), Some(o::CHAT), Certain),
    shape(&[(&["usage_metadata"], None)], Some(p::GEMINI), Some(o::CHAT), Likely),
    shape(
        &[(&["candidates", "0", "content", "parts"], None)],
        Some(p::GEMINI),
        Some(o::CHAT),
        Likely,
    ),
    shape(
        &[(&["predictions", "0", "bytesBase64Encoded"], None)],
        Some(p::GEMINI),
        Some(o::IMAGE_GENERATION),
        Certain,
    ),
    shape(&[(&["embedding", "values"], None)], Some(p::GEMINI), Some(o::EMBEDDINGS), Likely),
    shape(
        &[(&["usage", "inputTokens"], None), (&["output", "message"], None)],
        Some(p::AWS_BEDROCK),
        Some(o::CHAT),
        Certain,
    ),
    shape(&[(&["inputTextTokenCount"], None)], Some(p::AWS_BEDROCK), None, Certain),
    shape(
        &[(&["usage", "billed_units"], None), (&["message"], None)],
        Some(p::COHERE),
        Some(o::CHAT),
        Certain,
    ),
    shape(
        &[(&["meta", "billed_units"], None), (&["embeddings"], None)],
        Some(p::COHERE),
        Some(o::EMBEDDINGS),
        Certain,
    ),
    shape(
        &[(&["meta", "billed_units", "search_units"], None)],
        Some(p::COHERE),
        Some(o::SEARCH),
        Certain,
    ),
    shape(&[(&["meta", "billed_units"], None)], Some(p::COHERE), Some(o::CHAT), Certain),
    shape(&[(&["usage_info", "pages_processed"], None)], Some(p::MISTRAL), None, Certain),
    // Search and crawl.
    shape(
        &[(&["costDollars"], None), (&["statuses"], None)],
        Some(p::EXA),
        Some(o::CRAWL),
        Certain,
    ),
    shape(&[(&["costDollars"], None)], Some(p::EXA), Some(o::SEARCH), Certain),
    shape(&[(&["searchParameters"], None)], Some(p::SERPER), Some(o::SEARCH), Certain),
    shape(
        &[(&["query"], None), (&["results"], None), (&["response_time"], None)],
        Some(p::TAVILY),
        Some(o::SEARCH),
        Certain,
    ),
    shape(
        &[(&["results"], None), (&["failed_results"], None), (&["response_time"], None)],
        Some(p::TAVILY),
        Some(o::CRAWL),
        Certain,
    ),
    shape(
        &[(&["creditsUsed"], None), (&["data", "web"], None)],
        Some(p::FIRECRAWL),
        Some(o::SEARCH),
        Certain,
    ),
    shape(&[(&["creditsUsed"], None)], Some(p::FIRECRAWL), Some(o::CRAWL), Likely),
    shape(
        &[(&["data", "metadata", "creditsUsed"], None)],
        Some(p::FIRECRAWL),
        Some(o::CRAWL),
        Certain,
    ),
    // Images and other media.
    shape(
        &[(&["artifacts", "0", "base64"], None)],
        Some(p::STABILITY),
        Some(o::IMAGE_GENERATION),
        Certain,
    ),
    shape(
        &[(&["image"], None), (&["finish_reason"], None), (&["seed"], None)],
        Some(p::STABILITY),
        Some(o::IMAGE_GENERATION),
        Likely,
    ),
    shape(
        &[(&["data", "outputs"], None), (&["data", "urls"], None)],
        Some(p::WAVESPEED),
        None,
        Certain,
    ),
    shape(
        &[(&["images", "0", "url"], None), (&["has_nsfw_concepts"], None)],
        Some(p::FAL),
        Some(o::IMAGE_GENERATION),
        Likely,
    ),
    shape(&[(&["video", "url"], None)], Some(p::FAL), Some(o::VIDEO_GENERATION), Likely),
    shape(
        &[(&["data", "0", "b64_json"], None), (&["created"], None)],
        None,
        Some(o::IMAGE_GENERATION),
        Likely,
    ),
];

/// One bit that a key leaves, so that most shapes are ruled out without looking closer.
fn trace(key: &str) -> u64 {
    let first = key.as_bytes().first().copied().unwrap_or_default();
    1 << ((usize::from(first) + 7 * key.len()) % 64)
}

/// OpenAI's own `object` names: what was done, whoever speaks that form.
const OBJECTS: [(&str, &str); 5] = [
    ("chat.completion", o::CHAT),
    ("chat.completion.chunk", o::CHAT),
    ("text_completion", o::CHAT),
    ("response", o::CHAT),
    ("list", o::EMBEDDINGS),
];

/// Who answered so, and what was done, by the shape of the body.
///
/// ```
/// use alwrity_metering::ingest::{Confidence, detect_body};
/// let body = serde_json::json!({"results": [], "costDollars": {"total": 0.005}});
/// let found = detect_body(&body);
/// assert_eq!(found.provider.as_deref(), Some("exa"));
/// assert_eq!(found.confidence, Confidence::Certain);
/// assert!(detect_body(&serde_json::json!({"ok": true})).is_unknown());
/// ```
pub fn detect_body(body: &Value) -> Detection {
    let Some(object) = body.as_object() else { return Detection::unknown() };
    let keys = object.keys().fold(0, |keys, key| keys | trace(key));
    let model = ["model", "modelVersion", "model_version"]
        .into_iter()
        .find_map(|key| body.get(key)?.as_str());
    let by_shape = SHAPES
        .iter()
        .find(|shape| {
            shape.marks.iter().all(|mark| keys & trace(mark.0[0]) != 0 && has_mark(body, mark))
        })
        .map(|shape| Detection::known(shape.provider, shape.operation, shape.confidence));
    let by_object = body.get("object").and_then(Value::as_str).and_then(|object| {
        let (_, done) = OBJECTS.iter().find(|(name, _)| *name == object)?;
        let is_embedding = *done != o::EMBEDDINGS || has_mark(body, &EMBEDDING);
        is_embedding.then(|| Detection::known(None, Some(done), Likely))
    });
    let Some(found) = by_shape.or(by_object) else { return Detection::unknown() };
    let named = model.map(detect_model).unwrap_or_default();
    let operation = match named.operation.as_deref() {
        Some(name) if found.operation.as_deref() == Some(o::CHAT) && name != o::EMBEDDINGS => {
            named.operation.clone()
        }
        _ => None,
    };
    let found = Detection { operation: operation.or(found.operation), ..found };
    Detection { model: model.map(str::to_owned), ..found.or(named) }
}

/// Events of a stream that are looked at for whose it is.
const EVENTS_MAX: usize = 16;

/// [`detect_body`] from the text of an answer: JSON, or the first events of a stream as it came.
///
/// ```
/// use alwrity_metering::ingest::detect_body_text;
/// let stream = "event: ping\n\ndata: {\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o\"}\n";
/// let found = detect_body_text(stream);
/// assert_eq!(found.provider.as_deref(), Some("openai"));
/// assert!(detect_body_text("<html>502 Bad Gateway</html>").is_unknown());
/// ```
pub fn detect_body_text(text: &str) -> Detection {
    let text = text.trim_start_matches('\u{feff}').trim();
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(events)) => detect_events(events.into_iter()),
        Ok(body) => detect_body(&body),
        Err(_) => {
            let lines = text.lines().map(|line| line.strip_prefix("data:").unwrap_or(line).trim());
            let lines = lines.filter(|line| line.starts_with('{'));
            detect_events(lines.filter_map(|line| serde_json::from_str(line).ok()))
        }
    }
}

fn detect_events(events: impl Iterator<Item = Value>) -> Detection {
    events.take(EVENTS_MAX).fold(Detection::unknown(), |found, event| found.or(detect_body(&event)))
}

const EMBEDDING: Mark = (&["data", "0", "object"], Some("embedding"));

fn has_mark(body: &Value, (place, text): &Mark) -> bool {
    let found = place.iter().try_fold(body, |value, key| match value {
        Value::Array(items) if *key == "0" => items.first(),
        _ => value.get(*key),
    });
    match (found, text) {
        (None | Some(Value::Null), _) => false,
        (Some(_), None) => true,
        (Some(value), Some(text)) => value.as_str() == Some(*text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shapes_tell_their_vendor() {
        for (body, provider, operation) in [
            (json!({"object": "chat.completion", "model": "gpt-4o"}), Some("openai"), Some("chat")),
            (json!({"object": "chat.completion", "model": "mine"}), None, Some("chat")),
            (
                json!({"object": "list", "model": "mistral-embed",
                    "data": [{"object": "embedding"}]}),
                Some("mistral"),
                Some("embeddings"),
            ),
            (json!({"object": "list", "data": [{"object": "model"}]}), None, None),
            (
                json!({"usageMetadata": {}, "modelVersion": "gemini-2.5-flash-image"}),
                Some("gemini"),
                Some("image_generation"),
            ),
            (json!({"x_groq": {"id": "r"}, "model": "llama-3.3-70b"}), Some("groq"), Some("chat")),
            (json!({"video": {"url": "https://x.test"}}), Some("fal"), Some("video_generation")),
            (json!({"error": {"message": "no"}}), None, None),
            (json!([1, 2]), None, None),
            (json!("usage"), None, None),
        ] {
            let found = detect_body(&body);
            assert_eq!(found.provider.as_deref(), provider, "{body}");
            assert_eq!(found.operation.as_deref(), operation, "{body}");
        }
    }
}
