"""Results about alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ._base import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(Result):
    """An alert that was raised, for a user or (without one) for the operator."""

    id: int
    user: str | None = None
    type: str
    subject: str
    threshold_percentage: int
    provider: str | None = None
    title: str
    message: str
    severity: str
    recommended_action: str | None = None
    upgrade_plan_id: str | None = None
    is_sent: bool
    sent_at: datetime | None = None
    is_read: bool
    read_at: datetime | None = None
    dismissed_at: datetime | None = None
    billing_period: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AlertPage(Result):
    """A page of alerts, newest first."""

    alerts: tuple[Alert, ...]
    total: int
    unread_count: int


@dataclass(frozen=True, slots=True)
class Delivery(Result):
    """An alert on its way through a channel."""

    message_id: str
    """The same in every attempt, so that a receiver can tell a repeat."""
    attempt: int
    """From 1."""
    alert: Alert


@dataclass(frozen=True, slots=True)
class Delivered(Result):
    """What one round of delivery did."""

    sent: int
    postponed: int
    given_up: int


@dataclass(frozen=True, slots=True)
class OutboxCount(Result):
    """How many alerts wait in a channel, and what became of the others."""

    channel: str
    waiting: int
    done: int
    given_up: int
