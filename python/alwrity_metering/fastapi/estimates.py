"""A ready-made estimate for routes whose request carries the text that the provider will get."""

from __future__ import annotations

import json
from collections.abc import Callable

from starlette.requests import Request

from alwrity_metering import estimate_tokens

from .rules import Estimate

CAPS = ("max_output_tokens", "max_completion_tokens", "max_tokens")
CAP_MAX = 1_000_000_000


def tokens_of_body(*, output_tokens_max: int | None = None) -> Callable[[Request, bytes], Estimate]:
    """An estimate by the text of the body, for a rule with `reads_body=True`.

    Input is what the whole body has in tokens; output is the cap that a JSON body names itself
    (`max_tokens` and its like), never above `output_tokens_max`. Any body will do: what is no JSON
    is counted as text, and of a long one the part that was read stands for the rest.
    """

    def estimate(request: Request, body: bytes) -> Estimate:
        tokens = estimate_tokens(body.decode("utf-8", "replace"))
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > len(body) > 0:
            tokens = tokens * int(length) // len(body)
        cap = cap_of(body)
        if output_tokens_max is not None:
            cap = output_tokens_max if cap is None else min(cap, output_tokens_max)
        return Estimate(input_tokens=min(tokens, CAP_MAX), max_output_tokens=cap)

    return estimate


def cap_of(body: bytes) -> int | None:
    """The cap on output tokens that a JSON body names."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    caps = (told.get(name) for name in CAPS)
    given = (cap for cap in caps if isinstance(cap, int) and not isinstance(cap, bool))
    return next((cap for cap in given if 0 <= cap <= CAP_MAX), None)
