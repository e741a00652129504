"""Compares what the C library answers as JSON with what the command does with `--json`.

python3 tests/c/same_json.py SHOW COMMAND FILE: the compiled tests/c/show.c, the built command,
and the path of a store to make.
"""

from __future__ import annotations

import json
import subprocess
import sys

NOON = 1759838400000000
AT = "2025-10-07T12:00:00Z"
CALL = ["--provider", "openai", "--model", "gpt-4o-mini", "--input-tokens", "1200"]
# A verb of tests/c/show.c, and the command's arguments that mean the same.
SAME = {
    "usage": ["usage", "ada"],
    "dashboard": ["dashboard", "ada"],
    "trends": ["trends", "ada"],
    "days": ["trends", "ada", "--days", "7"],
    "compare": ["compare", "ada"],
    "hints": ["hints", "ada"],
    "limits": ["limits", "ada"],
    "plans": ["plans"],
    "prices": ["prices", "--provider", "openai"],
    "calls": ["calls", "ada"],
    "alerts": ["alerts", "ada"],
    "invoice": ["invoice", "ada"],
    "invoices": ["invoice", "ada", "--list"],
    "users": ["users"],
    "unpriced": ["unpriced"],
    "re-rate": ["re-rate"],
    "verify": ["verify"],
    "export-user": ["export-user", "ada"],
    "quote": ["quote", *CALL, "--output-tokens", "310"],
    "check": ["check", "ada", *CALL, "--max-output-tokens", "310"],
    "preview": ["preview", "ada", "--upgrade", "enterprise"],
    "query": ["query", "SELECT * FROM usage_by_provider"],
}


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> int:
    show, command, file = sys.argv[1:]
    base = [command, "--db", file, "--at", AT]
    run(*base, "init")
    run(*base, "subscribe", "ada", "--plan", "pro")
    for model in ["gpt-4o-mini", "gpt-4o", "no-such-model"]:
        target = ["--provider", "openai", "--model", model]
        run(*base, "record", "ada", *target, "--input-tokens", "900", "--response-time-ms", "70")
    run(*base, "record", "ada", "--provider", "tavily", "--count", "400")
    different = 0
    for verb, arguments in SAME.items():
        theirs = json.loads(run(*base, "--json", *arguments))
        ours = json.loads(run(show, file, str(NOON), verb))
        if ours != theirs:
            print(f"error: `{verb}` differs:\n  C: {ours}\n  command: {theirs}", file=sys.stderr)
            different += 1
    print(f"{len(SAME)} answers, {different} differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
