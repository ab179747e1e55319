"""A random survival forest on binned features and times: compiled, saved without pickle."""

from pipeline.survival_forest.estimator import SurvivalForest
from pipeline.survival_forest.leaves import LeafTable
from pipeline.survival_forest.nodes import ForestNodes
from pipeline.survival_forest.out_of_bag import permutation_importance
from pipeline.survival_forest.time_grid import TimeGrid

__all__ = ["ForestNodes", "LeafTable", "SurvivalForest", "TimeGrid", "permutation_importance"]
