"""Preflight: whether operations that the screens are about to start would fit, all together."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from alwrity_metering import CallRequest, Decision
from alwrity_metering.results import LimitState

from . import shapes
from .names import target

UNLIMITED = 2_147_483_647
"""What remains of "no limit": a finite number, because the screens do arithmetic on it."""
OPERATIONS_MAX = 256


class Operation(BaseModel):
    """An operation that is about to be started."""

    provider: Annotated[str, Field(min_length=1, max_length=128, examples=["gemini"])]
    model: Annotated[str | None, Field(max_length=255)] = None
    tokens_requested: Annotated[
        int | None,
        Field(ge=0, le=1_000_000_000, description="Tokens in all, half of them output."),
    ] = None
    operation_type: Annotated[str, Field(max_length=128, examples=["text_generation"])]
    actual_provider_name: Annotated[str | None, Field(max_length=128)] = None


class PreflightRequest(BaseModel):
    """Operations that are judged together: each sees the ones before it."""

    operations: Annotated[list[Operation], Field(min_length=1, max_length=OPERATIONS_MAX)]


def request(operation: Operation) -> CallRequest:
    """An operation as the meter is asked.

    How many of the tokens are output is not known before the call; half of them is what the
    screens have always been shown.

    Raises:
        UnknownProviderError: for a provider that nobody knows.
    """
    whom = target(operation.provider, operation.operation_type, operation.actual_provider_name)
    asked: CallRequest = {"provider": whom.provider, "model": operation.model or ""}
    if whom.operation is not None:
        asked["operation"] = whom.operation
    if operation.tokens_requested is not None:
        asked["input_tokens"] = operation.tokens_requested // 2
        asked["max_output_tokens"] = operation.tokens_requested - operation.tokens_requested // 2
    return asked


def answer(operations: list[Operation], decision: Decision) -> shapes.Preflight:
    """Whether they may be made together."""
    cost = float(decision.cost_usd)
    checked: list[shapes.CheckedOperation] = [
        {
            "provider": operation.provider,
            "operation_type": operation.operation_type,
            "cost": float(verdict.cost_usd),
            "allowed": verdict.allowed,
            "limit_info": room(verdict.limit),
            "message": verdict.message,
        }
        for operation, verdict in zip(operations, decision.calls, strict=True)
    ]
    return {
        "can_proceed": decision.allowed,
        "estimated_cost": cost,
        "total_cost": cost,
        "cached": False,
        "operations": checked,
        "usage_summary": call_room(decision),
    }


def room(state: LimitState | None) -> shapes.LimitRoom | None:
    """The room in a limit before the operation: what is held counts as used."""
    if state is None:
        return None
    taken = state.used + state.held
    if state.maximum is None or state.remaining is None:
        return {"current_usage": number(taken), "limit": 0, "remaining": UNLIMITED}
    return {
        "current_usage": number(taken),
        "limit": number(state.maximum),
        "remaining": number(state.remaining),
    }


def call_room(decision: Decision) -> shapes.CallRoom | None:
    """The room in the tightest limit of calls that covers the operations."""
    state = next((state for state in decision.limits if state.metric == "calls"), None)
    if state is None:
        return None
    taken = int(state.used + state.held)
    if state.maximum is None or state.remaining is None:
        return {"current_calls": taken, "limit": 0, "remaining": UNLIMITED}
    return {
        "current_calls": taken,
        "limit": int(state.maximum),
        "remaining": int(state.remaining),
    }


def number(amount: int | Decimal) -> int | float:
    """An amount as a JSON number."""
    return float(amount) if isinstance(amount, Decimal) else amount
