"""Outcomes and predictions to judge, R's values, and a metric's value by its name."""

import json
from pathlib import Path

import numpy as np

from pipeline.metrics import METRICS
from pipeline.schema import Prediction

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "metrics.json").read_text())
MONTHS = np.arange(1.0, 18.1)


def structured(months, event):
    y = np.empty(len(months), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = np.asarray(event) == 1, months
    return y


def judged_by_r(cohort):
    """Outcome, prediction, the horizon of R's values and these, of one of R's two cohorts.

    `half_months` are 180 patients whose times and risks tie; `heavy` 240 with weekly follow-up, five of six
    censored.
    """
    drawn = GOLDEN["heavy"] if cohort == "heavy" else GOLDEN
    y = structured(drawn["time"], drawn["event"])
    risk, months, survival = (np.array(drawn[k], dtype=float) for k in ("risk", "months", "survival"))
    horizon = {"heavy": 6.0, "half_months": 12.0}[cohort]
    return y, Prediction(risk, months, survival), horizon, drawn["every"]


def flat(patients, survival, months=MONTHS):
    """The same curve for everybody."""
    return Prediction(np.zeros(patients), months, np.full((patients, len(months)), survival))


def value(name, y, prediction, null=None, weights=None, horizon=12.0):
    metric = METRICS[name]
    got = metric(y, prediction, null or prediction, horizon if metric.by_horizon else None, weights)
    return got if weights is not None else float(got[0])


def two_groups(patients, rates, rng, follow_up=30.0):
    """Exponential survival at two rates; true survival as the prediction."""
    rate = np.where(np.arange(patients) % 2 == 0, *rates)
    died, censored = rng.exponential(1 / rate), rng.uniform(0, follow_up, patients)
    y = structured(np.minimum(died, censored), died <= censored)
    return y, Prediction(rate, MONTHS, np.exp(-np.outer(rate, MONTHS)))
