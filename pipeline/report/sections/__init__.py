"""Sections of the report: each takes a run and returns HTML; nothing is fitted, all is read."""

from pipeline.report.sections.decide import strategy_differences, strategy_values, weighted_strategies
from pipeline.report.sections.drift import drift_markers, drift_rules, drift_verdict
from pipeline.report.sections.dynamic import landmark_scores, patient_pages
from pipeline.report.sections.enrich import enrich_drawn, enrich_gains, enrich_groups, enrich_needed
from pipeline.report.sections.explaining import agreement, explanations
from pipeline.report.sections.methods import lineage, methods, sources
from pipeline.report.sections.opening import checks, opening
from pipeline.report.sections.patients import arms, fidelity, findings, flow, table_one
from pipeline.report.sections.performance import (
    ablation,
    calibration,
    decisions,
    differences,
    optimism,
    performance_figures,
    roc,
    scores,
    subgroups,
)
from pipeline.report.sections.response import response
from pipeline.report.sections.study import (
    published_trials,
    study_figures,
    study_methods,
    study_opening,
    study_table,
)

__all__ = [
    "ablation",
    "agreement",
    "arms",
    "calibration",
    "checks",
    "decisions",
    "differences",
    "drift_markers",
    "drift_rules",
    "drift_verdict",
    "enrich_drawn",
    "enrich_gains",
    "enrich_groups",
    "enrich_needed",
    "explanations",
    "fidelity",
    "findings",
    "flow",
    "landmark_scores",
    "lineage",
    "methods",
    "opening",
    "optimism",
    "patient_pages",
    "performance_figures",
    "published_trials",
    "response",
    "roc",
    "scores",
    "sources",
    "strategy_differences",
    "strategy_values",
    "study_figures",
    "study_methods",
    "study_opening",
    "study_table",
    "subgroups",
    "table_one",
    "weighted_strategies",
]
