"""For the tests of a host: a pytest fixture with a store of its own and a clock that moves.

The fixtures are there once the package is installed::

    def test_the_limit_resets(meter, metering_clock):
        meter.record_call("u1", provider="openai", model="gpt-4o-mini", input_tokens=374)
        metering_clock.advance(timedelta(days=31))
        assert meter.usage_summary("u1").total_calls == 0
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    # Not at once: pytest loads this in every run of a host, needed or not.
    from . import ManualClock, Meter

START = datetime(2025, 10, 1, tzinfo=timezone.utc)
"""What the clock shows at first."""


@pytest.fixture
def metering_clock() -> ManualClock:
    """A clock that stands at ``START`` until the test moves it."""
    from . import ManualClock

    return ManualClock(START)


@pytest.fixture
def meter(tmp_path: Path, metering_clock: ManualClock) -> Iterator[Meter]:
    """A meter on a new store with the shipped plans and prices, and with ``metering_clock``."""
    from . import Meter

    with Meter.open(tmp_path / "metering.db", clock=metering_clock) as opened:
        opened.seed("default")
        yield opened
