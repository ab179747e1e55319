"""Single patients of a dynamic study: who is shown, what moved their risk, likely deficit and options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pipeline.dynamic import DynamicAnalysis, FittedDynamic
from pipeline.landmark import at_risk, landmark_cohort
from pipeline.mechanism import CLASSES, UNKNOWN, MechanismOptions
from pipeline.run.streams import stage_generator
from pipeline.schema import ENDPOINTS, Cohort, InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PAGE_SERIES: Final = (
    "ctdna_allele_fraction",
    "ctdna_molecules_per_ml",
    "target_lesions_mm",
)  # in order of choice
MOVERS_SHOWN: Final = 4
RULE: Final = (
    "Shown are the patients whose predicted risk rose most and fell most between the first and the last "
    "landmark at which they were at risk, in turn."
)


def patients_shown(risk: pd.DataFrame, analysis: DynamicAnalysis) -> list[Any]:
    """Return those whose risk moved most between landmarks, one each of rising, falling and so on in turn."""
    name = shown_model(analysis)
    part = risk[risk["model"] == name].sort_values("landmark_months")
    span = part.groupby("patient", sort=False)["risk"].agg(
        lambda r: r.iloc[-1] - r.iloc[0] if len(r) > 1 else 0.0
    )
    order = span.sort_values(kind="stable").index.tolist()
    chosen: list[Any] = []
    while order and len(chosen) < analysis.patient_pages:
        chosen.append(order.pop(-1 if len(chosen) % 2 == 0 else 0))
    return chosen


def shown_model(analysis: DynamicAnalysis) -> str:
    """Return the model whose risks choose patients and stand in their tables."""
    return "supermodel" if "supermodel" in analysis.models else next(iter(analysis.models))


def moved(
    fitted: FittedDynamic, cohort: Cohort, analysis: DynamicAnalysis, patients: list[Any]
) -> dict[str, pd.DataFrame]:
    """Return what each group of features adds to the risk of `patients` at each landmark, and its changes."""
    from pipeline.dynamic.supermodel import LandmarkSupermodel
    from pipeline.dynamic.updates import contributions_over_time, what_moved

    model = fitted.models.get("supermodel")
    if not isinstance(model, LandmarkSupermodel) or not patients:
        return {}
    mine = cohort.take(cohort.observed.index[cohort.observed.index.isin(patients)])
    table = contributions_over_time(fitted, model, mine, analysis)
    return {"contributions": table, "moved": what_moved(table).reset_index(drop=True)}


def mechanisms(
    fitted: FittedDynamic,
    cohort: Cohort,
    analysis: DynamicAnalysis,
    options: MechanismOptions,
    patients: list[Any],
    rng: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    """Return the probability of each deficit of `patients`, told at the last landmark each reaches at risk.

    By a model fitted on failures of the training patients at that landmark, none of whom is shown.

    Returns
    -------
    mapping
        `mechanisms`: `patient`, `landmark_months`, `deficit`, `probability`, `answer` (a deficit, or that
        there is not enough data to say) and `why` where nothing is said. `options`: published trials of
        agents meant to address the deficits answered, negative ones as well.
    """
    import pandas as pd

    from experiments.mechanism_command import model_at
    from experiments.strategies import strategies
    from synthetic_data.evidence import load_register

    names = ["patient", "landmark_months", "deficit", "probability", "answer", "why"]
    rows: list[tuple[Any, ...]] = []
    reached = {
        s: at_risk(cohort, analysis.endpoint, s).intersection(patients) for s in analysis.landmarks_months
    }
    last = {p: s for s, inside in reached.items() for p in inside}
    for landmark in sorted(set(last.values())):
        mine = [p for p in patients if last.get(p) == landmark]
        child = stage_generator(rng, f"mechanism {landmark:g}")
        try:
            model = model_at(fitted.train, analysis.endpoint, landmark, fitted.features, options, child)
        except InputError as error:
            rows += [(p, landmark, "", float("nan"), UNKNOWN, str(error)) for p in mine]
            continue
        frame = landmark_cohort(cohort, analysis.endpoint, landmark, fitted.features).observed.loc[mine]
        probabilities, said, measured = (
            model.probabilities(frame), model.answers(frame), model.measured(frame)
        )  # fmt: skip
        for p in mine:
            why = ""
            if said[p] == UNKNOWN:
                why = (
                    f"{measured[p]:.0%} of the markers of deficits were measured"
                    if measured[p] < options.least_measured
                    else f"no deficit reaches {options.answer_from:.0%}"
                )
            rows += [(p, landmark, c, float(probabilities.loc[p, c]), said[p], why) for c in CLASSES]
    table = pd.DataFrame(rows, columns=names)
    answered = set(table["answer"]) - {UNKNOWN}
    published = strategies(load_register())
    return {"mechanisms": table, "options": published[published["deficit"].isin(answered)]}


def patient_figures(
    tables: Mapping[str, pd.DataFrame], cohort: Cohort, patients: list[Any], analysis: DynamicAnalysis
) -> dict[str, Callable[[], Figure]]:
    """Return what draws each patient: risk over time, a series measured, and what moved the risk."""
    from pipeline import figures
    from pipeline.landmark import measured_columns, series_of

    if cohort.visits is None:
        return {}
    measured = measured_columns(cohort.visits)
    column = next((c for c in PAGE_SERIES if c in measured), measured[0])
    series = series_of(column)
    label = f"{series.label} ({series.unit})" if series.unit else series.label
    e = ENDPOINTS[analysis.endpoint]
    risk, changes = tables["patients"], tables.get("moved")
    drawn: dict[str, Callable[[], Figure]] = {}
    for number, patient in enumerate(patients, start=1):
        row = cohort.observed.loc[patient]
        outcome = {"months": row[e.months], "event": bool(row[e.event]), "label": e.label.lower() + " event"}
        drawn[f"patient_{number}"] = partial(
            figures.updated_risk_figure, risk[risk["patient"] == patient],
            cohort.visits[cohort.visits["patient"] == patient], outcome, (column, label),
            float(analysis.horizons_months[0]),
            None if changes is None else changes[changes["patient"] == patient],
        )  # fmt: skip
    return drawn
