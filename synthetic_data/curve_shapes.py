"""The shape expected of an arm's curves: learnt from other trials, and from the arm's own progression.

Three things are learnt and shipped in `configs/evidence/curve_shapes.yaml`, always without the trial in hand:

* how cumulative hazards grow with time (log on log) between the figures of the register's own arms, by
  endpoint, kind of regimen and small-cell disease: the shape of progression-free survival, and of overall
  survival beyond its last figure;
* how patients die before and after progression, and how much the two may be bent for a hazard ratio: from
  14 digitised curves of seven trials (Bomze et al., JAMA Netw Open 2020, 10.1001/jamanetworkopen.2020.17675).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from pydantic import Field, ValidationError
from scipy.interpolate import PchipInterpolator
from scipy.optimize import minimize_scalar

from pipeline.schema import Floats, InputError
from pipeline.yaml_file import read_yaml
from synthetic_data.evidence import Arm, TrialSpec
from synthetic_data.evidence.values import Spec
from synthetic_data.survival_curves import GRID_MONTHS, LAST_MONTH, SurvivalCurve, curve_knots

SHAPES_FILE: Final = Path(__file__).resolve().parents[1] / "configs" / "evidence" / "curve_shapes.yaml"

# Variance of one arm's log slope around its group, over that of groups around what they belong to:
# a group's mean counts its parent as so many arms.
PARENT_ARMS: Final = 0.8
USUAL_HAZARD: Final = 0.04  # deaths a month at which `direct_deaths` is stated
MOST_DIRECT: Final = 0.9  # deaths can be no more than this share of the ends of progression-free survival

Kind = Literal["inhibitor", "combination", "chemotherapy", "other"]


class Slope(Spec):
    """How the figures of one published arm rise: the slope of log cumulative hazard on log time."""

    trial: str
    arm: str
    endpoint: Literal["os", "pfs"]
    kind: Kind
    small_cell: bool
    slope: Annotated[float, Field(gt=0)]


class Dying(Spec):
    """How patients die, in the illness-death model behind the shape of overall survival.

    `direct_deaths` is the monthly hazard of death without progression in an arm whose overall hazard
    is USUAL_HAZARD; it goes with the root of that hazard. `after_progression` is the Weibull shape of
    survival after it. `late_weight` is the weight of the register's slopes beyond the last figure, the
    rest being the model's own. `spread` is the standard deviation of the log power by which hazard
    ratios may bend a curve. `kind_weight` is the power given to how much steeper the curves of such arms
    are in the register than all arms' are. `median_limits` says whether curves also follow the limits of
    published medians' intervals.
    """

    direct_deaths: Annotated[float, Field(gt=0)]
    after_progression: Annotated[float, Field(gt=0)]
    late_weight: Annotated[float, Field(ge=0, le=1)]
    spread: Annotated[float, Field(gt=0)]
    kind_weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    median_limits: bool = False


class CurveShapes(Spec):
    """Everything learnt about shapes: slopes of published arms, and dying with each trial left out."""

    source: str
    dying: Dying
    dying_without: dict[str, Dying]
    slopes: tuple[Slope, ...]

    def dying_for(self, trial: TrialSpec) -> Dying:
        """Return what was learnt without `trial`."""
        return self.dying_without.get(trial.id, self.dying)

    def slope_for(self, trial: TrialSpec, arm: Arm, endpoint: str) -> float:
        """Slope expected of an arm: the mean of log slopes of its kind in other trials, shrunk.

        Arms of the kind are shrunk towards all arms, and those that also agree on small-cell disease
        towards the kind.
        """
        others = self._of_others(trial, endpoint)
        alike = [s for s in others if s.kind == kind_of(arm)]
        closest = [s for s in alike if s.small_cell == (trial.histology == "sclc")]
        mean = float(np.mean([math.log(s.slope) for s in others]))
        for group in (alike, closest):
            logs = [math.log(s.slope) for s in group]
            mean = (PARENT_ARMS * mean + sum(logs)) / (PARENT_ARMS + len(logs))
        return math.exp(mean)

    def usual_power(self, trial: TrialSpec, arm: Arm) -> float:
        """How much steeper than all arms' an arm's overall survival is expected to be, by its kind."""
        logs = [math.log(s.slope) for s in self._of_others(trial, "os")]
        steeper = self.slope_for(trial, arm, "os") / math.exp(float(np.mean(logs)))
        return float(steeper ** self.dying_for(trial).kind_weight)

    def _of_others(self, trial: TrialSpec, endpoint: str) -> list[Slope]:
        return [s for s in self.slopes if s.endpoint == endpoint and s.trial != trial.id]


def kind_of(arm: Arm) -> Kind:
    """Return the kind of regimen whose curves are expected to look alike."""
    if arm.has_checkpoint_inhibitor:
        return "combination" if "chemotherapy" in arm.classes else "inhibitor"
    return "chemotherapy" if "chemotherapy" in arm.classes else "other"


@functools.cache
def load_curve_shapes(file: Path = SHAPES_FILE) -> CurveShapes:
    """Read what is shipped; InputError naming the file and every fault in it."""
    try:
        return CurveShapes.model_validate(read_yaml(file))
    except ValidationError as error:
        raise InputError(f"{file.name}: learnt shapes of curves cannot be read: {error}") from error


def expected_death(pfs: SurvivalCurve, points: Sequence[tuple[float, float]], dying: Dying) -> SurvivalCurve:
    """Cumulative hazard of death that an arm's progression leads one to expect.

    Patients die without progression at a constant hazard, and after it by a Weibull law counted from
    progression, whose scale is the one that brings the curve closest to the published `points`.
    Progression-free survival is `pfs`. So where few progress early, few die early.

    Returns
    -------
    SurvivalCurve
        On a grid of GRID_MONTHS; close to the points, not through them.
    """
    grid = np.arange(0.0, LAST_MONTH + GRID_MONTHS / 2, GRID_MONTHS)
    free = pfs.survival(grid)
    ended = -np.diff(free)
    months, survival = (np.array(column) for column in zip(*points, strict=True))
    wanted = np.log(-np.log(survival))
    overall = -math.log(survival[0]) / months[0]
    direct = dying.direct_deaths * math.sqrt(overall / USUAL_HAZARD)
    died = np.minimum(direct * GRID_MONTHS * (free[1:] + free[:-1]) / 2, MOST_DIRECT * ended)
    progressed = ended - died
    since = (np.arange(len(ended)) + 0.5) * GRID_MONTHS  # months since progression in mid-interval

    def hazard(log_scale: float) -> Floats:
        after = np.exp(-((since / math.exp(log_scale)) ** dying.after_progression))
        alive = free[1:] + np.convolve(progressed, after)[: len(ended)]
        return np.concatenate([[0.0], -np.log(np.clip(alive, 1e-300, 1.0))])

    def miss(log_scale: float) -> float:
        at = np.maximum(np.interp(months, grid, hazard(log_scale)), 1e-12)
        return float(np.mean((np.log(at) - wanted) ** 2))

    scales = np.linspace(0.0, 6.0, 13)
    nearest = int(np.argmin([miss(s) for s in scales]))
    bounds = (scales[max(nearest - 1, 0)], scales[min(nearest + 1, len(scales) - 1)])
    best = float(minimize_scalar(miss, bounds=bounds, method="bounded", options={"xatol": 1e-4}).x)
    return SurvivalCurve(grid, np.maximum.accumulate(hazard(best)))


def curve_like(
    expected: SurvivalCurve,
    points: Sequence[tuple[float, float]],
    power: float,
    late_slope: float,
    late_weight: float,
    months: Sequence[float] = (),
) -> SurvivalCurve:
    """Curve through published points whose cumulative hazard otherwise follows the expected one.

    Before the first point the cumulative hazard is the expected one to the power `power`, scaled.
    Between points its log is a monotone cubic (Fritsch and Carlson 1980) in the log of the expected one.
    Beyond the last, its log grows with a weighted mean of the expected growth and of `late_slope` times
    log time, both times `power`.

    Parameters
    ----------
    expected : SurvivalCurve
        As of `expected_death`.
    points : sequence of (months, survival)
        Increasing in months, falling in survival, all inside (0, 1).
    power : float
        Above 1: fewer early events; below 1: more, and a longer tail.
    late_slope, late_weight : float
        Slope of log cumulative hazard on log months beyond the last point, and its weight (0 to 1).
    months : sequence of float
        Further knots wanted.
    """
    knots, at_months, hazard = curve_knots(points, months)
    log_hazard = np.log(hazard)
    later = knots[1:]

    def growth(at: Floats) -> Floats:
        return power * np.log(np.maximum(expected.hazard_to(at), 1e-12)) + 1e-6 * np.log(at)

    anchors = growth(at_months)
    # One more anchor on either side keeps the slope of 1 into the first and out of the last point.
    x = np.concatenate([[anchors[0] - 1.0], anchors, [anchors[-1] + 1.0]])
    y = np.concatenate([[log_hazard[0] - 1.0], log_hazard, [log_hazard[-1] + 1.0]])
    at = growth(later)
    between = PchipInterpolator(x, y)(np.clip(at, anchors[0], anchors[-1]))
    early = log_hazard[0] + np.minimum(at - anchors[0], 0.0)
    follow = (1 - late_weight) * (at - anchors[-1])
    tail = log_hazard[-1] + follow + late_weight * power * late_slope * np.log(later / at_months[-1])
    log_values = np.where(later < at_months[0], early, np.where(later > at_months[-1], tail, between))
    return SurvivalCurve(knots, np.maximum.accumulate(np.concatenate([[0.0], np.exp(log_values)])))
