"""What each model is called where people read, and which of them learn nothing of who fares better."""

from __future__ import annotations

from typing import Final

from pipeline.models.published_scores import SCORES

MODEL_LABELS: Final = {
    "oracle": "Oracle (ceiling)",
    "cox": "Cox",
    "rsf": "Survival forest",
    "gbm": "Gradient boosting",
    "bayes_cox": "Bayesian Cox",
    "pdl1": "PD-L1 rule",
    "logistic": "Logistic, ridge",
    "boosted": "Boosted trees",
    "published_rate": "Published rate",
    **{name: score.label for name, score in SCORES.items()},
    "baseline_cox": "Cox, baseline only",
    "supermodel": "Landmark supermodel",
    "bayes_supermodel": "Bayesian landmark supermodel",
    "landmark_forest": "Landmark forest",
    "reference": "Reference (many more patients)",
}

RULES: Final = ("pdl1", *SCORES)  # fixed beforehand: nothing but the curve is read off training rows
COMPARATORS: Final = (*RULES, "published_rate", "oracle")  # what models that learnt are held against


def model_label(name: str) -> str:
    """Return what a model is called; a name nobody gave a label is shown in plain words."""
    return MODEL_LABELS.get(str(name), str(name).replace("_", " "))
