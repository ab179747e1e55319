"""lungio enrich: a small study from first to last, every computed table called hypothetical, and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from experiments.enrich_study import needed
from pipeline.artifacts import RunView, load_run
from pipeline.schema import HYPOTHETICAL

from .calling import lungio

SHIPPED = Path(__file__).parents[2] / "configs" / "studies" / "cytokine_combination.yaml"


def small(**changes: Any) -> dict[str, Any]:
    raw = yaml.safe_load(SHIPPED.read_text())
    return (
        raw
        | {
            "additions": {"il1b": raw["additions"]["il1b"]},
            "signatures": {k: raw["signatures"][k] for k in ("combined", "crp")},
            "ratios_per_sd": [1.0, 0.75],
            "patients": 4000,
            "percentiles": [0, 50, 75],
            "drawn_percentiles": [0, 50],
            "replicates": 20,
        }
        | changes
    )


def written(folder: Path, raw: dict[str, Any]) -> str:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False))
    return str(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunView:
    folder = tmp_path_factory.mktemp("enrich")
    result = lungio("enrich", written(folder, small()), "--jobs", 1, "--out", folder / "made")
    assert result.exit_code == 0, result.output
    assert "hypothetical_canakinumab" in result.output
    return load_run(folder / "made")


def test_every_table_but_the_register_s_and_every_figure_says_hypothetical(run: RunView) -> None:
    for name in set(run.tables) - {"evidence"}:
        assert run.table(name)["arm"].str.startswith(HYPOTHETICAL).all(), name
    drawn = {p.stem for p in run.figures()}
    assert drawn == {"value", "signatures", "power", "evidence", "groups"}
    page = (run.folder / "report.html").read_text()
    assert "Every patient in this report is simulated." in page
    assert "no patient has been treated so" in page
    for said in ("Hypothetical addition", "hypothetical", "research"):
        assert said in page


def test_negative_trials_stand_as_evidence(run: RunView) -> None:
    evidence = run.table("evidence").set_index("trial")
    for trial in ("CANOPY-1", "CANOPY-2", "CANOPY-A"):
        assert evidence.loc[trial, "reading"] == "no difference shown"
    assert (run.table("groups")["published"].round(2).unique() == [0.57, 1.24, 0.74, 0.97]).all()


def test_gain_rises_with_the_threshold_only_where_it_is_assumed_to(run: RunView) -> None:
    value = (
        run.table("value")
        .query("side == 'at or above'")
        .set_index(["ratio_per_sd", "signature", "percentile"])
    )
    half = (value["high"] - value["low"]) / 2
    for signature in ("combined", "oracle"):
        low, high = (0.75, signature, 0.0), (0.75, signature, 75.0)
        assert value.loc[high, "value"] - value.loc[low, "value"] > 4 * half[high]
    oracle = value.loc[(0.75, "oracle", 75.0), "value"]
    assert oracle > value.loc[(0.75, "combined", 75.0), "value"] > value.loc[(0.75, "crp", 75.0), "value"]
    even = value.loc[(1.0, "combined", 75.0), "value"] - value.loc[(1.0, "combined", 0.0), "value"]
    assert abs(even) < 0.5  # months: the twin, whose hazard ratio is the same in everybody
    ratios = run.table("power").query("ratio_per_sd == 1")
    np.testing.assert_allclose(ratios["hazard_ratio"], 0.87, atol=0.02)  # CANOPY-1's, at every threshold


def test_drawn_trials_agree_with_the_formula(run: RunView) -> None:
    drawn = run.table("drawn")
    error = np.sqrt(drawn["formula"] * (1 - drawn["formula"]) / drawn["replicates"])
    assert (abs(drawn["value"] - drawn["formula"]) < 4 * error + 0.03).all()


def test_the_threshold_needed_is_the_lowest_with_the_power() -> None:
    rows = [
        ("hypothetical_x", ratio, "s", p, np.nan, 0.8, 600, 600 / (1 - p / 100), power, least)
        for ratio, powers in ((0.6, (0.3, 0.85, 0.95)), (1.0, (0.2, 0.25, 0.24)))
        for p, power, least in zip((0.0, 50.0, 75.0), powers, (2000.0, 500.0, 300.0), strict=True)
    ]
    names = ["arm", "ratio_per_sd", "signature", "percentile", "marker_value", "hazard_ratio",
             "trial_patients", "screened", "power", "patients_needed"]  # fmt: skip
    table = needed(pd.DataFrame(rows, columns=names), 0.8).set_index("ratio_per_sd")
    assert table.loc[0.6, "percentile"] == 50
    assert "1,200 screened" in table.loc[0.6, "said"]
    assert np.isnan(table.loc[1.0, "percentile"])
    assert table.loc[1.0, "said"].startswith("at no threshold: at best 25%")


def test_faults_are_told_at_once(here: Path) -> None:
    raw = small(
        additions={"a": {"label": "A", "cohort": "keynote_189"},
                   "b": {"label": "B", "cohort": "canopy_1_il1b_hypothetical"}},
        signatures={"odd": {"label": "odd", "columns": ["shoe"]}},
        published_groups={"addition": "b", "endpoint": "pfs", "signature": "odd", "edges": [0, 50, 100],
                          "populations": ["no such group", "nor this"]},
    )  # fmt: skip
    result = lungio("enrich", written(here, raw), "--out", "made")
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    for fault in ("needs one hypothetical arm", "no baseline number 'shoe'", "'no such group'"):
        assert fault in said
    wrong = small(percentiles=[50, 0], published_groups=None)
    assert lungio("enrich", written(here, wrong), "--out", "made").exit_code == 2
    assert not (here / "made").exists()
