"""What predictions rest on, and whether that is what truly drives the outcome."""

from __future__ import annotations

import math

from pipeline.artifacts import RunView
from pipeline.report import blocks
from pipeline.report.blocks import text
from pipeline.report.sections.wording import model_name


def explanations(run: RunView) -> str:
    """Return, model by model, what predictions rest on."""
    facts = run.facts
    months = facts["analysis"]["explanation"]["horizon_months"]
    parts = []
    for model, about in facts["models"].items():
        if not about["explained"]:
            continue
        scale = (
            f"probability of being event-free at {months:g} months"
            if model != "cox"
            else "log relative hazard"
        )
        parts.append(f"<h3>{text(model_name(model))}</h3><p>On the scale of the {text(scale)}.</p>")
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
            model_name(row["model"]),
            "all" if math.isnan(row["horizon_months"]) else f"{row['horizon_months']:g}",
            f"{row['importance_correlation']:.2f}",
            f"{row['patient_correlation']:.2f}",
            f"{row['sign_agreement']:.0%}",
        ]
        for row in run.table("agreement_summary").to_dict("records")
    ]
    head = ["Model", "Months", "Ranking of columns", "Within a patient (median)", "Right direction"]
    caption = (
        "Spearman correlations with the contributions the patients were drawn with, and the share of these, "
        "by size, whose direction is right."
    )
    return blocks.table(head, rows, caption=caption) + blocks.figures(
        run.figures("agreement"), "Importance in the explanation against importance in the truth."
    )
