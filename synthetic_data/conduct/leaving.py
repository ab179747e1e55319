"""Who is lost to follow-up: with a hazard that may depend on markers and on what nobody measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
from pydantic import Field

from pipeline.schema import Floats, InputError
from synthetic_data.copula import GRID, GRID_MASS
from synthetic_data.dependence import Dependence
from synthetic_data.evidence.values import Spec
from synthetic_data.survival_curves import LAST_MONTH, SurvivalCurve, baseline_hazard, inverse

STEP_MONTHS: Final = 0.5
LogRatio = Annotated[float, Field(ge=-3, le=3)]


class LeavingSpec(Spec):
    """The `informative_dropout` block of a cohort file: on what the hazard of loss depends.

    `markers` are log hazard ratios per standard deviation of a marker's normal score; `unmeasured` is
    the log hazard ratio of loss per unit of the unmeasured log hazard of death (with its site's part,
    where there are sites). How many are lost is `dropout_per_month`, whatever stands here.
    """

    markers: dict[str, LogRatio] = {}
    unmeasured: LogRatio = 1.0


@dataclass(frozen=True)
class Leaving:
    """The hazard of loss, solved: exp(strengths @ scores + unmeasured * hidden) times a baseline.

    `months` and `baseline` are the knots and the cumulative baseline hazard, linear between them, the
    last slope carried on. The population's time to loss is exponential with the cohort's rate.
    """

    spec: LeavingSpec
    spread: float
    months: Floats
    baseline: Floats

    def draw(
        self, scores: Mapping[str, Floats], hidden: Floats, uniforms: Floats
    ) -> tuple[Floats, Floats]:
        """Return months to loss, shape (n,), and the log relative hazards of loss beside them.

        Parameters
        ----------
        scores : mapping of column to array, shape (n,)
            Normal scores of the markers.
        hidden : array, shape (n,)
            The unmeasured log hazard.
        uniforms : array, shape (n,)
            In [0, 1).
        """
        log_hazard = self.spec.unmeasured * hidden
        for column, strength in self.spec.markers.items():
            log_hazard = log_hazard + strength * scores[column]
        waiting = -np.log1p(-uniforms)
        if not self.baseline.any():
            return np.full(len(hidden), np.inf), log_hazard
        return inverse(self.months, self.baseline, waiting / np.exp(log_hazard)), log_hazard

    def account(self) -> dict[str, Any]:
        """Return what loss depends on, ready for JSON."""
        return self.spec.model_dump(mode="json") | {
            "log_hazard_sd": round(self.spread, 4),
            "solved": "time to loss is exponential with dropout_per_month in the population as a whole",
        }


def build_leaving(
    spec: LeavingSpec, dropout_per_month: float, hidden_sd: float, dependence: Dependence
) -> Leaving:
    """Solve the baseline hazard of loss that gives the population the cohort's rate at all times.

    Without the dependence time to loss would be exponential; with it, those at high risk of loss leave
    first, so the baseline must rise for the marginal distribution to stay that exponential. Normal
    scores and the unmeasured log hazard being normal, the log relative hazard is normal too.

    Raises
    ------
    InputError
        Naming every marker column that is not drawn.
    """
    columns = {dependence.margins[name].simulation.column: i for i, name in enumerate(dependence.ids)}
    unknown = sorted(set(spec.markers) - set(columns))
    if unknown:
        raise InputError(
            f"informative_dropout.markers: {', '.join(map(repr, unknown))} is not drawn; columns drawn are "
            f"{', '.join(columns)}"
        )
    rows = [columns[c] for c in spec.markers]
    strengths = np.array(list(spec.markers.values()))
    variance = float(strengths @ dependence.correlation[np.ix_(rows, rows)] @ strengths) if rows else 0.0
    spread = math.sqrt(variance + (spec.unmeasured * hidden_sd) ** 2)
    months = np.arange(0.0, LAST_MONTH + STEP_MONTHS / 2, STEP_MONTHS)
    if dropout_per_month == 0:
        return Leaving(spec, spread, months, np.zeros_like(months))
    target = SurvivalCurve(months, dropout_per_month * months)
    every = slice(None, None, 40)
    mass = GRID_MASS[every] / GRID_MASS[every].sum()
    return Leaving(spec, spread, months, baseline_hazard(target, np.exp(spread * GRID[every]), mass))
