"""The service: sign-in, three metered routes, and the endpoints of the billing screens.

Two of the routes are metered by the middleware, from the list `RULES`, the third by a dependency.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from alwrity_metering import Meter
from alwrity_metering.fastapi import (
    MeteredCall,
    MeteringMiddleware,
    PaymentDue,
    RouteRule,
    add_exception_handlers,
    create_router,
    deliver_alerts,
    limit_dependency,
    tokens_of_body,
)
from fastapi import Depends, FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from . import auth
from .llm import Providers
from .notices import print_alert

MODEL = "gemini-2.5-flash"
STREAM_MODEL = "gpt-4o-mini"

# One meter a process. Every worker opens the same file: what they count is one. A worker that is
# killed while a provider answers leaves its hold behind, which is then charged at its estimate.
meter = Meter.open(
    os.environ.get("ALWRITY_METERING_DB", "metering.db"),
    alert_channels=["console"],
    expired_holds="charge",
)
providers = Providers(os.environ.get("EXAMPLE_PROVIDER_URL", "http://127.0.0.1:8700"))

ESTIMATE = tokens_of_body(output_tokens_max=500)
RULES = [
    RouteRule(
        "/api/blog/write",
        "gemini",
        operation="chat",
        model=MODEL,
        estimate=ESTIMATE,
        reads_body=True,
        ttl_ms=60_000,
    ),
    RouteRule(
        "/api/chat/stream",
        "openai",
        operation="chat",
        model=STREAM_MODEL,
        estimate=ESTIMATE,
        reads_body=True,
        ttl_ms=60_000,
    ),
]


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Alerts go out while the service runs; at its end everything that is queued is committed."""
    async with deliver_alerts(meter, {"console": print_alert}):
        yield
    await providers.close()
    meter.close()


def payment(due: PaymentDue) -> str | None:
    """Stands for the host's payments: a charge that begins with `ch_` is one that was paid."""
    charge = due.request.headers.get("x-example-charge", "")
    return charge if charge.startswith("ch_") else None


app = FastAPI(title="Example backend", version="1.0.0", lifespan=lifespan)
app.add_middleware(MeteringMiddleware, meter=meter, current_user=auth.user_of_request, rules=RULES)
add_exception_handlers(app)
app.include_router(
    create_router(meter, current_user=auth.signed_in, payment=payment, is_admin=auth.is_admin)
)


class Credentials(BaseModel):
    """Who wants to sign in."""

    user: Annotated[str, Field(max_length=64)]
    password: Annotated[str, Field(max_length=64)]


class Topic(BaseModel):
    """What is to be written or looked for."""

    topic: Annotated[str, Field(min_length=1, max_length=10_000)]


@app.post("/token")
def token(credentials: Credentials) -> dict[str, str]:
    """Signs in."""
    return {"access_token": auth.sign_in(credentials.user, credentials.password)}


@app.post("/api/blog/write")
async def write(topic: Topic, request: Request) -> dict[str, Any]:
    """Writes about a topic. What the provider answered says what it used."""
    answer = await providers.generate(MODEL, f"Write about {topic.topic}")
    request.state.metering.response = answer
    return {"text": answer["candidates"][0]["content"]["parts"][0]["text"]}


@app.post("/api/chat/stream")
async def chat(topic: Topic) -> StreamingResponse:
    """Talks about a topic, as it comes. The middleware reads the usage out of the events."""
    events = providers.stream(STREAM_MODEL, topic.topic)
    return StreamingResponse(events, media_type="text/event-stream")


search_limit = limit_dependency(
    meter,
    current_user=auth.signed_in,
    provider="tavily",
    model="tavily-search",
    ttl_ms=60_000,
)


@app.post("/api/research/search")
async def search(
    topic: Topic, call: Annotated[MeteredCall, Depends(search_limit)]
) -> dict[str, Any]:
    """Looks for pages about a topic; metered by a dependency."""
    answer = await providers.search(topic.topic)
    call.usage = {"searches": 1}
    return {"results": [page["title"] for page in answer["results"]]}
