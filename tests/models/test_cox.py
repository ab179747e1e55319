"""The Cox model: beside R and lifelines, and a simulated effect that comes back."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_cohort import EFFECTS, context_of, made_cohort

from pipeline.models.cox import RidgeCox
from pipeline.models.partial_likelihood import SPARED_SHARE, RiskSets, ridge_fit
from pipeline.schema import Column, InputError, outcome

from .fitting import GOLDEN, golden_outcome


def test_cox_equals_r_but_for_its_tiny_penalty():
    y = golden_outcome()
    index = pd.RangeIndex(len(y), name="patient")
    frame = pd.DataFrame(GOLDEN["x"], columns=["x1", "x2", "x3"], index=index)
    columns = tuple(Column(n, "baseline", "number", modality="blood") for n in frame)
    context = replace(context_of(made_cohort(20, 0)), columns=columns, control_arm=None)
    # Features standardise and winsorise; a stand-in that does neither keeps R's units.
    model = RidgeCox(context)
    model.penalty = 1e-9
    model._fit_lifelines(frame, y, 1e-9)
    model.features, model.feature_names = _AsIs(), tuple(frame)
    np.testing.assert_allclose(model.coefficients, GOLDEN["coefficients"], atol=2e-6)
    patient = pd.DataFrame([[1.0, 0.0, -0.5]], columns=list(frame), index=pd.RangeIndex(1, name="patient"))
    survival = model.predict(patient, np.array(GOLDEN["months"], float)).survival[0]
    np.testing.assert_allclose(survival, GOLDEN["survival_breslow"], atol=2e-6)


class _AsIs:
    def transform(self, frame):
        return frame


def test_lifelines_and_the_inner_fit_agree_on_the_penalty_scale(fitted, cohort):
    model = fitted["cox"]
    x = model.features.transform(cohort.observed)
    z = (x - x.mean()) / x.std()
    y = outcome(cohort.observed, "os")
    share = np.where(model.features.of_arm, SPARED_SHARE, 1.0)
    sets = RiskSets.of(z.to_numpy(), y["time"], y["event"])
    ours = ridge_fit(sets, model.penalty * len(y) * share, np.zeros(z.shape[1]))
    np.testing.assert_allclose(model.coefficients * x.std().to_numpy(), ours, atol=1e-5)


def test_the_arm_is_not_shrunk_with_the_markers(cohort):
    y = outcome(cohort.observed, "os")
    model = RidgeCox(context_of(cohort), penalties=(30.0,)).fit(cohort.observed, y, np.random.default_rng(0))
    log_ratio = dict(zip(model.feature_names, model.coefficients, strict=True))
    x = model.features.transform(cohort.observed)[list(model.feature_names)]
    arm = x.to_numpy()[:, model.features.of_arm]
    alone = ridge_fit(RiskSets.of(arm, y["time"], y["event"]), 0.0, np.zeros(arm.shape[1]))
    (name,) = x.columns[model.features.of_arm]
    assert log_ratio[name] == pytest.approx(alone[0], abs=0.1 * abs(alone[0]))
    assert abs(log_ratio["nlr"]) < 0.1 * EFFECTS["nlr"]


def test_the_penalty_with_the_best_cross_validated_likelihood_is_taken(fitted):
    scores = fitted["cox"].cross_validated
    assert set(scores) == {0.01, 0.1}
    assert fitted["cox"].penalty == max(scores, key=scores.get)


def test_cox_survival_is_built_from_what_it_exposes(fitted, cohort):
    model = fitted["cox"]
    x = model.features.transform(cohort.observed)[list(model.feature_names)].to_numpy()
    risk = (x - model.feature_means) @ model.coefficients
    hazard = model.baseline_cumulative_hazard[model.baseline_months <= 12.0][-1]
    prediction = model.predict(cohort.observed, np.array([12.0]))
    np.testing.assert_allclose(prediction.risk, risk, rtol=1e-12)
    np.testing.assert_allclose(prediction.survival[:, 0], np.exp(-hazard * np.exp(risk)), rtol=1e-12)


def log_hazard_recovered(target: float) -> tuple[float, float, int]:
    """Age's log hazard ratio per standard deviation, what is expected, and the events it rests on."""
    cohort = made_cohort(1500, seed=11)
    y = outcome(cohort.observed, "os")
    model = RidgeCox(context_of(cohort), penalties=(1e-6,))
    model.fit(cohort.observed, y, np.random.default_rng(0))
    place = model.feature_names.index("age_years")
    return float(model.coefficients[place]), target, int(y["event"].sum())


def close(found, target, events):
    """Within four standard errors of a log hazard ratio per standard deviation."""
    return abs(found - target) < 4 / np.sqrt(events)


def test_a_simulated_effect_comes_back():
    assert close(*log_hazard_recovered(EFFECTS["age_years"]))


def test_the_test_above_can_fail():
    assert not close(*log_hazard_recovered(EFFECTS["age_years"] - 0.25))


def test_a_fit_that_fails_names_the_features(cohort, monkeypatch):
    from lifelines.exceptions import ConvergenceError
    from lifelines.fitters.coxph_fitter import SemiParametricPHFitter

    def fail(self, *args, **kwargs):
        raise ConvergenceError("Convergence halted. See the documentation.")

    monkeypatch.setattr(SemiParametricPHFitter, "fit", fail)
    twice = cohort.observed.assign(again=cohort.observed["age_years"])
    context = context_of(cohort)
    again = Column("again", "baseline", "number", modality="blood", low=0)
    context = replace(context, columns=(*context.columns, again))
    with pytest.raises(InputError, match=r"did not converge.*at fault: age_years, again.*stronger penalties"):
        RidgeCox(context).fit(twice, outcome(twice, "os"), np.random.default_rng(0))


@pytest.mark.parametrize("penalties", [(0.0,), (-1.0, 0.1)])
def test_penalties_must_be_positive(penalties, cohort):
    with pytest.raises(InputError, match="penalties must be positive"):
        RidgeCox(context_of(cohort), penalties=penalties)
