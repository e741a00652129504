"""Interim."""

from __future__ import annotations

import asyncio
from typing import Any

from ._meter import Meter


class AsyncMeter:
    def __init__(self, meter: Meter) -> None:
        self.sync = meter

    async def reserve(self, user: str, **call: Any) -> Any:
        return await asyncio.to_thread(self.sync.reserve, user, **call)

    async def release(self, user: str, hold: Any) -> Any:
        return await asyncio.to_thread(self.sync.release, user, hold)
