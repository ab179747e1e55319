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
# multinomial counts for bootstrap resamples. The result has shape (b,); NaN where it is not defined.
Compute = Callable[[Outcome, Prediction, Prediction, float | None, Floats], Floats]


@dataclass(frozen=True)
class Metric:
    """One way to judge a prediction.

    Attributes
    ----------
    label : str
        For tables and axes.
    better : {"higher", "lower", "one"}
        Which values are good; "one" means the nearer to 1 the better.
    by_horizon : bool
        Whether it is computed at each horizon.
    within_fold : bool
        Whether out-of-fold predictions are compared only inside their fold: a metric that ranks patients must
        not compare the risks of two differently trained models, which biases it downwards (Parker et al.,
        BMC Bioinformatics 2007;8:326).
    compute : callable
        See `Compute`.
    """

    label: str
    better: Literal["higher", "lower", "one"]
    by_horizon: bool
    within_fold: bool
    compute: Compute

    def goodness(self, values: Floats) -> Floats:
        """Return `values` on a scale where higher is better."""
        values = np.asarray(values, dtype=float)
        return {"higher": values, "lower": -values, "one": -np.abs(values - 1)}[self.better]

    def __call__(
        self,
        y: Outcome,
        prediction: Prediction,
        null: Prediction,
        horizon_months: float | None = None,
        weights: Floats | None = None,
    ) -> Floats:
        """Return one value per row of `weights` (one row of ones when left out)."""
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
        return self.compute(y, prediction, null, horizon_months, np.ascontiguousarray(weights, dtype=float))
