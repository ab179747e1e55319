"""Whether predictions still come true: calibration and ranking on new patients, beside what was promised."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from scipy.special import ndtr

from pipeline.config import Analysis, Bootstrap
from pipeline.evaluate import judge
from pipeline.evaluate.predictions import Predictions
from pipeline.metrics import estimate
from pipeline.schema import Floats

MEASURES: Final = {
    "calibration_intercept": "log_observed_over_expected",
    "calibration_slope": "calibration_slope",
    "uno_c": "concordance",
}  # metric -> the rule that judges its change
REPLICATES: Final = 400
LEVEL: Final = 0.95


def outcome_drift(
    old: Predictions, new: Predictions, analysis: Analysis, horizon_months: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Compare each model's calibration and ranking between old patients, out of fold, and new ones.

    Both sets of patients are resampled, independently; the models stay as they are. The change is
    asymptotically normal, with the variance of the resamples: the test behind `p` is Wald's. Assumes
    censoring independent of the outcome given the prediction in both sets.

    Parameters
    ----------
    old, new : Predictions
        Of the patients trained on by models that had not seen them (cross-validation), and of the new ones.
        Their last month is `horizon_months`, where Uno's C ends too.
    analysis : Analysis
        Of the run.
    horizon_months : float
        Of the calibration.
    rng : Generator

    Returns
    -------
    DataFrame
        `model`, `metric`, `rule`, `horizon_months`, `patients`, `events` (of the new); `old`, `new` with
        their intervals (`_low`, `_high`), `change` (new less old) with its interval, `p`. What is not
        defined for a model in one of the two sets is left out.
    """
    asked = analysis.model_copy(update={
        "horizons_months": (horizon_months,), "tau_months": horizon_months, "metrics": tuple(MEASURES),
        "subgroups": (), "bootstrap": Bootstrap(replicates=REPLICATES, level=LEVEL),
    })  # fmt: skip
    judgement = judge([old, new], asked, rng)
    place = {
        key: k
        for k, key in enumerate(
            judgement.rows[["data", "model", "metric"]].itertuples(index=False, name=None)
        )
    }
    rows = []
    for model in new.models:
        for metric, rule in MEASURES.items():
            keys = (old.data, model, metric), (new.data, model, metric)
            if not all(key in place for key in keys):
                continue
            before, now = (judgement.values[place[key]] for key in keys)
            about = judgement.rows.iloc[place[keys[1]]]
            change = now - before
            error = float(np.nanstd(change[1:], ddof=1))
            rows.append({
                "model": model, "metric": metric, "rule": rule, "horizon_months": horizon_months,
                "patients": int(about["patients"]), "events": int(about["events"]),
                **_estimate("old", before), **_estimate("new", now), **_estimate("change", change),
                "p": float(2 * ndtr(-abs(change[0]) / error)) if error > 0 else np.nan,
            })  # fmt: skip
    return pd.DataFrame(rows)


def _estimate(name: str, values: Floats) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), estimate(values, LEVEL), strict=True))
