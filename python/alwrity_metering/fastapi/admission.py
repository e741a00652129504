"""Letting a call in: whether it fits, or which answer refuses it. Middleware and dependency share
this, so that both refuse alike.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

from starlette.requests import Request

from alwrity_metering import (
    AsyncMeter,
    Decision,
    Meter,
    MeteringError,
    Receipt,
)
from alwrity_metering.errors import CallAlreadyRecordedError

from . import account_bodies, plan_bodies, refusals
from .emergency import EmergencySwitch
from .headers import Header
from .metered import MeteredCall
from .reading import Reading
from .rules import Estimate, RouteRule
from .shapes import Refusal

logger = logging.getLogger("alwrity_metering.fastapi")

Value = TypeVar("Value")

CurrentUser = Callable[[Request], "str | Awaitable[str | None] | None"]
"""The host's authentication: the id of the user that a request is from, nothing without one."""

Lapsed = Literal["refuse", "default_plan"]
"""What becomes of a user whose paid subscription has lapsed: `402`, or the default plan."""

NOT_AUTHENTICATED: Refusal = {
    "error": "Not authenticated",
    "message": "Sign in to use this service.",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that refuses a call."""

    status_code: int
    body: Refusal | dict[str, Any]
    headers: list[Header] = field(default_factory=list)


class Admitted(NamedTuple):
    """A call that may be made."""

    call: MeteredCall
    endpoint: str
    headers: list[Header]


PLAIN = (str, type(None))
"""What a host's function mostly returns: a user, or nobody."""


async def awaited(value: Value | Awaitable[Value]) -> Value:
    """A value, or that of an awaitable. Most are plain, and asking those first costs less."""
    if isinstance(value, PLAIN) or not inspect.isawaitable(value):
        return value
    return await value


def both(meter: Meter | AsyncMeter) -> tuple[Meter, AsyncMeter]:
    """The meter as both kinds: one reads at once, the other waits without holding the loop."""
    if isinstance(meter, AsyncMeter):
        return meter.meter, meter
    return meter, AsyncMeter(meter)


class Gate:
    """Judges calls at the door, and accounts for them when they are done."""

    def __init__(
        self, meter: Meter | AsyncMeter, emergency: EmergencySwitch, lapsed: Lapsed
    ) -> None:
        self.meter, self.async_meter = both(meter)
        self._emergency = emergency
        self._lapsed = lapsed

    async def admit_request(
        self, user: str, rule: RouteRule, request: Request, body: bytes
    ) -> Admitted | Refused:
        """Estimates a request, and admits or refuses it."""
        estimate = rule.estimate
        if not isinstance(estimate, Estimate):
            estimate = await awaited(estimate(request, body))
        return await self.admit(user, rule, estimate)

    async def admit(self, user: str, rule: RouteRule, estimate: Estimate) -> Admitted | Refused:
        """Reserves what a rule wants, or only checks it; the refusal when it does not fit."""
        asked = rule.request(estimate)
        try:
            if rule.enforcement == "check":
                return self._check(user, rule, asked)
            return await self._reserve(user, rule, asked)
        except MeteringError as error:
            if not refusals.is_unavailable(error):
                return Refused(error.http_status, refusals.invalid(error))
            if not self._emergency.lets_through(error, rule.path):
                return Refused(503, refusals.unavailable())
            is_charged = rule.enforcement == "reserve"
            return Admitted(MeteredCall(user, asked, None, is_charged=is_charged), rule.path, [])

    def _check(self, user: str, rule: RouteRule, asked: dict[str, Any]) -> Admitted | Refused:
        decision = self.meter.check_limit(user, **asked)
        if not decision.allowed:
            return self._refusal(decision)
        if (lapsed := self._lapsed_refusal(user, decision.subscription_status)) is not None:
            return lapsed
        headers = decision._rate_limit_headers(self.meter)
        return Admitted(MeteredCall(user, asked, None, is_charged=False), rule.path, headers)

    async def _reserve(
        self, user: str, rule: RouteRule, asked: dict[str, Any]
    ) -> Admitted | Refused:
        hold = await self.async_meter._reserved(user, **asked)
        if isinstance(hold, Decision):
            return self._refusal(hold)
        if isinstance(hold, Receipt):
            raise CallAlreadyRecordedError(hold)
        if (lapsed := self._lapsed_refusal(user, hold.subscription_status)) is not None:
            self.meter.queue_release(user, hold)
            return lapsed
        headers = hold._rate_limit_headers(self.meter)
        return Admitted(MeteredCall(user, asked, hold, is_charged=True), rule.path, headers)

    def _refusal(self, decision: Decision) -> Refused:
        lapsed = self._lapsed_refusal(decision.user, decision.subscription_status)
        headers = decision._rate_limit_headers()
        return lapsed or Refused(429, refusals.limit_refusal(decision), headers)

    def _lapsed_refusal(self, user: str, status: str | None) -> Refused | None:
        """The `402` of a user whose subscription has lapsed. What was judged was the default plan
        then, and it may have fitted."""
        if status is None or status == "active" or self._lapsed == "default_plan":
            return None
        view = self.meter.subscription(user)
        if not account_bodies.is_blocked(view, self.meter.now()):
            return None
        plan_id = view.subscribed_plan_id or view.plan_id
        name = plan_bodies.name_of(self.meter.plans(), plan_id)
        return Refused(402, refusals.expired_refusal(str(view.status), name, view.grants_until))

    def details(
        self, admitted: Admitted, method: str, started: float, failure: BaseException | None
    ) -> dict[str, Any]:
        """What the log keeps of a request. Of a failure it is the kind alone: the text of an
        error may repeat a prompt."""
        details: dict[str, Any] = {
            "endpoint": admitted.endpoint,
            "method": method,
            "response_time_ms": round((time.monotonic() - started) * 1000),
        }
        if failure is not None:
            details["error_message"] = type(failure).__name__
        return details

    def close(
        self,
        call: MeteredCall,
        status_code: int,
        found: Reading | None,
        failure: BaseException | None,
        details: dict[str, Any],
    ) -> None:
        """Queues what a call used, or gives its hold back. It waits for nothing, so that a request
        that is being cancelled is accounted for all the same.

        Of a request that was cancelled before it answered, and whose route has told nothing, it
        is not known whether the provider was called: its hold expires, and becomes what the
        meter's option `expired_holds` says.
        """
        if not status_code and not call.is_told and isinstance(failure, asyncio.CancelledError):
            return
        status_code = status_code or 500
        try:
            self._queue(call, call.outcome(status_code, found), details)
        except (TypeError, ValueError, OverflowError):
            # The provider may have been paid: what cannot be read is no reason to charge nothing.
            logger.exception(
                "what a route told of its call cannot be read, so its estimate is charged: %s",
                details.get("endpoint"),
            )
            outcome = {**call.estimate(), "status_code": status_code}
            self._queue(call, outcome, details)

    def _queue(
        self, call: MeteredCall, outcome: dict[str, Any] | None, details: dict[str, Any]
    ) -> None:
        """Queues an outcome. A store that does not take it is logged: the answer is made.

        Raises `TypeError`, `ValueError` (the errors of invalid values are such) and
        `OverflowError` for an outcome that cannot be read.
        """
        try:
            if call.hold is None:
                if outcome is not None:
                    self.meter.queue_call(call.user, **call.target(), **outcome, **details)
            elif outcome is not None:
                self.meter.queue_settle(call.user, call.hold, **outcome, **details)
            else:
                self.meter.queue_release(call.user, call.hold)
        except MeteringError as error:
            if isinstance(error, ValueError):
                raise
            logger.exception("a call of %s was not accounted for", details.get("endpoint"))


def encoded(body: Any) -> bytes:
    """A body as JSON."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
