"""Models: the contract over the registry, golden values from R, and each model's own rules."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_cohort import CONTROL, EFFECTS, HORIZONS, MONTHLY_HAZARD, TREATED, context_of, made_cohort

from pipeline.metrics import METRICS
from pipeline.models import (
    MODELS,
    ForestArrays,
    build_model,
    kaplan_meier,
    load_model,
    null_prediction,
    save_model,
)
from pipeline.models.contract import restricted_mean, steps_at
from pipeline.models.cox import RidgeCox
from pipeline.models.forest import on_grid
from pipeline.models.partial_likelihood import RiskSets, cross_validated_likelihood, ridge_fit
from pipeline.schema import Column, InputError, outcome

GOLDEN = json.loads((Path(__file__).parent / "golden" / "cox.json").read_text())
OPTIONS = {"rsf": {"n_estimators": 20, "n_jobs": 1}, "cox": {"penalties": (0.01, 0.1)}}
MONTHS = np.arange(0.5, 18.1, 0.5)
PORTABLE = sorted(name for name, kind in MODELS.items() if kind.portable)
LEARNING = sorted(set(MODELS) - {"oracle"})


@pytest.fixture(scope="module")
def cohort():
    return made_cohort(400, seed=1)


@pytest.fixture(scope="module")
def fitted(cohort):
    y = outcome(cohort.observed, "os")
    return {
        name: build_model(name, context_of(cohort), OPTIONS.get(name)).fit(
            cohort.observed, y, np.random.default_rng(3)
        )
        for name in MODELS
    }


def golden_outcome():
    y = np.empty(len(GOLDEN["time"]), dtype=[("event", bool), ("time", float)])
    y["event"], y["time"] = np.array(GOLDEN["event"]) == 1, GOLDEN["time"]
    return y


# --- the contract over the registry ---


@pytest.mark.parametrize("name", sorted(MODELS))
def test_survival_is_a_probability_that_never_rises(name, fitted, cohort):
    prediction = fitted[name].predict(cohort.observed, MONTHS)
    assert prediction.survival.shape == (len(cohort), len(MONTHS))
    assert prediction.survival.min() >= 0
    assert prediction.survival.max() <= 1
    assert (np.diff(prediction.survival, axis=1) <= 0).all()
    assert np.ptp(prediction.survival[:, -1]) > 0.05  # and it tells patients apart


@pytest.mark.parametrize("name", sorted(MODELS))
def test_row_order_is_irrelevant(name, fitted, cohort):
    there = fitted[name].predict(cohort.observed, MONTHS)
    back = fitted[name].predict(cohort.observed[::-1], MONTHS)
    np.testing.assert_allclose(back.risk[::-1], there.risk, rtol=1e-12)
    np.testing.assert_allclose(back.survival[::-1], there.survival, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_patient_is_predicted_alone_as_in_company(name, fitted, cohort):
    company = fitted[name].predict(cohort.observed, MONTHS)
    alone = fitted[name].predict(cohort.observed.iloc[[17]], MONTHS)
    np.testing.assert_allclose(alone.survival[0], company.survival[17], rtol=1e-12)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_same_seed_gives_the_same_bits(name, fitted, cohort):
    again = build_model(name, context_of(cohort), OPTIONS.get(name))
    again = again.fit(cohort.observed, outcome(cohort.observed, "os"), np.random.default_rng(3))
    np.testing.assert_array_equal(
        again.predict(cohort.observed, MONTHS).survival,
        fitted[name].predict(cohort.observed, MONTHS).survival,
    )


@pytest.mark.parametrize("name", sorted(MODELS))
def test_it_ranks_new_patients_better_than_chance(name, fitted):
    new = made_cohort(400, seed=2)
    y = outcome(new.observed, "os")
    prediction = fitted[name].with_truths((new.truth,)).predict(new.observed, MONTHS)
    null = null_prediction(y["time"], y["event"], len(y), MONTHS)
    # 400 patients, some 200 events: the standard error of C is about 0.02
    assert METRICS["harrell_c"](y, prediction, null)[0] > (0.52 if name == "pdl1" else 0.60)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_curves_start_at_one(name, fitted, cohort):
    np.testing.assert_allclose(fitted[name].predict(cohort.observed, np.array([0.0])).survival, 1.0)


@pytest.mark.parametrize("name", LEARNING)
def test_the_last_value_is_carried_past_follow_up(name, fitted, cohort):
    last = np.ceil(cohort.observed["os_months"].max())
    survival = fitted[name].predict(cohort.observed, np.array([last, last + 50])).survival
    np.testing.assert_array_equal(survival[:, 0], survival[:, 1])


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_misspelt_option_is_named(name, cohort):
    with pytest.raises(InputError, match=rf"models: {name}: unknown option 'penality'"):
        build_model(name, context_of(cohort), {"penality": 1})


@pytest.mark.parametrize("name", sorted(MODELS))
def test_parameters_are_flat_and_json_ready(name, fitted):
    parameters = fitted[name].parameters()
    assert parameters
    assert all(isinstance(v, str | int | float | type(None)) for v in parameters.values())
    json.dumps(parameters, allow_nan=False)


@pytest.mark.parametrize("name", LEARNING)
def test_training_without_events_is_refused(name, cohort):
    y = outcome(cohort.observed, "os")
    y["event"] = False
    with pytest.raises(InputError, match=f"models: {name}: none of 400 training patients"):
        build_model(name, context_of(cohort), OPTIONS.get(name)).fit(
            cohort.observed, y, np.random.default_rng(0)
        )


@pytest.mark.parametrize("name", PORTABLE)
def test_saved_and_loaded_it_predicts_the_same(name, fitted, cohort, tmp_path):
    save_model(fitted[name], tmp_path / name)
    loaded = load_model(tmp_path / name)
    got, want = (model.predict(cohort.observed, MONTHS) for model in (loaded, fitted[name]))
    np.testing.assert_array_equal(got.survival, want.survival)
    np.testing.assert_array_equal(got.risk, want.risk)
    assert loaded.parameters() == fitted[name].parameters()


@pytest.mark.parametrize("name", PORTABLE)
def test_the_same_model_is_the_same_file(name, fitted, tmp_path):
    first, second = (save_model(fitted[name], tmp_path / side) for side in "ab")
    for file in ("model.json", "arrays.npz"):
        assert (first / file).read_bytes() == (second / file).read_bytes()


def test_loaded_models_predict_in_a_new_process_without_the_libraries_that_fitted_them(
    fitted, cohort, tmp_path
):
    cohort.observed.to_pickle(tmp_path / "table.pkl")
    for name in PORTABLE:
        save_model(fitted[name], tmp_path / name)
    program = """
import sys, json, pathlib, numpy as np, pandas as pd
from pipeline.models import load_model
folder = pathlib.Path(sys.argv[1])
table = pd.read_pickle(folder / "table.pkl")
for name in sys.argv[2:]:
    survival = load_model(folder / name).predict(table, np.arange(0.5, 18.1, 0.5)).survival
    np.save(folder / f"{name}.npy", survival)
print(json.dumps([m for m in ("lifelines", "sksurv", "shap", "mlflow", "matplotlib") if m in sys.modules]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), *PORTABLE],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1], env=dict(os.environ),
    )  # fmt: skip
    assert json.loads(done.stdout) == []
    for name in PORTABLE:
        np.testing.assert_allclose(
            np.load(tmp_path / f"{name}.npy"),
            fitted[name].predict(cohort.observed, MONTHS).survival,
            atol=1e-12,
        )


def test_a_folder_without_a_model_is_one_plain_message(tmp_path):
    with pytest.raises(InputError, match="holds no model that can be read"):
        load_model(tmp_path)


def test_a_model_of_another_format_is_refused(fitted, tmp_path):
    save_model(fitted["pdl1"], tmp_path)
    text = (tmp_path / "model.json").read_text().replace('"format": 1', '"format": 99')
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(InputError, match=r"format must be 1\. Got 99"):
        load_model(tmp_path)


def test_an_unknown_model_lists_the_known_ones(cohort):
    with pytest.raises(InputError, match="unknown model 'coxx'; known: cox, oracle, pdl1, rsf"):
        build_model("coxx", context_of(cohort))


# --- partial likelihood and Cox, beside R's survival ---


def test_partial_likelihood_equals_r():
    sets = RiskSets.of(
        np.array(GOLDEN["x"], float), np.array(GOLDEN["time"], float), golden_outcome()["event"]
    )
    null, best = GOLDEN["log_likelihood"]
    assert sets.log_likelihood(np.zeros(3)) == pytest.approx(null, abs=1e-9)
    assert sets.log_likelihood(np.array(GOLDEN["coefficients"])) == pytest.approx(best, abs=1e-9)


def test_ridge_coefficients_equal_r():
    sets = RiskSets.of(
        np.array(GOLDEN["standardised"]), np.array(GOLDEN["time"], float), golden_outcome()["event"]
    )
    found = ridge_fit(sets, GOLDEN["theta"], np.zeros(3))
    np.testing.assert_allclose(found, GOLDEN["ridge_coefficients"], atol=1e-7)


def test_derivatives_are_those_of_the_likelihood():
    sets = RiskSets.of(
        np.array(GOLDEN["x"], float), np.array(GOLDEN["time"], float), golden_outcome()["event"]
    )
    beta, small = np.array([0.3, -0.2, 0.1]), 1e-5
    value, gradient, information = sets.derivatives(beta)
    assert value == pytest.approx(sets.log_likelihood(beta), abs=1e-9)
    for j, e in enumerate(np.eye(3) * small):
        numeric = (sets.log_likelihood(beta + e) - sets.log_likelihood(beta - e)) / (2 * small)
        assert gradient[j] == pytest.approx(numeric, abs=1e-5)
        bend = (sets.derivatives(beta + e)[1] - sets.derivatives(beta - e)[1]) / (2 * small)
        np.testing.assert_allclose(-information[j], bend, atol=1e-5)


def test_cross_validated_likelihood_is_what_it_says():
    x, y = np.array(GOLDEN["standardised"]), golden_outcome()
    found = cross_validated_likelihood(x, y["time"], y["event"], (0.05,), 4, np.random.default_rng(5))
    rng, fold = np.random.default_rng(5), np.empty(len(y), dtype=int)
    for had in (True, False):
        rows = np.flatnonzero(y["event"] == had)
        fold[rng.permutation(rows)] = np.arange(len(rows)) % 4
    total = 0.0
    for k in range(4):
        kept = fold != k
        some = RiskSets.of(x[kept], y["time"][kept], y["event"][kept])
        beta = ridge_fit(some, 0.05 * kept.sum(), np.zeros(3))
        total += RiskSets.of(x, y["time"], y["event"]).log_likelihood(beta) - some.log_likelihood(beta)
    assert found[0] == pytest.approx(total, abs=1e-6)


def test_cox_equals_r_but_for_its_tiny_penalty():
    y = golden_outcome()
    index = pd.RangeIndex(len(y), name="patient")
    frame = pd.DataFrame(GOLDEN["x"], columns=["x1", "x2", "x3"], index=index)
    columns = tuple(Column(n, "baseline", "number", modality="blood") for n in frame)
    context = replace(context_of(made_cohort(20, 0)), columns=columns, control_arm=None)
    # Features standardise and winsorise; a stand-in that does neither keeps R's units.
    model = RidgeCox(context)
    model.penalty = 1e-9
    model._fit_lifelines(frame, y)
    model.features = _AsIs()
    np.testing.assert_allclose(model.coefficients, GOLDEN["coefficients"], atol=2e-6)
    patient = pd.DataFrame([[1.0, 0.0, -0.5]], columns=list(frame), index=pd.RangeIndex(1, name="patient"))
    survival = model.predict(patient, np.array(GOLDEN["months"], float)).survival[0]
    np.testing.assert_allclose(survival, GOLDEN["survival_breslow"], atol=2e-6)


class _AsIs:
    def transform(self, frame):
        return frame


def test_lifelines_and_the_inner_fit_agree_on_the_penalty_scale(fitted, cohort):
    model = fitted["cox"]
    x = model.features.transform(cohort.observed)
    z = (x - x.mean()) / x.std()
    y = outcome(cohort.observed, "os")
    ours = ridge_fit(
        RiskSets.of(z.to_numpy(), y["time"], y["event"]), model.penalty * len(y), np.zeros(z.shape[1])
    )
    np.testing.assert_allclose(model.coefficients * x.std().to_numpy(), ours, atol=1e-5)


def test_the_penalty_with_the_best_cross_validated_likelihood_is_taken(fitted):
    scores = fitted["cox"].cross_validated
    assert set(scores) == {0.01, 0.1}
    assert fitted["cox"].penalty == max(scores, key=scores.get)


def test_cox_survival_is_built_from_what_it_exposes(fitted, cohort):
    model = fitted["cox"]
    x = model.features.transform(cohort.observed)[list(model.feature_names)].to_numpy()
    risk = (x - model.feature_means) @ model.coefficients
    hazard = model.baseline_cumulative_hazard[model.baseline_months <= 12.0][-1]
    prediction = model.predict(cohort.observed, np.array([12.0]))
    np.testing.assert_allclose(prediction.risk, risk, rtol=1e-12)
    np.testing.assert_allclose(prediction.survival[:, 0], np.exp(-hazard * np.exp(risk)), rtol=1e-12)


def log_hazard_recovered(target: float) -> tuple[float, float, int]:
    """Age's log hazard ratio per standard deviation, what is expected, and the events it rests on."""
    cohort = made_cohort(1500, seed=11)
    y = outcome(cohort.observed, "os")
    model = RidgeCox(context_of(cohort), penalties=(1e-6,))
    model.fit(cohort.observed, y, np.random.default_rng(0))
    place = model.feature_names.index("age_years")
    return float(model.coefficients[place]), target, int(y["event"].sum())


def close(found, target, events):
    """Within four standard errors of a log hazard ratio per standard deviation."""
    return abs(found - target) < 4 / np.sqrt(events)


def test_a_simulated_effect_comes_back():
    assert close(*log_hazard_recovered(EFFECTS["age_years"]))


def test_the_test_above_can_fail():
    assert not close(*log_hazard_recovered(EFFECTS["age_years"] - 0.25))


def test_a_fit_that_fails_names_the_features(cohort, monkeypatch):
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError

    def fail(self, *args, **kwargs):
        raise ConvergenceError("Convergence halted. See the documentation.")

    monkeypatch.setattr(CoxPHFitter, "fit", fail)
    twice = cohort.observed.assign(again=cohort.observed["age_years"])
    context = context_of(cohort)
    again = Column("again", "baseline", "number", modality="blood", low=0)
    context = replace(context, columns=(*context.columns, again))
    with pytest.raises(InputError, match=r"did not converge.*at fault: age_years, again.*stronger penalties"):
        RidgeCox(context).fit(twice, outcome(twice, "os"), np.random.default_rng(0))


@pytest.mark.parametrize("penalties", [(0.0,), (-1.0, 0.1)])
def test_penalties_must_be_positive(penalties, cohort):
    with pytest.raises(InputError, match="penalties must be positive"):
        RidgeCox(context_of(cohort), penalties=penalties)


# --- the forest, beside scikit-survival ---


@pytest.fixture(scope="module")
def grown():
    """A forest of the library, with missing values, and its arrays."""
    from sksurv.ensemble import RandomSurvivalForest

    rng = np.random.default_rng(4)
    x = rng.normal(size=(300, 6)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    y = np.empty(300, dtype=[("event", bool), ("time", float)])
    y["event"] = rng.random(300) < 0.7
    y["time"] = np.ceil(rng.exponential(10, 300) * np.exp(-0.5 * np.nan_to_num(x[:, 0])))
    forest = RandomSurvivalForest(n_estimators=15, min_samples_leaf=10, random_state=0, n_jobs=1).fit(x, y)
    return forest, ForestArrays.of(forest), x


def test_forest_curves_equal_the_library(grown):
    forest, arrays, x = grown
    np.testing.assert_allclose(
        arrays.survival(x), forest.predict_survival_function(x, return_array=True), atol=1e-12
    )
    risk, survival = arrays.predict(x, arrays.months)
    np.testing.assert_allclose(risk, forest.predict(x), rtol=1e-12)
    np.testing.assert_allclose(survival, arrays.survival(x), atol=1e-12)


def test_forest_hazards_equal_the_library(grown):
    forest, arrays, x = grown
    hazard = np.mean([t.leaf_hazard[t.apply(x)] for t in arrays.trees], axis=0)
    np.testing.assert_allclose(
        hazard, forest.predict_cumulative_hazard_function(x, return_array=True), atol=1e-12
    )


def test_values_are_compared_as_float32(grown):
    forest, arrays, x = grown
    tree = arrays.trees[0]
    exact = np.nan_to_num(np.tile(x[:1].astype(float), (2, 1)))
    exact[:, tree.feature[0]] = tree.threshold[0] + np.array(
        [0.0, 1e-12]
    )  # apart as doubles, equal as floats
    alike = arrays.survival(exact)
    np.testing.assert_array_equal(alike[0], alike[1])
    np.testing.assert_allclose(
        alike, forest.predict_survival_function(exact.astype(np.float32), return_array=True), atol=1e-12
    )


def test_the_forest_survives_its_arrays(grown):
    _, arrays, x = grown
    again = ForestArrays.from_arrays(arrays.to_arrays())
    np.testing.assert_array_equal(again.survival(x), arrays.survival(x))
    assert len(again.trees) == len(arrays.trees)


def test_between_grid_months_curves_run_straight(grown):
    _, arrays, x = grown
    first, second = arrays.months[3], arrays.months[4]
    _, survival = arrays.predict(x, np.array([first, 0.25 * first + 0.75 * second, second]))
    np.testing.assert_allclose(survival[:, 1], 0.25 * survival[:, 0] + 0.75 * survival[:, 2], atol=1e-12)


def test_leaf_curves_average_to_the_prediction(grown):
    _, arrays, x = grown
    months = np.array([2.5, 7.0, 11.3])
    mean = np.mean([arrays.leaf_survival_at(t, months)[t.apply(x)] for t in arrays.trees], axis=0)
    np.testing.assert_allclose(mean, arrays.predict(x, months)[1], atol=1e-12)


def test_the_number_of_threads_changes_no_bit(cohort):
    y = outcome(cohort.observed, "os")
    curves = [
        build_model("rsf", context_of(cohort), {"n_estimators": 8, "n_jobs": jobs})
        .fit(cohort.observed, y, np.random.default_rng(9))
        .predict(cohort.observed, MONTHS)
        .survival
        for jobs in (1, 2)
    ]
    np.testing.assert_array_equal(*curves)


def test_times_are_rounded_up_to_the_grid():
    y = np.array([(True, 0.0), (True, 0.4), (False, 1.0), (True, 1.0000000001), (True, 1.01)],
                 dtype=[("event", bool), ("time", float)])  # fmt: skip
    assert on_grid(y, 1.0)["time"].tolist() == [1.0, 1.0, 1.0, 1.0, 2.0]
    assert on_grid(y, 0.5)["time"].tolist() == [0.5, 0.5, 1.0, 1.0, 1.5]
    assert y["time"][1] == 0.4  # and the argument is left alone


def test_a_coarser_grid_leaves_survival_at_its_months_nearly_alone(cohort):
    y = outcome(cohort.observed, "os")
    mean = {}
    for grid in (0.25, 1.0, 3.0):
        model = build_model("rsf", context_of(cohort), {"n_estimators": 20, "grid_months": grid})
        prediction = model.fit(cohort.observed, y, np.random.default_rng(9)).predict(
            cohort.observed, np.array([12.0])
        )
        mean[grid] = prediction.survival.mean()
    # Four standard errors of a proportion between two forests would be 0.1; the grid must matter less.
    assert abs(mean[0.25] - mean[1.0]) < 0.02
    assert abs(mean[0.25] - mean[3.0]) < 0.03


# --- the PD-L1 rule ---


def pdl1_frame(values):
    return pd.DataFrame(
        {"pdl1_tps_percent": np.asarray(values, dtype=float)},
        index=pd.RangeIndex(len(values), name="patient"),
    )


@pytest.mark.parametrize(
    ("percent", "risk"), [(0, 0), (0.9, 0), (1, -1), (49, -1), (49.9, -1), (50, -2), (100, -2), (np.nan, -1)]
)
def test_pdl1_categories_are_those_of_clinics(percent, risk, fitted):
    assert fitted["pdl1"].predict(pdl1_frame([percent]), MONTHS).risk[0] == risk


def test_pdl1_curves_are_kaplan_meier_within_categories(fitted, cohort):
    high = cohort.observed["pdl1_tps_percent"] >= 50
    y = outcome(cohort.observed[high], "os")
    knots, values = kaplan_meier(y["time"], y["event"])
    got = fitted["pdl1"].predict(pdl1_frame([80]), MONTHS).survival[0]
    np.testing.assert_array_equal(got, steps_at(MONTHS, knots, values, before=1.0))


def test_patients_without_a_result_have_their_own_curve(fitted, cohort):
    missing = cohort.observed["pdl1_tps_percent"].isna()
    y = outcome(cohort.observed[missing], "os")
    knots, values = kaplan_meier(y["time"], y["event"])
    got = fitted["pdl1"].predict(pdl1_frame([np.nan]), MONTHS).survival[0]
    np.testing.assert_array_equal(got, steps_at(MONTHS, knots, values, before=1.0))


def test_a_category_never_seen_in_training_takes_the_curve_of_all(cohort):
    low = cohort.observed[cohort.observed["pdl1_tps_percent"] < 50]
    y = outcome(low, "os")
    model = build_model("pdl1", context_of(cohort)).fit(low, y, np.random.default_rng(0))
    knots, values = kaplan_meier(y["time"], y["event"])
    got = model.predict(pdl1_frame([90]), MONTHS).survival[0]
    np.testing.assert_array_equal(got, steps_at(MONTHS, knots, values, before=1.0))


def test_pdl1_reads_a_category_column_in_its_declared_order(cohort):
    column = Column(
        "pdl1_category", "baseline", "category", modality="tumour", categories=("negative", "positive")
    )
    context = replace(context_of(cohort), columns=(column,))
    frame = cohort.observed.assign(pdl1_category=np.where(cohort.observed["male"], "positive", "negative"))
    model = build_model("pdl1", context).fit(frame, outcome(frame, "os"), np.random.default_rng(0))
    assert set(model.predict(frame, MONTHS).risk[frame["male"]]) == {-1.0}
    assert set(model.predict(frame, MONTHS).risk[~frame["male"]]) == {0.0}


def test_pdl1_without_a_column_is_refused_before_any_fit(cohort):
    context = context_of(cohort)
    context = replace(context, columns=tuple(c for c in context.columns if c.name != "pdl1_tps_percent"))
    with pytest.raises(InputError, match="pdl1 needs a column with PD-L1"):
        build_model("pdl1", context)
    with pytest.raises(InputError, match="column 'tps' is not a number"):
        build_model("pdl1", context, {"column": "tps"})


def test_kaplan_meier_equals_r():
    y = golden_outcome()
    knots, values = kaplan_meier(y["time"], y["event"])
    found = steps_at(np.array(GOLDEN["months"], float), knots, values, before=1.0)
    np.testing.assert_allclose(found, GOLDEN["km"], atol=1e-12)


# --- the oracle ---


def test_the_oracle_reads_the_arm_received(fitted, cohort):
    prediction = fitted["oracle"].predict(cohort.observed, np.array([12.0]))
    for arm in (TREATED, CONTROL):
        rows = (cohort.observed["arm"] == arm).to_numpy()
        log_hazard = cohort.truth.patients[f"os_log_hazard[{arm}]"].to_numpy()[rows]
        want = np.exp(-MONTHLY_HAZARD * 12 * np.exp(log_hazard))
        np.testing.assert_allclose(prediction.survival[rows, 0], want, rtol=1e-12)


def test_the_oracle_ranks_by_restricted_mean_survival(fitted, cohort):
    received = np.where(cohort.observed["arm"] == TREATED, -0.5, 0.0)
    rate = MONTHLY_HAZARD * np.exp(cohort.truth.patients[f"os_log_hazard[{CONTROL}]"].to_numpy() + received)
    mean = (1 - np.exp(-rate * HORIZONS[-1])) / rate
    np.testing.assert_allclose(-fitted["oracle"].predict(cohort.observed, MONTHS).risk, mean, rtol=1e-4)


def test_the_oracle_needs_the_truth(cohort):
    with pytest.raises(InputError, match="oracle needs the truth"):
        build_model("oracle", replace(context_of(cohort), truths=()))


def test_the_oracle_is_told_which_cohort_when_numbers_repeat(fitted, cohort):
    other = made_cohort(400, seed=99)
    both = fitted["oracle"].with_truths((cohort.truth, other.truth))
    with pytest.raises(InputError, match="2 of 2 truths"):
        both.predict(other.observed, MONTHS)
    there = fitted["oracle"].with_truths((other.truth,)).predict(other.observed, MONTHS)
    np.testing.assert_allclose(there.survival, other.truth.survival("os", MONTHS))


def test_the_oracle_cannot_be_saved(fitted, tmp_path):
    with pytest.raises(InputError, match="oracle cannot be saved"):
        save_model(fitted["oracle"], tmp_path / "oracle")
    assert not (tmp_path / "oracle").exists()


# --- small parts ---


def test_steps_hold_from_their_knot_on():
    got = steps_at(
        np.array([0.0, 1.0, 1.5, 2.0, 9.0]), np.array([1.0, 2.0]), np.array([0.8, 0.5]), before=1.0
    )
    assert got.tolist() == [1.0, 0.8, 0.8, 0.5, 0.5]


def test_restricted_mean_of_an_exponential():
    months = np.linspace(0, 24, 2001)[1:]
    rates = np.array([0.02, 0.1])
    got = restricted_mean(months, np.exp(-np.outer(rates, months)), 18.0)
    np.testing.assert_allclose(got, (1 - np.exp(-18 * rates)) / rates, rtol=1e-5)
