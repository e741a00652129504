//! What the shape of a response body says: marks that a vendor's answers have.

use serde_json::{Map, Value};

use super::model::detect_model;
use super::{Confidence, Detection};
use crate::ingest::names::{operation as o, provider as p};
use crate::ingest::work::visited;

/// A mark: a place in a body, and the text that must stand there, if any.
type Mark = (&'static [&'static str], Option<&'static str>);

/// A shape: all its marks must be there.
struct BodyShape {
    marks: &'static [Mark],
    /// What its marks need.
    traces: Traces,
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
    BodyShape { marks, traces: Traces::of_marks(marks), provider, operation, confidence }
}

use Confidence::{Certain, Likely};

/// The shapes, the more telling first; the first that fits counts.
static SHAPES: [BodyShape; 37] = [
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

/// Which keys are there, a bit for each: at the top of a body, and one level down, in objects and
/// in the first object of a list. All shapes but the one that fits are mostly ruled out by two
/// comparisons, without looking for a key.
#[derive(Clone, Copy)]
struct Traces {
    top: u64,
    below: u64,
}

impl Traces {
    const fn of_marks(marks: &[Mark]) -> Self {
        let mut traces = Self { top: 0, below: 0 };
        let mut place = 0;
        while place < marks.len() {
            if let Some((key, rest)) = marks[place].0.split_first() {
                traces.top |= trace(key);
                match rest {
                    [first, below, ..] if matches!(first.as_bytes(), b"0") => {
                        traces.below |= trace(below);
                    }
                    [below, ..] => traces.below |= trace(below),
                    [] => {}
                }
            }
            place += 1;
        }
        traces
    }

    fn of_body(body: &Map<String, Value>) -> Self {
        let mut traces = Self { top: 0, below: 0 };
        for (key, value) in body {
            traces.top |= trace(key);
            let below = match value {
                Value::Array(items) => items.first(),
                value => Some(value),
            };
            for key in below.and_then(Value::as_object).into_iter().flat_map(Map::keys) {
                traces.below |= trace(key);
            }
        }
        traces
    }

    const fn have(self, needed: Self) -> bool {
        self.top & needed.top == needed.top && self.below & needed.below == needed.below
    }
}

/// The bit that a key leaves: by its first letter, turned by its length.
const fn trace(key: &str) -> u64 {
    let Some(first) = key.as_bytes().first() else { return 1 };
    let bit = 1_u64 << (*first & 63);
    let turns = (7 * (key.len() & 63)) & 63;
    bit << turns | bit >> (63 - turns) >> 1
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
    let traces = Traces::of_body(object);
    let model = ["model", "modelVersion", "model_version"]
        .into_iter()
        .find_map(|key| object.get(key)?.as_str())
        // WaveSpeed's answers have all they say in there.
        .or_else(|| object.get("data")?.get("model")?.as_str());
    let by_shape = SHAPES
        .iter()
        .find(|shape| {
            traces.have(shape.traces) && shape.marks.iter().all(|mark| has_mark(body, mark))
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
/// let stream = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o\"}\n\n";
/// let found = detect_body_text(stream);
/// assert_eq!(found.provider.as_deref(), Some("openai"));
/// assert!(detect_body_text("<html>502 Bad Gateway</html>").is_unknown());
/// ```
pub fn detect_body_text(text: &str) -> Detection {
    let text = text.trim_start_matches('\u{feff}').trim();
    visited(text.len());
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(events)) => detect_events(events.into_iter()),
        Ok(body) => detect_body(&body),
        Err(_) => {
            let lines = text.lines().map(|line| line.strip_prefix("data:").unwrap_or(line).trim());
            let lines = lines.inspect(|line| visited(line.len()));
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
    fn traces_rule_out_no_shape_that_fits() {
        for shape in &SHAPES {
            // A body of this shape's marks and nothing else.
            let mut body = json!({});
            for (place, text) in shape.marks {
                let mut at = &mut body;
                for key in *place {
                    if *key == "0" {
                        *at = json!([{}]);
                        at = &mut at[0];
                    } else {
                        at = &mut at[*key];
                    }
                }
                *at = text.map_or(json!({}), |text| json!(text));
            }
            let traces = Traces::of_body(body.as_object().unwrap());
            assert!(traces.have(shape.traces), "{body}");
            assert!(!detect_body(&body).is_unknown(), "{body}");
        }
    }

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
            (
                json!({"data": {"outputs": [], "urls": {},
                    "model": "wavespeed-ai/qwen-image/text-to-image"}}),
                Some("wavespeed"),
                Some("image_generation"),
            ),
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
