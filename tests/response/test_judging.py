"""Classifiers judged on patients they have not seen, beside rate and truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from pipeline.evaluate import validation_folds
from pipeline.metrics.probability import log_odds
from pipeline.response import check_response, judge_response, known_responses
from pipeline.response.judging import ResponseJudgement
from pipeline.schema import Cohort, InputError

from .made_responses import ANALYSIS, made_responses

MODELS = ["logistic", "boosted", "published_rate", "oracle"]


def changed(**fields: object):
    return ANALYSIS.model_copy(update={"response": ANALYSIS.response.model_copy(update=fields)})


@pytest.fixture(scope="module")
def cohorts() -> tuple[Cohort, Cohort]:
    return made_responses(400, 1), made_responses(500, 2, name="elsewhere")


def judged(analysis, train: Cohort, test: Cohort | None, seed: int = 0) -> ResponseJudgement:
    parts = validation_folds(train, analysis, np.random.default_rng(1))
    return judge_response(analysis, train, test, parts, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def found(cohorts) -> ResponseJudgement:
    return judged(ANALYSIS, *cohorts)


def test_every_patient_is_predicted_once_a_repeat_by_models_that_did_not_see_them(found, cohorts) -> None:
    table = found.tables["response_predictions"]
    inside = table[(table["data"] == "cross-validation") & (table["model"] == "logistic")]
    assert inside.groupby("repeat")["row"].apply(lambda r: sorted(r) == list(range(400))).all()
    assert inside["probability"].between(0, 1).all()
    outside = table[(table["data"] == "external") & (table["model"] == "logistic")]
    np.testing.assert_array_equal(outside["probability"], found.models["logistic"].probability(cohorts[1]))


def test_scores_are_those_of_the_predictions(found) -> None:
    table, scores = found.tables["response_predictions"], found.tables["response_scores"]
    mine = table[(table["data"] == "external") & (table["model"] == "boosted")]
    row = scores[(scores["data"] == "external") & (scores["model"] == "boosted") & (scores["group"] == "all")]
    by_metric = row.set_index("metric")["value"]
    assert by_metric["auc"] == pytest.approx(roc_auc_score(mine["responded"], mine["probability"]))
    assert by_metric["brier"] == pytest.approx(brier_score_loss(mine["responded"], mine["probability"]))
    assert (scores["low"] <= scores["value"] + 1e-12).mean() > 0.95
    assert set(scores["group"]) == {"all", "arm=pembrolizumab", "arm=chemotherapy"}
    assert list(dict.fromkeys(scores["model"])) == MODELS


def test_cross_validated_areas_compare_patients_of_one_fold_only(found) -> None:
    table, scores = found.tables["response_predictions"], found.tables["response_scores"]
    mine = table[(table["data"] == "cross-validation") & (table["model"] == "logistic")]
    areas, pairs = [], []
    for _, part in mine.groupby(["repeat", "fold"]):
        areas.append(roc_auc_score(part["responded"], part["probability"]))
        pairs.append(part["responded"].sum() * (~part["responded"]).sum())
    by_repeat = [np.average(areas[k : k + 2], weights=pairs[k : k + 2]) for k in (0, 2)]
    row = scores.query("data == 'cross-validation' and model == 'logistic' and metric == 'auc'")
    assert row[row["group"] == "all"]["value"].iloc[0] == pytest.approx(np.mean(by_repeat))


def test_cross_validated_slopes_have_an_intercept_for_each_fold(found) -> None:
    table, scores = found.tables["response_predictions"], found.tables["response_scores"]
    mine = table[(table["data"] == "cross-validation") & (table["model"] == "logistic")]
    slopes, pooled = [], []
    for _, part in mine.groupby("repeat"):
        odds = log_odds(part["probability"].to_numpy())[:, None]
        own = (part["fold"].to_numpy()[:, None] == np.arange(2)).astype(float)
        free = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, max_iter=1000)
        slopes.append(free.fit(np.hstack([odds, own]), part["responded"]).coef_[0, 0])
        pooled.append(free.fit(np.hstack([odds, np.ones_like(odds)]), part["responded"]).coef_[0, 0])
    rows = scores.query("data == 'cross-validation' and model == 'logistic' and group == 'all'")
    value = rows.set_index("metric")["value"]["calibration_slope"]
    assert value == pytest.approx(np.mean(slopes), abs=1e-5)
    assert abs(value - np.mean(pooled)) > 1e-4


def test_patients_are_counted_and_those_never_evaluated_are_told(cohorts) -> None:
    train, _ = cohorts
    gaps = train.observed["best_response"].where(np.arange(400) % 8 != 0, None)
    holed = replace(train, observed=train.observed.assign(best_response=gaps))
    fast = {"models": {"logistic": {}}}
    counted = judged(changed(**fast), holed, None).tables["response_patients"].iloc[0]
    assert (counted["patients"], counted["judged"], counted["never_evaluated"]) == (400, 400, 50)
    left = judged(changed(never_evaluated="left_out", **fast), holed, None)
    assert left.tables["response_patients"].iloc[0]["judged"] == 350
    assert (left.tables["response_predictions"].groupby(["model", "repeat"]).size() == 350).all()


def test_the_bits_do_not_depend_on_what_else_is_judged(found, cohorts) -> None:
    again = judged(ANALYSIS, *cohorts)
    for name, table in found.tables.items():
        if name != "response_tuning":  # it holds seconds
            pd.testing.assert_frame_equal(again.tables[name], table)


def test_shuffled_responses_teach_nothing(cohorts) -> None:
    train, test = cohorts
    dealt = train.observed["best_response"].sample(frac=1, random_state=3).to_numpy()
    blind = replace(train, observed=train.observed.assign(best_response=dealt))
    scores = judged(changed(models={"logistic": {}}), blind, test).tables["response_scores"]
    area = scores.query("data == 'cross-validation' and metric == 'auc' and model == 'logistic'")
    assert 0.4 < area["value"].iloc[0] < 0.6  # four standard errors of chance in 400 patients, twice


def test_faults_are_told_all_at_once(cohorts) -> None:
    train, test = cohorts
    with pytest.raises(InputError) as caught:
        check_response(changed(models={"logistc": {}, "boosted": {"trees": 3}}), train, test)
    assert "'logistc'" in str(caught.value)
    assert "unknown option 'trees'" in str(caught.value)
    few = train.take(train.observed.index[train.observed["best_response"] != "PR"][:100])
    with pytest.raises(InputError, match="0 patients with and 100 without an objective response are too few"):
        check_response(ANALYSIS, few, test)
    check_response(ANALYSIS, train, test)
    assert known_responses(train, "no_response").responded.any()
