"""What predictions rest on, and whether that is what truly drives the outcome."""

from __future__ import annotations

import math
from typing import Final

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.models.labels import model_label
from pipeline.report import blocks
from pipeline.report.blocks import text

SCALES: Final = {
    "survival": "probability of being event-free at {months:g} months",
    "cumulative_hazard": "cumulative hazard at {months:g} months",
    "restricted_mean": "mean survival within {months:g} months",
    "log_hazard": "log relative hazard",
}


def explanations(run: RunView) -> str:
    """Return, model by model, what predictions rest on."""
    facts = run.facts
    months = facts["analysis"]["explanation"]["horizon_months"]
    parts, importance = [], run.table("importance") if "importance" in run.tables else pd.DataFrame()
    for model, about in facts["models"].items():
        if not about["explained"]:
            continue
        scale = SCALES[importance.loc[importance["model"] == model, "scale"].iloc[0]].format(months=months)
        parts.append(f"<h3>{text(model_label(model))}</h3><p>On the scale of the {text(scale)}.</p>")
        parts.append(
            blocks.figures(
                run.figures(f"importance_{model}"),
                "Mean size of each column's contribution, intervals over patients; below, by modality.",
            )
            + blocks.figures(
                run.figures(f"beeswarm_{model}"),
                "One dot a patient: contribution of a column, coloured by the patient's value.",
            )
            + blocks.figures(run.figures(f"importance_over_time_{model}"), "Contributions at each horizon.")
            + blocks.figures(
                run.figures(f"mechanisms_{model}"),
                "The same, summed by the immune mechanism a column speaks of.",
            )
            + blocks.figures(
                run.figures(f"dependence_{model}"),
                "Contribution against value, coloured by the column it interacts with most.",
            )
        )
        stories = blocks.figures(
            run.figures(f"waterfall_{model}_*"),
            "How one prediction comes about, step by step from the average patient.",
        )
        parts.append(blocks.folded("Single patients, from low to high risk", stories) if stories else "")
    return "".join(parts) or "<p>None of the models has an exact explanation.</p>"


def agreement(run: RunView) -> str:
    """Return how the explanations compare with what the simulation was drawn from."""
    if "agreement_summary" not in run.tables:
        return ""
    rows = [
        [
            model_label(row["model"]),
            "treatment" if row["of"] == "modification" else "prediction",
            "all" if math.isnan(row["horizon_months"]) else f"{row['horizon_months']:g}",
            *(_or_dash(row[name]) for name in ("rank_correlation", "importance_correlation")),
            _or_dash(row["patient_correlation"]),
            f"{row['sign_agreement']:.0%}",
            f"{row['inert_above_median']} of {row['inert']}",
        ]
        for row in run.table("agreement_summary").to_dict("records")
    ]
    head = ["Model", "Explained", "Months", "Patients and columns", "Ranking of columns",
            "Within a patient (median)", "Right direction", "Inert above the median acting"]  # fmt: skip
    caption = (
        "Spearman correlations with the contributions the patients were drawn with, and the share of these, "
        "by size, whose direction is right. Treatment: what each marker adds to the model's effect of "
        "treatment, against what truly modifies it; a model without interactions expects no modification. "
        "Inert: columns that nothing was drawn from and that matter more to the model than half of those "
        "that act; correlated columns share credit."
    )
    return blocks.table(head, rows, caption=caption) + blocks.figures(
        run.figures("agreement"), "Importance in the explanation against importance in the truth."
    )


def _or_dash(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"
