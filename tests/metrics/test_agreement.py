"""Every metric of the registry beside R, in a cohort of ties and in one of heavy censoring.

One test for all, so that a metric without a value of R fails. `tests/golden/metrics.R` computes them with
survival (concordance, Cox, Kaplan-Meier), riskRegression (AUC, Brier score, its index of accuracy) and Hmisc
(splines), and patient by patient where no package has the metric (Antolini's C, D-calibration). timeROC's AUC
with marginal weights is riskRegression's; lifelines smooths observed risk by a parametric spline in time,
so its calibration index is another estimator.
"""

import pytest

from pipeline.metrics import METRICS

from .judging import GOLDEN, judged_by_r, value

# Newton's method stops a little before R's does where a Cox model is fitted; all else are sums.
TOLERANCE = dict.fromkeys(("calibration_slope", "ici", "e50", "e90"), 1e-6)


@pytest.mark.parametrize("cohort", ["half_months", "heavy"])
@pytest.mark.parametrize("name", sorted(METRICS))
def test_every_metric_equals_r(name, cohort):
    from pipeline.models import null_prediction

    y, prediction, horizon, every = judged_by_r(cohort)
    null = null_prediction(y["time"], y["event"], len(y), prediction.months)
    got = value(name, y, prediction, null, horizon=horizon)
    assert got == pytest.approx(every[name], abs=TOLERANCE.get(name, 1e-12))


def test_the_cohorts_tie_and_are_censored_heavily_and_no_two_values_are_one():
    for cohort, censored in (("half_months", 0.3), ("heavy", 0.8)):
        y, _, _, every = judged_by_r(cohort)
        assert len(set(y["time"])) < len(y) / 3
        assert (~y["event"]).mean() > censored
        assert len({round(v, 6) for v in every.values()}) == len(METRICS)
    assert len(set(GOLDEN["risk"])) < len(GOLDEN["risk"]) / 2
