"""Death, progression and response of drawn patients, with population averages equal to the published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from pipeline.schema import Floats, InputError
from synthetic_data.survival_curves import Population, SurvivalCurve, baseline_hazard, inverse

FIRST_ASSESSMENT_MONTHS = 1.4  # six weeks: the usual first scan of these trials
RESPONSE_SLOPE = 2.0  # log odds of response per standard deviation of log time to progression (assumed)
COMPLETE_SHARE = 0.05  # of responders, where a trial does not print complete responses (assumed)


# Tried in turn until a trial's two curves can both be met; 1 leaves progression and death of a patient
# independent given the relative hazards, 1.5 is a Kendall's tau of 1/3, 5 one of 4/5.
ASSOCIATIONS = (1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
TOLERATED_GAP = 0.003  # of survival: less than a published figure is to be met by


@dataclass(frozen=True)
class ArmHazards:
    """Cumulative baseline hazards of an arm, linear between knots.

    `association` joins a patient's two times (`dependent_exponentials`). `largest_gap` is by how much
    the population's progression-free survival falls below the published curve, where patients who
    have not progressed die faster than that curve falls.
    """

    months: Floats
    os: Floats
    progression: Floats
    association: float
    largest_gap: float


def solve_hazards(
    os: SurvivalCurve,
    pfs: SurvivalCurve,
    death: Floats,
    progression: Floats,
    association: float | None = None,
    until_months: float = np.inf,
) -> ArmHazards:
    """Baseline hazards that make the population's OS and PFS the published ones.

    With w and v a patient's relative hazards of death and of progression, OS is exp(-Λw) and PFS
    exp(-((Πv)^θ + (Λw)^θ)^(1/θ)); Λ and then Π are solved knot by knot so that the means over the
    population drawn equal the curves. PFS is never above OS, for any patient. With association θ = 1,
    PFS is exp(-Πv) times OS. That cannot meet a progression-free plateau over falling survival, as
    after chemoradiation, for it lets patients who have not progressed die like the others; then the
    smallest θ of ASSOCIATIONS that can is taken.

    Parameters
    ----------
    os, pfs : SurvivalCurve
        With the same knots.
    death, progression : array, shape (n,)
        Relative hazards of the population under this arm.
    association : float, optional
        Fixes θ.
    until_months : float
        How far the curves are to be met: to the last figure; beyond it they are assumption.
    """
    population = Population.of(death, progression)
    to_death = baseline_hazard(os, population.death, population.weight)
    dying = np.outer(to_death, population.death)
    found: ArmHazards | None = None
    for theta in ASSOCIATIONS if association is None else (association,):
        to_progression = baseline_hazard(pfs, population.progression, population.weight, dying, theta)
        progressing = np.outer(to_progression, population.progression)
        reached = np.exp(-((progressing**theta + dying**theta) ** (1 / theta))) @ population.weight
        missed = pfs.survival(pfs.months) - reached
        gap = max(float(np.max(missed[pfs.months <= until_months])), 0.0)
        if found is None or gap < found.largest_gap:
            found = ArmHazards(os.months, to_death, to_progression, theta, gap)
        if gap <= TOLERATED_GAP:
            break
    assert found is not None  # noqa: S101  the loop runs at least once
    return found


def dependent_exponentials(n: int, rng: np.random.Generator) -> Callable[[float], tuple[Floats, Floats]]:
    """Draw what two dependent unit exponentials are made of; the result takes their association.

    The survival copula is Gumbel-Hougaard's, P(X > x, Y > y) = exp(-(x^θ + y^θ)^(1/θ)): exponentials
    sharing a positive stable frailty (Hougaard 1986), which is drawn by Kanter's (1975) formula. The
    draws do not depend on θ, so that arms with different ones still hold the same patients.
    """
    first, second, waiting = rng.exponential(size=(3, n))
    angle = rng.uniform(0.0, np.pi, n)

    def joined(association: float) -> tuple[Floats, Floats]:
        if association == 1.0:
            return first, second
        a = 1.0 / association
        frailty = (
            np.sin(a * angle)
            / np.sin(angle) ** association
            * (np.sin((1 - a) * angle) / waiting) ** (association - 1.0)
        )
        return (first / frailty) ** a, (second / frailty) ** a

    return joined


def event_months(
    hazards: ArmHazards, death: Floats, progression: Floats, draws: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Months to death and to progression or death.

    Parameters
    ----------
    death, progression : array, shape (n,)
        Relative hazards.
    draws : two arrays, shape (n,)
        Unit exponentials: the cumulative hazards at which the patient dies and progresses. The same
        draws under two arms give the same patient's two fates.
    """
    os = inverse(hazards.months, hazards.os, draws[0] / death)
    progressed = inverse(hazards.months, hazards.progression, draws[1] / progression)
    return os, np.minimum(os, progressed)


def response_probability(pfs: Floats, watched: Floats, rate: float, arm: str) -> Floats:
    """Probability of objective response for each patient of an arm, shape (n,), with mean `rate`.

    Response needs a first assessment without progression, and is the likelier the later the patient
    will progress; the intercept is solved so that the mean over all patients, assessed or not, is the
    published rate.
    """
    if rate <= 0:
        return np.zeros(len(pfs))
    eligible = np.minimum(pfs, watched) > FIRST_ASSESSMENT_MONTHS
    if eligible.mean() <= rate:
        raise InputError(
            f"arm {arm!r}: a response rate of {rate:.1%} cannot be drawn, as only {eligible.mean():.1%} of "
            f"patients are free of progression at {FIRST_ASSESSMENT_MONTHS:g} months; check the curves"
        )
    log_pfs = np.log(np.clip(pfs, FIRST_ASSESSMENT_MONTHS, 36.0))
    score = RESPONSE_SLOPE * (log_pfs - log_pfs[eligible].mean()) / max(float(log_pfs[eligible].std()), 1e-9)

    def excess(intercept: float) -> float:
        return float(np.where(eligible, expit(score + intercept), 0.0).mean()) - rate

    return np.where(eligible, expit(score + float(brentq(excess, -40.0, 40.0))), 0.0)


def best_response(
    probability: Floats,
    pfs: Floats,
    os: Floats,
    watched: Floats,
    complete_share: float,
    rng: np.random.Generator,
) -> NDArray[np.str_]:
    """Draw the best overall response by RECIST, shape (n,).

    Who responds is CR or PR. The others are NE when they died or left before the first assessment, PD
    when progression was seen by the assessment after it, else SD. `watched` is the months to drop-out or
    the cut.
    """
    uniform, complete = rng.random((2, len(probability)))
    no_scan = np.minimum(os, watched) <= FIRST_ASSESSMENT_MONTHS
    early = pfs <= np.minimum(1.5 * FIRST_ASSESSMENT_MONTHS, watched)
    others = np.where(no_scan, "NE", np.where(early, "PD", "SD"))
    return np.where(uniform < probability, np.where(complete < complete_share, "CR", "PR"), others)
