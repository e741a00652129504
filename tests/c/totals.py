"""Shows the summary that `usage USER --json` gave as `examples/c/loop.c` shows its own totals."""

from __future__ import annotations

import json
import sys

user = sys.argv[1]
for provider, own in json.load(sys.stdin)["provider_breakdown"].items():
    print(f"{user} {provider}: {own['calls']} calls, ${own['cost']}")
