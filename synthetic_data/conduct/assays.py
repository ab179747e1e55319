"""What a site's laboratory adds to the true value of a marker: a shift and a scale of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.schema import Floats, InputError
from synthetic_data.copula import GRID_MASS, spread
from synthetic_data.evidence.values import Spec
from synthetic_data.margins import Margin

MEASURED: Final = frozenset({"tumour", "blood", "cytokine", "cellular", "ctdna", "imaging"})


class BatchSpec(Spec):
    """Differences between laboratories, in standard deviations of the marker (of its logarithm, if positive).

    `shift_sd` spreads the sites' constant errors, `scale_sd` the logarithm of their factors on the
    distance from the marker's mean. `columns` limits it to some markers; every number that is
    measured (not clinical) when left out.
    """

    shift_sd: Annotated[float, Field(ge=0, le=2)] = Field(0.2, description="assumed")
    scale_sd: Annotated[float, Field(ge=0, le=1)] = Field(0.1, description="assumed")
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Batch:
    """One marker's measurement at every site: centre + factor (value - centre) + shift.

    On the logarithm of the value where `logarithmic`; zeros, which have none, stay zero.

    Attributes
    ----------
    centre : float
        Mean of the marker in the population, on the scale used.
    shift, factor : array, shape (s,)
    low, high : float
        What the marker's column allows.
    decimals : int, optional
        To which results are rounded.
    """

    centre: float
    shift: Floats
    factor: Floats
    logarithmic: bool
    low: float
    high: float
    decimals: int | None

    def measured(self, values: Floats, site: NDArray[np.int64]) -> Floats:
        """Return what the laboratories of the patients' sites report, shape (n,)."""
        if not self.logarithmic:
            moved = self.centre + self.factor[site] * (values - self.centre) + self.shift[site]
        else:
            positive = values > 0
            logs = np.log(np.where(positive, values, 1.0))
            moved = np.exp(self.centre + self.factor[site] * (logs - self.centre) + self.shift[site])
            moved = np.where(positive, moved, values)
        if self.decimals is not None:
            moved = np.round(moved, self.decimals)
        return np.asarray(np.clip(moved, self.low, self.high))


def build_batches(
    spec: BatchSpec, margins: Sequence[Margin], sites: int, rng: np.random.Generator
) -> dict[str, Batch]:
    """Draw the laboratories of a cohort's sites.

    Parameters
    ----------
    spec : BatchSpec
    margins : sequence of Margin
        Of the markers drawn, in the cohort's setting, whose modality is set.
    sites : int
    rng : Generator

    Returns
    -------
    dict of column to Batch
        Each column has a child stream of its own.

    Raises
    ------
    InputError
        Naming the columns of the spec that are not drawn or are no numbers.
    """
    numbers = {m.simulation.column: m for m in margins if m.quantile is not None}
    chosen = spec.columns if spec.columns is not None else tuple(numbers)
    wrong = sorted(set(chosen) - set(numbers))
    if wrong:
        raise InputError(
            f"sites.batch: {', '.join(map(repr, wrong))} cannot be measured differently, being no continuous "
            f"marker of this cohort; those are {', '.join(numbers)}"
        )
    return {
        column: _batch(spec, numbers[column], sites, child)
        for column, child in zip(chosen, rng.spawn(len(chosen)), strict=True)
    }


def _batch(spec: BatchSpec, margin: Margin, sites: int, rng: np.random.Generator) -> Batch:
    simulation = margin.simulation
    table = margin.tabulated()
    logarithmic = simulation.positive
    if logarithmic:
        known = table > 0
        mass = GRID_MASS[known] / GRID_MASS[known].sum()
        logs = np.log(table[known])
        centre = float(mass @ logs)
        sd = float(np.sqrt(mass @ (logs - centre) ** 2))
    else:
        centre, sd = float(GRID_MASS @ table), spread(table)
    return Batch(
        centre,
        spec.shift_sd * sd * rng.standard_normal(sites),
        np.exp(spec.scale_sd * rng.standard_normal(sites)),
        logarithmic,
        simulation.low if simulation.low is not None else 0.0 if logarithmic else -np.inf,
        simulation.high if simulation.high is not None else np.inf,
        simulation.decimals,
    )


def batch_account(batches: Mapping[str, Batch], names: Sequence[str]) -> dict[str, Any]:
    """Return every site's shift and factor by column, ready for JSON."""
    return {
        column: {
            "scale": "log" if batch.logarithmic else "linear",
            "shift": {n: round(float(x), 5) for n, x in zip(names, batch.shift, strict=True)},
            "factor": {n: round(float(x), 5) for n, x in zip(names, batch.factor, strict=True)},
        }
        for column, batch in batches.items()
    }
