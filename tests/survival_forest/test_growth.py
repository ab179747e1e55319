"""The compiled tree against one grown in plain Python, and the plain one against R."""

import json
from pathlib import Path

import numpy as np
import pytest
from lifelines import NelsonAalenFitter

from pipeline.survival_forest import SurvivalForest

from .drawn_patients import draw, outcome_of
from .reference_tree import best_split, grow, log_rank_numerator, nelson_aalen, split_statistic

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "survival_forest.json").read_text())
ONE_TREE = {"n_estimators": 1, "bootstrap": False, "max_features": None, "min_samples_split": 2,
            "max_bins": 255, "max_times": 254, "random_state": 0}  # fmt: skip


def as_nested(forest, x):
    """The first tree, as `reference_tree.grow` returns one."""
    nodes = forest.nodes_

    def below(node, rows):
        if nodes.feature[node] < 0:
            return tuple(rows.tolist())
        values = x[rows, nodes.feature[node]]
        left = np.where(np.isnan(values), nodes.missing_left[node], values <= nodes.threshold[node])
        return (
            int(nodes.feature[node]),
            below(nodes.left[node], rows[left]),
            below(nodes.right[node], rows[~left]),
        )

    return below(0, np.arange(len(x)))


@pytest.mark.parametrize(("missing", "seed"), [(0.0, 0), (0.15, 2)])
def test_one_tree_splits_as_plain_python_does(missing, seed):
    x, y = draw(100, p=4, seed=seed, missing=missing)
    forest = SurvivalForest(min_samples_leaf=8, **ONE_TREE).fit(x, y)
    wanted = grow(x, y["time"], y["event"], 8)
    assert as_nested(forest, x) == wanted
    assert isinstance(wanted[1], tuple)


@pytest.mark.parametrize(("missing", "seed"), [(0.0, 1), (0.3, 3)])
def test_no_split_of_a_deep_tree_is_beaten(missing, seed):
    # with three rows a leaf, different splits tie exactly: what is compared is how good they are
    x, y = draw(100, p=4, seed=seed, missing=missing)
    time, event = y["time"], y["event"]
    nested = as_nested(SurvivalForest(min_samples_leaf=3, **ONE_TREE).fit(x, y), x)

    def rows_of(tree):
        return rows_of(tree[1]) + rows_of(tree[2]) if isinstance(tree[1], tuple) else list(tree)

    def check(tree):
        rows = np.array(rows_of(tree))
        best = best_split(x[rows], time[rows], event[rows], 3)
        if not isinstance(tree[1], tuple):
            assert best is None
            return 1
        left = np.isin(rows, rows_of(tree[1]))
        assert split_statistic(time[rows], event[rows], left) == pytest.approx(best[0], rel=1e-5)
        return check(tree[1]) + check(tree[2])

    assert check(nested) > 10


def test_the_comparison_above_can_fail():
    x, y = draw(100, p=4, seed=0)
    forest = SurvivalForest(min_samples_leaf=8, **ONE_TREE).fit(x, y)
    other = y.copy()
    other["time"] = np.roll(y["time"], 1)
    assert as_nested(forest, x) != grow(x, other["time"], other["event"], 8)


def test_the_plain_numerator_is_that_of_survdiff():
    time, event = np.array(GOLDEN["time"]), np.array(GOLDEN["cause"]) > 0
    found = log_rank_numerator(time, event, np.array(GOLDEN["group"]) == 1)
    assert found == pytest.approx(GOLDEN["observed_minus_expected"], abs=1e-10)


def test_scores_of_a_node_add_up_to_the_numerator():
    time, event = np.array(GOLDEN["time"]), np.array(GOLDEN["cause"]) > 0
    score = event - nelson_aalen(time, event, time)
    right = np.array(GOLDEN["group"]) == 1
    assert score[right].sum() == pytest.approx(GOLDEN["observed_minus_expected"], abs=1e-10)
    assert score.sum() == pytest.approx(0, abs=1e-10)


def test_tied_leaf_hazards_are_events_over_patients_at_risk():
    x, y = draw(200, seed=4)
    forest = SurvivalForest(min_samples_leaf=20, prior_patients=0, **ONE_TREE).fit(x, y)
    months = np.arange(0.5, 40)
    hazard = forest.predict_cumulative_hazard_function(x, times=months)
    leaves = np.unique(hazard, axis=0, return_inverse=True)[1].ravel()
    assert leaves.max() >= 4
    for leaf in range(leaves.max() + 1):
        rows = leaves == leaf
        wanted = nelson_aalen(y["time"][rows], y["event"][rows], months)
        np.testing.assert_allclose(hazard[rows][0], wanted, atol=1e-12)


def test_untied_leaf_hazards_are_lifelines_nelson_aalen():
    x, y = draw(200, seed=4)
    y["time"] = np.random.default_rng(1).permutation(200) + 1.0
    forest = SurvivalForest(min_samples_leaf=20, prior_patients=0, **ONE_TREE).fit(x, y)
    months = np.arange(0.5, 201)
    hazard = forest.predict_cumulative_hazard_function(x, times=months)
    leaves = np.unique(hazard, axis=0, return_inverse=True)[1].ravel()
    for leaf in range(leaves.max() + 1):
        rows = leaves == leaf
        fitter = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(y["time"][rows], y["event"][rows])
        np.testing.assert_allclose(
            hazard[rows][0], fitter.cumulative_hazard_at_times(months).to_numpy(), atol=1e-10
        )


def test_one_leaf_is_aalen_johansen_of_r():
    time, cause = np.array(GOLDEN["time"], float), np.array(GOLDEN["cause"])
    forest = SurvivalForest(min_samples_leaf=60, prior_patients=0, **ONE_TREE)
    forest.fit(np.zeros((60, 1)), outcome_of(time, cause))
    found = forest.predict_cumulative_incidence(np.zeros((1, 1)), GOLDEN["incidence_time"])
    np.testing.assert_allclose(found[0].T, GOLDEN["incidence"], atol=1e-10)
    hazard = forest.predict_cumulative_hazard_function(np.zeros((1, 1)), times=GOLDEN["hazard_time"])
    np.testing.assert_allclose(hazard[0], GOLDEN["hazard"], atol=1e-10)


def test_two_causes_split_on_the_sum_of_their_statistics():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(400, 3))
    first, second = rng.exponential(10 * np.exp(-x[:, 0])), rng.exponential(10 * np.exp(x[:, 0]))
    y = outcome_of(np.ceil(np.minimum(first, second)), np.where(first < second, 1, 2))
    both = SurvivalForest(
        n_estimators=1, max_depth=1, max_features=None, bootstrap=False, random_state=0
    ).fit(x, y)
    # the causes pull in opposite directions: of any event together there is next to nothing to see
    assert both.nodes_.feature[0] == 0
    incidence = both.predict_cumulative_incidence(np.array([[-2.0, 0, 0], [2.0, 0, 0]]), [10.0])[:, :, 0]
    assert incidence[1, 0] > incidence[0, 0] + 0.2
    assert incidence[1, 1] < incidence[0, 1] - 0.2
    survival = both.predict_survival_function(x, times=[5.0, 10.0])
    total = both.predict_cumulative_incidence(x, [5.0, 10.0]).sum(axis=1)
    np.testing.assert_allclose(survival + total, 1.0, atol=1e-12)


def test_whole_number_weights_are_repeated_rows():
    x, y = draw(120, seed=6)
    weight = np.random.default_rng(0).integers(0, 4, 120)
    options = ONE_TREE | {"max_depth": 3, "min_samples_leaf": 1}
    weighed = SurvivalForest(**options).fit(x, y, sample_weight=weight)
    repeated = SurvivalForest(**options).fit(np.repeat(x, weight, axis=0), np.repeat(y, weight))
    seen = x[
        weight > 0
    ]  # thresholds lie between other values where rows of weight 0 have values of their own
    np.testing.assert_allclose(
        weighed.predict_survival_function(seen, True),
        repeated.predict_survival_function(seen, True),
        atol=1e-6,
    )


def test_random_cuts_differ_and_keep_the_leaf_size():
    x, y = draw(300, seed=8, missing=0.1)
    best, random = (
        SurvivalForest(n_estimators=5, splitter=s, min_samples_leaf=12, bootstrap=False, random_state=0).fit(
            x, y
        )
        for s in ("best", "random")
    )
    assert not np.array_equal(best.predict(x), random.predict(x))
    assert random.nodes_.node_weight[random.nodes_.leaf >= 0].min() >= 12


@pytest.mark.parametrize("direction", [1, -1])
def test_monotone_hazards_never_turn(direction):
    x, y = draw(400, seed=9)
    y["time"] = np.ceil(np.random.default_rng(3).exponential(10, 400) * np.exp(np.sin(3 * x[:, 2])))
    probe = np.repeat(x[:20], 41, axis=0).reshape(20, 41, -1)
    probe[:, :, 2] = np.linspace(-3, 3, 41)
    months = np.arange(1.0, 30, 3)
    turned = {}
    for constraint in (None, [0, 0, direction, 0, 0]):
        forest = SurvivalForest(
            n_estimators=20, min_samples_leaf=10, monotonic_cst=constraint, random_state=0
        )
        forest.fit(x, y)
        survival = forest.predict_survival_function(probe.reshape(-1, x.shape[1]), times=months)
        change = -direction * np.diff(survival.reshape(20, 41, -1), axis=1)
        turned[constraint is None] = change.min() < -1e-9
    assert turned == {True: True, False: False}
