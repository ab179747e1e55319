"""Two small models, explained once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.explain import Attribution, explain
from pipeline.models import MODELS, ModelContext
from pipeline.schema import outcome

from .made_explanation import COLUMNS, HORIZONS, draw_patients


@pytest.fixture(scope="session")
def train() -> pd.DataFrame:
    return draw_patients(300, 1)


@pytest.fixture(scope="session")
def patients() -> pd.DataFrame:
    return draw_patients(40, 2)


@pytest.fixture(scope="session")
def models(train: pd.DataFrame) -> dict[str, object]:
    inputs = tuple(c for c in COLUMNS if c.role != "outcome")
    context = ModelContext(inputs, "os", HORIZONS, float(train["os_months"].max()))
    options = {"cox": {}, "rsf": {"n_estimators": 30, "min_samples_leaf": 10, "n_jobs": 1}}
    options["gbm"] = {"trials": 2, "max_trees": 80, "inner_folds": 2}
    y = outcome(train, "os")
    return {k: MODELS[k](context, **o).fit(train, y, np.random.default_rng(0)) for k, o in options.items()}


@pytest.fixture(scope="session")
def explained(models, train, patients) -> dict[str, Attribution]:
    return {name: explain(m, patients, train, HORIZONS, COLUMNS) for name, m in models.items()}
