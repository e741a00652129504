"""The application that `middleware.py` measures: routes that read and answer JSON, one at once, the
other after it has asked a provider over HTTP, as a metered route does."""

from __future__ import annotations

import os
from typing import Annotated

import httpx
from alwrity_metering import Meter
from alwrity_metering.fastapi import Estimate, MeteringMiddleware, RouteRule
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field

KIND = os.environ["BENCH_KIND"]
MODEL = "gemini-2.5-flash"


class Wish(BaseModel):
    """What is asked for."""

    topic: Annotated[str, Field(min_length=1, max_length=1000)]
    style: str = "long"
    length: Annotated[int, Field(ge=1, le=10_000)] = 1000


class Text(BaseModel):
    """What is answered."""

    title: str
    text: str
    words: int


app = FastAPI()
provider = httpx.AsyncClient(base_url=os.environ["PROVIDER_URL"])


@app.post("/write")
async def write(wish: Wish, request: Request) -> Text:
    """A text, without a provider: nothing but the server is measured."""
    call = getattr(request.state, "metering", None)
    if call is not None:
        call.usage = {"input_tokens": 900, "output_tokens": 512}
    return Text(title=wish.topic, text=f"All about {wish.topic}. " * 10, words=wish.length)


@app.post("/ask")
async def ask(wish: Wish, request: Request) -> Text:
    """A text of the provider."""
    wanted = {"contents": [{"role": "user", "parts": [{"text": wish.topic}]}]}
    answer = (await provider.post(f"/v1beta/models/{MODEL}:generateContent", json=wanted)).json()
    call = getattr(request.state, "metering", None)
    if call is not None:
        call.response = answer
    text = answer["candidates"][0]["content"]["parts"][0]["text"]
    return Text(title=wish.topic, text=text, words=wish.length)


def user_of_request(request: Request) -> str | None:
    """The user of the bearer token."""
    return request.headers.get("authorization", "").removeprefix("Bearer ") or None


if KIND != "bare":
    meter = Meter.open(os.environ["ALWRITY_METERING_DB"])
    meter.seed("default")
    # Every limit of Pro is judged; none is reached.
    for number in range(int(os.environ["BENCH_USERS"])):
        user = f"user-{number}"
        meter.subscribe(user, "pro", waived="a measurement")
        meter.set_limit(user, "gemini_calls", 9_000_000)
        meter.set_limit(user, "gemini_tokens", None)
        meter.set_limit(user, "monthly_cost", 9_000_000)
    rules = [
        RouteRule(
            path,
            "gemini",
            operation="chat",
            model=MODEL,
            estimate=Estimate(input_tokens=1000, max_output_tokens=800),
            enforcement="check" if KIND == "check" else "reserve",
        )
        for path in ("/write", "/ask")
    ]
    app.add_middleware(MeteringMiddleware, meter=meter, current_user=user_of_request, rules=rules)
