#!/usr/bin/env python3
"""Check the Markdown of this repository: links, anchors and code blocks.

    python3 scripts/check_docs.py [ROOT]

Every relative link leads to a file and, after `#`, to a heading of it; every code block names
its language; JSON, TOML and Python blocks can be parsed. Rust blocks are run as doctests, SQL
and shell blocks by the tests of the library and of the command. Links to the outside are not
followed: a test must not depend on the network.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

LEFT_OUT = {".git", ".venv", "target", "node_modules"}
LANGUAGES = {"c", "console", "csv", "json", "python", "rust", "sh", "sql", "text", "toml"}
PARSERS: dict[str, Callable[[str], object]] = {
    "json": json.loads,
    "python": ast.parse,
    "toml": tomllib.loads,
}
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.*?)#*$")


class Block(NamedTuple):
    """A fenced block of code: where it starts, its language, its text."""

    line: int
    language: str
    text: str


class Page(NamedTuple):
    """A Markdown file taken apart."""

    prose: list[tuple[int, str]]
    blocks: list[Block]

    def anchors(self) -> set[str]:
        """The anchors that its headings make; a repeated heading is numbered."""
        anchors: set[str] = set()
        for _, line in self.prose:
            if heading := HEADING.match(line):
                name = slug(heading[1])
                number = 1
                while name in anchors:
                    name, number = f"{slug(heading[1])}-{number}", number + 1
                anchors.add(name)
        return anchors


def slug(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def read(path: Path) -> Page:
    prose: list[tuple[int, str]] = []
    blocks: list[Block] = []
    fence: tuple[int, str] | None = None
    body: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        is_fence = line.lstrip().startswith("```")
        if is_fence and fence is None:
            fence, body = (number, line.strip().removeprefix("```").split(",")[0].strip()), []
        elif is_fence and fence is not None:
            blocks.append(Block(*fence, "\n".join(body)))
            fence = None
        elif fence is None:
            prose.append((number, line))
        else:
            body.append(line)
    if fence is not None:
        blocks.append(Block(fence[0], "(never closed)", ""))
    return Page(prose, blocks)


def link_errors(path: Path, page: Page) -> Iterator[str]:
    for number, line in page.prose:
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            file = path.parent / name if name else path
            if not file.exists():
                yield f"{path}:{number}: `{target}` leads to no file"
            elif anchor and file.suffix == ".md" and anchor not in read(file).anchors():
                yield f"{path}:{number}: `{target}` leads to no heading"


def block_errors(path: Path, page: Page) -> Iterator[str]:
    for block in page.blocks:
        place = f"{path}:{block.line}"
        if block.language not in LANGUAGES:
            known = ", ".join(sorted(LANGUAGES))
            yield f"{place}: a code block of language `{block.language}`; known are {known}"
        elif parse := PARSERS.get(block.language):
            try:
                parse(block.text)
            except ValueError as error:
                yield f"{place}: {block.language} that cannot be parsed: {error}"
            except SyntaxError as error:
                yield f"{place}: {block.language} that cannot be parsed: {error}"


def pages(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*.md")):
        if not LEFT_OUT.intersection(path.relative_to(root).parts):
            yield path


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    errors: list[str] = []
    count = 0
    for path in pages(root):
        page = read(path)
        errors += [*link_errors(path, page), *block_errors(path, page)]
        count += 1
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    print(f"{count} pages, {len(errors)} errors")
    return 1 if errors or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
