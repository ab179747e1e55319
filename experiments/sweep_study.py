"""A sweep as a study: its runs, all their scores, and its settings in order of their objective."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from experiments.config import Experiment
from experiments.studies import Study
from experiments.sweep_runs import Run, better, run_objective, scores_table
from experiments.sweep_spec import Setting, Sweep, shown
from pipeline import figures
from pipeline.metrics import METRICS
from pipeline.schema import Cohort

LIMIT: Final = (
    "The best of many settings looks better than it is: part of its lead is chance. Judge the one you choose "
    "on patients and seeds that had no say in the choice."
)


def sweep_study(spec: Sweep, base: Experiment, runs: Sequence[Run], examples: dict[str, Cohort]) -> Study:
    """Return the sweep as a study: its runs, their scores, and its settings, best first."""
    wanted, metric = spec.objective, METRICS[spec.objective.metric]
    listed, settings = runs_table(spec, runs), settings_table(spec, runs)
    best = settings.iloc[0]
    at = "" if wanted.horizon_months is None else f" at {wanted.horizon_months:g} months"
    label = f"{metric.label}{at}, {wanted.data}"
    failed = [run for run in runs if "fault" in run.result]
    keys = [key for key in spec.keys if key != "seed"]
    setting = "; ".join(f"{key.split('.', 1)[-1]} {best[key]}" for key in keys) or "seeds alone vary"
    return Study(
        title=spec.title or spec.name,
        lead=f"{len(runs):,} runs of {base.name}: "
        + ("every combination" if spec.search == "grid" else f"{spec.trials} settings proposed by Optuna"),
        tables={"settings": settings, "runs": listed, "scores": scores_table(runs)},
        figures={"sweep": partial(figures.sweep_figure, listed, keys or ["seed"], label)},
        cohorts=examples,
        limits=[LIMIT]
        + [f"{len(failed)} runs could not be carried out; the table of runs says why"] * bool(failed),
        cards=[
            ("Runs", f"{len(runs):,}", f"{len(settings):,} settings, {len(failed)} runs failed"),
            (f"Best: {label}", f"{best['objective']:.3f}", setting),
        ],
        facts={
            "search": spec.search,
            "objective": {**wanted.model_dump(mode="json"), "label": label, "better": metric.better},
            "base": base.model_dump(mode="json"),
            "varied": spec.keys,
        },
    )


def runs_table(spec: Sweep, runs: Sequence[Run]) -> pd.DataFrame:
    """Return one row a run: what was set, the model it is ranked by, its objective, and digests."""
    rows = []
    for run in runs:
        model, value = run_objective(spec, run)
        rows.append({
            "run": run.number, "setting": run.setting_number, **texts(spec, run.setting),
            "model": model, "objective": value,
            "config_sha256": run.result.get("config_sha256", ""),
            "train_sha256": run.result.get("cohorts", {}).get("train", ""),
            "fault": run.result.get("fault", ""),
        })  # fmt: skip
    return pd.DataFrame(rows)


def settings_table(spec: Sweep, runs: Sequence[Run]) -> pd.DataFrame:
    """Return one row a setting and cohort, best first: mean and SD of the objective over seeds."""
    keys = [key for key in spec.keys if key != "seed"]
    groups: dict[tuple[int, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.setting_number, str(run.setting.get("train.cohort", ""))), []).append(run)
    rows = []
    for (number, _), members in groups.items():
        values = np.array([run_objective(spec, run)[1] for run in members])
        kept = values[~np.isnan(values)]
        row = texts(spec, members[0].setting)
        rows.append({
            "setting": number, **{key: row[key] for key in keys},
            "runs": len(members), "failed": len(values) - len(kept),
            "objective": float(kept.mean()) if len(kept) else math.nan,
            "sd": float(kept.std(ddof=1)) if len(kept) > 1 else math.nan,
        })  # fmt: skip
    good = better(spec)
    rows.sort(
        key=lambda row: -math.inf if math.isnan(row["objective"]) else good(row["objective"]), reverse=True
    )
    return pd.DataFrame(rows)


def texts(spec: Sweep, setting: Setting) -> dict[str, Any]:
    """Return a setting with numbers as they are and anything else as short text, so that a table holds it."""
    plain = {
        key: isinstance(value, int | float) and not isinstance(value, bool) for key, value in setting.items()
    }
    return {key: setting[key] if plain[key] else shown(setting[key]) for key in spec.keys}
