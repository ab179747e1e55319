"""What published scores read, added to a made cohort: measured values that go with its markers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.schema import Cohort, Column

MEASURED = {
    "albumin_g_per_dl": "blood", "dnlr": "blood", "ldh_u_per_l": "blood", "ecog_ps": "clinical",
    "liver_metastases": "clinical", "pack_years": "clinical", "prior_systemic_therapy": "clinical",
    "tmb_mutations_per_mb": "tumour",
}  # fmt: skip


def with_score_inputs(cohort: Cohort, seed: int = 0) -> Cohort:
    """The cohort with everything a published score reads, a tenth of LDH missing."""
    rng = np.random.default_rng(seed)
    frame, n = cohort.observed, len(cohort)
    nlr = (np.log(frame["nlr"].to_numpy()) - 1.2) / 0.5
    age = (frame["age_years"].to_numpy() - 64) / 9
    z = rng.normal(size=(4, n))
    values = {
        "albumin_g_per_dl": 3.9 - 0.3 * nlr + 0.2 * z[0],
        "dnlr": np.exp(0.9 + 0.4 * nlr + 0.2 * z[1]),
        "ldh_u_per_l": np.where(rng.random(n) < 0.1, np.nan, 260 + 70 * (age + nlr) + 20 * z[2]),
        "ecog_ps": np.digitize(age, [0.0, 1.0]).astype(float),
        "liver_metastases": nlr > 0.8,
        "pack_years": np.maximum(40 - 10 * age + 10 * z[3], 0),
        "prior_systemic_therapy": age > 0.2,
        "tmb_mutations_per_mb": np.exp(2 - 0.6 * age),
    }
    columns = tuple(
        Column(
            name, "baseline", "boolean" if values[name].dtype == bool else "number", name, modality=modality
        )
        for name, modality in MEASURED.items()
    )
    return replace(cohort, observed=frame.assign(**values), columns=(*cohort.columns, *columns))
