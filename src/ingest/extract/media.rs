//! Images, videos and sounds: Stability, WaveSpeed and fal report none, so results are counted.

use serde_json::Value;

use super::shape::{Found, Shape};

/// Stability's first version: a list of artifacts, those that failed not counted.
const STABILITY_LIST: Shape = Shape {
    needs: &["artifacts"],
    more: Some(|body, found| {
        let artifacts = body.get("artifacts").and_then(Value::as_array);
        for artifact in artifacts.into_iter().flatten() {
            let reason = artifact.get("finishReason").or_else(|| artifact.get("finish_reason"));
            if reason.and_then(Value::as_str) == Some("ERROR") {
                found.note(|| "an artifact failed and was not counted".to_owned());
            } else if artifact.get("base64").is_some() {
                found.add("images", 1);
            }
        }
    }),
    ..Shape::EMPTY
};
/// Stability's second version: one result as base64 text.
const STABILITY_ONE: Shape = Shape {
    needs: &["image", "video", "audio"],
    more: Some(|body, found| {
        for (key, unit) in [("image", "images"), ("video", "videos"), ("audio", "requests")] {
            if body.get(key).is_some_and(Value::is_string) {
                found.raise(unit, 1);
            }
        }
    }),
    ..Shape::EMPTY
};
pub(super) const STABILITY: &[&Shape] = &[&STABILITY_LIST, &STABILITY_ONE];

/// WaveSpeed: a list of addresses, once the work is done; its chat is OpenAI's.
const WAVESPEED_RESULT: Shape = Shape {
    root: "data",
    needs: &["outputs"],
    known: &[
        "id",
        "model",
        "outputs",
        "urls",
        "has_nsfw_contents",
        "status",
        "created_at",
        "error",
        "executionTime",
        "timings",
        "input",
    ],
    model: &["data.model"],
    more: Some(|body, found| {
        let outputs = super::read::at(body, "data.outputs").and_then(Value::as_array);
        for output in outputs.into_iter().flatten() {
            found.add(unit_of_address(output.as_str().unwrap_or_default()), 1);
        }
    }),
    ..Shape::EMPTY
};
pub(super) const WAVESPEED: &[&Shape] =
    &[&WAVESPEED_RESULT, &super::openai::CHAT, &super::openai::IMAGES];

/// fal: results by their names.
const FAL_RESULT: Shape = Shape {
    needs: &["images", "image", "video", "audio", "audio_url"],
    more: Some(count_fal),
    ..Shape::EMPTY
};
pub(super) const FAL: &[&Shape] = &[&FAL_RESULT, &super::openai::CHAT];

fn count_fal(body: &Value, found: &mut Found) {
    let images = body.get("images").and_then(Value::as_array).map_or(0, Vec::len);
    if let Ok(count @ 1..) = i64::try_from(images) {
        found.raise("images", count);
    }
    let results = [
        ("image", "images"),
        ("video", "videos"),
        ("audio", "requests"),
        ("audio_url", "requests"),
    ];
    for (key, unit) in results {
        let is_result = body.get(key).is_some_and(|part| part.is_string() || part.is_object());
        if is_result {
            found.raise(unit, 1);
        }
    }
}

/// What an address leads to, by the ending of its path.
fn unit_of_address(address: &str) -> &'static str {
    let path = address.find(['?', '#']).map_or(address, |end| &address[..end]);
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_one_of =
        |endings: &[&str]| endings.iter().any(|known| known.eq_ignore_ascii_case(ending));
    if is_one_of(&["mp4", "webm", "mov", "mkv"]) {
        "videos"
    } else if is_one_of(&["mp3", "wav", "flac", "ogg", "m4a", "opus"]) {
        "requests"
    } else {
        "images"
    }
}

/// What a body of bytes counts as, by its content type.
pub(super) fn unit_of_content_type(content_type: &str) -> Option<&'static str> {
    let kind = content_type.trim().split('/').next()?;
    [("image", "images"), ("video", "videos"), ("audio", "requests")]
        .into_iter()
        .find(|(name, _)| kind.eq_ignore_ascii_case(name))
        .map(|(_, unit)| unit)
}
