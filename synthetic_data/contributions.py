"""What each marker adds to a patient's log hazard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.schema import Floats
from synthetic_data.copula import GRID_MASS
from synthetic_data.dependence import Dependence
from synthetic_data.effects import ConditionalEffect, conditional_effects, exposure
from synthetic_data.evidence.marker_figures import MarkerEffect
from synthetic_data.evidence.markers import MarkerSpec
from synthetic_data.margins import Margin
from synthetic_data.markers import MarkerDraw, as_numbers


class Part(NamedTuple):
    """One effect's contribution, shape (n,), and where it is felt."""

    column: str
    effect: MarkerEffect
    values: Floats


@dataclass(frozen=True)
class Contributions:
    """Contributions to the log relative hazard (log odds, for response) of n patients."""

    parts: tuple[Part, ...]
    patients: int

    def total(self, inhibitor: bool) -> Floats:
        """Return their sum in an arm with, or without, a checkpoint inhibitor, shape (n,)."""
        total = np.zeros(self.patients)
        for part in self.parts:
            if acts(part.effect, inhibitor):
                total += part.values
        return total

    def __len__(self) -> int:
        return self.patients

    def by_column(self, inhibitor: bool) -> dict[str, Floats]:
        """Return them by marker column in an arm with, or without, a checkpoint inhibitor."""
        return _added((p.column, p.values) for p in self.parts if acts(p.effect, inhibitor))

    def received(self, inhibitor: NDArray[np.bool_]) -> dict[str, Floats]:
        """Return them by marker column under the arm each patient received."""

        def felt(part: Part) -> Floats:
            with_one, without = acts(part.effect, True), acts(part.effect, False)
            return part.values if with_one and without else np.where(inhibitor == with_one, part.values, 0.0)

        return _added((part.column, felt(part)) for part in self.parts)


def _added(parts: Any) -> dict[str, Floats]:
    out: dict[str, Floats] = {}
    for column, values in parts:
        out[column] = out[column] + values if column in out else values
    return out


@dataclass(frozen=True)
class EffectModel:
    """The conditional effects of one endpoint on the patients of one setting.

    Attributes
    ----------
    effects : tuple of (ConditionalEffect, float)
        Each with the mean of what it multiplies over the setting's population.
    margins : mapping
        Marker -> its margin in the setting.
    account : mapping
        Ready for JSON.
    """

    effects: tuple[tuple[ConditionalEffect, float], ...]
    margins: Mapping[str, Margin]
    account: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        markers: Mapping[str, MarkerSpec],
        dependence: Dependence,
        margins: Mapping[str, Margin],
        endpoint: str,
    ) -> EffectModel:
        """Solve the effects of `endpoint` ("os", "pfs" or "response"); markers that vary count."""
        effects, account = conditional_effects(markers, dependence, endpoint)
        kept = []
        for item in effects:
            margin = margins[item.marker]
            if margin.constant is None:
                expected = float(GRID_MASS @ exposure(item.effect, margin, margin.tabulated()))
                kept.append((item, expected))
        return cls(tuple(kept), margins, account)

    def contributions(self, values: pd.DataFrame) -> Contributions:
        """Return the contributions of markers as in `MarkerDraw.values`, of mean zero in the setting."""
        parts = []
        for item, expected in self.effects:
            margin = self.margins[item.marker]
            column = margin.simulation.column
            seen = exposure(item.effect, margin, as_numbers(values[column]))
            parts.append(Part(column, item.effect, item.log_ratio * (seen - expected)))
        return Contributions(tuple(parts), len(values))


def conditional_log_hazards(
    markers: Mapping[str, MarkerSpec],
    draw: MarkerDraw,
    endpoint: str,
    arm_is_checkpoint_inhibitor: bool,
) -> pd.DataFrame:
    """Return each marker's contribution to the log relative hazard (log odds, for response).

    Parameters
    ----------
    markers : mapping of id to MarkerSpec
        The ones drawn.
    draw : MarkerDraw
    endpoint : {"os", "pfs", "response"}
    arm_is_checkpoint_inhibitor : bool
        Chooses between effects seen under checkpoint inhibition and those seen without.

    Returns
    -------
    DataFrame, shape (n, markers with an effect)
        Columns as in `draw.values`, of mean zero over the setting's population. ``attrs`` holds the
        account of the effects, ready for JSON.
    """
    model = EffectModel.of(markers, draw.dependence, draw.margins, endpoint)
    parts = model.contributions(draw.values).by_column(arm_is_checkpoint_inhibitor)
    table = pd.DataFrame(parts, index=draw.values.index)
    table.attrs.update(model.account)
    return table


def acts(effect: MarkerEffect, arm_is_checkpoint_inhibitor: bool) -> bool:
    """Whether an effect is felt in an arm with, or without, a checkpoint inhibitor."""
    return effect.acts_in == "every_arm" or (
        (effect.acts_in == "checkpoint_inhibitor") == arm_is_checkpoint_inhibitor
    )
