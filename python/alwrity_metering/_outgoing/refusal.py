"""How a refusal comes out where the call was made, whatever SDK stands between."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..errors import MeteringError

# From this version on, Anthropic's SDK hands on what is one of its own errors.
ANTHROPIC_LETS_PASS_SINCE = (0, 105)


def refuse(error: MeteringError, request: Any, library: Any) -> Any:
    """Raises an error so that it comes out where the call was made, neither retried nor wrapped.

    The SDKs that Stainless makes take what a transport raises for a broken connection, which they
    try again. They ask an answer for its errors without such a net, so an answer raises it there;
    one that is not asked says by itself that there is no use in trying again. Anthropic's newer
    ones do not ask, but let pass what is one of their own errors.
    """
    headers = request.headers
    if "x-stainless-lang" not in headers:
        raise error
    version = _version(headers.get("x-stainless-package-version", ""))
    if "anthropic-version" in headers and version >= ANTHROPIC_LETS_PASS_SINCE:
        kind: Any = type(error)
        own = _also_of_anthropic(kind, sys.modules["anthropic"])
        passing: MeteringError = own.__new__(own, *error.args)
        passing.__dict__.update(error.__dict__)
        raise passing
    answer = _refusing(library)(
        error.http_status,
        headers={"x-should-retry": "false"},
        json={"error": {"type": error.code, "message": str(error)}},
        request=request,
    )
    answer.error = error
    return answer


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdecimal())


@lru_cache
def _also_of_anthropic(kind: Any, anthropic: Any) -> Any:
    """The kind of error as one of Anthropic's too; pickled, it is only what it was."""

    def plain(error: Any) -> Any:
        return kind, *kind.__reduce__(error)[1:]

    own = {"__reduce__": plain, "__module__": kind.__module__}
    return type(kind.__name__, (kind, anthropic.AnthropicError), own)


@lru_cache
def _refusing(library: Any) -> Any:
    """The kind of response of a library that raises what it was made for."""

    def raise_for_status(response: Any) -> Any:
        raise response.error

    return type("Refusal", (library.Response,), {"raise_for_status": raise_for_status})
