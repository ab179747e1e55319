"""Accuracy beside scikit-survival's forest on seven data sets: Uno's C and integrated Brier score."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold
from sksurv.ensemble import RandomSurvivalForest
from sksurv.metrics import concordance_index_ipcw, integrated_brier_score

from benchmarks.forest_data import ACCURACY_DATA, REAL
from pipeline.survival_forest import SurvivalForest
from pipeline.survival_forest.inputs import patients_of_leaf

TABLE = Path(__file__).with_name("forest_accuracy.md")
NEEDS_REAL = ("POPLAR", "Chowell")
REPEATS = 10
MANY = 5_000  # patients beyond which scikit-survival gets times in months, and all one repeat, to end today
ROUNDED_TO = 30.4375
THEIR_LEAF = 3  # scikit-survival's default
TREES, MORE_TREES = 100, 500  # ours with the latter still takes a fraction of their time with the former
Grow = Callable[[np.ndarray, np.ndarray, int], Any]


def write_section(table: Path, lines: Sequence[str], first: bool = False) -> None:
    """Write the part of a page before its first heading of the second order, or the part from there on."""
    before = table.read_text(encoding="utf-8") if table.is_file() else ""
    head, mark, rest = before.partition("\n## ")
    text = "\n".join(lines) + "\n"
    table.write_text(text + mark + rest if first else f"{head.rstrip()}\n\n{text}", encoding="utf-8")


def folds(y: np.ndarray, repeats: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Five folds with equal shares of events, drawn anew each time."""
    for repeat in range(repeats):
        yield from StratifiedKFold(5, shuffle=True, random_state=repeat).split(np.zeros(len(y)), y["event"])


def judge(grow: Grow, x: np.ndarray, y: np.ndarray, repeats: int) -> np.ndarray:
    """Return Uno's C and the integrated Brier score of each fold, both up to the 80 % quantile of times.

    The Brier score is integrated over 60 times from the 2 % quantile of event times on. Weights against
    censoring are scikit-survival's, from the training fold.
    """
    horizon = np.quantile(y["time"], 0.8)
    times = np.linspace(np.quantile(y["time"][y["event"]], 0.02), horizon, 60)
    found = []
    for number, (train, test) in enumerate(folds(y, repeats)):
        forest = grow(x[train], y[train], number)
        concordance = concordance_index_ipcw(y[train], y[test], forest.predict(x[test]), tau=horizon)[0]
        late = y["time"][test] >= y["time"][train].max()  # weights are known up to there only
        seen = y[test].copy()
        seen["time"][late], seen["event"][late] = np.nextafter(y["time"][train].max(), 0), False
        inside = (times >= seen["time"].min()) & (times < seen["time"].max())
        survival = survival_at(forest, x[test], times[inside])
        found.append((concordance, integrated_brier_score(y[train], seen, survival, times[inside])))
    return np.array(found)


def survival_at(forest: Any, x: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return survival at `times`, shape (n, m); scikit-survival's curves are read as the steps they are."""
    if not isinstance(forest, RandomSurvivalForest):
        return np.asarray(forest.predict_survival_function(x, times=times))
    curves = forest.predict_survival_function(x, return_array=True)
    at = np.searchsorted(forest.unique_times_, times, side="right")
    return np.column_stack([np.ones(len(x)), curves])[:, at]


def ours(trees: int) -> Grow:
    """Return how ours grows with its defaults but for the number of trees."""

    def grow(x: np.ndarray, y: np.ndarray, seed: int) -> SurvivalForest:
        return SurvivalForest(trees, n_jobs=2, random_state=seed).fit(x, y)

    return grow


def theirs(leaf: int) -> Grow:
    """Return how scikit-survival grows with leaves of at least `leaf`; many patients get times in months."""

    def grow(x: np.ndarray, y: np.ndarray, seed: int) -> RandomSurvivalForest:
        y = y.copy()
        if len(y) > MANY:
            y["time"] = np.maximum(np.ceil(y["time"] / ROUNDED_TO), 1) * ROUNDED_TO
        return RandomSurvivalForest(TREES, min_samples_leaf=leaf, n_jobs=2, random_state=seed).fit(x, y)

    return grow


def compared(name: str, scores: list[np.ndarray], repeats: int, size: str) -> str:
    """Return a row of the table: our means, and each gap of `gaps` with its standard error over repeats."""
    cells = []
    for k in range(2):
        cells.append(f"{scores[0][:, k].mean():.4f}")
        for gap in gaps(scores):
            each = gap[:, k].reshape(repeats, -1).mean(axis=1)
            error = f" ({each.std(ddof=1) / repeats**0.5:.4f})" if repeats > 1 else ""
            cells.append(f"{each.mean():+.4f}{error}")
    return f"| {name} | {size} | {repeats} | " + " | ".join(cells) + " |"


def gaps(scores: list[np.ndarray]) -> list[np.ndarray]:
    """Return ours less theirs of the same leaves, less theirs (3), and ours of more trees less the first."""
    ours_now, same, three, more = scores
    return [ours_now - same, ours_now - three, more - same]


def main() -> None:
    """Print and write the table; differences are ours less theirs."""
    kinds = ("", ", less theirs", f", less theirs ({THEIR_LEAF})", f" of {MORE_TREES} trees, less theirs")
    columns = [f"{m}{what}" for m in ("C", "IBS") for what in kinds]
    lines = [
        "# Accuracy of the survival forest beside scikit-survival's",
        "",
        f"5-fold cross-validation, {REPEATS} times (FLChain once, where scikit-survival gets times in",
        f"months), the same folds for all; {TREES} trees; ours with its defaults. Uno's C and integrated",
        "Brier score (IBS) up to the 80 % quantile of the times; then ours less scikit-survival's with",
        f"leaves of the same size, and with its default of {THEIR_LEAF}; then ours of {MORE_TREES} trees,",
        f"which still take a fraction of the time, less theirs of {TREES} with leaves of the same size.",
        "Standard errors are over repeats (of folds and trees, not of patients). Written by",
        "`python -m benchmarks forest_accuracy`.",
        "",
        "| data | n | p | leaf | repeats | " + " | ".join(columns) + " |",
        "|" + "---|" * (5 + len(columns)),
    ]
    print("\n".join(lines[-2:]))
    means = []
    for name, load in ACCURACY_DATA.items():
        if name in NEEDS_REAL and not REAL.is_dir():
            print(f"    {name} left out: its table is not in {REAL.name} beside the project")
            continue
        x, y = load()
        repeats = 1 if len(y) > MANY else REPEATS
        leaf = patients_of_leaf(y["event"].astype(np.intp))
        grown = (ours(TREES), theirs(leaf), theirs(THEIR_LEAF), ours(MORE_TREES))
        scores = [judge(grow, x, y, repeats) for grow in grown]
        means.append([gap.mean(axis=0) for gap in gaps(scores)])
        lines.append(compared(name, scores, repeats, f"{len(x)} | {x.shape[1]} | {leaf}"))
        print(lines[-1], flush=True)
    titles = (
        "Ours less theirs with leaves of the same size",
        f"Ours less theirs with leaves of {THEIR_LEAF}",
        f"Ours of {MORE_TREES} trees less theirs of {TREES} with leaves of the same size",
    )
    for title, gap in zip(titles, np.array(means).transpose(1, 0, 2), strict=True):
        spans = (f"{m} from {g.min():+.4f} to {g.max():+.4f}, mean {g.mean():+.4f}"
                 for m, g in zip(("C", "IBS"), gap.T, strict=True))  # fmt: skip
        lines += ["", f"{title}: {'; '.join(spans)}."]
    write_section(TABLE, lines, first=True)
    print("\n".join(lines[-5:]))


if __name__ == "__main__":
    main()
