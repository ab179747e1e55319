"""Every figure: a table and an axis in, the axis out; `*_figure` lays out whole figures."""

from pipeline.figures.benefit import benefit_curve_figure, benefit_groups_figure
from pipeline.figures.calibration import calibration, calibration_figure, prediction_histogram
from pipeline.figures.cohort import (
    cohort_figure,
    correlation_figure,
    correlation_map,
    flow,
    flow_table,
    marker_correlations,
    missing_table,
    missingness,
)
from pipeline.figures.curves import kaplan_meier_curves, medians, numbers_at_risk
from pipeline.figures.decide import (
    chosen_figure,
    decisions_figure,
    net_value_figure,
    strategies_figure,
    tradeoff_figure,
    weighted_figure,
)
from pipeline.figures.decisions import decision_figure
from pipeline.figures.drift import drift_figure
from pipeline.figures.dynamic import landmark_scores_figure, updated_risk_figure
from pipeline.figures.enrich import groups_figure, threshold_figure, trials_figure
from pipeline.figures.explanation import (
    beeswarm,
    beeswarm_figure,
    dependence,
    dependence_figure,
    waterfall,
    waterfall_figure,
)
from pipeline.figures.importance import (
    agreement,
    agreement_figure,
    importance_bars,
    importance_figure,
    importance_over_time,
    importance_over_time_figure,
)
from pipeline.figures.lineage import lineage_figure
from pipeline.figures.mechanism import confusion_figure, reliability_figure
from pipeline.figures.performance import (
    auc_over_time,
    metric_forest,
    metric_forest_figure,
    roc,
    roc_figure,
)
from pipeline.figures.power import power_figure
from pipeline.figures.response import response_figure
from pipeline.figures.style import new_figure, save_figure
from pipeline.figures.survival import (
    fidelity,
    fidelity_figure,
    kaplan_meier,
    kaplan_meier_figure,
    numbers_at_risk_table,
)
from pipeline.figures.sweep import sweep_figure
from pipeline.figures.toxicity import contrasts_figure, incidence_figure
from pipeline.figures.transport import learning_curve_figure
from pipeline.figures.verification import diagonal, digitised_figure, replicates_figure, verification_figure

__all__ = [
    "agreement",
    "agreement_figure",
    "auc_over_time",
    "beeswarm",
    "beeswarm_figure",
    "benefit_curve_figure",
    "benefit_groups_figure",
    "calibration",
    "calibration_figure",
    "chosen_figure",
    "cohort_figure",
    "confusion_figure",
    "contrasts_figure",
    "correlation_figure",
    "correlation_map",
    "decision_figure",
    "decisions_figure",
    "dependence",
    "dependence_figure",
    "diagonal",
    "digitised_figure",
    "drift_figure",
    "fidelity",
    "fidelity_figure",
    "flow",
    "flow_table",
    "groups_figure",
    "importance_bars",
    "importance_figure",
    "importance_over_time",
    "importance_over_time_figure",
    "incidence_figure",
    "kaplan_meier",
    "kaplan_meier_curves",
    "kaplan_meier_figure",
    "landmark_scores_figure",
    "learning_curve_figure",
    "lineage_figure",
    "marker_correlations",
    "medians",
    "metric_forest",
    "metric_forest_figure",
    "missing_table",
    "missingness",
    "net_value_figure",
    "new_figure",
    "numbers_at_risk",
    "numbers_at_risk_table",
    "power_figure",
    "prediction_histogram",
    "reliability_figure",
    "replicates_figure",
    "response_figure",
    "roc",
    "roc_figure",
    "save_figure",
    "strategies_figure",
    "sweep_figure",
    "threshold_figure",
    "tradeoff_figure",
    "trials_figure",
    "updated_risk_figure",
    "verification_figure",
    "waterfall",
    "waterfall_figure",
    "weighted_figure",
]
