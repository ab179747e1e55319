"""lungio compare: what it prints, draws and refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.compare_command import free_name, open_runs, side_by_side
from pipeline.artifacts import load_run, update_facts
from pipeline.figures.comparison import comparison_figure
from pipeline.schema import InputError


@pytest.fixture
def two(small_run: Path, tmp_path: Path) -> list[Path]:
    """A run, and another with the same patients whose scores are a little lower."""
    second = tmp_path / "second"
    shutil.copytree(small_run, second)
    scores = pd.read_parquet(second / "tables" / "scores.parquet")
    scores[["value", "low", "high"]] -= 0.01
    scores.to_parquet(second / "tables" / "scores.parquet")
    return [small_run, second]


def ask(*words: object) -> Any:
    return CliRunner().invoke(app, ["compare", *map(str, words)])


def refused(*words: object) -> str:
    answer = ask(*words)
    assert answer.exit_code == 2, answer.output
    return str(answer.stderr)


def test_json_holds_every_runs_scores_as_its_table_does(two: list[Path], tmp_path: Path) -> None:
    answer = ask(*two, "--json", "--months", 12)
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    assert found["same_patients"] is True
    assert found["data"] == "external"
    assert [r["run"] for r in found["runs"]] == ["small", "second"]
    table = pd.DataFrame(found["scores"])
    wide = table.pivot_table(index=["metric", "model"], columns="run", values="value")
    np.testing.assert_allclose(wide["small"] - wide["second"], 0.01, atol=1e-12)
    own = load_run(two[0]).table("scores")
    auc = own.query("data == 'external' and group == 'all' and metric == 'auc' and horizon_months == 12")
    assert wide.loc["auc", "small"].to_dict() == pytest.approx(auc.set_index("model")["value"].to_dict())
    assert not list(tmp_path.glob("*.png"))


def test_a_table_and_a_figure(two: list[Path], tmp_path: Path) -> None:
    figure = tmp_path / "side.png"
    answer = ask(*two, "--out", figure, "--metric", "uno_c", "--metric", "brier")
    assert answer.exit_code == 0, answer.output
    assert "same patients" in answer.stdout
    assert "Uno's C" in answer.stdout
    assert figure.read_bytes()[:4] == b"\x89PNG"
    assert figure.with_suffix(".svg").is_file()
    assert "not overwritten" in refused(*two, "--out", figure)


def test_a_figure_nobody_named_takes_the_next_free_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert free_name("comparison") == Path("comparison.png")
    for taken in ("comparison.svg", "comparison_2.png"):
        Path(taken).touch()
    assert free_name("comparison") == Path("comparison_3.png")


def test_different_patients_are_said_to_be(two: list[Path], tmp_path: Path) -> None:
    cohorts = load_run(two[1]).facts["cohorts"]
    cohorts["external"]["sha256"] = "0" * 64
    update_facts(two[1], {"cohorts": cohorts})
    answer = ask(*two, "--out", tmp_path / "x.png")
    assert "judged on different patients" in answer.stdout


def test_without_external_patients_cross_validation_is_compared(two: list[Path]) -> None:
    scores = pd.read_parquet(two[1] / "tables" / "scores.parquet")
    scores[scores["data"] != "external"].to_parquet(two[1] / "tables" / "scores.parquet")
    data, rows = side_by_side(open_runs(two), None, None)
    assert data == "cross-validation"
    assert set(rows["run"]) == {"small", "second"}


def test_every_reason_is_named_at_once(two: list[Path], tmp_path: Path) -> None:
    study = tmp_path / "study"
    (study / "tables").mkdir(parents=True)
    (study / "run.json").write_text('{"kind": "toxicity"}')
    broken = tmp_path / "broken"
    (broken / "tables").mkdir(parents=True)
    (broken / "run.json").write_text('{"analysis": ')
    (broken / "tables" / "scores.parquet").touch()
    said = refused(two[0], two[0], tmp_path / "none", study, broken)
    for part in ("is given twice", "there is no run folder", "is a toxicity study", "broken/run.json"):
        assert part in said
    assert "Traceback" not in said


def test_what_cannot_be_compared_is_refused(two: list[Path], tmp_path: Path) -> None:
    assert "two to 8 run folders. Got 1" in refused(two[0])
    assert "no horizon of every run; those shared are 6, 12" in refused(*two, "--months", 7, "--json")
    assert "--metric nothing: no score of these runs" in refused(*two, "--metric", "nothing", "--json")
    assert "ends in .png" in refused(*two, "--out", tmp_path / "x.pdf")
    assert "does not exist" in refused(*two, "--out", tmp_path / "none" / "x.png")
    update_facts(two[1], {"analysis": load_run(two[1]).facts["analysis"] | {"endpoint": "pfs"}})
    assert "different endpoints (os, pfs)" in refused(*two, "--json")


def test_each_run_and_model_is_a_point_with_its_interval(two: list[Path]) -> None:
    _, rows = side_by_side(open_runs(two), ["uno_c"], None)
    figure = comparison_figure(rows, ["uno_c"], "Two runs")
    (ax,) = figure.axes
    drawn = sorted(
        round(float(line.get_xdata()[0]), 9) for line in ax.lines if line.get_marker() in ("o", "s")
    )
    assert drawn == sorted(round(v, 9) for v in rows["value"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["small", "second"]


def test_runs_of_one_name_go_by_their_folders(two: list[Path], tmp_path: Path) -> None:
    twin = tmp_path / "elsewhere" / "small"
    shutil.copytree(two[0], twin)
    with pytest.raises(InputError, match="Got 1 instead"):
        open_runs([twin])
    assert list(open_runs([two[0], twin])) == [str(two[0]), str(twin)]
