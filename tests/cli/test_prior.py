"""lungio prior: published evidence as a file that a run on real patients updates."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from pipeline.artifacts import load_run

from .calling import lungio

COLUMNS = "age_years,nlr"
ARM = "pembrolizumab_chemo"


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
