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


def heavily_censored():
    """R's 240 patients with weekly follow-up, five of six censored; survival at 9 months."""
    drawn = GOLDEN["heavy"]
    y = structured(drawn["time"], drawn["event"])
    return y, Prediction(np.array(drawn["risk"]), np.array([9.0]), np.array(drawn["survival"])[:, None])


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
