"""Categories given to the survival forest as indicators, ordered by event rate, or as every subset."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.bench_forest_accuracy import TABLE, judge, write_section
from benchmarks.forest_data import REAL, city_of_hope_table, poplar_table, shipped_table
from pipeline.survival_forest import SurvivalForest

REPEATS = 10
Names = tuple[str, ...]
LEAST_OF_LEVEL = 10  # patients; rarer levels are one, "other", as in the features of a cohort
# What is named here is a category though it may be written as a number; facts of two levels are none.
DATA: dict[str, tuple[Callable[[], tuple[pd.DataFrame, np.ndarray]], tuple[str, ...]]] = {
    "POPLAR": (poplar_table, ("race2", "TOBHX", "EGFRMUT")),
    "City of Hope": (
        city_of_hope_table,
        ("Stage", "Histology", "Race", "Immunotherapy.1_DrugName", "PD.L1.Range"),
    ),
    "GBSG2": (lambda: shipped_table("gbsg2"), ("tgrade",)),
    "veterans": (lambda: shipped_table("veterans_lung_cancer"), ("Celltype",)),
    "AIDS": (lambda: shipped_table("aids"), ("raceth", "ivdrug", "txgrp")),
}
TRIED = {1 / 3: "a third", None: "all"}  # features of a node, as a share
NEEDS_REAL = ("POPLAR", "City of Hope")


def as_text(table: pd.DataFrame, categories: Names) -> pd.DataFrame:
    """Return the table with categories as text, rare levels together, and facts of two levels as 0 and 1."""
    out = table.copy()
    for name in table:
        if name in categories:
            text = table[name].astype(object).where(table[name].notna(), None)
            text = text.map(lambda v: None if v is None else str(v))
            counts = text.value_counts()
            out[name] = text.where(text.isna() | text.map(counts).ge(LEAST_OF_LEVEL), "other")
        elif not pd.api.types.is_numeric_dtype(table[name]):
            levels = sorted(table[name].dropna().astype(str).unique())
            if len(levels) > 2:
                raise ValueError(f"{name} has {len(levels)} levels and is not named as a category")
            codes = {v: float(str(v) == levels[-1]) for v in table[name].dropna().unique()}
            out[name] = table[name].astype(object).map(codes)
    return out


def indicators(table: pd.DataFrame, categories: Names, y: np.ndarray, train: np.ndarray) -> np.ndarray:
    """One column a level but for the commonest: what `pipeline.features` makes."""
    made = []
    for name in categories:
        counts = table[name].iloc[train].value_counts()
        made += [(table[name] == level).to_numpy(float) for level in counts.index[1:]]
    return np.column_stack([others(table, categories), *made])


def every_level(table: pd.DataFrame, categories: Names, y: np.ndarray, train: np.ndarray) -> np.ndarray:
    """One column a level."""
    made = [
        (table[name] == level).to_numpy(float)
        for name in categories
        for level in sorted(table[name].iloc[train].dropna().unique())
    ]
    return np.column_stack([others(table, categories), *made])


def ordered(table: pd.DataFrame, categories: Names, y: np.ndarray, train: np.ndarray) -> np.ndarray:
    """One column a category: its levels' rank by observed over expected events of the training fold."""
    from sksurv.nonparametric import nelson_aalen_estimator

    times, hazard = nelson_aalen_estimator(y["event"][train], y["time"][train])
    expected = np.concatenate([[0.0], hazard])[np.searchsorted(times, y["time"][train], side="right")]
    made = []
    for name in categories:
        level = table[name].iloc[train].to_numpy()
        rates = {
            v: (y["event"][train][level == v].sum() + 1) / (expected[level == v].sum() + 1)
            for v in pd.unique(level)
            if v is not None
        }
        rank = {v: float(k) for k, v in enumerate(sorted(rates, key=rates.__getitem__))}
        made.append(table[name].map(rank).to_numpy(float))
    return np.column_stack([others(table, categories), *made])


def subsets(table: pd.DataFrame, categories: Names, y: np.ndarray, train: np.ndarray) -> np.ndarray:
    """One column for each division of the levels into two sides: every node searches all subsets."""
    made = []
    for name in categories:
        levels = sorted(table[name].iloc[train].dropna().unique())
        rest = levels[1:]
        for size in range(1, len(rest) + 1):
            made += [table[name].isin(side).to_numpy(float) for side in combinations(rest, size)]
    return np.column_stack([others(table, categories), *made])


def others(table: pd.DataFrame, categories: Names) -> np.ndarray:
    """Return the columns that are no categories."""
    return table.drop(columns=list(categories)).to_numpy(dtype=float, na_value=np.nan)


ENCODINGS: dict[str, Callable[..., np.ndarray]] = {
    "indicators": indicators, "every level": every_level, "ordered by rate": ordered, "all subsets": subsets,
}  # fmt: skip


def of(rows: np.ndarray) -> np.ndarray:
    """Return the patients' numbers, which stand where `judge` expects features."""
    return np.asarray(rows[:, 0].astype(int))


def scores(name: str, encode: Callable[..., np.ndarray], **options: Any) -> np.ndarray:
    """Return Uno's C and IBS of each fold, shape (folds, 2); codes are learnt in the training fold."""
    load, categories = DATA[name]
    table, y = load()
    text = as_text(table, categories)

    class Coding:
        """A forest that codes categories itself, so that the folds of `judge` do."""

        def __init__(self, rows: np.ndarray, seed: int) -> None:
            train = of(rows)
            self.x = encode(text, categories, y, train).astype(np.float32)
            self.forest = SurvivalForest(n_jobs=2, random_state=seed, **options).fit(self.x[train], y[train])

        def predict(self, rows: np.ndarray) -> np.ndarray:
            return np.asarray(self.forest.predict(self.x[of(rows)]))

        def predict_survival_function(self, rows: np.ndarray, times: np.ndarray) -> np.ndarray:
            return np.asarray(self.forest.predict_survival_function(self.x[of(rows)], times=times))

    numbers = np.arange(len(y), dtype=float)[:, None]
    return judge(lambda x, _, seed: Coding(x, seed), numbers, y, REPEATS)


def main() -> None:
    """Print the table and write it as a section of the accuracy page."""
    lines = [
        "## Categories: indicators, ordered, or subsets",
        "",
        f"The same forest and folds ({REPEATS} times five), categories coded in four ways, learnt in the",
        "training fold: an indicator a level but the commonest (as the features of a cohort are), an",
        "indicator a level, one column of ranks by observed over expected events, and a column for each",
        "division of the levels into two sides, so that every node finds the best subset. Less indicators,",
        "with standard errors over repeats; with a third of the features tried in a node (as `rsf` does) and",
        "with all tried, where a category with many columns is not drawn the oftener. Written by",
        "`python -m benchmarks forest_categories`.",
        "",
        "| data | n | levels | tried | C, indicators | every level | ordered by rate | all subsets "
        "| IBS, indicators | every level | ordered by rate | all subsets |",
        "|" + "---|" * 12,
    ]
    print("\n".join(lines[-2:]))
    gaps = []
    for name, (load, categories) in DATA.items():
        if name in NEEDS_REAL and not REAL.is_dir():
            print(f"    {name} left out: its table is not in {REAL.name} beside the project")
            continue
        table, y = load()
        text = as_text(table, categories)
        levels = ", ".join(str(text[c].nunique()) for c in categories)
        for tried, share in TRIED.items():
            found = {k: scores(name, encode, max_features=tried) for k, encode in ENCODINGS.items()}
            cells, base = [], found["indicators"]
            for k in range(2):
                cells.append(f"{base[:, k].mean():.4f}")
                for other in list(found)[1:]:
                    gap = (found[other] - base)[:, k].reshape(REPEATS, -1).mean(axis=1)
                    cells.append(f"{gap.mean():+.4f} ({gap.std(ddof=1) / REPEATS**0.5:.4f})")
            gaps.append([[(found[o] - base)[:, k].mean() for o in list(found)[1:]] for k in range(2)])
            lines.append(f"| {name} | {len(y)} | {levels} | {share} | " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
    means = np.array(gaps).mean(axis=0)
    said = [
        f"{name}: C {c:+.4f}, IBS {b:+.4f}" for name, c, b in zip(list(ENCODINGS)[1:], *means, strict=True)
    ]
    lines += ["", f"Mean over the rows, less indicators: {'; '.join(said)}."]
    print(lines[-1])
    write_section(TABLE, lines)


if __name__ == "__main__":
    main()
