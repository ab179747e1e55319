"""Explanations: exact against enumeration, additive always, honest about what they cannot be."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from math import factorial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.explain import (
    LOG_HAZARD,
    SURVIVAL,
    TOLERANCE,
    AdditivityError,
    Attribution,
    agreement_with_truth,
    beeswarm_table,
    choose_patients,
    explain,
    importance,
    linear_shap,
    measured,
    tree_shap,
    waterfall_table,
)
from pipeline.explain.importance import rank_correlations
from pipeline.explain.stories import value_levels
from pipeline.models import MODELS, ForestArrays, ModelContext, load_model, save_model
from pipeline.schema import OUTCOMES, Column, InputError, Truth, outcome

ARMS = ("docetaxel", "immunotherapy")
COLUMNS = (
    Column("arm", "arm", "category", "Treatment arm", categories=ARMS),
    Column("age", "baseline", "number", "Age", "years", "clinical"),
    Column("smoker", "baseline", "boolean", "Smoker", "", "clinical"),
    Column("histology", "baseline", "category", "Histology", "", "tumour", categories=("other", "squamous")),
    Column("il6", "baseline", "number", "Interleukin-6", "pg/mL", "cytokine", positive=True),
    Column("il8", "baseline", "number", "Interleukin-8", "pg/mL", "cytokine", positive=True),
    Column("tmb", "baseline", "number", "Tumour mutational burden", "mut/Mb", "tumour", positive=True),
    *OUTCOMES[:2],
)
HORIZONS = (6.0, 12.0, 18.5)


def draw_patients(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "arm": rng.choice(ARMS, n),
            "age": rng.normal(64, 9, n).round(),
            "smoker": rng.random(n) < 0.8,
            "histology": rng.choice(["other", "squamous"], n),
            "il6": np.exp(rng.normal(1.5, 0.9, n)),
            "il8": np.exp(rng.normal(2.0, 0.7, n)),
            "tmb": np.exp(rng.normal(1.8, 0.8, n)),
        },
        index=pd.Index([f"p{i:04d}" for i in range(n)], name="patient"),
    )
    log_hazard = 0.5 * np.log(frame["il6"]) - 0.4 * (frame["arm"] == ARMS[1]) + 0.02 * (frame["age"] - 64)
    death = rng.exponential(18 / np.exp(log_hazard - log_hazard.mean()))
    end = rng.uniform(6, 40, n)
    frame["os_months"], frame["died"] = np.minimum(death, end), death <= end
    frame.loc[rng.random(n) < 0.15, "tmb"] = np.nan
    return frame


@pytest.fixture(scope="module")
def train() -> pd.DataFrame:
    return draw_patients(300, 1)


@pytest.fixture(scope="module")
def patients() -> pd.DataFrame:
    return draw_patients(40, 2)


@pytest.fixture(scope="module")
def models(train: pd.DataFrame) -> dict[str, object]:
    inputs = tuple(c for c in COLUMNS if c.role != "outcome")
    context = ModelContext(inputs, "os", HORIZONS, float(train["os_months"].max()))
    options = {"cox": {}, "rsf": {"n_estimators": 30, "min_samples_leaf": 10, "n_jobs": 1}}
    y = outcome(train, "os")
    return {k: MODELS[k](context, **o).fit(train, y, np.random.default_rng(0)) for k, o in options.items()}


@pytest.fixture(scope="module")
def explained(models, train, patients) -> dict[str, Attribution]:
    return {name: explain(m, patients, train, HORIZONS, COLUMNS) for name, m in models.items()}


def attribution_of(contributions, scale=LOG_HAZARD, base=None, **changes) -> Attribution:
    """An attribution with chosen contributions of columns "a", "b", ... that adds up by construction."""
    contributions = np.asarray(contributions, dtype=float)
    n, p, m = contributions.shape
    base = np.zeros(m) if base is None else np.asarray(base, dtype=float)
    names = list("abcdefgh"[:p])
    parts = {
        "model": "made up",
        "scale": scale,
        "months": np.full(m, np.nan) if m == 1 else np.arange(1.0, m + 1),
        "patients": pd.Index([f"p{i}" for i in range(n)], name="patient"),
        "sources": pd.DataFrame({"feature": names, "column": names, "modality": "blood", "label": names}),
        "contributions": contributions,
        "base": base,
        "prediction": base + contributions.sum(axis=1),
        "observed": pd.DataFrame(index=range(n)),
        "columns": (),
    }
    return Attribution(**(parts | changes))


# Exactness


def shapley_by_enumeration(value_of, p: int) -> np.ndarray:
    """Shapley values from their definition: every subset of the other features, 2^(p-1) for each one."""
    values = []
    for j in range(p):
        others = [k for k in range(p) if k != j]
        total = 0.0
        for size in range(p):
            weight = factorial(size) * factorial(p - size - 1) / factorial(p)
            for known in combinations(others, size):
                total += weight * (value_of({*known, j}) - value_of(set(known)))
        values.append(total)
    return np.array(values)


def expected_output(tree, outputs, row: np.ndarray, known: set[int], node: int = 0):
    """Mean leaf output when splits on unknown features follow the training weights."""
    left, right = tree.children_left[node], tree.children_right[node]
    if left < 0:
        return outputs[node]
    feature = int(tree.feature[node])
    if feature in known:
        value = np.float32(row[feature])
        goes_left = tree.missing_left[node] if np.isnan(value) else value <= tree.threshold[node]
        return expected_output(tree, outputs, row, known, left if goes_left else right)
    share = tree.node_weight[left] / tree.node_weight[node]
    return share * expected_output(tree, outputs, row, known, left) + (1 - share) * expected_output(
        tree, outputs, row, known, right
    )


def grown_forest(p: int, missing: float, seed: int) -> tuple[ForestArrays, np.ndarray]:
    from sksurv.ensemble import RandomSurvivalForest
    from sksurv.util import Surv

    rng = np.random.default_rng(seed)
    x = rng.normal(size=(150, p)).astype(np.float32)
    months = np.ceil(rng.exponential(12 * np.exp(-0.8 * x[:, 0] + 0.5 * x[:, 1] * x[:, 2])))
    x[rng.random(x.shape) < missing] = np.nan
    y = Surv.from_arrays(rng.random(150) < 0.8, np.minimum(months, 36))
    grower = RandomSurvivalForest(n_estimators=4, min_samples_leaf=8, max_features=2, random_state=seed)
    return ForestArrays.of(grower.fit(x, y)), x


@pytest.mark.parametrize(("p", "missing"), [(3, 0.0), (5, 0.0), (5, 0.2), (6, 0.3)])
def test_tree_shap_equals_enumeration_of_every_subset(p, missing):
    forest, x = grown_forest(p, missing, seed=p)
    months = np.array([6.0, 12.0])
    outputs = [forest.leaf_survival_at(t, months)[t.leaf] for t in forest.trees]
    values, base = tree_shap(forest.trees, outputs, x[:4])

    for i, k in [(0, 0), (1, 1), (2, 0), (3, 1)]:

        def value_of(known: set[int], i: int = i, k: int = k) -> float:
            pairs = zip(forest.trees, outputs, strict=True)
            return float(np.mean([expected_output(t, o[:, k], x[i], known) for t, o in pairs]))

        assert base[k] == pytest.approx(value_of(set()), abs=1e-9)
        np.testing.assert_allclose(values[i, :, k], shapley_by_enumeration(value_of, p), rtol=0, atol=1e-9)


def test_the_enumeration_above_can_fail():
    forest, x = grown_forest(3, 0.0, seed=3)
    outputs = [forest.leaf_survival_at(t, np.array([12.0]))[t.leaf] for t in forest.trees]
    values, _ = tree_shap(forest.trees, outputs, x[:1])
    equal_split = [replace(t, node_weight=np.ones_like(t.node_weight)) for t in forest.trees]
    other, _ = tree_shap(equal_split, outputs, x[:1])
    assert np.abs(values - other).max() > 1e-3


def test_linear_shap_equals_enumeration_over_a_background():
    rng = np.random.default_rng(4)
    coefficients, row, background = (
        rng.normal(size=4),
        rng.normal(size=4),
        rng.normal(size=(25, 4)) @ rng.normal(size=(4, 4)),
    )

    def value_of(known: set[int]) -> float:
        mixed = background.copy()
        mixed[:, sorted(known)] = row[sorted(known)]
        return float((mixed @ coefficients).mean())

    values, base = linear_shap(coefficients, row[None], background)
    np.testing.assert_allclose(values[0], shapley_by_enumeration(value_of, 4), rtol=0, atol=1e-12)
    assert base == pytest.approx(value_of(set()), abs=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_forest_contributions_add_up_to_sksurv_itself(missing):
    from sksurv.ensemble import RandomSurvivalForest
    from sksurv.util import Surv

    rng = np.random.default_rng(11)
    x = rng.normal(size=(200, 6)).astype(np.float32)
    months = np.ceil(rng.exponential(10 * np.exp(x[:, 0])))
    x[rng.random(x.shape) < missing] = np.nan
    y = Surv.from_arrays(rng.random(200) < 0.7, np.minimum(months, 30))
    grower = RandomSurvivalForest(n_estimators=20, min_samples_leaf=6, random_state=1).fit(x, y)
    forest, at = ForestArrays.of(grower), np.array([5.0, 10.0])
    outputs = [forest.leaf_survival_at(t, at)[t.leaf] for t in forest.trees]
    values, base = tree_shap(forest.trees, outputs, x)
    curves = grower.predict_survival_function(x, return_array=True)
    wanted = curves[:, np.searchsorted(grower.unique_times_, at)]
    np.testing.assert_allclose(base + values.sum(axis=1), wanted, rtol=0, atol=1e-12)


def test_inputs_are_compared_as_float32_as_the_trees_do():
    forest, x = grown_forest(3, 0.0, seed=3)
    tree = forest.trees[0]
    edge = np.array(x[:1], dtype=np.float64)
    edge[0, tree.feature[0]] = np.nextafter(tree.threshold[0], np.inf)  # above as float64, equal as float32
    on_edge = edge.copy()
    on_edge[0, tree.feature[0]] = tree.threshold[0]
    outputs = [forest.leaf_survival_at(t, np.array([12.0]))[t.leaf] for t in forest.trees]
    np.testing.assert_array_equal(
        tree_shap(forest.trees, outputs, edge)[0], tree_shap(forest.trees, outputs, on_edge)[0]
    )


def test_a_feature_no_tree_splits_on_contributes_nothing():
    forest, x = grown_forest(3, 0.0, seed=9)
    outputs = [forest.leaf_survival_at(t, np.array([12.0]))[t.leaf] for t in forest.trees]
    wider = np.column_stack([x, np.random.default_rng(0).normal(size=len(x)) * 100])
    values, _ = tree_shap(forest.trees, outputs, wider[:20])
    assert (values[:, 3] == 0).all()
    assert np.abs(values[:, :3]).max() > 0


def test_a_forest_of_stumps_without_splits_has_only_a_base():
    leaf = np.array([-1])
    tree = SimpleNamespace(
        children_left=leaf, children_right=leaf, feature=np.array([-2]), threshold=np.array([-2.0]),
        missing_left=np.array([False]), node_weight=np.array([10.0]),
    )  # fmt: skip
    values, base = tree_shap([tree, tree], [np.array([[0.25]]), np.array([[0.75]])], np.zeros((3, 2)))
    assert base == pytest.approx([0.5])
    assert values.shape == (3, 2, 1)
    assert (values == 0).all()


# Fitted models


@pytest.mark.parametrize("name", ["cox", "rsf"])
def test_contributions_add_up_for_fitted_models(name, explained):
    assert explained[name].additivity_error < 1e-9 < TOLERANCE


def test_the_forest_explains_its_survival_at_every_horizon(explained, models, patients):
    found = explained["rsf"]
    assert found.scale is SURVIVAL
    survival = models["rsf"].predict(patients, np.array(HORIZONS)).survival
    np.testing.assert_allclose(found.base + found.contributions.sum(axis=1), survival, rtol=0, atol=1e-9)
    assert found.contributions.shape[2] == len(HORIZONS)


def test_cox_explains_its_log_hazard_and_survival_follows(explained, models, patients):
    found = explained["cox"]
    assert found.scale is LOG_HAZARD
    total = found.base[0] + found.contributions[:, :, 0].sum(axis=1)
    model = models["cox"]
    survival = model.predict(patients, np.array([12.0])).survival[:, 0]
    hazard = model.baseline_cumulative_hazard[np.searchsorted(model.baseline_months, 12.0, side="right") - 1]
    np.testing.assert_allclose(np.log(-np.log(survival)), np.log(hazard) + total, rtol=0, atol=1e-9)


def test_cox_contributions_are_zero_on_average_over_the_background(models, train):
    found = explain(models["cox"], train, train, HORIZONS, COLUMNS)
    np.testing.assert_allclose(found.contributions.mean(axis=0), 0, atol=1e-12)


def test_the_forests_base_is_the_mean_over_its_own_training_weights(explained, models):
    roots = [
        np.average(models["rsf"].forest.leaf_survival_at(t, np.array([12.0]))[t.leaf][t.leaf >= 0],
                   weights=t.node_weight[t.leaf >= 0], axis=0)
        for t in models["rsf"].forest.trees
    ]  # fmt: skip
    assert explained["rsf"].base[1] == pytest.approx(np.mean(roots), abs=1e-12)


def test_a_reloaded_model_is_explained_the_same(explained, models, patients, train, tmp_path):
    save_model(models["rsf"], tmp_path / "rsf")
    again = explain(load_model(tmp_path / "rsf"), patients, train, HORIZONS, COLUMNS)
    np.testing.assert_array_equal(again.contributions, explained["rsf"].contributions)


def test_row_order_is_irrelevant(models, patients, train, explained):
    turned = explain(models["rsf"], patients[::-1], train, HORIZONS, COLUMNS)
    np.testing.assert_array_equal(turned.contributions[::-1], explained["rsf"].contributions)


def test_a_model_that_predicts_otherwise_than_it_is_explained_stops_the_run(models, patients, train):
    rsf = models["rsf"]
    fewer = replace(rsf.forest, trees=rsf.forest.trees[1:])
    other = SimpleNamespace(
        name="rsf", features=rsf.features, feature_names=rsf.feature_names, forest=fewer, predict=rsf.predict
    )
    with pytest.raises(AdditivityError, match=r"'rsf' miss its predictions .* at most 1e-06 is allowed"):
        explain(other, patients, train, HORIZONS)


def test_a_model_without_exact_explanation_is_refused(patients, train):
    with pytest.raises(InputError, match="unknown explainable model 'pdl1'; known: cox, rsf"):
        explain(SimpleNamespace(name="pdl1"), patients, train, HORIZONS)


# The additivity check


@pytest.mark.parametrize(
    ("error", "refused"), [(0.5 * TOLERANCE, False), (2 * TOLERANCE, True), (np.nan, True)]
)
def test_the_additivity_check_stops_at_its_tolerance(error, refused):
    contributions = np.random.default_rng(0).normal(size=(5, 3, 1))
    prediction = contributions.sum(axis=1)
    contributions[2, 1, 0] += error
    if refused:
        with pytest.raises(AdditivityError):
            attribution_of(contributions, prediction=prediction)
    else:
        assert attribution_of(contributions, prediction=prediction).additivity_error == pytest.approx(error)


def test_contributions_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"must have shape \(5, 3, 1\). Got \(5, 2, 1\)"):
        replace(attribution_of(np.zeros((5, 3, 1))), contributions=np.zeros((5, 2, 1)))


# Grouping


@pytest.mark.parametrize("level", ["feature", "column", "modality"])
@pytest.mark.parametrize("name", ["cox", "rsf"])
def test_groups_keep_the_sum(name, level, explained):
    grouped = explained[name].grouped(level)
    assert grouped.level == level
    np.testing.assert_allclose(
        grouped.contributions.sum(axis=1), explained[name].contributions.sum(axis=1), atol=1e-12
    )


def test_features_of_a_column_are_summed(explained):
    full = explained["rsf"]
    rows = (full.sources["column"] == "tmb").to_numpy()
    assert rows.sum() == 2  # the value, and whether it is missing
    grouped = full.grouped("column")
    at = grouped.sources["feature"].tolist().index("tmb")
    np.testing.assert_allclose(
        grouped.contributions[:, at], full.contributions[:, rows].sum(axis=1), rtol=0, atol=1e-15
    )
    assert grouped.labels[at] == "Tumour mutational burden (mut/Mb)"


def test_the_tidy_table_adds_up_too(explained):
    tidy = explained["rsf"].tidy()
    by = ["patient", "horizon_months"]
    total = tidy.groupby(by)["contribution"].sum() + tidy.groupby(by)["base"].first()
    np.testing.assert_allclose(total, tidy.groupby(by)["prediction"].first(), atol=1e-9)
    assert len(tidy) == explained["rsf"].contributions.size


def test_taking_patients_keeps_their_rows_together(explained):
    full, some = explained["rsf"], explained["rsf"].take([3, 0])
    assert list(some.patients) == [full.patients[3], full.patients[0]]
    np.testing.assert_array_equal(some.contributions[0], full.contributions[3])
    assert some.observed.index.tolist() == list(some.patients)


def test_an_unexplained_horizon_is_refused(explained):
    assert explained["rsf"].position(12) == 1
    assert explained["cox"].position(12) == 0
    with pytest.raises(ValueError, match="not explained at 24 months"):
        explained["rsf"].position(24)


# Importance


def test_importance_is_the_mean_absolute_contribution(explained):
    table = importance(explained["rsf"], np.random.default_rng(0))
    il6 = table[(table["name"] == "il6") & (table["horizon_months"] == 12)].iloc[0]
    grouped = explained["rsf"].grouped("column")
    at = grouped.sources["feature"].tolist().index("il6")
    assert il6["importance"] == pytest.approx(np.abs(grouped.contributions[:, at, 1]).mean())
    assert il6["low"] < il6["importance"] < il6["high"]
    assert table.groupby("horizon_months")["share"].sum().to_numpy() == pytest.approx(1)
    assert table.groupby("horizon_months").first()["name"].eq("il6").all()  # the strongest true effect


def test_importance_intervals_are_as_wide_as_theory_says():
    sizes = np.random.default_rng(5).exponential(size=(400, 1, 1))
    table = importance(attribution_of(sizes), np.random.default_rng(6), replicates=4000).iloc[0]
    half = 1.96 * sizes.std() / np.sqrt(400)
    # the error of a percentile from 4,000 replicates is about 3 % of the half-width
    assert table["high"] - table["low"] == pytest.approx(2 * half, rel=0.12)


def test_importance_repeats_with_its_seed_and_changes_with_it(explained):
    one, same, other = (importance(explained["cox"], np.random.default_rng(s)) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert not one["low"].equals(other["low"])


# Agreement with the truth


def truth_of(attribution: Attribution, contributions: np.ndarray, columns=None) -> Truth:
    names = columns or attribution.sources["column"].tolist()
    table = pd.DataFrame(contributions, index=attribution.patients)
    table.columns = [f"os_contribution[{n}]" for n in names]
    return Truth(table.assign(arm="a"), pd.DataFrame(columns=["arm", "months", "os", "progression"]))


def test_a_perfect_explanation_agrees_perfectly():
    true = np.random.default_rng(7).normal(size=(50, 4)) * [1, 2, 3, 4]
    centred = true - true.mean(axis=0)
    found = agreement_with_truth(
        attribution_of(centred[:, :, None]), truth_of(attribution_of(centred[:, :, None]), true)
    )
    assert found.columns["rank_correlation"].to_numpy() == pytest.approx(1)
    assert found.patients["rank_correlation"].to_numpy() == pytest.approx(1)
    summary = found.summary.iloc[0]
    assert summary["importance_correlation"] == pytest.approx(1)
    assert summary["sign_agreement"] == pytest.approx(1)


def test_survival_contributions_are_turned_round_to_mean_harm():
    true = np.random.default_rng(8).normal(size=(50, 3))
    centred = true - true.mean(axis=0)
    helpful = attribution_of(-centred[:, :, None], scale=SURVIVAL)
    assert agreement_with_truth(helpful, truth_of(helpful, true)).summary["sign_agreement"].iloc[
        0
    ] == pytest.approx(1)
    harmful = attribution_of(centred[:, :, None], scale=SURVIVAL)
    wrong = agreement_with_truth(harmful, truth_of(harmful, true))
    assert wrong.summary["sign_agreement"].iloc[0] == pytest.approx(0)
    assert wrong.columns["rank_correlation"].to_numpy() == pytest.approx(-1)


def test_columns_the_truth_does_not_record_are_left_out():
    made = attribution_of(np.random.default_rng(9).normal(size=(20, 3, 1)))
    partial = truth_of(made, made.contributions[:, :2, 0], ["a", "b"])
    assert agreement_with_truth(made, partial).columns["column"].tolist() == ["a", "b"]
    with pytest.raises(ValueError, match=r"no contribution to 'pfs' of a, b, c"):
        agreement_with_truth(made, partial, "pfs")


def test_the_forest_finds_the_direction_of_true_effects(explained, patients):
    true = pd.DataFrame({"os_contribution[il6]": 0.5 * np.log(patients["il6"])})
    found = agreement_with_truth(explained["rsf"], Truth(true, pd.DataFrame()))
    assert (found.columns["rank_correlation"] > 0.8).all()


def test_rank_correlations_match_scipy_with_ties():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(10)
    a, b = rng.integers(0, 5, (6, 30)).astype(float), rng.integers(0, 5, (6, 30)).astype(float)
    wanted = [spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(rank_correlations(a, b), wanted, atol=1e-12)
    assert np.isnan(rank_correlations(np.ones((1, 4)), b[:1, :4])[0])


# Patients


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


def test_importing_the_package_leaves_shap_and_matplotlib_alone():
    heavy = ("shap", "matplotlib", "sksurv")
    code = f"import sys, pipeline.explain; sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
