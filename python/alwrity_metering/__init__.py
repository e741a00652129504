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

from . import errors, results
from ._arguments import CallOutcome, CallRecord, CallRequest
from ._async_meter import AsyncMeter
from ._async_reservation import AsyncReservation
from ._meter import Meter
from ._metered import metered
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
    "metered",
    "results",
]
