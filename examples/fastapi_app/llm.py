"""The calls to providers, over HTTP. A real service would use the providers' own clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx


class Providers:
    """The providers that the service calls, all of them at one address."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=30)

    async def generate(self, model: str, prompt: str) -> dict[str, Any]:
        """A text by Gemini; its `usageMetadata` says what it used."""
        body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}
        answer = await self._client.post(
            f"/gemini/v1beta/models/{model}:generateContent", json=body
        )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def stream(self, model: str, prompt: str) -> AsyncIterator[bytes]:
        """A text by an OpenAI-like provider, event by event as it comes."""
        body = {
            "model": model,
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [{"role": "user", "content": prompt}],
        }
        path = "/openai/v1/chat/completions"
        async with self._client.stream("POST", path, json=body) as answer:
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes():
                yield chunk

    async def search(self, query: str) -> dict[str, Any]:
        """Pages by Tavily."""
        answer = await self._client.post("/tavily/search", json={"query": query})
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._client.aclose()
