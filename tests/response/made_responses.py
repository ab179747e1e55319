"""Patients whose chance of response follows from when they will progress, as the generator has it."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
from made_cohort import CONTROL, TREATED, made_cohort

from pipeline.config import Analysis
from pipeline.schema import OUTCOMES, Cohort, ResponseChance

CHANCE = ResponseChance(-2.0, 1.3, 1.4, 36.0, seen=1.0)
ANALYSIS = Analysis.model_validate({
    "horizons_months": [6, 12],
    "models": {"cox": {"penalties": [0.1]}},
    "cross_validation": {"folds": 2, "repeats": 2},
    "bootstrap": {"replicates": 20},
    "subgroups": ["arm"],
    "published": "none",
    "response": {"models": {"logistic": {}, "boosted": {"trials": 1, "max_trees": 60, "inner_folds": 2}}},
})  # fmt: skip


def made_responses(patients: int, seed: int, name: str = "made", chance: ResponseChance = CHANCE) -> Cohort:
    """`made_cohort` with a best response; one in ten never evaluated, and the published rates told.

    Progression and death follow exponential times at the rates of the truth, apart.
    """
    cohort = made_cohort(patients, seed, name=name)
    assert cohort.truth is not None
    rng = np.random.default_rng(seed + 1000)
    known = cohort.truth.patients
    arm = known["arm"].to_numpy()
    under = {a: known[f"os_log_hazard[{a}]"].to_numpy() for a in (TREATED, CONTROL)}
    log_hazard = np.where(arm == TREATED, under[TREATED], under[CONTROL])
    pfs = rng.exponential(1 / (0.09 * np.exp(log_hazard)))
    responds = rng.random(patients) < chance.given(pfs)
    best = np.where(responds, "PR", np.where(pfs < 2, "PD", "SD")).astype(object)
    hazards = cohort.truth.hazards.assign(
        association=1.0, **{f"response_{k}": v for k, v in asdict(chance).items()}
    )
    rates = {a: {"rate": float(responds[arm == a].mean()), "assumed": False} for a in np.unique(arm)}
    return replace(
        cohort,
        observed=cohort.observed.assign(best_response=best),
        columns=(*cohort.columns, OUTCOMES[4]),
        manifest={"responses": rates},
        truth=replace(cohort.truth, hazards=hazards),
    )
