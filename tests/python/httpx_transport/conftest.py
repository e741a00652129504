"""The fixtures of the tests of the transport."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import alwrity_metering as am
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples"))

from fake_provider import FakeProvider

USER = "ada"

if not all(list(distributions(name=name)) for name in ("openai", "anthropic", "google-genai")):
    # `test_installed.py` says so.
    collect_ignore = [path.name for path in Path(__file__).parent.glob("test_[!i]*.py")]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets an SDK say that a model will be gone: the fake provider will still have it."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:The model:DeprecationWarning"))


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """A provider that answers as the vendors do."""
    with FakeProvider() as running:
        yield running


@pytest.fixture(scope="session")
def subscribed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store with the shipped prices and a user without tight limits, to be copied."""
    path = tmp_path_factory.mktemp("subscribed") / "metering.db"
    with am.Meter.open(path) as meter:
        meter.seed("default")
        meter.subscribe(USER, "enterprise", waived="for the test")
    return path


@pytest.fixture
def store(tmp_path: Path, subscribed: Path) -> Iterator[am.Meter]:
    """A meter on a copy of that."""
    path = tmp_path / "metering.db"
    shutil.copy(subscribed, path)
    with am.Meter.open(path) as meter:
        yield meter
