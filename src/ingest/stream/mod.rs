//! Usage from a stream, given chunk by chunk: what the events add up to.
//!
//! What it is: the counts of the events, later ones over earlier ones, and a running estimate of
//! the text in case the end never comes. What it is not: a copy of the answer; no text is kept.

mod split;

use serde_json::{Map, Value};

use super::estimate::TokenScan;
use super::extract::{Extracted, extract_usage};
use crate::domain::call::UsageSource;
use crate::domain::usage::{Unit, Usage};
use split::{EVENT_BYTES_MAX, Piece, Splitter};

/// The keys of an event that are kept, later ones over earlier ones.
const KEPT: [&str; 16] = [
    "model",
    "modelVersion",
    "model_version",
    "type",
    "service_tier",
    "serviceTier",
    "usage",
    "usageMetadata",
    "usage_metadata",
    "usage_info",
    "meta",
    "x_groq",
    "amazon-bedrock-invocationMetrics",
    "created",
    "response",
    "duration",
];

/// Event types that only the last event of a stream has.
const LAST_TYPES: [&str; 12] = [
    "message_stop",
    "message-end",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "response.done",
    "transcript.text.done",
    "speech.audio.done",
    "image_generation.completed",
    "image_edit.completed",
    "messageStop",
    "stream-end",
];

/// Reads the usage of one streamed answer.
///
/// ```
/// use alwrity_metering::ingest::UsageStream;
/// let mut stream = UsageStream::new("openai");
/// stream.push_chunk("data: {\"choices\":[],\"model\":\"gpt-4o\",\"usage\":{\"prompt_tokens\":9,");
/// stream.push_chunk("\"completion_tokens\":3}}\n\ndata: [DONE]\n\n");
/// let found = stream.finish().ok_or("no usage")?;
/// assert_eq!(found.usage.total_tokens(), 12);
/// assert!(!found.is_partial);
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug)]
pub struct UsageStream {
    provider: String,
    splitter: Splitter,
    merged: Map<String, Value>,
    /// Images and searches that the events bring one by one.
    counted: Usage,
    text: TokenScan,
    has_text: bool,
    is_complete: bool,
    notes: Vec<String>,
}

impl UsageStream {
    /// A stream of a provider, named as in [`names::provider`](super::names::provider).
    pub fn new(provider: &str) -> Self {
        Self {
            provider: provider.to_owned(),
            splitter: Splitter::new(),
            merged: Map::new(),
            counted: Usage::none(),
            text: TokenScan::new(),
            has_text: false,
            is_complete: false,
            notes: Vec::new(),
        }
    }

    /// Takes the next bytes or text as they came, cut anywhere: server-sent events, a JSON list, or
    /// JSON lines.
    pub fn push_chunk(&mut self, chunk: impl AsRef<[u8]>) {
        let mut splitter = std::mem::replace(&mut self.splitter, Splitter::new());
        splitter.push(chunk.as_ref(), &mut |piece| self.piece(&piece));
        self.splitter = splitter;
    }

    /// Takes one event that is already parsed.
    pub fn push_event(&mut self, event: &Value) {
        let Value::Object(_) = event else { return };
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
        self.is_complete |= LAST_TYPES.contains(&kind)
            || event.get("event_type").and_then(Value::as_str) == Some("stream-end")
            || event.get("messageStop").is_some()
            || is_finished(event);
        self.scan_text(event, kind);
        if kind.starts_with("response.") {
            self.take_response(event, kind);
            return;
        }
        match (kind, event.get("message")) {
            ("message_start", Some(message)) => self.keep(message),
            _ => self.keep(event),
        }
        // Cohere's last event, and Bedrock's metadata.
        for inner in [event.get("delta"), event.get("metadata")].into_iter().flatten() {
            self.keep_usage(inner);
        }
        self.count(event);
    }

    /// What is known so far; more may come.
    pub fn so_far(&self) -> Option<Extracted> {
        let body = Value::Object(self.merged.clone());
        let mut found = match extract_usage(&self.provider, &body) {
            Some(found) => found,
            None => self.estimate_of_text()?,
        };
        for (unit, quantity) in self.counted.iter() {
            let sum = found.usage.get(&unit).max(quantity);
            found.usage.set(unit, sum);
        }
        found.is_partial |= !self.is_complete;
        if found.is_partial {
            self.raise_output(&mut found);
        }
        for note in &self.notes {
            if !found.notes.contains(note) {
                found.notes.push(note.clone());
            }
        }
        Some(found)
    }

    /// What the whole stream used; `is_partial` when its end never came, `None` when it reported
    /// nothing and brought no text either.
    pub fn finish(mut self) -> Option<Extracted> {
        let mut splitter = std::mem::replace(&mut self.splitter, Splitter::new());
        splitter.finish(&mut |piece| self.piece(&piece));
        if splitter.is_open() {
            self.note("the stream ended inside an event");
            self.is_complete = false;
        }
        self.so_far()
    }

    fn piece(&mut self, piece: &Piece<'_>) {
        match piece {
            Piece::Skipped => {
                self.note(&format!(
                    "an event of more than {} MiB was skipped",
                    EVENT_BYTES_MAX >> 20
                ));
            }
            Piece::Data(data) => match data.trim_ascii() {
                b"" => {}
                b"[DONE]" => self.is_complete = true,
                json => match serde_json::from_slice::<Value>(json) {
                    Ok(Value::Array(events)) => {
                        for event in &events {
                            self.push_event(event);
                        }
                    }
                    Ok(event) => self.push_event(&event),
                    Err(_) => self.note("an event is no JSON and was left out"),
                },
            },
        }
    }

    fn note(&mut self, note: &str) {
        if self.notes.len() < 20 && !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// Keeps the few keys that count, without the text.
    fn keep(&mut self, event: &Value) {
        for key in KEPT {
            let Some(value) = event.get(key).filter(|value| !value.is_null()) else { continue };
            // Of an answer inside an event only its usage is kept.
            if key == "response" {
                if value.get("meta").is_some() || value.get("usage").is_some() {
                    self.keep(value);
                }
                continue;
            }
            lay_over(&mut self.merged, key, value);
        }
    }

    fn keep_usage(&mut self, inner: &Value) {
        if let Some(usage) = inner.get("usage").filter(|usage| usage.is_object()) {
            lay_over(&mut self.merged, "usage", usage);
        }
    }

    /// The last event of OpenAI's responses form holds the whole answer, which is counted at once.
    fn take_response(&mut self, event: &Value, kind: &str) {
        let Some(response) = event.get("response") else { return };
        self.keep(response);
        if LAST_TYPES.contains(&kind)
            && let Some(found) = extract_usage(&self.provider, event)
        {
            self.counted = found.usage;
        }
    }

    /// Counts what the events bring one by one, such as images.
    fn count(&mut self, event: &Value) {
        if event.get("candidates").is_none() {
            return;
        }
        // The same reader as for a whole answer, on the event alone and without its counts.
        let mut alone = Map::new();
        alone.insert("candidates".into(), event["candidates"].clone());
        alone.insert("usageMetadata".into(), serde_json::json!({"promptTokenCount": 0}));
        let Some(found) = extract_usage("gemini", &Value::Object(alone)) else { return };
        for (unit, quantity) in found.usage.iter() {
            let sum = match unit {
                Unit::Images => self.counted.get(&unit).saturating_add(quantity),
                _ => self.counted.get(&unit).max(quantity),
            };
            self.counted.set(unit, sum);
        }
    }

    /// Adds the event's text to the running estimate.
    fn scan_text(&mut self, event: &Value, kind: &str) {
        let choices = event.get("choices").and_then(Value::as_array).into_iter().flatten();
        for choice in choices {
            let Some(delta) = choice.get("delta").or_else(|| choice.get("message")) else {
                self.scan(choice.get("text"));
                continue;
            };
            for key in ["content", "reasoning_content", "reasoning", "refusal"] {
                self.scan(delta.get(key));
            }
            let calls = delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
            calls.for_each(|call| self.scan(call.get("function").and_then(|f| f.get("arguments"))));
        }
        let candidates = event.get("candidates").and_then(Value::as_array).into_iter().flatten();
        for candidate in candidates {
            let parts = candidate.get("content").and_then(|content| content.get("parts"));
            let parts = parts.and_then(Value::as_array).into_iter().flatten();
            parts.for_each(|part| self.scan(part.get("text")));
        }
        if let Some(delta) = event.get("delta") {
            if kind.starts_with("response.") {
                self.scan(Some(delta).filter(|_| kind.rsplit('.').next() == Some("delta")));
            }
            for key in ["text", "thinking", "partial_json"] {
                self.scan(delta.get(key));
            }
            let content = delta.get("message").and_then(|message| message.get("content"));
            self.scan(content.and_then(|content| content.get("text")));
        }
        let converse = event.get("contentBlockDelta").and_then(|block| block.get("delta"));
        self.scan(converse.and_then(|delta| delta.get("text")));
        if event.get("event_type").and_then(Value::as_str) == Some("text-generation") {
            self.scan(event.get("text"));
        }
    }

    fn scan(&mut self, text: Option<&Value>) {
        if let Some(text) = text.and_then(Value::as_str).filter(|text| !text.is_empty()) {
            self.text.push(text);
            self.has_text = true;
        }
    }

    /// A stream that reported nothing: the output is estimated from the text that came.
    fn estimate_of_text(&self) -> Option<Extracted> {
        let is_media = !self.counted.is_none();
        if !self.has_text && !is_media {
            return None;
        }
        let usage = if self.has_text {
            Usage::of(Unit::OutputTokens, self.text.tokens())
        } else {
            Usage::none()
        };
        let model = self.merged.get("model").or_else(|| self.merged.get("modelVersion"));
        Some(Extracted {
            usage,
            model: model.and_then(Value::as_str).map(str::to_owned),
            variant: None,
            vendor_cost_usd: None,
            is_partial: true,
            notes: vec![NO_REPORT.to_owned()],
            usage_source: UsageSource::Estimated,
        })
    }

    /// A cut stream may have reported less output than the text that came.
    fn raise_output(&self, found: &mut Extracted) {
        let estimated = if self.has_text { self.text.tokens() } else { 0 };
        if estimated > found.usage.get(&Unit::OutputTokens) {
            found.usage.set(Unit::OutputTokens, estimated);
            found.usage_source = UsageSource::Estimated;
            let note = "the output is estimated from the text that came";
            if !found.notes.iter().any(|known| known == note || known == NO_REPORT) {
                found.notes.push(note.to_owned());
            }
        }
    }
}

const NO_REPORT: &str = "the stream reported no usage: the output is estimated from its text, \
     the input is not known; OpenAI's form needs `stream_options.include_usage`";

/// Whether an event ends its answer and reports its usage at once.
fn is_finished(event: &Value) -> bool {
    let has_usage = ["usage", "usageMetadata", "usage_metadata"]
        .iter()
        .any(|key| event.get(*key).is_some_and(Value::is_object));
    let says_why = |key: &str, reasons: &[&str]| {
        let list = event.get(key).and_then(Value::as_array).into_iter().flatten();
        list.into_iter().any(|choice| {
            reasons.iter().any(|reason| choice.get(*reason).is_some_and(Value::is_string))
        })
    };
    // The last chunk of OpenAI's form has no choices, only the usage.
    let is_bare = event.get("choices").and_then(Value::as_array).is_some_and(Vec::is_empty);
    has_usage
        && (is_bare
            || says_why("choices", &["finish_reason"])
            || says_why("candidates", &["finishReason", "finish_reason"]))
}

/// Lays a value over what is kept under a key; objects key by key, one level deep, `null` never.
fn lay_over(kept: &mut Map<String, Value>, key: &str, value: &Value) {
    match (kept.get_mut(key), value) {
        (Some(Value::Object(old)), Value::Object(new)) => {
            for (name, inner) in new.iter().filter(|(_, inner)| !inner.is_null()) {
                old.insert(name.clone(), inner.clone());
            }
        }
        _ => {
            kept.insert(key.to_owned(), value.clone());
        }
    }
}
