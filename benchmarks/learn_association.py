"""How far progression and death go together in real patients: `python -m benchmarks.learn_association FILE`.

FILE is the table that configs/cohorts/chowell_msk.yaml maps. Its Kaplan-Meier curves of both times are drawn
again under each association of the generator, with relative hazards as spread as POPLAR's drawn patients have
them and its own censoring, and two figures are set beside the real ones: how many of those with an event died
unprogressed, and the rank correlation of the two observed times. What the cohort files of POPLAR state comes
from here; no real patient of POPLAR is looked at.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sksurv.nonparametric import kaplan_meier_estimator

from pipeline.real_cohort import read_cohort, read_map
from pipeline.schema import Floats
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import read_cohort_spec
from synthetic_data.outcomes import dependent_exponentials, event_months, solve_hazards
from synthetic_data.survival_curves import SurvivalCurve

COHORTS = Path(__file__).resolve().parents[1] / "configs" / "cohorts"
ASSOCIATIONS = (1.0, 1.2, 1.4, 1.5, 1.6, 1.7, 1.8, 2.0, 2.5)
DRAWN = 60_000
UNTIL_MONTHS = 60.0
SAME_MONTHS = 0.12  # between progression-free and overall survival of who died unprogressed: days of coding
LEAST_SURVIVAL = 1e-3


def curve(months: Floats, event: Floats) -> SurvivalCurve:
    """Return the Kaplan-Meier curve at quarters of months."""
    at, survival = kaplan_meier_estimator(event.astype(bool), months)
    grid = np.arange(0.0, UNTIL_MONTHS + 0.1, 0.25)
    hazard = -np.log(np.maximum(survival, LEAST_SURVIVAL))
    return SurvivalCurve(grid, np.interp(grid, np.r_[0.0, at], np.r_[0.0, hazard]))


def figures(os: Floats, pfs: Floats, died: Floats, failed: Floats) -> tuple[float, float]:
    """Return the share of those with an event who died unprogressed, and the rank correlation."""
    unprogressed = failed & died & (os - pfs < SAME_MONTHS)
    return unprogressed.sum() / failed.sum(), float(pd.Series(os).corr(pd.Series(pfs), method="spearman"))


def main(file: Path) -> None:
    """Print both figures by association, the real ones first."""
    real = read_cohort(read_map(COHORTS / "chowell_msk.yaml"), file).observed.query("os_months > 0")
    os, pfs = (real[f"{e}_months"].to_numpy() for e in ("os", "pfs"))
    died, failed = (real[c].to_numpy().astype(bool) for c in ("died", "progressed_or_died"))
    drawn = simulate_cohort(
        read_cohort_spec(COHORTS / "poplar_simulated.yaml"), 20_000, np.random.default_rng(0)
    )
    assert drawn.truth is not None  # noqa: S101  simulated cohorts have one
    columns = [f"{e}_log_hazard[atezolizumab]" for e in ("os", "progression")]
    spread = np.cov(drawn.truth.patients[columns].to_numpy().T)
    rng = np.random.default_rng(1)
    death, progression = np.exp(rng.multivariate_normal(np.zeros(2), spread, DRAWN).T)
    uniforms = rng.random((DRAWN, 4))
    months, leaving = kaplan_meier_estimator(~died, os)
    censored = np.interp(rng.random(DRAWN), 1 - leaving, months)
    table = Table("association", "died unprogressed", "rank correlation")
    table.add_row("real", *(f"{x:.3f}" for x in figures(os, pfs, died, failed)))
    for association in ASSOCIATIONS:
        hazards = solve_hazards(curve(os, died), curve(pfs, failed), death, progression, association)
        draws = dependent_exponentials(uniforms, association)
        dies, fails = event_months(hazards, death, progression, draws)
        seen = figures(
            np.minimum(dies, censored), np.minimum(fails, censored), dies <= censored, fails <= censored
        )
        table.add_row(f"{association:g}", *(f"{x:.3f}" for x in seen))
    Console().print(table)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
