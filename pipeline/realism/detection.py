"""A classifier that tries to tell real from simulated patients, and what it goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from pipeline.realism.shared import column_of, encoded
from pipeline.schema import Column, InputError, Progress, silent

FOLDS: Final = 5
STAGE: Final = "tell real from simulated"


@dataclass(frozen=True)
class Detection:
    """How well real and simulated patients are told apart; 0.5 is not at all.

    Attributes
    ----------
    scores : DataFrame
        `columns` (which set), `classifier`, `auc` (mean over draws), `lowest`, `highest` and `control`, the
        same for one draw of simulated patients against another.
    importance : DataFrame
        `column`, `drop`: by how much the AUC of the boosted trees falls when the column's values (with their
        gaps) are shuffled among patients the trees have not seen; mean over folds and draws.
    """

    scores: pd.DataFrame
    importance: pd.DataFrame


def detect(
    real: pd.DataFrame,
    simulated: pd.DataFrame,
    columns: Sequence[Column],
    sets: Mapping[str, Sequence[str]],
    rng: np.random.Generator,
    progress: Progress = silent,
) -> Detection:
    """Cross-validate classifiers on real patients and as many simulated ones.

    The simulated patients are cut into draws of the real table's size. Each draw has its own division of
    patients into FOLDS parts, balanced between real and simulated; a patient is judged by the classifier that
    has not seen it. Gaps are left as they are: a classifier may go by who was not tested. Importances are
    those of the first set.

    Parameters
    ----------
    sets : mapping
        Name -> the columns a classifier is given.
    """
    ours, theirs = encoded(real, columns), encoded(simulated, columns)
    draws = len(theirs) // len(ours)
    if draws < 2:
        raise InputError(f"at least {2 * len(ours)} simulated patients are needed. Got {len(theirs)} instead")
    rows, drops = [], []
    done, total = 0, len(sets) * draws
    for place, (name, wanted) in enumerate(sets.items()):
        features = [f for f in map(str, ours) if column_of(f) in wanted]
        found: dict[str, list[float]] = {"boosted trees": [], "random forest": []}
        control: dict[str, list[float]] = {key: [] for key in found}
        for draw, child in zip(range(draws), rng.spawn(draws), strict=True):
            part, other = (
                theirs[features].iloc[k * len(ours) : (k + 1) * len(ours)] for k in (draw, (draw + 1) % draws)
            )
            for key in found:
                auc, fallen = _auc(ours[features], part, key, child, with_importance=place == 0)
                found[key].append(auc)
                if fallen is not None:
                    drops.append(fallen)
                control[key].append(_auc(other, part, key, child)[0])
            done += 1
            progress(STAGE, done, total)
        rows += [
            {
                "columns": name,
                "classifier": key,
                "auc": float(np.mean(found[key])),
                "lowest": min(found[key]),
                "highest": max(found[key]),
                "control": float(np.mean(control[key])),
            }
            for key in found
        ]
    importance = pd.DataFrame(drops).mean().sort_values(ascending=False, kind="stable")
    return Detection(pd.DataFrame(rows), importance.rename_axis("column").rename("drop").reset_index())


def _auc(
    real: pd.DataFrame, drawn: pd.DataFrame, key: str, rng: np.random.Generator, with_importance: bool = False
) -> tuple[float, pd.Series[float] | None]:
    x = np.concatenate([real.to_numpy(), drawn.to_numpy()])
    y = np.repeat([1, 0], [len(real), len(drawn)])
    seed = int(rng.integers(2**31))
    columns = np.array([column_of(f) for f in map(str, real)])
    chance = np.zeros(len(y))
    fallen = []
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y):
        model = _classifier(key, seed).fit(x[train], y[train])
        chance[test] = model.predict_proba(x[test])[:, 1]
        if with_importance and key == "boosted trees":
            whole = roc_auc_score(y[test], chance[test])
            drop = {}
            for column in dict.fromkeys(columns):
                shuffled = x[test].copy()
                places = np.flatnonzero(columns == column)
                shuffled[:, places] = shuffled[rng.permutation(len(test))][:, places]
                drop[column] = whole - roc_auc_score(y[test], model.predict_proba(shuffled)[:, 1])
            fallen.append(drop)
    mean = pd.DataFrame(fallen).mean() if fallen else None
    return float(roc_auc_score(y, chance)), mean


def _classifier(key: str, seed: int) -> Any:
    if key == "random forest":
        return RandomForestClassifier(100, min_samples_leaf=5, random_state=seed, n_jobs=1)
    return HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.05, min_samples_leaf=10, random_state=seed
    )
