"""Optimism: what apparent scores owe to the patients having been seen."""

import numpy as np
import pytest
from made_cohort import made_cohort

from pipeline.config import Optimism
from pipeline.evaluate import external, fit_models, optimism_table
from pipeline.evaluate.optimism import _632_plus
from pipeline.metrics import METRICS
from pipeline.schema import outcome

from .small_study import ANALYSIS

ASKED = ANALYSIS.model_copy(
    update={
        "optimism": Optimism(replicates=20, metrics=("harrell_c", "brier", "ibs", "calibration_slope")),
        "models": {
            "cox": {"penalties": (0.001,)},
            "rsf": {"n_estimators": 10, "min_samples_leaf": 3},
            "oracle": {},
        },
        "horizons_months": (12.0,),
    }
)


@pytest.fixture(scope="module")
def small():
    return made_cohort(150, seed=31)


@pytest.fixture(scope="module")
def table(small):
    return optimism_table(small, ASKED, np.random.default_rng(2)).set_index(["model", "metric"])


def test_nothing_is_refitted_unless_asked(small):
    assert optimism_table(small, ANALYSIS, np.random.default_rng(0)).empty


def test_apparent_scores_are_those_of_the_models_on_their_own_patients(table, small):
    y = outcome(small.observed, "os")
    alone = ASKED.model_copy(update={"models": {"cox": {"penalties": (0.001,)}}})
    models = fit_models(small, alone, np.random.default_rng(0))
    seen = external(models, small, small, alone)
    want = METRICS["harrell_c"](y, seen.models["cox"][0], seen.null[0])[0]
    assert table.loc[("cox", "harrell_c"), "apparent"] == pytest.approx(want, abs=1e-9)


def test_corrections_bring_a_forest_that_learnt_by_heart_to_what_new_patients_show(table):
    fresh = made_cohort(4000, seed=32)
    alone = ASKED.model_copy(update={"models": {"rsf": dict(ASKED.models["rsf"])}})
    found = []
    for seed in (31, 33, 34):
        train = made_cohort(150, seed=seed)
        models = fit_models(train, alone, np.random.default_rng(0))
        judged = external(models, train, fresh, alone)
        found.append(METRICS["harrell_c"](judged.y, judged.models["rsf"][0], judged.null[0])[0])
    row = table.loc[("rsf", "harrell_c")]
    assert row["apparent"] > max(found) + 0.05  # uncorrected it is far off
    # One cohort of 150 patients: standard error of C about 0.03; three of these.
    assert abs(row["corrected_632_plus"] - np.mean(found)) < 0.09
    # Patients learnt by heart are in the cohort too, which leaves the simple correction half way.
    assert row["corrected_632_plus"] < row["corrected"] < row["apparent"]
    assert table.loc[("rsf", "brier"), "corrected"] > table.loc[("rsf", "brier"), "apparent"]


def test_a_forest_is_more_optimistic_than_cox(table):
    c = table.xs("harrell_c", level="metric")
    assert c.loc["rsf", "optimism"] > c.loc["cox", "optimism"] > 0
    assert c.loc["rsf", "overfitting"] > c.loc["cox", "overfitting"]
    assert table["overfitting"].dropna().between(0, 1).all()
    assert "oracle" not in c.index


def test_the_632_plus_correction_follows_its_two_extremes():
    # No overfitting: .632 of the outside error; as bad outside as without information: that error itself.
    same, corrected = _632_plus("brier", 0.2, 0.2, 0.3)
    assert (same, corrected) == (0.0, pytest.approx(0.2))
    full, corrected = _632_plus("brier", 0.0, 0.3, 0.3)
    assert (full, corrected) == (1.0, pytest.approx(0.3))
    assert _632_plus("harrell_c", 0.9, 0.4, 0.5) == (1.0, pytest.approx(0.5))
    assert np.isnan(_632_plus("calibration_slope", 1.2, 0.9, np.nan)).all()
