"""The estimator: dialect, threads, other processes, odd inputs."""

import json
import multiprocessing
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from skops.io import dumps, get_untrusted_types, loads

from pipeline.survival_forest import SurvivalForest
from pipeline.survival_forest.inputs import resolve_growth

from .drawn_patients import draw, outcome_of

SMALL = {"n_estimators": 12, "min_samples_leaf": 8, "random_state": 0}


@pytest.fixture(scope="module")
def patients():
    return draw(250, seed=1, missing=0.05)


@pytest.fixture(scope="module")
def forest(patients):
    return SurvivalForest(**SMALL, oob_score=True).fit(*patients)


def test_it_ranks_new_patients(forest):
    x, y = draw(500, seed=2)
    assert forest.score(x, y) > 0.65
    assert abs(forest.score(x[:, ::-1], y) - 0.5) < 0.15


def test_threads_change_no_bit(patients):
    x, y = patients
    one, two = (SurvivalForest(**SMALL, n_jobs=jobs, oob_score=True).fit(x, y) for jobs in (1, 2))
    for name, array in one.nodes_.to_arrays().items():
        np.testing.assert_array_equal(array, two.nodes_.to_arrays()[name], err_msg=name)
    for method in ("predict", "predict_survival_function", "predict_cumulative_hazard_function"):
        arguments = () if method == "predict" else (True,)
        np.testing.assert_array_equal(
            getattr(one, method)(x, *arguments), getattr(two, method)(x, *arguments)
        )
    np.testing.assert_array_equal(one.oob_risk_, two.oob_risk_)
    other = SurvivalForest(**SMALL | {"random_state": 1}).fit(x, y)
    assert not np.array_equal(one.predict(x), other.predict(x))


def grow_in_silence(send, x, y):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        forest = SurvivalForest(**SMALL, n_jobs=2).fit(x, y)
    send.send((forest.threads(), [str(w.message) for w in said], forest.predict(x)))


def test_a_worker_takes_one_thread_and_says_nothing_of_it(patients):
    """A daemon, as Dask's workers are; joblib would warn at every forest grown there."""
    receive, send = multiprocessing.Pipe(duplex=False)
    worker = multiprocessing.get_context("fork").Process(
        target=grow_in_silence, args=(send, *patients), daemon=True
    )
    worker.start()
    threads, said, risk = receive.recv()
    worker.join()
    assert (threads, said) == (1, [])
    np.testing.assert_array_equal(risk, SurvivalForest(**SMALL, n_jobs=2).fit(*patients).predict(patients[0]))


def test_curves_are_curves(forest, patients):
    x, _ = patients
    survival = forest.predict_survival_function(x, return_array=True)
    assert survival.shape == (len(x), len(forest.unique_times_))
    assert ((survival >= 0) & (survival <= 1)).all()
    assert (np.diff(survival, axis=1) <= 1e-12).all()
    hazard = forest.predict_cumulative_hazard_function(x, return_array=True)
    assert (np.diff(hazard, axis=1) >= -1e-12).all()
    steps = forest.predict_survival_function(x[:3])
    np.testing.assert_array_equal(np.array([f(forest.unique_times_) for f in steps]), survival[:3])
    assert [f(0.0) for f in forest.predict_cumulative_hazard_function(x[:2])] == [0.0, 0.0]
    np.testing.assert_array_equal(forest.predict_survival_function(x, times=forest.unique_times_), survival)


def test_leaf_tables_average_to_the_prediction(forest, patients):
    x, _ = patients
    nodes, months = forest.nodes_, np.array([0.0, 2.5, 7.0, 11.3, 100.0])
    survival, hazard, risk = nodes.leaf_survival_at(months), nodes.leaf_hazard_at(months), nodes.leaf_risk()
    at = np.empty((len(x), nodes.tree_count), dtype=int)
    for i, row in enumerate(x):
        for t, root in enumerate(nodes.tree_start[:-1]):
            node = root
            while nodes.feature[node] >= 0:
                value = row[nodes.feature[node]]
                left = nodes.missing_left[node] if np.isnan(value) else value <= nodes.threshold[node]
                node = root + (nodes.left if left else nodes.right)[node]
            at[i, t] = nodes.leaf[node]
    np.testing.assert_allclose(survival[at].mean(axis=1), nodes.survival(x, months), atol=1e-12)
    np.testing.assert_allclose(hazard[at].mean(axis=1), nodes.cumulative_hazard(x, months), atol=1e-12)
    np.testing.assert_allclose(risk[at].mean(axis=1), forest.predict(x), rtol=1e-12)
    inner = nodes.leaf < 0
    starts = np.repeat(nodes.tree_start[:-1], np.diff(nodes.tree_start))
    children = (
        nodes.node_weight[(starts + nodes.left)[inner]] + nodes.node_weight[(starts + nodes.right)[inner]]
    )
    np.testing.assert_allclose(nodes.node_weight[inner], children)
    assert (nodes.node_weight[nodes.tree_start[:-1]] == len(x)).all()


def test_scikit_learn_can_handle_it(forest, patients):
    x, y = patients
    frame = pd.DataFrame(x, columns=list("abcde"))
    fitted = clone(SurvivalForest(**SMALL)).set_params(n_estimators=5).fit(frame, y)
    assert fitted.get_params()["n_estimators"] == 5
    assert fitted.n_features_in_ == 5
    assert fitted.feature_names_in_.tolist() == list("abcde")
    assert len(cross_val_score(SurvivalForest(**SMALL), x, y, cv=3)) == 3
    assert "nodes_" in dir(fitted)
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(frame[list("edcba")])
    with pytest.raises(ValueError, match="X has 4 features, but SurvivalForest is expecting 5"):
        forest.predict(x[:, :4])
    with pytest.raises(Exception, match="not fitted"):
        SurvivalForest().predict(x)


@pytest.mark.parametrize("library", ["pickle", "skops"])
def test_it_is_the_same_when_read_back(forest, patients, library):
    x, _ = patients
    if library == "pickle":
        again = pickle.loads(pickle.dumps(forest))  # noqa: S301 - made in this test
    else:
        written = dumps(forest)
        assert get_untrusted_types(data=written) == ["pipeline.survival_forest.estimator.SurvivalForest"]
        again = loads(written, trusted=get_untrusted_types(data=written))
    np.testing.assert_array_equal(again.predict(x), forest.predict(x))
    np.testing.assert_array_equal(
        again.predict_survival_function(x, True), forest.predict_survival_function(x, True)
    )


@pytest.mark.slow
def test_another_process_predicts_the_same(forest, patients, tmp_path):
    x, _ = patients
    np.savez(tmp_path / "forest.npz", **forest.nodes_.to_arrays())
    np.save(tmp_path / "x.npy", x)
    program = (
        "import sys, json, numpy as np; from pipeline.survival_forest import ForestNodes;"
        "nodes = ForestNodes.from_arrays(dict(np.load(sys.argv[1])));"
        "x = np.load(sys.argv[2]);"
        "print(json.dumps([nodes.risk(x).tolist(), nodes.survival(x, [6., 12.]).tolist()]))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "forest.npz", tmp_path / "x.npy"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    risk, survival = json.loads(run.stdout)
    np.testing.assert_array_equal(risk, forest.predict(x))
    np.testing.assert_array_equal(survival, forest.predict_survival_function(x, times=[6.0, 12.0]))


def test_constant_duplicated_and_empty_columns_change_nothing():
    x, y = draw(200, seed=3)
    padded = np.column_stack([np.full(200, 3.0), x, x[:, 0], np.full(200, np.nan)])
    forest = SurvivalForest(**SMALL, max_features=None).fit(padded, y)
    assert not np.isin(forest.nodes_.feature, [0, 7]).any()
    assert forest.score(padded, y) > 0.65
    only = SurvivalForest(**SMALL).fit(np.full((200, 2), np.nan), y)
    assert np.ptp(only.predict(np.full((3, 2), np.nan))) == 0


def test_missing_values_learn_their_side():
    rng = np.random.default_rng(5)
    absent = rng.random(400) < 0.5
    x = np.where(absent, np.nan, rng.normal(size=400))[:, None]
    y = outcome_of(np.ceil(rng.exponential(np.where(absent, 5, 20))), rng.random(400) < 0.8)
    forest = SurvivalForest(**SMALL).fit(x, y)
    worse, better = forest.predict(np.array([[np.nan], [0.0]]))
    assert worse > 1.5 * better


def test_never_missing_in_training_goes_with_the_larger_side():
    x, y = draw(300, seed=6)
    nodes = SurvivalForest(**SMALL).fit(x, y).nodes_
    start = np.repeat(nodes.tree_start[:-1], np.diff(nodes.tree_start))
    inner = np.flatnonzero(nodes.leaf < 0)
    at = start[inner]
    left, right = nodes.node_weight[at + nodes.left[inner]], nodes.node_weight[at + nodes.right[inner]]
    apart = np.abs(left - right) > 0.3 * (left + right)  # rows are compared there, weights here
    np.testing.assert_array_equal(nodes.missing_left[inner][apart], (left > right)[apart])


def test_one_event_and_ties_everywhere():
    x, _ = draw(60, seed=7)
    one = outcome_of(np.arange(60) + 1.0, np.arange(60) == 30)
    survival = (
        SurvivalForest(**SMALL | {"bootstrap": False})
        .fit(x, one)
        .predict_survival_function(x, times=[10, 40])
    )
    assert (survival[:, 0] == 1).all()
    assert (survival[:, 1] <= 1).all()
    tied = outcome_of(np.full(60, 5.0), np.arange(60) % 2 == 0)
    survival = (
        SurvivalForest(**SMALL | {"prior_patients": 0})
        .fit(x, tied)
        .predict_survival_function(x, times=[4, 5])
    )
    assert (survival[:, 0] == 1).all()
    assert abs(survival[:, 1].mean() - 0.5) < 0.1


def test_fewer_rows_than_a_leaf_give_one_leaf():
    x, y = draw(10, seed=8)
    forest = SurvivalForest(n_estimators=3, min_samples_leaf=50, bootstrap=False, prior_patients=0).fit(x, y)
    assert len(forest.nodes_.leaves) == 3
    from sksurv.nonparametric import kaplan_meier_estimator

    at, wanted = kaplan_meier_estimator(y["event"], y["time"])
    np.testing.assert_allclose(forest.predict_survival_function(x[:1], times=at)[0], wanted, atol=1e-12)


@pytest.mark.parametrize(
    ("features", "auto", "third", "root"),
    [(2, 1, 1, 1), (5, 2, 2, 2), (20, 6, 6, 4), (95, 16, 31, 9), (400, 20, 133, 20)],
)
def test_how_many_features_are_tried(features, auto, third, root):
    for asked, expected in (("auto", auto), ("third", third), ("sqrt", root), (None, features)):
        forest = SurvivalForest(max_features=asked)
        assert resolve_growth(forest, features, np.arange(60) % 2).features_tried == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.inf}, "infinity"),
        ({"time": np.nan}, r"times must be finite and not negative. Got nan in row 3 \(1 such rows\)"),
        ({"time": -1.0}, "times must be finite and not negative. Got -1.0 in row 3"),
        ({"event": False}, "none of 40 rows had an event"),
        (
            {"options": {"n_estimators": 0, "max_bins": 300}},
            "n_estimators must be .* Got 0 instead; max_bins .* 255",
        ),
        ({"options": {"splitter": "worst"}}, "splitter must be 'best' or 'random'. Got 'worst'"),
        ({"options": {"max_features": 9}}, "max_features must be .* from 1 to 5"),
        ({"options": {"monotonic_cst": [1, 0]}}, "monotonic_cst must hold -1, 0 or 1 for each of 5 features"),
        ({"options": {"max_samples": 1.5}}, "max_samples must be a number from 0 to 1"),
        ({"options": {"bootstrap": False, "oob_score": True}}, "no row is out of bag"),
        ({"weight": np.full(40, -1.0)}, "sample_weight must be finite and not negative"),
        ({"weight": np.ones(3)}, r"sample_weight must have shape \(40,\)"),
        ({"y": np.zeros(40)}, "y must be a structured array"),
    ],
)
def test_what_cannot_be_used_gets_one_clear_error(change, message):
    x, y = draw(40, seed=9)
    if "x" in change:
        x[3, 2] = change["x"]
    if "time" in change:
        y["time"][3] = change["time"]
    if "event" in change:
        y["event"] = change["event"]
    with pytest.raises(ValueError, match=message):
        SurvivalForest(**SMALL | change.get("options", {})).fit(
            x, change.get("y", y), sample_weight=change.get("weight")
        )


@pytest.mark.parametrize(("events", "patients"), [(1.0, 6), (0.5, 12), (0.1, 30)])
def test_a_leaf_holds_six_events_on_average(events, patients):
    x, y = draw(200, seed=10)
    y["event"] = np.arange(200) < 200 * events
    auto = SurvivalForest(n_estimators=5, random_state=0).fit(x, y)
    named = SurvivalForest(n_estimators=5, random_state=0, min_samples_leaf=patients).fit(x, y)
    np.testing.assert_array_equal(auto.predict(x), named.predict(x))
    other = SurvivalForest(n_estimators=5, random_state=0, min_samples_leaf=patients + 1).fit(x, y)
    assert not np.array_equal(auto.predict(x), other.predict(x))
