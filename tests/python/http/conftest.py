"""The fixture that the tests of the HTTP part share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from alwrity_metering import ManualClock, Meter
from alwrity_metering.errors import StorageReplacedError
from alwrity_metering.fastapi import create_router
from backend import NOON, Backend, Payments, is_admin, signed_in
from fastapi import FastAPI


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    """A backend with the default plans and prices, at noon."""
    clock, path = ManualClock(NOON), tmp_path / "metering.db"
    payments = Payments()
    meter = Meter.open(path, clock=clock, synchronous="normal")
    meter.seed("default")
    app = FastAPI()
    app.include_router(
        create_router(meter, current_user=signed_in, payment=payments, is_admin=is_admin)
    )
    yield Backend(meter, clock, path, app, payments)
    # Some tests take the file away.
    with contextlib.suppress(StorageReplacedError):
        meter.close()
