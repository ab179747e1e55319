"""The target of a DLL3 engager over time: kept, lost by the tumour, or gone with a shift of lineage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from pipeline.schema import Floats

# How a tumour escapes an engager. The register has no figures of how often: all assumed.
LOST, SHIFTED, RETAINED, NO_ESCAPE = "antigen_loss", "lineage_shift", "antigen_retained", "none"
NO_ENGAGER: Final = "no_dll3_engager"
ESCAPES: Final[Mapping[str, float]] = {LOST: 0.3, SHIFTED: 0.15, RETAINED: 0.55}
LEAD_MONTHS, LEAD_LOG_SD = 2.5, 0.5  # from the first fall of the target to progression (assumed)
LONGEST_LEAD: Final = 0.8  # of the months to progression
FALL_PER_MONTH, FALL_LOG_SD = 1.6, 0.4  # of the logit of the share of cells (assumed)


@dataclass(frozen=True)
class Target:
    """One thing that is measured of the target.

    Attributes
    ----------
    column, label, unit : str
    logit_mean, logit_sd : float
        Of the share of cells before treatment.
    falls_in : tuple of str
        Escapes in which it falls.
    error : float
        SD of the log of one measurement.
    """

    column: str
    label: str
    unit: str
    logit_mean: float
    logit_sd: float
    falls_in: tuple[str, ...]
    error: float
    reason: str


TARGETS: Final[Mapping[str, Target]] = {
    "dll3": Target(
        "dll3_percent", "DLL3-positive circulating tumour cells", "%", 1.7, 0.9, (LOST, SHIFTED), 0.12,
        "all assumed: median 85 % of cells before treatment, falling from about 2.5 months before "
        "progression where the tumour loses the antigen or its lineage",
    ),
    "neuroendocrine": Target(
        "neuroendocrine_percent", "Neuroendocrine circulating tumour cells", "%", 2.0, 0.7, (SHIFTED,), 0.12,
        "all assumed: median 88 % of cells before treatment, falling with a shift of lineage",
    ),
}  # fmt: skip


def draw_escape(
    pfs: Floats, os: Floats, engager: NDArray[np.bool_], uniforms: Floats, normals: Floats
) -> tuple[NDArray[np.object_], Floats]:
    """Return how each tumour escapes, and the month in which its target begins to fall; both shape (n,).

    Parameters
    ----------
    pfs, os : array, shape (n,)
        True event months.
    engager : bool array, shape (n,)
        Whether the patient's arm has a DLL3 engager.
    uniforms, normals : array, shape (n,)

    Returns
    -------
    escape : array of str
        LOST, SHIFTED or RETAINED of those who progress on an engager, NO_ESCAPE of those who do not, and
        NO_ENGAGER in other arms.
    months : array
        NaN where the target does not fall.
    """
    names = np.array(list(ESCAPES), dtype=object)
    drawn = names[np.minimum(np.searchsorted(np.cumsum(list(ESCAPES.values())), uniforms), len(names) - 1)]
    escape = np.where(engager, np.where(pfs < os, drawn, NO_ESCAPE), NO_ENGAGER).astype(object)
    lead = np.minimum(LEAD_MONTHS * np.exp(LEAD_LOG_SD * normals), LONGEST_LEAD * pfs)
    falls = np.isin(escape, [LOST, SHIFTED])
    return escape, np.where(falls, pfs - lead, np.nan)


def target_course(
    target: Target,
    months: Floats,
    escape: NDArray[np.object_],
    escape_months: Floats,
    rng: np.random.Generator,
) -> Floats:
    """Return the noise-free share in percent, shape (n, m): level until the escape begins, then falling.

    Parameters
    ----------
    target : Target
    months : array, shape (n, m)
    escape, escape_months : array, shape (n,)
        As `draw_escape` gives them.
    rng : Generator
    """
    n = len(escape)
    start = target.logit_mean + target.logit_sd * rng.standard_normal(n)
    fall = FALL_PER_MONTH * np.exp(FALL_LOG_SD * rng.standard_normal(n))
    begins = np.where(np.isin(escape, target.falls_in), escape_months, np.inf)
    since = np.maximum(months - begins[:, None], 0.0)
    return np.asarray(100.0 * expit(start[:, None] - fall[:, None] * since))
