"""Hyper-parameters chosen inside training rows, by Optuna, within a budget of trials and seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from pipeline.config import Spec
from pipeline.schema import Progress, silent

Settings = dict[str, Any]


class Span(NamedTuple):
    """Where a hyper-parameter is looked for, and where the search begins."""

    low: float
    high: float
    start: float
    log: bool = False
    whole: bool = False


class Budget(Spec):
    """How long is searched: as many trials as fit; the first one is always finished."""

    trials: int = Field(20, ge=1, le=1000)
    seconds: float = Field(120, gt=0, description="no trial begins after them")


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes
    ----------
    best : dict
        The settings with the lowest loss.
    trials : DataFrame
        One row a trial: `trial`, a column a hyper-parameter, `loss`, `seconds`.
    out_of_time : bool
        Whether the seconds ended it before the trials did.
    """

    best: Settings
    trials: pd.DataFrame
    out_of_time: bool


def search(
    loss: Callable[[Settings], float],
    space: Mapping[str, Span],
    budget: Budget,
    rng: np.random.Generator,
    stage: str,
    progress: Progress = silent,
) -> Search:
    """Look for the settings of lowest `loss` by Parzen estimators (Optuna), from the starts of `space`.

    The same generator proposes the same trials, so that the result differs between machines only where the
    seconds ran out.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=int(rng.integers(2**31 - 1)))
    study = optuna.create_study(sampler=sampler)
    study.enqueue_trial({name: int(s.start) if s.whole else s.start for name, s in space.items()})
    rows: list[dict[str, Any]] = []
    began = time.monotonic()
    while len(rows) < budget.trials and (not rows or time.monotonic() - began < budget.seconds):
        trial = study.ask()
        settings = {
            name: trial.suggest_int(name, int(s.low), int(s.high), log=s.log)
            if s.whole
            else trial.suggest_float(name, s.low, s.high, log=s.log)
            for name, s in space.items()
        }
        at = time.monotonic()
        found = float(loss(settings))
        study.tell(trial, found)
        rows.append({"trial": len(rows), **settings, "loss": found, "seconds": time.monotonic() - at})
        progress(stage, len(rows), budget.trials)
    if len(rows) < budget.trials:
        progress(stage, budget.trials, budget.trials)
    return Search(dict(study.best_params), pd.DataFrame(rows), len(rows) < budget.trials)
