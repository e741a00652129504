"""A backend for the tests: a meter on a file and a clock of its own, and an application on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from alwrity_metering import ManualClock, Meter
from alwrity_metering.fastapi import (
    EmergencySwitch,
    MeteringMiddleware,
    PaymentDue,
    RouteRule,
)
from fastapi import FastAPI, HTTPException, Request
from starlette.testclient import TestClient

NOON = datetime(2026, 12, 7, 12, tzinfo=timezone.utc)
"""Noon of a day on which the second price list is in force."""
FLASH = "gemini-2.5-flash"


def user_of_request(request: Request) -> str | None:
    """The tests' authentication: a bearer token is the user's name."""
    scheme, _, user = request.headers.get("authorization", "").partition(" ")
    return user if scheme == "Bearer" and user else None


def signed_in(request: Request) -> str:
    """The same as a dependency."""
    user = user_of_request(request)
    if user is None:
        raise HTTPException(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
    return user


def is_admin(request: Request) -> bool:
    """The user `root` sees everybody."""
    return user_of_request(request) == "root"


@dataclass
class Payments:
    """The tests' payment check: it grants what it is told to, and remembers what it was asked."""

    reference: str | None = None
    asked: list[PaymentDue] = field(default_factory=list)

    def __call__(self, due: PaymentDue) -> str | None:
        self.asked.append(due)
        return self.reference


@dataclass
class Backend:
    """A meter, its clock, and an application with the router."""

    meter: Meter
    clock: ManualClock
    path: Path
    app: FastAPI
    payments: Payments
    emergency: EmergencySwitch = field(default_factory=EmergencySwitch)

    def client(self, user: str | None = "ada") -> TestClient:
        """A client that is signed in."""
        headers = {"authorization": f"Bearer {user}"} if user else {}
        return TestClient(self.app, headers=headers, raise_server_exceptions=False)

    def get(self, path: str, user: str | None = "ada", **params: Any) -> Any:
        """The body of a GET of the router that succeeds."""
        answer = self.client(user).get(f"/api/subscription{path}", params=params)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    def record(self, user: str = "ada", provider: str = "gemini", **call: Any) -> None:
        """Records a call of 1000 input and 200 output tokens, unless told otherwise."""
        call.setdefault("model", FLASH if provider == "gemini" else "")
        if "usage" not in call and "operation" not in call:
            call["usage"] = {"input_tokens": 1000, "output_tokens": 200}
        self.meter.record_call(user, provider=provider, **call)

    def later(self, **by: float) -> None:
        """Moves the clock."""
        self.clock.advance(timedelta(**by))

    def metered(self, *rules: RouteRule, **options: Any) -> None:
        """Adds the middleware with these rules."""
        self.app.add_middleware(
            MeteringMiddleware,
            meter=self.meter,
            current_user=user_of_request,
            rules=rules,
            emergency=self.emergency,
            **options,
        )

    def logged(self, user: str = "ada") -> list[Any]:
        """The recorded calls, oldest first, after everything that is queued."""
        self.meter.flush()
        return list(reversed(self.meter.calls(user, limit=5000).calls))

    def held_calls(self, user: str = "ada", limit: str = "gemini_calls") -> int:
        """How many calls are held."""
        own = [state for state in self.meter.limits(user).limits if state.name == limit]
        return int(own[0].held)
