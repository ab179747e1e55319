"""A published score as a model: published ranks, curves from training rows, missing inputs at the median."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_cohort import context_of, made_cohort

from pipeline.cohort_check.leakage import concordance
from pipeline.models import available_scores, build_model, kaplan_meier
from pipeline.models.partial_likelihood import breslow
from pipeline.real_cohort import read_cohort, read_map
from pipeline.schema import InputError, outcome

from .fitting import GOLDEN, MONTHS, golden_outcome
from .fitting_scores import with_score_inputs

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "realdata"


def test_loris_ranks_real_patients_as_published():
    path = REAL / "chowell2021_msk_nsclc_train.csv"
    if not path.exists():
        pytest.skip("the MSK patients are not at hand: real data are not part of the project")
    cohort = read_cohort(read_map(ROOT / "configs" / "cohorts" / "chowell_msk.yaml"), path)
    for endpoint, expected in (("os", 0.629), ("pfs", 0.598)):
        y = outcome(cohort.observed, endpoint)
        context = replace(context_of(cohort), endpoint=endpoint)
        model = build_model("loris", context).fit(cohort.observed, y, np.random.default_rng(0))
        c = concordance(y["time"], y["event"], model.predict(cohort.observed, MONTHS).risk)
        assert c == pytest.approx(expected, abs=0.0006), endpoint


def test_outcomes_have_no_say_in_the_ranks(cohort):
    y = outcome(cohort.observed, "os")
    shuffled = np.random.default_rng(1).permutation(y)
    risks = [
        build_model("lipi", context_of(cohort))
        .fit(cohort.observed, labels, np.random.default_rng(0))
        .predict(cohort.observed, MONTHS)
        .risk
        for labels in (y, shuffled)
    ]
    np.testing.assert_array_equal(*risks)


def test_a_score_against_the_published_direction_gives_everybody_the_same_curve(cohort):
    turned = cohort.observed.assign(nlr=1 / cohort.observed["nlr"])
    y = outcome(turned, "os")
    model = build_model("nlr", context_of(cohort)).fit(turned, y, np.random.default_rng(0))
    prediction = model.predict(turned, MONTHS)
    assert model.log_hazard_ratio == 0
    assert np.ptp(prediction.survival, axis=0).max() == 0
    assert np.ptp(prediction.risk) > 0
    # Without a covariate Breslow's estimate is Nelson and Aalen's, close to Kaplan and Meier's.
    knots, values = kaplan_meier(y["time"], y["event"])
    at = np.searchsorted(knots, 12.0, side="right") - 1
    assert model.predict(turned, np.array([12.0])).survival[0, 0] == pytest.approx(values[at], abs=0.01)


def test_a_missing_input_is_the_training_median(cohort):
    y = outcome(cohort.observed, "os")
    model = build_model("lipi", context_of(cohort)).fit(cohort.observed, y, np.random.default_rng(0))
    assert model.fill["ldh"] == cohort.observed["ldh_u_per_l"].median()
    row = cohort.observed.iloc[[0]].assign(ldh_u_per_l=np.nan, dnlr=9.0)
    assert model.predict(row, MONTHS).risk[0] == 1 + (model.fill["ldh"] > 250)


def test_what_holds_for_all_patients_can_be_given(cohort):
    lean = replace(
        cohort,
        observed=cohort.observed.drop(columns="prior_systemic_therapy"),
        columns=tuple(c for c in cohort.columns if c.name != "prior_systemic_therapy"),
    )
    y = outcome(lean.observed, "os")
    with pytest.raises(InputError, match=r"loris needs prior_systemic_therapy, .* \(models: loris: given\)"):
        build_model("loris", context_of(lean))
    treated, untreated = (
        build_model("loris", context_of(lean), {"given": {"prior_systemic_therapy": x}})
        .fit(lean.observed, y, np.random.default_rng(0))
        .predict(lean.observed, MONTHS)
        .risk
        for x in (1, 0)
    )
    assert (treated > untreated).all()
    with pytest.raises(InputError, match="given: 'eye_colour' is no input"):
        build_model("loris", context_of(lean), {"given": {"eye_colour": 1}})


def test_scores_are_found_by_what_every_cohort_has(cohort):
    plain = made_cohort(20, 0)
    usable, absent = available_scores([plain.columns])
    assert usable == ["pdl1", "nlr"]
    assert absent["lipi"] == ["dnlr", "ldh_u_per_l"]
    rich = with_score_inputs(plain)
    assert set(available_scores([rich.columns])[0]) == {
        "pdl1", "tmb", "nlr", "dnlr", "lipi", "epsilon", "loris", "loris_pan_cancer"
    }  # fmt: skip
    assert available_scores([rich.columns, plain.columns])[0] == ["pdl1", "nlr"]
    levels = tuple(replace(c, kind="category", categories=("50 % or more", "negative"))
                   if c.name == "pdl1_tps_percent" else c for c in plain.columns)  # fmt: skip
    assert available_scores([levels])[1]["pdl1"] == ["pdl1_tps_percent"]  # in which order, nobody says


def test_an_input_without_any_value_in_training_is_named(cohort):
    empty = cohort.observed.assign(ldh_u_per_l=np.nan)
    with pytest.raises(InputError, match="models: lipi: ldh is missing for all training patients"):
        build_model("lipi", context_of(cohort)).fit(empty, outcome(empty, "os"), np.random.default_rng(0))


def test_breslow_without_covariates_is_nelson_and_aalens_estimate():
    from lifelines import NelsonAalenFitter

    y = golden_outcome()
    assert len(y) == len(GOLDEN["time"])
    knots, hazard = breslow(np.zeros(len(y)), y["time"], y["event"])
    expected = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(y["time"], y["event"])
    np.testing.assert_allclose(hazard, expected.cumulative_hazard_at_times(knots).to_numpy(), rtol=1e-9)
