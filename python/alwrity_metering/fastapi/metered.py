"""A metered call as a route sees it, and what becomes of its hold when the route is done."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from alwrity_metering import HoldReceipt

from .reading import Reading, read_answer

FAILED_FROM = 500
"""From this status on a route may have called its provider; below, it refused before."""


class MeteredCall:
    """What a route tells of the call that it makes: `request.state.metering`.

    Say what the provider reported, in whichever form is at hand::

        request.state.metering.response = response               # what the provider answered
        request.state.metering.usage = {"input_tokens": 900, "output_tokens": 512}
        request.state.metering.release()                         # no provider was called

    A route that says nothing is charged by what its own answer reports, else at its estimate, and
    marked as estimated.
    """

    def __init__(
        self, user: str, asked: Mapping[str, Any], hold: HoldReceipt | None, *, is_charged: bool
    ) -> None:
        self.user = user
        """The user that is charged."""
        self.provider = str(asked["provider"])
        """Who is paid."""
        self.hold = hold
        """The hold; nothing for a rule that only checks, or in an emergency."""
        self.is_charged = is_charged
        """Whether the call is recorded when the route is done: not by a rule that only checks."""
        self._asked = asked
        self.usage: Mapping[str, int] | None = None
        """Quantities by unit, as the provider reported them."""
        self.response: object = None
        """What the provider answered: an SDK's object, a dict, or JSON text. It is not kept."""
        self.vendor_cost_usd: Decimal | None = None
        """What the vendor says it cost, in dollars."""
        self.is_released = False

    def release(self) -> None:
        """Says that no provider was called: nothing is charged."""
        self.is_released = True

    @property
    def is_told(self) -> bool:
        """Whether the route has said what was used."""
        return self.usage is not None or self.response is not None or self.is_released

    def outcome(self, status_code: int, found: Reading | None) -> dict[str, Any] | None:
        """What the hold is settled with; nothing when it is released.

        `found` is what the route's answer reports. A route that redirects or refuses (3xx, 4xx)
        and reports nothing has paid nobody. One that fails (5xx) is a failed call, charged for
        what it reports. One that succeeds and reports nothing is charged at its estimate.
        """
        if self.is_released:
            return None
        told = self.told() or found
        if told is not None:
            return {**told.settlement(), **self.vendor_cost(), "status_code": status_code}
        if status_code >= FAILED_FROM:
            return {"status_code": status_code}
        if status_code >= 300:
            return None
        return {**self.estimate(), **self.vendor_cost(), "status_code": status_code}

    def told(self) -> Reading | None:
        """What the route has said itself."""
        if self.usage is not None:
            return Reading(usage=dict(self.usage))
        return None if self.response is None else read_answer(self.provider, self.response)

    def vendor_cost(self) -> dict[str, Any]:
        """The vendor's cost, where the route has said it."""
        return {} if self.vendor_cost_usd is None else {"vendor_cost_usd": self.vendor_cost_usd}

    def estimate(self) -> dict[str, Any]:
        """What was held, marked as an estimate."""
        return {"usage": self.estimated_usage(), "usage_source": "estimated"}

    def estimated_usage(self) -> dict[str, int]:
        """What was held, or what would have been, where nothing could be."""
        if self.hold is not None:
            return dict(self.hold.usage)
        asked = self._asked
        tokens = {
            "input_tokens": int(asked.get("input_tokens", 0)),
            "output_tokens": int(asked.get("max_output_tokens", 0)),
        }
        return {**asked.get("usage", {}), **tokens}

    def target(self) -> dict[str, Any]:
        """Whom the call was for, where there is no hold that knows it."""
        names = ("provider", "operation", "model", "call_count")
        return {name: self._asked[name] for name in names if name in self._asked}


def metered_call(told: object, own: MeteredCall) -> MeteredCall:
    """What a route left in `request.state.metering`: the call itself, changed or not, or a plain
    mapping of quantities by unit that it put in its place."""
    if isinstance(told, MeteredCall):
        return told
    if isinstance(told, Mapping):
        own.usage = {str(unit): quantity for unit, quantity in told.items()}
    elif told is not None:
        own.response = told
    return own
