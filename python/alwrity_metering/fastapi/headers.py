"""The rate-limit headers of a metered answer, from the limit with the least room.

`RateLimit-Policy` and `RateLimit` are those of draft-ietf-httpapi-ratelimit-headers-10, the three
`X-RateLimit-…` the older custom: `-Reset` is a Unix time in seconds. Quotas are whole numbers, so
dollars are told in millionths, and the unit parameter `qu` says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alwrity_metering import Decision, HoldReceipt

Header = tuple[bytes, bytes]

UNITS = {"calls": "requests", "tokens": "tokens", "cost_usd": "micro-usd"}
WINDOW_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}


def limit_headers(judged: Decision | HoldReceipt, now: datetime | None) -> list[Header]:
    """The headers of a decision or a hold; none where there is no limit.

    What the judged call wants counts as used. Without `now`, nothing is said of a reset.
    """
    room = judged._room()
    if room is None:
        return []
    name, metric, window, quota, remaining, resets_at_us = room
    told, unit = quoted(name), UNITS.get(metric, metric)
    policy, rest = f'{told};q={quota};qu="{unit}"', f"{told};r={remaining}"
    if seconds := WINDOW_SECONDS.get(window):
        policy += f";w={seconds}"
    headers = [(b"x-ratelimit-limit", b"%d" % quota), (b"x-ratelimit-remaining", b"%d" % remaining)]
    if resets_at_us is not None and now is not None:
        resets_at = -(-resets_at_us // 1_000_000)
        rest += f";t={max(0, resets_at - int(now.timestamp()))}"
        headers.append((b"x-ratelimit-reset", b"%d" % resets_at))
    headers.append((b"ratelimit-policy", policy.encode("ascii")))
    headers.append((b"ratelimit", rest.encode("ascii")))
    return headers


def with_headers(own: Iterable[Header], added: Iterable[Header]) -> list[Header]:
    """The application's headers, and those of `added` that it did not set itself."""
    headers = list(own)
    names = {name.lower() for name, _ in headers}
    headers.extend(header for header in added if header[0] not in names)
    return headers


def quoted(name: str) -> str:
    """A name as a structured-field string: printable ASCII, quotes and backslashes escaped."""
    if name.isidentifier() and name.isascii():
        return f'"{name}"'
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in name)
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
