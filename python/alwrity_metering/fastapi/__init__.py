"""Metering for FastAPI and Starlette, in process.

| you want to | use |
|---|---|
| meter routes that call a provider | `MeteringMiddleware` and `RouteRule`s, or `limit_dependency` |
| say what a route used | `request.state.metering`, a `MeteredCall` |
| serve the billing screens | `create_router` |
| answer errors of the meter from own routes | `add_exception_handlers` |
| send alerts while the application runs | `deliver_alerts` |
| know how many requests passed in an emergency | `EMERGENCY` |
"""

from __future__ import annotations

from .delivery import deliver_alerts
from .dependency import limit_dependency
from .emergency import EMERGENCY, EmergencySwitch
from .errors import add_exception_handlers
from .estimates import tokens_of_body
from .metered import MeteredCall
from .middleware import MeteringMiddleware
from .payment import PaymentDue
from .router import create_router
from .rules import Estimate, RouteRule

__all__ = [
    "EMERGENCY",
    "EmergencySwitch",
    "Estimate",
    "MeteredCall",
    "MeteringMiddleware",
    "PaymentDue",
    "RouteRule",
    "add_exception_handlers",
    "create_router",
    "deliver_alerts",
    "limit_dependency",
    "tokens_of_body",
]
