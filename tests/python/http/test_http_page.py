"""docs/http.md: every endpoint is there, and every example is what the router really answers.

`UPDATE_DOCS=1` rewrites the examples.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import contract
import pytest
from alwrity_metering.fastapi.plan_bodies import LIMIT_NAMES
from alwrity_metering.fastapi.shapes import UsageStats
from backend import FLASH, Backend

PAGE = Path(__file__).resolve().parents[3] / "docs" / "http.md"
WIDTH = 96
TEXT_MAX = 80
PREFIX = "/api/subscription"
HEADING = re.compile(r"^### `(GET|POST) (/\S+)`$")
BLOCK = re.compile(r"```json\n(.*?)```", re.DOTALL)


def history(backend: Backend) -> None:
    """What the examples tell of: a user with some calls, on Basic since noon."""
    backend.payments.reference = "ch_1"
    backend.meter.subscribe("ada", "basic", paid="ch_1")
    details: dict[str, Any] = {
        "endpoint": "/api/blog/write",
        "method": "POST",
        "response_time_ms": 840,
    }
    backend.record(**details)
    backend.record(provider="wavespeed", operation="video_generation", model="wan-2.5")
    backend.record(call_count=800, usage={"input_tokens": 9600, "output_tokens": 4800})
    backend.later(days=6)


def get(path: str, **params: Any) -> Callable[[Backend], Any]:
    return lambda backend: backend.get(path, **params)


def post(path: str, body: Any = None) -> Callable[[Backend], Any]:
    def send(backend: Backend) -> Any:
        answer = backend.client().post(f"{PREFIX}{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return send


PREFLIGHT = {
    "operations": [
        {"provider": "gemini", "model": FLASH, "tokens_requested": 2000, "operation_type": "chat"},
        {"provider": "video", "model": "wan-2.5", "operation_type": "video_generation"},
    ]
}
WISH = {"plan_id": "pro", "billing_cycle": "monthly"}
EXAMPLES: dict[str, tuple[Any, Callable[[Backend], Any]]] = {
    "GET /plans": (None, get("/plans")),
    "GET /pricing": (None, get("/pricing", provider="gemini")),
    "GET /usage/{user_id}": (None, get("/usage/ada", billing_period="2026-12")),
    "GET /usage/{user_id}/trends": (None, get("/usage/ada/trends", months=3)),
    "GET /dashboard/{user_id}": (None, get("/dashboard/ada")),
    "GET /alerts/{user_id}": (None, get("/alerts/ada")),
    "POST /alerts/{alert_id}/mark-read": (None, post("/alerts/1/mark-read")),
    "GET /user/{user_id}/subscription": (None, get("/user/ada/subscription")),
    "GET /status/{user_id}": (None, get("/status/ada")),
    "POST /subscribe/{user_id}": (WISH, post("/subscribe/ada", WISH)),
    "GET /usage-logs": (None, get("/usage-logs", limit=2)),
    "GET /renewal-history/{user_id}": (None, get("/renewal-history/ada")),
    "POST /preflight-check": (PREFLIGHT, post("/preflight-check", PREFLIGHT)),
}


def short(value: Any, *, is_top: bool = True) -> Any:
    """An answer as the page shows it: one item of a list, and shapes by their names."""
    if isinstance(value, list):
        first = value[:1] if value and isinstance(value[0], dict) else value
        return [short(item, is_top=False) for item in first]
    if isinstance(value, str) and len(value) > TEXT_MAX:
        return value[: TEXT_MAX - 20] + "…"
    if not isinstance(value, dict):
        return value
    if set(value) == set(LIMIT_NAMES):
        return "<Limit numbers>" if isinstance(value["gemini_calls"], int) else "<Meanings>"
    if not is_top and set(value) == set(UsageStats.__annotations__):
        return "<Usage>"
    if not is_top and "plan_name" in value and "features" in value:
        return "<Limits>"
    return {
        key: "<Trends>" if key == "trends" else short(item, is_top=key == "data")
        for key, item in value.items()
    }


def fitted(value: Any, indent: int = 0, key: str = "") -> str:
    """JSON in lines of at most `WIDTH`, as many items in a line as fit."""
    whole = json.dumps(value, ensure_ascii=False)
    if indent + len(key) + len(whole) <= WIDTH or not isinstance(value, dict | list) or not value:
        return whole
    if isinstance(value, dict):
        parts = [f"{json.dumps(k)}: {fitted(v, indent + 2, k + '....')}" for k, v in value.items()]
    else:
        parts = [fitted(item, indent + 2) for item in value]
    pad, lines = " " * (indent + 2), [""]
    for part in parts:
        last = lines[-1]
        is_plain = "\n" not in part and "\n" not in last
        if last and is_plain and len(pad) + len(last) + len(part) + 3 <= WIDTH:
            lines[-1] = f"{last}, {part}"
        elif last:
            lines.append(part)
        else:
            lines[-1] = part
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return opening + "\n" + ",\n".join(pad + line for line in lines) + f"\n{' ' * indent}{closing}"


def sections() -> dict[str, str]:
    """The text of each endpoint, by method and path."""
    found: dict[str, str] = {}
    name = ""
    for line in PAGE.read_text("utf-8").splitlines(keepends=True):
        if line.startswith("#"):
            heading = HEADING.match(line.rstrip())
            name = f"{heading[1]} {heading[2]}" if heading else ""
        elif name:
            found[name] = found.get(name, "") + line
    return found


def test_every_endpoint_is_on_the_page_and_no_other() -> None:
    assert list(sections()) == list(EXAMPLES)
    assert set(EXAMPLES) == set(contract.ENDPOINTS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_what_is_answered(backend: Backend, name: str) -> None:
    history(backend)
    asked, answers = EXAMPLES[name]
    wanted = [fitted(short(body)) for body in ([asked] if asked else []) + [answers(backend)]]
    section = sections()[name]
    shown = [block.strip() for block in BLOCK.findall(section)]
    if os.environ.get("UPDATE_DOCS") and shown != wanted:
        rewrite(section, wanted)
        shown = wanted
    assert shown == wanted


def rewrite(section: str, wanted: list[str]) -> None:
    """Puts the real examples in the place of those of a section."""
    blocks = iter(wanted)
    renewed = BLOCK.sub(lambda _: f"```json\n{next(blocks)}\n```", section)
    PAGE.write_text(PAGE.read_text("utf-8").replace(section, renewed), "utf-8")


@pytest.mark.parametrize("name", EXAMPLES)
def test_everything_of_the_document_is_named(backend: Backend, name: str) -> None:
    """Every parameter, every field of a body, and every status."""
    method, path = name.split(" ", 1)
    document = backend.app.openapi()
    told = document["paths"][PREFIX + path][method.lower()]
    section = sections()[name]
    for parameter in told.get("parameters", []):
        if parameter["in"] == "query":
            assert f"`{parameter['name']}`" in section, parameter["name"]
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    for field in fields(document, body.get("schema", {})):
        assert f'"{field}"' in section or f"`{field}`" in section, field
    for status in told["responses"]:
        if status not in ("200", "503"):  # Those are the same everywhere.
            assert f"`{status}`" in section, status


def fields(document: Any, schema: Any) -> set[str]:
    """The names of the fields of a body, also of its items."""
    if "$ref" in schema:
        return fields(document, document["components"]["schemas"][schema["$ref"].split("/")[-1]])
    own = set(schema.get("properties", {}))
    inner = [*schema.get("properties", {}).values(), schema.get("items", {})]
    return own.union(*(fields(document, part) for part in inner if part))


def test_the_shapes_are_what_is_answered(backend: Backend) -> None:
    history(backend)
    stats = backend.get("/usage/ada", billing_period="2026-12")["data"]
    limits = backend.get("/status/ada")["data"]["limits"]
    shapes = {
        "Limits": short(stats["limits"], is_top=True),
        "Limit numbers": stats["limits"]["limits"],
        "Meanings": limits["_zero_means"],
    }
    text = PAGE.read_text("utf-8")
    for title, value in shapes.items():
        begin = text.index(f"### {title}\n")
        block = BLOCK.search(text, begin)
        assert block is not None
        if os.environ.get("UPDATE_DOCS"):
            text = text[: block.start()] + f"```json\n{fitted(value)}\n```" + text[block.end() :]
            PAGE.write_text(text, "utf-8")
        else:
            assert block[1].strip() == fitted(value), title
