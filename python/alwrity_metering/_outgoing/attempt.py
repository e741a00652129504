"""One request to a provider: what is asked of the meter before it, and told to it after."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import request as asked
from .answer import Answer
from .retries import Failure, Record, Retries, is_retried, told_retry_count

if TYPE_CHECKING:
    from .._native import HoldReceipt
    from ..results import Extracted, OutgoingCall


@dataclass(frozen=True)
class Step:
    """A verb of the meter and what it is given."""

    verb: str
    arguments: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)

    def queued(self) -> Step | None:
        """The same for when nobody may wait; nothing where that need not be done: a hold that is
        not released expires by itself."""
        verb = {"settle": "queue_settle", "record_call": "queue_call"}.get(self.verb)
        return None if verb is None else Step(verb, self.arguments, self.named)


def recorded(record: Record) -> Step:
    """Recording a call that was made."""
    return Step("record_call", named=record)


class Attempt:
    """A request that is metered, from before it is sent until its answer has passed."""

    def __init__(self, user: str, request: Any, call: OutgoingCall, retries: Retries) -> None:
        self.user = user
        self._call = call
        self._retries = retries
        self._request = asked.fingerprint(user, request)
        self._told = told_retry_count(request.headers)
        self._retry_count, self._before = retries.attempt(self._request, self._told)
        self._details: dict[str, Any] = {
            "endpoint": f"{request.url.host}{request.url.path}"[:2048],
            "method": request.method,
            "request_size_bytes": asked.size_bytes(request),
            "retry_count": self._retry_count,
        }
        self._started = time.perf_counter()
        self._hold: HoldReceipt | None = None
        self._status = 0
        self._headers: Mapping[str, str] = {}
        self._answer: Answer | None = None
        self._is_over = False

    def wanted(self) -> dict[str, Any]:
        """What to reserve."""
        call = self._call
        wanted = {**self._target(), "input_tokens": call.input_tokens, "usage": call.usage}
        if call.max_output_tokens is not None:
            wanted["max_output_tokens"] = call.max_output_tokens
        if call.input_estimate is not None:
            wanted["input_estimate"] = call.input_estimate
        return wanted

    def granted(self, hold: HoldReceipt) -> None:
        """The hold that was made for it."""
        self._hold = hold
        self._started = time.perf_counter()

    def not_made(self) -> list[Step]:
        """It was refused here, or did not reach its provider: nothing was used."""
        return self._ended([] if self._hold is None else [self._release(self._hold)])

    def lost(self) -> list[Step]:
        """It was sent and no answer came: its hold stays until it expires, and is charged then."""
        return self._ended([])

    def _ended(self, steps: list[Step]) -> list[Step]:
        """Its end without an answer; what failed before it stays a failure."""
        if self._is_over:
            return []
        self._is_over = True
        return steps + (self._keep(self._before.record) if self._before is not None else [])

    def answered(self, status: int, headers: Mapping[str, str], library: ModuleType) -> None:
        """The head of the answer is there; its body is to pass through `take`."""
        self._status, self._headers = status, headers
        self._answer = Answer(self._call.provider, headers, library)

    def take(self, chunk: bytes) -> None:
        """The next bytes of the body."""
        if self._answer is not None:
            self._answer.take(chunk)

    def over(self) -> list[Step]:
        """The body has passed, or no more of it will come. Asking again gives nothing."""
        if self._is_over or self._answer is None or self._hold is None:
            return []
        self._is_over = True
        self._details["response_time_ms"] = int((time.perf_counter() - self._started) * 1000)
        self._details["response_size_bytes"] = self._answer.size_bytes
        if 300 <= self._status < 400:
            return [self._release(self._hold)]
        outcome = self._outcome(self._answer, self._hold)
        if self._status >= 400 and "usage" not in outcome and self._may_follow():
            kept = self._keep(self._record(outcome, self._hold))
            return [self._release(self._hold), *kept]
        variant = outcome.pop("variant", None)
        if variant not in (None, self._call.variant):
            # The price is that of the tier that served it, which the hold is not for.
            record = {**self._record(outcome, self._hold), "variant": variant}
            return [recorded(record), self._release(self._hold)]
        return [Step("settle", (self.user, self._hold), outcome)]

    def _outcome(self, answer: Answer, hold: HoldReceipt) -> dict[str, Any]:
        outcome: dict[str, Any] = {"status_code": self._status, **self._details}
        found = answer.used()
        if self._status >= 400:
            outcome["error_message"] = answer.error_text()
            if found is None or found.usage_source != "reported":
                return outcome
        outcome["usage"], outcome["usage_source"] = self._usage(answer, found, hold)
        if found is not None:
            outcome["vendor_cost_usd"] = found.vendor_cost_usd
            outcome["variant"] = found.variant
        return outcome

    def _usage(
        self, answer: Answer, found: Extracted | None, hold: HoldReceipt
    ) -> tuple[Mapping[str, int], str]:
        """What was used and how that is known; what the answer leaves open is estimated."""
        call = self._call
        if found is None:
            if answer.is_stream and call.input_tokens:
                # It broke before its first word.
                return {"input_tokens": call.input_tokens}, "estimated"
            return hold.usage, "estimated"
        if answer.is_media:
            return {**call.usage, **found.usage}, "estimated"
        if found.is_partial and call.input_tokens and "input_tokens" not in found.usage:
            return {**found.usage, "input_tokens": call.input_tokens}, "estimated"
        return found.usage, found.usage_source

    def _may_follow(self) -> bool:
        retried = is_retried(self._status, self._headers)
        return retried and self._retries.may_follow(self._retry_count, self._told)

    def _keep(self, record: Record) -> list[Step]:
        """Keeps a failure back as long as its client may retry."""
        if not self._retries.may_follow(self._retry_count, self._told):
            return [recorded(record)]
        pushed = self._retries.keep(self._request, Failure(record, self._retry_count))
        return [recorded(record) for record in pushed]

    def _release(self, hold: HoldReceipt) -> Step:
        return Step("release", (self.user, hold))

    def _record(self, outcome: Mapping[str, Any], hold: HoldReceipt) -> dict[str, Any]:
        at = {"user": self.user, "occurred_at": hold.reserved_at}
        return {**at, **self._target(), **outcome}

    def _target(self) -> dict[str, Any]:
        call = self._call
        target = {"provider": call.provider, "model": call.model, "variant": call.variant}
        return target if call.operation is None else {**target, "operation": call.operation}
