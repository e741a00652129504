"""Reads the totals of a store with the wheel, and shows them as `examples/c/loop.c` shows its own.

python tests/c/totals_by_wheel.py FILE; it fails where the ledger does not prove the totals.
"""

from __future__ import annotations

import sys

import alwrity_metering as am

with am.Meter.open(sys.argv[1]) as meter:
    for user in meter.users():
        for provider, own in meter.usage_summary(user).provider_breakdown.items():
            print(f"{user} {provider}: {own.calls} calls, ${own.cost:f}")
    verification = meter.verify()
if not verification.is_ok:
    sys.exit(f"error: {verification}")
