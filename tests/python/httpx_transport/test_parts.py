"""The parts of the transport by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from alwrity_metering._outgoing import answer, request
from alwrity_metering._outgoing.retries import (
    KEPT_BACK_MAX,
    KEPT_BACK_S,
    Failure,
    Retries,
    is_retried,
)

from .scene import library


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://gateway/openai/v1/responses", "https://api.openai.com/v1/responses"),
        ("http://gateway/openai?x=1", "https://api.openai.com?x=1"),
        ("http://gateway/openai", "https://api.openai.com"),
        # Only a whole part of a path is the alias.
        ("http://gateway/openai2/v1/responses", "http://gateway/openai2/v1/responses"),
        ("http://gateway/openai/eu/v1", "https://eu.api.openai.com/v1"),
        ("http://gateway.test/openai/v1", "http://gateway.test/openai/v1"),
        ("http://gateway:80/openai/v1", "http://gateway:80/openai/v1"),
    ],
)
def test_an_alias_stands_for_whole_parts_of_an_address(url: str, expected: str) -> None:
    aliases = request.checked_aliases(
        {
            "http://gateway/openai/": "https://api.openai.com",
            "http://gateway/openai/eu": "https://eu.api.openai.com/",
        }
    )
    assert request.placed(url, aliases) == expected


def test_an_attempt_is_told_apart_by_all_of_it() -> None:
    its = library()
    url = "https://api.openai.com/v1/responses"
    prints = {
        request.fingerprint(user, its.Request(method, address, json=body))
        for user in ("ada", "bob")
        for method in ("POST", "GET")
        for address in (url, f"{url}?x")
        for body in ({"a": 1}, {"a": 2})
    }
    assert len(prints) == 16
    assert b"ada" not in b"".join(prints)


def failure(count: int) -> Failure:
    return Failure({"status_code": 500 + count}, count)


def test_a_failure_is_kept_back_until_it_is_known_what_it_was() -> None:
    now = [0.0]
    retries = Retries(clock=lambda: now[0])
    assert retries.attempt(b"a", 0) == (0, None)
    assert retries.keep(b"a", failure(0)) == []
    # Another request, a first attempt and a later attempt leave it.
    assert retries.attempt(b"b", 1) == (1, None)
    assert retries.attempt(b"a", 0) == (0, None)
    assert retries.attempt(b"a", 2) == (2, None)
    assert retries.attempt(b"a", 1) == (1, failure(0))
    assert retries.attempt(b"a", 1) == (1, None)
    retries.keep(b"a", failure(1))
    # A client that says nothing retries when it asks for the same.
    assert retries.attempt(b"a", None) == (2, failure(1))
    retries.keep(b"a", failure(2))
    now[0] = KEPT_BACK_S - 1
    retries.keep(b"b", failure(0))
    assert retries.overdue() == []
    now[0] = KEPT_BACK_S
    assert retries.overdue() == [failure(2).record]
    assert retries.all() == [failure(0).record]
    assert retries.all() == []


def test_no_more_failures_are_kept_back_than_fit() -> None:
    retries = Retries()
    pushed = [retries.keep(b"%d" % number, failure(number)) for number in range(KEPT_BACK_MAX + 2)]
    assert [one for one in pushed if one] == [[failure(0).record], [failure(1).record]]
    assert len(retries.all()) == KEPT_BACK_MAX


def test_how_often_a_client_may_ask() -> None:
    assert [Retries().may_follow(count, count) for count in range(4)] == [True, True, False, False]
    assert not Retries().may_follow(0, None)
    assert Retries(4).may_follow(3, None)
    assert not Retries(0).may_follow(0, 0)


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {}, True),
        (500, {}, True),
        (529, {}, True),
        (408, {}, True),
        (400, {}, False),
        (401, {}, False),
        (400, {"x-should-retry": "true"}, True),
        (503, {"x-should-retry": "false"}, False),
    ],
)
def test_what_clients_retry(status: int, headers: dict[str, str], expected: bool) -> None:
    assert is_retried(status, headers) is expected


def read(headers: dict[str, str], *chunks: bytes) -> Any:
    found = answer.Answer("openai", headers, library())
    for chunk in chunks:
        found.take(chunk)
    return found


def test_an_answer_that_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "BODY_BYTES_MAX", 100)
    body = b'{"object":"chat.completion","usage":{"prompt_tokens":9,"completion_tokens":1}}'
    assert read({"content-type": "application/json"}, body).used().usage["input_tokens"] == 9
    large = read({"content-type": "application/json"}, body[:-1], b" " * 100, b"}")
    assert (large.used(), large.body()) == (None, b"")
    # The events of a stream are read as they come, however many there are.
    event = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\n'
    stream = read({"content-type": "text/event-stream"}, *[event] * 9)
    assert stream.used().usage["input_tokens"] == 9


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error":{"message":"no"}}', "no"),
        (b'[{"error":{"message":"no","code":400}}]', "no"),
        (b'{"error":"no"}', "no"),
        (b'{"message":"no"}', "no"),
        (b'{"error":{"message":7}}', None),
        (b"<html>502</html>", None),
        (b"[]", None),
        (b"", None),
        (b'{"error":"' + b"n" * 900 + b'"}', "n" * 500),
    ],
)
def test_what_a_refusal_says(body: bytes, expected: str | None) -> None:
    assert read({}, body).error_text() == expected
