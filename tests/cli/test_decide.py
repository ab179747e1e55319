"""lungio decide: policies in drawn patients, marker rules in randomised ones, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from experiments.decide_command import PolicyStudy
from experiments.decide_variants import checked_variants
from pipeline.artifacts import load_run
from pipeline.schema import InputError

from .calling import lungio

STUDIES = Path(__file__).parents[2] / "configs" / "studies"
POPLAR = Path(__file__).parents[3] / "shared" / "realdata" / "poplar.csv"


def shipped(name: str) -> dict:
    return yaml.safe_load((STUDIES / f"{name}.yaml").read_text())


def written(folder: Path, raw: dict, **changes: object) -> str:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(raw | changes, sort_keys=False))
    return str(path)


def months(run, strategy: str, reference: str):
    table = run.table("differences")
    table = table[(table["endpoint"] == run.facts["endpoint"]) & (table["quantity"] == "rmst")]
    return table[(table["strategy"] == strategy) & (table["reference"] == reference)].iloc[0]


def test_mrd_guidance_is_worth_more_than_its_reverse_and_than_fixed_treatment(here: Path) -> None:
    raw = shipped("mrd_policy")
    spec = written(
        here, raw, train={"cohort": "keynote_671_mrd", "patients": 5000}, bootstrap={"replicates": 200},
        vary={"sensitivity": raw["vary"]["sensitivity of the assay"] | {"values": [0.2, 1.0]}},
    )  # fmt: skip
    result = lungio("decide", spec, "--out", "made")
    assert result.exit_code == 0, result.output
    run = load_run(here / "made")
    assert months(run, "mrd_guided", "treat_all")["low"] > 0
    assert months(run, "mrd_guided", "mrd_guided_reversed")["low"] > 0
    assert months(run, "treat_none", "treat_all")["high"] < 0
    varied = run.table("varied")
    varied = varied[varied["quantity"] == "rmst"].set_index("setting")["value"]
    assert varied[1.0] > varied[0.2]
    counted = run.table("differences")
    counted = counted[(counted["strategy"] == "mrd_guided") & (counted["quantity"] == "harmed")]
    assert (counted["value"] > 0).all()
    page = (here / "made" / "report.html").read_text()
    for said in ("Every patient in this report is simulated.", "is hypothetical", "research", "IMvigor010"):
        assert said in page, said
    assert {p.stem for p in run.figures()} == {"values", "timing", "net_value", "net_benefit", "varied"}


def test_reversing_an_idle_assay_shows_nothing(here: Path) -> None:
    """The check above can fail: positive and negative by chance alone, and no effect of stopping."""
    raw = shipped("mrd_policy")
    policy = raw["policies"]["mrd_guided"]
    policy["assays"]["mrd"] |= {"sensitivity": 0.5, "specificity": 0.5}
    for rule in policy["rules"]:
        for trigger in rule["when"]:
            if trigger["kind"] == "result":
                trigger["consecutive"] = 2
    spec = written(here, raw, train={"cohort": "keynote_671_mrd", "patients": 2000}, vary={},
                   bootstrap={"replicates": 200})  # fmt: skip
    assert lungio("decide", spec, "--out", "made", "--no-report").exit_code == 0
    run = load_run(here / "made")
    assert not months(run, "mrd_guided", "mrd_guided_reversed")["low"] > 0


def test_reversing_the_trigger_of_antigen_switching_makes_it_worse(here: Path) -> None:
    raw = shipped("dll3_switching")
    spec = written(here, raw, train={"cohort": "dellphi_304_target", "patients": 5000}, vary={},
                   bootstrap={"replicates": 200})  # fmt: skip
    assert lungio("decide", spec, "--out", "made", "--no-report").exit_code == 0
    run = load_run(here / "made")
    assert months(run, "antigen_switching", "antigen_switching_reversed")["low"] > 0
    assert months(run, "antigen_switching", "tarlatamab_alone")["low"] > 0


def test_a_switch_by_predicted_risk_is_worth_more_than_its_reverse(here: Path) -> None:
    raw = shipped("risk_switch")
    raw["predictions"] |= {"train": {"cohort": "keynote_189_visits", "patients": 2000}}
    raw["predictions"]["models"] = {"supermodel": {"penalties": [0.3]}, "baseline_cox": {"penalties": [0.3]}}
    spec = written(here, raw, train={"cohort": "keynote_189_policy", "patients": 3000}, vary={},
                   bootstrap={"replicates": 200})  # fmt: skip
    result = lungio("decide", spec, "--out", "made")
    assert result.exit_code == 0, result.output
    run = load_run(here / "made")
    assert months(run, "risk_guided", "risk_guided_reversed")["low"] > 0
    assert months(run, "risk_guided", "chemotherapy")["low"] > 0
    assert set(run.facts["cohorts"]) == {"train", "models"}
    counted = run.table("differences").query("quantity == 'harmed' and reference == 'treat_all'")
    assert {"risk_guided", "oracle_guided", "pdl1_guided"} <= set(counted["strategy"])
    page = (here / "made" / "report.html").read_text()
    assert "risk supermodel at least 0.6" in page
    assert "mechanism myeloid inflammation at least 0.35" in page


def test_a_policy_without_its_predictions_is_refused(here: Path) -> None:
    raw = shipped("risk_switch")
    del raw["predictions"]
    result = lungio("decide", written(here, raw), "--out", "made")
    assert result.exit_code == 2
    assert "say under `predictions` which models" in " ".join(result.stderr.split())


def test_rules_are_weighed_in_a_drawn_trial(here: Path) -> None:
    raw = shipped("poplar_decide")
    rule = {"arm": "atezolizumab", "otherwise": "docetaxel",
            "when": [{"kind": "marker", "column": "pdl1_tps_percent", "at_least": 1}]}  # fmt: skip
    spec = written(here, raw, train={"cohort": "poplar_simulated", "patients": 400}, rules={"pdl1": rule},
                   bootstrap={"replicates": 50})  # fmt: skip
    result = lungio("decide", spec, "--out", "made")
    assert result.exit_code == 0, result.output
    table = load_run(here / "made").table("weighted")
    assert set(table["reference"]) == {"", "everybody atezolizumab", "everybody docetaxel"}
    assert (table["low"] <= table["value"]).all()


@pytest.mark.skipif(not POPLAR.is_file(), reason="POPLAR's table is not here (shared/realdata)")
def test_poplar_by_blood_tmb(here: Path) -> None:
    result = lungio("decide", "poplar_decide", "--data", POPLAR, "--out", "made", "--no-report")
    assert result.exit_code == 0, result.output
    table = load_run(here / "made").table("weighted")
    rule = table[table["strategy"] == "blood_tmb_at_least_16"]
    assert (rule["patients"] == 211).all()  # of 287, those whose blood TMB is known
    assert (rule["followed"] < 211).all()


def test_faults_are_told_at_once_and_before_any_work(here: Path) -> None:
    raw = shipped("mrd_policy")
    wrong = raw | {"fixed": "nothing", "planned_months": {"pembro": 12}, "vary": {}}
    result = lungio("decide", written(here, wrong), "--out", "made")
    assert result.exit_code == 2
    for fault in ("no strategy 'nothing'", "arm 'placebo' is missing"):
        assert fault in " ".join(result.stderr.split())
    vary = {"a": {"paths": ["policy.assays.mrd.smell"], "values": [1, 2]},
            "b": {"paths": ["policy.assays.mrd.sensitivity"], "values": [0.5, 7]}}  # fmt: skip
    with pytest.raises(InputError, match=r"nothing is called 'smell'.*vary 'b', 7"):
        checked_variants(PolicyStudy.model_validate(raw | {"vary": vary}))
    kind = lungio("decide", written(here, raw, kind="guess"), "--out", "made")
    assert kind.exit_code == 2
    assert "kind must be policy or randomised" in kind.stderr
    data = lungio("decide", written(here, raw), "--data", "file.csv", "--out", "made")
    assert data.exit_code == 2
    assert not (here / "made").exists()
