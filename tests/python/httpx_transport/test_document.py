"""The examples of docs/httpx.md, run one after another as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import alwrity_metering as am
import pytest
from alwrity_metering._outgoing import request

from .scene import KEY, recorded

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "httpx.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_examples_run(
    provider: Any, store: am.Meter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("httpx2")
    store.close()
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI", "ANTHROPIC", "GOOGLE"):
        monkeypatch.setenv(f"{name}_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", provider.openai_url)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", provider.anthropic_url)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", provider.gemini_url)
    placed = request.placed
    aliases = request.checked_aliases(provider.aliases)
    monkeypatch.setattr(request, "placed", lambda url, _: placed(url, aliases))

    blocks = BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert len(blocks) == 5
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(DOCUMENT), "exec"), names)
    with am.metering_user("ada"):
        names["gemini"].models.generate_content(model="gemini-2.5-flash", contents="Hello.")
    calls = recorded(names["meter"])
    assert [call.provider for call in calls] == ["openai", "gemini"]
    for name in ("openai", "gemini", "meter"):
        names[name].close()
