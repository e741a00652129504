"""Which requests are metered: those that the host lists, as its own router matches them."""

from __future__ import annotations

import pytest
from alwrity_metering.fastapi.rules import Estimate, RouteRule, RuleBook, route_path
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

PATHS = ["/write", "/write/{id:int}", "/files/{path:path}", "/{kind}/ask"]
BOOK = RuleBook([RouteRule(path, "gemini", methods=("POST", "GET")) for path in PATHS])


def found(method: str, path: str) -> str | None:
    matched = BOOK.find(method, path)
    return matched.rule.path if matched else None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/write", "/write"),
        ("/write/", None),
        ("/writer", None),
        ("/write/7", "/write/{id:int}"),
        ("/write/seven", None),
        ("/files/a/b/c", "/files/{path:path}"),
        ("/chat/ask", "/{kind}/ask"),
        ("/a/b/ask", None),
        ("/WRITE", None),
        ("/api/examples", None),
        ("//write", None),
        ("/write\n", "/write"),
        ("/write/7\n", "/write/{id:int}"),
    ],
)
def test_a_rule_fits_what_the_hosts_router_routes(path: str, expected: str | None) -> None:
    """Whatever reaches a listed route is metered, and nothing else."""
    reached: list[str] = []

    def route(own: str) -> Route:
        def handle(_request: object) -> PlainTextResponse:
            reached.append(own)
            return PlainTextResponse("")

        return Route(own, handle, methods=["POST", "GET"])

    app = Starlette(routes=[route(own) for own in PATHS])
    app.router.redirect_slashes = False
    quoted = path.replace("\n", "%0A")
    TestClient(app, base_url="http://h").post(f"http://h{quoted}")
    assert found("POST", path) == expected
    assert reached == ([expected] if expected else [])


def test_regression_32_nobody_guesses_from_words() -> None:
    book = RuleBook([RouteRule("/api/exa/search", "exa")])
    for path in ["/api/examples", "/api/exa", "/api/exa/searches", "/gemini", "/openai/chat"]:
        assert book.find("POST", path) is None, path


def test_head_goes_where_get_goes() -> None:
    book = RuleBook([RouteRule("/a", "gemini", methods=("get",))])
    assert book.find("HEAD", "/a") and book.find("GET", "/a")
    assert book.find("POST", "/a") is None and book.find("OPTIONS", "/a") is None


def test_the_first_rule_wins_also_before_a_fixed_path() -> None:
    any_first = RuleBook([RouteRule("/{x}", "gemini"), RouteRule("/a", "openai")])
    fixed_first = RuleBook([RouteRule("/a", "openai"), RouteRule("/{x}", "gemini")])
    first, second = any_first.find("POST", "/a"), fixed_first.find("POST", "/a")
    assert first and first.rule.provider == "gemini" and first.path_params == {"x": "a"}
    assert second and second.rule.provider == "openai"


def test_a_rule_that_cannot_be_is_refused() -> None:
    for rule in [RouteRule("write", "gemini"), RouteRule("/write", "gemini", methods=())]:
        with pytest.raises(ValueError, match="write"):
            RuleBook([rule])


def test_the_prefix_that_an_application_is_mounted_under_is_no_part_of_a_path() -> None:
    assert route_path({"path": "/v1/write", "root_path": "/v1"}) == "/write"
    assert route_path({"path": "/v1", "root_path": "/v1"}) == ""
    assert route_path({"path": "/v10/write", "root_path": "/v1"}) == "/v10/write"
    assert route_path({"path": "/write", "root_path": "/v1"}) == "/write"
    assert route_path({"path": "/write"}) == "/write"


def test_an_estimate_stands_above_its_rule() -> None:
    rule = RouteRule("/a", "gemini", model="gemini-2.5-pro", operation="chat", ttl_ms=5)
    asked = rule.request(Estimate(input_tokens=7, max_output_tokens=9, model="gemini-2.5-flash"))
    assert asked == {
        "provider": "gemini",
        "operation": "chat",
        "model": "gemini-2.5-flash",
        "input_tokens": 7,
        "max_output_tokens": 9,
        "call_count": 1,
        "ttl_ms": 5,
    }
