#!/usr/bin/env python3
"""Make `examples/sample_trace.csv`: two days of calls to a chat model, from a fixed seed.

    python3 scripts/make_sample_trace.py [--check]

Nothing in it was ever measured: it is our own, with the shape that chat traffic has. Prompts
and answers are log-normal, most short and a few very long; calls arrive at random, often by
day and seldom by night; and about one in eight follows its predecessor within seconds, with the
prompt grown by the answer before it. `--check` writes nothing and exits 1 if the file differs.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

TARGET = Path(__file__).resolve().parent.parent / "examples" / "sample_trace.csv"
SEED = 20251001
CALLS = 2000
STARTS_AT = datetime(2025, 9, 16, 6, 0, 0)  # UTC, as every time in the file
SPAN_S = 2 * 86_400.0
FOLLOW_UP_SHARE = 0.12
CONTEXT_TOKENS = (950.0, 1.05, 3, 14_000)
GENERATED_TOKENS = (160.0, 0.85, 1, 2_048)


class Call(NamedTuple):
    """One row: when it was made, and what it used."""

    at_s: float
    context_tokens: int
    generated_tokens: int


def rate(at_s: float) -> float:
    """How busy the time of day is: 1 in the early afternoon, about 0.1 at night."""
    hour = (STARTS_AT.hour + at_s / 3600.0) % 24.0
    return 0.55 + 0.45 * math.cos((hour - 14.0) * math.pi / 12.0)


def tokens(chance: random.Random, median: float, sigma: float, least: int, most: int) -> int:
    """A log-normal count within bounds. Twelve uniform numbers make a normal one: this way the
    file depends on nothing but the generator, whose numbers no Python version changes."""
    normal = sum(chance.random() for _ in range(12)) - 6.0
    return min(max(round(median * math.exp(sigma * normal)), least), most)


def arrivals(chance: random.Random, count: int) -> list[float]:
    """Times of `count` calls, in order, as busy as `rate` says."""
    times: list[float] = []
    while len(times) < count:
        at_s = chance.random() * SPAN_S
        if chance.random() < rate(at_s):
            times.append(at_s)
    return sorted(times)


def calls() -> Iterator[Call]:
    chance = random.Random(SEED)
    follow_ups = round(CALLS * FOLLOW_UP_SHARE)
    first = [
        Call(at_s, tokens(chance, *CONTEXT_TOKENS), tokens(chance, *GENERATED_TOKENS))
        for at_s in arrivals(chance, CALLS - follow_ups)
    ]
    for before in chance.sample(first, follow_ups):
        pause_s = 2.0 + 40.0 * chance.random()
        context = before.context_tokens + before.generated_tokens + 20
        context = min(context + chance.randrange(200), CONTEXT_TOKENS[3])
        first.append(Call(before.at_s + pause_s, context, tokens(chance, *GENERATED_TOKENS)))
    yield from sorted(first)


def text() -> str:
    lines = ["TIMESTAMP,ContextTokens,GeneratedTokens"]
    for call in calls():
        at = STARTS_AT + timedelta(microseconds=round(call.at_s * 1e6))
        lines.append(f"{at:%Y-%m-%d %H:%M:%S.%f},{call.context_tokens},{call.generated_tokens}")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the sample trace from its seed.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on a change")
    args = parser.parse_args()
    made = text()
    if args.check:
        if TARGET.read_text(encoding="utf-8") == made:
            return 0
        print(f"error: {TARGET.name} is not what its script makes", file=sys.stderr)
        print("hint: run scripts/make_sample_trace.py and look at the difference", file=sys.stderr)
        return 1
    TARGET.write_text(made, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
