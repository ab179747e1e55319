"""What published evidence is worth to a small cohort: Bayesian updating beside a Cox model from scratch."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pandas as pd

COHORT: Final = "poplar_simulated"
COLUMNS: Final = (
    "age_years", "male", "ecog_ps", "squamous", "liver_metastases", "pdl1_tps_percent", "nlr", "ldh_u_per_l",
    "albumin_g_per_dl", "tmb_mutations_per_mb", "stk11_mutant", "target_lesions_mm",
)  # fmt: skip
SIZES: Final = (40, 80, 160)
WORLDS: Final = 100
PRIOR_DRAWS, PRIOR_PATIENTS = 60, 4_000
TEST_PATIENTS, TRUTH_PATIENTS = 1_000, 20_000
HORIZON: Final = 12.0
LEVEL: Final = 0.9


def make_prior(path: Path) -> None:
    """Write the prior: drawn worlds that no test world is among."""
    from rich.console import Console

    from experiments.prior_command import make_prior as made

    made(COHORT, "os", list(COLUMNS), None, PRIOR_DRAWS, PRIOR_PATIENTS, 11, path, Console(quiet=True))


def one_world(task: tuple[int, str]) -> list[dict[str, Any]]:
    """Draw a world from the evidence, small cohorts of it, and judge both models on others of it."""
    from experiments.cohorts import resolve_simulated
    from pipeline.metrics import METRICS
    from pipeline.models import ModelContext, build_model, null_prediction
    from pipeline.models.coefficient_prior import FAINT_PENALTY, read_prior
    from pipeline.models.partial_likelihood import RiskSets, ridge_fit
    from pipeline.schema import outcome
    from synthetic_data.cohort import population_of, simulate_cohort

    seed, path = task
    rng = np.random.default_rng([2, seed])
    spec = resolve_simulated(COHORT, 10).spec.model_copy(update={"evidence_draw": "sample"})
    world = population_of(spec, None, rng)
    whole = simulate_cohort(world, TRUTH_PATIENTS, rng.spawn(1)[0], label="truth")
    test = simulate_cohort(world, TEST_PATIENTS, rng.spawn(1)[0], label="test")
    prior = read_prior(Path(path))
    x = prior.features.transform(whole.observed).to_numpy() - prior.feature_means
    y = outcome(whole.observed, "os")
    truth = ridge_fit(RiskSets.of(x, y["time"], y["event"]), FAINT_PENALTY * len(x), np.zeros(x.shape[1]))
    context = ModelContext(
        tuple(prior.features.columns), "os", (HORIZON,), float(y["time"].max()), control_arm=whole.control_arm
    )
    judged = outcome(test.observed, "os")
    null = null_prediction(y["time"], y["event"], len(test), np.array([HORIZON]))
    rows = []
    for size, child in zip(SIZES, rng.spawn(len(SIZES)), strict=True):
        train = simulate_cohort(world, size, child, label="small")
        y_train = outcome(train.observed, "os")
        for name, options in (("bayes_cox", {"prior": path}), ("cox", {})):
            model: Any = build_model(name, context, options).fit(
                train.observed, y_train, np.random.default_rng(0)
            )
            prediction = model.predict(test.observed, np.array([HORIZON]))
            row: dict[str, Any] = {"world": seed, "patients": size, "model": name}
            for metric, horizon in (("uno_c", None), ("brier", HORIZON), ("ici", HORIZON)):
                row[metric] = float(METRICS[metric](judged, prediction, null, horizon)[0])
            if name == "bayes_cox":
                # The worlds are drawn from the evidence itself: there is no heterogeneity to allow for.
                exact: Any = build_model(name, context, options | {"heterogeneity": (0.0,)})
                exact.fit(train.observed, y_train, np.random.default_rng(0))
                for kind, fitted in (("covered", exact), ("covered_default", model)):
                    table = fitted.intervals(LEVEL)
                    row[kind] = float(np.mean((table["low"] <= truth) & (truth <= table["high"])))
            rows.append(row)
    return rows


def main() -> None:
    """Print mean scores of both models, their paired difference and the coverage of coefficients."""
    with TemporaryDirectory() as folder, ProcessPoolExecutor(os.cpu_count()) as pool:
        path = Path(folder) / "prior.json"
        make_prior(path)
        found = [row for rows in pool.map(one_world, [(k, str(path)) for k in range(WORLDS)]) for row in rows]
    table = pd.DataFrame(found)
    print(f"{WORLDS} worlds drawn from the published evidence; {len(COLUMNS)} columns; {LEVEL:.0%} intervals")
    print("coverage: of population coefficients, by intervals without and with the default heterogeneity")
    heads = f"{'patients':>8} {'score':<7}{'bayes_cox':>10}{'cox':>8}{'difference (error)':>22}"
    print(f"{heads}{'coverage':>18}")
    for size, part in table.groupby("patients"):
        covered = f"{part['covered'].mean():.1%} {part['covered_default'].mean():.1%}"
        for metric in ("uno_c", "brier", "ici"):
            wide = part.pivot_table(index="world", columns="model", values=metric)
            gap = wide["bayes_cox"] - wide["cox"]
            error = gap.std(ddof=1) / np.sqrt(len(gap))
            print(f"{size:>8} {metric:<7}{wide['bayes_cox'].mean():>10.3f}{wide['cox'].mean():>8.3f}"
                  f"{gap.mean():>+14.4f} ({error:.4f}){covered:>18}")  # fmt: skip


if __name__ == "__main__":
    main()
