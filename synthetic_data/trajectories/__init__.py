"""Serial measurements: tumour, ctDNA, blood, T cells and target antigen, in agreement with the outcome."""

from synthetic_data.trajectories.recist import FirstProgression, best_response, first_progression
from synthetic_data.trajectories.residual_disease import SURGERY_MONTHS
from synthetic_data.trajectories.schedule import ASSAYS, VisitSpec
from synthetic_data.trajectories.target_antigen import draw_escape
from synthetic_data.trajectories.tumour import Fates, Tumours, draw_tumours
from synthetic_data.trajectories.visits import Visits, VisitSource, joined_visits, simulate_visits

__all__ = [
    "ASSAYS",
    "SURGERY_MONTHS",
    "Fates",
    "FirstProgression",
    "Tumours",
    "VisitSource",
    "VisitSpec",
    "Visits",
    "best_response",
    "draw_escape",
    "draw_tumours",
    "first_progression",
    "joined_visits",
    "simulate_visits",
]
