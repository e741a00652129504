#!/usr/bin/env python3
"""Refresh the language-model prices of the catalogue from the PyPI package `genai-prices`.

    python3 -m venv .venv            # Python 3.11 or newer: the package asks for it
    .venv/bin/pip install --upgrade genai-prices
    .venv/bin/python scripts/refresh_prices.py --date 2026-11-24 [--check]

The package cannot be imported without `httpx2`; pip installs it as its dependency, so
`pip install --no-deps` is not enough. No network is used: the prices are in the wheel.

Writes `catalogue/prices/DATE.csv` and adds to `catalogue/aliases.csv`, then prints what
changed and what could not be expressed. Rows that did not come from the package are kept as
they are and win over the package. Where no file of that date exists, the newest earlier one is
the base, and a new file is only written if a price differs: a version that is in use is never
edited, a new one starts at its date. `--check` writes nothing and exits 1 if a file would change.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path

from price_package import PACKAGE, Key, Notes, Rate, package_rates

UTC = timezone(timedelta(0), "UTC")  # Python 3.10 has no `datetime.UTC`
CATALOGUE = Path(__file__).resolve().parent.parent / "catalogue"
COLUMNS = (
    *("provider", "matcher", "model", "variant", "operation", "unit", "above_input_tokens"),
    *("amount_usd", "per", "effective_from", "source"),
)


def read_prices(path: Path) -> dict[Key, Rate]:
    rates: dict[Key, Rate] = {}
    with path.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            provider, matcher, model, variant, operation, unit = (row[c] for c in COLUMNS[:6])
            above = int(row["above_input_tokens"])
            key = Key(provider, matcher, model, variant, operation, unit, above)
            if key in rates:
                raise SystemExit(f"{path}: two rows for {key}")
            rates[key] = Rate(key, row["amount_usd"], int(row["per"]), row["source"])
    return rates


def prices_text(rates: Mapping[Key, Rate], day: date) -> str:
    def order(k: Key) -> tuple[str, str, str, str, str, int, str]:
        above = k.above_input_tokens
        return k.provider, k.model, k.matcher, k.variant, k.unit, above, k.operation

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for key in sorted(rates, key=order):
        rate = rates[key]
        writer.writerow([*key, rate.amount_usd, rate.per, f"{day}T00:00:00Z", rate.source])
    return out.getvalue()


def base_file(day: date) -> Path | None:
    """The price file in force on `day`."""
    files = [p for p in (CATALOGUE / "prices").glob("????-??-??.csv") if p.stem <= str(day)]
    return max(files, key=lambda path: path.stem, default=None)


def merge(old: Mapping[Key, Rate], new: Mapping[Key, Rate], notes: Notes) -> dict[Key, Rate]:
    """The package's rates and the hand-kept ones; an unchanged rate keeps its source."""
    merged: dict[Key, Rate] = {}
    for key, rate in new.items():
        before = old.get(key)
        if before is not None and before.from_package() and before.price() == rate.price():
            merged[key] = replace(rate, source=before.source)
        else:
            merged[key] = rate
    for key, rate in old.items():
        if rate.from_package():
            continue
        if key in new and new[key].price() != rate.price():
            text = f"{label(key)}: {rate.amount_usd}, the package has {new[key].amount_usd}"
            notes.add("kept by hand", text)
        merged[key] = rate
    return merged


def merge_aliases(path: Path, new: Mapping[tuple[str, str], str]) -> tuple[str, str]:
    """The old and new text of the alias file. Nothing is dropped: old versions may need it."""
    old_text = path.read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO(old_text))
    aliases = {(row["provider"], row["alias"]): row["model"] for row in rows}
    aliases.update(new)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["provider", "alias", "model"])
    writer.writerows([*names, model] for names, model in sorted(aliases.items()))
    return old_text, out.getvalue()


def label(key: Key) -> str:
    tier = f" above {key.above_input_tokens}" if key.above_input_tokens else ""
    return f"{key.provider} {key.matcher} {key.model or '-'} {key.variant} {key.unit}{tier}"


def print_changes(old: Mapping[Key, Rate], new: Mapping[Key, Rate]) -> bool:
    """Print the difference of two price files; True if a price differs."""
    lines: list[str] = []
    for word, here, there in (("added", new, old), ("removed", old, new)):
        models: dict[str, int] = {}
        for key in sorted(here.keys() - there.keys()):
            name = f"{key.provider} {key.matcher} {key.model or '-'} {key.variant}"
            models[name] = models.get(name, 0) + 1
        print(f"{word}: {sum(models.values())} rates of {len(models)} model variants")
        lines += [f"{word} {name}: {count} rates" for name, count in models.items()]
    changed = [k for k in sorted(old.keys() & new.keys()) if old[k].price() != new[k].price()]
    print(f"changed: {len(changed)} rates")
    for key in changed:
        was, now = old[key], new[key]
        per = f" per {was.per} -> {now.per}" if was.per != now.per else ""
        lines.append(f"changed {label(key)}: {was.amount_usd} -> {now.amount_usd}{per}")
    for line in lines:
        print(f"  {line}")
    return bool(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Refresh catalogue prices from genai-prices.")
    today = datetime.now(UTC).date()
    parser.add_argument(
        "--date", type=date.fromisoformat, default=today, help="version date, default today (UTC)"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on a change")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    day: date = args.date
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    notes = Notes()
    base = base_file(day)
    old = read_prices(base) if base else {}
    rates, aliases = package_rates(at, notes)
    merged = merge(old, rates, notes)
    target = CATALOGUE / "prices" / f"{day}.csv"
    print(f"{PACKAGE} {version(PACKAGE)} against {base.name if base else 'nothing'}")
    differs = print_changes(old, merged)
    text = prices_text(merged, day)
    write_prices = text != target.read_text(encoding="utf-8") if target.exists() else differs
    alias_file = CATALOGUE / "aliases.csv"
    old_aliases, new_aliases = merge_aliases(alias_file, aliases)
    notes.print()
    print(f"\nrounded for float noise: {notes.rounded}")
    changes = [(target, text)] if write_prices else []
    changes += [(alias_file, new_aliases)] if old_aliases != new_aliases else []
    for path, content in changes:
        print(f"{'would change' if args.check else 'wrote'}: {path.relative_to(CATALOGUE.parent)}")
        if not args.check:
            path.write_text(content, encoding="utf-8", newline="\n")
    if not changes:
        print("nothing to change")
    return 1 if args.check and changes else 0


if __name__ == "__main__":
    sys.exit(main())
