"""What `lungio drift` computes: the run's patients again, the new ones, and every difference judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import Field

from experiments.conventions import DO_NOT_USE, DONE, LOOK
from pipeline.config import Analysis, Spec
from pipeline.drift import (
    Drift,
    DriftRules,
    comparable,
    judge_drift,
    marker_shift,
    outcome_drift,
)
from pipeline.evaluate.horizons import unusable
from pipeline.evaluate.predictions import CROSS_VALIDATION, EXTERNAL, Predictions
from pipeline.models import load_model, null_prediction
from pipeline.realism import Separation, separate
from pipeline.run.streams import stage_generator
from pipeline.schema import Cohort, Floats, InputError, Prediction, Progress, outcome

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.artifacts import RunView

EXIT_CODES: Final = {"none": DONE, "look": LOOK, "do not use": DO_NOT_USE}


class DriftStudy(Spec):
    """One comparison of new patients with those of a run."""

    name: str
    seed: int = Field(ge=0)
    run: str
    cohort: str
    rules: DriftRules = DriftRules()


@dataclass(frozen=True)
class Found:
    """What a comparison found, and from what."""

    drift: Drift
    tables: Mapping[str, pd.DataFrame]
    account: Mapping[str, Any]
    cohorts: Mapping[str, Cohort]


def training_cohort(view: RunView, data: Path | None) -> Cohort:
    """Return the very patients a run was trained on: drawn again, or read again from their file.

    Raises
    ------
    InputError
        When they are not the same any more (by SHA-256), or the file of real ones was not given.
    """
    from experiments.config import Experiment, read_spec
    from experiments.run import Options, resolve_sources
    from pipeline.artifacts import describe_cohort

    config = view.folder / "experiment.yaml"
    if not config.is_file():
        raise InputError(f"{view.folder} has no experiment.yaml to draw or read its patients by")
    experiment = read_spec(config, Experiment)
    about = view.facts["cohorts"]["train"]
    if not about["simulated"] and data is None:
        raise InputError(
            "the run was trained on real patients, whom no run keeps; give their --training-data FILE"
        )
    options = Options(config=str(config), data=None if about["simulated"] else data)
    source = resolve_sources(experiment.model_copy(update={"external": None}), options)["train"]
    cohort = source.cohort(stage_generator(np.random.default_rng(experiment.seed), "cohort train"))
    if describe_cohort(cohort)["sha256"] != about["sha256"]:
        what = "evidence or generator have changed" if cohort.simulated else "the file is another one"
        raise InputError(
            f"the patients of {view.folder} cannot be had again: {what} since (SHA-256 "
            f"{about['sha256'][:16]} then); run the experiment anew"
        )
    return cohort


def new_cohort(name: str, data: Path | None, patients: int, rng: np.random.Generator) -> Cohort:
    """Return the new patients: from a cohort folder, drawn, or read from a file."""
    from experiments.cohorts import is_real, resolve_cohort
    from experiments.config import CohortChoice
    from pipeline.artifacts import load_cohort

    if (Path(name) / "manifest.json").is_file():
        return load_cohort(Path(name))
    real = is_real(name)
    choice = CohortChoice(cohort=name, patients=None if real else patients)
    source = resolve_cohort(choice, data, "new", f"drift RUN {name}")
    return source.cohort(rng, None if real else f"{source.name}_new")


def compare_cohorts(
    view: RunView, old: Cohort, new: Cohort, rules: DriftRules, rng: np.random.Generator, progress: Progress
) -> Found:
    """Compare markers, the whole of them, and outcomes; judge all of it."""
    if len(new) < rules.least_patients:
        raise InputError(
            f"a verdict needs at least {rules.least_patients} new patients. Got {len(new)} instead"
        )
    columns = comparable(old.columns, new.columns)
    shift = marker_shift(old.observed, new.observed, columns)
    progress("compare the markers", 1, 1)
    shared = [c for c in columns if c.role == "baseline" and c.name in new.observed]
    separation = separate(old.observed, new.observed, shared, stage_generator(rng, "separation"))
    progress("tell old from new patients", 1, 1)
    analysis = view.facts["analysis"]
    horizon, said = _common_horizon(analysis, old, new)
    outcomes, notes = None, [said] if said else []
    if horizon is not None:
        before, now, faults = judged_predictions(view, old, new, horizon)
        notes += faults
        if now.models:
            asked = Analysis.model_validate(analysis)
            outcomes = outcome_drift(before, now, asked, horizon, stage_generator(rng, "outcomes"))
    progress("judge predictions", 1, 1)
    drift = judge_drift(shift, separation, outcomes, rules, column_importance(view))
    tables = {"shift": shift, "findings": drift.findings}
    tables |= {} if outcomes is None else {"outcomes": outcomes}
    tables["separation"] = separation.drops.rename_axis("column").rename("drop").reset_index()
    account = _account(view, new, drift, separation, outcomes, rules, notes)
    return Found(drift, tables, account, {"train": old, "new": new})


def _common_horizon(analysis: Mapping[str, Any], old: Cohort, new: Cohort) -> tuple[float | None, str]:
    """Return the run's horizon nearest to the explained one that both cohorts can speak about."""
    endpoint = analysis["endpoint"]
    if endpoint not in new.endpoints():
        return None, f"the new cohort has no {endpoint}: calibration and ranking were not judged"
    ys = [outcome(c.observed, endpoint) for c in (old, new)]
    wanted = analysis["explanation"]["horizon_months"]
    for horizon in sorted(analysis["horizons_months"], key=lambda h: abs(h - wanted)):
        if not any(unusable(y, horizon) for y in ys):
            return float(horizon), ""
    return None, "follow-up of the new patients is too short: calibration and ranking were not judged"


def judged_predictions(
    view: RunView, old: Cohort, new: Cohort, horizon_months: float
) -> tuple[Predictions, Predictions, list[str]]:
    """Return the trained models' kept out-of-fold predictions of old patients and fresh ones of new.

    A model that cannot be applied to the new patients is left out of both and named in the third part.
    """
    endpoint = view.facts["analysis"]["endpoint"]
    horizons = view.facts["analysis"]["horizons_months"]
    months = np.array([h for h in horizons if h <= horizon_months], dtype=float)
    kept = view.table("predictions")
    kept = kept[
        (kept["data"] == CROSS_VALIDATION)
        & (kept["repeat"] == 0)
        & (kept["horizon_months"] <= horizon_months)
    ]
    before, now, faults = {}, {}, []
    for name, folder in view.models().items():
        model = load_model(folder)
        if model.features is None:  # a published rule learnt nothing that could go stale
            continue
        try:
            now[name] = (model.predict(_completed(new, old), months),)
        except InputError as error:
            faults.append(f"{name} cannot be applied to the new patients: {error}")
            continue
        before[name] = (_kept_prediction(kept[kept["model"] == name], months),)
    y = [outcome(c.observed, endpoint) for c in (old, new)]
    null = [(null_prediction(y[0]["time"], y[0]["event"], len(part), months),) for part in y]
    fold = kept.drop_duplicates("row").sort_values("row")["fold"].to_numpy(dtype=np.intp)
    return (
        Predictions(CROSS_VALIDATION, old, y[0], before, null[0], fold[None, :]),
        Predictions(EXTERNAL, new, y[1], now, null[1], np.zeros((1, len(new)), dtype=np.intp)),
        faults,
    )


def _kept_prediction(rows: pd.DataFrame, months: Floats) -> Prediction:
    wide = rows.pivot_table(index="row", columns="horizon_months", values="survival").reindex(columns=months)
    risk = rows.drop_duplicates("row").sort_values("row")["risk"].to_numpy(dtype=float)
    return Prediction(risk, months, wide.to_numpy(dtype=float))


def _completed(new: Cohort, old: Cohort) -> pd.DataFrame:
    """Return the new patients with a column of gaps for each baseline value they do not have."""
    frame = new.observed.copy()
    for column in old.columns:
        if column.role == "baseline" and column.name not in frame:
            frame[column.name] = np.nan if column.kind == "number" else None
    return frame


def column_importance(view: RunView) -> dict[str, float] | None:
    """Return each column's share of the explanations, the largest of the models; None without any."""
    if "importance" not in view.tables:
        return None
    table = view.table("importance")
    share = table[table["level"] == "column"].groupby(["model", "name"])["share"].mean()
    return {str(name): float(value) for name, value in share.groupby("name").max().items()}


def _account(
    view: RunView,
    new: Cohort,
    found: Drift,
    separation: Separation,
    outcomes: pd.DataFrame | None,
    rules: DriftRules,
    notes: Sequence[str],
) -> dict[str, Any]:
    """Return the verdict and what it rests on, ready for JSON."""
    from pipeline.artifacts import RESEARCH_USE
    from pipeline.artifacts.cohort_folder import finite

    account = {
        "research_use": RESEARCH_USE,
        "verdict": found.verdict,
        "exit_code": EXIT_CODES[found.verdict],
        "run": view.folder.name,
        "new_cohort": {"name": new.name, "patients": len(new), "simulated": new.simulated},
        "alarms": found.alarms.to_dict("records"),
        "judged": len(found.findings),
        "separation": {
            "auc": separation.auc,
            "low": separation.low,
            "high": separation.high,
            "p": separation.p,
        },
        "outcomes": None if outcomes is None else outcomes.to_dict("records"),
        "rules": rules.model_dump(mode="json"),
        "notes": list(notes),
    }
    whole: dict[str, Any] = finite(account)
    return whole
