//! Gemini: cached inside the prompt, thoughts and tool results outside; in both spellings.

use serde_json::Value;

use super::read::{at, count};
use super::shape::{As, CACHED, Found, INPUT, OUTPUT, Part, Shape, Side};

/// The Gemini API and Vertex.
const API: Shape = Shape {
    root: "usageMetadata",
    needs: &["promptTokenCount", "candidatesTokenCount", "totalTokenCount"],
    fields: &[
        ("promptTokenCount", As::Whole(INPUT)),
        ("candidatesTokenCount", As::Whole(OUTPUT)),
        // The live API's name of the same.
        ("responseTokenCount", As::Whole(OUTPUT)),
        ("cachedContentTokenCount", As::Inside(CACHED)),
        ("thoughtsTokenCount", As::Reasoning(Side::Out)),
        ("toolUsePromptTokenCount", As::Outside("input_tool_tokens", INPUT)),
        ("promptTokensDetails", As::Modalities(Part::Input)),
        ("toolUsePromptTokensDetails", As::Modalities(Part::Input)),
        ("candidatesTokensDetails", As::Modalities(Part::Output)),
        ("responseTokensDetails", As::Modalities(Part::Output)),
        ("cacheTokensDetails", As::Modalities(Part::Cache)),
    ],
    known: &["trafficType", "serviceTier"],
    model: &["modelVersion", "model"],
    tier: &["usageMetadata.serviceTier", "usageMetadata.trafficType"],
    more: Some(count_parts),
    ..Shape::EMPTY
};

/// The same in the spelling of Python.
const SDK: Shape = Shape {
    root: "usage_metadata",
    needs: &["prompt_token_count", "candidates_token_count", "total_token_count"],
    fields: &[
        ("prompt_token_count", As::Whole(INPUT)),
        ("candidates_token_count", As::Whole(OUTPUT)),
        ("response_token_count", As::Whole(OUTPUT)),
        ("cached_content_token_count", As::Inside(CACHED)),
        ("thoughts_token_count", As::Reasoning(Side::Out)),
        ("tool_use_prompt_token_count", As::Outside("input_tool_tokens", INPUT)),
        ("prompt_tokens_details", As::Modalities(Part::Input)),
        ("tool_use_prompt_tokens_details", As::Modalities(Part::Input)),
        ("candidates_tokens_details", As::Modalities(Part::Output)),
        ("response_tokens_details", As::Modalities(Part::Output)),
        ("cache_tokens_details", As::Modalities(Part::Cache)),
    ],
    known: &["traffic_type", "service_tier"],
    model: &["model_version", "model"],
    tier: &["usage_metadata.service_tier", "usage_metadata.traffic_type"],
    more: Some(count_parts),
    ..Shape::EMPTY
};

/// Embeddings and images at Vertex: a list of predictions.
const PREDICTIONS: Shape = Shape {
    needs: &["predictions"],
    model: &["model", "modelVersion", "deployedModelId"],
    more: Some(count_predictions),
    ..Shape::EMPTY
};

/// A finished video.
const VIDEO: Shape = Shape {
    root: "response",
    needs: &["generateVideoResponse", "videos", "generatedVideos"],
    fields: &[],
    known: &[
        "@type",
        "generateVideoResponse",
        "videos",
        "generatedVideos",
        "raiMediaFilteredCount",
    ],
    more: Some(count_videos),
    ..Shape::EMPTY
};

/// What Gemini answers; its compatible form is OpenAI's, and Vertex has Anthropic's too.
pub(super) const SHAPES: &[&Shape] = &[
    &API,
    &SDK,
    &PREDICTIONS,
    &VIDEO,
    &super::openai::CHAT,
    &super::anthropic::MESSAGES,
    &super::openai::IMAGES,
];

/// Counts the images of the answer and what was searched for it.
///
/// A grounded prompt is one search of the first two generations of models, whatever it queried;
/// later ones are billed for each query.
pub(super) fn count_parts(body: &Value, found: &mut Found) {
    let model = ["modelVersion", "model_version", "model"].iter().find_map(|key| body.get(key));
    let model = model.and_then(Value::as_str).unwrap_or_default();
    let is_billed_by_prompt =
        ["gemini-1", "gemini-2"].iter().any(|generation| model.contains(generation));
    for candidate in body.get("candidates").and_then(Value::as_array).into_iter().flatten() {
        let parts = at(candidate, "content.parts").and_then(Value::as_array);
        for part in parts.into_iter().flatten() {
            let media = part.get("inlineData").or_else(|| part.get("inline_data"));
            let kind =
                media.and_then(|media| media.get("mimeType").or_else(|| media.get("mime_type")));
            if kind.and_then(Value::as_str).is_some_and(|kind| kind.starts_with("image/")) {
                found.add("images", 1);
            }
        }
        let queries = at(candidate, "groundingMetadata.webSearchQueries")
            .or_else(|| at(candidate, "grounding_metadata.web_search_queries"))
            .and_then(Value::as_array);
        let asked = queries.into_iter().flatten();
        let asked = asked.filter(|query| query.as_str().is_some_and(|text| !text.is_empty()));
        if let Ok(count @ 1..) = i64::try_from(asked.count()) {
            if is_billed_by_prompt {
                found.raise("web_searches", 1);
            } else {
                found.add("web_searches", count);
            }
        }
    }
}

fn count_predictions(body: &Value, found: &mut Found) {
    for prediction in body.get("predictions").and_then(Value::as_array).into_iter().flatten() {
        let tokens = at(prediction, "embeddings.statistics.token_count");
        if let Some(tokens) = tokens.and_then(|tokens| count(tokens).ok()) {
            found.add(INPUT, tokens);
        }
        if prediction.get("bytesBase64Encoded").is_some() || prediction.get("gcsUri").is_some() {
            found.add("images", 1);
        }
    }
}

fn count_videos(body: &Value, found: &mut Found) {
    const LISTS: [&str; 3] = [
        "response.generateVideoResponse.generatedSamples",
        "response.generatedVideos",
        "response.videos",
    ];
    let list = LISTS.iter().find_map(|path| at(body, path)?.as_array());
    if let Some(Ok(count @ 1..)) = list.map(|list| i64::try_from(list.len())) {
        found.raise("videos", count);
    }
}
