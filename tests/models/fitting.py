"""What the tests of the models fit: options, months, and R's Cox fits."""

import json
from pathlib import Path

import numpy as np

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "cox.json").read_text())
OPTIONS = {"rsf": {"n_estimators": 20, "n_jobs": 1}, "cox": {"penalties": (0.01, 0.1)}}
MONTHS = np.arange(0.5, 18.1, 0.5)


def golden_outcome():
    y = np.empty(len(GOLDEN["time"]), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = np.array(GOLDEN["event"]) == 1, GOLDEN["time"]
    return y
