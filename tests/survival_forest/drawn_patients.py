"""Patients drawn for the tests of the forest, and the outcome as the forest takes it."""

import numpy as np


def outcome_of(time, event):
    event = np.asarray(event)
    y = np.empty(
        len(event), dtype=[("event", event.dtype if event.dtype.kind in "bi" else bool), ("time", float)]
    )
    y["event"], y["time"] = event, time
    return y


def draw(n, p=5, seed=0, missing=0.0):
    """Return features with two at work, and outcomes in whole months, many tied."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)).astype(np.float32)
    time = np.ceil(rng.exponential(12 * np.exp(-0.9 * x[:, 0] + 0.6 * x[:, 1])))
    end = np.ceil(rng.uniform(6, 40, n))
    x[rng.random(x.shape) < missing] = np.nan
    return x, outcome_of(np.minimum(time, end), time <= end)
