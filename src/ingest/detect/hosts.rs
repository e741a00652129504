//! Which host is whose, and which path does what: one table per provider.

use crate::ingest::names::operation::{
    AUDIO_GENERATION, CHAT, CRAWL, EMBEDDINGS, IMAGE_EDIT, IMAGE_GENERATION, SEARCH,
    VIDEO_GENERATION,
};
use crate::ingest::names::provider as p;

/// The path of a model at Vertex, by its publisher and method.
macro_rules! vertex {
    ($publisher:literal, $method:literal) => {
        concat!("*/projects/*/locations/*/publishers/", $publisher, "/models/{model}:", $method)
    };
}

/// A path pattern and what it does, `None` where it is none of the operations.
pub(super) type Path = (&'static str, Option<&'static str>);

/// The hosts of a provider and its paths.
pub(super) struct Site {
    pub(super) provider: &'static str,
    pub(super) hosts: &'static [&'static str],
    pub(super) paths: &'static [Path],
}

const OPENAI: Site = Site {
    provider: p::OPENAI,
    hosts: &["api.openai.com", "*.api.openai.com"],
    paths: &[
        ("v1/chat/completions", Some(CHAT)),
        ("v1/responses", Some(CHAT)),
        ("v1/completions", Some(CHAT)),
        ("v1/realtime", Some(CHAT)),
        ("v1/embeddings", Some(EMBEDDINGS)),
        ("v1/images/generations", Some(IMAGE_GENERATION)),
        ("v1/images/edits", Some(IMAGE_EDIT)),
        ("v1/images/variations", Some(IMAGE_EDIT)),
        ("v1/videos", Some(VIDEO_GENERATION)),
        ("v1/videos/{id}/remix", Some(VIDEO_GENERATION)),
        ("v1/audio/speech", Some(AUDIO_GENERATION)),
    ],
};

const AZURE: Site = Site {
    provider: p::AZURE_OPENAI,
    hosts: &["*.openai.azure.com", "*.services.ai.azure.com", "*.cognitiveservices.azure.com"],
    paths: &[
        ("openai/deployments/{model}/chat/completions", Some(CHAT)),
        ("openai/deployments/{model}/completions", Some(CHAT)),
        ("openai/deployments/{model}/embeddings", Some(EMBEDDINGS)),
        ("openai/deployments/{model}/images/generations", Some(IMAGE_GENERATION)),
        ("openai/deployments/{model}/images/edits", Some(IMAGE_EDIT)),
        ("openai/deployments/{model}/audio/speech", Some(AUDIO_GENERATION)),
        ("openai/responses", Some(CHAT)),
        ("openai/v1/responses", Some(CHAT)),
        ("openai/v1/chat/completions", Some(CHAT)),
        ("openai/v1/embeddings", Some(EMBEDDINGS)),
        ("openai/v1/images/generations", Some(IMAGE_GENERATION)),
        ("openai/v1/video/generations/jobs", Some(VIDEO_GENERATION)),
        ("openai/v1/videos", Some(VIDEO_GENERATION)),
        ("models/chat/completions", Some(CHAT)),
        ("models/embeddings", Some(EMBEDDINGS)),
        ("anthropic/v1/messages", Some(CHAT)),
    ],
};

const ANTHROPIC: Site = Site {
    provider: p::ANTHROPIC,
    hosts: &["api.anthropic.com"],
    paths: &[
        ("v1/messages", Some(CHAT)),
        ("v1/complete", Some(CHAT)),
        ("v1/chat/completions", Some(CHAT)),
    ],
};

const GEMINI: Site = Site {
    provider: p::GEMINI,
    hosts: &["generativelanguage.googleapis.com", "generativelanguage.mtls.googleapis.com"],
    paths: &[
        ("*/models/{model}:generateContent", Some(CHAT)),
        ("*/models/{model}:streamGenerateContent", Some(CHAT)),
        ("*/models/{model}:batchGenerateContent", Some(CHAT)),
        ("*/models/{model}:embedContent", Some(EMBEDDINGS)),
        ("*/models/{model}:batchEmbedContents", Some(EMBEDDINGS)),
        ("*/models/{model}:predict", Some(IMAGE_GENERATION)),
        ("*/models/{model}:predictLongRunning", Some(VIDEO_GENERATION)),
        ("*/openai/chat/completions", Some(CHAT)),
        ("*/openai/embeddings", Some(EMBEDDINGS)),
        ("*/openai/images/generations", Some(IMAGE_GENERATION)),
    ],
};

/// Vertex: what Google publishes there is Gemini's; other publishers are named by the path.
const VERTEX: Site = Site {
    provider: p::GEMINI,
    hosts: &[
        "aiplatform.googleapis.com",
        "*-aiplatform.googleapis.com",
        "aiplatform.mtls.googleapis.com",
        "*-aiplatform.mtls.googleapis.com",
    ],
    paths: &[
        (vertex!("google", "generateContent"), Some(CHAT)),
        (vertex!("google", "streamGenerateContent"), Some(CHAT)),
        (vertex!("google", "predict"), None),
        (vertex!("google", "predictLongRunning"), Some(VIDEO_GENERATION)),
        (vertex!("google", "embedContent"), Some(EMBEDDINGS)),
        ("*/publishers/google/models/{model}:generateContent", Some(CHAT)),
        ("*/publishers/google/models/{model}:streamGenerateContent", Some(CHAT)),
    ],
};

const VERTEX_ANTHROPIC: Site = Site {
    provider: p::ANTHROPIC,
    hosts: VERTEX.hosts,
    paths: &[
        (vertex!("anthropic", "rawPredict"), Some(CHAT)),
        (vertex!("anthropic", "streamRawPredict"), Some(CHAT)),
    ],
};

const VERTEX_MISTRAL: Site = Site {
    provider: p::MISTRAL,
    hosts: VERTEX.hosts,
    paths: &[
        (vertex!("mistralai", "rawPredict"), Some(CHAT)),
        (vertex!("mistralai", "streamRawPredict"), Some(CHAT)),
    ],
};

const MISTRAL: Site = Site {
    provider: p::MISTRAL,
    hosts: &["api.mistral.ai", "codestral.mistral.ai"],
    paths: &[
        ("v1/chat/completions", Some(CHAT)),
        ("v1/fim/completions", Some(CHAT)),
        ("v1/agents/completions", Some(CHAT)),
        ("v1/conversations", Some(CHAT)),
        ("v1/embeddings", Some(EMBEDDINGS)),
    ],
};

const HUGGINGFACE: Site = Site {
    provider: p::HUGGINGFACE,
    hosts: &[
        "router.huggingface.co",
        "api-inference.huggingface.co",
        "**.endpoints.huggingface.cloud",
    ],
    paths: &[
        ("v1/chat/completions", Some(CHAT)),
        ("v1/responses", Some(CHAT)),
        ("*/v1/chat/completions", Some(CHAT)),
        ("*/openai/v1/chat/completions", Some(CHAT)),
        ("models/*/{model}/v1/chat/completions", Some(CHAT)),
        ("v1/embeddings", Some(EMBEDDINGS)),
    ],
};

const GROQ: Site = Site {
    provider: p::GROQ,
    hosts: &["api.groq.com"],
    paths: &[
        ("openai/v1/chat/completions", Some(CHAT)),
        ("openai/v1/responses", Some(CHAT)),
        ("openai/v1/embeddings", Some(EMBEDDINGS)),
        ("openai/v1/audio/speech", Some(AUDIO_GENERATION)),
    ],
};

const DEEPSEEK: Site = Site {
    provider: p::DEEPSEEK,
    hosts: &["api.deepseek.com"],
    paths: &[
        ("chat/completions", Some(CHAT)),
        ("v1/chat/completions", Some(CHAT)),
        ("beta/chat/completions", Some(CHAT)),
        ("beta/completions", Some(CHAT)),
        ("anthropic/v1/messages", Some(CHAT)),
    ],
};

const XAI: Site = Site {
    provider: p::XAI,
    hosts: &["api.x.ai", "*.api.x.ai"],
    paths: &[
        ("v1/chat/completions", Some(CHAT)),
        ("v1/responses", Some(CHAT)),
        ("v1/messages", Some(CHAT)),
        ("v1/completions", Some(CHAT)),
        ("v1/embeddings", Some(EMBEDDINGS)),
        ("v1/images/generations", Some(IMAGE_GENERATION)),
        ("v1/images/edits", Some(IMAGE_EDIT)),
        ("v1/videos/generations", Some(VIDEO_GENERATION)),
    ],
};

const OPENROUTER: Site = Site {
    provider: p::OPENROUTER,
    hosts: &["openrouter.ai", "api.openrouter.ai"],
    paths: &[
        ("api/v1/chat/completions", Some(CHAT)),
        ("api/v1/completions", Some(CHAT)),
        ("api/v1/responses", Some(CHAT)),
        ("api/v1/messages", Some(CHAT)),
        ("api/v1/embeddings", Some(EMBEDDINGS)),
    ],
};

const COHERE: Site = Site {
    provider: p::COHERE,
    hosts: &["api.cohere.com", "api.cohere.ai"],
    paths: &[
        ("v1/chat", Some(CHAT)),
        ("v2/chat", Some(CHAT)),
        ("v1/generate", Some(CHAT)),
        ("v1/embed", Some(EMBEDDINGS)),
        ("v2/embed", Some(EMBEDDINGS)),
        ("v1/rerank", Some(SEARCH)),
        ("v2/rerank", Some(SEARCH)),
        ("compatibility/v1/chat/completions", Some(CHAT)),
        ("compatibility/v1/embeddings", Some(EMBEDDINGS)),
    ],
};

const PERPLEXITY: Site = Site {
    provider: p::PERPLEXITY,
    hosts: &["api.perplexity.ai"],
    paths: &[
        ("chat/completions", Some(CHAT)),
        ("async/chat/completions", Some(CHAT)),
        ("v1/responses", Some(CHAT)),
        ("v1/embeddings", Some(EMBEDDINGS)),
        ("search", Some(SEARCH)),
    ],
};

const BEDROCK: Site = Site {
    provider: p::AWS_BEDROCK,
    hosts: &["bedrock-runtime.*.amazonaws.com", "bedrock-runtime-fips.*.amazonaws.com"],
    paths: &[
        ("model/{model}/converse", Some(CHAT)),
        ("model/{model}/converse-stream", Some(CHAT)),
        ("model/{model}/invoke", None),
        ("model/{model}/invoke-with-response-stream", Some(CHAT)),
        ("openai/v1/chat/completions", Some(CHAT)),
    ],
};

const TAVILY: Site = Site {
    provider: p::TAVILY,
    hosts: &["api.tavily.com"],
    paths: &[
        ("search", Some(SEARCH)),
        ("research", Some(SEARCH)),
        ("extract", Some(CRAWL)),
        ("crawl", Some(CRAWL)),
        ("map", Some(CRAWL)),
    ],
};

const SERPER: Site = Site {
    provider: p::SERPER,
    hosts: &["google.serper.dev"],
    paths: &[
        ("search", Some(SEARCH)),
        ("images", Some(SEARCH)),
        ("videos", Some(SEARCH)),
        ("places", Some(SEARCH)),
        ("maps", Some(SEARCH)),
        ("reviews", Some(SEARCH)),
        ("news", Some(SEARCH)),
        ("shopping", Some(SEARCH)),
        ("lens", Some(SEARCH)),
        ("scholar", Some(SEARCH)),
        ("patents", Some(SEARCH)),
        ("autocomplete", Some(SEARCH)),
    ],
};

const SERPER_PAGES: Site = Site {
    provider: p::SERPER,
    hosts: &["scrape.serper.dev"],
    paths: &[("", Some(CRAWL)), ("scrape", Some(CRAWL))],
};

const EXA: Site = Site {
    provider: p::EXA,
    hosts: &["api.exa.ai"],
    paths: &[
        ("search", Some(SEARCH)),
        ("findSimilar", Some(SEARCH)),
        ("answer", Some(SEARCH)),
        ("contents", Some(CRAWL)),
    ],
};

const FIRECRAWL: Site = Site {
    provider: p::FIRECRAWL,
    hosts: &["api.firecrawl.dev"],
    paths: &[
        ("*/scrape", Some(CRAWL)),
        ("*/crawl", Some(CRAWL)),
        ("*/crawl/{id}", Some(CRAWL)),
        ("*/batch/scrape", Some(CRAWL)),
        ("*/batch/scrape/{id}", Some(CRAWL)),
        ("*/extract", Some(CRAWL)),
        ("*/extract/{id}", Some(CRAWL)),
        ("*/map", Some(CRAWL)),
        ("*/search", Some(SEARCH)),
    ],
};

const STABILITY: Site = Site {
    provider: p::STABILITY,
    hosts: &["api.stability.ai"],
    paths: &[
        ("v2beta/stable-image/generate/{model}", Some(IMAGE_GENERATION)),
        ("v2beta/stable-image/edit/*", Some(IMAGE_EDIT)),
        ("v2beta/stable-image/upscale/*", Some(IMAGE_EDIT)),
        ("v2beta/stable-image/control/*", Some(IMAGE_EDIT)),
        ("v2beta/image-to-video", Some(VIDEO_GENERATION)),
        ("v2beta/audio/**", Some(AUDIO_GENERATION)),
        ("v1/generation/{model}/text-to-image", Some(IMAGE_GENERATION)),
        ("v1/generation/{model}/image-to-image", Some(IMAGE_EDIT)),
        ("v1/generation/{model}/image-to-image/masking", Some(IMAGE_EDIT)),
    ],
};

/// What a model does there is not in the path, so the model's name decides.
const WAVESPEED: Site = Site {
    provider: p::WAVESPEED,
    hosts: &["api.wavespeed.ai"],
    paths: &[("api/v3/predictions/{id}/result", None), ("api/v3/predictions/{id}", None)],
};

const WAVESPEED_CHAT: Site = Site {
    provider: p::WAVESPEED,
    hosts: &["llm.wavespeed.ai"],
    paths: &[("v1/chat/completions", Some(CHAT))],
};

const FAL: Site = Site {
    provider: p::FAL,
    hosts: &["fal.run", "queue.fal.run", "ws.fal.run"],
    paths: &[("*/*/requests/**", None)],
};

/// Every site; those of one host stand together, the first whose path fits counts.
pub(super) const SITES: [&Site; 25] = [
    &OPENAI,
    &AZURE,
    &ANTHROPIC,
    &GEMINI,
    &VERTEX,
    &VERTEX_ANTHROPIC,
    &VERTEX_MISTRAL,
    &MISTRAL,
    &HUGGINGFACE,
    &GROQ,
    &DEEPSEEK,
    &XAI,
    &OPENROUTER,
    &COHERE,
    &PERPLEXITY,
    &BEDROCK,
    &TAVILY,
    &SERPER,
    &SERPER_PAGES,
    &EXA,
    &FIRECRAWL,
    &STABILITY,
    &WAVESPEED,
    &WAVESPEED_CHAT,
    &FAL,
];

#[cfg(test)]
mod tests {
    use crate::ingest::detect_provider;

    /// Where a client certificate is at hand, Google's own SDK calls these hosts instead.
    #[test]
    fn google_is_known_by_its_hosts_for_client_certificates() {
        for url in [
            "https://generativelanguage.mtls.googleapis.com/v1beta/models/m:generateContent",
            "https://us-east1-aiplatform.mtls.googleapis.com/v1/projects/p/locations/l/publishers/\
             google/models/m:generateContent",
        ] {
            let found = detect_provider(url);
            assert_eq!(found.provider.as_deref(), Some("gemini"), "{url}");
            assert_eq!(found.operation.as_deref(), Some("chat"), "{url}");
            assert_eq!(found.model.as_deref(), Some("m"), "{url}");
        }
    }
}
