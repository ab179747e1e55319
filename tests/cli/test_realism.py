"""lungio realism as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from .calling import lungio, nothing_new, refused

REAL = Path(__file__).resolve().parents[3] / "shared" / "realdata"


def lesion_file(folder: Path) -> Path:
    """Write a table of diameters that says nothing, in the form of a measurement map that is shipped."""
    rng = np.random.default_rng(1)
    rows = [
        (f"p{i}", day, round(30 * np.exp(rng.normal(0, 0.3))))
        for i in range(60)
        for day in (-3, 42, 84, 126, 168)
    ]
    data = pd.DataFrame(rows, columns=["patient", "day", "long_diam_raw"]).assign(
        study_arm="A", study="Study1"
    )
    data.to_csv(folder / "lesions.csv", index=False)
    return folder / "lesions.csv"


@pytest.fixture
def lesions(tmp_path) -> Path:
    return lesion_file(tmp_path)


def test_a_series_gives_a_table_a_figure_and_a_page(lesions, tmp_path) -> None:
    result = lungio("realism", "poplar_visits", "laleh2022", "--data", lesions, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "week 12: median change" in result.output
    names = ["changes.csv", "changes.png", "changes.svg", "realism.html", "realism.json"]
    nothing_new(tmp_path / "out", *names)
    account = json.loads((tmp_path / "out" / "realism.json").read_text())
    assert [row["week"] for row in account["changes"]] == [6, 12, 18, 24]
    assert all(row["ks"] > row["ks_chance"] / 10 for row in account["changes"])
    refused(
        lungio("realism", "poplar_visits", "laleh2022", "--data", lesions, "--out", tmp_path / "out"),
        "out",
    )


def test_what_cannot_be_compared_is_said(lesions, tmp_path) -> None:
    refused(lungio("realism", "poplar_visits", "laleh2022", "--data", tmp_path / "no.csv"), "no such file")
    refused(lungio("realism", "poplar_simulated", "laleh2022", "--data", lesions), "has no visits")
    refused(lungio("realism", "poplar_simulated", "nomap", "--data", lesions), "no measurement 'nomap'")
    refused(lungio("realism", "oak", "khan2025", "--data", lesions), "no column")


def test_cytokines_of_the_open_table_are_near(tmp_path) -> None:
    data = REAL / "khan2025_cytokines_long.csv"
    if not data.is_file():
        pytest.skip("the open cytokine table is not beside this checkout")
    result = lungio(
        "realism", "oak", "khan2025", "--data", data, "--group", "nsclc", "--out", tmp_path / "out"
    )
    assert result.exit_code == 0, result.output
    account = json.loads((tmp_path / "out" / "realism.json").read_text())
    assert account["margins"]["within_chance"] >= 8
    assert account["correlations"]["mean_square_z"] < 1.5
    refused(lungio("realism", "oak", "khan2025", "--data", data, "--group", "x"), "knows nsclc")
