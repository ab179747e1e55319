"""What each column contributed to a served prediction, from the stored model alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.explain import explain, linear_shap
from pipeline.schema import Floats, InputError


def contributions(model: Any, patients: pd.DataFrame, months: Floats) -> pd.DataFrame:
    """Return SHAP values by column, one row a patient.

    A forest carries its background in its nodes; of a Cox model the training means are stored, which is all
    that linear SHAP asks of a background. Contributions of a column's features are summed.

    Returns
    -------
    DataFrame
        ``shap_<months>_months[<column>]`` on the survival probability, or ``shap_log_hazard[<column>]``.

    Raises
    ------
    InputError
        When the model has no exact explanation that it can give by itself.
    """
    if hasattr(model, "feature_means"):
        names = list(model.feature_names)
        x = model.features.transform(patients)[names].to_numpy()
        values, _ = linear_shap(model.coefficients, x, np.asarray(model.feature_means)[None, :])
        column = model.features.sources.set_index("feature").loc[names, "column"].to_numpy()
        frame = pd.DataFrame(values.T).groupby(column, sort=False).sum().T
        return frame.rename(columns="shap_log_hazard[{}]".format).reset_index(drop=True)
    if not hasattr(model, "forest"):
        raise InputError(f"params: explain: model {model.name!r} has no exact explanation; leave it out")
    found = explain(model, patients, patients, months.tolist()).grouped("column")
    parts = list(found.sources["column"])
    return pd.concat(
        [
            pd.DataFrame(found.contributions[:, :, k], columns=[f"shap_{m:g}_months[{c}]" for c in parts])
            for k, m in enumerate(found.months)
        ],
        axis=1,
    )
