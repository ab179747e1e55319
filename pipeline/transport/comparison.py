"""Models trained elsewhere beside models cross-validated in the test cohort, on the same folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pipeline.evaluate import Predictions
from pipeline.schema import Prediction


def compared(carried: Mapping[str, Prediction], inside: Predictions, suffix: str = "_real") -> Predictions:
    """Put predictions of models that saw nobody of the test cohort beside its cross-validated ones.

    All are then judged fold by fold, on the same resamples, so that differences are paired. Names of the
    cross-validated models get `suffix`.
    """
    repeats = len(inside.null)
    models = {name: (prediction,) * repeats for name, prediction in carried.items()}
    models |= {f"{name}{suffix}": predictions for name, predictions in inside.models.items()}
    return replace(inside, models=models)
