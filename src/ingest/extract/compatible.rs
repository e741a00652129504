//! Those who speak OpenAI's form with marks of their own: one table each.

use super::anthropic::MESSAGES;
use super::openai::{CHAT, IMAGES, RESPONSES, SECONDS, TRANSCRIPT};
use super::shape::{As, CACHED, INPUT, OUTPUT, Shape, Side, WRITE_5M};

/// Groq: times beside the counts; a stream has the usage in `x_groq` too.
const GROQ_CHAT: Shape =
    Shape { known: &["queue_time", "prompt_time", "completion_time", "total_time"], ..CHAT };
const GROQ_STREAM: Shape = Shape { root: "x_groq.usage", ..GROQ_CHAT };
pub(super) const GROQ: &[&Shape] = &[&GROQ_CHAT, &GROQ_STREAM, &RESPONSES, &TRANSCRIPT];

/// DeepSeek: the prompt is its cache hits and misses together.
const DEEPSEEK_CHAT: Shape = Shape {
    fields: &[
        ("prompt_tokens", As::Whole(INPUT)),
        ("completion_tokens", As::Whole(OUTPUT)),
        ("prompt_cache_hit_tokens", As::Inside(CACHED)),
        ("prompt_tokens_details.cached_tokens", As::Inside(CACHED)),
        ("completion_tokens_details.reasoning_tokens", As::Reasoning(Side::In)),
    ],
    known: &["prompt_cache_miss_tokens"],
    ..CHAT
};
pub(super) const DEEPSEEK: &[&Shape] = &[&DEEPSEEK_CHAT, &MESSAGES];

/// xAI: reasoning stands beside the completion in the chat form, and the cost is exact, in ticks
/// of 10⁻¹⁰ dollars.
const XAI_CHAT: Shape = Shape {
    fields: &[
        ("prompt_tokens", As::Whole(INPUT)),
        ("completion_tokens", As::Whole(OUTPUT)),
        ("prompt_tokens_details.cached_tokens", As::Inside(CACHED)),
        ("cached_prompt_text_tokens", As::Inside(CACHED)),
        ("prompt_tokens_details.image_tokens", As::Inside("input_image_tokens")),
        ("prompt_tokens_details.audio_tokens", As::Inside("input_audio_tokens")),
        ("completion_tokens_details.reasoning_tokens", As::Reasoning(Side::Out)),
        ("reasoning_tokens", As::Reasoning(Side::Out)),
        ("completion_tokens_details.audio_tokens", As::Inside("output_audio_tokens")),
        ("server_side_tool_usage_details.web_search_calls", As::Whole("web_searches")),
        ("server_side_tool_usage_details.x_search_calls", As::Whole("social_searches")),
        ("num_sources_used", As::Whole("search_sources")),
    ],
    known: &["cost_in_usd_ticks", "num_server_side_tools_used", "prompt_text_tokens"],
    cost: &[("usage.cost_in_usd_ticks", 10)],
    ..CHAT
};
const XAI_RESPONSES: Shape = Shape {
    fields: &[
        ("input_tokens", As::Whole(INPUT)),
        ("output_tokens", As::Whole(OUTPUT)),
        ("input_tokens_details.cached_tokens", As::Inside(CACHED)),
        ("output_tokens_details.reasoning_tokens", As::Reasoning(Side::In)),
        ("server_side_tool_usage_details.web_search_calls", As::Whole("web_searches")),
        ("server_side_tool_usage_details.x_search_calls", As::Whole("social_searches")),
        ("num_sources_used", As::Whole("search_sources")),
    ],
    known: XAI_CHAT.known,
    cost: XAI_CHAT.cost,
    // The searches are counted by the usage, not by the items of the answer.
    more: Some(super::openai::count_images),
    ..RESPONSES
};
const XAI_IMAGES: Shape = Shape {
    root: "usage",
    needs: &["cost_in_usd_ticks"],
    known: &["cost_in_usd_ticks"],
    cost: XAI_CHAT.cost,
    more: Some(super::openai::count_images),
    ..Shape::EMPTY
};
pub(super) const XAI: &[&Shape] = &[&XAI_CHAT, &XAI_RESPONSES, &XAI_IMAGES, &IMAGES];

/// OpenRouter: what it charged, in dollars; cache writes where the vendor bills them.
const OPENROUTER_CHAT: Shape = Shape {
    fields: &[
        ("prompt_tokens", As::Whole(INPUT)),
        ("completion_tokens", As::Whole(OUTPUT)),
        ("prompt_tokens_details.cached_tokens", As::Inside(CACHED)),
        ("prompt_tokens_details.cache_write_tokens", As::Inside(WRITE_5M)),
        ("prompt_tokens_details.audio_tokens", As::Inside("input_audio_tokens")),
        ("prompt_tokens_details.video_tokens", As::Inside("input_video_tokens")),
        ("completion_tokens_details.reasoning_tokens", As::Reasoning(Side::In)),
        ("completion_tokens_details.audio_tokens", As::Inside("output_audio_tokens")),
        ("completion_tokens_details.image_tokens", As::Inside("output_image_tokens")),
        ("server_tool_use.web_search_requests", As::Whole("web_searches")),
    ],
    known: &["cost", "cost_details", "is_byok", "server_tool_use_details"],
    cost: &[("usage.cost", 0)],
    ..CHAT
};
const OPENROUTER_RESPONSES: Shape =
    Shape { known: &["cost", "cost_details", "is_byok"], cost: OPENROUTER_CHAT.cost, ..RESPONSES };
pub(super) const OPENROUTER: &[&Shape] = &[&OPENROUTER_CHAT, &OPENROUTER_RESPONSES];

/// Perplexity: what its research model thought, and what it read for its citations, stand beside
/// the completion; each is billed at a price of its own.
const PERPLEXITY_CHAT: Shape = Shape {
    fields: &[
        ("prompt_tokens", As::Whole(INPUT)),
        ("completion_tokens", As::Whole(OUTPUT)),
        ("reasoning_tokens", As::Reasoning(Side::AlwaysOut)),
        ("citation_tokens", As::Outside("citation_tokens", OUTPUT)),
        ("num_search_queries", As::Whole("web_searches")),
    ],
    known: &["cost", "search_context_size"],
    cost: &[("usage.cost.total_cost", 0), ("usage.cost", 0)],
    ..CHAT
};
const PERPLEXITY_RESPONSES: Shape = Shape {
    fields: &[
        ("input_tokens", As::Whole(INPUT)),
        ("output_tokens", As::Whole(OUTPUT)),
        ("input_tokens_details.cache_read_input_tokens", As::Inside(CACHED)),
        ("input_tokens_details.cache_creation_input_tokens", As::Inside(WRITE_5M)),
        ("output_tokens_details.reasoning_tokens", As::Reasoning(Side::In)),
        ("tool_calls_details.search_web.invocation", As::Whole("web_searches")),
        ("tool_calls_details.fetch_url.invocation", As::Whole("web_fetches")),
    ],
    known: &["cost"],
    cost: PERPLEXITY_CHAT.cost,
    more: None,
    ..RESPONSES
};
const PERPLEXITY_SEARCH: Shape = Shape {
    needs: &["results"],
    more: Some(|_, found| found.raise("searches", 1)),
    ..Shape::EMPTY
};
pub(super) const PERPLEXITY: &[&Shape] =
    &[&PERPLEXITY_CHAT, &PERPLEXITY_RESPONSES, &PERPLEXITY_SEARCH];

/// Mistral: like OpenAI; documents by pages, speech by seconds.
const MISTRAL_CHAT: Shape = Shape {
    fields: &[
        ("prompt_tokens", As::Whole(INPUT)),
        ("completion_tokens", As::Whole(OUTPUT)),
        ("prompt_tokens_details.cached_tokens", As::Inside(CACHED)),
        ("prompt_token_details.cached_tokens", As::Inside(CACHED)),
        ("num_cached_tokens", As::Inside(CACHED)),
        ("completion_tokens_details.reasoning_tokens", As::Reasoning(Side::In)),
        ("prompt_audio_seconds", As::Seconds),
        ("connectors.web_search", As::Whole("web_searches")),
        ("connectors.web_search_premium", As::Whole("web_searches_premium")),
    ],
    known: &["request_count", "connector_tokens"],
    ..CHAT
};
const MISTRAL_PAGES: Shape = Shape {
    root: "usage_info",
    needs: &["pages_processed"],
    fields: &[
        ("pages_processed", As::Whole("pages")),
        ("pages_processed_annotation", As::Inside("annotated_pages")),
    ],
    known: &["doc_size_bytes"],
    ..Shape::EMPTY
};
pub(super) const MISTRAL: &[&Shape] = &[&MISTRAL_CHAT, &MISTRAL_PAGES];

/// The Hugging Face router hands on what the chosen host answers.
pub(super) const HUGGINGFACE: &[&Shape] = &[&GROQ_CHAT, &GROQ_STREAM, &RESPONSES];

/// Azure: OpenAI's forms, and Anthropic's where it sells those models. An answer of Anthropic's
/// form is told from OpenAI's by its `type`.
pub(super) const AZURE: &[&Shape] = &[&CHAT, &RESPONSES, &SECONDS, &TRANSCRIPT, &IMAGES];
