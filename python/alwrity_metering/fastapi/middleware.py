"""The middleware: it meters the routes that the host lists, and touches no other.

Pure ASGI: a request of a listed route is reserved before the application sees it; the answer
passes as it is, with the rate-limit headers; when the application is done, what was really used is
queued, so that no answer waits for the disk.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alwrity_metering import AsyncMeter, Meter

from .admission import (
    NOT_AUTHENTICATED,
    Admitted,
    CurrentUser,
    Gate,
    Lapsed,
    Refused,
    awaited,
    encoded,
)
from .emergency import EMERGENCY, EmergencySwitch
from .headers import Header, byte_headers, with_headers
from .metered import metered_call
from .reading import AnswerWatch
from .rules import BODY_BYTES_MAX, RouteRule, RuleBook, route_path


class MeteringMiddleware:
    """Meters the routes of `rules`.

    Args:
        app: The application.
        meter: The meter; one per process.
        current_user: Who a request is from, by the host's own authentication: a function, which
            must not wait, or a coroutine function. A listed route answers `401` without a user,
            and what an `HTTPException` of the function says.
        rules: The routes that call a provider; the first match wins.
        lapsed: What becomes of a user whose paid subscription has lapsed: `refuse` answers `402`,
            `default_plan` goes on with the limits of the default plan.
        body_bytes_max: How much is read of a request for its estimate, and kept of a JSON answer
            for the usage that it reports.
        emergency: What decides while limits cannot be enforced; the process's own by default.

    Example:
        >>> app.add_middleware(  # doctest: +SKIP
        ...     MeteringMiddleware,
        ...     meter=meter,
        ...     current_user=lambda request: request.headers.get("x-user"),
        ...     rules=[RouteRule("/api/write", "gemini", model="gemini-2.5-flash")],
        ... )
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        meter: Meter | AsyncMeter,
        current_user: CurrentUser,
        rules: Sequence[RouteRule],
        lapsed: Lapsed = "refuse",
        body_bytes_max: int = BODY_BYTES_MAX,
        emergency: EmergencySwitch = EMERGENCY,
    ) -> None:
        self.app = app
        self._gate = Gate(meter, emergency, lapsed)
        self._current_user = current_user
        self._rules = RuleBook(rules)
        self._body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Meters a request, or passes it on."""
        matched = None
        if scope["type"] == "http":
            matched = self._rules.find(scope["method"], route_path(scope))
        if matched is None:
            await self.app(scope, receive, send)
            return
        state = {**scope.get("state", {})}
        scope = {**scope, "state": state}
        params = matched.path_params
        request = Request({**scope, "path_params": params} if params else scope)
        try:
            answer, receive = await self._admitted(matched.rule, request, receive)
        except HTTPException as error:
            # The host's own functions raise it as its routes do, but no router is around them.
            answer = Refused(
                error.status_code, {"detail": error.detail}, byte_headers(error.headers or {})
            )
        if isinstance(answer, Refused):
            await refuse(send, answer)
            return
        state["metering"] = answer.call
        await self._run(answer, scope, receive, send)

    async def _admitted(
        self, rule: RouteRule, request: Request, receive: Receive
    ) -> tuple[Admitted | Refused, Receive]:
        """Admits or refuses a request; and a `receive` that gives the application all of it."""
        user = await awaited(self._current_user(request))
        if not user:
            headers = [(b"www-authenticate", b"Bearer")]
            return Refused(401, NOT_AUTHENTICATED, headers), receive
        body = b""
        if rule.reads_body:
            body, receive = await read_body(receive, self._body_bytes_max)
        return await self._gate.admit_request(user, rule, request, body), receive

    async def _run(self, admitted: Admitted, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application, looks at its answer as it passes, and closes the call."""
        call, state = admitted.call, scope["state"]
        if not call.is_charged:
            await self.app(scope, receive, with_limit_headers(send, admitted.headers))
            return
        watch = AnswerWatch(call.provider, self._body_bytes_max)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                own: list[Header] = list(message.get("headers", ()))
                told = metered_call(state.get("metering"), call)
                watch.start(message["status"], own, reads=not told.is_told)
                message = {**message, "headers": with_headers(own, admitted.headers)}
            elif message["type"] == "http.response.body":
                watch.push(message.get("body", b""))
            await send(message)

        started, failure = time.monotonic(), None
        try:
            await self.app(scope, receive, watched)
        except BaseException as error:
            failure = error
            raise
        finally:
            told = metered_call(state.get("metering"), call)
            details = self._gate.details(admitted, scope["method"], started, failure)
            details["response_size_bytes"] = watch.size_bytes
            self._gate.close(told, watch.status_code, watch.found(), failure, details)


def with_limit_headers(send: Send, headers: list[Header]) -> Send:
    """A `send` that adds headers to the answer."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = message.get("headers", ())
            message = {**message, "headers": with_headers(own, headers)}
        await send(message)

    return told


async def refuse(send: Send, refused: Refused) -> None:
    """Sends a refusal: the same keys as a route's, at top level."""
    body = encoded(refused.body)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        *refused.headers,
    ]
    await send({"type": "http.response.start", "status": refused.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive, bytes_max: int) -> tuple[bytes, Receive]:
    """The first part of a request's body, up to `bytes_max` and the rest of its message, and a
    `receive` that gives the application all of it again, from the beginning."""
    messages: list[Message] = []
    size, is_open = 0, True
    while is_open and size < bytes_max:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        is_open = message["type"] == "http.request" and message.get("more_body", False)
    replayed = iter(messages)

    async def again() -> Message:
        message = next(replayed, None)
        return await receive() if message is None else message

    return b"".join(message.get("body", b"") for message in messages), again
