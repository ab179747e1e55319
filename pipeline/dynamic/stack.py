"""All landmarks of a cohort in one table: each patient once a landmark at which he or she is at risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.landmark import LandmarkFeatures, at_risk, landmark_cohort
from pipeline.landmark.cohort import PROGRESSED
from pipeline.models.contract import Outcome
from pipeline.schema import Cohort, Column, Floats, InputError, outcome

LANDMARK: Final = Column("landmark_months", "baseline", "number", "Landmark", "months", "clinical", low=0)


@dataclass(frozen=True)
class Stack:
    """Rows of (patient, landmark), with what is known then and what comes within the window.

    Attributes
    ----------
    table : DataFrame, n rows
        Declared columns, `landmark_months` among them; index named "patient", not unique.
    y : structured array, shape (n,)
        Event and months since the landmark, cut at the window.
    columns : tuple of Column
        Declares `table`; columns of the visits are those named in `serial`.
    serial : frozenset of str
        Columns that serial measurements gave, and progression by the landmark.
    patient : array of int, shape (n,)
        Number of the row's patient, 0, 1, ...
    endpoint : str
    window_months : float
    control_arm : str, optional
    """

    table: pd.DataFrame
    y: Outcome
    columns: tuple[Column, ...]
    serial: frozenset[str]
    patient: NDArray[np.intp]
    endpoint: str
    window_months: float
    control_arm: str | None

    def __len__(self) -> int:
        return len(self.table)

    def columns_used(self, serial: bool) -> tuple[Column, ...]:
        """Return the columns that may become features, without those of the visits unless `serial`."""
        return tuple(
            c
            for c in self.columns
            if c.role in ("arm", "baseline") and c != LANDMARK and (serial or c.name not in self.serial)
        )

    @property
    def landmarks(self) -> Floats:
        """Landmark of each row, months, shape (n,)."""
        return self.table[LANDMARK.name].to_numpy(dtype=float)


def stack_landmarks(
    cohort: Cohort,
    endpoint: str,
    landmarks_months: Sequence[float],
    window_months: float,
    features: LandmarkFeatures | None,
) -> Stack:
    """Stack the patients at risk at each landmark (van Houwelingen, Scand J Stat 2007;34:70-85).

    Events count until `window_months` after the landmark and are censored there, so that each row speaks
    of the same question: what comes within the window. Landmarks that nobody reaches are left out.

    Parameters
    ----------
    cohort : Cohort
    endpoint : str
    landmarks_months : sequence of float
        Increasing.
    window_months : float
    features : LandmarkFeatures, optional
        Fitted on training patients; needed where the cohort has visits.

    Raises
    ------
    InputError
        When nobody is at risk at any landmark.
    """
    parts = [
        landmark_cohort(cohort, endpoint, months, features)
        for months in landmarks_months
        if len(at_risk(cohort, endpoint, months))
    ]
    if not parts:
        raise InputError(
            f"cohort {cohort.name!r}: nobody is at risk at any of {list(landmarks_months)} months"
        )
    y = np.concatenate([outcome(part.observed, endpoint) for part in parts])
    y["event"] &= y["time"] <= window_months
    y["time"] = np.minimum(y["time"], window_months)
    columns = tuple(c for c in parts[0].columns if c.role in ("arm", "site", "baseline"))
    table = pd.concat(
        [
            part.observed[[c.name for c in columns]].assign(
                **{LANDMARK.name: part.manifest["landmark_months"]}
            )
            for part in parts
        ]
    ).rename_axis("patient")
    before = {c.name for c in cohort.columns}
    return Stack(
        table=table,
        y=y,
        columns=(*columns, LANDMARK),
        serial=frozenset(c.name for c in columns if c.name not in before) | {PROGRESSED.name},
        patient=pd.factorize(table.index)[0],
        endpoint=endpoint,
        window_months=float(window_months),
        control_arm=cohort.control_arm,
    )
