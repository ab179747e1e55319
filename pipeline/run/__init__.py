"""From cohorts to everything that is said about them: plan first, then analyse; no effects."""

from pipeline.run.analyse import TABLES, analyse
from pipeline.run.judging import judge_models
from pipeline.run.plan import RunPlan, check_names, plan
from pipeline.run.result import Check, RunResult
from pipeline.run.streams import stage_generator

__all__ = [
    "TABLES",
    "Check",
    "RunPlan",
    "RunResult",
    "analyse",
    "check_names",
    "judge_models",
    "plan",
    "stage_generator",
]
