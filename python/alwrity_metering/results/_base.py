"""What all results have in common."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

_UTC = timezone.utc


def plain(value: object) -> Any:
    """The value as JSON says it, exactly as the command's ``--json`` does."""
    if isinstance(value, Result):
        return value.as_dict()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        text = value.astimezone(_UTC).isoformat(
            timespec="seconds"
            if not value.microsecond
            else "milliseconds"
            if not value.microsecond % 1000
            else "microseconds"
        )
        return text.replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


class Result:
    """A frozen result: comparable, picklable, with a ``repr`` that shows its fields."""

    __slots__ = ()

    def as_dict(self) -> dict[str, Any]:
        """What the command's ``--json`` shows: dictionaries, lists, texts and numbers.

        Money is decimal text and a time RFC 3339. A field that JSON leaves out when there is
        nothing to say (they are those with a default) is left out here too.
        """
        shown = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if field.default is not dataclasses.MISSING and value == field.default:
                continue
            if field.default_factory is not dataclasses.MISSING and not value:
                continue
            shown[field.name] = plain(value)
        return shown
