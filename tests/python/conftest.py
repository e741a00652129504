"""What the tests of the wheel share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import alwrity_metering as am
import pytest

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"

CHAT: dict[str, Any] = {"provider": "gemini", "model": "gemini-2.5-flash"}
"""A call that the Free plan contains."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "metering.db"


@pytest.fixture
def make_meter(tmp_path: Path) -> Iterator[Callable[..., am.Meter]]:
    """Opens meters on stores of their own, seeded, and closes them."""
    opened: list[am.Meter] = []

    def make(**options: Any) -> am.Meter:
        meter = am.Meter.open(tmp_path / f"metering{len(opened)}.db", **options)
        meter.seed("default")
        opened.append(meter)
        return meter

    yield make
    for meter in opened:
        meter.close()


@pytest.fixture
def meter(make_meter: Callable[..., am.Meter]) -> am.Meter:
    """A meter by the real clock, on a new store with the shipped plans and prices."""
    return make_meter()
