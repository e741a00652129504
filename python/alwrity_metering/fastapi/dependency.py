"""A dependency that meters one route, for hosts that prefer it to the middleware's list."""

# No postponed annotations here: FastAPI reads them, and they name values of the host.
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import Depends, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from alwrity_metering import AsyncMeter, Meter

from .access import Dependency
from .admission import Gate, Lapsed, Refused
from .emergency import EMERGENCY, EmergencySwitch
from .errors import text_headers
from .headers import byte_headers, with_headers
from .metered import MeteredCall
from .rules import Enforcement, Estimate, Estimator, RouteRule


def limit_dependency(
    meter: Meter | AsyncMeter,
    *,
    current_user: Dependency,
    provider: str,
    operation: str | None = None,
    model: str = "",
    estimate: Estimate | Estimator = Estimate(),  # noqa: B008 (frozen)
    enforcement: Enforcement = "reserve",
    ttl_ms: int | None = None,
    lapsed: Lapsed = "refuse",
    emergency: EmergencySwitch = EMERGENCY,
) -> Callable[..., AsyncIterator[MeteredCall]]:
    """A dependency that reserves before the route and settles after it.

    The route gets a `MeteredCall` and tells it what the provider reported; a route that tells
    nothing is charged at its estimate, marked as such. A refusal is a `429` with the body of the
    contract under `detail`; an exception of the route records a failed call.

    An `estimate` that is a function gets the request and its body, which FastAPI has read anyway.

    Example:
        >>> limit = limit_dependency(  # doctest: +SKIP
        ...     meter, current_user=signed_in, provider="gemini", model="gemini-2.5-flash"
        ... )
        >>> @app.post("/write")  # doctest: +SKIP
        ... async def write(call: Annotated[MeteredCall, Depends(limit)]) -> dict[str, str]:
        ...     answer = await client.generate(...)
        ...     call.response = answer
    """
    gate = Gate(meter, emergency, lapsed)

    async def limit(
        request: Request, response: Response, user: Annotated[str, Depends(current_user)]
    ) -> AsyncIterator[MeteredCall]:
        route = getattr(request.scope.get("route"), "path", request.url.path)
        rule = RouteRule(
            route, provider, ("*",), operation, model, estimate, True, enforcement, ttl_ms
        )
        admitted = await gate.admit_request(user, rule, request, await request.body())
        if isinstance(admitted, Refused):
            headers = text_headers(admitted.headers)
            raise HTTPException(admitted.status_code, admitted.body, headers)
        response.headers.update(text_headers(admitted.headers))
        started = time.monotonic()
        status_code, failure = 200, None
        try:
            yield admitted.call
        except BaseException as error:
            status_code, failure = answered(error)
            if isinstance(error, StarletteHTTPException):
                # Its answer is made without `response`.
                own = byte_headers(error.headers or {})
                error.headers = text_headers(with_headers(own, admitted.headers))
            raise
        finally:
            if admitted.call.is_charged:
                details = gate.details(admitted, request.method, started, failure)
                gate.close(admitted.call, status_code, None, failure, details)

    return limit


def answered(error: BaseException) -> tuple[int, BaseException | None]:
    """The status that an exception becomes; 0 and the exception where nobody has planned it."""
    if isinstance(error, StarletteHTTPException):
        return error.status_code, None
    if isinstance(error, RequestValidationError):
        return 422, None
    return 0, error
