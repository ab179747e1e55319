"""Prediction updated at every visit: what landmarks add, and single patients."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.models.labels import model_label
from pipeline.report import blocks
from pipeline.report.sections.study import published_trials
from pipeline.report.sections.wording import estimates, models_in


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
    head = ["Landmark (months)", "At risk", "Score", *map(model_label, models)]
    return blocks.table(head, rows, caption=caption, numbers_from=3)


def patient_pages(run: RunView) -> str:
    """Return each shown patient: risk over time, what moved it at every landmark, mechanism and options."""
    facts, patients = run.facts, run.facts["patients_shown"]
    if not patients:
        return ""
    shown = [f"<p>{blocks.text(facts['patients_rule'])}</p>"]
    for number, patient in enumerate(patients, start=1):
        figure = blocks.figures(run.figures(f"patient_{number}"), f"Patient {number}: risk at each landmark")
        shown.append(f"<h3>Patient {number}</h3>{figure}{_updates(run, patient, number)}"
                     f"{_mechanism(run, patient, number)}")  # fmt: skip
    return "".join(shown)


def _of(run: RunView, name: str, patient: str) -> pd.DataFrame:
    table = run.table(name)
    return table[table["patient"].astype(str) == patient]


def _updates(run: RunView, patient: str, number: int) -> str:
    """Return one row a landmark: the risk, its change, and what moved it most."""
    risk = _of(run, "patients", patient)
    risk = risk[risk["model"] == run.facts["shown_model"]].sort_values("landmark_months")
    moved = _of(run, "moved", patient) if "moved" in run.tables else pd.DataFrame()
    rows: list[list[object]] = []
    before = float("nan")
    for r in risk.to_dict("records"):
        reasons, now = "", float(r["risk"])
        if len(moved):
            part = moved[moved["landmark_months"] == r["landmark_months"]].head(run.facts["movers_shown"])
            reasons = "; ".join(f"{m.group} {m.change:+.2f}" for m in part.itertuples())
        change = "" if before != before else f"{100 * (now - before):+.0f}"
        rows.append([f"{r['landmark_months']:g}", f"{100 * now:.0f}", change, reasons or "first prediction"])
        before = now
    model = model_label(run.facts["shown_model"])
    return blocks.table(
        ["Landmark (months)", "Risk (%)", "Change (points)", "What moved the log hazard most"],
        rows,
        caption=f"Patient {number}: risk by the model {model}, and exact Shapley values of what changed "
        "since the landmark before.",
        numbers_from=9,
    )


def _mechanism(run: RunView, patient: str, number: int) -> str:
    """Return the likeliest deficit, its probabilities and what was tried, or that nothing is said."""
    if "mechanisms" not in run.tables:
        return (
            "<p>Likely deficit: not enough data to say. Why treatment failed is known of drawn patients "
            "only, and no model of it was fitted for this cohort.</p>"
        )
    labels, mine = run.facts["deficit_labels"], _of(run, "mechanisms", patient)
    if mine.empty:
        return ""
    first = mine.iloc[0]
    told = f"<p><b>Likely deficit, should treatment fail: {blocks.text(labels[first['answer']].lower())}</b>"
    told += f" (told at {first['landmark_months']:g} months"
    told += f"; {blocks.text(first['why'])}" if first["why"] else ""
    told += ").</p>"
    known = mine.dropna(subset="probability").sort_values("probability", ascending=False)
    if len(known):
        told += blocks.table(
            ["Deficit", "Probability (%)"],
            [(labels[r["deficit"]], f"{100 * r['probability']:.0f}") for r in known.to_dict("records")],
            caption=f"Patient {number}: probability of each deficit.",
        )
    options = run.table("options")
    options = options[options["deficit"] == first["answer"]]
    if not len(options):
        return told
    return told + blocks.folded(
        f"What has been tried against it: {len(options)} trials of the register, negative ones too",
        published_trials(
            options, "That an agent is aimed at a deficit does not show that it helps who has it."
        ),
    )
