//! OpenAI: chat, responses, embeddings, images and audio; also the form that others speak.

use serde_json::Value;

use super::read::{at, seconds};
use super::shape::{As, CACHED, Found, INPUT, OUTPUT, Shape, Side, WRITE_5M};

/// Chat and legacy completions; embeddings have the input alone. Subsets are inside.
pub(super) const CHAT: Shape = Shape {
    root: "usage",
    needs: &["prompt_tokens", "completion_tokens"],
    fields: &[
        ("prompt_tokens", As::Whole(INPUT)),
        ("completion_tokens", As::Whole(OUTPUT)),
        ("prompt_tokens_details.cached_tokens", As::Inside(CACHED)),
        ("prompt_tokens_details.cache_write_tokens", As::Inside(WRITE_5M)),
        ("prompt_tokens_details.audio_tokens", As::Inside("input_audio_tokens")),
        ("prompt_tokens_details.image_tokens", As::Inside("input_image_tokens")),
        ("prompt_tokens_details.video_tokens", As::Inside("input_video_tokens")),
        ("completion_tokens_details.reasoning_tokens", As::Reasoning(Side::In)),
        ("completion_tokens_details.audio_tokens", As::Inside("output_audio_tokens")),
        ("completion_tokens_details.image_tokens", As::Inside("output_image_tokens")),
    ],
    tier: &["service_tier"],
    ..Shape::EMPTY
};

/// Responses, images and transcriptions by tokens.
pub(super) const RESPONSES: Shape = Shape {
    root: "usage",
    needs: &["input_tokens", "output_tokens"],
    fields: &[
        ("input_tokens", As::Whole(INPUT)),
        ("output_tokens", As::Whole(OUTPUT)),
        ("input_tokens_details.cached_tokens", As::Inside(CACHED)),
        ("input_tokens_details.cache_write_tokens", As::Inside(WRITE_5M)),
        ("input_tokens_details.image_tokens", As::Inside("input_image_tokens")),
        ("input_tokens_details.audio_tokens", As::Inside("input_audio_tokens")),
        ("input_token_details.cached_tokens", As::Inside(CACHED)),
        ("input_token_details.audio_tokens", As::Inside("input_audio_tokens")),
        ("input_token_details.image_tokens", As::Inside("input_image_tokens")),
        ("output_tokens_details.reasoning_tokens", As::Reasoning(Side::In)),
        ("output_tokens_details.image_tokens", As::Inside("output_image_tokens")),
        ("output_token_details.audio_tokens", As::Inside("output_audio_tokens")),
    ],
    known: &["type"],
    tier: &["service_tier"],
    more: Some(count_items),
    ..Shape::EMPTY
};

/// A transcription billed by its length.
pub(super) const SECONDS: Shape = Shape {
    root: "usage",
    needs: &["seconds"],
    fields: &[("seconds", As::Seconds)],
    known: &["type"],
    ..Shape::EMPTY
};

/// A verbose transcription, which only says how long the sound was.
pub(super) const TRANSCRIPT: Shape = Shape {
    needs: &["segments", "words", "task"],
    more: Some(|body, found| {
        if let Some(seconds) = body.get("duration").and_then(seconds) {
            found.raise("seconds", seconds);
        }
    }),
    ..Shape::EMPTY
};

/// Images without a token report: they are counted.
pub(super) const IMAGES: Shape =
    Shape { needs: &["created"], more: Some(count_images), ..Shape::EMPTY };

/// What OpenAI answers.
pub(super) const SHAPES: &[&Shape] = &[&CHAT, &RESPONSES, &SECONDS, &TRANSCRIPT, &IMAGES];

/// Tool calls that are billed each, and images, by the items of the answer.
const ITEMS: [(&str, &str); 3] = [
    ("web_search_call", "web_searches"),
    ("file_search_call", "storage_searches"),
    ("image_generation_call", "images"),
];

fn count_items(body: &Value, found: &mut Found) {
    for item in body.get("output").and_then(Value::as_array).into_iter().flatten() {
        let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
        // Opening a page or searching in it is part of a search.
        let action = at(item, "action.type").and_then(Value::as_str);
        if matches!(action, Some("open_page" | "find" | "find_in_page")) {
            continue;
        }
        if let Some((_, unit)) = ITEMS.iter().find(|(name, _)| *name == kind) {
            found.add(unit, 1);
        }
        // Drawn by another model, whose tokens the answer does not tell: the cost is not known.
        if kind == "image_generation_call" {
            found.add("image_generations", 1);
        }
    }
    count_images(body, found);
}

/// Counts the images of a list `data`.
pub(super) fn count_images(body: &Value, found: &mut Found) {
    let images = body.get("data").and_then(Value::as_array).into_iter().flatten();
    let is_image = |item: &&Value| item.get("b64_json").is_some() || item.get("url").is_some();
    let count = images.filter(is_image).count();
    if let Ok(count @ 1..) = i64::try_from(count) {
        found.raise("images", count);
    }
}
