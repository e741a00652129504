"""Results that compare, and that follow usage over time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ._base import Result


@dataclass(frozen=True, slots=True)
class ProviderTrend(Result):
    """One provider's part of a trend; each list is as long as the trend's periods."""

    calls: tuple[int, ...]
    tokens: tuple[int, ...]
    cost: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Trends(Result):
    """What a user used in consecutive months or days, the oldest first, without holes."""

    periods: tuple[str, ...]
    total_calls: tuple[int, ...]
    total_tokens: tuple[int, ...]
    total_cost: tuple[Decimal, ...]
    provider_trends: dict[str, ProviderTrend]


@dataclass(frozen=True, slots=True)
class ProviderLine(Result):
    """A provider's line of a comparison. Times are in ms, at most 3.2 % off; money in dollars."""

    provider: str
    calls: int
    tokens: int
    cost: Decimal
    unpriced_calls: int
    failed_calls: int
    error_rate: float
    cost_per_call: Decimal | None
    cost_per_1k_tokens: Decimal | None
    cost_share: float | None
    avg_response_time_ms: int | None
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    within_sla: float | None


@dataclass(frozen=True, slots=True)
class ModelLine(Result):
    """A model's line of a comparison. Money is in dollars."""

    provider: str
    model: str
    operation: str
    calls: int
    tokens: int
    cost: Decimal
    unpriced_calls: int
    failed_calls: int
    error_rate: float
    cost_per_call: Decimal | None
    cost_per_1k_tokens: Decimal | None
    cost_share: float | None
    avg_response_time_ms: int | None


@dataclass(frozen=True, slots=True)
class Comparison(Result):
    """Providers and models side by side, the dearest first."""

    user: str
    first_day: str
    last_day: str
    sla_ms: int | None
    providers: tuple[ProviderLine, ...]
    models: tuple[ModelLine, ...]


@dataclass(frozen=True, slots=True)
class CheaperModel(Result):
    """What the same quantities cost on another model, at today's list price, in dollars."""

    provider: str
    model: str
    cost: Decimal
    saving: Decimal
    saving_percentage: float


@dataclass(frozen=True, slots=True)
class Hint(Result):
    """A use that would have cost less elsewhere, the largest saving first."""

    provider: str
    model: str
    operation: str
    calls: int
    tokens: int
    cost: Decimal
    cheaper: tuple[CheaperModel, ...]


@dataclass(frozen=True, slots=True)
class Hints(Result):
    """What a user could save."""

    user: str
    first_day: str
    last_day: str
    saving_max: Decimal
    hints: tuple[Hint, ...]
