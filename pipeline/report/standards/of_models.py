"""What a run says of its models: which there are, how they were built, what they give, how to repeat it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pipeline.artifacts import RunView
from pipeline.artifacts.lineage import in_words
from pipeline.models.labels import RULES, model_label
from pipeline.report.sections.wording import words
from pipeline.report.standards import known
from pipeline.report.standards.items import Said

SEARCHED: Final = ("cv_log_likelihood[", "patients[", "missing[")  # a search's record, not a setting


def title(run: RunView) -> Said:
    """Return what the study does, for whom and of which outcome."""
    train = run.facts["cohorts"]["train"]
    return Said(
        f"{run.facts['title']}: making and judging prognostic models of {known.endpoint_label(run)}; cohort "
        f"{train['name']}, {known.origin(train)}."
    )


def earlier_models(run: RunView) -> Said:
    """Return which published models stand beside the new ones."""
    fixed = known.fixed(run)
    if not fixed:
        return Said("No published model was set beside the new ones.")
    sources = [run.facts["models"][m]["parameters"].get("source", "") for m in fixed]
    said = [
        f"{model_label(m)}{f' ({source})' if source else ''}"
        for m, source in zip(fixed, sources, strict=True)
    ]
    return Said(f"Set beside the new models on the same patients: {'; '.join(said)}.")


def research_use(run: RunView) -> Said:
    """Return what the run may be used for."""
    return Said(f"{run.facts['research_use']} Prognosis from what is known at the start of treatment.")


def not_for(run: RunView) -> Said:
    """Return what the models must not be used for."""
    return Said(
        "Decisions about the care of any patient; patients unlike those below; choosing a treatment: the "
        "models are prognostic, and nothing here shows that a predicted difference between arms is caused "
        "by them."
    )


def objectives(run: RunView) -> Said:
    """Return whether a model was made, judged, or both."""
    judged = "cross-validation" + (" and external patients" if "external" in run.facts["cohorts"] else "")
    making = known.names(known.learnt(run)) or "no model"
    return Said(f"Both: {making} made, {known.names(list(run.facts['models']))} judged by {judged}.")


def data_use(run: RunView) -> Said:
    """Return what data served for making and what for judging."""
    split = run.facts["analysis"]["cross_validation"]
    whole = (
        "each patient is in one fold"
        if split["by"] == "patient"
        else f"groups of {words(split['by']).lower()} stay whole"
    )
    external = (
        f" The {known.counts(run)['external'].patients:,} external patients were never fitted to."
        if "external" in run.facts["cohorts"]
        else ""
    )
    return Said(
        f"All {known.counts(run)['train'].patients:,} training patients made the final models; performance "
        f"inside comes from {split['folds']}-fold cross-validation, {_times(split['repeats'])}, stratified "
        f"by event and arm, {whole}.{external}"
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def model_building(run: RunView) -> Said:
    """Return every model with its settings."""
    parts = []
    for name, about in run.facts["models"].items():
        settings = {k: v for k, v in about["parameters"].items() if not k.startswith(SEARCHED)}
        shown = ", ".join(f"{words(k).lower()} {_short(v)}" for k, v in settings.items() if k != "source")
        kind = (
            "trained"
            if about["features"]
            else "fixed beforehand"
            if name in RULES
            else "reads the truth"
        )
        parts.append(f"{model_label(name)} ({kind}): {shown or 'no settings'}.")
    split = run.facts["analysis"]["cross_validation"]
    return Said(
        " ".join(parts)
        + " Whatever is chosen by a search is chosen inside training rows, anew in each of the "
        f"{split['folds'] * split['repeats']} fits of the cross-validation."
    )


def _short(value: Any) -> str:
    return "not set" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def overfitting(run: RunView) -> Said:
    """Return what was done against overfitting, and the run's own test of it."""
    check = next((c for c in run.facts["checks"] if c["name"] == "shuffled_outcomes_teach_nothing"), None)
    tested = f" {words(check['detail'])}." if check else ""
    return Said(
        "No predictor was chosen by its outcome; penalties, depth and leaf sizes are set or chosen inside "
        f"training rows.{tested}",
        "yes" if check and check["passed"] else "",
    )


def class_imbalance(run: RunView) -> Said:
    """Return that no class imbalance is ever corrected."""
    return Said(
        "Nothing was done about class imbalance: times to events are modelled, patients are neither "
        "dropped, repeated nor weighted by their event.",
        "not applicable",
    )


def updating(run: RunView) -> Said:
    """Return that no model is updated after it was judged."""
    return Said("No model was updated or recalibrated after it was judged.")


def model_output(run: RunView) -> Said:
    """Return what models give."""
    thresholds = run.facts["analysis"]["decision"]["thresholds"]
    return Said(
        "A risk that ranks patients and the probability of being event-free at "
        f"{known.months(run.facts['analysis']['horizons_months'])}. Nobody is put into a class; net benefit "
        f"is shown for acting at {len(thresholds)} risks from {min(thresholds):.0%} to "
        f"{max(thresholds):.0%}."
    )


def prediction(run: RunView) -> Said:
    """Return how predictions are computed."""
    return Said(
        "By the very objects that are stored: `pipeline.models.load_model(folder).predict(table, months)`, "
        "or over HTTP by `mlflow models serve`; those of the run stand in tables/predictions.parquet."
    )


def full_model(run: RunView) -> Said:
    """Return where each model is stored, and its fingerprint."""
    stored = [
        f"{model_label(m)} in models/{m} (SHA-256 {about['sha256'][: known.SHA_LETTERS]}, "
        f"{about['features'] or 'no'} features)"
        for m, about in run.facts["models"].items()
        if about["saved"]
    ]
    return Said(
        f"Stored whole as JSON and arrays, without pickle: {known.listed(stored) or 'none'}. No restriction "
        "beyond the licence of the code."
    )


def poor_input(run: RunView) -> Said:
    """Return what a model does with poor or missing inputs."""
    return Said(
        "A missing value is taken as in training (median, or most frequent level); a number beyond the 1st "
        "or 99th percentile of training is set to it; a served model refuses a row with an unknown column, "
        "a wrong kind or an impossible value, and names each fault. `lungio drift RUN NEW_COHORT` says "
        "when patients are no longer alike."
    )


def handling(run: RunView) -> Said:
    """Return what users have to do."""
    return Said(
        f"A row a patient with {len(known.predictors(run))} columns, named and in the units of item 9b; "
        "nothing else is asked of users."
    )


def protocol(run: RunView) -> Said:
    """Return that the configuration was fixed beforehand."""
    return Said(
        "The configuration was complete before a patient was drawn or read: experiment.yaml in the run "
        f"folder, SHA-256 {run.facts['config_sha256']}."
    )


def code(run: RunView) -> Said:
    """Return version, commit and licence of the code."""
    git = run.facts.get("git") or {}
    changed = " with uncommitted changes" if git.get("changed") else ""
    commit = f", commit {git['commit']}{changed}" if git else ""
    return Said(
        f"lungio {run.facts['versions']['lungio']}{commit}; our code is BSD-3-Clause, scikit-survival GPL-3."
    )


def versions(run: RunView) -> Said:
    """Return version, seed, date and fingerprints."""
    name = known.best(run)
    print_of = f"model SHA-256 {run.facts['models'][name]['sha256']}, " if name else ""
    libraries = known.listed([f"{k} {v}" for k, v in run.facts["versions"].items() if v != "not installed"])
    return Said(
        f"{print_of}seed {run.facts['seed']}, started {run.facts['started']}, configuration "
        f"{run.facts['config_sha256'][: known.SHA_LETTERS]}; {libraries}."
    )


def best_model(run: RunView) -> Said:
    """Return the run's best trained model."""
    name = known.best(run)
    if name is None:
        return Said("The run trained no model.")
    about = run.facts["models"][name]
    return Said(
        f"{model_label(name)} of {known.endpoint_label(run)} on {about['features']} features, the best of "
        f"the run's trained models by Uno's C ({known.judged_on(run)} patients: "
        f"{known.score(run, 'uno_c', name)}); run {run.facts['name']}."
    )


def lineage(run: RunView) -> Said:
    """Return from evidence to report, with fingerprints."""
    return Said(in_words(run.facts))


ANSWERS: Final[Mapping[str, Callable[[RunView], Said]]] = {
    answer.__name__: answer
    for answer in (
        best_model, class_imbalance, code, data_use, earlier_models, full_model, handling, lineage,
        model_building,
        model_output, not_for, objectives, overfitting, poor_input, prediction, protocol, research_use, title,
        updating, versions,
    )
}  # fmt: skip
