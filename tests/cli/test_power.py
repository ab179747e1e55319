"""lungio power: a small plan from first to last, resumed, and what it refuses."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from experiments.power_command import needed_sizes
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
PDL1 = {"kind": "interaction", "endpoint": "pfs", "marker": "pdl1_tps_percent"}
NLR = PDL1 | {"marker": "nlr"}
COMPARED = {
    "as_filed": {},
    "tissue_for_half": {"missing": {"tumour": {"share": 0.5}}},
    "blood_only": {"markers": ["blood"], "missing": {"nlr": {"share": 0.3}}},
    "seen_twice": {"visits": {"months": [1.5, 3]}},
}
COMPARING = {
    "scenarios": COMPARED,
    "questions": {"pdl1": PDL1 | {"scenarios": ["as_filed", "tissue_for_half"]}, "nlr": NLR},
}


def config(folder: Path, **changes: object) -> str:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL | changes, sort_keys=False))
    return str(path)


def test_a_plan_gives_a_table_with_monte_carlo_intervals(here: Path) -> None:
    result = lungio("power", config(here), "--jobs", 1, "--no-report", "--out", "made")
    assert result.exit_code == 0, result.output
    table = load_run(here / "made").table("power")
    assert list(table.columns) == ["question", "patients", "replicates", "value", "low", "high"]
    assert list(table["patients"]) == [120, 240]
    assert (table["replicates"] == 10).all()
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    assert not list(here.glob(".made*"))


def test_the_size_needed_is_the_smallest_from_which_on_all_reach_it() -> None:
    power = pd.DataFrame(
        [("a", 100, 0.9, 0.7), ("a", 200, 0.7, 0.6), ("a", 400, 0.85, 0.75), ("a", 800, 0.95, 0.9),
         ("b", 100, 0.2, 0.1), ("b", 800, 0.79, 0.7)],
        columns=["question", "patients", "value", "low"],
    )  # fmt: skip
    needed = needed_sizes(power).set_index("question")
    assert needed.loc["a"].tolist() == [400, 800]
    assert needed.loc["b"].isna().all()
    under = needed_sizes(power.assign(scenario=["x"] * 4 + ["y"] * 2))
    assert under["scenario"].tolist() == ["x", "y"]


def found(folder: Path) -> dict[str, bytes]:
    """What a plan found, as the bytes of its tables."""
    return {name: (folder / "tables" / f"{name}.csv").read_bytes() for name in ("power", "replicates")}


@pytest.fixture(scope="module")
def in_one_process(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("one")
    words = ("power", config(folder, **COMPARING), "--jobs", 1, "--no-report", "--out", folder / "made")
    result = lungio(*words)
    assert result.exit_code == 0, result.output
    return found(folder / "made")


def test_two_dask_workers_find_the_same_to_the_bit(here: Path, in_one_process: dict[str, bytes]) -> None:
    pytest.importorskip("distributed")
    words = ("--backend", "dask", "--jobs", 2, "--no-report", "--out", "made")
    result = lungio("power", config(here, **COMPARING), *words)
    assert result.exit_code == 0, result.output
    assert found(here / "made") == in_one_process
    other = lungio(
        "power", config(here, **COMPARING), "--jobs", 1, "--seed", 4, "--no-report", "--out", "other"
    )
    assert other.exit_code == 0, other.output
    assert found(here / "other")["replicates"] != in_one_process["replicates"]  # or nothing is shown above


def test_a_plan_killed_in_the_middle_goes_on_and_finds_the_same(
    here: Path, in_one_process: dict[str, bytes]
) -> None:
    words = ["power", config(here, **COMPARING), "--jobs", "1", "--no-report", "--out", "made"]
    # Drawn at full speed, all twenty studies could be done before the kill arrives.
    slowly = (
        "import time, experiments.power_command as p; whole = p.one_replicate\n"
        "p.one_replicate = lambda task: (time.sleep(0.2), whole(task))[1]\n"
        "from experiments.cli import main; main()"
    )
    journal = here / ".made.journal.jsonl"
    command = [sys.executable, "-c", slowly, *words]
    with subprocess.Popen(command, cwd=here, stdout=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 120
            while not journal.is_file() or journal.read_bytes().count(b"\n") < 5:
                assert process.poll() is None, "it ended before it could be killed"
                assert time.monotonic() < end
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    kept = journal.read_bytes().count(b"\n")
    assert 5 <= kept < 20
    assert not (here / "made").exists()
    result = lungio(*words)
    assert result.exit_code == 0, result.output
    assert found(here / "made") == in_one_process
    assert not journal.exists()


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
        ({"questions": {"x": {"kind": ["models"]}}}, "questions.x.kind"),
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


def test_scenarios_stand_in_one_table_and_on_one_page(here: Path) -> None:
    """The first scenario changes nothing: it has the very draws of a plan without scenarios."""
    asked = COMPARING | {
        "sizes": [120],
        "questions": {"pdl1": PDL1 | {"scenarios": ["as_filed"]}, "nlr": NLR},
    }
    assert lungio("power", config(here, **asked), "--jobs", 1, "--out", "made").exit_code == 0
    run = load_run(here / "made")
    table = run.table("power")
    rows = list(zip(table["question"], table["scenario"], table["patients"], strict=True))
    assert rows == [("pdl1", "as_filed", 120), *(("nlr", name, 120) for name in COMPARED)]
    assert len(run.figures("power")) == 1
    page = (here / "made" / "report.html").read_text()
    assert "tumour missing in 50% (MCAR)" in page
    assert "visits at months 1.5, 3" in page
    plain = {"sizes": [120], "questions": {"pdl1": PDL1, "nlr": NLR}}
    assert lungio("power", config(here, **plain), "--jobs", 1, "--no-report", "--out", "plain").exit_code == 0
    drawn = run.table("replicates").query("scenario == 'as_filed'")
    without = load_run(here / "plain").table("replicates")
    assert drawn["pdl1"].astype(str).tolist() == without["pdl1"].astype(str).tolist()
    assert drawn["nlr"].astype(str).tolist() == without["nlr"].astype(str).tolist()


def test_every_fault_of_a_plan_is_said_at_once(here: Path) -> None:
    wrong = {
        "scenarios": {
            "a": {"markers": ["shoe"], "missing": {"hat": {"share": 0.2}}},
            "b": {"missing": {"nlr": {"share": 0.2, "mechanism": "mar", "drivers": {"glove": 1}}}},
            "c": {"markers": ["clinical"]},
        },
        "questions": {
            "x": {"kind": "interaction", "marker": "pdl1_tps_percent", "scenarios": ["c"]},
            "y": {"kind": "models", "scenarios": ["c"]},
            "z": {"kind": "landmark_gain", "model": "magic", "scenarios": ["c"]},
        },
    }
    result = lungio("power", config(here, **wrong), "--out", "made")
    assert result.exit_code == 2, result.output
    for said in (
        "scenarios.a.markers: cohort 'keynote_189' has no column or modality 'shoe'",
        "scenarios.a.missing: cohort 'keynote_189' has no column or modality 'hat'",
        "scenarios.b.missing.nlr: column 'glove' is not drawn",
        "questions.x.marker: under scenario 'c', cohort 'keynote_189' has no column 'pdl1_tps_percent'",
        "questions.y: under scenario 'c'",
        "unknown model 'magic'; known: baseline_cox",
        "questions.z.kind: under scenario 'c', landmark_gain needs visits",
    ):
        assert said in " ".join(result.stderr.split()), said
    assert not (here / "made").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"questions": {"x": {**PDL1, "scenarios": ["night"]}}}, "there is no scenario 'night'"),
        (
            {"scenarios": {"a": {"missing": {"tumour": {"share": 0.3, "mechanism": "mnar", "strength": 1}}}}},
            "a modality goes missing as a whole",
        ),
        ({"scenarios": {"a": {"visit": {}}}}, "did you mean 'visits'?"),
        ({"sizes": [120, 120]}, "a value stands twice"),
    ],
)
def test_bad_scenarios_are_refused(here: Path, changes: dict[str, object], said: str) -> None:
    result = lungio("power", config(here, **changes), "--out", "made")
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.stderr.split())
