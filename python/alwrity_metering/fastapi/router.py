"""The router: every endpoint that the billing screens call, answered from the meter.

Its functions are plain `def`, which FastAPI runs in threads: a read of the store never holds the
event loop, and none of them writes but the three POSTs that are there to.
"""

# No postponed annotations here: FastAPI reads them, and they name values of the host.
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from alwrity_metering import AsyncMeter, Meter
from alwrity_metering.errors import InvalidNameError

from . import account_bodies, plan_bodies, preflight, usage_bodies
from .access import Access, Dependency, nobody_is_admin
from .admission import awaited, both
from .errors import MeteringRoute
from .names import UnknownProviderError, filtered
from .payment import Payment, PaymentDue, nobody_has_paid
from .shapes import (
    Alerts,
    Answer,
    Cycle,
    Dashboard,
    Detail,
    Log,
    Marked,
    Plans,
    Preflight,
    Pricing,
    RefusedByRoute,
    Renewals,
    Subscribed,
    SubscriptionStatus,
    Trends,
    UsageStats,
    UserSubscription,
)
from .views import AccountView

PREFIX = "/api/subscription"
LARGEST = (1 << 53) - 1
"""The largest number that JSON carries exactly."""

ProviderName = Annotated[str | None, Query(max_length=128, examples=["huggingface"])]
PeriodLabel = Annotated[
    str | None,
    Query(
        pattern="^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])$",
        description="The month that the period starts in, from 1970 on.",
    ),
]
Offset = Annotated[int, Query(ge=0, le=LARGEST)]

FAILURES: dict[int | str, dict[str, Any]] = {
    503: {"model": RefusedByRoute, "description": "The store cannot be asked now."},
}
OWN_FAILURES: dict[int | str, dict[str, Any]] = {
    401: {"model": Detail, "description": "Nobody is signed in."},
    403: {"model": Detail, "description": "It is another user's."},
    **FAILURES,
}


def create_router(
    meter: Meter | AsyncMeter,
    *,
    current_user: Dependency,
    payment: Payment = nobody_has_paid,
    is_admin: Dependency = nobody_is_admin,
    prefix: str = PREFIX,
) -> APIRouter:
    """The endpoints of the billing screens.

    Args:
        meter: The meter.
        current_user: A dependency: the id of the user that is signed in; it raises a `401`
            where nobody is.
        payment: The host's payment check: under which reference the amount that is due was paid,
            or nothing. Without it, paid plans answer `402`.
        is_admin: A dependency: whether the caller may see and change every user.
        prefix: What the paths hang under.

    Example:
        >>> app.include_router(create_router(meter, current_user=signed_in))  # doctest: +SKIP
    """
    own, _ = both(meter)
    router = APIRouter(prefix=prefix, tags=["subscription"], route_class=MeteringRoute)
    access = Access.of(current_user, is_admin)
    add_catalogue_routes(router, own)
    add_usage_routes(router, own, access)
    add_alert_routes(router, own, access)
    add_subscription_routes(router, own, access, payment)
    add_log_routes(router, own, access)
    add_preflight_route(router, own, access)
    return router


def add_catalogue_routes(router: APIRouter, meter: Meter) -> None:
    """Plans and prices, which anybody may see."""

    @router.get("/plans", responses=FAILURES)
    def plans() -> Answer[Plans]:
        """The plans that can be subscribed to, cheapest first."""
        return {"success": True, "data": plan_bodies.plans(meter.plans())}

    @router.get("/pricing", responses=FAILURES)
    def pricing(provider: ProviderName = None) -> Answer[Pricing]:
        """The prices in force; those of an unknown provider are an empty list."""
        name, operation = filtered(provider) if provider else (None, None)
        try:
            versions = meter.prices(name)
        except InvalidNameError:  # What can be no name is nobody's either.
            versions = ()
        if operation is not None:
            versions = tuple(own for own in versions if own.operation == operation)
        return {"success": True, "data": plan_bodies.pricing(versions, meter.now())}


def add_usage_routes(router: APIRouter, meter: Meter, access: Access) -> None:
    """What a user used."""
    Owned = Annotated[str, Depends(access.owner)]  # noqa: N806 (it is a type)

    @router.get("/usage/{user_id}", responses=OWN_FAILURES)
    def usage(user: Owned, billing_period: PeriodLabel = None) -> Answer[UsageStats]:
        """What a user used in a period; without one, in all."""
        view = AccountView(meter, user)
        return {"success": True, "data": view.stats(billing_period or "all")}

    @router.get("/usage/{user_id}/trends", responses=OWN_FAILURES)
    def trends(user: Owned, months: Annotated[int, Query(ge=1, le=24)] = 6) -> Answer[Trends]:
        """The last months, none left out, oldest first."""
        return {"success": True, "data": AccountView(meter, user).trends(months)}

    @router.get("/dashboard/{user_id}", responses=OWN_FAILURES)
    def dashboard(user: Owned, billing_period: PeriodLabel = None) -> Answer[Dashboard]:
        """Everything about a user at one glance."""
        return {"success": True, "data": AccountView(meter, user).dashboard(billing_period)}


def add_alert_routes(router: APIRouter, meter: Meter, access: Access) -> None:
    """What a user was told."""

    @router.get("/alerts/{user_id}", responses=OWN_FAILURES)
    def alerts(
        user: Annotated[str, Depends(access.owner)],
        unread_only: bool = False,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
    ) -> Answer[Alerts]:
        """A user's alerts, newest first."""
        page = meter.alerts(user, unread=unread_only, limit=limit)
        return {"success": True, "data": usage_bodies.alerts(page)}

    @router.post(
        "/alerts/{alert_id}/mark-read",
        responses={404: {"model": Detail, "description": "No such alert."}, **OWN_FAILURES},
    )
    def mark_read(
        alert_id: Annotated[int, Path(ge=1, le=LARGEST)],
        caller: Annotated[str, Depends(access.caller)],
    ) -> Marked:
        """Marks an own alert as read; doing it again changes nothing."""
        meter.mark_read(caller, alert_id)
        return {"success": True, "message": "Alert marked as read"}


class SubscribeRequest(BaseModel):
    """What a user subscribes to."""

    plan_id: Annotated[str, Field(min_length=1, max_length=64, examples=["basic"])]
    billing_cycle: Cycle = "monthly"


def add_subscription_routes(
    router: APIRouter, meter: Meter, access: Access, payment: Payment
) -> None:
    """A user's subscription."""
    Owned = Annotated[str, Depends(access.owner)]  # noqa: N806 (it is a type)

    @router.get("/user/{user_id}/subscription", responses=OWN_FAILURES)
    def subscription(user: Owned) -> Answer[UserSubscription]:
        """How a user's subscription stands; without one, the Free plan."""
        return {"success": True, "data": AccountView(meter, user).subscription()}

    @router.get("/status/{user_id}", responses=OWN_FAILURES)
    def status(user: Owned) -> Answer[SubscriptionStatus]:
        """Whether a user may use the API."""
        return {"success": True, "data": AccountView(meter, user).status()}

    @router.post(
        "/subscribe/{user_id}",
        responses={
            400: {"model": Detail, "description": "The body is no text."},
            402: {"model": RefusedByRoute, "description": "It is not paid."},
            404: {"model": Detail, "description": "No such plan."},
            409: {"model": Detail, "description": "The subscription does not allow it now."},
            **OWN_FAILURES,
        },
    )
    async def subscribe(
        request: Request, user: Owned, wish: SubscribeRequest
    ) -> Answer[Subscribed]:
        """Puts a user on a plan, once the host says that it is paid."""
        terms: dict[str, Any] = {"plan_id": wish.plan_id, "billing_cycle": wish.billing_cycle}
        preview = await run_in_threadpool(meter.preview_change, user, "subscribe", **terms)
        amount = preview.proration.due_usd
        if amount > 0:
            due = PaymentDue(user, wish.plan_id, wish.billing_cycle, amount, request)
            # In a thread: a function that asks a payment service would hold the event loop.
            reference = await awaited(await run_in_threadpool(payment, due))
            if not reference:
                plans = await run_in_threadpool(meter.plans)
                raise HTTPException(402, unpaid(plan_bodies.name_of(plans, wish.plan_id), amount))
            terms["paid"] = reference
        receipt = await run_in_threadpool(meter.subscribe, user, **terms)
        data = await run_in_threadpool(AccountView(meter, user).subscribed, receipt)
        return {"success": True, "data": data}

    @router.get("/renewal-history/{user_id}", responses=OWN_FAILURES)
    def renewal_history(
        user: Owned, limit: Annotated[int, Query(ge=1, le=100)] = 50, offset: Offset = 0
    ) -> Answer[Renewals]:
        """The changes and renewals of a user's subscription, newest first."""
        return {"success": True, "data": AccountView(meter, user).renewals(limit, offset)}


def unpaid(plan_name: str, amount_usd: Decimal) -> dict[str, Any]:
    """The body of a `402` for a plan that is not paid."""
    return {
        "error": "Payment required",
        "message": f"The {plan_name} plan costs ${amount_usd:.2f} now, which is not paid.",
        "code": "PAYMENT_REQUIRED",
    }


def add_log_routes(router: APIRouter, meter: Meter, access: Access) -> None:
    """A user's recorded calls."""

    @router.get("/usage-logs", responses=OWN_FAILURES)
    def usage_logs(
        caller: Annotated[str, Depends(access.caller)],
        limit: Annotated[int, Query(ge=1, le=5000)] = 50,
        offset: Offset = 0,
        provider: ProviderName = None,
        status_code: Annotated[int | None, Query(ge=100, le=599)] = None,
        billing_period: PeriodLabel = None,
    ) -> Log:
        """The caller's recorded calls, newest first."""
        name, operation = filtered(provider) if provider else (None, None)
        page = meter.calls(
            caller,
            provider=name,
            operation=operation,
            status_code=status_code,
            period=billing_period,
            offset=offset,
            limit=limit,
        )
        return account_bodies.log(page, limit, offset)


def add_preflight_route(router: APIRouter, meter: Meter, access: Access) -> None:
    """Whether operations would fit."""

    @router.post(
        "/preflight-check",
        responses={
            400: {
                "model": Detail,
                "description": "An unknown provider, or a body that is no text.",
            },
            **OWN_FAILURES,
        },
    )
    def preflight_check(
        asked: preflight.PreflightRequest, caller: Annotated[str, Depends(access.caller)]
    ) -> Answer[Preflight]:
        """Whether operations may be made together: each sees the ones before it."""
        try:
            calls = [preflight.request(operation) for operation in asked.operations]
        except UnknownProviderError as error:
            raise HTTPException(400, f"Unknown provider: {error}") from error
        decision = meter.check_limits(caller, calls)
        return {"success": True, "data": preflight.answer(asked.operations, decision)}
