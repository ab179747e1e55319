"""What an explanation is: contributions that add up to the prediction, and how they are grouped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd

from pipeline.immune_mechanisms import mechanism_of, mechanisms
from pipeline.schema import Column, Floats

Level = Literal["feature", "column", "modality", "mechanism"]
TOLERANCE: Final = 1e-8  # largest gap between a sum of contributions and its prediction


class AdditivityError(RuntimeError):
    """Contributions do not add up to the prediction, so they explain something else."""


@dataclass(frozen=True)
class Scale:
    """What one unit of contribution means."""

    name: str
    label: str
    unit: str
    risk_sign: int  # +1: a positive contribution means a higher risk; -1: a lower one


SURVIVAL: Final = Scale("survival", "Event-free probability", "", -1)
CUMULATIVE_HAZARD: Final = Scale("cumulative_hazard", "Cumulative hazard", "", +1)
RESTRICTED_MEAN: Final = Scale("restricted_mean", "Restricted mean survival", "months", -1)
LOG_HAZARD: Final = Scale("log_hazard", "Log relative hazard", "", +1)


@dataclass(frozen=True)
class Attribution:
    """Contributions of p parts to m predictions of n patients, exact and checked when made.

    ``base[k] + contributions[i, :, k].sum()`` equals ``prediction[i, k]`` within `TOLERANCE`; anything else
    raises AdditivityError.

    Attributes
    ----------
    model : str
        Which model is explained.
    scale : Scale
        What the numbers are measured on.
    months : array, shape (m,)
        Horizons; a single NaN where the scale does not depend on time.
    patients : Index, length n
    sources : DataFrame
        One row a part, in the order of `contributions`: `feature`, `column`, `modality`, `label`.
    contributions : array, shape (n, p, m)
    base : array, shape (m,)
        The prediction where nothing is known about a patient.
    prediction : array, shape (n, m)
        What the model says, computed by the model and not from the contributions.
    observed : DataFrame, n rows
        The patients' values as measured, in the cohort's units, with `columns` declaring them; those
        that the features derive, in standard deviations from the training mean.
    level : {"feature", "column", "modality", "mechanism"}
        What a part is.
    """

    model: str
    scale: Scale
    months: Floats
    patients: pd.Index
    sources: pd.DataFrame
    contributions: Floats
    base: Floats
    prediction: Floats
    observed: pd.DataFrame
    columns: tuple[Column, ...]
    level: Level = "feature"

    def __post_init__(self) -> None:
        shape = (len(self.patients), len(self.sources), len(self.months))
        if self.contributions.shape != shape:
            raise ValueError(
                f"contributions must have shape {shape}. Got {self.contributions.shape} instead."
            )
        if not self.additivity_error <= TOLERANCE:  # also refuses NaN
            raise AdditivityError(
                f"contributions of model {self.model!r} miss its predictions on the scale "
                f"{self.scale.name!r} by up to {self.additivity_error:.3g}; at most {TOLERANCE:g} is "
                "allowed. The model explained is not the model that predicts; no explanation is given."
            )

    def __len__(self) -> int:
        return len(self.patients)

    @property
    def additivity_error(self) -> float:
        """Largest absolute gap between base plus contributions and the prediction."""
        gaps = self.base + self.contributions.sum(axis=1) - self.prediction
        return float(np.abs(gaps).max()) if gaps.size else 0.0

    @property
    def labels(self) -> list[str]:
        """Readable names of the parts, with units where they are columns."""
        titles = {c.name: c.title for c in self.columns} if self.level == "column" else {}
        names, labels = self.sources["feature"].astype(str), self.sources["label"].astype(str)
        return [titles.get(name, label) for name, label in zip(names, labels, strict=True)]

    def position(self, months: float | None) -> int:
        """Where along the last axis horizon `months` stands; None is the only or the first one."""
        if months is None or np.isnan(self.months).all():
            return 0
        match = np.flatnonzero(np.isclose(self.months, months))
        if not len(match):
            raise ValueError(f"not explained at {months:g} months; explained are {self.months.tolist()}")
        return int(match[0])

    def grouped(self, level: Level) -> Attribution:
        """Return the contributions summed over the features of each column, modality or immune mechanism.

        Sums of Shapley values keep additivity; they are not the Shapley values of a game played by
        groups, which would share interactions within a group differently.
        """
        if level == "feature":
            return self
        if level == "mechanism":
            names = np.array([mechanism_of(c) for c in self.sources["column"]], dtype=object)
        else:
            names = self.sources[level].astype(str).to_numpy()
        groups, first, owner = np.unique(names, return_index=True, return_inverse=True)
        order = np.argsort(first)
        member = (owner[:, None] == order[None, :]).astype(float)
        sources = self.sources.iloc[first[order]].assign(feature=groups[order]).reset_index(drop=True)
        if level == "modality":
            sources = sources.assign(column="", label=[_capital(g) for g in groups[order]])
        if level == "mechanism":
            known = mechanisms()
            titles = [known[g].label if g in known else "Other" for g in groups[order]]
            sources = sources.assign(column="", modality="", label=titles)
        values = np.einsum("npm,pg->ngm", self.contributions, member)
        return replace(self, contributions=values, sources=sources, level=level)

    def take(self, rows: Sequence[int]) -> Attribution:
        """Return the explanation of the patients at positions `rows`."""
        picked = list(rows)
        return replace(
            self,
            patients=self.patients[picked],
            contributions=self.contributions[picked],
            prediction=self.prediction[picked],
            observed=self.observed.iloc[picked],
        )

    def tidy(self) -> pd.DataFrame:
        """One row a patient, horizon and part.

        Columns: `model`, `scale`, `patient`, `horizon_months`, `feature`, `column`, `modality`,
        `contribution`, `base`, `prediction`.
        """
        n, p, m = self.contributions.shape
        patient, part, horizon = (axis.ravel() for axis in np.indices((n, p, m)))
        frame = pd.DataFrame({
            "model": self.model,
            "scale": self.scale.name,
            "patient": self.patients.to_numpy()[patient],
            "horizon_months": self.months[horizon],
        })  # fmt: skip
        for name in ("feature", "column", "modality"):
            frame[name] = self.sources[name].to_numpy()[part]
        return frame.assign(
            contribution=self.contributions.ravel(),
            base=self.base[horizon],
            prediction=self.prediction[patient, horizon],
        )


def _capital(name: str) -> str:
    spelt = {"ctdna": "ctDNA", "": "Other"}
    return spelt.get(name, name[:1].upper() + name[1:])
