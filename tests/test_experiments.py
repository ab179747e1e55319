from __future__ import annotations

import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from experiments.cohorts import resolve_cohort
from experiments.config import CohortChoice
from experiments.output import Output
from experiments.progress import StageProgress
from experiments.score_table import fidelity_table, score_table
from pipeline.artifacts import load_run
from pipeline.schema import InputError


def paper(width: int = 140) -> tuple[Console, io.StringIO]:
    """A console that is no terminal, and what is printed on it."""
    page = io.StringIO()
    return Console(file=page, width=width), page


# --- progress


def test_away_from_a_terminal_each_finished_stage_is_one_line() -> None:
    console, page = paper()
    with StageProgress(console) as progress:
        for done in range(4):
            progress("fit", done, 3)
        progress("judge", 1, 2)
    assert [line.split(":")[0] for line in page.getvalue().splitlines() if line.strip()] == ["fit"]


def test_quiet_prints_nothing_and_still_times() -> None:
    console, page = Output(quiet=True), io.StringIO()
    console.file = page
    with StageProgress(console) as progress:
        progress("fit", 1, 1)
    assert page.getvalue() == ""
    assert set(progress.seconds) == {"fit"}


def test_stages_that_follow_each_other_share_out_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.0, 2.0, 5.0, 9.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    progress = StageProgress(Output(quiet=True))
    progress._last_end = next(clock)
    progress("a", 1, 1)
    progress("b", 1, 2)
    progress("b", 2, 2)
    assert progress.seconds == {"a": 2.0, "b": 3.0}


# --- tables on the terminal


@pytest.mark.parametrize("width", [80, 140])
def test_the_score_table_has_the_oracle_last_and_every_interval(small_run: Path, width: int) -> None:
    console, page = paper(width)
    console.print(score_table(load_run(small_run), "external", width))
    said = page.getvalue()
    assert "External test (patients no fitting saw): 240 patients" in said
    head = next(line for line in said.splitlines() if "cox" in line)
    assert head.split() == ["score", "cox", "rsf", "pdl1", "oracle"]
    scores = load_run(small_run).table("scores")
    shown = scores.query("data == 'external' and group == 'all' and metric == 'harrell_c'")
    for row in shown.to_dict("records"):
        assert f"{row['value']:.3f}" in said
        assert f"({row['low']:.3f}, {row['high']:.3f})" in said


def test_a_model_that_could_not_be_judged_is_a_dash(small_run: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(small_run, tmp_path / "run")
    path = tmp_path / "run" / "tables" / "scores.parquet"
    scores = load_run(small_run).table("scores")
    scores[~((scores["model"] == "pdl1") & (scores["metric"] == "uno_c"))].to_parquet(path)
    console, page = paper()
    console.print(score_table(load_run(tmp_path / "run"), "external", 140))
    assert "–" in next(line for line in page.getvalue().splitlines() if "Uno's C" in line)


def test_the_fidelity_table_shows_published_beside_reproduced() -> None:
    import pandas as pd

    row = {"arm": "a", "endpoint": "os", "kind": "median", "months": 22.0, "published": 22.0, "low": 19.5,
           "high": None, "reproduced": 21.94, "within": True}  # fmt: skip
    rate = row | {"kind": "landmark", "months": 12.0, "published": 0.692, "low": 0.641, "high": 0.738,
                  "reproduced": 0.6, "within": False}  # fmt: skip
    console, page = paper()
    console.print(fidelity_table(pd.DataFrame([row, rate]), "KEYNOTE-189"))
    lines = page.getvalue().splitlines()
    assert any("22.0" in line and "21.9" in line and line.rstrip().endswith("yes") for line in lines)
    assert any("0.641 to 0.738" in line and line.rstrip().endswith("no") for line in lines)


# --- cohorts


def test_a_cohort_of_patients_needs_a_number_and_a_file_brings_its_own(tmp_path: Path) -> None:
    data = tmp_path / "x.csv"
    data.write_text("a\n1\n")
    with pytest.raises(InputError, match=r"train\.patients is missing"):
        resolve_cohort(CohortChoice(cohort="keynote_189"), None, "train", "run mine")
    with pytest.raises(InputError, match=r"train\.patients: cohort 'poplar' is a file with its own patients"):
        resolve_cohort(CohortChoice(cohort="poplar", patients=5), data, "train", "run mine")
    with pytest.raises(InputError, match="name their file: lungio benefit mine --data FILE"):
        resolve_cohort(CohortChoice(cohort="poplar"), None, "train", "benefit mine")


def test_a_source_knows_whether_its_patients_are_drawn(tmp_path: Path) -> None:
    data = tmp_path / "x.csv"
    data.write_text("a\n1\n")
    drawn = resolve_cohort(CohortChoice(cohort="keynote_189", patients=5), None, "train", "run mine")
    read = resolve_cohort(CohortChoice(cohort="poplar"), data, "train", "run mine")
    assert (drawn.simulated, drawn.name) == (True, "keynote_189")
    assert (read.simulated, read.name) == (False, "poplar")


def test_what_a_job_took_is_measured() -> None:
    progress = StageProgress(Output(quiet=True))
    before = progress.used()
    held = np.ones(30_000_000)  # 240 megabytes, touched
    end = time.process_time() + 0.2
    while time.process_time() < end:
        held.sum()
    after = progress.used()
    assert after["cpu_seconds"] - before["cpu_seconds"] >= 0.15
    assert after["wall_seconds"] >= after["cpu_seconds"] * 0.4 / (os.cpu_count() or 1)
    assert after["peak_memory_megabytes"] >= max(200, before["peak_memory_megabytes"])
