"""Patients chosen and told: waterfalls, beeswarms and values for clinicians."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.explain import beeswarm_table, choose_patients, explain, measured, waterfall_table
from pipeline.explain.stories import value_levels
from pipeline.schema import Column

from .made_explanation import COLUMNS, HORIZONS


def test_patients_are_chosen_from_low_to_high_risk():
    risk = np.random.default_rng(12).permutation(101).astype(float)
    chosen = choose_patients(risk)
    assert risk[chosen["position"]].tolist() == [5, 50, 95]
    assert chosen["role"].tolist() == ["low risk", "middle risk", "high risk"]
    pd.testing.assert_frame_equal(chosen, choose_patients(risk))


@pytest.mark.parametrize(("n", "count"), [(3, 3), (2, 3), (1, 3), (5, 4), (50, 0), (50, 1)])
def test_every_number_of_patients_can_be_chosen(n, count):
    chosen = choose_patients(np.zeros(n), count)
    assert len(chosen) == min(n, count)
    assert chosen["position"].is_unique


@pytest.mark.parametrize("name", ["cox", "rsf"])
@pytest.mark.parametrize("top", [2, 50])
def test_a_waterfall_leads_from_base_to_prediction(name, top, explained):
    found = explained[name]
    table = waterfall_table(found, 7, 12, top)
    k = found.position(12)
    assert table["start"].iloc[0] == pytest.approx(found.base[k])
    assert table["end"].iloc[-1] == pytest.approx(found.prediction[7, k], abs=1e-9)
    np.testing.assert_allclose(table["start"].to_numpy()[1:], table["end"].to_numpy()[:-1])
    assert (table["kind"] == "column").sum() == min(top, 7)
    assert (table["kind"] == "rest").sum() == (top < 7)


def test_a_waterfall_shows_values_as_measured(explained, patients):
    missing = int(np.flatnonzero(patients["tmb"].isna())[0])
    shown = waterfall_table(explained["rsf"], missing, 12, 20).set_index("label")["measured"]
    assert shown["Tumour mutational burden"] == "not measured"
    assert shown["Interleukin-6"] == f"{patients['il6'].iloc[missing]:.3g} pg/mL"
    assert shown["Treatment arm"] == patients["arm"].iloc[missing]
    assert shown["Smoker"] in {"yes", "no"}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1234.5, "U/L", "1,234 U/L"), (0.01234, "ng/mL", "0.0123 ng/mL"), (50.0, "%", "50%"), (0.0, "", "0"),
     (np.nan, "%", "not measured")],
)  # fmt: skip
def test_values_are_written_for_clinicians(value, unit, text):
    assert measured(value, Column("x", "baseline", "number", "X", unit)) == text


def test_derived_columns_are_shown_in_standard_deviations(models, patients, train):
    renamed = models["cox"].features
    sources = renamed.sources.replace({"column": {"il8": "signature"}, "feature": {"il8": "signature"}})
    features = SimpleNamespace(
        sources=sources.assign(label=sources["label"].where(sources["column"] != "signature", "Signature")),
        transform=lambda frame: renamed.transform(frame).rename(columns={"il8": "signature"}),
    )
    cox = models["cox"]
    names = tuple("signature" if n == "il8" else n for n in cox.feature_names)
    model = SimpleNamespace(
        name="cox", features=features, feature_names=names, predict=cox.predict,
        coefficients=cox.coefficients, feature_means=cox.feature_means,
    )  # fmt: skip
    found = explain(model, patients, train, HORIZONS, COLUMNS)
    shown = waterfall_table(found, 0, None, 20).set_index("label")["measured"]
    assert shown["Signature"] == f"{renamed.transform(patients)['il8'].iloc[0]:.3g} SD".replace("-", "−")
    swarm = beeswarm_table(found, None, 20)
    assert swarm.loc[swarm["label"] == "Signature (SD)", "level"].notna().all()


def test_a_beeswarm_holds_the_most_important_columns_first(explained):
    table = beeswarm_table(explained["rsf"], 12, top=3)
    sizes = table.groupby("rank")["importance"].first()
    assert sizes.is_monotonic_decreasing
    assert len(table) == 3 * 40
    assert table["level"].dropna().between(0, 1).all()


def test_levels_of_numbers_are_ranks_and_of_many_categories_nothing():
    level, suffix = value_levels(pd.Series([5.0, np.nan, 500.0, 50.0]), COLUMNS[4])
    np.testing.assert_allclose(level, [0, np.nan, 1, 0.5])
    assert suffix == ""
    level, suffix = value_levels(pd.Series(["squamous", None, "other"]), COLUMNS[3])
    np.testing.assert_allclose(level, [1, np.nan, 0])
    assert suffix == " = squamous"
    three = Column("smoking", "baseline", "category", categories=("never", "former", "current"))
    assert np.isnan(value_levels(pd.Series(three.categories), three)[0]).all()
    assert value_levels(pd.Series([2.0, 2.0]), COLUMNS[1])[0].tolist() == [0.5, 0.5]
