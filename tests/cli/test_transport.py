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
    result = lungio("transport", small(here), "--data", CHOWELL, "--out", "made")
    assert result.exit_code == 0, result.output
    run = load_run(here / "made")
    scores = run.table("scores").query("metric == 'harrell_c'").set_index(["data", "model"])["value"]
    assert scores["external", "cox_synthetic"] > 0.64
    assert scores["external", "cox_synthetic"] > scores["cross-validation", "loris"]
    differences = run.table("differences").query("metric == 'harrell_c' and model == 'cox_synthetic'")
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
