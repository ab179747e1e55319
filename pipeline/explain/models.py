"""Explain a fitted model: Cox on its log hazard, the forest on survival probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.explain.attribution import LOG_HAZARD, SURVIVAL, Attribution
from pipeline.explain.exact import linear_shap, tree_shap
from pipeline.schema import Column, Floats, lookup

# values (n, p, m), base (m,), prediction (n, m), months (m,)
Parts = tuple[Floats, Floats, Floats, Floats]


def explain(
    model: Any,
    frame: pd.DataFrame,
    background: pd.DataFrame,
    months: Sequence[float],
    columns: Sequence[Column] = (),
) -> Attribution:
    """Explain what `model` says of the patients in `frame`, exactly.

    `cox` is explained on the log relative hazard, where its contributions are the same at every
    horizon: ``coefficient * (value - mean of the background)``. They are exact on the complementary
    log-log of survival too, which differs by a constant; on survival itself a Cox model has no closed
    form, and none is given. `rsf` is explained on the survival probability at each horizon by
    path-dependent TreeSHAP.

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

    Raises
    ------
    AdditivityError
        If base plus contributions miss the model's own prediction by more than 1e-6 anywhere.
    InputError
        If the model has no exact explanation.
    """
    values, base, prediction, at = lookup(EXPLAINERS, model.name, "explainable model")(
        model, frame, background, np.asarray(months, dtype=float)
    )
    sources = model.features.sources.set_index("feature", drop=False).loc[list(model.feature_names)]
    names = list(dict.fromkeys(sources["column"]))
    derived = sources[~sources["column"].isin(frame.columns) & (sources["feature"] == sources["column"])]
    computed = model.features.transform(frame)[list(derived["feature"])]
    declared = {c.name: c for c in columns if c.name in names}
    for name, label in zip(derived["column"], derived["label"], strict=True):
        declared[name] = Column(name, "baseline", "number", label, "SD")  # features are standardised
    return Attribution(
        model=model.name,
        scale=LOG_HAZARD if model.name == "cox" else SURVIVAL,
        months=at,
        patients=frame.index,
        sources=sources[["feature", "column", "modality", "label"]].reset_index(drop=True),
        contributions=values,
        base=base,
        prediction=prediction,
        observed=frame[[c for c in names if c in frame]].join(computed),
        columns=tuple(declared.values()),
    )


def _explain_cox(model: Any, frame: pd.DataFrame, background: pd.DataFrame, months: Floats) -> Parts:
    names = list(model.feature_names)
    x = model.features.transform(frame)[names].to_numpy()
    known = model.features.transform(background)[names].to_numpy()
    values, centre = linear_shap(model.coefficients, x, known)
    base = centre - float(model.feature_means @ model.coefficients)
    risk = model.predict(frame, months[:1]).risk
    return values[:, :, None], np.array([base]), risk[:, None], np.array([np.nan])


def _explain_forest(model: Any, frame: pd.DataFrame, background: pd.DataFrame, months: Floats) -> Parts:
    x = model.features.transform(frame)[list(model.feature_names)].to_numpy()
    forest = model.forest
    # a node's row of leaf values; inner nodes read the last row, which tree_shap ignores
    outputs = [forest.leaf_survival_at(tree, months)[tree.leaf] for tree in forest.trees]
    values, base = tree_shap(forest.trees, outputs, x)
    return values, base, model.predict(frame, months).survival, months


EXPLAINERS: Final[Mapping[str, Callable[[Any, pd.DataFrame, pd.DataFrame, Floats], Parts]]] = {
    "cox": _explain_cox,
    "rsf": _explain_forest,
}
