"""The rate-limit headers of a metered answer, from where the user stands with one limit.

`RateLimit-Policy` and `RateLimit` are those of draft-ietf-httpapi-ratelimit-headers-10, the three
`X-RateLimit-…` the older custom: `-Reset` is a Unix time in seconds. Quotas are whole numbers, so
dollars are told in millionths, and the unit parameter `qu` says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from alwrity_metering.results import LimitState

Header = tuple[bytes, bytes]

MICRO = Decimal(1_000_000)
UNITS = {"calls": "requests", "tokens": "tokens", "cost_usd": "micro-usd"}
WINDOW_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}


def limit_headers(state: LimitState | None, now: datetime | None) -> list[Header]:
    """The headers that tell of a limit; none where there is no limit.

    What the judged call wants counts as used. Without `now`, nothing is said of a reset.
    """
    if state is None or state.maximum is None or state.remaining is None:
        return []
    quota = whole(state.maximum)
    remaining = max(0, whole(state.remaining) - whole(state.wanted, up=True))
    name, unit = quoted(state.name), UNITS.get(state.metric, state.metric)
    policy, room = f'{name};q={quota};qu="{unit}"', f"{name};r={remaining}"
    if seconds := WINDOW_SECONDS.get(state.window):
        policy += f";w={seconds}"
    headers = [(b"x-ratelimit-limit", b"%d" % quota), (b"x-ratelimit-remaining", b"%d" % remaining)]
    if state.resets_at is not None and now is not None:
        left = math.ceil((state.resets_at - now).total_seconds())
        room += f";t={max(0, left)}"
        headers.append((b"x-ratelimit-reset", b"%d" % math.ceil(state.resets_at.timestamp())))
    headers.append((b"ratelimit-policy", policy.encode("ascii")))
    headers.append((b"ratelimit", room.encode("ascii")))
    return headers


def with_headers(own: Iterable[Header], added: Iterable[Header]) -> list[Header]:
    """The application's headers, and those of `added` that it did not set itself."""
    headers = list(own)
    names = {name.lower() for name, _ in headers}
    headers.extend(header for header in added if header[0] not in names)
    return headers


def whole(amount: int | Decimal, *, up: bool = False) -> int:
    """A count as it is; dollars as whole millionths, rounded down unless `up`."""
    if isinstance(amount, Decimal):
        scaled = amount * MICRO
        return math.ceil(scaled) if up else math.floor(scaled)
    return amount


def quoted(name: str) -> str:
    """A name as a structured-field string: printable ASCII, quotes and backslashes escaped."""
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in name)
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
