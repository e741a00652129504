"""Which of the host's routes call a provider: an explicit list, the first match wins.

What it is: paths as the host's router writes them, matched by the router's own rule. What it is
not: a guess from the words of a path, a header or a user agent. `/api/examples` is no provider call
because nobody listed it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from starlette.requests import Request
from starlette.routing import compile_path

BODY_BYTES_MAX = 1 << 20
"""What an estimate may read of a request's body, and what usage is looked for in of an answer."""

Enforcement = Literal["reserve", "check"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a request will probably use. What is not given is the rule's, or the meter's default."""

    input_tokens: int = 0
    max_output_tokens: int | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    """Quantities of other units, such as `{"images": 2}`."""
    call_count: int = 1
    provider: str | None = None
    operation: str | None = None
    model: str | None = None


Estimator = Callable[[Request, bytes], "Estimate | Awaitable[Estimate]"]
"""Estimates from the request and its body, which is empty unless the rule reads it."""


@dataclass(frozen=True, slots=True)
class RouteRule:
    """A route that calls a provider.

    `path` is written as the host's router writes it: `/api/blog/{id}`, `/files/{path:path}`.
    `enforcement` is `reserve`, which keeps the estimate free and settles what was really used, or
    `check` for a route that records its calls itself and is only refused when nothing is left.
    """

    path: str
    provider: str
    methods: Sequence[str] = ("POST",)
    operation: str | None = None
    model: str = ""
    estimate: Estimate | Estimator = field(default_factory=Estimate)
    reads_body: bool = False
    """Whether the estimate needs the request's body: it is read first, up to `body_bytes_max` of
    the middleware, and given to the route unchanged. Of a longer one the estimate gets a part."""
    enforcement: Enforcement = "reserve"
    ttl_ms: int | None = None
    """How long the hold lives; longer than the slowest answer. Without it, the meter's default."""

    def request(self, estimate: Estimate) -> dict[str, Any]:
        """What the meter is asked for an estimate."""
        asked: dict[str, Any] = {
            "provider": estimate.provider or self.provider,
            "model": self.model if estimate.model is None else estimate.model,
            "input_tokens": estimate.input_tokens,
            "call_count": estimate.call_count,
        }
        if (operation := estimate.operation or self.operation) is not None:
            asked["operation"] = operation
        if estimate.max_output_tokens is not None:
            asked["max_output_tokens"] = estimate.max_output_tokens
        if estimate.usage:
            asked["usage"] = dict(estimate.usage)
        if self.ttl_ms is not None and self.enforcement == "reserve":
            asked["ttl_ms"] = self.ttl_ms
        return asked


class Matched(NamedTuple):
    """A rule and the parameters of the path that it matched."""

    rule: RouteRule
    path_params: dict[str, Any]


class RuleBook:
    """Rules, compiled once. Paths without parameters are found at once, whatever their number."""

    def __init__(self, rules: Sequence[RouteRule]) -> None:
        self._fixed: dict[tuple[str, str], tuple[int, RouteRule]] = {}
        self._patterns: list[tuple[int, re.Pattern[str], Any, frozenset[str], RouteRule]] = []
        for place, rule in enumerate(rules):
            methods = wanted_methods(rule)
            if "{" not in rule.path:
                for method in methods:
                    self._fixed.setdefault((method, rule.path), (place, rule))
                continue
            pattern, _, convertors = compile_path(rule.path)
            self._patterns.append((place, pattern, convertors, methods, rule))

    def find(self, method: str, path: str) -> Matched | None:
        """The first rule of that method and path."""
        # The router's patterns also match before one last line break: so does this.
        fixed = self._fixed.get((method, path.removesuffix("\n")))
        for place, pattern, convertors, methods, rule in self._patterns:
            if fixed is not None and fixed[0] < place:
                break
            if method in methods and (match := pattern.match(path)):
                params = match.groupdict()
                return Matched(rule, {k: convertors[k].convert(v) for k, v in params.items()})
        return Matched(fixed[1], {}) if fixed is not None else None


def wanted_methods(rule: RouteRule) -> frozenset[str]:
    """The methods of a rule. The router answers HEAD by the route of GET, so GET means both.

    Raises:
        ValueError: for a path that does not begin with `/`, or without any method.
    """
    methods = {method.upper() for method in rule.methods}
    if not rule.path.startswith("/"):
        raise ValueError(f"invalid path `{rule.path}`: it must begin with `/`")
    if not methods:
        raise ValueError(f"the rule of `{rule.path}` has no method")
    return frozenset(methods | {"HEAD"} if "GET" in methods else methods)


def route_path(scope: Mapping[str, Any]) -> str:
    """The path that the application's router sees: without the prefix that it is mounted under."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        return path[len(root) :]
    return path
