"""The analysis itself, stage by stage; each stage draws from a stream found by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from pipeline.config import Analysis
from pipeline.run.describe import arm_table, arms_in_order, correlation_table, flow_of, typical_patients
from pipeline.run.judging import folds_of, judge_models
from pipeline.run.plan import RunPlan
from pipeline.run.result import Check, RunResult
from pipeline.run.streams import stage_generator
from pipeline.schema import ENDPOINTS, Cohort, Progress, silent

if TYPE_CHECKING:
    from pipeline.evaluate import Predictions
    from pipeline.models import SurvivalModel

CEILING_SLACK: Final = 0.005  # of C: what chance may give a model over the truth
SHUFFLED_C: Final = (0.47, 0.53)
SHUFFLED_PATIENTS: Final = 1000  # below it chance alone moves C further than that

TABLES: Final[Mapping[str, str]] = {
    "endpoint": "name and label of the endpoint",
    "arms": "patients, events, median and hazard ratio of each arm of the training cohort",
    "flow": "patients, events, complete records and follow-up of each cohort's arms",
    "kaplan_meier": "curve of each arm of the training cohort",
    "table_one": "training cohort at baseline, one figure a row",
    "table_one_layout": "the same, set out for print",
    "findings": "what the cohort checks found, for each cohort",
    "missing": "share of patients without each baseline value",
    "correlations": "rank correlations of numeric markers",
    "typical_patients": "three made-up patients, for examples",
    "scores": "every metric of every model in every group, with intervals",
    "differences": "paired differences to the reference model",
    "gap_to_oracle": "how far each model is below the ceiling, where there is one",
    "dropped": "what could not be judged, and why",
    "horizons": "how far each cohort and fold is followed, which decides tau and the horizons",
    "decisions": "net benefit of acting on each model, by threshold and horizon",
    "calibration": "observed against predicted event-free probability",
    "roc": "ROC curves by horizon",
    "predictions": "risk and event-free probability of each patient by row, model and horizon",
    "chosen": "what each fit of the cross-validation chose",
    "tuning": "every trial of the search for hyper-parameters, of the models fitted on the whole cohort",
    "optimism": "apparent scores and their bootstrap corrections, where asked for",
    "ablation": "one model by combinations of modalities, and with others missing at test, where asked for",
    "importance": "mean size of contributions by feature, column, modality and immune mechanism",
    "beeswarm": "contributions of the most important columns",
    "dependence": "contributions of the most important numeric columns beside their values",
    "waterfalls": "contributions to the predictions of single patients",
    "contributions": "every contribution of every explained patient",
    "agreement_columns": "explanations, of predictions and of treatment, against the truth, by column",
    "agreement_summary": "the same by model",
    "response_scores": "where asked for: scores of each classifier of objective response, with intervals",
    "response_calibration": "share of responders against predicted probability, in groups",
    "response_predictions": "probability of response of each patient by row and classifier",
    "response_patients": "how many patients of each cohort responded, and how many were never evaluated",
    "response_chosen": "what each fit of a classifier chose in cross-validation",
    "response_tuning": "every trial of the search for a classifier's hyper-parameters",
}


def analyse(planned: RunPlan, rng: np.random.Generator, progress: Progress = silent) -> RunResult:
    """Carry out a planned analysis; nothing is read, written or drawn on a screen.

    Parameters
    ----------
    planned : RunPlan
    rng : Generator
        Each stage uses a child found by its name: the same seed gives the same tables.
    progress : Progress, optional

    Raises
    ------
    AdditivityError
        When an explanation does not add up to the prediction it explains.
    """
    from pipeline.evaluate import (
        ablation_table,
        calibration_table,
        decision_table,
        differences,
        gap_to_oracle,
        optimism_table,
        roc_table,
    )
    from pipeline.run.explaining import explain_models, explanation_tables

    tables = describe(planned)
    progress("describe the patients", 1, 1)
    found = judge_models(planned, rng, progress)
    planned, models, judged, judgement = found.planned, found.models, found.predictions, found.judgement
    analysis, train = planned.analysis, planned.train
    tables |= {
        "scores": found.scores(),
        "gap_to_oracle": gap_to_oracle(judgement),
        "dropped": judgement.dropped,
        "calibration": event_free(calibration_table(judged, analysis, stage_generator(rng, "calibration"))),
        "roc": roc_table(judged, analysis),
        "predictions": pd.concat([prediction_table(p, analysis) for p in judged], ignore_index=True),
        "chosen": judged[0].parameters.astype({"value": str}),
    }
    reference = reference_model(analysis)
    tables |= {
        "horizons": found.settled.table,
        "decisions": decision_table(judged, analysis, stage_generator(rng, "decisions"), reference),
        "optimism": optimism_table(train, analysis, stage_generator(rng, "optimism"), progress),
        "ablation": ablation_table(
            train, planned.external, analysis, stage_generator(rng, "ablation"), progress
        ),
    }
    tables["tuning"] = tuning_table(models)
    if reference is not None:
        tables["differences"] = differences(judgement, reference)
    progress("curves", 1, 1)
    attributions = explain_models(
        models, train, planned.explained, analysis, stage_generator(rng, "explained patients"), progress
    )
    tables |= explanation_tables(
        models, attributions, train, planned.explained, analysis, stage_generator(rng, "importance")
    )
    checks = [additivity_check({name: a.additivity_error for name, a in attributions.items()})]
    checks += ceiling_checks(tables["scores"])
    checks += shuffled_check(train, analysis, stage_generator(rng, "shuffled outcomes"))
    progress("checks", 1, 1)
    said = notes(planned, tables["dropped"])
    result = RunResult(analysis, tables, models, attributions, tuple(checks), said)
    return result if analysis.response is None else with_response(result, planned, rng, progress)


def with_response(
    result: RunResult, planned: RunPlan, rng: np.random.Generator, progress: Progress
) -> RunResult:
    """Add the classifiers of objective response, judged on the folds of the survival models."""
    from pipeline.response import judge_response

    found = judge_response(
        planned.analysis, planned.train, planned.external, folds_of(planned, rng),
        stage_generator(rng, "response"), progress,
    )  # fmt: skip
    return replace(
        result,
        tables={**result.tables, **found.tables},
        classifiers=found.models,
        response_parameters=found.parameters,
        notes=result.notes + found.notes,
    )


def describe(planned: RunPlan) -> dict[str, pd.DataFrame]:
    """Return the tables about the patients, before any model."""
    from pipeline.cohort_check import findings_table
    from pipeline.figures import kaplan_meier_curves, missing_table
    from pipeline.table_one import layout, table_one

    train, endpoint = planned.train, planned.analysis.endpoint
    level = planned.analysis.bootstrap.level
    first = table_one(train)
    cohorts = {"train": train} | ({} if planned.external is None else {"external": planned.external})
    return {
        "endpoint": pd.DataFrame([{"name": endpoint, "label": ENDPOINTS[endpoint].label}]),
        "arms": arm_table(train, endpoint, level),
        "flow": flow_of(cohorts, endpoint),
        "kaplan_meier": kaplan_meier_curves(train.observed, endpoint, arms=arms_in_order(train), level=level),
        "table_one": first,
        "table_one_layout": layout(first),
        "findings": pd.concat(
            [findings_table(found).assign(cohort=name) for name, found in planned.findings], ignore_index=True
        ),
        "missing": missing_table(train),
        "correlations": correlation_table(train),
        "typical_patients": typical_patients(train),
    }


def event_free(calibration: pd.DataFrame) -> pd.DataFrame:
    """Turn a calibration table of risks into one of event-free probabilities."""
    if not len(calibration):
        return pd.DataFrame(
            columns=[
                "model",
                "data",
                "horizon_months",
                "kind",
                "predicted",
                "observed",
                "low",
                "high",
                "patients",
            ]
        )
    turned = {"predicted": "predicted", "observed": "observed", "low": "high", "high": "low"}
    return calibration.assign(**{to: 1 - calibration[of] for to, of in turned.items()})


def prediction_table(predictions: Predictions, analysis: Analysis) -> pd.DataFrame:
    """Return one row a judged patient (by `row`), model, repeat and horizon: its fold and predictions."""
    parts = []
    for model, repeats in predictions.models.items():
        for repeat, prediction in enumerate(repeats):
            for months in analysis.horizons_months:
                parts.append(pd.DataFrame({
                    "data": predictions.data,
                    "model": model,
                    "repeat": repeat,
                    "fold": predictions.fold[repeat],
                    "row": np.arange(len(prediction)),
                    "horizon_months": months,
                    "risk": prediction.risk,
                    "survival": prediction.at(months),
                }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def tuning_table(models: Mapping[str, SurvivalModel]) -> pd.DataFrame:
    """Return one row a trial of every model that was tuned: `model`, `trial`, `loss`, `seconds`, settings."""
    searches = {name: found.trials for name, m in models.items() if (found := getattr(m, "tuning", None))}
    nothing = pd.DataFrame(columns=["model", "trial", "loss", "seconds"])
    tables = [t.assign(model=name) for name, t in searches.items()]
    return pd.concat(tables, ignore_index=True) if tables else nothing


def reference_model(analysis: Analysis) -> str | None:
    """Return what other models are compared with: the clinics' rule, else the first that learns."""
    candidates = [m for m in ("pdl1", "cox") if m in analysis.models]
    others = [m for m in analysis.models if m != "oracle"]
    return (candidates or others)[0] if len(analysis.models) > 1 and others else None


def additivity_check(errors: Mapping[str, float]) -> Check:
    """State how exactly contributions add up; a larger error has stopped the run before."""
    worst = max(errors.values(), default=0.0)
    said = ", ".join(f"{name} {error:.1e}" for name, error in errors.items()) or "nothing was explained"
    return Check(
        "explanations_add_up", worst <= 1e-8, f"largest gap between contributions and prediction: {said}"
    )


def ceiling_checks(scores: pd.DataFrame) -> list[Check]:
    """Check, wherever the truth was judged, that no model ranks patients better than it."""
    rows = scores[scores["metric"].isin(["harrell_c", "uno_c"]) & (scores["group"] == "all")]
    if "oracle" not in set(rows["model"]):
        return []
    ceiling = rows[rows["model"] == "oracle"].set_index(["data", "metric"])["value"]
    over = []
    for row in rows[rows["model"] != "oracle"].to_dict("records"):
        top = float(ceiling.loc[(row["data"], row["metric"])])
        if row["value"] > top + CEILING_SLACK:
            over.append(f"{row['model']} {row['metric']} {row['value']:.3f} > {top:.3f} ({row['data']})")
    said = "; ".join(over) or f"no model's C exceeds the oracle's by more than {CEILING_SLACK:g}"
    return [Check("oracle_is_ceiling", not over, said)]


def shuffled_check(train: Cohort, analysis: Analysis, rng: np.random.Generator) -> list[Check]:
    """Train on shuffled outcomes: a C away from 0.5 means that outcomes leak into features."""
    from pipeline.evaluate import shuffled_control

    found = shuffled_control(train, analysis, rng)
    low, high = shuffled_limits(len(train))
    said = f"C of models trained on shuffled outcomes is {found:.3f}; {low:.2f} to {high:.2f} is chance"
    return [Check("shuffled_outcomes_teach_nothing", low <= found <= high, said)]


def shuffled_limits(patients: int) -> tuple[float, float]:
    """Return what chance gives a model that learnt nothing: 0.47 to 0.53, and more in small cohorts."""
    widen = float(np.sqrt(max(SHUFFLED_PATIENTS / max(patients, 1), 1.0)))
    return 0.5 - (0.5 - SHUFFLED_C[0]) * widen, 0.5 + (SHUFFLED_C[1] - 0.5) * widen


def notes(planned: RunPlan, dropped: pd.DataFrame) -> tuple[str, ...]:
    """Return what a reader must know: how cohorts were made, and what could not be judged."""
    said: list[str] = list(planned.notes)
    for cohort in (planned.train, planned.external):
        if cohort is not None:
            for key in ("notes", "warnings"):
                said += [str(n) for n in cohort.manifest.get(key, ())]
    for row in dropped.to_dict("records"):
        at = "" if pd.isna(row["horizon_months"]) else f" at {row['horizon_months']:g} months"
        what = row["metric"] or "every score"
        said.append(f"not judged: {what} of {row['group']}{at} ({row['data']}): {row['reason']}")
    return tuple(dict.fromkeys(said))
