#!/usr/bin/env python3
"""Check that DuckDB and pandas read every form of `export` as the store has it.

    .venv/bin/python scripts/check_exports.py target/debug/alwrity-metering csv jsonl

Without formats it checks all of them; `parquet` needs a command that was built with the feature
`parquet`. It makes a store of its own, exports calls and rollups, and compares rows, exact cost
and times with what the store answers to plain SQL. Exit code 1 at a difference.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas

FORMATS = {
    "csv": "read_csv('{}', all_varchar = true)",
    "jsonl": "read_json('{}')",
    "parquet": "read_parquet('{}')",
}
PANDAS: dict[str, Callable[[Path], pandas.DataFrame]] = {
    "csv": lambda file: pandas.read_csv(file, dtype=str),
    "jsonl": lambda file: pandas.read_json(file, lines=True, dtype=False),
    "parquet": lambda file: pandas.read_parquet(file),
}
CALLS = (
    ("ann", "openai", "gpt-4o", 10_007, 41),
    ("ann", "gemini", "gemini-2.5-flash", 3, 1),
    ("用户", "nobody", 'unpriced, "quoted"', 1, 1),
)


def run(binary: str, store: Path, *args: str) -> str:
    command = [binary, "--db", str(store), "--json", *args]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


def fill(binary: str, store: Path) -> None:
    run(binary, store, "init")
    for user, provider, model, input_tokens, output_tokens in CALLS:
        tokens = ("--input-tokens", str(input_tokens), "--output-tokens", str(output_tokens))
        run(binary, store, "record", user, "--provider", provider, "--model", model, *tokens)


def expected(binary: str, store: Path, table: str) -> tuple[int, Decimal]:
    sql = f"SELECT count(*), sum(cost_pico_usd) FROM {table}"
    [answer] = json.loads(run(binary, store, "query", sql))
    rows, pico_usd = answer.values()
    return rows, Decimal(pico_usd).scaleb(-12)


def main(binary: str, forms: list[str]) -> int:
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "metering.db"
        fill(binary, store)
        for what, table in (("calls", "calls"), ("rollups", "days")):
            want = expected(binary, store, table)
            for form in forms:
                reader = FORMATS[form]
                file = Path(folder) / f"{what}.{form}"
                run(binary, store, "export", what, "--format", form, "--to", str(file))
                sql = "SELECT count(*), sum(cost_usd::DECIMAL(19, 12)) FROM " + reader.format(file)
                found = duckdb.connect().execute(sql).fetchall()[0]
                is_same = found == want
                faults += not is_same
                print("ok  " if is_same else "WRONG", what, form, found, want)
        for form in forms:
            frame = PANDAS[form](Path(folder) / f"calls.{form}")
            costs = [Decimal(cost) for cost in frame["cost_usd"] if not pandas.isna(cost)]
            times = pandas.to_datetime(frame["occurred_at"], utc=True)
            is_same = sum(costs) == expected(binary, store, "calls")[1] and bool(
                times.notna().all()
            )
            faults += not is_same
            print("ok  " if is_same else "WRONG", "pandas", form, sum(costs))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:] or list(FORMATS)))
