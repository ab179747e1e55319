"""lungio transport: the real cohorts, and what is refused before any work."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.artifacts import load_run

from .calling import lungio

REAL = Path(__file__).parents[3] / "shared" / "realdata"
CHOWELL = REAL / "chowell2021_msk_nsclc_train.csv"


def small(folder: Path, **changes: object) -> str:
    spec = {
        "name": "small",
        "seed": 3,
        "train": {"cohort": "OAK", "patients": 3000},
        "train_arms": ["atezolizumab"],
        "test": "chowell_msk",
        "endpoints": ["os"],
        "models": {"cox": {}},
        "inside_models": {"cox": {}},
        "cross_validation": {"folds": 5, "repeats": 1},
        "bootstrap": {"replicates": 100},
        "learning_curve": {"sizes": [50, 150], "repeats": 2, "trees": 10},
    }
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(spec | changes))
    return str(path)


@pytest.mark.skipif(not CHOWELL.is_file(), reason="the MSK patients are not here (shared/realdata)")
def test_synthetic_training_alone_ranks_real_patients(here: Path) -> None:
    others = {"train_real": {"poplar": ["atezolizumab"], "city_of_hope_irae": None}}
    given = ["--training-data", f"poplar={REAL / 'poplar.csv'}"]
    result = lungio("transport", small(here, **others), "--data", CHOWELL, *given, "--out", "made")
    assert result.exit_code == 0, result.output
    assert "nobody was trained on city_of_hope_irae: give its file as --training-data" in result.output
    run = load_run(here / "made")
    training = run.table("training").set_index("models")
    assert training.loc["…_on_poplar", "shared_columns"] == "age_years, male"
    assert training.loc["…_on_poplar", "patients"] == 144  # of POPLAR's atezolizumab arm
    scores = run.table("scores").query("metric == 'harrell_c'").set_index(["data", "model"])["value"]
    assert scores["external", "cox_synthetic"] > 0.64
    assert scores["external", "cox_synthetic"] > scores["cross-validation", "loris"]
    assert ("cross-validation", "pdl1") in scores
    assert 0.3 < scores["external", "cox_on_poplar"] < scores["external", "cox_synthetic"]
    told = run.table("differences").query("metric == 'harrell_c'")
    assert {"cox_on_poplar", "pdl1", "loris"} <= set(told["model"])
    differences = told.query("model == 'cox_synthetic'")
    assert differences["low"].item() < differences["value"].item() < differences["high"].item()
    evidence = run.table("evidence")
    assert (evidence["use"] == "excluded").sum() > 30
    kept = evidence[evidence["use"] != "excluded"]
    assert not kept["source"].str.contains("MSK|s43018-024-00772-7").any()
    assert {p.stem for p in run.figures()} == {"learning_curve_os"}
    assert "How many real patients it takes" in (here / "made" / "report.html").read_text()


@pytest.mark.parametrize(
    ("changes", "data", "message"),
    [
        ({}, None, "small.yaml --data FILE"),
        ({"train": {"cohort": "poplar"}}, None, "real"),
        ({"test": "keynote_189"}, "x.csv", "keynote_189"),
        ({"models": {"oracle": {}}}, None, "models"),
        ({"train_arms": ["placebo"]}, "x.csv", "placebo"),
        ({"test": "poplar", "train": {"cohort": "poplar_simulated", "patients": 50}}, "x.csv",
         "POPLAR is the trial of the test cohort 'poplar'; draw another one"),
        ({"learning_curve": {"repeats": 1}}, None, "learning_curve.repeats"),
        ({"train_real": {"chowell_msk": None}}, "x.csv", "train_real: 'chowell_msk' is the test cohort"),
        ({"train_real": {"keynote_189": None}}, "x.csv", "train_real: 'keynote_189' is no real cohort"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_message(
    here: Path, changes: dict, data: str | None, message: str
) -> None:
    Path("x.csv").write_text("PtID,OS\n1,2\n")
    config = small(here, **changes)
    options = ["--data", data] if data else []
    result = lungio("transport", config, *options, "--out", "made")
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert "Traceback" not in result.output
    assert not (here / "made").exists()


def test_every_fault_of_other_files_is_told_at_once(here: Path) -> None:
    Path("x.csv").write_text("PtID,OS\n1,2\n")
    config = small(here, train_real={"poplar": ["atezolizumab"]})
    given = ["poplar", "poplar=nowhere.csv", "chowell_msk=x.csv", "poplar=x.csv", "poplar=x.csv"]
    options = [word for one in given for word in ("--training-data", one)]
    result = lungio("transport", config, "--data", "x.csv", *options, "--out", "made")
    assert result.exit_code == 2, result.output
    for words in (
        "--training-data poplar: must be COHORT=FILE",
        "--training-data poplar=nowhere.csv: nowhere.csv: there is no such file",
        "train_real in the study has no 'chowell_msk'; it has poplar",
        "'poplar' was given a file already",
    ):
        assert words in result.output
    assert not (here / "made").exists()
