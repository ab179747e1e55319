"""What is wrong or odd about a cohort, real or simulated, before anything is fitted to it."""

from pipeline.cohort_check.check import check_cohort
from pipeline.cohort_check.findings import Finding, counted, findings_table
from pipeline.cohort_check.follow_up import median_follow_up
from pipeline.cohort_check.outcomes import outcome_findings

__all__ = ["Finding", "check_cohort", "counted", "findings_table", "median_follow_up", "outcome_findings"]
