"""Prices every LLM, search, image and audio call exactly, refuses the call that would break a
user's plan before it is made, and answers at once what was used.

It lives in your process and keeps everything in one SQLite file, which any number of threads and
processes share. ``Meter`` is the handle.

| you want to | call | you get |
|---|---|---|
| open a store | ``Meter.open(path)``, ``Meter.seed("default")`` | |
| keep room for a call that you will make | ``reserve``, ``reserve_all`` | a ``Reservation`` |
| say what it really used, or that it was not made | ``settle``, ``release`` | a ``Receipt`` |
| record a call that was made | ``record_call``, ``record_calls``, ``queue_call`` | a ``Receipt`` |
| know whether a call would fit | ``check_limit``, ``check_limits`` | a ``Decision`` |
| know what a call would cost | ``quote`` | a ``Quote`` |
| know what was used and what is left | ``usage_summary``, ``limits``, ``dashboard`` | |

Money is ``decimal.Decimal`` in dollars, never a float; times are aware datetimes in UTC. Being
over a limit is a decision, not an error; errors are the classes of ``alwrity_metering.errors``.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING

from . import errors
from ._arguments import CallOutcome, CallRecord, CallRequest
from ._context import metering_user, unmetered
from ._meter import Meter
from ._native import (
    Decision,
    HoldReceipt,
    ManualClock,
    Quote,
    Receipt,
    UsageStream,
    detect_body,
    detect_model,
    detect_provider,
    estimate_request,
    estimate_tokens,
    extract_content_type,
    extract_usage,
)
from ._reservation import Reservation
from .errors import (
    MeteringError,
    PricingException,
    SubscriptionException,
    TrackingException,
    UsageLimitExceededException,
)

if TYPE_CHECKING:
    from . import httpx, results
    from ._async_meter import AsyncMeter
    from ._async_reservation import AsyncReservation
    from ._metered import metered

# What is imported at its first use: asyncio and the many classes of results take a while, and a
# worker that only records needs neither.
_LATER = {
    "AsyncMeter": "_async_meter",
    "AsyncReservation": "_async_reservation",
    "httpx": "httpx",
    "metered": "_metered",
    "results": "results",
}

# Silent until the host says what becomes of logs, as is the custom of libraries.
logging.getLogger("alwrity_metering").addHandler(logging.NullHandler())


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_LATER[name]}")
    found: object = module if name == _LATER[name] else getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "AsyncMeter",
    "AsyncReservation",
    "CallOutcome",
    "CallRecord",
    "CallRequest",
    "Decision",
    "HoldReceipt",
    "ManualClock",
    "Meter",
    "MeteringError",
    "PricingException",
    "Quote",
    "Receipt",
    "Reservation",
    "SubscriptionException",
    "TrackingException",
    "UsageLimitExceededException",
    "UsageStream",
    "detect_body",
    "detect_model",
    "detect_provider",
    "errors",
    "estimate_request",
    "estimate_tokens",
    "extract_content_type",
    "extract_usage",
    "httpx",
    "metered",
    "metering_user",
    "results",
    "unmetered",
]
