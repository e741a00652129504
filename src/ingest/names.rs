//! The names of providers and operations that this room knows, as the catalogue spells them.

/// Who is paid.
pub mod provider {
    /// Google's Gemini API and Vertex AI.
    pub const GEMINI: &str = "gemini";
    /// OpenAI.
    pub const OPENAI: &str = "openai";
    /// Anthropic.
    pub const ANTHROPIC: &str = "anthropic";
    /// Mistral.
    pub const MISTRAL: &str = "mistral";
    /// Groq.
    pub const GROQ: &str = "groq";
    /// DeepSeek.
    pub const DEEPSEEK: &str = "deepseek";
    /// xAI.
    pub const XAI: &str = "xai";
    /// Cohere.
    pub const COHERE: &str = "cohere";
    /// Perplexity.
    pub const PERPLEXITY: &str = "perplexity";
    /// Tavily.
    pub const TAVILY: &str = "tavily";
    /// Serper.
    pub const SERPER: &str = "serper";
    /// Exa.
    pub const EXA: &str = "exa";
    /// Firecrawl.
    pub const FIRECRAWL: &str = "firecrawl";
    /// Stability AI.
    pub const STABILITY: &str = "stability";
    /// WaveSpeed.
    pub const WAVESPEED: &str = "wavespeed";
    /// OpenRouter.
    pub const OPENROUTER: &str = "openrouter";
    /// The Hugging Face router and inference endpoints.
    pub const HUGGINGFACE: &str = "huggingface";
    /// OpenAI's models at Azure.
    pub const AZURE_OPENAI: &str = "azure_openai";
    /// Amazon Bedrock.
    pub const AWS_BEDROCK: &str = "aws_bedrock";
    /// fal.
    pub const FAL: &str = "fal";

    /// All of them.
    pub const ALL: [&str; 20] = [
        GEMINI,
        OPENAI,
        ANTHROPIC,
        MISTRAL,
        GROQ,
        DEEPSEEK,
        XAI,
        COHERE,
        PERPLEXITY,
        TAVILY,
        SERPER,
        EXA,
        FIRECRAWL,
        STABILITY,
        WAVESPEED,
        OPENROUTER,
        HUGGINGFACE,
        AZURE_OPENAI,
        AWS_BEDROCK,
        FAL,
    ];
}

/// What was done, named as OpenTelemetry names it.
pub mod operation {
    /// A text answer to messages.
    pub const CHAT: &str = "chat";
    /// Vectors of texts.
    pub const EMBEDDINGS: &str = "embeddings";
    /// A new image.
    pub const IMAGE_GENERATION: &str = "image_generation";
    /// A changed image.
    pub const IMAGE_EDIT: &str = "image_edit";
    /// A video.
    pub const VIDEO_GENERATION: &str = "video_generation";
    /// Speech, music or another sound.
    pub const AUDIO_GENERATION: &str = "audio_generation";
    /// A web search.
    pub const SEARCH: &str = "search";
    /// Reading web pages.
    pub const CRAWL: &str = "crawl";

    /// All of them.
    pub const ALL: [&str; 8] = [
        CHAT,
        EMBEDDINGS,
        IMAGE_GENERATION,
        IMAGE_EDIT,
        VIDEO_GENERATION,
        AUDIO_GENERATION,
        SEARCH,
        CRAWL,
    ];
}
