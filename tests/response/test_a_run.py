"""A run that asks for response: folder, report, terminal and MLflow hold it; other runs are as before."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.cohorts import CohortSource, with_own_rates
from experiments.output import Output
from experiments.run_result import print_result
from experiments.score_table import response_table
from pipeline.artifacts import describe_cohort, gallery, load_run, save_run
from pipeline.artifacts.run_folder import RunView
from pipeline.config import Analysis
from pipeline.report import sections
from pipeline.response import load_classifier
from pipeline.run import TABLES, RunResult, analyse, plan
from pipeline.schema import Cohort, InputError
from pipeline.tracking import resolve_store, track_run

from .made_responses import ANALYSIS, made_responses

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def cohorts() -> tuple[Cohort, Cohort]:
    return made_responses(240, 1), made_responses(240, 2, name="elsewhere")


@pytest.fixture(scope="module")
def result(cohorts: tuple[Cohort, Cohort]) -> RunResult:
    return analyse(plan(ANALYSIS, *cohorts), np.random.default_rng(5))


@pytest.fixture(scope="module")
def view(
    result: RunResult, cohorts: tuple[Cohort, Cohort], small_facts: dict[str, Any], tmp_path_factory: Any
) -> RunView:
    described = {role: describe_cohort(c) for role, c in zip(("train", "external"), cohorts, strict=True)}
    folder: Path = tmp_path_factory.mktemp("runs") / "responses"
    with pytest.MonkeyPatch.context() as patch:  # twenty figures of everything else have tests of their own
        for others in ("_cohort_drawings", "_score_drawings", "_explanation_drawings"):
            patch.setattr(gallery, others, lambda *_: iter(()))
        save_run(result, folder, facts=small_facts | {"cohorts": described})
    return load_run(folder)


def test_tables_and_classifiers_are_in_the_folder(view: RunView, result: RunResult, cohorts) -> None:
    wanted = {name for name in TABLES if name.startswith("response_")}
    assert wanted <= set(view.tables)
    again = load_classifier(view.folder / "response_models" / "logistic")
    np.testing.assert_array_equal(
        again.probability(cohorts[1]), result.classifiers["logistic"].probability(cohorts[1])
    )
    assert set(view.facts["response"]) == {"logistic", "boosted", "published_rate", "oracle"}
    assert not view.facts["response"]["oracle"]["saved"]
    assert [p.name for p in view.figures("response")] == ["response.png"]
    assert any("loris" in note for note in view.facts["notes"])


def test_what_else_the_run_found_does_not_depend_on_it(result: RunResult, cohorts) -> None:
    plain = ANALYSIS.model_copy(update={"response": None})
    without = analyse(plan(plain, *cohorts), np.random.default_rng(5))
    assert without.tables["scores"].equals(result.tables["scores"])
    assert not [name for name in without.tables if name.startswith("response_")]


def test_the_report_tells_scores_and_the_rule(view: RunView, tmp_path: Path) -> None:
    page = sections.response(view)
    for said in ("Logistic, ridge", "Published rate", "Oracle (ceiling)", "Calibration slope",
                 "were never evaluated", "count as patients without a response", "data:image"):  # fmt: skip
        assert said in page
    assert sections.response(RunView(tmp_path)) == ""  # nothing was asked of response, no table tells of it


def test_the_terminal_shows_a_row_a_model(view: RunView) -> None:
    table = response_table(view, "external")
    assert list(table.columns[0].cells) == ["logistic", "boosted", "published_rate", "oracle"]
    assert [c.header for c in table.columns][1:3] == ["AUC", "Brier score"]


def test_what_lungio_run_prints_holds_the_scores_for_people_and_for_programs(view, capsys) -> None:
    print_result(Output(), view.folder, None, None)
    assert capsys.readouterr().out.count("Objective response, ") == 2
    print_result(Output(as_json=True), view.folder, None, None)
    told = json.loads(capsys.readouterr().out)["response"]
    wanted = view.table("response_scores").query("group == 'all'")
    assert [row["value"] for row in told] == pytest.approx(list(wanted["value"]), nan_ok=True)
    assert {row["model"] for row in told} == {"logistic", "boosted", "published_rate", "oracle"}


def test_mlflow_has_a_run_a_classifier_and_a_trial(view: RunView, empty_store: Path, tmp_path: Path) -> None:
    import mlflow

    uri = resolve_store(str(shutil.copy(empty_store, tmp_path)))
    parent = track_run(view, uri, "tests of lungio")
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_run(parent).info.experiment_id
    assert "response_logistic.external.auc" in client.get_run(parent).data.metrics
    found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")
    runs = {run.data.tags["model"]: run for run in found}
    assert set(runs) == {"cox", *(f"response_{m}" for m in view.facts["response"])}
    boosted = runs["response_boosted"]
    scores = view.table("response_scores")
    auc = scores.query("model == 'boosted' and data == 'external' and metric == 'auc' and group == 'all'")
    assert boosted.data.metrics["external.auc"] == pytest.approx(auc["value"].iloc[0])
    assert "calibration_slope" in boosted.data.params
    trials = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{boosted.info.run_id}'")
    assert len(trials) == 1
    assert any(f.path == "model/model.json" for f in client.list_artifacts(boosted.info.run_id, "model"))


def test_a_plan_refuses_unknown_classifiers_and_cohorts_that_do_not_tell(cohorts) -> None:
    asked = Analysis.model_validate(ANALYSIS.model_dump() | {"response": {"models": {"logistik": {}}}})
    with pytest.raises(InputError, match="unknown classifier 'logistik'; did you mean 'logistic'"):
        plan(asked, *cohorts)
    silent = replace(
        cohorts[0],
        observed=cohorts[0].observed.drop(columns="best_response"),
        columns=tuple(c for c in cohorts[0].columns if c.name != "best_response"),
    )
    with pytest.raises(InputError, match="has neither best_response nor responded"):
        plan(ANALYSIS, silent)


def test_a_real_cohort_is_told_the_rates_its_trial_published(cohorts) -> None:
    class Map:
        also_known_as = ("nobody", "POPLAR")

    arms = np.where(np.arange(240) % 2, "atezolizumab", "docetaxel")
    columns = tuple(replace(c, categories=()) if c.name == "arm" else c for c in cohorts[0].columns)
    observed = cohorts[0].observed.assign(arm=arms)
    real = replace(cohorts[0], manifest={}, observed=observed, truth=None, columns=columns)
    source = CohortSource(Path("poplar.yaml"), None, Path("x.csv"), Map(), None)
    told = with_own_rates({"train": source}, {"train": real})["train"].manifest["responses"]
    assert {arm: r["rate"] for arm, r in told.items()} == {"atezolizumab": 0.15, "docetaxel": 0.15}
    drawn = CohortSource(Path("x.yaml"), 3, None, Map(), object())
    assert with_own_rates({"train": drawn}, {"train": real})["train"] is real
