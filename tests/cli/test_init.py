"""lungio init: a project whose every part runs as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from experiments.config import Experiment, find_config, read_spec
from experiments.init_command import NOTEBOOK, map_of_the_example
from pipeline.artifacts import load_run
from pipeline.real_cohort import read_cohort, read_map
from pipeline.report import execute

from .calling import lungio, nothing_new, refused

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
FILES = {"README.md", "config.yaml", "explore.ipynb", "own_data.yaml", "own_data_config.yaml", "patients.csv"}


@pytest.fixture
def project(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    result = lungio("init", "demo", "--n", 240)
    assert result.exit_code == 0, result.output
    assert "lungio run config.yaml" in result.output
    monkeypatch.chdir(here / "demo")
    return here / "demo"


@pytest.mark.usefixtures("without_figures")
def test_a_project_runs_as_it_is(project: Path) -> None:
    assert {p.name for p in project.iterdir()} == FILES
    # The experiment on simulated patients is the right shape; a wheel's test carries it out.
    assert read_spec(find_config("experiments", "config.yaml"), Experiment).train.cohort == "keynote_189"
    # What a hospital's table would go through: looked at, read, analysed, and opened in the notebook.
    checked = lungio("cohort", "check", "patients.csv", "--map", "own_data.yaml", "--json")
    assert checked.exit_code == 0, checked.output
    assert {row["severity"] for row in json.loads(checked.output)} == {"note"}
    config = yaml.safe_load((project / "own_data_config.yaml").read_text())
    config["analysis"] |= {"bootstrap": {"replicates": 20}, "explanation": {"patients": 5, "waterfalls": 0}}
    config["analysis"]["cross_validation"] = {"folds": 2, "repeats": 1}
    (project / "own_data_config.yaml").write_text(yaml.safe_dump(config))
    ran = lungio("run", "own_data_config.yaml", "--data", "patients.csv", "--no-track", "--no-report")
    assert ran.exit_code == 0, ran.output
    (run,) = (project / "runs").iterdir()
    assert load_run(run).facts["simulated"] is True  # the map says so, and so would the report
    nb = execute(NOTEBOOK, project)
    assert any("image/png" in out.get("data", {}) for cell in nb.cells for out in cell.get("outputs", []))


def test_the_example_file_says_that_it_is_simulated_and_reads_back(project: Path) -> None:
    table = pd.read_csv("patients.csv")
    assert (table["comment"] == "simulated, no person").all()
    assert set(table["regimen"]) == {"Pembro", "Chemo"}
    cohort = read_cohort(read_map("own_data.yaml"), "patients.csv")
    assert cohort.simulated
    assert cohort.control_arm == "chemotherapy"
    assert len(cohort) == len(table) == 240
    assert cohort.observed["albumin_g_per_dl"].median() == pytest.approx(table["ALB_g_l"].median() / 10)
    assert (cohort.observed["os_months"] * 30.4375).round().tolist() == table["os_days"].tolist()
    assert cohort.manifest["columns_not_mapped"] == []


def test_the_same_seed_is_the_same_file(here: Path) -> None:
    texts = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        assert lungio("init", name, "--n", 100, "--seed", seed).exit_code == 0
        texts.append((here / name / "patients.csv").read_text())
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_nothing_is_overwritten(here: Path) -> None:
    (here / "demo").mkdir()
    refused(lungio("init", "demo"), "demo exists already and nothing is overwritten")
    refused(lungio("init", "few", "--n", 3), "--n must be at least 100")
    nothing_new(here, "demo")


def test_every_word_of_the_template_that_is_replaced_is_there() -> None:
    template = find_config("cohorts", "example_own_data").read_text(encoding="utf-8")
    made = yaml.safe_load(map_of_the_example(template))
    assert made["simulated"] is True
    assert made["name"] == "own_data"
    assert {k: v for k, v in made.items() if k not in ("name", "label", "citation", "simulated")} == {
        k: v for k, v in yaml.safe_load(template).items() if k not in ("name", "label", "citation")
    }
