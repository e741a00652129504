"""What a provider's answer, its messages or a price say, as JSON text."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any


def _default(value: Any) -> Any:
    # pydantic models, also those inside of lists and dicts, and the SDKs' own older forms.
    for name in ("model_dump", "to_dict", "as_dict", "dict"):
        method = getattr(value, name, None)
        if callable(method):
            return method()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        # Pictures and sounds: only how long they are could matter, and it does not.
        return ""
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict):
        return {key: item for key, item in attributes.items() if not key.startswith("_")}
    return str(value)


def as_text(value: Any) -> str:
    """JSON text of a dict, a list, a model with ``model_dump``, or an answer of an HTTP client."""
    content = getattr(value, "content", None)
    if isinstance(content, bytes) and hasattr(value, "status_code"):
        return content.decode("utf-8", "replace")
    return json.dumps(value, default=_default)
