"""What blood shows over time: ctDNA, NLR, CRP, interleukins and T cells that follow the tumour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.schema import Floats
from synthetic_data.trajectories.schedule import Assay
from synthetic_data.trajectories.tumour import Fates, Mask, Tumours


@dataclass(frozen=True)
class Kinetics:
    """How one measured thing moves from its baseline, on the log scale.

    Attributes
    ----------
    column : str
        Of the baseline marker, and of the visits table.
    label, unit : str
    coupling : float
        Log change per log change of tumour size.
    ahead_months : float
        How far it is ahead of the tumour's size.
    settled : float
        Lasting log change under any treatment.
    drift_sd : float
        Spread of a patient's own lasting log change.
    control : float
        Lasting log change per unit of `Fates.control`; what has fallen rises again before progression.
    excess : float
        Lasting log change per log of the baseline over CTDNA_LIMIT.
    settling_months : float
        Time constant of all lasting changes.
    flare, flare_months : float
        Log height and month of a passing rise.
    inhibitor_only : bool
        Whether the flare and the lasting change need a checkpoint inhibitor.
    benefit_flare : float
        Added to the flare of responders; patients with stable disease get half.
    error : float
        SD of the log of one measurement.
    reason : str
        Published figures it rests on, and what is assumed.
    """

    column: str
    label: str
    unit: str
    coupling: float
    ahead_months: float
    drift_sd: float
    error: float
    reason: str
    settled: float = 0.0
    control: float = 0.0
    excess: float = 0.0
    settling_months: float = 0.7
    flare: float = 0.0
    flare_months: float = 0.25
    inhibitor_only: bool = False
    benefit_flare: float = 0.0


TUMOUR_SIZE: Final = "target_lesions_mm"
TUMOUR_ERROR: Final = 0.06  # assumed: a reader's error of one lesion is about a tenth; sums hold two to three

KINETICS: Final[Mapping[Assay, Kinetics]] = {
    "ctdna": Kinetics(
        column="ctdna_molecules_per_ml",
        label="Circulating tumour DNA",
        unit="molecules/mL",
        coupling=3.0,
        ahead_months=1.5,
        drift_sd=2.6,
        error=0.25,
        control=-3.0,
        excess=-0.4,
        reason="shed by volume, the cube of diameter (assumed); rises a median 1.5 months before imaging "
        "in 90 % of progressions and falls 48 days before it; control, excess and spread set so that at nine "
        "weeks falls by half and clearance have the hazard ratios of meta-analyses for PFS and OS, and "
        "responders' and others' levels the log means of 1.25 % and 28 % of baseline (register: "
        "ctdna_response); error assumed",
    ),
    "nlr": Kinetics(
        column="nlr",
        label="Neutrophil-to-lymphocyte ratio",
        unit="",
        coupling=0.3,
        ahead_months=0.7,
        drift_sd=0.35,
        error=0.2,
        settled=-0.12,
        reason="mean 5.07 at baseline and 4.48 at six weeks; a rise goes with progression (register: nlr); "
        "strength, spread and error assumed",
    ),
    "crp": Kinetics(
        column="crp_mg_per_l",
        label="C-reactive protein",
        unit="mg/L",
        coupling=0.8,
        ahead_months=0.7,
        drift_sd=0.6,
        error=0.25,
        flare=0.29,
        reason="median 1.8 to 2.4 mg/dL within a week, then a fall in response and a rise in progression "
        "(register: crp); strength, spread and error assumed",
    ),
    "il6": Kinetics(
        column="il6_pg_per_ml",
        label="Interleukin-6",
        unit="pg/mL",
        coupling=0.6,
        ahead_months=0.7,
        drift_sd=0.5,
        error=0.25,
        flare=0.12,
        reason="20.3 to 22.9 pg/mL within a week, a fall goes with response (register: crp, il6); spread of "
        "the log ratio at 6 to 8 weeks 0.66 (1.48 MAD, open table of doi 10.1136/jitc-2025-012414)",
    ),
    "il8": Kinetics(
        column="il8_pg_per_ml",
        label="Interleukin-8",
        unit="pg/mL",
        coupling=0.5,
        ahead_months=0.7,
        drift_sd=0.25,
        error=0.2,
        reason="falls to best response, rises at progression (register: il8); spread of the log ratio at "
        "6 to 8 weeks 0.37 (1.48 MAD, open table of doi 10.1136/jitc-2025-012414)",
    ),
    "activated_cd8_t_cells": Kinetics(
        column="activated_cd8_percent",
        label="Activated CD8 T cells (Ki-67, HLA-DR)",
        unit="% of CD8",
        coupling=0.0,
        ahead_months=0.0,
        drift_sd=0.25,
        error=0.2,
        flare=0.5,
        flare_months=0.8,
        inhibitor_only=True,
        benefit_flare=0.6,
        reason="all assumed: checkpoint blockade wakes T cells within weeks, more so in those who benefit; "
        "median 4 % before treatment",
    ),
    "exhausted_cd8_t_cells": Kinetics(
        column="exhausted_cd8_percent",
        label="Exhausted CD8 T cells (PD-1, TIM-3)",
        unit="% of CD8",
        coupling=0.25,
        ahead_months=0.0,
        drift_sd=0.2,
        error=0.2,
        settled=-0.15,
        inhibitor_only=True,
        reason="all assumed: antigen keeps T cells exhausted, blockade revives some; median 8 % before "
        "treatment, higher with the latent state of exhaustion",
    ),
}

# Assumed medians, log SDs, and log change per standard deviation of the latent T-cell exhaustion.
T_CELL_BASELINES: Final[Mapping[Assay, tuple[float, float, float]]] = {
    "activated_cd8_t_cells": (4.0, 0.45, 0.1),
    "exhausted_cd8_t_cells": (8.0, 0.4, 0.3),
}
CTDNA_LIMIT: Final = 0.5  # molecules/mL, two in the tube of PLASMA_ML; reported as 0, not detected
# Assumed: of a lasting fall of ctDNA this share is undone by progression, over these months before it.
UNDONE: Final = 0.75
UNDONE_OVER_MONTHS: Final = 1.5
BENEFIT: Final = {"CR": 1.0, "PR": 1.0, "SD": 0.5}
NEW_LESION_SHEDDING: Final = 0.35  # assumed: log rise of ctDNA a month that new lesions add, for half a year
# Assumed, log size over baseline: what is smaller or larger moves blood no further; ctDNA has no lower end.
LEAST_FELT: Final = -1.5
MOST_FELT: Final = 1.5
HIGHEST_PERCENT: Final = 95.0


def t_cell_baseline(assay: Assay, exhaustion: Floats, rng: np.random.Generator) -> Floats:
    """Draw a T-cell share in percent before treatment, shape (n,), given the latent exhaustion."""
    median, log_sd, loading = T_CELL_BASELINES[assay]
    own = np.sqrt(log_sd**2 - loading**2) * rng.standard_normal(len(exhaustion))
    return np.asarray(np.minimum(median * np.exp(loading * exhaustion + own), HIGHEST_PERCENT))


def true_course(
    kinetics: Kinetics,
    baseline: Floats,
    months: Floats,
    tumours: Tumours,
    fates: Fates,
    inhibitor: Mask,
    rng: np.random.Generator,
) -> Floats:
    """Return the noise-free values, shape (n, m); at month 0 they are `baseline`, and 0 stays 0.

    Parameters
    ----------
    kinetics : Kinetics
    baseline : array, shape (n,)
    months : array, shape (n, m)
    tumours : Tumours
    fates : Fates
    inhibitor : bool array, shape (n,)
        Whether the patient gets a checkpoint inhibitor.
    rng : Generator
    """
    settling = -np.expm1(-months / kinetics.settling_months)
    drift = kinetics.drift_sd * rng.standard_normal(len(baseline))
    acts = np.where(inhibitor, 1.0, 0.0) if kinetics.inhibitor_only else np.ones(len(baseline))
    lasting = drift + acts * kinetics.settled
    if kinetics.excess:
        lasting += kinetics.excess * np.log(np.maximum(baseline, CTDNA_LIMIT) / CTDNA_LIMIT)
    if kinetics.control:
        lasting += kinetics.control * fates.control
    log = lasting[:, None] * settling
    if kinetics.control:
        before = np.where(fates.progressed, fates.pfs_months, np.inf)[:, None] - months
        undone = UNDONE * np.clip(1.0 - before / UNDONE_OVER_MONTHS, 0.0, 1.0)
        log *= np.where(lasting < 0, 1.0, 0.0)[:, None] * -undone + 1.0
    if kinetics.flare:
        phase = months / kinetics.flare_months
        benefit = np.select([fates.response == r for r in BENEFIT], list(BENEFIT.values()), 0.0)
        height = acts * (kinetics.flare + kinetics.benefit_flare * benefit)
        log += height[:, None] * phase * np.exp(1.0 - phase)
    if kinetics.coupling:
        # the lead grows from nothing, so that the course starts at the baseline
        ahead = months + kinetics.ahead_months * -np.expm1(-months / 0.5)
        shed = kinetics.column == KINETICS["ctdna"].column
        least = -np.inf if shed else LEAST_FELT
        log += kinetics.coupling * np.clip(tumours.log_ratio(ahead), least, MOST_FELT)
        if shed:
            seeded = np.where(np.isfinite(tumours.new_lesion_months), tumours.new_lesion_months, 1e9)
            log += NEW_LESION_SHEDDING * np.clip(ahead - seeded[:, None], 0.0, 6.0)
    return np.asarray(baseline[:, None] * np.exp(log))
