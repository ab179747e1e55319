"""The form every metric has: outcomes, a prediction and case weights in; one value per row of weights out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.schema import Floats, Prediction

Outcome = NDArray[np.void]  # structured: event (bool), time (months)

# (y, prediction, null, horizon_months, weights) -> values. `y` holds n outcomes, `prediction` and `null` n
# predictions (null is the Kaplan-Meier curve of training rows), `horizon_months` is None for a metric of the
# whole follow-up, and `weights` (b, n) counts every patient b times over: ones for the sample as it is,
# multinomial counts for bootstrap resamples. The result has shape (b,), or (k, b) when one computation gives
# k metrics; NaN where it is not defined.
Compute = Callable[[Outcome, Prediction, Prediction, float | None, Floats], Floats]

# (y, prediction, horizon_months, weights, fold) -> values, shape (b,): the same of patients whom several
# fitted models predicted, each its own fold (n,), at once.
OverFolds = Callable[[Outcome, Prediction, float | None, Floats, NDArray[np.intp]], Floats]


@dataclass(frozen=True)
class Metric:
    """One way to judge a prediction.

    Attributes
    ----------
    label : str
        For tables and axes.
    better : {"higher", "lower", "one", "zero"}
        Which values are good; "one" and "zero" mean the nearer to it the better.
    by_horizon : bool
        Whether it is computed at each horizon.
    within_fold : bool
        Whether out-of-fold predictions are compared only inside their fold: a metric that ranks patients must
        not compare the risks of two differently trained models, which biases it downwards (Parker et al.,
        BMC Bioinformatics 2007;8:326).
    compute : callable
        See `Compute`.
    over_folds : callable, optional
        See `OverFolds`: for a metric that is estimated once over all folds and yet compares inside them only.
    part : int, optional
        Which of the k results of `compute` this metric is; metrics that share one cost no more than one.
    to_the_end : bool
        Whether it weighs for censoring up to the last predicted month, which a group must be followed to.
    median_of : str
        Of which metric by horizon this one is the median over the horizons; empty for most.
    chance : float, optional
        The value, whatever the outcomes, of a prediction that is the same for everybody.
    bound : float, optional
        The value of a prediction that knows every outcome, when that is the best a prediction can reach.
    """

    label: str
    better: Literal["higher", "lower", "one", "zero"]
    by_horizon: bool
    within_fold: bool
    compute: Compute
    over_folds: OverFolds | None = None
    part: int | None = None
    to_the_end: bool = False
    median_of: str = ""
    chance: float | None = None
    bound: float | None = None

    def goodness(self, values: Floats) -> Floats:
        """Return `values` on a scale where higher is better."""
        values = np.asarray(values, dtype=float)
        turned = {"higher": values, "lower": -values, "one": -np.abs(values - 1), "zero": -np.abs(values)}
        return turned[self.better]

    def __call__(
        self,
        y: Outcome,
        prediction: Prediction,
        null: Prediction,
        horizon_months: float | None = None,
        weights: Floats | None = None,
    ) -> Floats:
        """Return one value per row of `weights` (one row of ones when left out)."""
        values = self.together(y, prediction, null, horizon_months, weights)
        return values if self.part is None else np.asarray(values[self.part])

    def together(
        self,
        y: Outcome,
        prediction: Prediction,
        null: Prediction,
        horizon_months: float | None = None,
        weights: Floats | None = None,
        fold: NDArray[np.intp] | None = None,
    ) -> Floats:
        """Return what `compute` or `over_folds` gives: this metric, and those that share its computation."""
        if len(y) != len(prediction) or len(y) != len(null):
            raise ValueError(
                f"outcomes, prediction and null must be of the same patients. Got {len(y)}, "
                f"{len(prediction)} and {len(null)} instead."
            )
        if self.by_horizon != (horizon_months is not None):
            wanted = "a horizon" if self.by_horizon else "no horizon"
            raise ValueError(f"{self.label} takes {wanted}. Got {horizon_months} instead.")
        if weights is None:
            weights = np.ones((1, len(y)))
        weights = np.ascontiguousarray(weights, dtype=float)
        if self.over_folds is not None and fold is not None:
            return self.over_folds(y, prediction, horizon_months, weights, fold)
        return self.compute(y, prediction, null, horizon_months, weights)


def required(horizon_months: float | None) -> float:
    """Return the horizon of a metric that needs one."""
    if horizon_months is None:
        raise ValueError("this metric needs a horizon in months. Got None instead.")
    return horizon_months
