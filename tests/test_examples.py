"""The gallery: examples run in small form, and one is made into its page as the command makes all.

The three that take over ten seconds each even so run with LUNGIO_LONG_TESTS=1, and in ``make gallery``.
"""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path

import pytest

from docs.examples.__main__ import EXAMPLES, HERE, main, make_example
from pipeline.artifacts import load_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),  # of notebook tools
]
FOLDERS = {
    "first_run": "first", "own_csv": "demo/mine", "predictive_marker": "benefit", "planning": "power",
    "dynamic_prediction": "dynamic", "mrd_policy": "mrd",
}  # fmt: skip


LONG = ("first_run", "predictive_marker", "planning")
long = pytest.mark.skipif(
    "LUNGIO_LONG_TESTS" not in os.environ,
    reason="over ten seconds; LUNGIO_LONG_TESTS=1 or make gallery runs it",
)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=long) if n in LONG else n for n in EXAMPLES if n != "dynamic_prediction"]
)
def test_an_example_runs_in_small_form(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUNGIO_EXAMPLES", "small")
    runpy.run_path(str(HERE / f"{name}.py"))
    assert load_run(tmp_path / FOLDERS[name]).tables
    assert "For research only" in capsys.readouterr().out


def test_every_script_of_the_folder_is_an_example_that_tells_its_command() -> None:
    assert {p.stem for p in HERE.glob("*.py") if not p.stem.startswith("__")} == set(EXAMPLES) == set(FOLDERS)
    for name in EXAMPLES:
        text = (HERE / f"{name}.py").read_text(encoding="utf-8")
        said = " ".join(text.replace("\n# ", " ").split())
        assert "On the command line: `lungio" in said, name
        assert "imulated" in text, name  # nobody takes its patients for real


def test_an_example_becomes_a_page_with_code_tables_and_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUNGIO_EXAMPLES", "small")
    page = make_example("dynamic_prediction", tmp_path / "made").read_text(encoding="utf-8")
    assert "<h1" in page
    assert "app([&quot;dynamic&quot;" in page
    assert "<table" in page
    assert "data:image/png;base64," in page
    assert (tmp_path / "made" / "dynamic_prediction.ipynb").is_file()
    assert not re.search(r"(?:src|href)=\"https?:", page)


def test_an_unknown_example_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no example called second_run; there are first_run"):
        main([str(tmp_path), "second_run"])
