"""Best overall response of drawn patients, as often and in whom the published rate and the times allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from pipeline.schema import Floats, InputError, ResponseChance
from synthetic_data.scans import WEEKS_PER_MONTH, ScanDays

FIRST_ASSESSMENT_MONTHS = 1.4  # six weeks: the usual first scan of these trials
STABLE_WEEKS = 6.0  # from the start to a scan that counts as stable disease (RECIST 1.1: six to eight)
# Log odds of response per standard deviation of log time to progression: assumed where no duration of
# response is published; else what gives that duration, up to the steepest.
RESPONSE_SLOPE = 2.0
STEEPEST_SLOPE = 6.0
QUANTILES = 2_001  # to which a population's times are condensed while the slope is looked for
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
    def meeting(
        cls, rate: float, pfs: Floats, watched: Floats, arm: str, median_duration: float | None = None
    ) -> ResponseRule:
        """Return the rule whose mean probability over a population is `rate`.

        With `median_duration` its slope is such that half of the responses, from the first assessment
        to progression or death, last so long; or as close to it as slopes from 0 to STEEPEST_SLOPE get.

        Parameters
        ----------
        rate : float
            Published share of all patients, assessed or not.
        pfs, watched : array, shape (n,)
            Months to progression or death, and under observation, of the arm's population.
        arm : str
            For messages.
        median_duration : float, optional
            Months.

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
        scale = max(float(months.std()), 1e-9)
        share = rate / float(eligible.mean())
        slope = RESPONSE_SLOPE
        if median_duration is not None:
            slope = _slope_of_duration(pfs[eligible], scale, share, median_duration)
        return cls(_intercept(months, slope / scale, share), slope / scale)

    def median_duration(self, pfs: Floats) -> float:
        """Return how many months half of the responses last in a population that is watched to the end."""
        order = np.argsort(pfs)
        weight = np.cumsum(self.probability(pfs, np.full(len(pfs), np.inf))[order])
        return float(pfs[order][np.searchsorted(weight, weight[-1] / 2)]) - FIRST_ASSESSMENT_MONTHS

    def probability(self, pfs: Floats, watched: Floats) -> Floats:
        """Return each patient's probability, shape (n,)."""
        return np.where(_assessable(pfs, watched), self.chance(1.0).given(pfs), 0.0)

    def chance(self, seen: float) -> ResponseChance:
        """Return the rule as the truth keeps it, with the share of the arm `seen` at the first assessment."""
        return ResponseChance(self.intercept, self.slope, FIRST_ASSESSMENT_MONTHS, LATEST_MONTHS, seen)


def _intercept(months: Floats, slope: float, share: float) -> float:
    """Return the intercept at which the mean probability over log months is `share`."""
    score = slope * (months - months.mean())

    def excess(intercept: float) -> float:
        return float(expit(score + intercept).mean()) - share

    return float(brentq(excess, -60.0, 60.0)) - slope * float(months.mean())


def _slope_of_duration(pfs: Floats, scale: float, share: float, median_duration: float) -> float:
    """Return the slope, per standard deviation, at which responses last so long in the median."""
    times = np.quantile(pfs, (np.arange(QUANTILES) + 0.5) / QUANTILES)
    months = _log_months(times)

    def longer(slope: float) -> bool:
        rule = ResponseRule(_intercept(months, slope / scale, share), slope / scale)
        return rule.median_duration(times) > median_duration

    low, high = 0.0, STEEPEST_SLOPE
    if longer(low) or not longer(high):
        return low if longer(low) else high
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if longer(middle) else (middle, high)
    return (low + high) / 2


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
    scans: ScanDays | None = None,
) -> NDArray[np.object_]:
    """Draw the best overall response by RECIST, shape (n,).

    Who responds is CR or PR. With `scans`, the others follow RECIST 1.1 (doi 10.1016/j.ejca.2008.10.026,
    table 3): SD with a scan free of progression at least STABLE_WEEKS after the start; without one PD, or
    NE when they died or left before progression was seen. Without them they are NE when they died or left
    before the first assessment, PD when progression was seen by the assessment after it, else SD.
    `watched` is the months to drop-out or the cut; `uniforms`, shape (n, 2), decides.
    """
    response = np.full(len(pfs), "SD", dtype=object)
    if scans is None:
        response[pfs <= np.minimum(1.5 * FIRST_ASSESSMENT_MONTHS, watched)] = "PD"
        response[np.minimum(os, watched) <= FIRST_ASSESSMENT_MONTHS] = "NE"
    else:
        stable = scans.last_clear(pfs, os, watched) >= STABLE_WEEKS / WEEKS_PER_MONTH
        progressed = (pfs < os) & (pfs <= watched)
        response[~stable] = np.where(progressed, "PD", "NE")[~stable]
    responds = uniforms[:, 0] < probability
    complete = uniforms[:, 1] < complete_share
    response[responds & complete] = "CR"
    response[responds & ~complete] = "PR"
    return response
