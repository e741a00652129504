"""Headers that are added to an answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Header = tuple[bytes, bytes]


def with_headers(own: Iterable[Header], added: list[Header]) -> list[Header]:
    """The application's headers, and those of `added` that it did not set itself."""
    headers = list(own)
    names = {name.lower() for name, _ in headers}
    if names.isdisjoint([name for name, _ in added]):
        return headers + added
    return headers + [header for header in added if header[0] not in names]


def byte_headers(headers: Mapping[str, str]) -> list[Header]:
    """Headers as ASGI takes them."""
    return [
        (name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in headers.items()
    ]
