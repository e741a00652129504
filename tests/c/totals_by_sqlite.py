"""Reads the totals of a store with Python's own SQLite, shown as `examples/c/loop.c` shows its own.

python3 tests/c/totals_by_sqlite.py FILE
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys

PICO = 10**12

with contextlib.closing(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)) as store:
    rows = store.execute("SELECT user_id, provider, calls, cost_pico_usd FROM usage_by_provider")
    for user, provider, calls, pico_usd in rows:
        dollars = f"{pico_usd // PICO}.{pico_usd % PICO:012}".rstrip("0")
        print(f"{user} {provider}: {calls} calls, ${dollars}")
