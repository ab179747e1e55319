"""Prediction updated at every visit: what landmarks add, and single patients."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.artifacts import RunView
from pipeline.report import blocks
from pipeline.report.sections.wording import estimates, model_name, models_in


def landmark_scores(run: RunView, table: str, caption: str, metrics: Sequence[str] = ()) -> str:
    """Return scores or differences, a row a landmark and score, a column a model; `metrics` narrows them."""
    if table not in run.tables:
        return ""
    scores = run.table(table)
    scores = scores[scores["metric"].isin(metrics)] if metrics else scores
    models, labels = models_in(scores), run.facts["metric_labels"]
    rows = []
    keys = ["landmark_months", "metric", "horizon_months"]
    for (landmark, metric, months), part in scores.groupby(keys, sort=False, dropna=False):
        at = "" if months != months else f", {months:g} months ahead"
        first = part.iloc[0]
        rows.append([
            f"{landmark:g}", f"{int(first['patients']):,}", labels[metric] + at,
            *estimates(part.set_index("model"), models),
        ])  # fmt: skip
    head = ["Landmark (months)", "At risk", "Score", *map(model_name, models)]
    return blocks.table(head, rows, caption=caption, numbers_from=3)


def patient_pages(run: RunView) -> str:
    """Return each shown patient: risk over time, and what moved it at every landmark."""
    if "moved" not in run.tables:
        return blocks.figures(run.figures("patient_*"), "Risk as it stood at each landmark")
    moved, shown = run.table("moved"), []
    patients = list(dict.fromkeys(run.table("patients")["patient"]))
    by_place = {name: number for number, name in enumerate(run.facts["patients_shown"], start=1)}
    for patient in sorted(patients, key=lambda name: by_place[str(name)]):
        number = by_place[str(patient)]
        rows = [
            (f"{r.landmark_months:g}", r.group, f"{r.change:+.2f}", f"{r.contribution:+.2f}")
            for r in moved[moved["patient"] == patient].itertuples()
        ]
        figure = blocks.figures(run.figures(f"patient_{number}"), f"Patient {number}: risk at each landmark")
        table = blocks.table(
            ["Landmark (months)", "What moved", "Change since the landmark before", "Contribution now"], rows,
            caption=f"Patient {number}: what moved the log hazard of the supermodel most.", numbers_from=2,
        )  # fmt: skip
        shown.append(figure + (table if rows else ""))
    return "".join(shown)
