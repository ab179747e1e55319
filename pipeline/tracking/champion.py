"""The model registry: a run's best trained model as a version, and who bears the alias `champion`."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from pipeline.artifacts import RunView
from pipeline.config import Analysis
from pipeline.evaluate.horizons import prediction_months
from pipeline.metrics import METRICS, estimate, resamples
from pipeline.models import SurvivalModel, load_model
from pipeline.schema import Cohort, Floats, InputError, outcome
from pipeline.tracking.client import quiet_mlflow
from pipeline.tracking.store import one_at_a_time

ALIAS: Final = "champion"
METRIC: Final = "uno_c"
REPLICATES: Final = 1000
LEVEL: Final = 0.95
RULE: Final = (
    "The run's best trained model by Uno's C (external patients, else cross-validation) is registered. It "
    "becomes the champion when there is none, or when on the run's external patients, whom neither was "
    f"trained on, its Uno's C less the champion's has a paired bootstrap interval ({LEVEL:.0%}, "
    f"{REPLICATES:,} resamples) wholly above zero. One version of a name is champion at a time: it alone has "
    f"alias and tag `{ALIAS}: true`, and its run alone the tag `{ALIAS}` with the name."
)


@dataclass(frozen=True)
class Verdict:
    """What became of a run's best model.

    Attributes
    ----------
    name, version, model : str
        In the registry, and in the run.
    crowned : bool
        Whether it now bears the alias.
    reason : str
    difference : tuple of float, optional
        Uno's C less the champion's: value, low, high.
    """

    name: str
    version: str
    model: str
    crowned: bool
    reason: str
    difference: tuple[float, float, float] | None = None


def crown(
    view: RunView, run_id: str, uri: str, external: Cohort | None, rng: np.random.Generator
) -> Verdict | None:
    """Register the best trained model of a filed run and set alias and tags by `RULE`.

    Of two processes on one SQLite store the second decides when the first has done; where a server keeps the
    store, tags follow whichever set the alias last.

    Parameters
    ----------
    view : RunView
    run_id : str
        Of the filed run, from `pipeline.tracking.track_run`.
    uri : str
        The store.
    external : Cohort, optional
        The run's external patients; without any, a present champion stays.
    rng : Generator
        For the paired resamples.

    Returns
    -------
    Verdict or None
        None when the run trained no model that can be stored.
    """
    best = best_trained(view)
    if best is None:
        return None
    name = f"lungio-{view.facts['name']}-{view.facts['analysis']['endpoint']}"
    with quiet_mlflow(uri) as mlflow, one_at_a_time(uri):
        client = mlflow.MlflowClient(tracking_uri=uri)
        present = _champion(mlflow, client, name)
        version = _register(mlflow, client, _model_uri(client, run_id, best), name)
        if present is not None and str(present.version) == version:
            _tag_champion(client, name)
            reason = present.tags.get("decision", "there was no champion")
            return Verdict(name, version, best, True, reason)  # crowned before, by a run that was resumed
        crowned, reason, difference = _decide(mlflow, view, best, present, external, rng)
        trained_on = view.facts["cohorts"]["train"]["sha256"]
        tags = {"run": view.folder.name, "model": best, "trained_on": trained_on} | {
            "decision": reason, "rule": RULE,
        }  # fmt: skip
        if difference is not None:
            tags |= dict(zip(("difference", "difference_low", "difference_high"), map(str, difference),
                             strict=True))  # fmt: skip
        for key, value in tags.items():
            client.set_model_version_tag(name, version, key, value)
        if crowned:
            client.set_registered_model_alias(name, ALIAS, version)
        _tag_champion(client, name)
    return Verdict(name, version, best, crowned, reason, difference)


def best_trained(view: RunView) -> str | None:
    """Return the stored model with the highest Uno's C among those that learnt features from patients."""
    learnt = [name for name, folder in view.models().items() if load_model(folder).features is not None]
    scores = view.table("scores")
    rows = scores[(scores["metric"] == METRIC) & (scores["group"] == "all") & scores["model"].isin(learnt)]
    for data in ("external", "cross-validation"):
        judged = rows[rows["data"] == data]
        if len(judged):
            return str(judged.sort_values("value", kind="stable")["model"].iloc[-1])
    return None


def paired_difference(
    first: SurvivalModel,
    second: SurvivalModel,
    cohort: Cohort,
    endpoint: str,
    months: Floats,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """Return Uno's C of `first` less that of `second` on the same patients: value, low and high.

    Percentile interval over resamples of the patients, the same for both models (Efron and Tibshirani, An
    Introduction to the Bootstrap, 1993, ch. 13); tau is the last of `months`. It speaks of these patients;
    the models stay as they are.
    """
    y = outcome(cohort.observed, endpoint)
    weights = resamples(len(cohort), REPLICATES, rng)
    values = []
    for model in (first, second):
        prediction = model.predict(cohort.observed, months)
        values.append(METRICS[METRIC].compute(y, prediction, prediction, None, weights))
    return estimate(values[0] - values[1], LEVEL)


def _decide(
    mlflow: Any, view: RunView, best: str, present: Any, external: Cohort | None, rng: np.random.Generator
) -> tuple[bool, str, tuple[float, float, float] | None]:
    if present is None:
        return True, "there was no champion", None
    stays = f"version {present.version} stays champion: "
    if external is None:
        return False, stays + "the run has no external patients to compare them on", None
    if present.tags.get("trained_on") == view.facts["cohorts"]["external"]["sha256"]:
        return False, stays + "it was trained on the run's external patients", None
    analysis = view.facts["analysis"]
    months = prediction_months(Analysis.model_validate(analysis))
    with TemporaryDirectory() as folder:
        stored = f"models:/{present.name}/{present.version}"
        place = mlflow.artifacts.download_artifacts(stored, dst_path=folder)
        (document,) = Path(place).rglob("model.json")
        champion = load_model(document.parent)
    try:
        found = paired_difference(
            load_model(view.models()[best]), champion, external, analysis["endpoint"], months, rng
        )
    except InputError as error:
        return False, stays + f"it cannot be applied to the run's patients ({error})", None
    told = f"{found[0]:+.4f} ({found[1]:+.4f} to {found[2]:+.4f})"
    if found[1] > 0:
        return True, f"Uno's C above that of version {present.version} by {told}", found
    return False, stays + f"Uno's C of the new model less its own is {told}", found


def _champion(mlflow: Any, client: Any, name: str) -> Any:
    """Return the version that bears the alias, or None."""
    try:
        return client.get_model_version_by_alias(name, ALIAS)
    except mlflow.exceptions.MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None  # no such name, or a name without the alias
        raise


def _tag_champion(client: Any, name: str) -> None:
    """Make the tags of versions and runs say what the alias says, wherever that was set."""
    bearer = client.get_model_version_by_alias(name, ALIAS)
    for version in client.search_model_versions(f"name = '{name}' and tags.{ALIAS} = 'true'"):
        if version.version != bearer.version:
            client.set_model_version_tag(name, version.version, ALIAS, "false")
            client.set_model_version_tag(name, version.version, "followed_by", bearer.version)
    client.set_model_version_tag(name, bearer.version, ALIAS, "true")
    if "followed_by" in bearer.tags:
        client.delete_model_version_tag(name, bearer.version, "followed_by")
    everywhere = [e.experiment_id for e in client.search_experiments()]
    for run in client.search_runs(everywhere, f"tags.{ALIAS} = '{name}'"):
        if run.info.run_id != bearer.run_id:
            client.delete_tag(run.info.run_id, ALIAS)
    if bearer.run_id:
        client.set_tag(bearer.run_id, ALIAS, name)


def _register(mlflow: Any, client: Any, model: str, name: str) -> str:
    """Return the version that a stored model has under `name`; it is registered once."""
    found = client.search_model_versions(f"name = '{name}'")
    wanted = model.removeprefix("models:/")
    known = [v for v in found if wanted in (v.model_id, (v.source or "").split("/")[-1])]
    if known:
        return str(known[0].version)
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        return str(mlflow.register_model(model, name).version)


def _model_uri(client: Any, run_id: str, model: str) -> str:
    """Return where the stored `model` of a filed run is."""
    parent = client.get_run(run_id)
    query = f"tags.`mlflow.parentRunId` = '{run_id}' and tags.model = '{model}'"
    (child,) = client.search_runs([parent.info.experiment_id], query)
    return f"models:/{child.outputs.model_outputs[0].model_id}"


def verdict_line(verdict: Verdict) -> str:
    """Return the verdict in one line for the terminal."""
    crowned = f", now {ALIAS}" if verdict.crowned else ""
    return f"{verdict.name} version {verdict.version} ({verdict.model}){crowned}: {verdict.reason}"
