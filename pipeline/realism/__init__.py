"""How far simulated patients are from real ones: margins, dependence, effects, and what gives them away."""

from pipeline.realism.coefficients import cox_coefficients
from pipeline.realism.dependence import correlation_summary, correlation_table
from pipeline.realism.detection import Detection, Separation, detect, separate
from pipeline.realism.margins import margin_table
from pipeline.realism.series import change_table, relative_changes
from pipeline.realism.shared import encoded, shared_columns

__all__ = [
    "Detection",
    "Separation",
    "change_table",
    "correlation_summary",
    "correlation_table",
    "cox_coefficients",
    "detect",
    "encoded",
    "margin_table",
    "relative_changes",
    "separate",
    "shared_columns",
]
