"""Gradient boosting of Cox's partial likelihood, tuned and calibrated inside the training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from pipeline.models.boosted_trees import BoostedTrees, Boosting
from pipeline.models.contract import Arrays, Outcome, steps_at
from pipeline.models.on_features import FeatureModel
from pipeline.models.partial_likelihood import RiskSets, breslow, ridge_fit, stratified_folds
from pipeline.models.tuning import Budget, Search, Settings, Span, search
from pipeline.schema import Floats, Prediction, Progress

COX: Final = Boosting("survival:cox", "cox-nloglik")
SPACE: Final[Mapping[str, Span]] = {
    "learning_rate": Span(0.02, 0.3, 0.05, log=True),
    "max_depth": Span(1, 5, 2, whole=True),
    "min_child_weight": Span(1, 50, 10, log=True),
    "subsample": Span(0.4, 1.0, 0.7),
    "colsample_bynode": Span(0.1, 1.0, 0.4),
    "reg_lambda": Span(0.1, 100, 3, log=True),
}


class BoostingOptions(Budget):
    """Budget of the search, folds it is judged on, and the most trees of a fit."""

    inner_folds: int = Field(3, ge=2, le=20)
    max_trees: int = Field(300, ge=1, le=5000)


class TunedTrees(NamedTuple):
    """What a search found: its trials, the settings with their number of trees, and how far it came."""

    search: Search
    settings: Settings
    searched: dict[str, Any]
    seed: int


def tune_trees(
    boosting: Boosting,
    x: NDArray[np.float32],
    label: Floats,
    counted: Floats,
    parts: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]],
    options: BoostingOptions,
    streams: tuple[np.random.Generator, np.random.Generator],
    stage: str,
    progress: Progress,
    starts: Sequence[Floats] | None = None,
) -> TunedTrees:
    """Return the settings and number of trees of the best held-out score; `streams`: of search and trees."""
    seed = int(streams[1].integers(2**31 - 1))

    def losses(settings: Settings) -> Floats:
        return boosting.held_out_losses(x, label, counted, parts, settings, options.max_trees, seed, starts)

    found = search(lambda s: float(losses(s).min()), SPACE, options, streams[0], stage, progress)
    searched = {"trials_done": len(found.trials), "out_of_time": found.out_of_time}
    return TunedTrees(found, found.best | {"trees": int(np.argmin(losses(found.best))) + 1}, searched, seed)


class GradientBoosting(FeatureModel):
    """Boosted trees on Cox's partial likelihood (Friedman, Ann Stat 2001; by xgboost, ties as Breslow).

    Settings and the number of trees are those of the best held-out partial likelihood over the inner folds.
    Held-out predictions of the same folds calibrate: their slope in a Cox regression shrinks the log
    hazard, for trees say more of the patients they were grown on than of others, and their Breslow hazard is
    the baseline.

    Attributes
    ----------
    trees : BoostedTrees
    slope : float
        Times which the trees' sum, less `centre`, is the log relative hazard.
    centre : float
        Training mean of the trees' sum.
    baseline_months, baseline_cumulative_hazard : array, shape (k,)
    settings, searched : dict
        What the search chose, and how far it came.
    tuning : Search
        Its trials; not saved with the model.
    """

    name = "gbm"
    Options = BoostingOptions
    tuning: Search | None = None

    def fit(self, frame: pd.DataFrame, y: Outcome, rng: np.random.Generator) -> GradientBoosting:
        """Search, calibrate on held-out rows, and grow the trees on all rows of `frame`."""
        x = self.learn_features(frame, y).to_numpy(dtype=np.float32)
        search_rng, fold_rng, seed_rng = rng.spawn(3)
        count = min(self.options.inner_folds, int(y["event"].sum()))
        fold = stratified_folds(y["event"], count, fold_rng) if count > 1 else np.zeros(len(y), dtype=int)
        parts = [(fold != k, fold == k) for k in range(count)] if count > 1 else [(fold == 0, fold == 0)]
        label, counted = _signed_months(y), y["event"].astype(float)
        tuned = tune_trees(
            COX, x, label, counted, parts, self.options, (search_rng, seed_rng), f"tune {self.name}",
            self.context.progress,
        )  # fmt: skip
        self.tuning, self.settings, self.searched = tuned.search, tuned.settings, tuned.searched
        held_out = np.empty(len(y))
        for inside, outside in parts:
            grown = COX.grow(x[inside], label[inside], self.settings, tuned.seed)
            held_out[outside] = grown.total(x[outside]) - grown.total(x[inside]).mean()
        self.slope = self._slope(held_out, y)
        self.trees = COX.grow(x, label, self.settings, tuned.seed)
        self.centre = float(self.trees.total(x).mean())
        self.baseline_months, self.baseline_cumulative_hazard = breslow(
            self.slope * held_out, y["time"], y["event"]
        )
        return self

    @staticmethod
    def _slope(held_out: Floats, y: Outcome) -> float:
        """Cox regression of the outcome on held-out predictions; 0 where they rank patients wrongly."""
        spread = float(held_out.std())
        if spread == 0:
            return 0.0
        sets = RiskSets.of(held_out[:, None] / spread, y["time"], y["event"])
        return max(float(ridge_fit(sets, 1e-6, np.zeros(1))[0]) / spread, 0.0)

    def log_relative_hazard(self, frame: pd.DataFrame) -> Floats:
        """Return `slope` times the trees' sum less its training mean, shape (n,)."""
        return self.slope * (self.trees.total(self.inputs(frame).astype(np.float32)) - self.centre)

    def predict(self, frame: pd.DataFrame, months: Floats) -> Prediction:
        """Return survival ``exp(-H0(t) exp(risk))``; risk is the log relative hazard."""
        risk, months = self.log_relative_hazard(frame), np.asarray(months, dtype=float)
        hazard = steps_at(months, self.baseline_months, self.baseline_cumulative_hazard, before=0.0)
        return Prediction(risk, months, np.exp(-np.outer(np.exp(risk), hazard)))

    def parameters(self) -> dict[str, Any]:
        """Return the settings chosen, the budget and the slope."""
        options: dict[str, Any] = self.options.model_dump(mode="json")
        return options | self.settings | {"slope": self.slope} | self.searched

    def learnt(self) -> tuple[dict[str, Any], Arrays]:
        """Return settings, calibration and the trees."""
        document = {
            "settings": self.settings, "searched": self.searched, "slope": self.slope, "centre": self.centre
        }  # fmt: skip
        baseline = {name: getattr(self, name) for name in BASELINE}
        return document, baseline | self.trees.to_arrays()

    def take(self, document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Set what `learnt` returned."""
        self.settings, self.searched = dict(document["settings"]), dict(document["searched"])
        self.slope, self.centre = document["slope"], document["centre"]
        for name in BASELINE:
            setattr(self, name, arrays[name])
        self.trees = BoostedTrees.from_arrays(arrays)
        self.trees.check(len(self.feature_names), len(self.trees.values))


BASELINE = ("baseline_months", "baseline_cumulative_hazard")


def _signed_months(y: Outcome) -> Floats:
    # censored times are written as negative ones; a time of zero would lose its sign
    months = np.maximum(y["time"], 1e-6)
    return np.asarray(np.where(y["event"], months, -months), dtype=float)
