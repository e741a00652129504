//! A model's name: brought to one form, and what it says about provider and operation.

use std::borrow::Cow;

use serde::Serialize;

use super::{Confidence, Detection};
use crate::ingest::names::{operation as o, provider as p};
use crate::ingest::work::visited;

/// A longer name is no model's.
const NAME_BYTES_MAX: usize = 256;

/// A model's name, taken apart. Prices are matched by the name as given first, then by `name`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NormalisedModel {
    /// The bare name in lower case, without folder, vendor, route, version and date.
    pub name: String,
    /// What stood before it: `openai` in `openai/gpt-oss-120b:groq`.
    pub vendor: Option<String>,
    /// Which host a router was to take: `groq` in the same.
    pub route: Option<String>,
    /// The date or revision: `20241022`, `2024-08-06`, `latest`, `001`.
    pub date: Option<String>,
}

/// Suffixes after a colon that choose a host or a way, not a model.
const ROUTES: [&str; 32] = [
    "auto",
    "baseten",
    "cerebras",
    "cheapest",
    "cohere",
    "exacto",
    "extended",
    "fal-ai",
    "fastest",
    "featherless-ai",
    "fireworks-ai",
    "floor",
    "free",
    "groq",
    "hf-inference",
    "hyperbolic",
    "nebius",
    "nitro",
    "novita",
    "nscale",
    "online",
    "ovhcloud",
    "preferred",
    "publicai",
    "replicate",
    "sambanova",
    "scaleway",
    "thinking",
    "together",
    "wavespeed",
    "zai-org",
    "beta",
];

/// Regions that Bedrock puts before a model.
const REGIONS: [&str; 9] = ["us", "eu", "apac", "global", "us-gov", "jp", "au", "ca", "sa"];

/// Vendors that Bedrock puts before a model, with a dot.
const DOTTED_VENDORS: [&str; 13] = [
    "anthropic",
    "amazon",
    "meta",
    "mistral",
    "cohere",
    "ai21",
    "deepseek",
    "stability",
    "openai",
    "qwen",
    "writer",
    "twelvelabs",
    "luma",
];

/// Vendors whose models are paths of their own.
const PATH_VENDORS: [&str; 2] = ["fal-ai", "wavespeed-ai"];

type Family = (&'static str, Option<&'static str>, &'static str);

/// A beginning of a bare name, the provider that alone sells it, and what it does.
static FAMILIES: [Family; 58] = [
    ("gpt-image", Some(p::OPENAI), o::IMAGE_GENERATION),
    ("chatgpt-image", Some(p::OPENAI), o::IMAGE_GENERATION),
    ("dall-e", Some(p::OPENAI), o::IMAGE_GENERATION),
    ("sora", Some(p::OPENAI), o::VIDEO_GENERATION),
    ("tts-1", Some(p::OPENAI), o::AUDIO_GENERATION),
    ("gpt-4o-mini-tts", Some(p::OPENAI), o::AUDIO_GENERATION),
    ("text-embedding-3", Some(p::OPENAI), o::EMBEDDINGS),
    ("text-embedding-ada", Some(p::OPENAI), o::EMBEDDINGS),
    ("gpt-oss", None, o::CHAT),
    ("gpt-", Some(p::OPENAI), o::CHAT),
    ("ft:gpt-", Some(p::OPENAI), o::CHAT),
    ("chatgpt-", Some(p::OPENAI), o::CHAT),
    ("codex-", Some(p::OPENAI), o::CHAT),
    ("o1", Some(p::OPENAI), o::CHAT),
    ("o3", Some(p::OPENAI), o::CHAT),
    ("o4", Some(p::OPENAI), o::CHAT),
    ("claude", Some(p::ANTHROPIC), o::CHAT),
    ("gemini-embedding", Some(p::GEMINI), o::EMBEDDINGS),
    ("text-embedding-00", Some(p::GEMINI), o::EMBEDDINGS),
    ("text-embedding-004", Some(p::GEMINI), o::EMBEDDINGS),
    ("text-multilingual-embedding", Some(p::GEMINI), o::EMBEDDINGS),
    ("gemini", Some(p::GEMINI), o::CHAT),
    ("imagen", Some(p::GEMINI), o::IMAGE_GENERATION),
    ("veo-", Some(p::GEMINI), o::VIDEO_GENERATION),
    ("lyria", Some(p::GEMINI), o::AUDIO_GENERATION),
    ("mistral-embed", Some(p::MISTRAL), o::EMBEDDINGS),
    ("codestral-embed", Some(p::MISTRAL), o::EMBEDDINGS),
    ("mistral-", Some(p::MISTRAL), o::CHAT),
    ("ministral", Some(p::MISTRAL), o::CHAT),
    ("magistral", Some(p::MISTRAL), o::CHAT),
    ("codestral", Some(p::MISTRAL), o::CHAT),
    ("devstral", Some(p::MISTRAL), o::CHAT),
    ("pixtral", Some(p::MISTRAL), o::CHAT),
    ("open-mi", Some(p::MISTRAL), o::CHAT),
    ("deepseek-chat", Some(p::DEEPSEEK), o::CHAT),
    ("deepseek-reasoner", Some(p::DEEPSEEK), o::CHAT),
    ("deepseek", None, o::CHAT),
    ("grok-2-image", Some(p::XAI), o::IMAGE_GENERATION),
    ("grok-imagine", Some(p::XAI), o::IMAGE_GENERATION),
    ("grok", Some(p::XAI), o::CHAT),
    ("command", Some(p::COHERE), o::CHAT),
    ("c4ai-", Some(p::COHERE), o::CHAT),
    ("embed-", Some(p::COHERE), o::EMBEDDINGS),
    ("rerank-", Some(p::COHERE), o::SEARCH),
    ("sonar", Some(p::PERPLEXITY), o::CHAT),
    ("llama-", None, o::CHAT),
    ("qwen-image", None, o::IMAGE_GENERATION),
    ("qwen", None, o::CHAT),
    ("kimi-", None, o::CHAT),
    ("glm-", None, o::CHAT),
    ("gemma", None, o::CHAT),
    ("stable-diffusion", None, o::IMAGE_GENERATION),
    ("stable-image", Some(p::STABILITY), o::IMAGE_GENERATION),
    ("sd3", Some(p::STABILITY), o::IMAGE_GENERATION),
    ("flux", None, o::IMAGE_GENERATION),
    ("ideogram", None, o::IMAGE_GENERATION),
    ("nova-", Some(p::AWS_BEDROCK), o::CHAT),
    ("titan-embed", Some(p::AWS_BEDROCK), o::EMBEDDINGS),
];

/// A part of a bare name between its dashes that tells what the model makes, over its family.
const KINDS: [(&str, &str); 14] = [
    ("image", o::IMAGE_GENERATION),
    ("edit", o::IMAGE_EDIT),
    ("kontext", o::IMAGE_EDIT),
    ("tts", o::AUDIO_GENERATION),
    ("tts3", o::AUDIO_GENERATION),
    ("speech", o::AUDIO_GENERATION),
    ("voice", o::AUDIO_GENERATION),
    ("video", o::VIDEO_GENERATION),
    ("t2v", o::VIDEO_GENERATION),
    ("i2v", o::VIDEO_GENERATION),
    ("kling", o::VIDEO_GENERATION),
    ("seedance", o::VIDEO_GENERATION),
    ("infinitetalk", o::VIDEO_GENERATION),
    ("embed", o::EMBEDDINGS),
];

/// Brings a model's name to one form.
///
/// ```
/// use alwrity_metering::ingest::normalise_model;
/// let model = normalise_model("openai/gpt-oss-120b:groq");
/// assert_eq!(model.name, "gpt-oss-120b");
/// assert_eq!((model.vendor.as_deref(), model.route.as_deref()), (Some("openai"), Some("groq")));
/// assert_eq!(normalise_model("models/gemini-2.0-flash-001").name, "gemini-2.0-flash");
/// assert_eq!(normalise_model("Claude-3.5-Sonnet-20241022").name, "claude-3-5-sonnet");
/// ```
pub fn normalise_model(model: &str) -> NormalisedModel {
    let lower = lower(model);
    let Parts { name, vendor, route, date } = Parts::of(&lower);
    let owned = |part: Option<&str>| part.map(str::to_owned);
    let (vendor, route, date) = (owned(vendor), owned(route), owned(date));
    NormalisedModel { name: name.into_owned(), vendor, route, date }
}

/// A name without blanks around it, in lower case; empty when it cannot be a model's.
fn lower(model: &str) -> Cow<'_, str> {
    let text = model.trim();
    if text.len() > NAME_BYTES_MAX {
        return Cow::Borrowed("");
    }
    visited(text.len());
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// A [`NormalisedModel`] that borrows from the name in lower case.
struct Parts<'t> {
    name: Cow<'t, str>,
    vendor: Option<&'t str>,
    route: Option<&'t str>,
    date: Option<&'t str>,
}

impl<'t> Parts<'t> {
    fn of(lower: &'t str) -> Self {
        let path = lower.rsplit_once("models/").map_or(lower, |(_, name)| name);
        let (vendor, name) = split_vendor(path);
        let (name, route) = split_route(name);
        let (vendor, name) = split_dotted(vendor, name);
        let (name, date) = split_date(name);
        let name = match name.strip_prefix("claude") {
            Some(rest) if rest.contains('.') => {
                Cow::Owned(format!("claude{}", rest.replace('.', "-")))
            }
            _ => Cow::Borrowed(name),
        };
        Self { name, vendor, route, date }
    }
}

fn split_vendor(path: &str) -> (Option<&str>, &str) {
    for vendor in PATH_VENDORS {
        if let Some(name) = path.strip_prefix(vendor).and_then(|rest| rest.strip_prefix('/')) {
            return (Some(vendor), name);
        }
    }
    match path.rsplit_once('/') {
        Some((before, name)) if !name.is_empty() => {
            (before.rsplit_once('/').map_or(Some(before), |(_, vendor)| Some(vendor)), name)
        }
        _ => (None, path),
    }
}

fn split_route(name: &str) -> (&str, Option<&str>) {
    if let Some(base) = name.strip_prefix("ft:").and_then(|rest| rest.split(':').next()) {
        return (&name[.."ft:".len() + base.len()], None);
    }
    match name.rsplit_once(':') {
        Some((base, route)) if ROUTES.contains(&route) && !base.is_empty() => (base, Some(route)),
        _ => (name, None),
    }
}

/// Bedrock's form: `us.anthropic.claude-3-5-sonnet-20241022-v2:0`.
fn split_dotted<'t>(vendor: Option<&'t str>, name: &'t str) -> (Option<&'t str>, &'t str) {
    let name = match name.split_once('.') {
        Some((region, rest)) if REGIONS.contains(&region) => rest,
        _ => name,
    };
    match name.split_once('.') {
        Some((dotted, rest)) if DOTTED_VENDORS.contains(&dotted) => {
            (Some(dotted), strip_version(rest))
        }
        _ => (vendor, name),
    }
}

/// Without a last `-v1:0`, or `:0`.
fn strip_version(name: &str) -> &str {
    let Some((base, minor)) = name.rsplit_once(':') else { return name };
    if minor.is_empty() || !minor.bytes().all(|byte| byte.is_ascii_digit()) {
        return name;
    }
    match base.rsplit_once("-v") {
        Some((name, major)) if major.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => base,
    }
}

/// Takes a date or revision off the end: `-20241022`, `@20240620`, `-2024-07-18`, `-08-2024`,
/// `-05-20`, `-0613`, `-2411`, `-001`, `-latest`.
fn split_date(name: &str) -> (&str, Option<&str>) {
    if let Some((base, date)) = name.rsplit_once('@') {
        return (base, Some(date));
    }
    let ends = |length: usize| {
        let start = name.len().checked_sub(length)?;
        let tail = name.get(start..)?;
        let base = name.get(..start)?.strip_suffix('-')?;
        (!base.is_empty()).then_some((base, tail))
    };
    let shapes = ["9999-99-99", "99999999", "99-9999", "99-99", "9999", "999"];
    for shape in shapes {
        if let Some((base, tail)) = ends(shape.len())
            && has_shape(tail, shape)
            && is_date(tail)
            // The number of a family, as in `text-embedding-004`, is no revision.
            && (tail.len() != 3 || base.bytes().any(|byte| byte.is_ascii_digit()))
        {
            return (base, Some(tail));
        }
    }
    match ends("latest".len()) {
        Some((base, "latest")) => (base, Some("latest")),
        _ => (name, None),
    }
}

fn has_shape(text: &str, shape: &str) -> bool {
    let same =
        |(byte, want): (u8, u8)| if want == b'9' { byte.is_ascii_digit() } else { byte == want };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(same)
}

/// Whether digits of a known shape can be a date or a revision.
fn is_date(text: &str) -> bool {
    let number = |part: &str| part.parse::<u32>().unwrap_or(0);
    let is_year = |part: &str| (2020..2100).contains(&number(part));
    let is_month = |part: &str| (1..=12).contains(&number(part));
    let is_day = |part: &str| (1..=31).contains(&number(part));
    let parts: Vec<&str> = text.split('-').collect();
    match parts[..] {
        [year, month, day] => is_year(year) && is_month(month) && is_day(day),
        [month, year] if year.len() == 4 => is_month(month) && is_year(year),
        [month, day] => is_month(month) && is_day(day),
        [one] if one.len() == 8 => is_year(&one[..4]) && is_month(&one[4..6]) && is_day(&one[6..]),
        [one] if one.len() == 4 => {
            let (first, last) = one.split_at(2);
            is_month(first) && is_day(last) || number(first) > 22 && is_month(last)
        }
        [one] => one.starts_with("00"),
        _ => false,
    }
}

/// What a model's name says about its provider and operation.
///
/// A name alone never makes a provider certain, since others resell it; a model with open weights
/// names no provider at all.
///
/// ```
/// use alwrity_metering::ingest::{Confidence, detect_model};
/// let found = detect_model("gpt-4o-mini-2024-07-18");
/// assert_eq!(found.provider.as_deref(), Some("openai"));
/// assert_eq!(found.confidence, Confidence::Likely);
/// assert_eq!(detect_model("llama-3.3-70b-versatile").provider, None);
/// assert!(detect_model("my-own-model").is_unknown());
/// ```
pub fn detect_model(model: &str) -> Detection {
    let lower = lower(model);
    let parts = Parts::of(&lower);
    let family = family_of(&parts.name);
    let done = operation_of(&parts.name, family);
    let owner = provider_by_form(model, &parts).or_else(|| family.and_then(|(_, owner, _)| *owner));
    if owner.is_none() && done.is_none() {
        return Detection::unknown();
    }
    Detection {
        model: Some(model.trim().to_owned()),
        ..Detection::known(owner, done, Confidence::Likely)
    }
}

/// The provider that the form of a name gives away: a router's suffix, a folder, Bedrock's dots.
fn provider_by_form(model: &str, parts: &Parts<'_>) -> Option<&'static str> {
    match (parts.vendor, parts.route) {
        (Some("fal-ai"), None) => Some(p::FAL),
        (Some("wavespeed-ai"), None) => Some(p::WAVESPEED),
        (_, Some("free" | "nitro" | "floor" | "online" | "extended" | "exacto")) => {
            Some(p::OPENROUTER)
        }
        (Some(_), Some(_)) => Some(p::HUGGINGFACE),
        (Some(vendor), None) if DOTTED_VENDORS.contains(&vendor) && !model.contains('/') => {
            Some(p::AWS_BEDROCK)
        }
        _ => None,
    }
}

/// The operation that a model's name tells, dates and vendors aside.
pub(super) fn operation_of_model(model: &str) -> Option<&'static str> {
    let lower = lower(model);
    let name = Parts::of(&lower).name;
    operation_of(&name, family_of(&name))
}

fn family_of(name: &str) -> Option<&'static Family> {
    let first = name.bytes().next()?;
    FAMILIES
        .iter()
        .find(|(prefix, ..)| prefix.as_bytes().first() == Some(&first) && name.starts_with(prefix))
}

fn operation_of(name: &str, family: Option<&Family>) -> Option<&'static str> {
    let of_kind = |kind: &str| KINDS.iter().find(|(word, _)| *word == kind).map(|(_, done)| *done);
    // The last word that tells wins: `qwen-image-edit` edits.
    let by_word = name.rsplit(['-', '/', '_']).find_map(of_kind);
    by_word.or_else(|| family.map(|(_, _, done)| *done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_to_one_form() {
        for (model, name) in [
            ("gpt-4o", "gpt-4o"),
            (" GPT-4o-2024-08-06 ", "gpt-4o"),
            ("gpt-4-0613", "gpt-4"),
            ("gpt-4-1106-preview", "gpt-4-1106-preview"),
            ("mistral-large-2411", "mistral-large"),
            ("mistral-large-latest", "mistral-large"),
            ("gpt-4-32k", "gpt-4-32k"),
            ("gemini-2.5-flash-preview-05-20", "gemini-2.5-flash-preview"),
            ("publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
            ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
            ("claude-3.5-sonnet", "claude-3-5-sonnet"),
            ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet"),
            ("amazon.nova-lite-v1:0", "nova-lite"),
            ("anthropic/claude-sonnet-4", "claude-sonnet-4"),
            ("openrouter/deepseek/deepseek-r1-0528:free", "deepseek-r1"),
            ("ft:gpt-4o-mini-2024-07-18:acme::abc", "ft:gpt-4o-mini"),
            ("llama3:8b", "llama3:8b"),
            ("fal-ai/flux/dev", "flux/dev"),
            ("command-r-08-2024", "command-r"),
            ("o3-mini", "o3-mini"),
            ("", ""),
            ("/", "/"),
            ("-latest", "-latest"),
        ] {
            assert_eq!(normalise_model(model).name, name, "{model}");
        }
        assert_eq!(normalise_model(&"x".repeat(300)), NormalisedModel::default());
    }

    #[test]
    fn a_name_tells_provider_and_operation_or_nothing() {
        for (model, provider, operation) in [
            ("gemini-2.5-flash", Some("gemini"), Some("chat")),
            ("gemini-2.5-flash-image", Some("gemini"), Some("image_generation")),
            ("gemini-2.5-flash-preview-tts", Some("gemini"), Some("audio_generation")),
            ("imagen-4.0-generate-001", Some("gemini"), Some("image_generation")),
            ("text-embedding-3-small", Some("openai"), Some("embeddings")),
            ("text-embedding-004", Some("gemini"), Some("embeddings")),
            ("openai/gpt-oss-120b:groq", Some("huggingface"), Some("chat")),
            ("deepseek/deepseek-r1:free", Some("openrouter"), Some("chat")),
            ("gpt-oss-120b", None, Some("chat")),
            ("us.meta.llama3-1-70b-instruct-v1:0", Some("aws_bedrock"), None),
            ("wavespeed-ai/qwen-image/edit", Some("wavespeed"), Some("image_edit")),
            ("fal-ai/flux-pro/kontext", Some("fal"), Some("image_edit")),
            ("minimax/speech-02-hd", None, Some("audio_generation")),
            ("sonar-deep-research", Some("perplexity"), Some("chat")),
            ("something", None, None),
        ] {
            let found = detect_model(model);
            assert_eq!(found.provider.as_deref(), provider, "{model}");
            assert_eq!(found.operation.as_deref(), operation, "{model}");
        }
    }
}
