//! Anthropic: cache reads and writes stand beside `input_tokens`, and server tools are counted.

use serde_json::Value;

use super::read::{at, count};
use super::shape::{As, CACHED, Found, INPUT, OUTPUT, Shape, Side, WRITE_1H, WRITE_5M};

/// Messages, also at Bedrock, Vertex and Azure.
pub(super) const MESSAGES: Shape = Shape {
    root: "usage",
    needs: &["input_tokens", "output_tokens"],
    fields: &[
        ("input_tokens", As::Whole(INPUT)),
        ("output_tokens", As::Whole(OUTPUT)),
        ("cache_read_input_tokens", As::Outside(CACHED, INPUT)),
        ("output_tokens_details.thinking_tokens", As::Reasoning(Side::In)),
        ("server_tool_use.web_search_requests", As::Whole("web_searches")),
    ],
    // The cache writes are read by `cache_writes`. Fetching a page costs nothing but its tokens.
    known: &[
        "cache_creation_input_tokens",
        "cache_creation",
        "service_tier",
        "inference_geo",
        "speed",
        "iterations",
    ],
    tier: &["usage.service_tier"],
    more: Some(cache_writes),
    ..Shape::EMPTY
};

/// What Anthropic answers; its compatible form is OpenAI's.
pub(super) const SHAPES: &[&Shape] = &[&MESSAGES, &super::openai::CHAT];

/// The writes by how long they are kept; a sum without that split is kept for 5 minutes.
fn cache_writes(body: &Value, found: &mut Found) {
    let read = |path: &str| at(body, path).and_then(|value| count(value).ok()).unwrap_or(0);
    let sum = read("usage.cache_creation_input_tokens");
    let hour = read("usage.cache_creation.ephemeral_1h_input_tokens");
    let minutes = read("usage.cache_creation.ephemeral_5m_input_tokens");
    let split = hour.saturating_add(minutes);
    if split != 0 && sum != 0 && split != sum {
        found.note(|| "the cache writes by time do not add up to their sum".to_owned());
    }
    let rest = (sum - split).max(0);
    found.raise_outside(WRITE_5M, INPUT, minutes.saturating_add(rest));
    found.raise_outside(WRITE_1H, INPUT, hour);
}
