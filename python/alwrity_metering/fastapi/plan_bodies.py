"""Plans, limits and prices as the billing screens read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import cast

from alwrity_metering.results import LimitState, Plan, PriceVersion

from . import shapes
from .names import shown_provider
from .times import instant

LIMIT_NAMES = tuple(shapes.LimitNumbers.__annotations__)
COST_LIMIT = "monthly_cost"

Maxima = Mapping[str, int | Decimal | None]
"""The maximum of each limit by name; `None`, like a name that is missing, is "no limit"."""


def name_of(plans: Iterable[Plan], plan_id: str) -> str:
    """What a plan is called; its id where there is no such plan."""
    return next((plan.name for plan in plans if plan.id == plan_id), plan_id)


def numbers(maxima: Maxima) -> shapes.LimitNumbers:
    """Every limit that the screens know as a number: 0 for "no limit" and for "not in the plan"."""
    found = {name: maxima.get(name) or 0 for name in LIMIT_NAMES}
    shown = {name: int(maximum) for name, maximum in found.items()} | {
        COST_LIMIT: float(found[COST_LIMIT])
    }
    return cast(shapes.LimitNumbers, shown)


def zero_means(maxima: Maxima) -> dict[str, shapes.ZeroMeans]:
    """What each of those numbers stands for."""
    return {name: meaning(maxima.get(name)) for name in LIMIT_NAMES}


def meaning(maximum: int | Decimal | None) -> shapes.ZeroMeans:
    """What the number of a maximum stands for."""
    if maximum is None:
        return "unlimited"
    return "limited" if maximum > 0 else "disabled"


def maxima_of_plan(plan: Plan) -> Maxima:
    """The maxima of a plan."""
    return {limit.name: limit.maximum for limit in plan.limits}


def maxima_of_states(states: Iterable[LimitState]) -> Maxima:
    """The maxima that hold for a user: its own limits and boosts included."""
    return {state.name: state.maximum for state in states}


def limits(plan: Plan, maxima: Maxima, *, explained: bool = False) -> shapes.Limits:
    """A user's limits; `explained` says what each 0 stands for."""
    body: shapes.Limits = {
        "plan_name": plan.name,
        "tier": plan.tier,
        "limits": numbers(maxima),
        "features": list(plan.features),
    }
    if explained:
        body["_zero_means"] = zero_means(maxima)
    return body


def plan(own: Plan) -> shapes.Plan:
    """A plan."""
    maxima = maxima_of_plan(own)
    return {
        "id": own.id,
        "name": own.name,
        "tier": own.tier,
        "price_monthly": float(own.price_monthly_usd),
        "price_yearly": float(own.price_yearly_usd),
        "description": own.description,
        "features": list(own.features),
        "limits": numbers(maxima),
        "_zero_means": zero_means(maxima),
    }


def plans(known: Iterable[Plan]) -> shapes.Plans:
    """The plans that may be subscribed to."""
    offered = [plan(own) for own in known if own.is_active]
    return {"plans": offered, "total": len(offered)}


def pricing(versions: Iterable[PriceVersion], now: datetime) -> shapes.Pricing:
    """The prices in force: of each, the last version that has begun."""
    newest: dict[tuple[str, ...], PriceVersion] = {}
    for version in versions:
        if version.effective_from > now or version.variant != "standard":
            continue
        key = (version.provider, version.matcher, version.model, version.operation or "")
        if key not in newest or newest[key].effective_from <= version.effective_from:
            newest[key] = version
    prices = [price(version) for version in newest.values()]
    return {"pricing": prices, "total": len(prices)}


def price(version: PriceVersion) -> shapes.Price:
    """A price, of one unit each and in the lowest context tier."""
    rates = {
        rate.unit: float(rate.amount_usd / rate.per)
        for rate in version.rates
        if rate.above_input_tokens == 0
    }
    star = "" if version.matcher == "exact" else "*"
    return {
        "provider": shown_provider(version.provider),
        "model_name": version.model + star,
        "cost_per_input_token": rates.get("input_tokens"),
        "cost_per_output_token": rates.get("output_tokens"),
        "cost_per_request": rates.get("requests"),
        "cost_per_search": rates.get("searches"),
        "cost_per_image": rates.get("images"),
        "cost_per_page": rates.get("pages"),
        "description": version.source,
        "effective_date": instant(version.effective_from),
    }
