"""Every example in docstrings and documents is run."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import shutil
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import alwrity_metering as am
import pytest
from alwrity_metering import _native

from conftest import ROOT

PACKAGE = Path(am.__file__).parent
MODULES = sorted(
    f"{am.__name__}.{module.name}"
    for module in pkgutil.iter_modules([str(PACKAGE)])
    if module.name not in ("__main__", "fastapi", "testing")
)
ANSWER = {"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 12}}


def client() -> Any:
    """What stands for a provider's SDK in the documents."""
    models = types.SimpleNamespace(generate_content=lambda model, contents: ANSWER)
    return types.SimpleNamespace(models=models)


def examples() -> Iterator[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in ("alwrity_metering", *MODULES):
        yield from finder.find(importlib.import_module(name))


EXAMPLES = {test.name: test for test in examples() if test.examples}


def test_the_examples_are_found() -> None:
    assert len(EXAMPLES) >= 20
    assert "alwrity_metering._native.Meter.record_call" in EXAMPLES


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_gives_what_it_says(name: str, tmp_path: Path, seeded: Path) -> None:
    test = EXAMPLES[name]
    shutil.copy(seeded, tmp_path / "own.db")
    with am.Meter.open(tmp_path / "own.db") as meter:
        test.globs.update(am=am, meter=meter, path=tmp_path / "metering.db")
        told: list[str] = []
        failed = doctest.DocTestRunner().run(test, out=told.append).failed
    assert failed == 0, "".join(told)


def test_every_verb_says_what_it_does() -> None:
    for name in dir(am.Meter):
        if not name.startswith("_"):
            assert (getattr(am.Meter, name).__doc__ or "").strip(), name


def test_the_stub_says_the_same_as_the_module() -> None:
    stub = ast.parse((PACKAGE / "_native.pyi").read_text(encoding="utf-8"))
    compared = 0
    for node in ast.walk(stub):
        if not isinstance(node, ast.ClassDef):
            continue
        for member in node.body:
            told = isinstance(member, ast.FunctionDef) and ast.get_docstring(member)
            if told and isinstance(member, ast.FunctionDef):
                real = inspect.getdoc(getattr(getattr(_native, node.name), member.name)) or ""
                assert " ".join(real.split("\n\n")[0].split()) == " ".join(told.split())
                compared += 1
    assert compared >= 20


@pytest.mark.parametrize(
    "document", ["README.md", "docs/python.md", "docs/migrating-from-alwrity.md"]
)
def test_the_programs_of_a_document_run(
    document: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    meter: am.Meter,
    metering_clock: am.ManualClock,
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ROOT / document).read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", text, re.S)
    assert programs
    known: dict[str, Any] = {"client": client()}
    for program in programs:
        exec(compile(program, document, "exec"), known)
    tests = [value for name, value in known.items() if name.startswith("test_")]
    with am.Meter.open(tmp_path / "fixture.db", clock=metering_clock) as own:
        own.seed()
        for test in tests:
            test(own, metering_clock)
    for value in known.values():
        if isinstance(value, am.Meter):
            value.close()


def test_the_command_is_that_of_the_documents(capfd: pytest.CaptureFixture[str]) -> None:
    from alwrity_metering.__main__ import main

    before = sys.argv
    try:
        sys.argv = ["alwrity-metering", "--version"]
        assert main() == 0
    finally:
        sys.argv = before
    assert capfd.readouterr().out.startswith("alwrity-metering ")
