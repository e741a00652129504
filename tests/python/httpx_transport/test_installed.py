"""The tests of the transport need the SDKs: `requirements.txt`, or `requirements-before.txt`."""

from __future__ import annotations

from importlib.metadata import distributions

import pytest


def test_the_sdks_are_installed() -> None:
    wanted = ("openai", "anthropic", "google-genai")
    missing = [name for name in wanted if not list(distributions(name=name))]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
