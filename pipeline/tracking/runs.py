"""From a run folder to MLflow: one parent run, one child a model; only this process writes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.schema import Progress, silent
from pipeline.tracking.client import (
    facts_tags,
    flat,
    identity_tag,
    log,
    metric_name,
    open_run,
    place_of,
    quiet_mlflow,
    system_metrics,
)
from pipeline.tracking.served_rows import Served

SHORT: Final = {"cross-validation": "cv", "external": "external"}  # as metrics are prefixed
DIGEST_LETTERS: Final = 36  # what MLflow's store keeps of a dataset's digest


def track_run(view: RunView, uri: str, experiment: str, progress: Progress = silent) -> str:
    """File a finished run and return the identifier of its parent run; one that was filed is not filed again.

    The parent holds parameters, data sets, figures, tables and each model's overall scores side by side;
    each child holds one model: parameters, scores with the horizon in months as step, their interval ends
    as ``.low`` and ``.high``, the model itself where it can be saved, and below it each trial of its tuning.

    Parameters
    ----------
    view : RunView
    uri : str
        From `resolve_store`.
    experiment : str
        Made when it does not exist.
    progress : Progress, optional
    """
    models = list(view.facts["models"])
    classifiers = list(view.facts.get("response", {}))
    steps = len(models) + len(classifiers) + 2
    with place_of(view.facts, uri, experiment) as (mlflow, client, experiment_id, filed):
        progress("file in MLflow", 1, steps)
        if filed is not None:
            progress("file in MLflow", steps, steps)
            return filed
        tags = _tags(view.facts) | identity_tag(view.facts)
        with open_run(client, experiment_id, view.folder.name, tags) as parent:
            metrics = summary_metrics(view.table("scores")) + system_metrics(view.facts)
            if classifiers:
                metrics += summary_metrics(response_scores(view))
            log(client, parent, parent_parameters(view.facts), metrics)
            client.log_inputs(parent, _datasets(view.facts))
            for part in ("figures", "tables"):
                client.log_artifacts(parent, str(view.folder / part), part)
            for file in sorted(p for p in view.folder.iterdir() if p.suffix in (".json", ".yaml", ".csv")):
                client.log_artifact(parent, str(file))
            progress("file in MLflow", 2, steps)
            for done, model in enumerate(models, start=3):
                _track_model(mlflow, client, view, experiment_id, parent, model)
                progress("file in MLflow", done, steps)
            for done, model in enumerate(classifiers, start=len(models) + 3):
                _track_classifier(client, view, experiment_id, parent, model)
                progress("file in MLflow", done, steps)
    return parent


def log_report(uri: str, run_id: str, files: list[Path]) -> None:
    """Add the report's files to a filed run."""
    with quiet_mlflow(uri) as mlflow:
        client = mlflow.MlflowClient(tracking_uri=uri)
        for file in files:
            client.log_artifact(run_id, str(file), "report")


def _track_model(
    mlflow: Any, client: Any, view: RunView, experiment_id: str, parent: str, model: str
) -> None:
    facts = view.facts
    tags = _tags(facts) | {"mlflow.parentRunId": parent, "model": model}
    with open_run(client, experiment_id, f"{model} · {view.folder.name}", tags) as run:
        scores = view.table("scores")
        metrics = list(score_metrics(scores[scores["model"] == model]))
        log(client, run, flat(facts["models"][model]["parameters"]), metrics)
        client.log_inputs(run, _datasets(facts))
        for figure in view.figures(f"*{model}*"):
            client.log_artifact(run, str(figure), "figures")
        if model in view.models():
            _log_model(mlflow, view, run, model)
        if "tuning" in view.tables:
            _track_trials(client, view, experiment_id, run, model)


def response_scores(view: RunView) -> pd.DataFrame:
    """Return the scores of classifiers of response, each called ``response_<name>``."""
    scores = view.table("response_scores")
    return scores.assign(model="response_" + scores["model"])


def _track_classifier(client: Any, view: RunView, experiment_id: str, parent: str, model: str) -> None:
    """File a classifier of response, or what stands beside it, as a run below the parent."""
    facts, name = view.facts, f"response_{model}"
    tags = _tags(facts) | {"mlflow.parentRunId": parent, "model": name}
    with open_run(client, experiment_id, f"{name} · {view.folder.name}", tags) as run:
        scores = response_scores(view)
        metrics = list(score_metrics(scores[scores["model"] == name]))
        log(client, run, flat(facts["response"][model]["parameters"]), metrics)
        client.log_inputs(run, _datasets(facts))
        for figure in view.figures("response"):
            client.log_artifact(run, str(figure), "figures")
        if facts["response"][model]["saved"]:
            client.log_artifacts(run, str(view.folder / "response_models" / model), "model")
        if "response_tuning" in view.tables:
            _track_trials(client, view, experiment_id, run, name, "response_tuning")


def _track_trials(
    client: Any, view: RunView, experiment_id: str, parent: str, model: str, name: str = "tuning"
) -> None:
    """File each trial of a model's search for hyper-parameters as a run of its own below the model's."""
    table = view.table(name)
    for row in table[table["model"] == model].dropna(axis=1).to_dict("records"):
        number, measured = int(row.pop("trial")), {name: float(row.pop(name)) for name in ("loss", "seconds")}
        tags = _tags(view.facts) | {"mlflow.parentRunId": parent, "model": str(row.pop("model"))}
        settings = {str(name): value for name, value in row.items()}
        with open_run(client, experiment_id, f"{model} · trial {number}", tags) as run:
            log(client, run, settings, [(name, value, 0) for name, value in measured.items()])


def _log_model(mlflow: Any, view: RunView, run_id: str, model: str) -> None:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    months = [float(m) for m in view.facts["analysis"]["horizons_months"]]
    example = view.table("typical_patients").reset_index(drop=True)
    number = [pd.api.types.is_numeric_dtype(example[name]) for name in example]
    signature = ModelSignature(
        # Not required of MLflow, which would answer with the whole table: `Served` names what is missing.
        inputs=Schema(
            [ColSpec("double" if n else "string", c, False) for c, n in zip(example, number, strict=True)]
        ),
        outputs=Schema([ColSpec("double", f"survival_{m:g}_months") for m in months]),
        params=ParamSchema(
            [ParamSpec("months", "double", months, (-1,)), ParamSpec("explain", "boolean", False)]
        ),
    )
    served = Served.of(view.facts["cohorts"]["train"], view.facts["analysis"]["endpoint"])
    with mlflow.start_run(run_id=run_id), TemporaryDirectory() as folder:
        mlflow.pyfunc.log_model(
            name=model,
            python_model=str(Path(__file__).with_name("survival_pyfunc.py")),
            artifacts={
                "model": str(view.models()[model]),
                "served": str(served.write(Path(folder) / "served.json")),
            },
            code_paths=[str(Path(__file__).resolve().parents[1])],
            signature=signature,
            input_example=(example, {"months": months}),
            # Spelt out: left to itself MLflow spends 6 to 22 s guessing them.
            pip_requirements=[f"{lib}=={version}" for lib, version in _requirements(view.facts).items()],
            metadata={"run": view.folder.name, "simulated": view.facts["simulated"]},
        )


def _requirements(facts: Mapping[str, Any]) -> dict[str, str]:
    wanted = ("numpy", "pandas", "scipy", "scikit-learn", "scikit-survival", "lifelines", "numba")
    return {lib: v for lib, v in facts["versions"].items() if lib in wanted and v != "not installed"}


def parent_parameters(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decided the run, flat: seed, cohorts, analysis."""
    cohorts = {
        f"{role}.{key}": cohort[key]
        for role, cohort in facts["cohorts"].items()
        for key in ("name", "patients", "simulated", "sha256")
    }
    return {"seed": facts["seed"], **cohorts, **flat(facts["analysis"])}


def score_metrics(scores: pd.DataFrame) -> Iterator[tuple[str, float, int]]:
    """Yield name, value and step of every score of one model, its interval ends included.

    ``external.auc`` at step 12 is the AUC at 12 months; scores without a horizon stand at step 0; a
    subgroup's level follows after a slash. A horizon that is no whole month is spelt in the name, for
    steps are whole numbers.
    """
    for row in scores.to_dict("records"):
        name = f"{SHORT.get(row['data'], row['data'])}.{row['metric']}"
        months = row["horizon_months"]
        step = 0 if pd.isna(months) else round(months)
        if not pd.isna(months) and not float(months).is_integer():
            name += f"_at_{months:g}_months"
        name += "" if row["group"] == "all" else f"/{row['group']}"
        for suffix, column in (("", "value"), (".low", "low"), (".high", "high")):
            if math.isfinite(row[column]):
                yield metric_name(f"{name}{suffix}"), float(row[column]), step


def summary_metrics(scores: pd.DataFrame) -> list[tuple[str, float, int]]:
    """Return the overall scores without a horizon, named ``<model>.<data>.<metric>``, for the parent run."""
    rows = scores[(scores["group"] == "all") & scores["horizon_months"].isna()]
    return [
        (metric_name(f"{r['model']}.{SHORT.get(r['data'], r['data'])}.{r['metric']}"), float(r["value"]), 0)
        for r in rows.to_dict("records")
        if math.isfinite(r["value"])
    ]


def _tags(facts: Mapping[str, Any]) -> dict[str, str]:
    tags = facts_tags(facts) | {
        "endpoint": facts["analysis"]["endpoint"],
        "simulated": str(facts["simulated"]).lower(),
        "mlflow.source.name": "lungio run",
    }
    return {key: value for key, value in tags.items() if value}


def _datasets(facts: Mapping[str, Any]) -> list[Any]:
    """Return cohorts and evidence as MLflow's data sets: name, SHA-256 and origin, never the patients."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    contexts = {"train": "training", "external": "testing"}
    inputs = []
    for role, cohort in facts["cohorts"].items():
        origin = {key: cohort[key] for key in ("simulated", "sha256", "arms", "endpoints")}
        profile = {"patients": cohort["patients"]}
        inputs.append((contexts.get(role, role), cohort["name"], cohort["sha256"], origin, profile))
    evidence = facts["evidence"]
    inputs.append(("evidence", "evidence", evidence["sha256"], dict(evidence), {"files": evidence["files"]}))
    return [
        DatasetInput(
            dataset=Dataset(
                name=name,
                digest=sha256[:DIGEST_LETTERS],
                source_type="lungio",
                source=json.dumps(origin),
                profile=json.dumps(profile),
            ),
            tags=[InputTag("mlflow.data.context", context)],
        )
        for context, name, sha256, origin, profile in inputs
    ]
