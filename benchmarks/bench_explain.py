"""Exact explanations of a survival forest beside the model-agnostic permutation explainer of shap."""

from __future__ import annotations

import time
import warnings

import numpy as np
from rich.console import Console
from rich.table import Table
from sksurv.util import Surv

from benchmarks.forest_data import drawn
from pipeline.explain import tree_shap, tree_shap_by_shap, tree_shap_interactions
from pipeline.survival_forest import SurvivalForest

TREES, ROWS, MONTHS = 100, 200, np.array([6.0, 12.0, 18.0, 24.0])
PERMUTED = 3  # patients explained by permutation; the cost per patient does not change


def forest_of(features: int) -> tuple[SurvivalForest, np.ndarray]:
    """Return a forest grown on 1,600 patients with monthly times, and the patients."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1_600, features)).astype(np.float32)
    months = np.ceil(rng.exponential(18 * np.exp(-x[:, :5].sum(axis=1) / 4)))
    end = np.ceil(rng.uniform(8, 40, len(x)))
    y = Surv.from_arrays(months <= end, np.minimum(months, end))
    grower = SurvivalForest(n_estimators=TREES, n_jobs=2, random_state=0)
    return grower.fit(x, y), x


def exact(grower: SurvivalForest, x: np.ndarray) -> tuple[float, float, float]:
    """Return seconds for ROWS patients at four horizons, here and by shap, and the gap to the prediction."""
    nodes = grower.nodes_
    leaves = nodes.leaf_survival_at(MONTHS)
    start = time.perf_counter()
    values, base = tree_shap(nodes, leaves, x[:ROWS])
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    tree_shap_by_shap(nodes, leaves, x[:ROWS])
    by_shap = time.perf_counter() - start
    survival = nodes.survival(x[:ROWS], MONTHS)
    return seconds, by_shap, float(np.abs(base + values.sum(axis=1) - survival).max())


def permuted(grower: SurvivalForest, x: np.ndarray) -> float:
    """Return seconds a patient of shap's permutation explainer, background of 50, one horizon."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"The set_\w+ function", PendingDeprecationWarning)
        import shap

    def survival(rows: np.ndarray) -> np.ndarray:
        return np.asarray(grower.predict_survival_function(rows, times=MONTHS[1:2])[:, 0])

    explainer = shap.PermutationExplainer(survival, x[:50], seed=0)
    start = time.perf_counter()
    explainer(x[:PERMUTED], max_evals=2 * x.shape[1] + 1, silent=True)
    return (time.perf_counter() - start) / PERMUTED


def many(trained: int) -> tuple[int, float, float, float, float]:
    """Return leaves, seconds here and by shap (50 patients, scaled), the gap, seconds for interactions."""
    x, y = drawn(trained, 20)
    nodes = SurvivalForest(n_estimators=TREES, n_jobs=2, random_state=0).fit(x, y).nodes_
    months = np.linspace(3.0, 36.0, 12)
    leaves, rows = nodes.leaf_survival_at(months), x[:1_000]
    start = time.perf_counter()
    values, base = tree_shap(nodes, leaves, rows)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    tree_shap_by_shap(nodes, leaves, rows[:50])
    by_shap = 20 * (time.perf_counter() - start)
    start = time.perf_counter()
    tree_shap_interactions(nodes, leaves[:, :1], rows[:200])
    pairs = time.perf_counter() - start
    gap = float(np.abs(base + values.sum(axis=1) - nodes.survival(rows, months)).max())
    return len(leaves), seconds, by_shap, gap, pairs


def main() -> None:
    """Print seconds for 200 patients, and how many times longer permutation takes for the same."""
    title = f"{ROWS} patients, {TREES} trees"
    head = ("features", "exact (s)", "shap's trees (s)", "largest gap", "permutation (s)", "ratio")
    table = Table(*head, title=title)
    small = forest_of(5)
    exact(*small), permuted(*small)  # import and compile before the clock runs
    for features in (10, 60, 120):
        grower, x = forest_of(features)
        seconds, by_shap, gap = exact(grower, x)
        other = permuted(grower, x) * ROWS
        figures = f"{seconds:.2f} {by_shap:.2f} {gap:.0e} {other:,.0f} {other / seconds:,.0f}"
        table.add_row(str(features), *figures.split())
    Console().print(table)
    Console().print(
        f"exact at {len(MONTHS)} horizons; permutation at one, {PERMUTED} patients timed and scaled"
    )
    title = f"1,000 patients, 20 features, 12 horizons, {TREES} trees with leaves of at least 15"
    head = (
        "trained on",
        "leaves",
        "exact (s)",
        "shap's trees (s)",
        "ratio",
        "largest gap",
        "pairs of 200 (s)",
    )
    table = Table(*head, title=title)
    for trained in (3_000, 20_000):
        leaves, seconds, by_shap, gap, pairs = many(trained)
        figures = f"{seconds:.2f} {by_shap:.0f} {by_shap / seconds:.0f} {gap:.0e} {pairs:.2f}"
        table.add_row(f"{trained:,}", f"{leaves:,}", *figures.split())
    Console().print(table)


if __name__ == "__main__":
    main()
