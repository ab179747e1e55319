"""Out-of-bag predictions, and importance by shuffling."""

import numpy as np
import pytest
from sksurv.metrics import concordance_index_censored

from pipeline.survival_forest import SurvivalForest, permutation_importance

from .drawn_patients import draw, outcome_of

OPTIONS = {"n_estimators": 40, "min_samples_leaf": 10, "random_state": 0, "oob_score": True}


@pytest.fixture(scope="module")
def patients():
    return draw(300, seed=11)


@pytest.fixture(scope="module")
def forest(patients):
    return SurvivalForest(**OPTIONS).fit(*patients)


def test_a_row_is_judged_by_the_trees_that_did_not_draw_it(forest, patients):
    x, y = patients
    _, _, _, drawn = forest.training_set(x, y)
    outside = np.array([drawn(t) for t in range(40)]) == 0
    assert 0.33 < outside.mean() < 0.41
    by_tree = np.array([_one_tree(forest, x, t) for t in range(40)])
    wanted = (by_tree * outside).sum(axis=0) / outside.sum(axis=0)
    np.testing.assert_allclose(forest.oob_risk_, wanted, rtol=1e-12)
    survival = forest.out_of_bag_survival(x, y, [6.0, 12.0])
    assert survival.shape == (300, 2)
    assert not np.allclose(survival, forest.predict_survival_function(x, times=[6.0, 12.0]), atol=0.01)


def _one_tree(forest, x, t):
    nodes, risk, found = forest.nodes_, forest.nodes_.leaf_risk(), np.empty(len(x))
    root = nodes.tree_start[t]
    for i, row in enumerate(x):
        node = root
        while nodes.feature[node] >= 0:
            left = row[nodes.feature[node]] <= nodes.threshold[node]
            node = root + (nodes.left if left else nodes.right)[node]
        found[i] = risk[nodes.leaf[node]]
    return found


def test_out_of_bag_concordance_is_that_of_new_patients(forest, patients):
    x, y = patients
    known = np.isfinite(forest.oob_risk_)
    wanted = concordance_index_censored(y["event"][known], y["time"][known], forest.oob_risk_[known])[0]
    assert forest.oob_score_ == pytest.approx(wanted, abs=1e-12)
    new = forest.score(*draw(2000, seed=12))
    assert abs(forest.oob_score_ - new) < 0.05  # two standard errors of C with 300 patients
    assert forest.score(x, y) > forest.oob_score_ + 0.05  # patients the trees have seen say nothing


def test_without_a_signal_nothing_is_learnt():
    x, y = draw(300, seed=13)
    shuffled = outcome_of(*np.random.default_rng(0).permutation(np.column_stack([y["time"], y["event"]])).T)
    assert abs(SurvivalForest(**OPTIONS).fit(x, shuffled).oob_score_ - 0.5) < 0.07


def test_importance_finds_the_two_features_at_work(forest, patients):
    x, y = patients
    table = permutation_importance(forest, x, y, repeats=3)
    assert table["feature"].tolist()[:2] == ["x0", "x1"]
    assert (table["lower"] <= table["importance"]).all()
    assert (table["importance"] <= table["upper"]).all()
    at_work = table["feature"].isin(["x0", "x1"])
    assert (table["lower"][at_work] > 0).all()
    assert (table["lower"][~at_work] < 0.005).all()
    again = permutation_importance(forest, x, y, repeats=3)
    assert table.equals(again)


def test_a_column_no_tree_uses_has_no_importance(patients):
    x, y = patients
    padded = np.column_stack([x, np.ones(len(x))])
    forest = SurvivalForest(**OPTIONS).fit(padded, y)
    row = permutation_importance(forest, padded, y, repeats=1).set_index("feature").loc["x5"]
    assert row.tolist() == [0.0, 0.0, 0.0]


def test_other_rows_are_refused(forest, patients):
    x, y = patients
    with pytest.raises(ValueError, match=r"are for the 300 training rows\. Got 299"):
        permutation_importance(forest, x[1:], y[1:])
