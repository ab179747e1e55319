"""The runs of a sweep: each a pure task, in a grid or as Optuna proposes them, ranked by one score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from experiments.cohorts import CohortSource, resolve_cohort
from experiments.config import CohortChoice, Experiment, find_config
from experiments.replicates import Task, TaskPool
from experiments.run import evidence_facts
from experiments.sweep_spec import Range, Setting, Sweep, end, with_setting
from pipeline.artifacts import file_digest, library_versions, table_digest, value_digest
from pipeline.schema import InputError, Progress, silent

if TYPE_CHECKING:
    import optuna
    import pandas as pd

STAGE: Final = "runs"
DECISIVE: Final = ("seed", "train", "external", "analysis")
COLUMNS: Final = ("model", "data", "metric", "horizon_months", "value", "low", "high", "patients", "events")


@dataclass(frozen=True)
class Run:
    """One run of a sweep: its place in it, what was set, and what came of it.

    Attributes
    ----------
    number, setting_number : int
        Of the run, and of the setting that it shares with runs on other cohorts and seeds; both from 1.
    setting : mapping
        Dotted key to value: what varies, cohort and seed included.
    result : mapping
        `scores` (rows), `cohorts` (SHA-256 by role) and `config_sha256`, or `fault`, why there are none.
    """

    number: int
    setting_number: int
    setting: Setting
    result: Mapping[str, Any]


def carry_out(
    sweep: Sweep, base: Experiment, data: Path | None, pool: TaskPool, progress: Progress = silent
) -> list[Run]:
    """Carry out a sweep and return its runs in the order of their settings.

    The same sweep gives the same runs from any pool: results come in the order of the settings, and what
    Optuna proposes depends on results of earlier batches alone.
    """
    if sweep.search == "grid":
        return _runs(sweep, base, data, list(sweep.grid()), pool, progress, 0, 0)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=sweep.seed, n_startup_trials=max(10, sweep.batch))
    study = optuna.create_study(sampler=sampler, direction="maximize")
    done: list[Run] = []
    total = sweep.trials * len(sweep.places())
    for start in range(0, sweep.trials, sweep.batch):
        asked = [study.ask() for _ in range(min(sweep.batch, sweep.trials - start))]
        settings = [
            {key: _proposed(trial, key, values) for key, values in sweep.vary.items()} for trial in asked
        ]
        runs = _runs(sweep, base, data, settings, pool, progress, start, total)
        done += runs
        for place, trial in enumerate(asked, start=start + 1):
            told = objective(sweep, [r for r in runs if r.setting_number == place])
            failed = optuna.trial.TrialState.FAIL
            missing = math.isnan(told)
            study.tell(trial, None if missing else better(sweep)(told), failed if missing else None)
    return done


def _proposed(trial: optuna.Trial, key: str, values: tuple[Any, ...] | Range) -> Any:
    if not isinstance(values, Range):
        return values[trial.suggest_categorical(key, range(len(values)))]
    if values.whole:
        return trial.suggest_int(key, int(values.low), int(values.high), log=values.log)
    return end(values, trial.suggest_float(key, values.low, values.high, log=values.log))


def _runs(
    sweep: Sweep, base: Experiment, data: Path | None, settings: Sequence[Setting], pool: TaskPool,
    progress: Progress, before: int, total: int,
) -> list[Run]:  # fmt: skip
    places = sweep.places()
    asked = [setting | place for setting in settings for place in places]
    tasks = [task_of(with_setting(base, sweep.fixed | setting), data) for setting in asked]
    earlier = before * len(places)

    def told(stage: str, done: int, all_of_them: int) -> None:
        progress(stage, earlier + done, max(total, all_of_them))

    results = pool.run(one_run, tasks, told, STAGE)
    return [
        Run(earlier + k + 1, before + k // len(places) + 1, setting, result)
        for k, (setting, result) in enumerate(zip(asked, results, strict=True))
    ]


def task_of(experiment: Experiment, data: Path | None) -> dict[str, Any]:
    """Return one run as a task: what decides its numbers, with digests of the files that it reads."""
    spec = experiment.model_dump(mode="json")
    cohorts = [spec["train"]["cohort"], (spec["external"] or {}).get("cohort")]
    return {
        "experiment": {"name": "run", **{key: spec[key] for key in DECISIVE}},
        "data": None if data is None else str(data.resolve()),
        "digests": {
            "cohorts": [None if c is None else _cohort_digest(c) for c in cohorts],
            "data": None if data is None else _digest(data),
            "evidence": _evidence_digest(),
            "versions": library_versions(),
        },
    }


def _cohort_digest(cohort: str) -> str | None:
    try:
        return _digest(find_config("cohorts", cohort))
    except InputError:
        return None  # a trial of the register, which the digest of the evidence covers


@lru_cache(maxsize=64)
def _digest(path: Path) -> str:
    return file_digest(path)


@lru_cache(maxsize=1)
def _evidence_digest() -> str:
    return str(evidence_facts()["sha256"])


def one_run(task: Task) -> dict[str, Any]:
    """Draw or read the cohorts of one run, train and judge its models; what `lungio run` would score."""
    from pipeline.run import judge_models, plan, stage_generator

    experiment = Experiment.model_validate(task["experiment"])
    data = None if task["data"] is None else Path(task["data"])
    rng = np.random.default_rng(experiment.seed)
    try:
        cohorts = {
            role: source.cohort(
                stage_generator(rng, f"cohort {role}"), None if role == "train" else f"{source.name}_{role}"
            )
            for role, source in sources_of(experiment, data).items()
        }
        planned = plan(experiment.analysis, cohorts["train"], cohorts.get("external"))
        scores = judge_models(planned, stage_generator(rng, "analysis")).scores()
    except InputError as error:
        return {"fault": str(error)}
    overall = scores.loc[scores["group"] == "all", list(COLUMNS)]
    return {
        "scores": overall.astype(object).where(overall.notna(), None).to_dict("records"),
        "cohorts": {role: table_digest(cohort.observed) for role, cohort in cohorts.items()},
        "config_sha256": value_digest({key: task["experiment"][key] for key in DECISIVE}),
    }


def sources_of(experiment: Experiment, data: Path | None) -> dict[str, CohortSource]:
    """Return the cohorts of a run by role; a population is solved once a process and cohort."""
    choices = {"train": experiment.train}
    if (external := experiment.external_choice()) is not None:
        choices["external"] = external
    return {role: _source(choice, data, role) for role, choice in choices.items()}


def _source(choice: CohortChoice, data: Path | None, role: str) -> CohortSource:
    source = resolve_cohort(choice, data, role, "sweep CONFIG")
    if not source.simulated:
        return source
    return replace(source, population=_solved(choice.cohort, _cohort_digest(choice.cohort)).population)


@lru_cache(maxsize=4)
def _solved(cohort: str, _: str | None) -> CohortSource:
    return resolve_cohort(CohortChoice(cohort=cohort, patients=1), None, "train", "sweep CONFIG").solved()


def better(sweep: Sweep) -> Any:
    """Return the function whose larger values are better, of a score of the objective's metric."""
    from pipeline.metrics import METRICS

    way = METRICS[sweep.objective.metric].better
    return {"higher": lambda v: v, "lower": lambda v: -v, "zero": lambda v: -abs(v),
            "one": lambda v: -abs(v - 1)}[way]  # fmt: skip


def objective(sweep: Sweep, runs: Sequence[Run]) -> float:
    """Return the objective of one setting, the mean over its cohorts and seeds; NaN when a run failed."""
    values = [run_objective(sweep, run)[1] for run in runs]
    return float(np.mean(values)) if values else math.nan


def run_objective(sweep: Sweep, run: Run) -> tuple[str, float]:
    """Return the model that a run is ranked by and its score; an empty name and NaN when it has none."""
    wanted = sweep.objective
    found: dict[str, list[float]] = {}
    for row in run.result.get("scores", ()):
        if row["metric"] != wanted.metric or row["data"] != wanted.data or row["value"] is None:
            continue
        if wanted.horizon_months is not None and row["horizon_months"] != wanted.horizon_months:
            continue
        if row["model"] == wanted.model or (wanted.model is None and row["model"] != "oracle"):
            found.setdefault(row["model"], []).append(float(row["value"]))
    if not found:
        return "", math.nan
    good = better(sweep)
    means = {model: float(np.mean(values)) for model, values in found.items()}
    model = max(means, key=lambda name: good(means[name]))
    return model, means[model]


def scores_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return every overall score of every run, with its interval."""
    import pandas as pd

    rows = [{"run": r.number, **row} for r in runs for row in r.result.get("scores", ())]
    table = pd.DataFrame(rows, columns=["run", *COLUMNS])
    return table.astype(dict.fromkeys(("horizon_months", "value", "low", "high"), float))
