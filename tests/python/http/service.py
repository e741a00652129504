"""The example backend with one more route: a record that is acknowledged when it is on the disk."""

from __future__ import annotations

from alwrity_metering import AsyncMeter
from fastapi_app import serve
from fastapi_app.app import app, meter

recorder = AsyncMeter(meter)


@app.post("/records/{user}/{key}")
async def record(user: str, key: str) -> dict[str, int]:
    """Records a call durably, and says so."""
    receipt = await recorder.record_call(
        user, provider="gemini", model="gemini-2.5-flash", input_tokens=1, endpoint=key
    )
    return {"call_id": receipt.call_id}


if __name__ == "__main__":
    serve.main("service:app")
