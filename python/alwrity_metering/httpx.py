"""Meters every call that an httpx client makes, so that no call site needs to be touched.

    import alwrity_metering as am
    from openai import OpenAI

    client = am.httpx.install(OpenAI(), meter)
    with am.metering_user("ada"):
        client.chat.completions.create(model="gpt-4o", messages=messages)

What a request asks for is reserved before it is sent; a refusal raises
``UsageLimitExceededException`` where the call was made. The answer passes through untouched, and
what it says was used is recorded at its end. Requests to other hosts pass as if nothing were here.

It serves ``httpx`` and ``httpx2`` alike and imports neither: it is of the library of the client.
``docs/httpx.md`` tells what the official SDKs make of it.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from . import errors
from ._async_meter import AsyncMeter
from ._context import IS_METERED, USER, metering_user, unmetered
from ._outgoing import request as asked
from ._outgoing.attempt import Attempt, Step, recorded
from ._outgoing.passing import AsyncPassing, Passing, of_library
from ._outgoing.refusal import refuse
from ._outgoing.retries import Retries

if TYPE_CHECKING:
    from ._meter import Meter

__all__ = [
    "AsyncMeteringTransport",
    "MeteringTransport",
    "async_transport",
    "install",
    "metering_user",
    "transport",
    "unmetered",
]

_log = logging.getLogger("alwrity_metering.httpx")

# What a library raises before a request has reached anybody.
_NOT_SENT = (
    "ConnectError",
    "ConnectTimeout",
    "PoolTimeout",
    "WriteError",
    "WriteTimeout",
    "LocalProtocolError",
    "ProxyError",
    "UnsupportedProtocol",
)

User = str | Callable[[], str | None] | None
_Client = TypeVar("_Client")


def transport(
    meter: Meter,
    *,
    user: User = None,
    wrap: Any = None,
    aliases: Mapping[str, str] | None = None,
    retries_max: int | None = None,
) -> Any:
    """A transport for ``httpx.Client`` or ``httpx2.Client`` that meters its calls.

    ``user`` is whose calls they are where no ``metering_user`` block says it: an id, or a function
    that returns it. ``wrap`` is the transport that sends; without it, the library's own.
    ``aliases`` are addresses that stand for a provider's: a gateway, a proxy, a test server, such
    as ``{"http://gateway/openai": "https://api.openai.com"}``. ``retries_max`` is how often the
    client retries, where that is not the SDKs' usual: see ``docs/httpx.md``.
    """
    return MeteringTransport(meter, user=user, wrap=wrap, aliases=aliases, retries_max=retries_max)


def async_transport(
    meter: AsyncMeter,
    *,
    user: User = None,
    wrap: Any = None,
    aliases: Mapping[str, str] | None = None,
    retries_max: int | None = None,
) -> Any:
    """The same for ``httpx.AsyncClient`` or ``httpx2.AsyncClient``."""
    return AsyncMeteringTransport(
        meter, user=user, wrap=wrap, aliases=aliases, retries_max=retries_max
    )


def install(
    client: _Client,
    meter: Meter | AsyncMeter,
    *,
    user: User = None,
    aliases: Mapping[str, str] | None = None,
    retries_max: int | None = None,
) -> _Client:
    """Meters a client that is there already, and returns it.

    ``client`` is a client of ``httpx`` or ``httpx2``, of ``openai``, of ``anthropic``, or a
    ``google.genai.Client``. What it was made with stays: proxies, certificates, pools. Installing
    again with the same meter changes nothing.
    """
    api = getattr(client, "_api_client", None)
    if api is not None and hasattr(api, "_httpx_client"):
        _install_genai(api, meter, user, aliases, retries_max)
        return client
    inner: Any = client if _is_httpx(client) else getattr(client, "_client", None)
    if not _is_httpx(inner):
        raise TypeError(
            "install takes a client of httpx, httpx2, openai, anthropic or google.genai, not "
            f"{type(client).__module__}.{type(client).__qualname__}"
        )
    told = getattr(client, "max_retries", None) if retries_max is None else retries_max
    _install_httpx(inner, _wrapper(meter, inner, user, aliases, told))
    return client


class _Metering:
    """What both transports share: everything but sending and waiting."""

    def __init__(
        self,
        store: Meter,
        user: User,
        wrap: Any,
        aliases: Mapping[str, str] | None,
        retries_max: int | None,
    ) -> None:
        self._store = store
        self._charges_lost = store._charges_expired_holds
        self._user = user
        self._wrap = wrap
        self._aliases = asked.checked_aliases(aliases)
        self._retries = Retries(retries_max)
        # What is kept back is recorded also when the client is forgotten, or the process ends.
        weakref.finalize(self, _queue_kept, store, self._retries)

    def flush(self) -> None:
        """Queues the failed attempts that were kept back in case they are tried again."""
        _queue_kept(self._store, self._retries)

    def later(self, steps: list[Step]) -> None:
        """Tells the meter what came of a call where nobody may wait."""
        _queue_all(self._store, steps)

    def meters_for(self, store: Meter) -> bool:
        """Whether it meters with that store already."""
        return self._store is store

    def _begin(self, request: Any) -> Attempt | None:
        if IS_METERED.get():
            return None
        call = asked.read(request, self._aliases)
        if call is None:
            return None
        user = USER.get() or (self._user() if callable(self._user) else self._user)
        if not user:
            raise errors.InvalidArgumentError(
                f"nobody is known to make this call to {call.provider}: make it within "
                "`with metering_user(...)`, or give the transport a `user`"
            )
        return Attempt(user, request, call, self._retries)

    def _unanswered(self, attempt: Attempt, raised: BaseException, library: Any) -> list[Step]:
        """What is to be done where no answer came: nothing is charged, unless the host says that
        a hold is that expires, and the provider may have been paid."""
        kinds = (getattr(library, name) for name in _NOT_SENT)
        if isinstance(raised, tuple(kinds)) or not self._charges_lost:
            return attempt.not_made()
        return attempt.lost()

    def _passed(self, response: Any, attempt: Attempt, kind: Any, library: Any) -> list[Step]:
        """Lets the attempt see the body pass; what is to be done at once, where it has already."""
        if response.is_stream_consumed:
            # A transport for tests has the body at hand, without its compression.
            attempt.answered(response.status_code, _plain(response.headers), library)
            attempt.take(response.content)
            return attempt.over()
        attempt.answered(response.status_code, response.headers, library)
        response.stream = of_library(kind, library)(response.stream, attempt, self)
        return []


class MeteringTransport(_Metering):
    """Sends the requests of an ``httpx.Client``, and meters those to providers."""

    def __init__(
        self,
        meter: Meter,
        *,
        user: User = None,
        wrap: Any = None,
        aliases: Mapping[str, str] | None = None,
        retries_max: int | None = None,
    ) -> None:
        super().__init__(meter, user, wrap, aliases, retries_max)
        self.meter = meter

    def handle_request(self, request: Any) -> Any:
        """Sends a request, and reserves what it asks for before; its answer settles that."""
        library = asked.library_of(request)
        try:
            attempt = self._reserved(request)
        except errors.MeteringError as error:
            return refuse(error, request, library)
        if attempt is None:
            return self._sender(library).handle_request(request)
        try:
            with unmetered():
                response = self._sender(library).handle_request(request)
        except BaseException as raised:
            self.do(self._unanswered(attempt, raised, library))
            raise
        self.do(self._passed(response, attempt, Passing, library))
        return response

    def close(self) -> None:
        """Records what is kept back, and closes the transport that sends."""
        self.do([recorded(record) for record in self._retries.all()])
        if self._wrap is not None:
            self._wrap.close()

    def do(self, steps: list[Step]) -> None:
        """Tells the meter what came of a call. The call was made: a failure is logged only."""
        for step in steps:
            try:
                getattr(self.meter, step.verb)(*step.arguments, **step.named)
            except errors.MeteringError as error:
                _queue(self._store, step, error)

    def _reserved(self, request: Any) -> Attempt | None:
        attempt = self._begin(request)
        if attempt is None:
            return None
        self.do([recorded(record) for record in self._retries.overdue()])
        try:
            attempt.granted(self.meter.reserve(attempt.user, **attempt.wanted()).require())
        except errors.MeteringError:
            self.do(attempt.not_made())
            raise
        return attempt

    def _sender(self, library: Any) -> Any:
        if self._wrap is None:
            self._wrap = library.HTTPTransport()
        return self._wrap

    def __enter__(self) -> MeteringTransport:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncMeteringTransport(_Metering):
    """Sends the requests of an ``httpx.AsyncClient``, and meters those to providers."""

    def __init__(
        self,
        meter: AsyncMeter,
        *,
        user: User = None,
        wrap: Any = None,
        aliases: Mapping[str, str] | None = None,
        retries_max: int | None = None,
    ) -> None:
        super().__init__(meter.meter, user, wrap, aliases, retries_max)
        self.meter = meter

    async def handle_async_request(self, request: Any) -> Any:
        """Sends a request, and reserves what it asks for before; its answer settles that."""
        library = asked.library_of(request)
        try:
            attempt = await self._reserved(request)
        except errors.MeteringError as error:
            return refuse(error, request, library)
        if attempt is None:
            return await self._sender(library).handle_async_request(request)
        try:
            with unmetered():
                response = await self._sender(library).handle_async_request(request)
        except BaseException as raised:
            await self.do(self._unanswered(attempt, raised, library))
            raise
        await self.do(self._passed(response, attempt, AsyncPassing, library))
        return response

    async def aclose(self) -> None:
        """Records what is kept back, and closes the transport that sends."""
        await self.do([recorded(record) for record in self._retries.all()])
        if self._wrap is not None:
            await self._wrap.aclose()

    async def do(self, steps: list[Step]) -> None:
        """Tells the meter what came of a call. The call was made: a failure is logged only."""
        if steps:
            # Whoever is cancelled here has made the call all the same.
            await asyncio.shield(self._do(steps))

    async def _do(self, steps: list[Step]) -> None:
        for step in steps:
            try:
                await getattr(self.meter, step.verb)(*step.arguments, **step.named)
            except errors.MeteringError as error:
                _queue(self._store, step, error)

    async def _reserved(self, request: Any) -> Attempt | None:
        attempt = self._begin(request)
        if attempt is None:
            return None
        await self.do([recorded(record) for record in self._retries.overdue()])
        try:
            reservation = await self.meter.reserve(attempt.user, **attempt.wanted())
            attempt.granted(reservation.require())
        except errors.MeteringError:
            await self.do(attempt.not_made())
            raise
        return attempt

    def _sender(self, library: Any) -> Any:
        if self._wrap is None:
            self._wrap = library.AsyncHTTPTransport()
        return self._wrap

    async def __aenter__(self) -> AsyncMeteringTransport:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


def _queue(meter: Meter, step: Step, error: errors.MeteringError) -> None:
    """Tries once more what failed, in the background, where that can help."""
    queued = step.queued() if error.is_retryable else None
    if queued is None:
        _log.error("a provider's call could not be accounted for: %s: %s", step.verb, error)
    else:
        _log.warning("a provider's call is accounted for later: %s: %s", step.verb, error)
        _queue_all(meter, [step])


def _queue_kept(meter: Meter, retries: Retries) -> None:
    _queue_all(meter, [recorded(record) for record in retries.all()])


def _queue_all(meter: Meter, steps: list[Step]) -> None:
    for step in steps:
        queued = step.queued()
        if queued is None:
            continue
        try:
            getattr(meter, queued.verb)(*queued.arguments, **queued.named)
        except errors.MeteringError as error:
            _log.error("a provider's call could not be accounted for: %s: %s", step.verb, error)


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "content-encoding"}


def _is_httpx(client: Any) -> bool:
    return hasattr(client, "_transport") and hasattr(client, "_mounts")


def _wrapper(
    meter: Meter | AsyncMeter,
    client: Any,
    user: User,
    aliases: Mapping[str, str] | None,
    retries_max: int | None,
) -> Callable[[Any], Any]:
    """What makes a metering transport of a client's own."""
    is_async = hasattr(client, "aclose")

    store, waiting = _both(meter)

    def wrapped(own: Any) -> Any:
        if own is None or (isinstance(own, _Metering) and own.meters_for(store)):
            return own
        named = {"user": user, "wrap": own, "aliases": aliases, "retries_max": retries_max}
        return async_transport(waiting, **named) if is_async else transport(store, **named)

    return wrapped


def _both(meter: Meter | AsyncMeter) -> tuple[Meter, AsyncMeter]:
    """The meter that waits and the one for event loops, of either."""
    if isinstance(meter, AsyncMeter):
        return meter.meter, meter
    return meter, AsyncMeter(meter)


def _install_httpx(client: Any, wrapped: Callable[[Any], Any]) -> None:
    client._transport = wrapped(client._transport)
    client._mounts = {pattern: wrapped(own) for pattern, own in client._mounts.items()}


def _install_genai(
    api: Any,
    meter: Meter | AsyncMeter,
    user: User,
    aliases: Mapping[str, str] | None,
    retries_max: int | None,
) -> None:
    """Google's client has one client for each way of calling, and one for each event loop."""
    if api._use_aiohttp():
        raise ValueError(
            "google.genai sends its asynchronous calls with aiohttp here, which this does not "
            "see: make the client with `http_options=HttpOptions(async_client_args={'transport': "
            "async_transport(meter)})`"
        )
    if retries_max is None:
        options = api._http_options.retry_options
        retries_max = 0 if options is None else (options.attempts or 5) - 1
    _install_httpx(
        api._httpx_client, _wrapper(meter, api._httpx_client, user, aliases, retries_max)
    )
    outer = api._async_httpx_client
    wrapped = _wrapper(meter, outer, user, aliases, retries_max)
    if getattr(outer, "_per_loop", False):
        made = outer._inner_client_cls

        def metered(*arguments: Any, **named: Any) -> Any:
            client = made(*arguments, **named)
            _install_httpx(client, wrapped)
            return client

        outer._inner_client_cls = metered
    else:
        _install_httpx(outer, wrapped)
