"""Patients whose markers act alike at all times: rows of a patient repeat each other, the truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.dynamic import LANDMARK, Stack
from pipeline.dynamic.design import LandmarkDesign
from pipeline.dynamic.landmark_prior import LANDMARK_KIND
from pipeline.features import FeatureBuilder
from pipeline.models.coefficient_prior import CoefficientPrior
from pipeline.schema import Column

LANDMARKS = (0.0, 2.0, 4.0, 6.0, 8.0)
WINDOW = 12.0
MARKERS = tuple(Column(f"x{k}", "baseline", "number", f"X{k}", "", "blood") for k in range(3))


def made_stack(patients, beta, rng):
    """Patients whose markers act alike at all times, each in a row a landmark outlived."""
    x = rng.normal(size=(patients, 3))
    died_at = rng.exponential(size=patients) / (0.05 * np.exp(x @ beta))
    left_at = rng.uniform(14, 30, patients)
    seen, died = np.minimum(died_at, left_at), died_at <= left_at
    patient, landmark = np.nonzero(seen[:, None] > np.array(LANDMARKS))
    after = seen[patient] - np.array(LANDMARKS)[landmark]
    y = np.empty(len(patient), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = died[patient] & (after <= WINDOW), np.minimum(after, WINDOW)
    table = pd.DataFrame(
        x[patient], columns=[c.name for c in MARKERS], index=pd.Index(patient, name="patient")
    )
    table[LANDMARK.name] = np.array(LANDMARKS)[landmark]
    return Stack(table, y, (*MARKERS, LANDMARK), frozenset(), patient, "os", WINDOW, None)


def prior_of(stack, mean, variance):
    """A prior whose features are those of `stack`, means and variances one for all or one each."""
    features = FeatureBuilder(stack.columns_used(serial=True)).fit(stack.table)
    form = LandmarkDesign.of(stack, features, interactions=True)
    x = form.matrix(stack.table)
    months = np.linspace(0.1, WINDOW, 60)
    p = x.shape[1]
    return CoefficientPrior(
        "os", form, np.broadcast_to(mean, p).astype(float), np.diag(np.broadcast_to(variance, p)),
        x.mean(axis=0), months, 0.05 * months, 20.0, "made for a test", LANDMARK_KIND,
    )  # fmt: skip
