"""The host's payment check: nobody gets a paid plan by asking for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

from starlette.requests import Request

from .shapes import Cycle


@dataclass(frozen=True, slots=True)
class PaymentDue:
    """What a user has to have paid before a subscription begins."""

    user: str
    plan_id: str
    billing_cycle: Cycle
    amount_usd: Decimal
    """The fee, or the prorated difference for a change of plan."""
    request: Request
    """The request, for whatever the host's check needs of it."""


Payment = Callable[[PaymentDue], "str | Awaitable[str | None] | None"]
"""Says under which reference it was paid (a charge's id), or nothing where it was not."""


def nobody_has_paid(_due: PaymentDue) -> None:
    """The check of a host without payments: paid plans are refused."""
    return
