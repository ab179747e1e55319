"""ctDNA after an operation: shed by what was left behind, growing towards recurrence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from pipeline.schema import Floats

# Month of the operation, by setting: three or four cycles of three weeks, then four to six weeks (assumed).
SURGERY_MONTHS: Final[Mapping[str, float]] = {
    "resectable_perioperative": 3.5,
    "resectable_neoadjuvant": 3.5,
    "resectable_adjuvant": 0.0,
}
# The four figures below are assumed, and chosen together so that a test of one sample a month after the
# operation finds 42 % of patients who recur within three years, and quarterly tests 76 % of them by then
# (register: ctdna_mrd, 30 studies, tumour-informed tests; specificity 0.97 of one sample).
SHEDDERS: Final = 0.78
GROWTH_PER_MONTH, GROWTH_LOG_SD = 0.47, 0.6
AT_RECURRENCE, AT_RECURRENCE_LOG_SD = 30.0, 1.0  # molecules/mL
GROWS_ON_MONTHS: Final = 3.0  # after recurrence; then treatment or scarcity holds it
FALSE_POSITIVE: Final = 0.03
REASON: Final = (
    "residual disease grows towards recurrence (assumed: doubling in a median 1.5 months, 30 molecules/mL at "
    "recurrence, 22 % shed none); set so that one sample after surgery finds 42 % of recurrences, quarterly "
    "ones 76 %, and 3 % of the others test positive (register: ctdna_mrd)"
)


def residual_ctdna(
    months: Floats, pfs: Floats, os: Floats, surgery_months: float, rng: np.random.Generator
) -> Floats:
    """Return noise-free molecules per mL, shape (n, m): NaN before the operation, 0 where nothing is left.

    Parameters
    ----------
    months : array, shape (n, m)
    pfs, os : array, shape (n,)
        True event months; the disease recurs where the first is less.
    surgery_months : float
    rng : Generator
    """
    n, recurs = len(pfs), pfs < os
    shed = rng.random(n) < SHEDDERS
    growth = GROWTH_PER_MONTH * np.exp(GROWTH_LOG_SD * rng.standard_normal(n))
    level = AT_RECURRENCE * np.exp(AT_RECURRENCE_LOG_SD * rng.standard_normal(n))
    ahead = np.minimum(months - pfs[:, None], GROWS_ON_MONTHS)
    molecules = level[:, None] * np.exp(growth[:, None] * ahead)
    molecules = np.where((recurs & shed)[:, None], molecules, 0.0)
    return np.where(months < surgery_months, np.nan, molecules)


def false_signals(molecules: Floats, rng: np.random.Generator) -> Floats:
    """Return what is measured where nothing was found: seldom, some molecules of other origin."""
    false = (molecules == 0) & (rng.random(molecules.shape) < FALSE_POSITIVE)
    return np.where(false, rng.uniform(0.5, 1.5, molecules.shape), molecules)
