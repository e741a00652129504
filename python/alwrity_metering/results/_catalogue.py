"""Results about plans, prices and the care of the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from ._base import Result


@dataclass(frozen=True, slots=True)
class Seeded(Result):
    """What seeding added; what was there already is left as it is."""

    plans: int
    prices: int
    aliases: int
    providers: int
    units: int


@dataclass(frozen=True, slots=True)
class Limit(Result):
    """One limit of a plan."""

    name: str
    metric: str
    provider: str | None
    operation: str | None
    window: str
    maximum: int | Decimal | None
    """``None`` means no limit; 0 means that the plan does not contain it."""
    policy: str
    thresholds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan(Result):
    """A plan: a fee in dollars, and its limits."""

    id: str
    name: str
    tier: str
    price_monthly_usd: Decimal
    price_yearly_usd: Decimal
    included_cost_usd: Decimal | None
    """What of the usage the fee of a month includes; ``None`` when all is in the fee."""
    description: str
    features: tuple[str, ...]
    limits: tuple[Limit, ...]
    is_active: bool


@dataclass(frozen=True, slots=True)
class Rate(Result):
    """What one unit costs: ``amount_usd`` for ``per`` units."""

    unit: str
    above_input_tokens: int
    amount_usd: Decimal
    per: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceVersion(Result):
    """A dated set of rates for a model."""

    id: int
    provider: str
    matcher: str
    model: str
    variant: str
    operation: str | None = None
    effective_from: datetime
    source: str
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class PriceWarning(Result):
    """A price that looks wrong but is accepted."""

    price: str
    unit: str
    message: str


@dataclass(frozen=True, slots=True)
class UnpricedGroup(Result):
    """Unpriced calls of one provider, model and operation."""

    provider: str
    model: str
    operation: str
    calls: int
    tokens: int
    users: int


@dataclass(frozen=True, slots=True)
class ReRatingLine(Result):
    """What re-rating does, or would do, to the calls of one provider and model."""

    provider: str
    model: str
    priced_calls: int
    unpriced_calls: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class ReRating(Result):
    """The result of re-rating."""

    is_applied: bool
    priced_calls: int
    unpriced_calls: int
    cost_usd: Decimal
    lines: tuple[ReRatingLine, ...]


@dataclass(frozen=True, slots=True)
class Check(Result):
    """One check of ``verify``."""

    name: str
    found: str
    """A count when all is well, else the first difference."""
    is_ok: bool


@dataclass(frozen=True, slots=True)
class Verification(Result):
    """Whether the ledger gives every counter."""

    is_ok: bool
    first_difference: Check | None
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Table(Result):
    """The answer of a read-only query."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int | float | str | bytes | None, ...], ...]
    is_cut: bool
    """Whether rows were left out because there were too many."""


@dataclass(frozen=True, slots=True)
class Pruned(Result):
    """What pruning did, or would do."""

    calls: int
    unpriced_calls: int


@dataclass(frozen=True, slots=True)
class ErasedUser(Result):
    """The answer to erasing a user: the rows keep their numbers under the pseudonym."""

    pseudonym: str
    calls: int
    holds: int
    invoices: int


@dataclass(frozen=True, slots=True)
class Detection(Result):
    """Who was called and what for, as far as it is known."""

    provider: str | None
    operation: str | None
    model: str | None
    confidence: str


@dataclass(frozen=True, slots=True)
class RequestEstimate(Result):
    """What a request will probably use."""

    usage: dict[str, int]
    model: str | None
    max_output_tokens: int | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HoldEstimate(Result):
    """The tokens to hold for, and how they came about."""

    input_tokens: int
    """Factor and margin included."""
    output_tokens: int
    source: str
    factor_ppm: int
    """What was learned of the model: reported tokens for an estimated one, in millionths."""
    margin_percent: int
    output_reason: str
    """``maximum``, ``cap``, ``learned`` or ``default``."""


@dataclass(frozen=True, slots=True)
class CallEstimate(Result):
    """What a call will probably use."""

    request: dict[str, Any]
    """The arguments of ``reserve``: what was given, and what was estimated."""
    input_tokens: int
    """As counted, before factor and margin; 0 where no text is sent to a model."""
    hold: HoldEstimate | None
    """``None`` where no text is sent to a model."""
    cost_usd: Decimal | None
    """What the request would be held at; ``None`` when it cannot be priced."""
    price_match: str
    learned_calls: int
    """How many calls of all users the factor was learned from."""
    learned_answers: int
    """How many answers that this user had from the model count for the output."""
    notes: tuple[str, ...]
    """What could not be counted, such as audio or a document."""


@dataclass(frozen=True, slots=True)
class ModelCalibration(Result):
    """What was learned of a model; sums are of recent calls, and weigh less as they age."""

    provider: str
    model: str
    """The bare name, without vendor, route, version and date."""
    factor_ppm: int
    tokens_per_word_ppm: int | None
    tokens_per_character_ppm: int | None
    calls: int
    """Calls that taught, ever."""
    estimated_tokens: int
    reported_tokens: int
    words: int
    characters: int


@dataclass(frozen=True, slots=True)
class Extracted(Result):
    """What an answer says was used."""

    usage: dict[str, int]
    model: str | None
    variant: str | None
    vendor_cost_usd: Decimal | None
    is_partial: bool
    """Whether a stream ended before its end: the usage is what is known so far."""
    notes: tuple[str, ...]
    usage_source: str
    """``reported``, unless a cut stream's output was estimated from the text that came."""


@dataclass(frozen=True, slots=True)
class OutgoingCall(Result):
    """What a request that goes out asks for, as far as its address and its body tell."""

    provider: str
    operation: str | None
    """``None`` when the address is none that is charged for, such as a list of models."""
    model: str
    """Empty when neither address nor body names one."""
    variant: str
    """The service tier that is asked for."""
    input_tokens: int
    """Estimated."""
    max_output_tokens: int | None
    usage: dict[str, int]
    """Other units that it will probably use: ``{"images": 3}``."""
    input_estimate: dict[str, int] | None
    """By which the settlement teaches; ``None`` where no text is sent to a model."""
