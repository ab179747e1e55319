"""Gradient boosting: tuned and calibrated on held-out rows, the same for its seed."""

from __future__ import annotations

import numpy as np
import pytest
from made_cohort import context_of, made_cohort

from pipeline.metrics import METRICS
from pipeline.models import build_model, load_model, null_prediction, save_model
from pipeline.models.partial_likelihood import breslow
from pipeline.schema import outcome

OPTIONS = {"trials": 3, "max_trees": 120}
MONTHS = np.array([6.0, 12.0, 18.0])


@pytest.fixture(scope="module")
def cohort():
    return made_cohort(900, seed=5)


@pytest.fixture(scope="module")
def boosted(cohort):
    y = outcome(cohort.observed, "os")
    return build_model("gbm", context_of(cohort), OPTIONS).fit(cohort.observed, y, np.random.default_rng(2))


def test_it_ranks_new_patients_nearly_as_well_as_the_truth(boosted):
    test = made_cohort(1500, seed=6)
    y = outcome(test.observed, "os")
    oracle = build_model("oracle", context_of(test)).fit(test.observed, y, np.random.default_rng(0))
    oracle = oracle.with_truths((test.truth,))
    null = null_prediction(y["time"], y["event"], len(y), MONTHS)
    mine, best = (
        METRICS["harrell_c"](y, m.predict(test.observed, MONTHS), null)[0] for m in (boosted, oracle)
    )
    assert best - 0.03 < mine <= best + 0.005


def test_its_slope_on_new_patients_is_near_one_and_without_shrinking_is_not_kept(boosted):
    """The standard error of a slope on 4,000 patients is about 0.03; the fit adds its own."""
    from pipeline.models.boosting import GradientBoosting

    test = made_cohort(4000, seed=7)
    y = outcome(test.observed, "os")
    risk = boosted.predict(test.observed, MONTHS).risk
    assert GradientBoosting._slope(risk, y) == pytest.approx(1.0, abs=0.2)
    assert GradientBoosting._slope(2 * risk, y) == pytest.approx(0.5, abs=0.1)
    assert GradientBoosting._slope(-risk, y) == 0.0


def test_survival_on_new_patients_is_right_on_average(boosted):
    from pipeline.models import kaplan_meier

    test = made_cohort(4000, seed=8)
    y = outcome(test.observed, "os")
    knots, survival = kaplan_meier(y["time"], y["event"])
    observed = survival[np.searchsorted(knots, MONTHS, side="right") - 1]
    predicted = boosted.predict(test.observed, MONTHS).survival.mean(axis=0)
    np.testing.assert_allclose(predicted, observed, rtol=0, atol=0.04)


def test_the_same_seed_gives_the_same_model_and_another_another(cohort, boosted):
    y = outcome(cohort.observed, "os")
    again, other = (
        build_model("gbm", context_of(cohort), OPTIONS).fit(cohort.observed, y, np.random.default_rng(s))
        for s in (2, 3)
    )
    mine = boosted.predict(cohort.observed, MONTHS)
    np.testing.assert_array_equal(again.predict(cohort.observed, MONTHS).survival, mine.survival)
    assert not np.array_equal(other.predict(cohort.observed, MONTHS).risk, mine.risk)


def test_a_saved_model_predicts_the_same_without_its_library(boosted, cohort, tmp_path, monkeypatch):
    import sys

    save_model(boosted, tmp_path / "gbm")
    monkeypatch.setitem(sys.modules, "xgboost", None)
    again = load_model(tmp_path / "gbm").predict(cohort.observed, MONTHS)
    np.testing.assert_array_equal(again.survival, boosted.predict(cohort.observed, MONTHS).survival)


def test_the_baseline_is_that_of_held_out_predictions(boosted, cohort):
    y = outcome(cohort.observed, "os")
    flattered = breslow(boosted.predict(cohort.observed, MONTHS).risk, y["time"], y["event"])[1]
    assert not np.array_equal(flattered, boosted.baseline_cumulative_hazard)


def test_progress_and_parameters_tell_of_the_search(cohort):
    from dataclasses import replace

    told = []
    context = replace(context_of(cohort), progress=lambda *step: told.append(step))
    y = outcome(cohort.observed, "os")
    model = build_model("gbm", context, {"trials": 2, "max_trees": 20}).fit(
        cohort.observed, y, np.random.default_rng(0)
    )
    assert told == [("tune gbm", 1, 2), ("tune gbm", 2, 2)]
    said = model.parameters()
    assert said["trials_done"] == 2
    assert 1 <= said["trees"] <= 20
    assert set(model.tuning.trials) >= {"trial", "loss", "seconds", "learning_rate", "max_depth"}
