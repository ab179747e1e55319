"""A classifier that tries to tell real from simulated patients, and what it goes by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, rankdata
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


@dataclass(frozen=True)
class Separation:
    """How well one classifier tells two sets of patients apart, judged on patients it has not seen.

    Attributes
    ----------
    auc, low, high : float
        With DeLong's 95 % interval (Biometrics 1988;44:837).
    p : float
        One-sided, of an AUC of 0.5: Mann and Whitney's test on the patients not learnt from, so that it holds
        whatever was learnt (Lopez-Paz and Oquab, ICLR 2017).
    patients : int
        Judged.
    drops : Series
        By how much the AUC falls when a column is shuffled among the judged patients, largest first.
    """

    auc: float
    low: float
    high: float
    p: float
    patients: int
    drops: pd.Series[float]


def separate(
    first: pd.DataFrame,
    second: pd.DataFrame,
    columns: Sequence[Column],
    rng: np.random.Generator,
    *,
    with_drops: bool = True,
) -> Separation:
    """Learn on one half of both sets to tell `second` from `first`, and try on the other half.

    Without `with_drops` nothing is said of single columns, in a fifth of the time.
    """
    x = pd.concat([encoded(first, columns), encoded(second, columns)])
    y = np.repeat([0, 1], [len(first), len(second)])
    split_rng, shuffle_rng, tree_rng = rng.spawn(3)
    learnt = np.zeros(len(y), dtype=bool)
    for label in (0, 1):
        places = split_rng.permutation(np.flatnonzero(y == label))
        learnt[places[: len(places) // 2]] = True
    model = _classifier("boosted trees", int(tree_rng.integers(2**31))).fit(x.to_numpy()[learnt], y[learnt])
    held, truth = x[~learnt], y[~learnt]
    chance = model.predict_proba(held.to_numpy())[:, 1]
    auc, error = _delong(truth, chance)
    fallen = _drops(model, held.to_numpy(), truth, chance, _sources(held), shuffle_rng) if with_drops else {}
    drops = pd.Series(fallen, dtype=float)
    p = float(mannwhitneyu(chance[truth == 1], chance[truth == 0], alternative="greater").pvalue)
    low, high = (float(np.clip(auc + z * error, 0, 1)) for z in (-1.959964, 1.959964))
    return Separation(auc, low, high, p, len(truth), drops.sort_values(ascending=False, kind="stable"))


def _delong(truth: NDArray[np.int64], chance: NDArray[np.float64]) -> tuple[float, float]:
    """AUC and its standard error from the placements of each patient among those of the other set."""
    ours, theirs = chance[truth == 1], chance[truth == 0]
    ranks = rankdata(np.concatenate([ours, theirs]))
    above = (ranks[: len(ours)] - rankdata(ours)) / len(theirs)
    below = 1 - (ranks[len(ours) :] - rankdata(theirs)) / len(ours)
    error = np.sqrt(above.var(ddof=1) / len(ours) + below.var(ddof=1) / len(theirs))
    return float(above.mean()), float(error)


def _sources(features: pd.DataFrame) -> NDArray[np.str_]:
    return np.array([column_of(f) for f in map(str, features)])


def _drops(
    model: Any,
    x: NDArray[np.float64],
    y: NDArray[np.int64],
    chance: NDArray[np.float64],
    columns: NDArray[np.str_],
    rng: np.random.Generator,
) -> dict[str, float]:
    """By how much the AUC of `chance` falls when each column, with its gaps, is shuffled among patients."""
    whole = roc_auc_score(y, chance)
    drop = {}
    for column in dict.fromkeys(columns):
        shuffled = x.copy()
        places = np.flatnonzero(columns == column)
        shuffled[:, places] = shuffled[rng.permutation(len(x))][:, places]
        drop[str(column)] = float(whole - roc_auc_score(y, model.predict_proba(shuffled)[:, 1]))
    return drop


def _auc(
    real: pd.DataFrame, drawn: pd.DataFrame, key: str, rng: np.random.Generator, with_importance: bool = False
) -> tuple[float, pd.Series[float] | None]:
    x = np.concatenate([real.to_numpy(), drawn.to_numpy()])
    y = np.repeat([1, 0], [len(real), len(drawn)])
    seed = int(rng.integers(2**31))
    columns = _sources(real)
    chance = np.zeros(len(y))
    fallen = []
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y):
        model = _classifier(key, seed).fit(x[train], y[train])
        chance[test] = model.predict_proba(x[test])[:, 1]
        if with_importance and key == "boosted trees":
            fallen.append(_drops(model, x[test], y[test], chance[test], columns, rng))
    mean = pd.DataFrame(fallen).mean() if fallen else None
    return float(roc_auc_score(y, chance)), mean


def _classifier(key: str, seed: int) -> Any:
    if key == "random forest":
        return RandomForestClassifier(100, min_samples_leaf=5, random_state=seed, n_jobs=1)
    return HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.05, min_samples_leaf=10, random_state=seed
    )
