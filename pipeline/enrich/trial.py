"""A planned two-arm trial: the chance that it is positive, by formula and in one drawn trial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from pipeline.benefit.interaction import cox_fit
from pipeline.schema import Floats, outcome


@dataclass(frozen=True)
class Plan:
    """A trial randomised 1:1, as its planners see it.

    Power is Schoenfeld's (Biometrika 1981;68:316, doi 10.1093/biomet/68.1.316): with d events expected,
    the test of a log hazard ratio β is normal with mean ``β √(d/4)`` and variance 1. Assumes hazards close
    to proportional and arms of equal size.

    Attributes
    ----------
    log_hazard_ratio : float
        To which Cox's estimate tends in such patients.
    event_share : float
        Of the patients who have the event by the cut, both arms together.
    alpha : float
        Two-sided; only a benefit counts as positive.
    """

    log_hazard_ratio: float
    event_share: float
    alpha: float = 0.05

    @property
    def _reach(self) -> float:
        return float(norm.isf(self.alpha / 2))

    def power(self, patients: float) -> float:
        """Return the chance that a trial of so many patients is positive."""
        return self.assurance(patients, 0.0)

    def assurance(self, patients: float, standard_error: float) -> float:
        """Return that chance averaged over what is not known of the average effect.

        The log hazard ratio is normal about its value with `standard_error`, the same for whoever is
        enrolled (O'Hagan et al., Pharm Stat 2005;4:187, doi 10.1002/pst.175).
        """
        size = self.event_share * patients / 4
        z = -self.log_hazard_ratio * np.sqrt(size) - self._reach
        return float(norm.cdf(z / np.sqrt(1 + standard_error**2 * size)))

    def patients_for(self, power: float) -> float:
        """Return how many patients give that power; infinite where nothing is gained."""
        if self.log_hazard_ratio >= 0 or self.event_share <= 0:
            return float("inf")
        needed = (self._reach + float(norm.ppf(power))) / self.log_hazard_ratio
        return float(4 * needed**2 / self.event_share)


def enrolled(scores: Floats, cut: float, patients: int) -> NDArray[np.intp]:
    """Return the first `patients` in whom the signature is known and reaches `cut`, in their order."""
    return np.flatnonzero(np.isfinite(scores) & (scores >= cut))[:patients]


def positive(observed: pd.DataFrame, experimental: str, endpoint: str, alpha: float) -> bool:
    """Whether Cox's Wald test of treatment favours the `experimental` arm among these patients.

    Parameters
    ----------
    observed : DataFrame
        Patients of two arms.
    experimental, endpoint : str
    alpha : float
        Two-sided. A trial without an event in either arm is not positive.
    """
    treated: Floats = np.asarray(observed["arm"].astype(str) == experimental, dtype=float)
    y = outcome(observed, endpoint)
    if len(np.unique(treated[y["event"]])) < 2:
        return False
    estimate, error = cox_fit(y, treated.reshape(-1, 1))
    return bool(estimate[0] / error[0] < norm.ppf(alpha / 2))
