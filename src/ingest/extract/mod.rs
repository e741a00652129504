//! After the call: what a provider's answer says was used.
//!
//! What it is: one table per provider, read by one reader, [`shape`]. What it is not: a bill, or a
//! guess; a body that reports nothing is "no usage", never zero.

mod anthropic;
mod bedrock;
mod cohere;
mod compatible;
mod gemini;
mod media;
mod openai;
mod read;
mod search;
mod shape;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::names::provider as p;
use super::stream::UsageStream;
use crate::domain::call::{CallOutcome, CallRecord, UsageSource};
use crate::domain::money::Money;
use crate::domain::price::Variant;
use crate::domain::usage::{Unit, Usage};
use shape::Shape;

pub use shape::part_of;

/// What an answer says was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extracted {
    /// Quantities by unit. Cached, cache-write, reasoning and audio counts are inside the totals,
    /// whatever the vendor's form; [`part_of`] tells it of the units without a column.
    pub usage: Usage,
    /// The model as the answer names it.
    pub model: Option<String>,
    /// The service tier that served it, where the answer says so.
    pub variant: Option<Variant>,
    /// What the vendor says it charged, in dollars: it wins over a list price and is kept beside
    /// it.
    pub vendor_cost_usd: Option<Money>,
    /// True when a stream or a crawl ended before its end: the usage is what is known so far.
    pub is_partial: bool,
    /// What was not understood or had to be put right; never content.
    pub notes: Vec<String>,
    /// Reported, unless a cut stream's output had to be estimated from the text that came.
    pub usage_source: UsageSource,
}

impl Extracted {
    /// The call that this is the answer to, ready to be recorded: usage, model, tier and the
    /// vendor's cost are those of the answer. Key, status and details are the caller's to add.
    ///
    /// ```
    /// use alwrity_metering::{CallRecord, extract_usage};
    /// let body = serde_json::json!({
    ///     "object": "chat.completion", "model": "o4-mini-2025-04-16", "service_tier": "flex",
    ///     "usage": {"prompt_tokens": 89, "completion_tokens": 12, "total_tokens": 101},
    /// });
    /// let found = extract_usage("openai", &body).ok_or("no usage")?;
    /// let record = CallRecord {
    ///     idempotency_key: Some("request-17".into()),
    ///     ..found.into_record("ada", "openai")
    /// };
    /// assert_eq!(record.variant.name(), "flex");
    /// assert_eq!(record.usage.total_tokens(), 101);
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn into_record(self, user: &str, provider: &str) -> CallRecord {
        let Self { usage, model, variant, vendor_cost_usd, usage_source, .. } = self;
        CallRecord {
            variant: variant.unwrap_or(Variant::Standard),
            usage_source,
            vendor_cost_usd,
            ..CallRecord::new(user, provider, &model.unwrap_or_default(), usage)
        }
    }
}

/// How a call that was held for turned out, by its answer: what `settle` takes. The tier stays
/// that of the hold.
///
/// ```
/// use alwrity_metering::{CallOutcome, extract_usage_text};
/// let text = r#"{"results": [], "costDollars": {"total": 0.005}}"#;
/// let outcome: CallOutcome = extract_usage_text("exa", text).ok_or("no usage")?.into();
/// assert_eq!(outcome.vendor_cost_usd.map(|cost| cost.to_string()).as_deref(), Some("0.005"));
/// # Ok::<(), &str>(())
/// ```
impl From<Extracted> for CallOutcome {
    fn from(found: Extracted) -> Self {
        let Extracted { usage, vendor_cost_usd, usage_source, .. } = found;
        Self { usage, usage_source, vendor_cost_usd, ..Self::default() }
    }
}

/// The shapes that a provider answers in.
fn shapes_of(provider: &str) -> &'static [&'static Shape] {
    match provider {
        p::OPENAI => openai::SHAPES,
        p::AZURE_OPENAI => compatible::AZURE,
        p::ANTHROPIC => anthropic::SHAPES,
        p::GEMINI => gemini::SHAPES,
        p::MISTRAL => compatible::MISTRAL,
        p::GROQ => compatible::GROQ,
        p::DEEPSEEK => compatible::DEEPSEEK,
        p::XAI => compatible::XAI,
        p::COHERE => cohere::SHAPES,
        p::PERPLEXITY => compatible::PERPLEXITY,
        p::TAVILY => search::TAVILY,
        p::SERPER => search::SERPER,
        p::EXA => search::EXA,
        p::FIRECRAWL => search::FIRECRAWL,
        p::STABILITY => media::STABILITY,
        p::WAVESPEED => media::WAVESPEED,
        p::OPENROUTER => compatible::OPENROUTER,
        p::HUGGINGFACE => compatible::HUGGINGFACE,
        p::AWS_BEDROCK => bedrock::SHAPES,
        p::FAL => media::FAL,
        _ => ANY,
    }
}

/// The forms that a provider without a table may speak: one that reports tokens.
const ANY: &[&Shape] = &[&openai::CHAT, &openai::RESPONSES, &bedrock::CONVERSE];

/// What an answer says was used, or `None` when it reports no usage.
///
/// `provider` is a name of [`names::provider`](super::names::provider); any other is read in the
/// common forms. A list is read as the events of a stream.
///
/// ```
/// use alwrity_metering::Unit;
/// use alwrity_metering::ingest::extract_usage;
/// let body = serde_json::json!({
///     "type": "message", "model": "claude-sonnet-4-5",
///     "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 5},
/// });
/// let found = extract_usage("anthropic", &body).ok_or("no usage")?;
/// assert_eq!(found.usage.get(&Unit::InputTokens), 100);
/// assert_eq!(found.usage.get(&Unit::CachedInputTokens), 90);
/// assert_eq!(extract_usage("openai", &serde_json::json!({"usage": null})), None);
/// # Ok::<(), &str>(())
/// ```
pub fn extract_usage(provider: &str, body: &Value) -> Option<Extracted> {
    if let Value::Array(events) = body {
        let mut stream = UsageStream::new(provider);
        for event in events {
            stream.push_event(event);
        }
        return stream.finish();
    }
    let (body, is_batch) = unwrap_envelope(body);
    let mut found = read_body(provider, body)?;
    if is_batch {
        found.variant = Some(Variant::Batch);
    }
    if is_going_on(provider, body) {
        found.is_partial = true;
    }
    Some(found)
}

fn read_body(provider: &str, body: &Value) -> Option<Extracted> {
    // Several vendors also speak Anthropic's form, which names the same keys as OpenAI's but counts
    // the cache outside.
    let kind = body.get("type").and_then(Value::as_str);
    if matches!(kind, Some("message" | "message_delta"))
        && let Some(root) = anthropic::MESSAGES.root_of(body)
    {
        return anthropic::MESSAGES.read(body, root);
    }
    shapes_of(provider).iter().find_map(|shape| shape.read(body, shape.root_of(body)?))
}

/// The answer inside a line of a batch's results or inside an event, and whether it was a batch.
fn unwrap_envelope(body: &Value) -> (&Value, bool) {
    let inside = |path: &str| read::at(body, path).filter(|inner| inner.is_object());
    if body.get("custom_id").is_some()
        && let Some(inner) = inside("response.body").or_else(|| inside("result.message"))
    {
        return (inner, true);
    }
    if body.get("key").is_some()
        && let Some(inner) = inside("response").filter(|inner| inner.get("usageMetadata").is_some())
    {
        return (inner, true);
    }
    let kind = body.get("type").and_then(Value::as_str).unwrap_or_default();
    let inner = match kind {
        "message_start" => inside("message"),
        _ if kind.starts_with("response.") => inside("response"),
        _ => None,
    };
    (inner.unwrap_or(body), false)
}

/// Whether a crawl's answer says that it goes on.
fn is_going_on(provider: &str, body: &Value) -> bool {
    let status = body.get("status").and_then(Value::as_str);
    provider == p::FIRECRAWL && matches!(status, Some("scraping" | "processing"))
}

/// [`extract_usage`] from the text of a body: JSON, or the text of a stream as it came.
///
/// ```
/// use alwrity_metering::ingest::extract_usage_text;
/// let found = extract_usage_text("exa", r#"{"results": [], "costDollars": {"total": 0.005}}"#);
/// let cost = found.and_then(|found| found.vendor_cost_usd).map(|cost| cost.to_string());
/// assert_eq!(cost.as_deref(), Some("0.005"));
/// assert_eq!(extract_usage_text("openai", "<html>502 Bad Gateway</html>"), None);
/// ```
pub fn extract_usage_text(provider: &str, text: &str) -> Option<Extracted> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with('{')
        && let Ok(body) = serde_json::from_str::<Value>(text)
    {
        return extract_usage(provider, &body);
    }
    let mut stream = UsageStream::new(provider);
    stream.push_chunk(text);
    stream.finish()
}

/// What a body of bytes counts as: one image, one video, or one request for a sound.
///
/// Providers that answer with the picture itself report no usage; its `Content-Type` tells.
///
/// ```
/// use alwrity_metering::Unit;
/// use alwrity_metering::ingest::extract_content_type;
/// let found = extract_content_type("image/png").ok_or("no usage")?;
/// assert_eq!(found.usage.get(&Unit::Images), 1);
/// assert_eq!(extract_content_type("text/html"), None);
/// # Ok::<(), &str>(())
/// ```
pub fn extract_content_type(content_type: &str) -> Option<Extracted> {
    let unit: Unit = media::unit_of_content_type(content_type)?.parse().ok()?;
    Some(Extracted {
        usage: Usage::of(unit, 1),
        model: None,
        variant: None,
        vendor_cost_usd: None,
        is_partial: false,
        notes: Vec::new(),
        usage_source: UsageSource::Reported,
    })
}
