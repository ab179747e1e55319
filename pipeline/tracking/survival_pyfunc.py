"""The model as MLflow stores it: this file, and a folder of JSON and arrays; nothing is unpickled.

MLflow runs this file when the model is loaded, in a process that has never seen the run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class SurvivalPyfunc(PythonModel):  # type: ignore[misc]
    """Survival probabilities at any months, for patients given as the columns the model was trained on."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the model's folder."""
        from pipeline.models import load_model

        self._model = load_model(Path(context.artifacts["model"]))

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
            ``{"months": [6, 12]}``: the horizons asked for.
        """
        months = np.asarray((params or {})["months"], dtype=float)
        patients = model_input.rename_axis("patient")
        survival = self._model.predict(patients, months).survival
        return pd.DataFrame(
            survival, index=model_input.index, columns=[f"survival_{m:g}_months" for m in months]
        )


set_model(SurvivalPyfunc())
