"""What stands beside classifiers: published rates and chances, and the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_cohort import context_of

from pipeline.metrics.probability import log_odds, recalibration
from pipeline.models.published_scores import loris_pan_cancer
from pipeline.response import BESIDE, known_responses
from pipeline.schema import Column

from .made_responses import CHANCE, made_responses

RNG = np.random.default_rng(0)


def of(name, cohort):
    responded = known_responses(cohort, "no_response").responded
    return BESIDE[name].build(context_of(cohort)).fit(cohort, responded, RNG).probability(cohort)


def test_the_oracle_is_the_true_chance_before_treatment() -> None:
    cohort = made_responses(40_000, 3)
    responded, p = known_responses(cohort, "no_response").responded, of("oracle", cohort)
    # standard errors of the mean and of the slope in 40,000 patients: 0.0025 and 0.014
    assert p.mean() == pytest.approx(responded.mean(), abs=0.01)
    assert recalibration(responded, log_odds(p), np.ones((1, len(p))))[0, 1] == pytest.approx(1, abs=0.06)
    wrong = made_responses(40_000, 3, chance=replace(CHANCE, slope=3.0))  # the twin: another rule
    assert abs(known_responses(wrong, "no_response").responded.mean() - p.mean()) > 0.05


def test_the_average_chance_is_the_integral_over_progression() -> None:
    rate = 0.08
    months = np.random.default_rng(5).exponential(1 / rate, 2_000_000)
    wanted = CHANCE.given(months).mean()  # standard error 0.0003
    found = replace(CHANCE, seen=0.9).average(np.exp(-rate * CHANCE.months())[None])[0]
    assert found == pytest.approx(0.9 * wanted, abs=0.0015)


def test_the_published_rate_is_that_of_the_arm_unless_it_was_borrowed() -> None:
    cohort = made_responses(200, 1)
    rates = {a: r["rate"] for a, r in cohort.manifest["responses"].items()}
    np.testing.assert_allclose(of("published_rate", cohort), cohort.observed["arm"].map(rates))
    borrowed = {"responses": {a: {"rate": 0.3, "assumed": True} for a in rates}}
    assert BESIDE["published_rate"].lacks(replace(cohort, manifest=borrowed)) is not None
    assert BESIDE["published_rate"].lacks(replace(cohort, manifest={})) is not None


def test_loris_is_the_chance_its_paper_prints() -> None:
    cohort = made_responses(50, 1)
    added = {
        "tmb_mutations_per_mb": np.linspace(0, 80, 50),
        "albumin_g_per_dl": np.linspace(2.5, 4.8, 50),
        "prior_systemic_therapy": np.arange(50) % 2 == 0,
    }
    columns = [Column(n, "baseline", "boolean" if v.dtype == bool else "number") for n, v in added.items()]
    whole = replace(cohort, observed=cohort.observed.assign(**added), columns=(*cohort.columns, *columns))
    assert BESIDE["loris_pan_cancer"].lacks(cohort) == (
        "it needs tmb_mutations_per_mb, prior_systemic_therapy, albumin_g_per_dl"
    )
    assert BESIDE["loris_pan_cancer"].lacks(whole) is None
    frame = whole.observed
    wanted = loris_pan_cancer({
        "tmb": frame["tmb_mutations_per_mb"], "albumin": frame["albumin_g_per_dl"], "nlr": frame["nlr"],
        "prior_systemic_therapy": frame["prior_systemic_therapy"], "age": frame["age_years"],
    })  # fmt: skip
    np.testing.assert_allclose(of("loris_pan_cancer", whole), wanted, rtol=1e-12)


def test_no_oracle_without_the_truth() -> None:
    cohort = made_responses(50, 1)
    assert BESIDE["oracle"].lacks(replace(cohort, truth=None)) == "the truth about response is not known"
    bare = replace(cohort.truth, hazards=cohort.truth.hazards.drop(columns="response_intercept"))
    assert BESIDE["oracle"].lacks(replace(cohort, truth=bare)) is not None
    assert bare.response() is None
