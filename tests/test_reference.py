"""The reference of the Python interface: every public module has its page, from its own docstrings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.reference import PACKAGES, write_reference

pytest.importorskip("pdoc", reason="pdoc is not installed (it is part of the dev extra)")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of what importing everything says
ROOT = Path(__file__).resolve().parents[1]


def test_every_module_has_its_page_and_pages_ask_no_host(tmp_path: Path) -> None:
    write_reference(tmp_path)
    modules = [p.relative_to(ROOT).with_suffix("") for name in PACKAGES for p in (ROOT / name).rglob("*.py")]
    modules = [m for m in modules if m.parent.name != "notebooks" and m.name != "survival_pyfunc"]
    wanted = {m.parent if m.name == "__init__" else m for m in modules}
    found = {p.relative_to(tmp_path).with_suffix("") for p in tmp_path.rglob("*.html")} - {Path("index")}
    assert wanted <= found
    page = (tmp_path / "pipeline" / "survival_forest" / "estimator.html").read_text(encoding="utf-8")
    assert "SurvivalForest" in page
    loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', page)
    assert loaded == []
