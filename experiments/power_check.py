"""Whether a plan of `lungio power` can be carried out: every scenario drawn once, all faults at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments.cohorts import CohortSource
from experiments.power_draw import SHOWN_PATIENTS, Drawing
from experiments.power_plan import PLAIN, PowerStudy, Question, Scenario
from pipeline.schema import Cohort, InputError


def check_plan(spec: PowerStudy, source: CohortSource) -> dict[str, Cohort]:
    """Return a few patients of every scenario, or raise one InputError with every fault of the plan."""
    drawing = Drawing.solve(source.spec, np.random.default_rng(spec.seed))
    whole = drawing.patients(Scenario(), SHOWN_PATIENTS)
    faults, examples = [], {}
    for name, scenario in spec.compared().items():
        found = _scenario_faults(scenario, whole)
        if scenario.columns_missing and not source.spec.defects:
            found.append("missing: the cohort's file keeps every value (`defects: false`)")
        if not found:
            try:
                examples[name] = drawing.patients(scenario, SHOWN_PATIENTS)
            except InputError as error:
                found = str(error).splitlines()
        faults += [f"scenarios.{name}.{fault}" for fault in found]
    for under, example in examples.items():
        where = f"under scenario {under!r}, " if under != PLAIN else ""
        for name, question in spec.asked(under).items():
            faults += [
                f"questions.{name}{f}: {where}{said}" for f, said in _question_faults(question, example)
            ]
    if faults:
        raise InputError("\n".join(dict.fromkeys(faults)))
    return examples


def _scenario_faults(scenario: Scenario, cohort: Cohort) -> list[str]:
    from pipeline.power import named_columns

    named = {"markers": scenario.markers or (), "missing": tuple(scenario.missing)}
    faults = [
        f"{field}: cohort {cohort.name!r} has no column or modality {name!r} known before treatment; "
        f"modalities are {', '.join(_modalities(cohort))}"
        for field, names in named.items()
        for name in names
        if not named_columns(cohort, [name])
    ]
    if scenario.markers is not None and not faults:
        kept = named_columns(cohort, scenario.markers)
        faults += [
            f"missing: {name!r} is not among the scenario's markers; leave it out"
            for name in scenario.missing
            if not set(named_columns(cohort, [name])) & set(kept)
        ]
    return faults


def _modalities(cohort: Cohort) -> list[str]:
    return sorted({c.modality for c in cohort.columns if c.role == "baseline" and c.modality})


def _question_faults(question: Question, cohort: Cohort) -> list[tuple[str, str]]:
    """Return field and fault of everything that keeps `question` from being asked of `cohort`."""
    from pipeline.dynamic import DYNAMIC_MODELS
    from pipeline.landmark import at_risk
    from pipeline.models import MODELS

    faults, has = [], f"cohort {cohort.name!r} has"
    if question.endpoint not in cohort.endpoints():
        return [(".endpoint", f"{has} no {question.endpoint}")]
    if question.kind == "interaction" and question.marker not in cohort.names("baseline"):
        faults.append((".marker", f"{has} no column {question.marker!r}"))
    known: Mapping[str, object] = DYNAMIC_MODELS if question.dynamic else MODELS
    named = {"interaction": (), "models": (question.model, question.against)}
    for model in named.get(question.kind, (question.model,)):
        if model not in known:
            faults.append(("", f"unknown model {model!r}; known: {', '.join(known)}"))
        elif not question.dynamic:
            faults += [("", fault) for fault in _model_faults(model, question, cohort)]
    if question.dynamic and cohort.visits is None:
        faults.append((".kind", f"{question.kind} needs visits, and {has} none; ask it under scenarios with "
                       "`visits`, or of a cohort with them"))  # fmt: skip
    elif question.dynamic and not len(at_risk(cohort, question.endpoint, question.landmark_months)):
        months = f"{question.landmark_months:g} months"
        faults.append((".landmark_months", f"nobody is at risk at {months}; ask earlier"))
    return faults


def _model_faults(model: str, question: Question, cohort: Cohort) -> list[str]:
    from pipeline.config import Analysis
    from pipeline.evaluate.predictions import model_context
    from pipeline.models import build_model

    analysis = Analysis(endpoint=question.endpoint, horizons_months=(6,), models={model: {}}, subgroups=())
    try:
        build_model(model, model_context(cohort, analysis))
    except InputError as error:
        return [str(error)]
    return []
