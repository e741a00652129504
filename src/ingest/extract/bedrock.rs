//! Bedrock: the converse form of its own; invoked models answer in their vendor's form.

use serde_json::Value;

use super::read::count;
use super::shape::{As, CACHED, Found, INPUT, OUTPUT, Shape, WRITE_1H, WRITE_5M};

/// Converse: cache reads and writes stand beside `inputTokens`.
pub(super) const CONVERSE: Shape = Shape {
    root: "usage",
    needs: &["inputTokens", "outputTokens"],
    fields: &[
        ("inputTokens", As::Whole(INPUT)),
        ("outputTokens", As::Whole(OUTPUT)),
        ("cacheReadInputTokens", As::Outside(CACHED, INPUT)),
    ],
    known: &[
        "cacheWriteInputTokens",
        "cacheDetails",
        "cacheReadInputTokenCount",
        "cacheWriteInputTokenCount",
        "serverToolUsage",
    ],
    tier: &["serviceTier.type"],
    more: Some(cache_writes),
    ..Shape::EMPTY
};

/// The last event of an invoked model's stream.
const METRICS: Shape = Shape {
    root: "amazon-bedrock-invocationMetrics",
    needs: &["inputTokenCount", "outputTokenCount"],
    fields: &[
        ("inputTokenCount", As::Whole(INPUT)),
        ("outputTokenCount", As::Whole(OUTPUT)),
        ("cacheReadInputTokenCount", As::Outside(CACHED, INPUT)),
        ("cacheWriteInputTokenCount", As::Outside(WRITE_5M, INPUT)),
    ],
    known: &["invocationLatency", "firstByteLatency"],
    ..Shape::EMPTY
};

/// Amazon's own embeddings.
const TITAN: Shape = Shape {
    needs: &["inputTextTokenCount"],
    fields: &[("inputTextTokenCount", As::Whole(INPUT))],
    more: Some(|body, found| {
        for result in body.get("results").and_then(Value::as_array).into_iter().flatten() {
            if let Some(Ok(tokens)) = result.get("tokenCount").map(count) {
                found.add(OUTPUT, tokens);
            }
        }
    }),
    ..Shape::EMPTY
};

/// Llama.
const LLAMA: Shape = Shape {
    needs: &["prompt_token_count"],
    fields: &[
        ("prompt_token_count", As::Whole(INPUT)),
        ("generation_token_count", As::Whole(OUTPUT)),
    ],
    ..Shape::EMPTY
};

/// What Bedrock answers.
pub(super) const SHAPES: &[&Shape] =
    &[&CONVERSE, &super::anthropic::MESSAGES, &super::openai::CHAT, &TITAN, &LLAMA, &METRICS];

/// The writes by how long they are kept; a sum without that split is kept for 5 minutes.
fn cache_writes(body: &Value, found: &mut Found) {
    let Some(usage) = body.get("usage") else { return };
    let read = |value: Option<&Value>| value.and_then(|value| count(value).ok()).unwrap_or(0);
    let sum = read(usage.get("cacheWriteInputTokens"));
    let details = usage.get("cacheDetails").and_then(Value::as_array);
    let hour = details
        .into_iter()
        .flatten()
        .filter(|entry| entry.get("ttl").and_then(Value::as_str) == Some("1h"))
        .fold(0_i64, |sum, entry| sum.saturating_add(read(entry.get("inputTokens"))));
    found.raise_outside(WRITE_1H, INPUT, hour);
    found.raise_outside(WRITE_5M, INPUT, (sum - hour).max(0));
}
