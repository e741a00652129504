"""The provider names of the billing screens, and ours: the one border between the two.

The screens call a video, a sound, an edited image and a new image by what is made, whoever makes
it, and Mistral's models by the name of Hugging Face.
"""

from __future__ import annotations

from typing import NamedTuple

MADE_BY_OPERATION = {
    "video_generation": "video",
    "audio_generation": "audio",
    "image_edit": "image_edit",
    "image_generation": "stability",
}
"""Operations that the screens show under a name of their own, whoever was paid."""

OPERATION_OF_NAME = {shown: operation for operation, shown in MADE_BY_OPERATION.items()}

ALIASES = {
    "huggingface": "mistral",
    "hugging_face": "mistral",
    "google": "gemini",
    "fal": "video",
    "fal-ai": "video",
}
"""Other spellings that the screens send."""

PROVIDERS = frozenset(
    {"anthropic", "aws_bedrock", "azure_openai", "cohere", "deepseek", "exa", "firecrawl"}
    | {"gemini", "groq", "metaphor", "mistral", "openai", "openrouter", "perplexity", "serper"}
    | {"stability", "tavily", "wavespeed", "xai"}
)
"""Providers that a preflight may name beside the names of operations."""

OPERATION_OF_TYPE = {
    "text_generation": "chat",
    "chat": "chat",
    "embeddings": "embeddings",
    "image": "image_generation",
    "image_generation": "image_generation",
    "image_edit": "image_edit",
    "image_editing": "image_edit",
    "video": "video_generation",
    "video_generation": "video_generation",
    "audio": "audio_generation",
    "audio_generation": "audio_generation",
    "tts": "audio_generation",
    "search": "search",
    "web_search": "search",
    "crawl": "crawl",
}
"""What an `operation_type` means; another one leaves the operation to the provider."""


class Target(NamedTuple):
    """Who is paid, and what for; without an operation, the provider's usual one."""

    provider: str
    operation: str | None


class UnknownProviderError(ValueError):
    """Nobody knows a provider of that name."""


def shown_provider(provider: str, operation: str | None = None) -> str:
    """The name that the screens show for a call of that provider and operation."""
    if operation is not None and operation in MADE_BY_OPERATION:
        return MADE_BY_OPERATION[operation]
    return "huggingface" if provider == "mistral" else provider


def named(name: str) -> str:
    """A name as it is compared: trimmed, in lower case, without aliases."""
    plain = name.strip().lower()
    return ALIASES.get(plain, plain)


def target(name: str, operation_type: str = "", actual_provider: str | None = None) -> Target:
    """Who is paid for what, when the screens say `name` and `operation_type`.

    `video`, `audio`, `image_edit` and `stability` are operations; they are made by the actual
    provider where that is given, else by WaveSpeed, and new images by Stability.

    Raises:
        UnknownProviderError: with the name, when it is neither a provider nor an operation.
    """
    provider = named(name)
    actual = named(actual_provider) if actual_provider and actual_provider.strip() else None
    if provider in OPERATION_OF_NAME:
        usual = "stability" if provider == "stability" else "wavespeed"
        # An alias of an operation (`fal`) says nothing about who is paid.
        paid = actual if actual and actual not in OPERATION_OF_NAME else None
        return Target(paid or usual, OPERATION_OF_NAME[provider])
    if provider not in PROVIDERS:
        raise UnknownProviderError(name)
    operation = OPERATION_OF_TYPE.get(operation_type.strip().lower().replace("-", "_"))
    return Target(actual or provider, operation)


def filtered(name: str) -> tuple[str | None, str | None]:
    """The provider and the operation that is meant by `name` where the screens filter by it."""
    plain = named(name)
    if plain in OPERATION_OF_NAME:
        return None, OPERATION_OF_NAME[plain]
    return plain, None
