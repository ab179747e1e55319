"""What one drawn study finds: an interaction where there is one, at its stated rate where there is none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from pipeline.power import answer, interaction_p
from tests.made_cohort import TREATED, made_cohort


def with_interaction(patients, seed, strength):
    """The made cohort with new deaths: the NLR acts in the treated arm alone."""
    cohort = made_cohort(patients, seed)
    rng = np.random.default_rng(seed + 9)
    z = (np.log(cohort.observed["nlr"]) - 1.2) / 0.5
    treated = (cohort.observed["arm"] == TREATED).to_numpy()
    died_at = rng.exponential(size=patients) / (0.05 * np.exp(strength * z.to_numpy() * treated))
    left_at = rng.uniform(8, 36, patients)
    observed = cohort.observed.assign(os_months=np.minimum(died_at, left_at), died=died_at <= left_at)
    return replace(cohort, observed=observed, truth=None)


def test_p_is_lifelines():
    cohort = with_interaction(500, 1, 0.3)
    z = np.log(cohort.observed["nlr"])
    table = cohort.observed[["os_months", "died"]].assign(
        treated=(cohort.observed["arm"] == TREATED).astype(float), z=(z - z.mean()) / z.std(ddof=0)
    )
    table["both"] = table["treated"] * table["z"]
    expected = CoxPHFitter().fit(table, "os_months", "died").summary.loc["both", "p"]
    assert interaction_p(cohort, "os", "nlr") == pytest.approx(expected, rel=1e-3)


def test_it_is_found_where_it_is_and_rarely_where_it_is_not():
    question = {"kind": "interaction", "endpoint": "os", "marker": "nlr", "alpha": 0.05}
    rng = np.random.default_rng(0)
    there = np.mean([answer(with_interaction(400, k, 0.6), question, rng) for k in range(20)])
    absent = np.mean([answer(with_interaction(200, 100 + k, 0.0), question, rng) for k in range(200)])
    assert there > 0.8
    assert 0.01 < absent < 0.11  # 5 % with a standard error of 1.5 %


def test_what_cannot_be_estimated_is_not_found():
    cohort = made_cohort(60, 2)
    flat = replace(cohort, observed=cohort.observed.assign(noise=1.0))
    assert interaction_p(flat, "os", "noise") == 1.0


def test_models_are_compared_by_cross_validation():
    cohort = made_cohort(400, 3)
    better = {"kind": "models", "endpoint": "os", "model": "cox", "against": "pdl1"}
    assert answer(cohort, better, np.random.default_rng(1))
    worse = better | {"model": "pdl1", "against": "cox"}
    assert not answer(cohort, worse, np.random.default_rng(1))
    reached = {"kind": "discrimination", "endpoint": "os", "model": "cox", "target": 0.6}
    assert answer(cohort, reached, np.random.default_rng(1))
    assert not answer(cohort, reached | {"target": 0.95}, np.random.default_rng(1))


def with_visits(patients, seed):
    """The made cohort with a level at three months that tells who dies next, and nothing before."""
    cohort = made_cohort(patients, seed, follow_up=(20, 36))
    rng = np.random.default_rng(seed + 1)
    soon = (cohort.observed["os_months"] < 10).to_numpy()
    rows = [
        pd.DataFrame({"patient": cohort.observed.index, "visit": k, "planned": True, "months": month,
                      "crp_mg_per_l": np.exp(rng.normal(size=patients) + (k == 1) * 2.5 * soon)})
        for k, month in enumerate((0.0, 2.5))
    ]  # fmt: skip
    visits = pd.concat(rows).sort_values(["patient", "visit"], ignore_index=True)
    seen = visits["months"] <= visits["patient"].map(cohort.observed["os_months"])
    return replace(cohort, visits=visits[seen].reset_index(drop=True), truth=None)


def test_landmarks_are_asked_of_what_visits_have_shown():
    cohort = with_visits(300, 4)
    auc = {"kind": "landmark_auc", "endpoint": "os", "model": "supermodel", "target": 0.8,
           "landmark_months": 3, "horizon_months": 6}  # fmt: skip
    gain = auc | {"kind": "landmark_gain"}
    assert answer(cohort, auc, np.random.default_rng(1))
    assert answer(cohort, gain, np.random.default_rng(1))
    assert not answer(cohort, auc | {"landmark_months": 1}, np.random.default_rng(1))  # before it shows
    assert not answer(cohort, gain | {"landmark_months": 1}, np.random.default_rng(1))
    assert not answer(cohort, auc | {"landmark_months": 35}, np.random.default_rng(1))  # nobody left
