"""Explain a fitted model: Cox and boosting on the log hazard, the forest on survival, hazard or mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.config import ForestScale
from pipeline.explain.attribution import (
    CUMULATIVE_HAZARD,
    LOG_HAZARD,
    RESTRICTED_MEAN,
    SURVIVAL,
    Attribution,
    Scale,
)
from pipeline.explain.exact import linear_shap, tree_shap, tree_shap_interactions
from pipeline.explain.leaf_paths import ForestNodes
from pipeline.explain.stories import value_levels
from pipeline.models.contract import restricted_mean
from pipeline.schema import Column, Floats, lookup

FOREST_SCALES: Final[Mapping[ForestScale, Scale]] = {
    "survival": SURVIVAL,
    "cumulative_hazard": CUMULATIVE_HAZARD,
    "restricted_mean": RESTRICTED_MEAN,
}


@dataclass(frozen=True)
class Question:
    """Whom to explain, at which months, on which scale of a forest, and what "unknown" means."""

    frame: pd.DataFrame
    known: pd.DataFrame  # training patients; what "nothing known" means for a linear model
    months: Floats
    scale: ForestScale
    background: pd.DataFrame | None  # training patients to fill in, or None for the trees' own weights


@dataclass(frozen=True)
class Answer:
    """Contributions (n, p, m), base (m,), the model's own prediction (n, m), and what they are of."""

    values: Floats
    base: Floats
    prediction: Floats
    months: Floats
    scale: Scale


def explain(
    model: Any,
    frame: pd.DataFrame,
    background: pd.DataFrame,
    months: Sequence[float],
    columns: Sequence[Column] = (),
    *,
    scale: ForestScale = "survival",
    filled_from: pd.DataFrame | None = None,
) -> Attribution:
    """Explain what `model` says of the patients in `frame`, exactly.

    `cox` is explained on the log relative hazard, where its contributions are the same at every
    horizon: ``coefficient * (value - mean of the background)``. They are exact on the complementary
    log-log of survival too, which differs by a constant; on survival itself a Cox model has no closed
    form, and none is given. `gbm` is explained on the log relative hazard too; `rsf` at each horizon on the
    survival probability, the cumulative hazard or the restricted mean survival up to it.

    Parameters
    ----------
    model : SurvivalModel
        Fitted, with ``model.explainable``.
    frame : DataFrame, n rows
        Patients to explain, as the model would be given them.
    background : DataFrame
        Training patients; what "nothing known" means for `cox`. The forest carries its own background
        in the weights of its nodes.
    months : sequence of float
        Horizons.
    columns : sequence of Column, optional
        Declares the columns of `frame`, for labels and units.
    scale : {"survival", "cumulative_hazard", "restricted_mean"}
        Of a forest.
    filled_from : DataFrame, optional
        Patients whose values stand for unknown ones: interventional values of a forest in place of
        path-dependent ones.

    Raises
    ------
    AdditivityError
        If base plus contributions miss the model's own prediction by more than 1e-8 anywhere.
    InputError
        If the model has no exact explanation.
    """
    question = Question(frame, background, np.asarray(months, dtype=float), scale, filled_from)
    answer = lookup(EXPLAINERS, model.name, "explainable model")(model, question)
    sources = model.features.sources.set_index("feature", drop=False).loc[list(model.feature_names)]
    names = list(dict.fromkeys(sources["column"]))
    derived = sources[~sources["column"].isin(frame.columns) & (sources["feature"] == sources["column"])]
    computed = model.features.transform(frame)[list(derived["feature"])]
    declared = {c.name: c for c in columns if c.name in names}
    for name, label in zip(derived["column"], derived["label"], strict=True):
        declared[name] = Column(name, "baseline", "number", label, "SD")  # features are standardised
    return Attribution(
        model=model.name,
        scale=answer.scale,
        months=answer.months,
        patients=frame.index,
        sources=sources[["feature", "column", "modality", "label"]].reset_index(drop=True),
        contributions=answer.values,
        base=answer.base,
        prediction=answer.prediction,
        observed=frame[[c for c in names if c in frame]].join(computed),
        columns=tuple(declared.values()),
    )


def explain_effect(
    model: Any,
    frame: pd.DataFrame,
    background: pd.DataFrame,
    months: Sequence[float],
    columns: Sequence[Column],
    arms: tuple[str, str],
    **scale: Any,
) -> Attribution:
    """Explain what `model` expects of the second of `arms` over the first, patient by patient, exactly.

    The prediction is the difference between those with the arm set to either. Shapley values are linear in
    what is explained, so the difference of both explanations is the explanation of the difference: what a
    marker adds is how far it modifies the effect of treatment. Nothing in a Cox model without interactions.

    Parameters
    ----------
    arms : (control, treated)
        Categories of the column "arm".
    scale
        `scale` and `filled_from` as in `explain`.
    """
    control, treated = (
        explain(model, frame.assign(arm=_all(frame, arm)), background, months, columns, **scale)
        for arm in arms
    )
    return replace(
        treated,
        contributions=treated.contributions - control.contributions,
        base=treated.base - control.base,
        prediction=treated.prediction - control.prediction,
    )


def _all(frame: pd.DataFrame, arm: str) -> pd.Series[Any]:
    given = frame["arm"]
    return pd.Series(arm, index=frame.index, dtype=given.dtype)


def dependence(
    model: Any, attribution: Attribution, frame: pd.DataFrame, months: float | None, top: int = 3
) -> pd.DataFrame:
    """How the contributions of the `top` numeric columns depend on their values, and on a second column.

    The second column is the one whose Shapley interactions with the first are largest; exact, path-dependent,
    for a forest. A linear model has none.

    Returns
    -------
    DataFrame
        One row a patient and column: `column`, `label`, `value` as measured, `log` (whether values are to
        stand on a log axis), `contribution`, `partner`, and `level`, where the partner's value lies among
        the patients (0 lowest, 1 highest; NaN where it is missing, has no order, or there is no partner).
    """
    parts = attribution.grouped("column")
    k, declared = parts.position(months), {c.name: c for c in parts.columns}
    names = parts.sources["feature"].tolist()
    sizes = np.abs(parts.contributions[:, :, k]).mean(axis=0)
    numeric = [
        j for j in np.argsort(-sizes, kind="stable")
        if names[j] in frame and declared[names[j]].kind == "number" and frame[names[j]].nunique() > 2
    ][:top]  # fmt: skip
    between = _interactions(model, attribution, frame, k, names)
    labels, rows = parts.labels, []
    for j in numeric:
        about = declared[names[j]]
        values = frame[names[j]].to_numpy(dtype=float)
        level, partner = np.full(len(frame), np.nan), ""
        if between is not None:
            other = int(np.argmax(np.where(np.arange(len(names)) == j, -1.0, between[j])))
            level, suffix = value_levels(parts.observed[names[other]], declared.get(names[other]))
            partner = labels[other] + suffix
        rows.append(pd.DataFrame({
            "column": names[j], "label": labels[j], "value": values, "log": about.positive,
            "contribution": parts.contributions[:, j, k], "partner": partner, "level": level,
        }))  # fmt: skip
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def _interactions(
    model: Any, attribution: Attribution, frame: pd.DataFrame, k: int, names: list[str]
) -> Floats | None:
    """Mean size of the interactions between columns, shape (columns, columns); None where there are none."""
    if EXPLAINERS[model.name] not in (_explain_forest, _explain_boosting):
        return None  # linear
    scales = [key for key, value in FOREST_SCALES.items() if value is attribution.scale]
    scale: ForestScale = scales[0] if scales else "survival"
    trees, answers = _trees(model, scale, attribution.months[[k]])
    found = tree_shap_interactions(trees, answers, model.inputs(frame))[:, :, :, 0]
    columns = attribution.sources["column"].tolist()
    member = np.array([[float(c == name) for name in names] for c in columns])
    summed = np.einsum("npq,pa,qb->nab", found, member, member, optimize=True)
    return np.asarray(np.abs(summed).mean(axis=0))


def _explain_cox(model: Any, question: Question) -> Answer:
    names = list(model.feature_names)
    x = model.features.transform(question.frame)[names].to_numpy()
    known = model.features.transform(question.known)[names].to_numpy()
    values, centre = linear_shap(model.coefficients, x, known)
    base = centre - float(model.feature_means @ model.coefficients)
    risk = model.predict(question.frame, question.months[:1]).risk
    return Answer(values[:, :, None], np.array([base]), risk[:, None], np.array([np.nan]), LOG_HAZARD)


def _explain_forest(model: Any, question: Question) -> Answer:
    names = list(model.feature_names)
    x = model.features.transform(question.frame)[names].to_numpy()
    fill = question.background
    known = None if fill is None else model.features.transform(fill)[names].to_numpy()
    values, base = tree_shap(*_trees(model, question.scale, question.months), x, known)
    prediction = forest_prediction(model, question)
    return Answer(values, base, prediction, question.months, FOREST_SCALES[question.scale])


def _explain_boosting(model: Any, question: Question) -> Answer:
    x, (trees, answers) = model.inputs(question.frame), _trees(model, question.scale, question.months)
    fill = question.background
    values, base = tree_shap(trees, answers, x, None if fill is None else model.inputs(fill))
    risk = model.predict(question.frame, question.months[:1]).risk
    return Answer(values, base - model.slope * model.centre, risk[:, None], np.array([np.nan]), LOG_HAZARD)


def _trees(model: Any, scale: ForestScale, months: Floats) -> tuple[ForestNodes, Floats]:
    """Return the trees of a model and what their leaves answer, of which the mean over trees is explained."""
    if model.name == "gbm":
        return model.trees, (model.trees.tree_count * model.slope * model.trees.values)[:, None]
    return model.forest, leaf_values(model.forest, scale, months)


def leaf_values(forest: Any, scale: ForestScale, months: Floats) -> Floats:
    """Return what each leaf answers on `scale` at `months`, shape (leaves, m)."""
    if scale == "cumulative_hazard":
        return np.asarray(forest.leaf_hazard_at(months))
    if scale == "survival":
        return np.asarray(forest.leaf_survival_at(months))
    grid = _grid(months)
    curves = forest.leaf_survival_at(grid)
    return np.column_stack([restricted_mean(grid, curves, h) for h in months])


def forest_prediction(model: Any, question: Question) -> Floats:
    """Return what the model itself says on the scale asked for, shape (n, m)."""
    months = question.months
    if question.scale == "survival":
        return np.asarray(model.predict(question.frame, months).survival)
    if question.scale == "cumulative_hazard":
        return np.asarray(model.cumulative_hazard(question.frame, months))
    grid = _grid(months)
    survival = model.predict(question.frame, grid).survival
    return np.column_stack([restricted_mean(grid, survival, h) for h in months])


def _grid(months: Floats) -> Floats:
    """Whole months and the horizons, between which curves are taken as straight."""
    return np.unique(np.concatenate([np.arange(1.0, np.ceil(months.max()) + 1), months]))


EXPLAINERS: Final[Mapping[str, Callable[[Any, Question], Answer]]] = {
    "cox": _explain_cox,
    "bayes_cox": _explain_cox,
    "rsf": _explain_forest,
    "gbm": _explain_boosting,
}
