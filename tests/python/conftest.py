"""What the tests of the wheel share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypedDict

import alwrity_metering as am
import pytest

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"


class Chat(TypedDict):
    """Who is called, and by which model."""

    provider: str
    model: str


CHAT: Chat = {"provider": "gemini", "model": "gemini-2.5-flash"}
"""A call that the Free plan contains."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "metering.db"


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store with the shipped plans and prices, to be copied: seeding takes longer."""
    path = tmp_path_factory.mktemp("seeded") / "metering.db"
    clock = am.ManualClock(datetime(1970, 1, 1, tzinfo=timezone.utc))
    with am.Meter.open(path, clock=clock) as meter:
        meter.seed("default")
    return path


@pytest.fixture
def make_meter(tmp_path: Path, seeded: Path) -> Iterator[Callable[..., am.Meter]]:
    """Opens meters on stores of their own, seeded, and closes them."""
    opened: list[am.Meter] = []

    def make(**options: Any) -> am.Meter:
        path = tmp_path / f"metering{len(opened)}.db"
        shutil.copy(seeded, path)
        meter = am.Meter.open(path, **options)
        opened.append(meter)
        return meter

    yield make
    for meter in opened:
        meter.close()


@pytest.fixture
def meter(make_meter: Callable[..., am.Meter]) -> am.Meter:
    """A meter by the real clock, on a new store with the shipped plans and prices."""
    return make_meter()
