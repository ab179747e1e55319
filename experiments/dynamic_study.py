"""What a dynamic study computes from its cohorts: scores, gains over baseline, patients over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.dynamic_patients import (
    MOVERS_SHOWN,
    RULE,
    mechanisms,
    moved,
    patient_figures,
    patients_shown,
    shown_model,
)
from experiments.mechanism_command import LABELS
from experiments.studies import Study
from pipeline.dynamic import BASELINE, REFERENCE, DynamicAnalysis, FittedDynamic
from pipeline.mechanism import MechanismOptions
from pipeline.run.streams import stage_generator
from pipeline.schema import ENDPOINTS, Cohort, Progress

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def dynamic_study(
    title: str,
    analysis: DynamicAnalysis,
    cohorts: Mapping[str, Cohort],
    rng: np.random.Generator,
    progress: Progress,
    mechanism: MechanismOptions | None = None,
) -> Study:
    """Fit on the cohort "train", judge on "external" or by cross-validation, and say what moved risks.

    A cohort "reference" gives the supermodel that learnt from many more patients. With `mechanism`, the
    patients shown are told the likeliest deficit.
    """
    from pipeline.dynamic import (
        cross_validate_landmarks,
        fit_dynamic,
        judging_analysis,
        predict_landmarks,
        risk_over_time,
        risk_sets,
    )
    from pipeline.evaluate import differences, judge, score

    fitted = fit_dynamic(cohorts["train"], analysis, stage_generator(rng, "fit"), progress)
    shown = cohorts.get("external", cohorts["train"])
    if "external" in cohorts:
        models = {"train": fitted}
        if "reference" in cohorts:
            models[REFERENCE] = _reference(cohorts["reference"], analysis, stage_generator(rng, REFERENCE))
            progress("fit the reference", 1, 1)
        judged = predict_landmarks(models, shown, analysis)
    else:
        judged = cross_validate_landmarks(shown, analysis, stage_generator(rng, "folds"), progress)
    judgement = judge(judged, judging_analysis(analysis), stage_generator(rng, "bootstrap"), progress)
    tables = {
        "scores": _with_landmark(score(judgement)),
        "risk_sets": _with_landmark(risk_sets(judged, analysis)),
        "dropped": judgement.dropped,
    }
    if BASELINE in analysis.models:
        tables["gains"] = _with_landmark(differences(judgement, BASELINE))
    if "reference" in cohorts:
        tables["gaps"] = _with_landmark(differences(judgement, REFERENCE))
    tables |= _model_tables(fitted)
    risk = risk_over_time(judged, analysis)
    patients = patients_shown(risk, analysis)
    tables["patients"] = risk[risk["patient"].isin(patients)].reset_index(drop=True)
    tables |= moved(fitted, shown, analysis, patients)
    if mechanism is not None and "external" in cohorts and patients:
        tables |= mechanisms(fitted, shown, analysis, mechanism, patients, stage_generator(rng, "mechanism"))
    figures = _figures(tables, shown, patients, analysis)
    return _described(title, analysis, cohorts, tables, figures, [str(p) for p in patients])


def _reference(cohort: Cohort, analysis: DynamicAnalysis, rng: np.random.Generator) -> FittedDynamic:
    """Fit the supermodel on far more patients: what these visits can tell a model of this form."""
    from pipeline.dynamic import fit_dynamic

    options = analysis.models.get("supermodel", {})
    fitted = fit_dynamic(cohort, analysis.model_copy(update={"models": {"supermodel": options}}), rng)
    return replace(fitted, models={REFERENCE: fitted.models["supermodel"]})


def _with_landmark(table: pd.DataFrame) -> pd.DataFrame:
    """Add `landmark_months`, read from the name of the judged set."""
    months = table["data"].str.extract(r" at ([\d.]+) months$")[0].astype(float)
    kind = table["data"].str.replace(r" at [\d.]+ months$", "", regex=True)
    table = table.assign(data=kind)
    table.insert(0, "landmark_months", months)
    return table


def _model_tables(fitted: FittedDynamic) -> dict[str, pd.DataFrame]:
    import pandas as pd

    parts = [
        model.table().assign(model=name) for name, model in fitted.models.items() if hasattr(model, "table")
    ]
    chosen = [
        (name, key, str(value))
        for name, model in fitted.models.items()
        for key, value in model.parameters().items()
    ]
    parameters = pd.DataFrame(chosen, columns=["model", "parameter", "value"])
    return {"parameters": parameters} | ({"coefficients": pd.concat(parts)} if parts else {})


def _figures(
    tables: Mapping[str, pd.DataFrame], cohort: Cohort, patients: list[Any], analysis: DynamicAnalysis
) -> dict[str, Callable[[], Figure]]:
    from pipeline import figures

    horizon = float(analysis.horizons_months[0])
    metrics = [m for m in ("auc", "brier", "uno_c", "scaled_brier") if m in analysis.metrics][:2]
    drawn: dict[str, Callable[[], Figure]] = {}
    if metrics:
        drawn["landmark_scores"] = partial(figures.landmark_scores_figure, tables["scores"], metrics, horizon)
    return drawn | patient_figures(tables, cohort, patients, analysis)


def _described(
    title: str,
    analysis: DynamicAnalysis,
    cohorts: Mapping[str, Cohort],
    tables: dict[str, pd.DataFrame],
    figures: dict[str, Callable[[], Figure]],
    patients: list[str],
) -> Study:
    from pipeline.metrics import METRICS

    endpoint = ENDPOINTS[analysis.endpoint].label
    train = cohorts["train"]
    limits = [
        *(
            []
            if "external" in cohorts
            else [
                "Each patient was predicted by models fitted without him or her; "
                "what moved a risk is read from the model fitted on all."
            ]
        ),
        "A risk at a landmark is that of patients still under observation and without the event then; it "
        "says nothing of those who are no longer.",
        "That a measurement moves a risk does not show that acting on it would change the outcome.",
    ]
    if "reference" in cohorts:
        limits.append(
            "The reference has the form of the supermodel and learnt from "
            f"{len(cohorts['reference']):,} drawn patients: it bounds what more patients would add, not "
            "what another form of model would."
        )
    return Study(
        title=title,
        lead=f"{endpoint} within {analysis.horizons_months[0]:g} months of each landmark; "
        f"{len(train):,} patients learnt from",
        tables=tables,
        figures=figures,
        cohorts=cohorts,
        limits=limits,
        cards=_cards(tables, analysis),
        facts={
            "patients_shown": patients,
            "patients_rule": RULE,
            "shown_model": shown_model(analysis),
            "movers_shown": MOVERS_SHOWN,
            "deficit_labels": LABELS,
            "metric_labels": {name: METRICS[name].label for name in analysis.metrics},
        },
    )


def _cards(tables: Mapping[str, pd.DataFrame], analysis: DynamicAnalysis) -> list[tuple[str, str, str]]:
    if "gains" not in tables or "auc" not in analysis.metrics:
        return []
    rows = tables["gains"]
    rows = rows[(rows["metric"] == "auc") & (rows["model"] != REFERENCE)
                & np.isclose(rows["horizon_months"], analysis.horizons_months[0])]  # fmt: skip
    best = rows.sort_values("value").groupby("landmark_months").tail(1).sort_values("landmark_months")
    return [
        (
            f"AUC gained at {row['landmark_months']:g} months",
            f"{row['value']:+.3f}",
            f"{str(row['model']).replace('_', ' ')} over baseline, {row['low']:+.3f} to {row['high']:+.3f}",
        )
        for row in best.head(4).to_dict("records")
    ]
