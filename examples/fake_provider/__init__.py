"""A provider that is not one: it answers as OpenAI, Anthropic and Gemini do, on 127.0.0.1.

    with FakeProvider() as provider:
        client = OpenAI(base_url=provider.openai_url, api_key="any")

Its answers are those of `tests/golden/ingest`, byte for byte, so that what a call used and costs
is known beforehand. It can also be run on its own, for examples and by hand:

    python -m fake_provider --port 8700
"""

from .server import Asked, FakeProvider

__all__ = ["Asked", "FakeProvider"]
