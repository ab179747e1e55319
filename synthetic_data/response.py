"""Best overall response of drawn patients, as often and in whom the published rate and the times allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from pipeline.schema import Floats, InputError

FIRST_ASSESSMENT_MONTHS = 1.4  # six weeks: the usual first scan of these trials
RESPONSE_SLOPE = 2.0  # log odds of response per standard deviation of log time to progression (assumed)
COMPLETE_SHARE = 0.05  # of responders, where a trial does not print complete responses (assumed)
LATEST_MONTHS = 36.0  # of progression-free survival that still tells who is the likelier responder


@dataclass(frozen=True)
class ResponseRule:
    """Probability of an objective response of an arm's patients.

    Response needs a first assessment without progression, and is the likelier the later the patient
    will progress: log odds are ``intercept + slope * log(months)``, the months kept between the first
    assessment and LATEST_MONTHS.
    """

    intercept: float
    slope: float

    @classmethod
    def meeting(cls, rate: float, pfs: Floats, watched: Floats, arm: str) -> ResponseRule:
        """Return the rule whose mean probability over a population is `rate`.

        Parameters
        ----------
        rate : float
            Published share of all patients, assessed or not.
        pfs, watched : array, shape (n,)
            Months to progression or death, and under observation, of the arm's population.
        arm : str
            For messages.

        Raises
        ------
        InputError
            When fewer than `rate` are free of progression at the first assessment.
        """
        if rate <= 0:
            return cls(-np.inf, 0.0)
        eligible = _assessable(pfs, watched)
        if eligible.mean() <= rate:
            raise InputError(
                f"arm {arm!r}: a response rate of {rate:.1%} cannot be drawn, as only {eligible.mean():.1%} "
                f"of patients are free of progression at {FIRST_ASSESSMENT_MONTHS:g} months; check the curves"
            )
        months = _log_months(pfs[eligible])
        slope = RESPONSE_SLOPE / max(float(months.std()), 1e-9)
        score = slope * (months - months.mean())

        def excess(intercept: float) -> float:
            return float(expit(score + intercept).sum()) / len(pfs) - rate

        return cls(float(brentq(excess, -40.0, 40.0)) - slope * float(months.mean()), slope)

    def probability(self, pfs: Floats, watched: Floats) -> Floats:
        """Return each patient's probability, shape (n,)."""
        odds = expit(self.intercept + self.slope * _log_months(pfs))
        return np.where(_assessable(pfs, watched), odds, 0.0)


def _assessable(pfs: Floats, watched: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.minimum(pfs, watched) > FIRST_ASSESSMENT_MONTHS)


def _log_months(pfs: Floats) -> Floats:
    return np.log(np.clip(pfs, FIRST_ASSESSMENT_MONTHS, LATEST_MONTHS))


def best_response(
    probability: Floats,
    pfs: Floats,
    os: Floats,
    watched: Floats,
    complete_share: float | Floats,
    uniforms: Floats,
) -> NDArray[np.object_]:
    """Draw the best overall response by RECIST, shape (n,).

    Who responds is CR or PR. The others are NE when they died or left before the first assessment, PD
    when progression was seen by the assessment after it, else SD. `watched` is the months to drop-out or
    the cut; `uniforms`, shape (n, 2), decides.
    """
    no_scan = np.minimum(os, watched) <= FIRST_ASSESSMENT_MONTHS
    early = pfs <= np.minimum(1.5 * FIRST_ASSESSMENT_MONTHS, watched)
    response = np.full(len(pfs), "SD", dtype=object)
    response[early] = "PD"
    response[no_scan] = "NE"
    responds = uniforms[:, 0] < probability
    complete = uniforms[:, 1] < complete_share
    response[responds & complete] = "CR"
    response[responds & ~complete] = "PR"
    return response
