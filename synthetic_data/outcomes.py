"""Death and progression of drawn patients, with population averages equal to the published."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.schema import Floats
from synthetic_data.survival_curves import Atoms, SurvivalCurve, baseline_hazard, inverse

# Tried in turn until a trial's two curves can both be met; 1 leaves progression and death of a patient
# independent given the relative hazards, 1.5 is a Kendall's tau of 1/3, 5 one of 4/5, 20 one of 19/20.
ASSOCIATIONS = (1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0)
TOLERATED_GAP = 0.003  # of survival: less than a published figure is to be met by


@dataclass(frozen=True)
class ArmHazards:
    """Cumulative baseline hazards of an arm, linear between knots.

    `association` joins a patient's two times (`dependent_exponentials`). `largest_gap` is by how much
    the population's progression-free survival falls below the published curve, where patients who
    have not progressed die faster than that curve falls. `population_os` and `population_pfs` are the
    population's survival at the knots.
    """

    months: Floats
    os: Floats
    progression: Floats
    association: float
    largest_gap: float
    population_os: Floats
    population_pfs: Floats


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
    population = Atoms.of(death, progression)
    to_death = baseline_hazard(os, population.death, population.weight)
    dying = np.outer(to_death, population.death)
    population_os = np.exp(-dying) @ population.weight
    found: ArmHazards | None = None
    for theta in ASSOCIATIONS if association is None else (association,):
        to_progression = baseline_hazard(pfs, population.progression, population.weight, dying, theta)
        progressing = np.outer(to_progression, population.progression)
        reached = np.exp(-((progressing**theta + dying**theta) ** (1 / theta))) @ population.weight
        missed = pfs.survival(pfs.months) - reached
        gap = max(float(np.max(missed[pfs.months <= until_months])), 0.0)
        if found is None or gap < found.largest_gap:
            found = ArmHazards(os.months, to_death, to_progression, theta, gap, population_os, reached)
        if gap <= TOLERATED_GAP:
            break
    assert found is not None  # noqa: S101  the loop runs at least once
    return found


def dependent_exponentials(uniforms: Floats, association: float) -> tuple[Floats, Floats]:
    """Return two dependent unit exponentials, both shape (n,), from uniforms of shape (n, 4).

    The survival copula is Gumbel-Hougaard's, P(X > x, Y > y) = exp(-(x^θ + y^θ)^(1/θ)): exponentials
    sharing a positive stable frailty (Hougaard 1986), which is made by Kanter's (1975) formula. The
    uniforms do not depend on θ, so that arms with different ones still hold the same patients.
    """
    first, second = -np.log1p(-uniforms[:, 0]), -np.log1p(-uniforms[:, 1])
    if association == 1.0:
        return first, second
    waiting, angle = -np.log1p(-uniforms[:, 2]), np.pi * uniforms[:, 3]
    a = 1.0 / association
    frailty = (
        np.sin(a * angle)
        / np.sin(angle) ** association
        * (np.sin((1 - a) * angle) / waiting) ** (association - 1.0)
    )
    return (first / frailty) ** a, (second / frailty) ** a


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
