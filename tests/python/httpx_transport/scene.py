"""The scene of these tests: the SDKs as they are installed, on a fake provider, and a meter."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from functools import cache, cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

import alwrity_metering as am
import anthropic
import openai
from fake_provider import FakeProvider
from google import genai

USER = "ada"
KEY = "not-a-key"
MESSAGES: Any = [{"role": "user", "content": "Say hello."}]
#: A client waits so long before it retries.
SOON = {"retry-after-ms": "1"}
GEMINI_RETRIES: Any = {"attempts": 3, "initial_delay": 0.001, "max_delay": 0.001, "jitter": 0.0}


def libraries() -> list[ModuleType]:
    """`httpx` and `httpx2`, as far as they are here."""
    found = []
    for name in ("httpx", "httpx2"):
        try:
            found.append(import_module(name))
        except ImportError:
            continue
    return found


@cache
def library() -> ModuleType:
    """The one that the installed SDKs are made of."""
    for kind in openai.OpenAI(api_key=KEY)._client.__class__.__mro__:
        name = kind.__module__.partition(".")[0]
        if name in ("httpx", "httpx2"):
            return import_module(name)
    raise AssertionError("the SDK is made of another library")


class Clients:
    """Metered clients of the SDKs, all of one way of calling, each made when it is asked for.

    They are made by `install`, or with a transport of their own.
    """

    def __init__(
        self,
        provider: FakeProvider,
        meter: am.Meter | am.AsyncMeter,
        *,
        via: str = "install",
        **named: Any,
    ) -> None:
        self.provider = provider
        self._meter = meter
        self._is_async = isinstance(meter, am.AsyncMeter)
        self._via = via
        self._named = {"user": USER, "aliases": provider.aliases, **named}
        self._ends: list[Callable[[], Any]] = []

    @cached_property
    def openai(self) -> Any:
        """OpenAI's client."""
        kind = openai.AsyncOpenAI if self._is_async else openai.OpenAI
        return self._made(kind, self.provider.openai_url)

    @cached_property
    def anthropic(self) -> Any:
        """Anthropic's client."""
        kind = anthropic.AsyncAnthropic if self._is_async else anthropic.Anthropic
        return self._made(kind, self.provider.anthropic_url)

    @cached_property
    def gemini(self) -> Any:
        """Google's client, which retries as often as the others."""
        options: Any = {"base_url": self.provider.gemini_url, "retry_options": GEMINI_RETRIES}
        if self._via == "transport":
            argument = "async_client_args" if self._is_async else "client_args"
            options[argument] = {"transport": self._transport(retries_max=2)}
        client = genai.Client(api_key=KEY, http_options=options)
        if self._via == "install":
            am.httpx.install(client, self._meter, **self._named)
        self._ends.append(client.aio.aclose if self._is_async else client.close)
        return client.aio if self._is_async else client

    def end(self) -> None:
        """Closes the clients."""
        for end in self._ends:
            end()

    async def end_async(self) -> None:
        """Closes the clients of a loop."""
        for end in self._ends:
            await end()

    def _made(self, kind: Any, url: str) -> Any:
        if self._via == "install":
            client = am.httpx.install(kind(base_url=url, api_key=KEY), self._meter, **self._named)
        else:
            its = library().AsyncClient if self._is_async else library().Client
            http_client = its(transport=self._transport())
            client = kind(base_url=url, api_key=KEY, http_client=http_client)
        self._ends.append(client.close)
        return client

    def _transport(self, **named: Any) -> Any:
        named = {**named, **self._named}
        if isinstance(self._meter, am.AsyncMeter):
            return am.httpx.async_transport(self._meter, **named)
        return am.httpx.transport(self._meter, **named)


def answer(made: Any) -> Any:
    """The answer of a call; of a stream, its events."""
    return list(made) if is_stream(made) else made


async def answer_async(made: Any) -> Any:
    """The same of an asynchronous call."""
    made = await made
    if hasattr(made, "__aiter__"):
        return [event async for event in made]
    return made


def is_stream(made: Any) -> bool:
    """Whether an answer of a synchronous call comes in events."""
    return isinstance(made, openai.Stream | anthropic.Stream) or inspect.isgenerator(made)


def run(
    provider: FakeProvider,
    meter: am.Meter,
    how: str,
    call: Callable[[Clients], Any],
    **named: Any,
) -> Any:
    """Makes a call with clients of one kind: `install`, `transport`, each also `-async`."""
    via, _, is_async = how.partition("-")
    if not is_async:
        clients = Clients(provider, meter, via=via, **named)
        try:
            return answer(call(clients))
        finally:
            clients.end()

    async def main() -> Any:
        clients = Clients(provider, am.AsyncMeter(meter), via=via, **named)
        try:
            return await answer_async(call(clients))
        finally:
            await clients.end_async()

    return asyncio.run(main())


def recorded(meter: am.Meter, user: str = USER) -> tuple[Any, ...]:
    """The calls of a user, oldest first, once all that is queued is committed."""
    meter.flush()
    return tuple(reversed(meter.calls(user).calls))


def held(meter: am.Meter, user: str = USER) -> int:
    """How many calls are held of all limits together."""
    return sum(int(state.held) for state in meter.limits(user).limits if state.metric == "calls")
