"""How often adverse events come, with progression and death as what may come before them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.schema import Cohort, Floats
from pipeline.toxicity.immortal_time import onsets_of

EVENT, COMPETING = 1, 2  # causes; 0 is censored


def competing_outcome(cohort: Cohort, kinds: Sequence[str] | None = None) -> tuple[Floats, NDArray[np.intp]]:
    """Return months to the first of adverse event, progression or death, and which it was (0 is censored).

    Progression ends treatment and so competes with events that treatment causes; where the cohort has no
    progression-free survival, death alone competes.

    Returns
    -------
    months : array, shape (n,)
    cause : array of int, shape (n,)
    """
    endpoint = "pfs" if "pfs" in cohort.endpoints() else "os"
    onsets = onsets_of(cohort, endpoint, kinds)
    first = onsets.onset_months <= onsets.months
    months = np.where(first, onsets.onset_months, onsets.months)
    return months, np.where(first, EVENT, np.where(onsets.event, COMPETING, 0))


def cumulative_incidence(cohort: Cohort, kinds: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the share of patients with the adverse event by each month, by arm (Aalen and Johansen).

    Counting who drops out by progression or death as merely censored would answer how often events would
    come if nobody progressed or died, and overstate how often they do.

    Returns
    -------
    DataFrame
        `arm`, `months`, `incidence`, `low`, `high` (95 %, log-log), `competing`.
    """
    from sksurv.nonparametric import cumulative_incidence_competing_risks

    months, cause = competing_outcome(cohort, kinds)
    arm = (
        cohort.observed["arm"].astype(str)
        if "arm" in cohort.observed
        else pd.Series("all", cohort.observed.index)
    )
    parts = []
    for name in dict.fromkeys(arm):
        rows = (arm == name).to_numpy()
        if not (cause[rows] == EVENT).any():
            continue
        at, share, interval = cumulative_incidence_competing_risks(
            cause[rows], months[rows], conf_type="log-log"
        )
        has_rival = len(share) > COMPETING
        parts.append(
            pd.DataFrame(
                {
                    "arm": name,
                    "months": at,
                    "incidence": share[EVENT],
                    "low": interval[EVENT][0],
                    "high": interval[EVENT][1],
                    "competing": share[COMPETING] if has_rival else 0.0,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
