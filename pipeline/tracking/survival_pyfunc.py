"""The model as MLflow stores it: this file, and a folder of JSON and arrays; nothing is unpickled.

MLflow runs this file when the model is loaded, in a process that has never seen the run. What cannot be
predicted from is refused with a reason, which MLflow's scoring server answers with code 400.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class SurvivalPyfunc(PythonModel):  # type: ignore[misc]
    """Survival probabilities at any months, for patients given as the columns the model was trained on."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the model's folder, and what its training patients were like."""
        from pipeline.models import load_model
        from pipeline.tracking.served_rows import Served

        self._model = load_model(Path(context.artifacts["model"]))
        self._served = Served.read(Path(context.artifacts["served"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return one column a horizon: the probability of being event-free past it.

        Parameters
        ----------
        context : PythonModelContext
            Given by MLflow; not used here.
        model_input : DataFrame
            One row a patient; missing values are allowed and handled as in training.
        params : dict, optional
            ``{"months": [6, 12]}``: the horizons asked for, in any order. ``{"explain": true}`` adds what
            each column contributed (SHAP): of a forest to the survival at each horizon,
            ``shap_12_months[nlr]``, of a Cox model to the log hazard, ``shap_log_hazard[nlr]``.

        Raises
        ------
        MlflowException
            With code INVALID_PARAMETER_VALUE when a horizon or a row cannot be used; every fault is named.
        """
        from pipeline.schema import InputError
        from pipeline.tracking.served_shap import contributions

        params = params or {}
        try:
            asked = self._served.months(params["months"])
            patients = self._served.rows(model_input)
            order = np.argsort(asked)
            survival = np.empty((len(patients), len(asked)))
            survival[:, order] = self._model.predict(patients, asked[order]).survival
            parts = contributions(self._model, patients, asked[order]) if params.get("explain") else None
        except InputError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from None
        answer = pd.DataFrame(survival, columns=[f"survival_{m:g}_months" for m in asked])
        return (answer if parts is None else answer.join(parts)).set_index(model_input.index)


set_model(SurvivalPyfunc())
