"""lungio prior: published evidence as a file that a run on real patients updates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments.config import find_config
from experiments.prior_command import serial_columns, with_series
from pipeline.artifacts import load_run
from pipeline.dynamic import DynamicAnalysis
from pipeline.dynamic.landmark_prior import stack_drawn
from pipeline.schema import InputError
from tests.landmark.made_visits import with_visits

from .calling import lungio

COLUMNS = "age_years,nlr"
ARM = "pembrolizumab_chemo"
QIU = Path(__file__).parents[3] / "shared" / "realdata" / "qiu2021_ctdna_long.csv"


def test_a_prior_is_made_and_updated_by_a_clinic_s_patients(here: Path, clinic: tuple[Path, Path]) -> None:
    made = lungio(
        "prior", "keynote_189", "--columns", COLUMNS, "--arm", ARM, "--draws", 5, "--n", 300,
        "--out", "prior.json",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    stored = json.loads((here / "prior.json").read_text())
    assert stored["endpoint"] == "os"
    assert {c["name"] for c in stored["features"]["columns"]} == {"age_years", "nlr"}
    config, data = clinic
    spec = yaml.safe_load(Path(config).read_text())
    spec["analysis"]["models"] = {"bayes_cox": {"prior": str(here / "prior.json")}}
    Path(config).write_text(yaml.safe_dump(spec))
    result = lungio("run", config, "--data", data, "--out", "run", "--no-track", "--no-report")
    assert result.exit_code == 0, result.output
    assert "bayes_cox" in set(load_run(here / "run").table("scores")["model"])


def test_what_cannot_be_made_is_refused(here: Path) -> None:
    unknown = lungio(
        "prior", "keynote_189", "--columns", "shoe_size", "--draws", 5, "--n", 200, "--out", "p.json"
    )
    assert unknown.exit_code == 2
    assert "no baseline column 'shoe_size'" in unknown.stderr
    assert not (here / "p.json").exists()
    (here / "there.json").write_text("mine")
    taken = lungio("prior", "keynote_189", "--out", "there.json")
    assert taken.exit_code == 2
    assert "nothing is overwritten" in taken.stderr
    assert (here / "there.json").read_text() == "mine"
    arm = lungio("prior", "keynote_189", "--arm", "none", "--out", "q.json")
    assert "has no arm 'none'; it has placebo_chemo, pembrolizumab_chemo" in arm.stderr
    assert lungio("prior", "keynote_189", "--draws", 2, "--out", "q.json").exit_code == 2


def study(folder: Path, **changes: Any) -> str:
    """A dynamic study's file, whose Bayesian model names a prior that need not exist yet."""
    analysis = {
        "landmarks_months": [3, 6],
        "models": {"baseline_cox": {"penalties": [0.3]}, "bayes_supermodel": {"prior": "landmarks.json"}},
        "metrics": ["auc"],
        "bootstrap": {"replicates": 20},
        "patient_pages": 1,
    }
    spec = {
        "name": "small", "seed": 5, "train": {"cohort": "keynote_189_visits", "patients": 150},
        "external": {}, "mechanism": None, "analysis": analysis,
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(spec | changes))
    return str(path)


def test_a_landmark_prior_is_made_for_a_study_and_updated_in_it(here: Path) -> None:
    config = study(here)
    early = lungio("dynamic", config, "--out", "early")
    assert early.exit_code == 2
    assert "landmarks.json: no such file" in early.stderr
    made = lungio(
        "prior", "keynote_189_visits", "--study", config, "--columns", COLUMNS, "--series",
        "target_lesions_mm__change,new_lesion", "--draws", 5, "--n", 200, "--out", "landmarks.json",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    stored = json.loads((here / "landmarks.json").read_text())
    assert (stored["kind"], stored["endpoint"]) == ("landmark", "pfs")
    read = {c["name"] for c in stored["features"]["features"]["columns"]}
    assert read == {"age_years", "nlr", "arm", "target_lesions_mm__change", "new_lesion__seen"}
    result = lungio("dynamic", config, "--out", "made", "--no-report")
    assert result.exit_code == 0, result.output
    run = load_run(here / "made")
    assert set(run.table("gains")["model"]) == {"bayes_supermodel"}
    chosen = run.table("parameters").set_index(["model", "parameter"])["value"]
    assert "of keynote_189_visits" in chosen["bayes_supermodel", "prior"]
    assert 0 < float(chosen["bayes_supermodel", "worth_of_a_row"]) <= 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--study", "nowhere"), "no study 'nowhere'"),
        (("--series", "nlr"), "name it by --study"),
        (("--study", "keynote_189_dynamic", "--endpoint", "os"), "is of pfs; leave one of the two out"),
        (("--study", "keynote_189_dynamic"), "has no serial measurements"),
    ],
)
def test_what_no_landmark_prior_can_be_made_of_is_refused(
    here: Path, words: tuple[str, ...], said: str
) -> None:
    result = lungio("prior", "keynote_189", *words, "--draws", 5, "--n", 200, "--out", "p.json")
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert not (here / "p.json").exists()


def test_series_and_features_that_a_cohort_lacks_are_named() -> None:
    cohort = with_visits(60, 1)
    kept = with_series(cohort, ["nlr__change", "new_lesion"])
    assert kept.visits is not None
    assert list(kept.visits) == ["patient", "visit", "planned", "months", "nlr", "new_lesion"]
    assert with_series(cohort, None) is cohort
    with pytest.raises(InputError, match=r"has no serial measurement 'lactate'; it has target_lesions_mm"):
        with_series(cohort, ["lactate", "nlr"])
    analysis = DynamicAnalysis(endpoint="os", landmarks_months=(3,))
    (stack,) = stack_drawn([kept], analysis)
    columns = serial_columns(stack, ["nlr__change", "new_lesion"])
    assert {c.name for c in columns} == {"nlr__change", "new_lesion__seen"}
    with pytest.raises(InputError, match="no feature 'nlr__height'"):
        serial_columns(stack, ["nlr__height"])


@pytest.mark.skipif(not QIU.is_file(), reason="the resected ctDNA table is not here (shared/realdata)")
def test_the_shipped_study_of_real_resected_patients_runs(here: Path) -> None:
    made = lungio(
        "prior", "impower010_mrd", "--study", "qiu2021_bayes", "--columns", "squamous,tp53_mutant",
        "--series", "mrd_molecules_per_ml__level", "--draws", 5, "--n", 400,
        "--out", "impower010_mrd_prior.json",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    spec = yaml.safe_load(find_config("studies", "qiu2021_bayes").read_text())
    spec["analysis"] |= {"cross_validation": {"folds": 4, "repeats": 1}, "bootstrap": {"replicates": 20}}
    (here / "short.yaml").write_text(yaml.safe_dump(spec))
    result = lungio("dynamic", "short.yaml", "--data", QIU, "--out", "made", "--no-report")
    assert result.exit_code == 0, result.output
    assert "bayes_supermodel" in set(load_run(here / "made").table("scores")["model"])
