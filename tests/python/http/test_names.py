"""The provider names of the screens, and ours."""

from __future__ import annotations

import pytest
from alwrity_metering.fastapi.names import (
    Target,
    UnknownProviderError,
    filtered,
    shown_provider,
    target,
)


@pytest.mark.parametrize(
    ("provider", "operation", "shown"),
    [
        ("mistral", "chat", "huggingface"),
        ("gemini", "chat", "gemini"),
        ("wavespeed", "video_generation", "video"),
        ("wavespeed", "chat", "wavespeed"),
        ("fal", "video_generation", "video"),
        ("gemini", "image_generation", "stability"),
        ("wavespeed", "image_edit", "image_edit"),
        ("minimax", "audio_generation", "audio"),
        ("tavily", "search", "tavily"),
    ],
)
def test_what_is_made_is_shown_whoever_made_it(provider: str, operation: str, shown: str) -> None:
    assert shown_provider(provider, operation) == shown


@pytest.mark.parametrize(
    ("name", "kind", "actual", "expected"),
    [
        ("huggingface", "text_generation", None, Target("mistral", "chat")),
        ("HuggingFace ", "", None, Target("mistral", None)),
        ("gemini", "google_grounding", None, Target("gemini", None)),
        ("video", "video_generation", None, Target("wavespeed", "video_generation")),
        ("video", "anything", "fal", Target("wavespeed", "video_generation")),
        ("fal-ai", "", None, Target("wavespeed", "video_generation")),
        ("audio", "tts", "minimax", Target("minimax", "audio_generation")),
        ("stability", "image", None, Target("stability", "image_generation")),
        ("stability", "image", "wavespeed", Target("wavespeed", "image_generation")),
        ("image_edit", "", None, Target("wavespeed", "image_edit")),
        ("wavespeed", "video", None, Target("wavespeed", "video_generation")),
        ("wavespeed", "video-generation", None, Target("wavespeed", "video_generation")),
        ("gemini", "text_generation", "openai", Target("openai", "chat")),
    ],
)
def test_the_names_of_a_preflight(
    name: str, kind: str, actual: str | None, expected: Target
) -> None:
    assert target(name, kind, actual) == expected


def test_an_unknown_provider_is_named() -> None:
    with pytest.raises(UnknownProviderError, match="acme"):
        target("acme", "chat")


def test_regression_31_a_log_filter_knows_the_aliases() -> None:
    assert filtered("huggingface") == ("mistral", None)
    assert filtered("video") == (None, "video_generation")
    assert filtered("Gemini") == ("gemini", None)
