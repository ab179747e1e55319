"""Competing risks: scores and curves beside R, models on patients whose risk is known."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.models import ModelContext
from pipeline.schema import OUTCOMES, Cohort, Column
from pipeline.toxicity.risk import (
    CAUSE_MODELS,
    _null,
    competing_auc,
    competing_brier,
    cross_validated_risk,
    weigh,
)

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "competing_risks.json").read_text())
COLUMN = Column("x", "baseline", "number", "X", "", "blood")


@pytest.fixture
def golden():
    return np.array(GOLDEN["time"], float), np.array(GOLDEN["cause"]), np.array(GOLDEN["predicted"])


@pytest.mark.parametrize("k", range(3))
def test_scores_equal_r(golden, k):
    months, cause, predicted = golden
    ones = np.ones((1, len(months)))
    weighted = weigh(months, cause, GOLDEN["horizons"][k], ones)
    assert competing_auc(predicted, weighted)[0] == pytest.approx(GOLDEN["auc"][k], abs=1e-6)
    assert competing_brier(predicted, weighted, ones)[0] == pytest.approx(GOLDEN["brier"][k], abs=1e-6)


def test_the_null_curve_is_r_s_aalen_johansen(golden):
    months, cause, _ = golden
    np.testing.assert_allclose(
        _null(months, cause, np.array(GOLDEN["horizons"])), GOLDEN["incidence"], atol=1e-9
    )


def test_weights_of_a_resample_are_those_of_its_copies(golden):
    months, cause, predicted = golden
    copies = np.random.default_rng(0).integers(0, 3, len(months))
    rows = np.repeat(np.arange(len(months)), copies)
    weighted = weigh(months, cause, 8.0, copies[None].astype(float))
    repeated = weigh(months[rows], cause[rows], 8.0, np.ones((1, len(rows))))
    assert competing_auc(predicted, weighted)[0] == pytest.approx(competing_auc(predicted[rows], repeated)[0])


def drawn(patients, seed):
    """Adverse events at a rate of exp(x), stopped by progression at a rate of its own."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=patients)
    at, rival = rng.exponential(1 / (0.06 * np.exp(x))), rng.exponential(1 / 0.05, patients)
    left = rng.uniform(8, 30, patients)
    months = np.minimum.reduce([at, rival, left])
    cause = np.where(months == at, 1, np.where(months == rival, 2, 0))
    observed = pd.DataFrame({"x": x, "os_months": months, "died": cause == 2})
    observed.index.name = "patient"
    return Cohort("drawn", observed, (COLUMN, OUTCOMES[0], OUTCOMES[1]), simulated=True), months, cause


@pytest.mark.parametrize("name", sorted(CAUSE_MODELS))
def test_incidence_is_that_of_the_process(name):
    cohort, months, cause = drawn(2500, 1)
    context = ModelContext((COLUMN,), "os", (12.0,), 30.0)
    model = CAUSE_MODELS[name](context).fit(cohort.observed, months, cause, np.random.default_rng(0))
    new = drawn(1000, 9)[0].observed[["x"]].sort_values("x")
    at = np.array([3.0, 6.0, 12.0])
    rate, rival = 0.06 * np.exp(new["x"].to_numpy())[:, None], 0.05
    truth = rate / (rate + rival) * (1 - np.exp(-(rate + rival) * at))
    found = model.incidence(new, at)
    fifths = [np.abs((found - truth)[part].mean(axis=0)).max() for part in np.array_split(np.arange(1000), 5)]
    assert max(fifths) < 0.05
    assert (np.diff(found, axis=1) >= 0).all()


def test_cross_validation_finds_a_real_risk_and_none_where_there_is_none():
    cohort, months, cause = drawn(600, 2)
    table = cross_validated_risk(cohort, months, cause, (COLUMN,), (6.0,), 4, np.random.default_rng(3), 60)
    auc = table[table["metric"] == "auc"].set_index("model")
    assert (auc["low"] > 0.6).all()
    rng = np.random.default_rng(4)
    shuffled = cohort.observed.assign(x=rng.permutation(cohort.observed["x"]))
    nothing = Cohort("none", shuffled, cohort.columns, simulated=True)
    table = cross_validated_risk(nothing, months, cause, (COLUMN,), (6.0,), 4, np.random.default_rng(3), 60)
    for row in table[table["metric"] == "auc"].itertuples():
        assert row.low < 0.53
        assert row.value < 0.58
