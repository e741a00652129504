"""Reads the PyPI package `genai-prices` into rates and aliases of our catalogue.

It knows the package's vocabulary and nothing about files; `refresh_prices.py` writes those.
What our rows cannot say exactly is collected in `Notes`, never dropped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from typing import NamedTuple

from genai_prices import types as gp
from genai_prices.data import providers as package_providers
from genai_prices.data_units import unit_data

PACKAGE = "genai-prices"

# The package's provider id -> ours.
PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "gemini",
    "mistral": "mistral",
    "groq": "groq",
    "deepseek": "deepseek",
    "x-ai": "xai",
    "cohere": "cohere",
    "perplexity": "perplexity",
}

# The package's price key -> our unit. Both audio keys are `seconds`: the package prices
# the same second under two names so that either way of reporting it is found.
UNITS = {
    "input_mtok": "input_tokens",
    "output_mtok": "output_tokens",
    "cache_read_mtok": "cached_input_tokens",
    "cache_write_mtok": "cache_write_5m_tokens",
    "cache_write_5m_mtok": "cache_write_5m_tokens",
    "cache_write_1h_mtok": "cache_write_1h_tokens",
    "output_reasoning_mtok": "reasoning_tokens",
    "output_citation_mtok": "citation_tokens",
    "input_text_mtok": "input_text_tokens",
    "output_text_mtok": "output_text_tokens",
    "input_audio_mtok": "input_audio_tokens",
    "output_audio_mtok": "output_audio_tokens",
    "cache_audio_read_mtok": "cached_input_audio_tokens",
    "input_image_mtok": "input_image_tokens",
    "output_image_mtok": "output_image_tokens",
    "cache_image_read_mtok": "cached_input_image_tokens",
    "input_video_mtok": "input_video_tokens",
    "output_video_mtok": "output_video_tokens",
    "cache_video_read_mtok": "cached_input_video_tokens",
    "input_tool_mtok": "input_tool_tokens",
    "input_mchars": "characters",
    "input_text_messages_kcount": "input_text_messages",
    "audio_hours": "seconds",
    "input_audio_hours": "seconds",
    "input_document_kpages": "pages",
    "input_annotated_document_kpages": "annotated_pages",
    "web_searches_kcount": "web_searches",
    "social_searches_kcount": "social_searches",
    "storage_searches_kcount": "storage_searches",
    "rerank_searches_kcount": "rerank_searches",
    "code_executions_kcount": "code_executions",
    "requests_kcount": "requests",
}
PER = {str(unit["price_key"]): int(unit["per"]) for unit in unit_data.values()}

# The package's request context -> our variant. OpenAI renamed priority to fast in 2026;
# where both are listed and differ, `variant_prices` says so.
VARIANTS = {
    ("processing", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
    ("service_tier", "fast"): "priority",
}

# A date suffix starts with the century, so a date pattern becomes a prefix that ends in 20.
# A bare digit is a revision (001) or a month (09-2026).
REGEX_TAILS = {
    r"\d{8}$": ("20",),
    r"\d{4}-\d{2}-\d{2}$": ("20",),
    r"\d": ("0", "1"),
}
NO_TTS = r"^(?!.*-[tT][tT][sS](?:$|-))"

NOISE_EXPONENT = -12  # more decimals than this are float noise, not a price
MICRO = Decimal("0.000000000001")

PriceValue = Decimal | gp.TieredPrices
PriceSet = dict[str, PriceValue]
# (unit, above_input_tokens) -> (amount, per)
UnitRates = dict[tuple[str, int], tuple[str, int]]


class Key(NamedTuple):
    """What a rate is for; two rates of one version never share it."""

    provider: str
    matcher: str
    model: str
    variant: str
    operation: str
    unit: str
    above_input_tokens: int


@dataclass(frozen=True)
class Rate:
    """One row of a price file, less its date."""

    key: Key
    amount_usd: str
    per: int
    source: str

    def price(self) -> tuple[Decimal, int]:
        return Decimal(self.amount_usd), self.per

    def from_package(self) -> bool:
        return self.source.startswith(PACKAGE)


@dataclass
class Names:
    """The ids of a model: full ids and prefixes, both lower case."""

    exact: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)


@dataclass
class Notes:
    """What the reader of the run should know, by heading."""

    by_heading: dict[str, list[str]] = field(default_factory=dict)
    rounded: int = 0

    def add(self, heading: str, text: str) -> None:
        lines = self.by_heading.setdefault(heading, [])
        if text not in lines:
            lines.append(text)

    def print(self) -> None:
        for heading, lines in self.by_heading.items():
            print(f"\n{heading} ({len(lines)}):")
            for line in lines:
                print(f"  {line}")


# --- which ids a model answers to ---------------------------------------------------------


def regex_prefixes(pattern: str) -> list[str] | None:
    """The prefixes that stand for a pattern of the package, or None if there are none."""
    for tail, endings in REGEX_TAILS.items():
        if not (pattern.startswith("^") and pattern.endswith(tail)):
            continue
        head = pattern[1 : -len(tail)].replace(r"\.", ".")
        heads = [head]
        if match := re.search(r"\[([^\]]+)\]", head):
            heads = [head[: match.start()] + c + head[match.end() :] for c in match.group(1)]
        if any(re.search(r"[\\^$*+?()\[\]{}|]", text) for text in heads):
            return None
        return [text + ending for text in heads for ending in endings]
    return None


def collect_names(clause: object, where: str, names: Names, notes: Notes) -> None:
    """Add the ids that `clause` accepts to `names`; note every one that is only approximate."""
    match clause:
        case gp.ClauseEquals(equals=text):
            names.exact.append(text.lower())
        case gp.ClauseStartsWith(starts_with=text):
            names.prefixes.append(text.lower())
        case gp.ClauseOr(or_=parts):
            for part in parts:
                collect_names(part, where, names, notes)
        case gp.ClauseAnd(and_=[gp.ClauseStartsWith(starts_with=text), gp.ClauseRegex(regex=rule)]):
            names.prefixes.append(text.lower())
            if rule != NO_TTS:
                notes.add("not expressed: and", f"{where}: {text} and {rule}")
            notes.add("widened: prefix also takes unlisted -tts ids", f"{where}: {text}")
        case gp.ClauseContains(contains=text):
            names.prefixes.append(text.lower())
            notes.add("narrowed: contains became prefix", f"{where}: {text}")
        case gp.ClauseEndsWith(ends_with=text):
            names.exact.append(text.lower())
            notes.add("narrowed: ends_with became exact", f"{where}: {text}")
        case gp.ClauseRegex(regex=pattern):
            prefixes = regex_prefixes(pattern)
            if prefixes is None:
                notes.add("not expressed: regex", f"{where}: {pattern}")
            else:
                names.prefixes.extend(prefixes)
                notes.add("widened: regex became prefix", f"{where}: {pattern} -> {prefixes}")
        case _:
            notes.add("not expressed: clause", f"{where}: {clause!r}")


# --- which prices are in force ------------------------------------------------------------


def price_set(prices: gp.ModelPrice) -> PriceSet:
    found: PriceSet = {}
    for key, value in vars(prices).items():
        if isinstance(value, (Decimal, gp.TieredPrices)):
            found[key] = value
    return found


def started(constraint: object, at: datetime) -> bool:
    if isinstance(constraint, gp.StartDateConstraint):
        return constraint.active(at)
    return constraint is None


def base_amount(value: PriceValue | None) -> Decimal:
    if isinstance(value, gp.TieredPrices):
        return value.base
    return value if value is not None else Decimal(0)


def standard_prices(model: gp.ModelInfo, at: datetime, where: str, notes: Notes) -> PriceSet:
    """The standard prices on that date; of prices by time of day the highest."""
    if isinstance(model.prices, gp.ModelPrice):
        return price_set(model.prices)
    candidates: list[PriceSet] = []
    for conditional in reversed(model.prices):  # the package: the last active one wins
        if isinstance(conditional.constraint, gp.TimeOfDateConstraint):
            candidates.append(price_set(conditional.prices))
        elif started(conditional.constraint, at):
            candidates.append(price_set(conditional.prices))
            break
    else:
        candidates.append(price_set(model.prices[0].prices))
    chosen = max(candidates, key=lambda c: base_amount(c.get("input_mtok")))
    if len(candidates) > 1:
        seen = sorted({f"{base_amount(c.get('input_mtok')):f}" for c in candidates})
        notes.add("by time of day: the highest was taken", f"{where}: input {seen}")
    later = [c.constraint for c in model.prices if not started(c.constraint, at)]
    for constraint in later:
        if isinstance(constraint, gp.StartDateConstraint):
            notes.add("changes later: refresh on that date", f"{where}: {constraint.start_date}")
    return chosen


def variant_prices(
    model: gp.ModelInfo, standard: PriceSet, at: datetime, where: str, notes: Notes
) -> dict[str, PriceSet]:
    """The full price set of each variant: its own prices over the standard ones.

    A full set, because a variant may be flat where the standard price has context tiers:
    a reader that filled gaps from the standard set would find the wrong tier.
    """
    overrides: dict[str, PriceSet] = {}
    contexts: dict[str, str] = {}
    for entry in model.price_variants or ():
        prices = price_set(entry.prices)
        if not prices or not started(entry.constraint, at):
            continue  # an empty one only says that the standard price applies
        (context, *others) = entry.when.items()
        variant = None if others else VARIANTS.get(context)
        if variant is None:
            notes.add("not expressed: variant", f"{where}: {dict(entry.when)}")
            continue
        known = overrides.setdefault(variant, {})
        renamed = contexts.setdefault(variant, context[1]) != context[1]
        for key, value in prices.items():
            if known.setdefault(key, value) != value and renamed:
                notes.add("conflict: the first was taken", f"{where}: {variant} {key}")
    return {variant: {**standard, **prices} for variant, prices in overrides.items()}


# --- from prices to rows ------------------------------------------------------------------


def decimal_text(amount: Decimal, where: str, notes: Notes) -> str:
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < NOISE_EXPONENT:
        rounded = amount.quantize(MICRO)
        notes.rounded += 1
        notes.add("rounded to 1e-12 USD", f"{where}: {amount} -> {rounded}")
        amount = rounded
    return f"{amount.normalize():f}"


def unit_rates(prices: PriceSet, where: str, notes: Notes) -> UnitRates:
    found: UnitRates = {}
    for key, value in prices.items():
        unit = UNITS.get(key)
        if unit is None:
            notes.add("not expressed: unknown price key", f"{where}: {key}")
            continue
        steps = {0: base_amount(value)}
        if isinstance(value, gp.TieredPrices):
            steps.update({tier.start: tier.price for tier in value.tiers})
        for above, amount in steps.items():
            rate = (decimal_text(amount, f"{where} {unit}", notes), PER[key])
            if found.setdefault((unit, above), rate) != rate:
                notes.add("conflict: the first was taken", f"{where}: {unit} from {key}")
    return found


def add_derived(found: UnitRates, provider: str) -> dict[tuple[str, int], str]:
    """Add what the package leaves out; return the reason for each added key.

    The package charges nothing for a unit that it has no price for. Our rating calls that
    unpriced, so what is included has to be said: with a price of 0.
    """
    reasons: dict[tuple[str, int], str] = {}
    million = 1_000_000
    if provider == "anthropic" and ("cache_write_5m_tokens", 0) in found:
        for unit, above in list(found):
            hour = ("cache_write_1h_tokens", above)
            if unit == "input_tokens" and hour not in found:
                doubled = 2 * Decimal(found[unit, above][0])  # Anthropic's published multiplier
                found[hour] = (f"{doubled.normalize():f}", million)
                reasons[hour] = "derived: 2 x input"
    units = {unit for unit, _ in found}
    free = [unit for unit in ("input_tokens", "output_tokens") if unit not in units]
    if len(free) == 2:  # billed by what is heard or spoken: the other measure is free
        free += ["seconds"] if "characters" in units else []
        free += ["characters"] if "seconds" in units else []
    for unit in free:
        key = (unit, 0)
        found[key] = ("0", 1 if unit == "seconds" else million)
        reasons[key] = "included" if units else "free model"
    return reasons


def model_rates(
    provider: str, model: gp.ModelInfo, names: Names, at: datetime, notes: Notes
) -> Iterator[Rate]:
    where = f"{provider} {model.id}"
    standard = standard_prices(model, at, where, notes)
    if not standard:
        notes.add("no price in the package: written as free", where)
    sets = {"standard": standard, **variant_prices(model, standard, at, where, notes)}
    model_id = model.id.lower()
    # An id that the package itself would not match is only a title, unless aliases need it.
    matchers = [("exact", model_id)] if names.exact or model.is_match(model_id) else []
    matchers += [("prefix", prefix) for prefix in dict.fromkeys(names.prefixes)]
    operation = "embeddings" if "embed" in model_id else ""
    source = f"{PACKAGE} {version(PACKAGE)}"
    for variant, prices in sets.items():
        found = unit_rates(prices, f"{where} {variant}", notes)
        reasons = add_derived(found, provider)
        for (unit, above), (amount, per) in found.items():
            reason = reasons.get((unit, above))
            text = f"{source} ({reason})" if reason else source
            for matcher, name in matchers:
                key = Key(provider, matcher, name, variant, operation, unit, above)
                yield Rate(key, amount, per, text)


def provider_rates(
    provider: str, models: list[gp.ModelInfo], at: datetime, notes: Notes
) -> tuple[dict[Key, Rate], dict[str, str]]:
    """The rates and aliases of one provider. Where two models claim an id, the first has it."""
    rates: dict[Key, Rate] = {}
    aliases: dict[str, str] = {}
    owners: dict[tuple[str, str], str] = {}
    for model in models:
        names = Names()
        collect_names(model.match, f"{provider} {model.id}", names, notes)
        for rate in model_rates(provider, model, names, at, notes):
            matcher, name = rate.key.matcher, rate.key.model
            if owners.setdefault((matcher, name), model.id) == model.id:
                rates[rate.key] = rate
            else:
                notes.add("conflict: the first was taken", f"{provider} {matcher} {name}")
        for alias in names.exact:
            if alias != model.id.lower():
                aliases.setdefault(alias, model.id.lower())
    for alias in [alias for alias in aliases if ("exact", alias) in owners]:
        del aliases[alias]
        notes.add("conflict: alias is a model of its own", f"{provider} {alias}")
    return rates, aliases


def package_rates(at: datetime, notes: Notes) -> tuple[dict[Key, Rate], dict[tuple[str, str], str]]:
    """All rates, and all aliases as (provider, alias) -> model, in force at that instant."""
    rates: dict[Key, Rate] = {}
    aliases: dict[tuple[str, str], str] = {}
    for source in package_providers:
        provider = PROVIDERS.get(source.id)
        if provider is None:
            continue
        for fallback in source.fallback_model_providers or ():
            notes.add("not expressed: provider fallback", f"{provider}: models of {fallback}")
        found, named = provider_rates(provider, source.models, at, notes)
        rates |= found
        aliases |= {(provider, alias): model for alias, model in named.items()}
    return rates, aliases
