"""A cohort as it stands at a landmark: who is at risk, what is known of them, and the clock set anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.landmark.kinetics import LandmarkFeatures
from pipeline.schema import ENDPOINTS, Cohort, Column, InputError, lookup

PROGRESSED = Column(
    "progressed_by_landmark", "baseline", "boolean", "Progressed by the landmark", modality="imaging"
)


def at_risk(cohort: Cohort, endpoint: str, landmark_months: float) -> pd.Index:
    """Return the patients who are followed past the landmark without the event.

    Who had the event or left by the landmark is not among them: nothing can be predicted for them any
    more, and to keep them would let the future choose who is judged.
    """
    e = lookup(ENDPOINTS, endpoint, "endpoint")
    months = cohort.observed[e.months].to_numpy(dtype=float)
    return cohort.observed.index[months > landmark_months]


def landmark_cohort(
    cohort: Cohort,
    endpoint: str,
    landmark_months: float,
    features: LandmarkFeatures | None = None,
) -> Cohort:
    """Return the patients at risk at the landmark, with what their visits have shown until then.

    Months of the endpoint count from the landmark. Features of the visits are declared as baseline
    columns, so that every model and explanation takes them as any other; the value of a series before
    treatment stays beside them. For overall survival, whether the patient had progressed by the landmark
    is a column too. The other endpoint, the response, the visits and the truth do not come along: they
    are told from the start of treatment, or lie in the future.

    Parameters
    ----------
    cohort : Cohort
    endpoint : str
    landmark_months : float
        From the start of treatment; 0 is a prediction before treatment, with no visit but the first.
    features : LandmarkFeatures, optional
        Fitted on training patients; on the patients at risk when left out. A cohort without visits gets none.

    Raises
    ------
    InputError
        When the landmark is negative or nobody is at risk at it.
    """
    if not np.isfinite(landmark_months) or landmark_months < 0:
        raise InputError(f"landmark_months must be 0 or more. Got {landmark_months:g} instead")
    e = lookup(ENDPOINTS, endpoint, "endpoint")
    patients = at_risk(cohort, endpoint, landmark_months)
    if not len(patients):
        longest = float(cohort.observed[e.months].max())
        raise InputError(
            f"cohort {cohort.name!r}: nobody is at risk of {e.label.lower()} at {landmark_months:g} months; "
            f"the longest follow-up is {longest:.1f} months"
        )
    columns = [c for c in cohort.columns if c.role in ("arm", "site", "baseline")]
    table = cohort.observed.loc[patients, [c.name for c in columns]].copy()
    if endpoint == "os" and "pfs" in cohort.endpoints():
        table[PROGRESSED.name] = _progressed(cohort.observed.loc[patients], landmark_months)
        columns.append(PROGRESSED)
    if cohort.visits is not None:
        features = features or LandmarkFeatures().fit(cohort.visits, patients)
        table = pd.concat([table, features.transform(cohort.visits, patients, landmark_months)], axis=1)
        columns += features.columns
    table[e.months] = cohort.observed.loc[patients, e.months].to_numpy(dtype=float) - landmark_months
    table[e.event] = cohort.observed.loc[patients, e.event]
    columns += [c for c in cohort.columns if c.name in (e.months, e.event)]
    return replace(
        cohort,
        name=f"{cohort.name}_at_{landmark_months:g}_months",
        observed=table.rename_axis("patient"),
        columns=tuple(columns),
        manifest={**cohort.manifest, "landmark_months": landmark_months},
        truth=None,
        visits=None,
        events=None,
    )


def _progressed(observed: pd.DataFrame, landmark_months: float) -> np.ndarray:
    """Whether progression was seen by the landmark; who left PFS follow-up before it without one: unknown."""
    pfs = ENDPOINTS["pfs"]
    months = observed[pfs.months].to_numpy(dtype=float)
    event = observed[pfs.event].to_numpy(dtype=bool)
    before = months <= landmark_months
    return np.where(before & ~event, np.nan, before & event).astype(float)
