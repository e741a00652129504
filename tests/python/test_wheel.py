"""The wheel: what is in it, its command, its size and how fast it is imported."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import alwrity_metering as am
import pytest

from conftest import ROOT

SAMPLE = ROOT / "examples" / "sample_trace.csv"
WHEEL = os.environ.get("ALWRITY_METERING_WHEEL")
"""The wheel that is installed, when `make test` runs this."""


def command(*args: str) -> subprocess.CompletedProcess[str]:
    found = Path(sys.executable).parent / "alwrity-metering"
    return subprocess.run([str(found), *args], capture_output=True, check=False, text=True)


def test_the_command_is_installed(path: Path) -> None:
    version = importlib.metadata.version("alwrity-metering")
    assert command("--version").stdout == f"alwrity-metering {version}\n"
    assert command("--db", str(path), "init").returncode == 0
    check = ["check", "u1", "--provider", "openai", "--model", "gpt-4o"]
    refused = command("--db", str(path), *check)
    assert refused.returncode == 3
    assert command("--db", str(path), "nonsense").returncode == 2


def test_the_command_starts_workers_of_its_own(path: Path) -> None:
    head = "\n".join(SAMPLE.read_text(encoding="utf-8").splitlines()[:201])
    trace = path.with_name("trace.csv")
    trace.write_text(head + "\n", encoding="utf-8")
    assert command("--db", str(path), "init").returncode == 0
    of = ["--provider", "openai", "--model", "gpt-4o-mini", "--jobs", "2"]
    played = command("--db", str(path), "--json", "replay", str(trace), *of)
    assert played.returncode == 0, played.stderr
    assert json.loads(played.stdout)
    with am.Meter.open(path) as meter:
        recorded = meter.query("SELECT sum(call_count) FROM calls").rows[0][0]
        assert recorded == 200
        assert meter.verify().is_ok


def test_the_package_is_typed_and_whole() -> None:
    package = Path(am.__file__).parent
    assert (package / "py.typed").exists()
    assert (package / "_native.pyi").exists()
    for name in am.__all__:
        assert getattr(am, name) is not None
    assert set(am.__all__) <= set(dir(am))
    with pytest.raises(AttributeError):
        am.nonsense  # noqa: B018


def test_importing_needs_neither_asyncio_nor_the_results() -> None:
    program = (
        "import sys, alwrity_metering\n"
        "late = {'asyncio', 'alwrity_metering.results', 'sqlite3', 'httpx', 'fastapi', 'pytest'}\n"
        "assert not late & set(sys.modules), late & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.skipif(WHEEL is None, reason="it is measured on the wheel that `make test` builds")
def test_the_wheel_is_small_and_has_its_licences() -> None:
    assert WHEEL is not None
    assert Path(WHEEL).stat().st_size <= 8_000_000
    with zipfile.ZipFile(WHEEL) as wheel:
        names = wheel.namelist()
    assert any(name.endswith("/licenses/LICENSE-MIT") for name in names)
    assert not any(name.startswith(("tests/", "target/")) for name in names)
