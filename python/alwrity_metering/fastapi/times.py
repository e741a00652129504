"""Times as the screens read them."""

from __future__ import annotations

from datetime import datetime, timezone


def instant(at: datetime) -> str:
    """RFC 3339 in UTC: `2026-12-01T00:00:00Z`."""
    return at.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def instant_or_none(at: datetime | None) -> str | None:
    """The same, or nothing."""
    return None if at is None else instant(at)
