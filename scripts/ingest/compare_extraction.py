#!/usr/bin/env python3
"""Compares the extraction of the golden bodies with the package `genai-prices`.

    pip install genai-prices httpx2
    python3 scripts/ingest/compare_extraction.py [--results FILE]

Every body of a language model is given to its `extract_usage`, streams as the body that their
events add up to. A difference in a total or a subset must stand in `EXPLAINED`, else the exit code
is 1; so must an explanation that no longer has a difference.
"""

import argparse
import json
import pathlib
import subprocess
import sys

from genai_prices import extract_usage

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests/golden/ingest"

# Our provider, and the id of theirs with the flavours to try, the first that fits counting.
PROVIDERS = {
    "openai": ("openai", ["chat", "images", "responses", "embeddings"]),
    "azure_openai": ("azure", ["chat", "responses", "embeddings"]),
    "anthropic": ("anthropic", ["default"]),
    "gemini": ("google", ["default"]),
    "mistral": ("mistral", ["default", "ocr"]),
    "groq": ("groq", ["default"]),
    "huggingface": ("huggingface_groq", ["default"]),
    "deepseek": ("deepseek", ["chat"]),
    "xai": ("x-ai", ["chat", "responses"]),
    "cohere": ("cohere", ["default", "embeddings"]),
    "perplexity": ("perplexity", ["default"]),
    "openrouter": ("openrouter", ["chat"]),
    "aws_bedrock": ("aws", ["default", "anthropic"]),
}

# Their names, and ours: a cache write of theirs is both of ours.
UNITS = {
    "input_tokens": ["input_tokens"],
    "output_tokens": ["output_tokens"],
    "cache_read_tokens": ["cached_input_tokens"],
    "cache_write_tokens": ["cache_write_5m_tokens", "cache_write_1h_tokens"],
    "output_reasoning_tokens": ["reasoning_tokens"],
    "input_audio_tokens": ["input_audio_tokens"],
    "output_audio_tokens": ["output_audio_tokens"],
    "input_image_tokens": ["input_image_tokens"],
    "output_image_tokens": ["output_image_tokens"],
    "input_video_tokens": ["input_video_tokens"],
    "cache_audio_read_tokens": ["cached_input_audio_tokens"],
    "web_searches": ["web_searches"],
    "input_document_pages": ["pages"],
}

# (case, their unit): why the two differ, and which is right by the vendor's own documents.
EXPLAINED = {
    (
        "openai-responses-tools",
        "web_searches",
    ): "ours counts the search calls of the answer, which are billed each; theirs reads only "
    "`usage`, which has none",
    ("openai-responses-stream", "web_searches"): "as above, of the last event",
    (
        "gemini-tool-use",
        "web_searches",
    ): "ours counts the queries of the grounding metadata; theirs reads only the counts",
    (
        "perplexity-research",
        "output_tokens",
    ): "theirs adds `citation_tokens` to the output; they are billed at a price of their own "
    "($2, not $8 a million), so ours keeps them as a unit beside the totals",
    (
        "xai-responses",
        "web_searches",
    ): "ours reads `server_side_tool_usage_details`, which theirs does not know",
    ("cohere-stream-v1", "output_tokens"): "theirs has no table for the first version's stream",
    ("gemini-vertex-embeddings", "input_tokens"): "theirs has no table for Vertex's predictions",
    ("bedrock-titan-embeddings", "input_tokens"): "theirs has no table for Titan",
    (
        "openai-transcription-tokens",
        "input_audio_tokens",
    ): "theirs reads `input_token_details` only in its realtime flavour",
    (
        "odd-subset-beyond-total",
        "cache_read_tokens",
    ): "a subset beyond its total would be billed below zero, so ours cuts it and says so",
}


def merged_events(text):
    """The body that the events of a stream add up to: later keys over earlier ones."""
    events = []
    if text.lstrip().startswith("["):
        events = json.loads(text)
    for line in text.splitlines() if not events else []:
        line = line.removeprefix("data:").strip()
        if line.startswith("{"):
            events.append(json.loads(line))
    body = {}
    for event in events:
        for part in (
            event,
            event.get("message"),
            event.get("delta"),
            event.get("response"),
            event.get("metadata"),
            event.get("x_groq"),
        ):
            if not isinstance(part, dict):
                continue
            for key, value in part.items():
                if key.startswith("usage") and isinstance(value, dict):
                    body.setdefault(key, {}).update(value)
                elif key in ("model", "modelVersion", "meta") and value:
                    body[key] = value
    return body


def body_of(text):
    """The body of a golden file: itself, the answer in a batch line, or a stream's sum."""
    try:
        body = json.loads(text)
    except ValueError:
        return merged_events(text)
    if isinstance(body, list):
        return merged_events(text)
    for path in (("response", "body"), ("result", "message"), ("response",)):
        inner = body
        for key in path:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if isinstance(inner, dict) and ("usage" in inner or "usageMetadata" in inner):
            return inner
    return snake_to_camel(body) if "usage_metadata" in body else body


def snake_to_camel(value):
    """The spelling of the SDK turned into that of the API, which alone theirs knows."""
    if isinstance(value, list):
        return [snake_to_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    renamed = {}
    for key, inner in value.items():
        first, *rest = key.split("_")
        renamed[first + "".join(word.capitalize() for word in rest)] = snake_to_camel(inner)
    return renamed


def theirs_of(provider, body):
    """Their usage by unit, of the first flavour that fits; `None` when none does."""
    provider_id, flavors = PROVIDERS[provider]
    for flavor in flavors:
        try:
            found = extract_usage(body, provider_id=provider_id, api_flavor=flavor)
        except (ValueError, LookupError, TypeError):
            continue
        return {unit: int(getattr(found.usage, unit, None) or 0) for unit in UNITS}
    return None


def our_results(path):
    """What the example prints, or what a file holds."""
    if path:
        return json.loads(path.read_text(encoding="utf-8"))
    command = ["cargo", "run", "--quiet", "--example", "extract_golden"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def main():
    """Compares, prints, and tells by the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=pathlib.Path)
    results = our_results(parser.parse_args().results)
    files = {case["id"]: case["file"] for case in json.loads((GOLDEN / "cases.json").read_text())}
    compared, same, wrong, used = 0, 0, [], set()
    print("| case | unit | ours | theirs | |\n|---|---|---|---|---|")
    for result in results:
        case, found = result["id"], result["found"]
        if result["provider"] not in PROVIDERS or (found and found["usage_source"] == "estimated"):
            continue
        theirs = theirs_of(
            result["provider"], body_of((GOLDEN / files[case]).read_text(encoding="utf-8"))
        )
        if theirs is None and found is None:
            continue
        has_tokens = found and any("tokens" in unit for unit in found["usage"])
        if theirs is None and not has_tokens:
            continue
        compared += 1
        usage = (found or {}).get("usage", {})
        differs = False
        for unit, names in UNITS.items():
            ours = sum(usage.get(name, 0) for name in names)
            other = (theirs or {}).get(unit, 0)
            if ours == other:
                continue
            differs = True
            reason = EXPLAINED.get((case, unit))
            used.add((case, unit))
            if reason is None:
                wrong.append((case, unit))
            print(f"| {case} | {unit} | {ours} | {other} | {reason or '**unexplained**'} |")
        same += not differs
    stale = sorted(set(EXPLAINED) - used)
    print(
        f"\n{compared} bodies compared, {same} the same in every unit, "
        f"{len(used) - len(wrong)} differences explained, {len(wrong)} not."
    )
    for case, unit in stale:
        print(f"no longer a difference: {case} {unit}")
    return 1 if wrong or stale or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
