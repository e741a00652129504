//! The input tokens of a whole request: messages with their roles, tools, images by their size.
//!
//! It reads the request forms of OpenAI (chat and responses), Anthropic, Gemini, Bedrock and
//! Cohere. Nothing of the text is kept.

use serde::Serialize;
use serde_json::Value;

use super::calibration::TextSize;
use super::images::{UNSEEN, base64_image_size, image_tokens};
use super::{CountSource, TokenScan, exact_tokens};
use crate::domain::estimate::InputEstimate;

/// What a message costs beside its text: the marks around it and its role.
const MESSAGE_TOKENS: i64 = 4;
/// What a request costs beside its messages: the marks that open the answer.
const REQUEST_TOKENS: i64 = 3;
/// What each tool costs beside the text of its schema.
const TOOL_TOKENS: i64 = 8;
/// Deeper content than this is not looked into.
const DEPTH_MAX: usize = 32;

/// The keys that hold messages, in any vendor's form; Gemini's batch of embeddings has `requests`.
const MESSAGES: [&str; 5] = ["messages", "contents", "input", "chat_history", "requests"];
/// The keys that hold text beside the messages.
const TEXTS: [&str; 9] = [
    "system",
    "instructions",
    "systemInstruction",
    "system_instruction",
    "preamble",
    "message",
    "prompt",
    "texts",
    "content",
];
/// The keys that name what the provider keeps of earlier requests; it is input too.
const KEPT: [&str; 4] = ["previous_response_id", "conversation", "cachedContent", "cached_content"];
/// The keys that hold schemas.
const SCHEMAS: [&str; 5] = ["tools", "functions", "toolConfig", "response_format", "text_format"];
/// Where a request says how long the answer may be.
const MAXIMA: [&[&str]; 7] = [
    &["max_completion_tokens"],
    &["max_output_tokens"],
    &["max_tokens"],
    &["generationConfig", "maxOutputTokens"],
    &["generation_config", "max_output_tokens"],
    &["config", "max_output_tokens"],
    &["inferenceConfig", "maxTokens"],
];
/// Where a request says how many answers it wants.
const ANSWERS: [&[&str]; 3] =
    [&["n"], &["generationConfig", "candidateCount"], &["config", "candidate_count"]];

/// The estimated input of a request, by its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChatEstimate {
    /// Tokens of all texts in messages and instructions.
    pub text_tokens: i64,
    /// Tokens of roles and marks.
    pub frame_tokens: i64,
    /// Tokens of tools and schemas.
    pub tool_tokens: i64,
    /// Tokens of images, by their size.
    pub image_tokens: i64,
    /// How many messages there are.
    pub messages: i64,
    /// How many images there are.
    pub images: i64,
    /// The texts by the scan alone, for [`Calibration`](super::Calibration).
    pub text: TextSize,
    /// Exact when the request is plain text for a model of OpenAI's and the feature `exact` is on;
    /// else estimated.
    pub source: CountSource,
    /// The model that the request names.
    pub model: Option<String>,
    /// The most output tokens that the request allows, all its answers together.
    pub max_output_tokens: Option<i64>,
    /// What could not be counted, such as audio or a document.
    pub notes: Vec<String>,
}

impl ChatEstimate {
    /// All input tokens.
    pub fn input_tokens(&self) -> i64 {
        [self.text_tokens, self.frame_tokens, self.tool_tokens, self.image_tokens]
            .iter()
            .fold(0, |sum, part| sum.saturating_add(*part))
    }

    /// What is kept to learn from: nothing of the input where images or uncounted parts are in it.
    pub fn input_estimate(&self) -> InputEstimate {
        if self.images > 0 || !self.notes.is_empty() {
            return InputEstimate::default();
        }
        InputEstimate {
            characters: self.text.characters,
            words: self.text.words,
            // Also where an exact count was held: the factor is that of the scan.
            text_tokens: self.text.estimated_tokens,
            other_tokens: self.frame_tokens.saturating_add(self.tool_tokens),
        }
    }
}

/// Estimates a request's input, or `None` when it holds nothing that could be sent to a model.
///
/// ```
/// use alwrity_metering::ingest::estimate_chat;
/// let request = serde_json::json!({
///     "model": "gpt-4o",
///     "messages": [{"role": "user", "content": "Say hello."}],
///     "max_tokens": 50,
/// });
/// let estimate = estimate_chat(&request).ok_or("no request")?;
/// assert_eq!(estimate.max_output_tokens, Some(50));
/// assert!((9..=12).contains(&estimate.input_tokens()));
/// # Ok::<(), &str>(())
/// ```
pub fn estimate_chat(request: &Value) -> Option<ChatEstimate> {
    let object = request.as_object()?;
    let model = object.get("model").and_then(Value::as_str).map(str::to_owned);
    let model_name = model.clone().unwrap_or_default();
    let mut walk = Walk { model: model_name, exact_tokens: Some(0), ..Walk::default() };
    for key in MESSAGES {
        match object.get(key) {
            Some(Value::Array(items)) => items.iter().for_each(|item| walk.message(item)),
            Some(Value::String(text)) => walk.plain_message(text),
            _ => {}
        }
    }
    for key in TEXTS {
        if let Some(content) = object.get(key).filter(|content| !content.is_null()) {
            walk.estimate.messages += 1;
            walk.content(content, 0);
        }
    }
    for key in SCHEMAS {
        walk.schema(object.get(key));
    }
    if KEPT.iter().any(|key| object.get(*key).is_some_and(|kept| !kept.is_null())) {
        walk.note("what the provider keeps of earlier requests is not estimated");
        walk.exact_tokens = None;
    }
    let mut estimate = walk.finish();
    if estimate.messages == 0 {
        return None;
    }
    estimate.frame_tokens = REQUEST_TOKENS + MESSAGE_TOKENS.saturating_mul(estimate.messages);
    let answers = first_count(request, &ANSWERS).unwrap_or(1).max(1);
    estimate.max_output_tokens =
        first_count(request, &MAXIMA).map(|maximum| maximum.saturating_mul(answers));
    estimate.model = model;
    Some(estimate)
}

fn first_count(request: &Value, places: &[&[&str]]) -> Option<i64> {
    places.iter().find_map(|place| {
        let found = place.iter().try_fold(request, |value, key| value.get(key))?;
        found.as_i64().filter(|count| *count >= 0)
    })
}

#[derive(Default)]
struct Walk {
    estimate: ChatEstimate,
    model: String,
    /// The request holds something beside texts in messages: what that costs is not documented.
    is_mixed: bool,
    /// The texts by the model's own encoding, while that is known.
    exact_tokens: Option<i64>,
}

impl Walk {
    /// The scan's count, unless every text is exact and nothing else is there: the factor of a
    /// model is the scan's, so that the two are never mixed.
    fn finish(self) -> ChatEstimate {
        match self.exact_tokens.filter(|tokens| *tokens > 0 && !self.is_mixed) {
            Some(text_tokens) => {
                ChatEstimate { text_tokens, source: CountSource::Exact, ..self.estimate }
            }
            None => self.estimate,
        }
    }

    /// Adds tokens that are known as they are.
    fn count(&mut self, tokens: i64) {
        self.estimate.text_tokens = self.estimate.text_tokens.saturating_add(tokens);
        self.exact_tokens = self.exact_tokens.map(|exact| exact.saturating_add(tokens));
    }

    fn note(&mut self, note: &str) {
        if !self.estimate.notes.iter().any(|known| known == note) {
            self.estimate.notes.push(note.to_owned());
        }
    }

    fn text(&mut self, text: &str) {
        let size = TextSize::of(text);
        self.exact_tokens = self
            .exact_tokens
            .and_then(|sum| Some(sum.saturating_add(exact_tokens(&self.model, text)?)));
        let estimate = &mut self.estimate;
        estimate.text_tokens = estimate.text_tokens.saturating_add(size.estimated_tokens);
        let scanned = &mut estimate.text.estimated_tokens;
        *scanned = scanned.saturating_add(size.estimated_tokens);
        estimate.text.words = estimate.text.words.saturating_add(size.words);
        estimate.text.characters = estimate.text.characters.saturating_add(size.characters);
    }

    fn plain_message(&mut self, text: &str) {
        self.estimate.messages += 1;
        self.text(text);
    }

    /// One message, or one item of the responses form.
    fn message(&mut self, item: &Value) {
        self.estimate.messages += 1;
        let Some(object) = item.as_object() else {
            self.content(item, 0);
            return;
        };
        let mut is_known = false;
        for key in ["content", "parts", "name", "tool_calls", "function_call", "message"] {
            if let Some(content) = object.get(key).filter(|content| !content.is_null()) {
                is_known = true;
                self.is_mixed |= key != "content";
                self.content(content, 0);
            }
        }
        if !is_known {
            self.is_mixed = true;
            self.content(item, 0);
        }
    }

    fn content(&mut self, content: &Value, depth: usize) {
        match content {
            Value::String(text) => self.text(text),
            // A list of token numbers, as embeddings take them.
            Value::Array(items) if items.first().is_some_and(Value::is_number) => {
                self.count(i64::try_from(items.len()).unwrap_or(i64::MAX));
            }
            Value::Array(items) if depth < DEPTH_MAX => {
                for item in items {
                    self.content(item, depth + 1);
                }
            }
            Value::Object(_) if depth < DEPTH_MAX => self.part(content, depth + 1),
            Value::Number(_) | Value::Bool(_) => {
                self.is_mixed = true;
                self.count(1);
            }
            Value::Null => {}
            // Too deep.
            Value::Array(_) | Value::Object(_) => self.is_mixed = true,
        }
    }

    /// One part of a message: text, an image, a tool's call or its answer.
    fn part(&mut self, part: &Value, depth: usize) {
        let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
        if matches!(kind, "text" | "input_text" | "output_text") {
            return self.member(part, "text", depth);
        }
        self.is_mixed = true;
        match kind {
            "image_url" | "input_image" | "image" => return self.image(part),
            "tool_result" => return self.member(part, "content", depth),
            "function_call_output" => return self.member(part, "output", depth),
            "input_audio" | "audio" => return self.note("audio input is not estimated"),
            "file" | "input_file" | "document" => return self.document(part, depth),
            _ => {}
        }
        let media = part.get("inlineData").or_else(|| part.get("inline_data"));
        let file = part.get("fileData").or_else(|| part.get("file_data"));
        if let Some(media) = media.or(file) {
            return self.media(media);
        }
        if let Some(image) = part.get("image").filter(|image| image.is_object()) {
            return self.image(image);
        }
        self.whole(part, depth);
    }

    /// A part of no known form: every text in it, but not the names of its form.
    fn whole(&mut self, part: &Value, depth: usize) {
        for (key, value) in part.as_object().into_iter().flatten() {
            if !matches!(key.as_str(), "type" | "id" | "call_id" | "role" | "cache_control") {
                let is_blob = value.as_str().is_some_and(is_blob);
                if is_blob {
                    self.note("binary content is not estimated");
                } else {
                    self.content(value, depth);
                }
            }
        }
    }

    fn member(&mut self, part: &Value, key: &str, depth: usize) {
        if let Some(content) = part.get(key) {
            self.content(content, depth);
        }
    }

    fn document(&mut self, part: &Value, depth: usize) {
        match part.get("source").and_then(|source| source.get("type")).and_then(Value::as_str) {
            Some("text" | "content") => self.whole(&part["source"], depth),
            _ => self.note("document input is not estimated"),
        }
    }

    fn media(&mut self, media: &Value) {
        let kind = media.get("mimeType").or_else(|| media.get("mime_type"));
        match kind.and_then(Value::as_str).and_then(|kind| kind.split('/').next()) {
            Some("image") => self.count_image(media.get("data").and_then(Value::as_str), false),
            Some("audio") => self.note("audio input is not estimated"),
            Some("video") => self.note("video input is not estimated"),
            _ => self.note("document input is not estimated"),
        }
    }

    /// An image in OpenAI's, Anthropic's or Bedrock's form.
    fn image(&mut self, part: &Value) {
        let holder = part.get("image_url").unwrap_or(part);
        let low = |value: &Value| value.get("detail").and_then(Value::as_str) == Some("low");
        let is_low_detail = low(holder) || low(part);
        let source = part.get("source");
        let text = holder
            .as_str()
            .or_else(|| holder.get("url").and_then(Value::as_str))
            .or_else(|| source.and_then(|source| source.get("data")).and_then(Value::as_str))
            .or_else(|| source.and_then(|source| source.get("bytes")).and_then(Value::as_str));
        self.count_image(text, is_low_detail);
    }

    fn count_image(&mut self, text: Option<&str>, is_low_detail: bool) {
        let base64 = text.and_then(|text| match text.strip_prefix("data:") {
            Some(data) => data.split_once(";base64,").map(|(_, base64)| base64),
            None if text.starts_with("http") => None,
            None => Some(text),
        });
        let size = base64.and_then(base64_image_size);
        if size.is_none() {
            let pixels = UNSEEN.width;
            self.note(&format!("an image of unseen size is taken as {pixels} × {pixels}"));
        }
        let tokens = image_tokens(&self.model, size, is_low_detail);
        self.estimate.image_tokens = self.estimate.image_tokens.saturating_add(tokens);
        self.estimate.images += 1;
    }

    fn schema(&mut self, schema: Option<&Value>) {
        let Some(schema) = schema.filter(|schema| schema.is_array() || schema.is_object()) else {
            return;
        };
        self.is_mixed = true;
        let mut scan = TokenScan::new();
        scan.push(&schema.to_string());
        let tools = schema.as_array().map_or(1, Vec::len);
        let frame = TOOL_TOKENS.saturating_mul(i64::try_from(tools).unwrap_or(i64::MAX));
        self.estimate.tool_tokens =
            self.estimate.tool_tokens.saturating_add(scan.tokens()).saturating_add(frame);
    }
}

/// A long text without blanks is an encoded file, not prose.
fn is_blob(text: &str) -> bool {
    text.len() > 512 && text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_vendors_form_holds_the_same_text() {
        let text = "Write a short paragraph about the sea and its colours.";
        let forms = [
            json!({"messages": [{"role": "user", "content": text}]}),
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]}),
            json!({"contents": [{"role": "user", "parts": [{"text": text}]}]}),
            json!({"input": text}),
            json!({"input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}]}),
            json!({"message": text}),
            json!({"prompt": text}),
            json!({"requests": [{"model": "models/m", "content": {"parts": [{"text": text}]}}]}),
        ];
        for form in forms {
            let estimate = estimate_chat(&form).unwrap();
            assert_eq!(estimate.text_tokens, super::super::estimate_tokens(text), "{form}");
            assert_eq!((estimate.messages, estimate.frame_tokens), (1, 7), "{form}");
        }
    }

    #[test]
    fn tools_images_and_answers_are_counted() {
        let request = json!({
            "model": "gpt-4o", "n": 3, "max_completion_tokens": 100,
            "messages": [{"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
                {"type": "image_url",
                    "image_url": {"url": "https://x.test/b.png", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA"}},
            ]}],
            "tools": [{"type": "function", "function": {"name": "weather", "parameters": {}}}],
        });
        let estimate = estimate_chat(&request).unwrap();
        assert_eq!((estimate.images, estimate.image_tokens), (2, 850));
        assert_eq!(estimate.max_output_tokens, Some(300));
        assert!(estimate.tool_tokens > 20);
        assert_eq!(estimate.notes.len(), 2);
    }

    #[test]
    fn what_the_provider_keeps_is_told_and_teaches_nothing() {
        let whole = json!({"model": "gpt-4o", "input": "And in winter?", "conversation": null});
        assert_ne!(estimate_chat(&whole).unwrap().input_estimate(), InputEstimate::default());
        for key in KEPT {
            let mut request = whole.clone();
            request[key] = json!("kept");
            let estimate = estimate_chat(&request).unwrap();
            assert_eq!((estimate.notes.len(), estimate.source), (1, CountSource::Estimated));
            assert_eq!(estimate.input_estimate(), InputEstimate::default(), "{key}");
        }
    }

    /// Texts of OpenAI's models are exact with the feature `exact`, and of nobody else.
    #[test]
    fn plain_text_is_exact_where_its_encoding_is_known() {
        let text = "Donaudampfschifffahrtsgesellschaft and back. ".repeat(10);
        let chat = |model: &str| {
            estimate_chat(&json!({
                "model": model,
                "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}],
            }))
            .unwrap()
        };
        let (ours, theirs) = (chat("gpt-4o-mini-2024-07-18"), chat("gemini-2.5-flash"));
        assert_eq!(theirs.source, CountSource::Estimated);
        assert_eq!(ours.text, theirs.text, "what is learned from is the scan, always");
        #[cfg(feature = "exact")]
        {
            let counted = crate::ingest::count_tokens(crate::ingest::Encoding::O200kBase, &text);
            assert_eq!((ours.source, ours.text_tokens), (CountSource::Exact, counted));
        }
        #[cfg(not(feature = "exact"))]
        assert_eq!((ours.source, ours.text_tokens), (theirs.source, theirs.text_tokens));
    }

    #[test]
    fn what_is_no_plain_text_is_never_exact() {
        let with = |message: Value, tools: Value| {
            let request = json!({"model": "gpt-4o", "messages": [message], "tools": tools});
            estimate_chat(&request).unwrap().source
        };
        let image = json!({"type": "image_url", "image_url": {"url": "https://x.test/a.png"}});
        for (message, tools) in [
            (json!({"content": "Hi"}), json!([{"type": "function"}])),
            (json!({"content": [{"type": "text", "text": "Hi"}, image]}), json!(null)),
            (json!({"content": "Hi", "name": "ada"}), json!(null)),
            (json!({"content": "Hi", "tool_calls": [{"function": {}}]}), json!(null)),
            (json!({"content": ""}), json!(null)),
        ] {
            assert_eq!(with(message.clone(), tools), CountSource::Estimated, "{message}");
        }
    }

    #[test]
    fn base64_is_never_counted_as_text() {
        let blob = "A".repeat(100_000);
        for request in [
            json!({"contents": [{"parts": [
                {"inlineData": {"mimeType": "image/png", "data": blob}}]}]}),
            json!({"messages": [{"role": "user", "content": [{"type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": blob}}]}]}),
            json!({"messages": [{"role": "user", "content": [{"kind": "new", "payload": blob}]}]}),
        ] {
            let estimate = estimate_chat(&request).unwrap();
            assert!(estimate.input_tokens() < 2_000, "{}", estimate.input_tokens());
            assert_eq!(estimate.notes.len(), 1);
        }
    }

    #[test]
    fn what_is_no_request_is_none_and_depth_is_bounded() {
        for body in [json!(null), json!([]), json!({}), json!({"model": "gpt-4o"}), json!("x")] {
            assert_eq!(estimate_chat(&body), None, "{body}");
        }
        let mut deep = json!("text");
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert!(estimate_chat(&json!({"messages": [{"content": deep}]})).is_some());
    }
}
