//! Providers: ALwrity's names of who is paid, and ours.
//!
//! ALwrity calls a video, a sound, an edited and a new image by what is made, whoever makes it,
//! and the models of Hugging Face by Mistral's name.

/// Who is paid, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) provider: String,
    pub(super) operation: &'static str,
}

/// A name as it is compared.
pub(super) fn named(name: &str) -> &str {
    match name {
        "huggingface" | "hugging_face" => "mistral",
        "google" => "gemini",
        other => other,
    }
}

/// What is made, when the name says that instead of who is paid.
pub(super) fn made(name: &str) -> Option<&'static str> {
    match name {
        "video" => Some("video_generation"),
        "audio" => Some("audio_generation"),
        "image_edit" => Some("image_edit"),
        "stability" => Some("image_generation"),
        _ => None,
    }
}

/// Who is paid for what. What is made is made by the actual provider where the row names it, else
/// by WaveSpeed, and new images by Stability. A text is paid to whom the row counts it for.
pub(super) fn target(name: &str, actual: Option<&str>, model: &str) -> Target {
    let provider = named(name);
    if let Some(operation) = made(provider) {
        let usual = if provider == "stability" { "stability" } else { "wavespeed" };
        let paid = actual.map(named).filter(|actual| made(actual).is_none_or(|_| *actual == usual));
        return Target { provider: paid.unwrap_or(usual).to_owned(), operation };
    }
    let operation = match provider {
        "tavily" | "serper" | "metaphor" | "exa" => "search",
        "firecrawl" => "crawl",
        _ if model.contains("embedding") => "embeddings",
        _ => "chat",
    };
    Target { provider: provider.to_owned(), operation }
}

/// The name that ALwrity has for a counter of ours.
pub(super) fn shown<'a>(provider: &'a str, operation: &str) -> &'a str {
    match operation {
        "video_generation" => "video",
        "audio_generation" => "audio",
        "image_edit" => "image_edit",
        "image_generation" => "stability",
        _ => provider,
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::PROVIDERS;
    use super::*;

    fn of(name: &str, actual: Option<&str>) -> (String, &'static str) {
        let Target { provider, operation } = target(name, actual, "m");
        (provider, operation)
    }

    #[test]
    fn what_is_made_is_made_by_somebody() {
        assert_eq!(of("video", None), ("wavespeed".into(), "video_generation"));
        assert_eq!(of("video", Some("huggingface")), ("mistral".into(), "video_generation"));
        assert_eq!(of("audio", Some("video")), ("wavespeed".into(), "audio_generation"));
        assert_eq!(of("stability", None), ("stability".into(), "image_generation"));
        assert_eq!(of("stability", Some("wavespeed")), ("wavespeed".into(), "image_generation"));
        assert_eq!(of("image_edit", Some("stability")), ("wavespeed".into(), "image_edit"));
        assert_eq!(of("mistral", Some("huggingface")), ("mistral".into(), "chat"));
        assert_eq!(of("gemini", Some("google")), ("gemini".into(), "chat"));
        assert_eq!(of("firecrawl", None), ("firecrawl".into(), "crawl"));
        assert_eq!(target("gemini", None, "gemini-embedding").operation, "embeddings");
    }

    #[test]
    fn a_call_is_shown_by_the_name_that_it_was_counted_for() {
        for name in PROVIDERS {
            for actual in [None, Some("wavespeed"), Some("google"), Some("huggingface")] {
                let Target { provider, operation } = target(name, actual, "");
                assert_eq!(shown(&provider, operation), name, "{actual:?}");
            }
        }
    }
}
