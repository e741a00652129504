"""The HTTP contract as JSON Schemas, and the check of an answer against it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

HERE = Path(__file__).parent
SHAPES = json.loads((HERE / "shapes.json").read_text("utf-8"))
ROUTES = json.loads((HERE / "routes.json").read_text("utf-8"))
REGISTRY: Registry[Any] = Registry().with_resources(
    [
        ("shapes", Resource.from_contents(SHAPES)),
        ("routes", Resource.from_contents(ROUTES)),
    ]
)
ENDPOINTS = [name for name in ROUTES["$defs"] if name.startswith(("GET ", "POST "))]
"""Method and path of every endpoint of the contract."""
BARE = {"GET /usage-logs", "POST /alerts/{alert_id}/mark-read"}
"""Endpoints whose answer has no envelope."""
COUNTED = ("total_calls", "total_cost", "total_tokens")


def check(name: str, body: Any) -> Any:
    """Checks a body against the schema of that name; its data, without the envelope."""
    if name in ENDPOINTS and name not in BARE:
        assert set(body) == {"success", "data"} and body["success"] is True, body
        body = body["data"]
    schema = {"$ref": f"routes#/$defs/{name.replace('/', '~1')}"}
    validator = Draft202012Validator(schema, registry=REGISTRY, format_checker=FormatChecker())
    problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)]
    assert not problems, "\n".join(problems)
    check_trends(body)
    check_zeros(body)
    return body


def check_trends(body: Any) -> None:
    """Every list of trends is as long as its periods, and no month is left out."""
    for trends in found(body, "provider_trends"):
        months = [tuple(map(int, period.split("-"))) for period in trends["periods"]]
        numbers = [year * 12 + month for year, month in months]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), trends["periods"]
        lists = [trends[name] for name in COUNTED]
        lists += [part[name] for part in trends["provider_trends"].values() for name in part]
        assert {len(own) for own in lists} == {len(numbers)}


def check_zeros(body: Any) -> None:
    """`_zero_means` is true: a positive number is limited, a 0 is one of the other two."""
    for limits in found(body, "_zero_means"):
        numbers = limits["limits"]
        for name, meaning in limits["_zero_means"].items():
            assert (numbers[name] > 0) == (meaning == "limited"), (name, numbers[name], meaning)


def found(body: Any, key: str) -> list[Any]:
    """Every object in a body that has a key."""
    if isinstance(body, list):
        return [one for item in body for one in found(item, key)]
    if not isinstance(body, dict):
        return []
    own = [body] if key in body else []
    return own + [one for item in body.values() for one in found(item, key)]
