"""Signatures: the scale of a reference population, missing markers, and thresholds in a marker's units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.enrich import FittedSignature, Signature
from pipeline.schema import Cohort, Column, InputError

COLUMNS = (
    Column("crp_mg_per_l", "baseline", "number", "CRP", "mg/L", "blood", low=0, positive=True),
    Column("nlr", "baseline", "number", "NLR", "", "blood", low=0, positive=True),
    Column("age_years", "baseline", "number", "Age", "years", "clinical"),
    Column("male", "baseline", "boolean", "Male", modality="clinical"),
)
BOTH = Signature(label="both", columns=("crp_mg_per_l", "nlr"), least_measured=2)


def cohort(patients: int = 400, seed: int = 0) -> Cohort:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "crp_mg_per_l": np.exp(2 + 1.2 * rng.normal(size=patients)),
            "nlr": np.exp(1.3 + 0.6 * rng.normal(size=patients)),
            "age_years": rng.normal(65, 8, patients),
            "male": rng.random(patients) < 0.6,
        },
        index=pd.Index([f"p{i}" for i in range(patients)], name="patient"),
    )
    return Cohort("made", frame, COLUMNS, True)


def test_the_score_is_the_mean_of_standardised_logarithms():
    made = cohort()
    fitted = FittedSignature.fit(BOTH, made)
    logs = np.log(made.observed[["crp_mg_per_l", "nlr"]])
    by_hand = ((logs - logs.mean()) / logs.std(ddof=0)).mean(axis=1)
    np.testing.assert_allclose(fitted.score(made.observed), by_hand, atol=1e-12)
    age = FittedSignature.fit(Signature(label="age", columns=("age_years",)), made)
    assert age.logged == (False,)


def test_the_scale_is_the_reference_s_whoever_is_scored():
    fitted, others = FittedSignature.fit(BOTH, cohort()), cohort(50, seed=1)
    alone = np.concatenate([fitted.score(others.observed.iloc[[k]]) for k in range(50)])
    np.testing.assert_array_equal(alone, fitted.score(others.observed))


def test_too_few_measured_is_unknown_and_below_a_limit_of_zero_is_low():
    made = cohort()
    fitted = FittedSignature.fit(BOTH, made)
    part = made.observed.iloc[:3].copy()
    part.iloc[0, 0] = np.nan
    part.iloc[1, 0] = 0.0
    scores = fitted.score(part)
    assert np.isnan(scores[0])
    assert scores[1] < fitted.score(made.observed.iloc[:3])[1]
    one = FittedSignature.fit(BOTH.model_copy(update={"least_measured": 1}), made)
    z_nlr = (np.log(part["nlr"].iloc[0]) - one.centre[1]) / one.spread[1]
    assert one.score(part)[0] == pytest.approx(z_nlr)


@pytest.mark.parametrize("percentile", [10.0, 50.0, 90.0])
def test_a_threshold_in_the_marker_s_units_enrols_the_share_it_says(percentile: float):
    made = cohort(2000)
    fitted = FittedSignature.fit(Signature(label="crp", columns=("crp_mg_per_l",)), made)
    above = (made.observed["crp_mg_per_l"] >= fitted.marker_value(percentile)).mean()
    assert above == pytest.approx(1 - percentile / 100, abs=0.002)
    assert fitted.cut(0) == -np.inf
    assert np.isnan(FittedSignature.fit(BOTH, made).marker_value(percentile))


def test_what_cannot_be_read_is_named():
    made = cohort()
    with pytest.raises(InputError, match=r"no baseline number 'shoe'; no baseline number 'male'"):
        FittedSignature.fit(Signature(label="odd", columns=("shoe", "male", "nlr")), made)
    flat = replace(made, observed=made.observed.assign(nlr=2.0))
    with pytest.raises(InputError, match="nlr is the same in everybody"):
        FittedSignature.fit(BOTH, flat)
