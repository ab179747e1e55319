"""lungio power: a small plan from first to last, resumed, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.artifacts import load_run
from synthetic_data.safety_figures import wilson_interval

from .calling import lungio

SMALL = {
    "name": "small",
    "seed": 3,
    "cohort": "keynote_189",
    "sizes": [120, 240],
    "replicates": 10,
    "evidence_draw": "point",
    "questions": {"pdl1": {"kind": "interaction", "endpoint": "pfs", "marker": "pdl1_tps_percent"}},
}


def config(folder: Path, **changes: object) -> str:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL | changes))
    return str(path)


def test_a_plan_gives_a_table_with_monte_carlo_intervals(here: Path) -> None:
    result = lungio("power", config(here), "--jobs", 1, "--out", "made")
    assert result.exit_code == 0, result.output
    table = load_run(here / "made").table("power")
    assert list(table["patients"]) == [120, 240]
    assert (table["replicates"] == 10).all()
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    assert not list(here.glob(".made*"))
    assert "Chance of finding it" in (here / "made" / "report.html").read_text()


def test_wilson_interval_of_a_textbook() -> None:
    low, high = wilson_interval(0.8, 10)  # Newcombe, Stat Med 1998;17:857, by hand
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(0.0, 10)[0] == 0.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"questions": {"x": {"kind": "interaction", "marker": "shoe"}}}, "has no column 'shoe'"),
        ({"questions": {"x": {"kind": "interaction"}}}, "marker is missing"),
        ({"questions": {"x": {"kind": "models", "model": "magic"}}}, "unknown model 'magic'"),
        ({"replicates": 2}, "replicates"),
    ],
)
def test_bad_plans_are_refused(here: Path, changes: dict[str, object], said: str) -> None:
    result = lungio("power", config(here, **changes), "--out", "made")
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert not (here / "made").exists()
    backend = lungio("power", config(here), "--backend", "spark", "--out", "made")
    assert backend.exit_code == 2
