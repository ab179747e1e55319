"""Whether acting on a prediction does more good than harm: net benefit over threshold probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.metrics.contract import Outcome
from pipeline.metrics.event_free import EventFree
from pipeline.schema import Floats


def net_benefit(
    y: Outcome, risk: Floats, horizon_months: float, thresholds: Sequence[float], weights: Floats
) -> Floats:
    """Return the net benefit of acting on a predicted risk of at least each threshold, shape (k, b).

    The share of all patients who are acted on and have the event by the horizon, less the share acted on
    without need times the odds of the threshold. How many of those acted on have the event is their
    Kaplan-Meier risk. Acting on nobody has a net benefit of 0. Assumes censoring independent among those
    acted on. Source: Vickers et al., BMC Med Inform Decis Mak 2008;8:53, doi:10.1186/1472-6947-8-53.
    """
    out = np.zeros((len(thresholds), len(weights)))
    everybody = weights.sum(axis=1)
    for k, threshold in enumerate(thresholds):
        acted_on = risk >= threshold
        if not acted_on.any():
            continue
        mine = np.ascontiguousarray(weights[:, acted_on])
        risk_of_these = 1 - EventFree.of(y[acted_on], mine).at(horizon_months)
        share = mine.sum(axis=1) / everybody
        out[k] = share * (risk_of_these - (1 - risk_of_these) * threshold / (1 - threshold))
    return out
