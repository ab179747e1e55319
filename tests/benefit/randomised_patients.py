"""Randomised patients whose benefit is known, or is none."""

import numpy as np
import pandas as pd

from benchmarks.bench_benefit import CONTROL, QUESTION, TREATED, trial
from pipeline.schema import outcome

STRONG = (np.log(0.7), -0.8)  # of the second marker


def drawn(patients, seed, effect=0.0, interaction=0.0):
    """Cohort, outcomes, who was treated."""
    cohort = trial(patients, seed, effect, interaction)
    return cohort, outcome(cohort.observed, "os"), (cohort.observed["arm"] == TREATED).to_numpy()


__all__ = ["CONTROL", "QUESTION", "STRONG", "TREATED", "drawn", "pd"]
