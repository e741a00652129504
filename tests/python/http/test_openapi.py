"""The OpenAPI document: complete, and true for whatever a client may send."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import contract
import pytest
import schemathesis
from alwrity_metering import ManualClock, Meter
from alwrity_metering.fastapi import create_router
from backend import NOON, Backend, Payments, is_admin, signed_in
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi.checks import positive_data_acceptance

EXAMPLES_MAX = 40
PREFIX = "/api/subscription"
EXCUSED = {
    # A provider that nobody knows is a name like any other to the document.
    "POST /preflight-check": [positive_data_acceptance],
}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The document of an application whose user `ada` has a history."""
    path = tmp_path_factory.mktemp("openapi") / "metering.db"
    meter = Meter.open(path, clock=ManualClock(NOON), synchronous="normal")
    meter.seed("default")
    meter.subscribe("ada", "basic", paid="ch_1")
    meter.record_call("ada", provider="gemini", model="m", call_count=800, input_tokens=9)
    app = FastAPI()
    router = create_router(
        meter, current_user=signed_in, payment=Payments("ch_2"), is_admin=is_admin
    )
    app.include_router(router)
    return schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.mark.parametrize("name", contract.ENDPOINTS)
def test_every_answer_is_as_documented(schema: Any, name: str) -> None:
    """Whatever a client sends, also what the document forbids."""
    method, path = name.split(" ", 1)
    operation = schema[PREFIX + path][method]
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    for mode in modes:

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES_MAX,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def answers(case: Any) -> None:
            case.headers = {**(case.headers or {}), "authorization": "Bearer ada"}
            case.call_and_validate(excluded_checks=EXCUSED.get(name, []))

        with contextlib.suppress(Unsatisfiable):  # Nothing can be wrong where nothing is asked.
            answers()


def document(backend: Backend) -> Any:
    return backend.app.openapi()


def test_every_answer_has_its_model(backend: Backend) -> None:
    for path, methods in document(backend)["paths"].items():
        for method, told in methods.items():
            name = f"{method.upper()} {path.removeprefix(PREFIX)}"
            assert name in contract.ENDPOINTS
            assert told["description"], name
            content = told["responses"]["200"]["content"]["application/json"]["schema"]
            assert content.get("$ref", "").startswith("#/components/schemas/"), name
            assert "503" in told["responses"], name


def test_the_models_have_the_keys_of_the_contract(backend: Backend) -> None:
    """Each model of the document against the schema that was written from the contract."""
    models = document(backend)["components"]["schemas"]
    pairs = {
        "Plan": contract.SHAPES["$defs"]["plan"],
        "Limits": contract.SHAPES["$defs"]["limits"],
        "LimitNumbers": contract.SHAPES["$defs"]["limit_numbers"],
        "Alert": contract.SHAPES["$defs"]["alert"],
        "UsageStats": contract.SHAPES["$defs"]["usage_stats"],
        "Trends": contract.SHAPES["$defs"]["trends"],
        "Dashboard": contract.ROUTES["$defs"]["GET /dashboard/{user_id}"],
        "Renewal": contract.ROUTES["$defs"]["renewal"],
        "Preflight": contract.ROUTES["$defs"]["POST /preflight-check"],
        "Log": contract.ROUTES["$defs"]["GET /usage-logs"],
        "LoggedCall": contract.ROUTES["$defs"]["log"],
    }
    for name, wanted in pairs.items():
        model = models[name]
        assert set(wanted["required"]) <= set(model["required"]), name
        assert set(wanted["properties"]) <= set(model["properties"]), name


def test_it_is_served(backend: Backend, tmp_path: Path) -> None:
    assert tmp_path.is_dir()
    answer = backend.client().get("/openapi.json")
    assert answer.status_code == 200 and answer.json()["openapi"].startswith("3.")
