"""Errors of the meter as HTTP errors: of the router by itself, of own routes by handlers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from alwrity_metering import MeteringError, UsageLimitExceededException

from . import refusals

Headers = dict[str, str]


def text_headers(headers: list[tuple[bytes, bytes]]) -> Headers:
    """Headers as FastAPI takes them."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


def http_error(error: MeteringError) -> HTTPException:
    """The HTTP error of an error of the meter."""
    if refusals.is_unavailable(error):
        return HTTPException(503, refusals.unavailable())
    if error.http_status == 403:
        return HTTPException(403, "Access denied")
    if error.http_status == 422:
        # As FastAPI tells of bad input, so that a client has one form to read.
        return HTTPException(422, [{"loc": [], "msg": str(error), "type": error.code}])
    return HTTPException(error.http_status, str(error))


class MeteringRoute(APIRoute):
    """A route that answers errors of the meter as HTTP errors, whatever the host has installed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with errors of the meter turned into HTTP errors."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except MeteringError as error:
                raise http_error(error) from error

        return handled


async def answer_refusal(_request: Request, error: Exception) -> Response:
    """`429` with the body that the screens know."""
    assert isinstance(error, UsageLimitExceededException)
    decision = error.decision
    headers = decision._rate_limit_headers()
    body = {"detail": refusals.limit_refusal(decision)}
    return JSONResponse(body, 429, text_headers(headers))


async def answer_error(_request: Request, error: Exception) -> Response:
    """The status of the error's line in the table of errors."""
    assert isinstance(error, MeteringError)
    http = http_error(error)
    return JSONResponse({"detail": http.detail}, http.status_code)


def add_exception_handlers(app: FastAPI) -> None:
    """Answers errors of the meter that the host's own routes let through.

    A refusal is a `429` with the body of the contract, a store that fails a `503`, and anything
    else what the table of errors says.
    """
    app.add_exception_handler(UsageLimitExceededException, answer_refusal)
    app.add_exception_handler(MeteringError, answer_error)
