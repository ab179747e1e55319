"""Everything a run needs, resolved before anything runs: a typo must not cost an hour of forests."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.config import Analysis
from pipeline.schema import ENDPOINTS, Cohort, InputError

if TYPE_CHECKING:
    from pipeline.cohort_check import Finding

SMALLEST_TRAINING = 40  # patients; below it no fold has patients enough to learn from
EVENTS_A_FOLD = 3
LEAST_FOLDS = 2


@dataclass(frozen=True)
class RunPlan:
    """An analysis whose every name exists in the cohorts at hand.

    Attributes
    ----------
    analysis : Analysis
        With the horizons that the cohorts can speak about.
    train : Cohort
    external : Cohort, optional
    findings : tuple
        What the checks found, by cohort.
    notes : tuple of str
        Horizons that were dropped or moved, and why.
    """

    analysis: Analysis
    train: Cohort
    external: Cohort | None
    findings: tuple[tuple[str, tuple[Finding, ...]], ...]
    notes: tuple[str, ...] = ()

    @property
    def explained(self) -> Cohort:
        """The cohort whose patients are explained: the external one where there is one."""
        return self.external if self.external is not None else self.train


def plan(analysis: Analysis, train: Cohort, external: Cohort | None = None) -> RunPlan:
    """Check an analysis against its cohorts and return the plan, or name every fault at once.

    Parameters
    ----------
    analysis : Analysis
    train : Cohort
    external : Cohort, optional
        Patients that no fitting sees.

    Raises
    ------
    InputError
        An unknown model, metric, column or option; an endpoint a cohort lacks; no horizon within
        follow-up; too few patients or events; the oracle where there is no truth; a cohort with faults.
    """
    from pipeline.cohort_check import check_cohort
    from pipeline.evaluate import (
        Settled,
        build_models,
        check_subgroups,
        modality_columns,
        settle_horizons,
        validation_folds,
        whole_sets,
    )

    cohorts = [train] if external is None else [train, external]
    analysis, notes = with_published_scores(analysis, cohorts)
    faults: list[str] = []

    def collect(check: Callable[[], object]) -> None:
        try:
            check()
        except InputError as error:
            faults.append(f"analysis: {error}")

    findings = tuple((cohort.name, tuple(check_cohort(cohort))) for cohort in cohorts)
    for name, found in findings:
        collect(partial(refuse_faulty, name, found))
    collect(partial(check_names, analysis))
    collect(lambda: check_subgroups(analysis.subgroups, cohorts))
    settled: list[Settled] = []
    collect(lambda: settled.append(settle_horizons(analysis, whole_sets(analysis, cohorts))))
    collect(lambda: build_models(train, analysis))
    if analysis.response is not None:
        from pipeline.response import check_response

        collect(lambda: check_response(analysis, train, external))
    if analysis.ablation is not None:
        collect(lambda: modality_columns(train, analysis))
    if external is not None:
        faults += _external_faults(analysis, train, external)
    if all(analysis.endpoint in c.endpoints() for c in cohorts):
        too_few = _size_faults(analysis, train)
        faults += too_few
        if not too_few:
            collect(lambda: validation_folds(train, analysis, np.random.default_rng(0)))
    if faults:
        raise InputError("\n".join(dict.fromkeys(faults)))
    (kept,) = settled
    # Tau waits for the folds, which may be followed for a shorter time than the whole.
    asked = kept.analysis.model_copy(update={"tau_months": analysis.tau_months})
    return RunPlan(asked, train, external, findings, (*notes, *kept.notes))


def with_published_scores(analysis: Analysis, cohorts: list[Cohort]) -> tuple[Analysis, tuple[str, ...]]:
    """Add the published scores whose inputs every cohort has, before the oracle; and a line on the others."""
    from pipeline.models import available_scores

    if analysis.published == "none":
        return analysis, ()
    usable, absent = available_scores([c.columns for c in cohorts])
    added: dict[str, dict[str, Any]] = {name: {} for name in usable if name not in analysis.models}
    models = {**analysis.models, **added}
    if (last := models.pop("oracle", None)) is not None:
        models["oracle"] = last
    said = "; ".join(
        f"{name} (needs {', '.join(columns)})"
        for name, columns in absent.items()
        if name not in analysis.models
    )
    notes = (f"published scores left out for want of columns: {said}",) if said else ()
    return analysis.model_copy(update={"models": models}), notes


def refuse_faulty(name: str, findings: Iterable[Finding]) -> None:
    """Raise an InputError when the checks of cohort `name` found faults, naming each."""
    faults = [f for f in findings if f.severity == "fault"]
    if faults:
        lines = [f"column {f.column!r}: {f.message}; {f.remedy}" if f.column else f.message for f in faults]
        raise InputError(f"cohort {name!r} cannot be analysed:\n  " + "\n  ".join(lines))


def check_names(analysis: Analysis) -> None:
    """Raise an InputError naming every model and metric that does not exist; needs no cohort."""
    from pipeline.metrics import METRICS
    from pipeline.models import MODELS

    faults = [
        f"models: unknown model {name!r}; {_nearest(name, MODELS)}"
        for name in analysis.models
        if name not in MODELS
    ]
    asked = {"metrics": analysis.metrics}
    if analysis.optimism is not None:
        asked["optimism: metrics"] = analysis.optimism.metrics
    if analysis.ablation is not None:
        asked["ablation: metrics"] = analysis.ablation.metrics
        if analysis.ablation.model not in analysis.models:
            faults.append(f"ablation: model {analysis.ablation.model!r} is none of the models; add it there")
    faults += [
        f"{field}: unknown metric {name!r}; {_nearest(name, METRICS)}"
        for field, names in asked.items()
        for name in names
        if name not in METRICS
    ]
    if analysis.response is not None:
        from pipeline.response import CLASSIFIERS

        faults += [
            f"response: models: unknown classifier {name!r}; {_nearest(name, CLASSIFIERS)}"
            for name in analysis.response.models
            if name not in CLASSIFIERS
        ]
    if faults:
        raise InputError("; ".join(faults))


def _external_faults(analysis: Analysis, train: Cohort, external: Cohort) -> list[str]:
    faults = []
    used = [n for n in analysis.features or train.names("baseline") if n in train.names()]
    lacking = [n for n in used if n not in external.names("baseline")]
    if lacking:
        shown = ", ".join(map(repr, lacking[:5])) + (" …" if len(lacking) > 5 else "")
        faults.append(
            f"external: cohort {external.name!r} lacks {len(lacking)} columns to learn from ({shown}); "
            "name those that both cohorts have in analysis.features"
        )
    if "oracle" in analysis.models and train.truth is not None and external.truth is None:
        faults.append(
            f"analysis: models: oracle needs the truth, which cohort {external.name!r} lacks; leave it out"
        )
    return faults


def _size_faults(analysis: Analysis, train: Cohort) -> list[str]:
    e, folds = ENDPOINTS[analysis.endpoint], analysis.cross_validation.folds
    events = int(train.observed[e.event].astype(bool).sum())
    needed = EVENTS_A_FOLD * folds
    if len(train) >= SMALLEST_TRAINING and events >= needed:
        return []
    fewer = events // EVENTS_A_FOLD
    remedy = f"; take `folds: {fewer}`" if len(train) >= SMALLEST_TRAINING and fewer >= LEAST_FOLDS else ""
    return [
        f"cohort {train.name!r}: {len(train)} patients with {events} events ({e.event}) are too few for "
        f"{folds}-fold cross-validation; at least {SMALLEST_TRAINING} patients and {needed} events are needed"
        + remedy
    ]


def _nearest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.5)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else f"known: {', '.join(sorted(names))}"
