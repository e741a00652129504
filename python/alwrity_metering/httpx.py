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

import atexit
import logging
import sys
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import lru_cache
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from . import errors
from ._context import IS_METERED, USER, metering_user, unmetered
from ._native import Decision, HoldReceipt
from ._outgoing import request as asked
from ._outgoing.attempt import Attempt, Step
from ._outgoing.retries import Retries

if TYPE_CHECKING:
    from . import AsyncMeter, Meter

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
    return MeteringTransport(
        meter, user=user, wrap=wrap, aliases=aliases, retries_max=retries_max
    )


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
        user: User,
        wrap: Any,
        aliases: Mapping[str, str] | None,
        retries_max: int | None,
    ) -> None:
        self._user = user
        self._wrap = wrap
        self._aliases = asked.checked_aliases(aliases)
        self._retries = Retries(retries_max)

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

    def _asks(self, attempt: Attempt, answer: Any) -> None:
        """Takes what the meter says to a reservation; a refusal raises."""
        if isinstance(answer, HoldReceipt):
            attempt.granted(answer)
        elif isinstance(answer, Decision):
            raise errors.UsageLimitExceededException(answer)
        else:
            raise errors.CallAlreadyRecordedError(answer)

    def _let_pass(self, error: errors.MeteringError, request: Any) -> errors.MeteringError:
        """The error as the SDK behind a request hands it on: neither retried nor wrapped.

        Anthropic's client takes every error that is none of its own for a broken connection.
        """
        if "x-stainless-lang" not in request.headers:
            return error
        own = tuple(
            getattr(sys.modules[name], kind)
            for name, kind in (("openai", "OpenAIError"), ("anthropic", "AnthropicError"))
            if name in sys.modules
        )
        passing = _also_of_sdk(type(error), own)
        told = passing.__new__(passing, *error.args)
        told.args, told.__dict__ = error.args, error.__dict__
        return told

    def _passed(self, response: Any, attempt: Attempt, kind: type[Any], library: Any) -> Any:
        """The response with a body that the attempt sees pass."""
        attempt.answered(response, library)
        response.stream = _of_library(kind, library)(response.stream, attempt, self)
        return response


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
        super().__init__(user, wrap, aliases, retries_max)
        self.meter = meter
        _open.add(self)

    def handle_request(self, request: Any) -> Any:
        """Sends a request, and reserves what it asks for before; its answer settles that."""
        library = asked.library_of(request)
        try:
            attempt = self._reserved(request)
        except errors.MeteringError as error:
            raise self._let_pass(error, request) from None
        if attempt is None:
            return self._sender(library).handle_request(request)
        try:
            with unmetered():
                response = self._sender(library).handle_request(request)
        except BaseException:
            self.do(attempt.not_sent())
            raise
        return self._passed(response, attempt, _Passing, library)

    def close(self) -> None:
        """Records what is kept back, and closes the transport that sends."""
        self.flush()
        if self._wrap is not None:
            self._wrap.close()

    def flush(self) -> None:
        """Records the failed attempts that were kept back in case they are tried again."""
        self.do([recorded(record) for record in self._retries.all()])

    def do(self, steps: list[Step]) -> None:
        """Tells the meter what came of a call. The call was made: a failure is logged only."""
        for step in steps:
            try:
                getattr(self.meter, step.verb)(*step.arguments, **step.named)
            except errors.MeteringError as error:
                _queue(self.meter, step, error)

    def _reserved(self, request: Any) -> Attempt | None:
        attempt = self._begin(request)
        if attempt is None:
            return None
        self.do([recorded(record) for record in self._retries.overdue()])
        try:
            self._asks(attempt, self.meter._reserve(attempt.user, **attempt.wanted()))
        except errors.MeteringError:
            self.do(attempt.not_sent())
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
