"""How well the models do: scores, differences, subgroups, calibration, discrimination."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.artifacts import RunView
from pipeline.models.labels import model_label
from pipeline.report import blocks
from pipeline.report.sections.score_tables import score_table, subgroup_table
from pipeline.report.sections.wording import (
    DATA_NAMES,
    explained_horizon,
    models_in,
    shaded,
    words,
)

ORACLE: Final = "The oracle knows each simulated patient's true risk; what it misses is chance."
SHOWN_THRESHOLDS: Final = (20, 40, 60, 80)  # percent


def scores(run: RunView) -> str:
    """Return the overall scores, a table for each set of patients; the horizons not explained are folded.

    What is bold: `score_table`.
    """
    table = run.table("scores")
    overall = table[table["group"] == "all"]
    near = explained_horizon(run)
    main = overall[overall["horizon_months"].isna() | (overall["horizon_months"] == near)]
    others = overall.drop(main.index)
    order = sorted(dict.fromkeys(overall["data"]), key=lambda data: data != "external")
    shown = "".join(_score_table(run, main[main["data"] == data]) for data in order)
    rest = "".join(_score_table(run, others[others["data"] == data]) for data in order)
    told = f"<p>{ORACLE}</p>" if "oracle" in set(overall["model"]) else ""
    return told + shown + (blocks.folded("Scores at the other horizons", rest) if rest else "")


def _score_table(run: RunView, part: pd.DataFrame) -> str:
    def about(metric: str) -> tuple[str, str]:
        said = run.facts["metrics"].get(metric, {"label": metric, "better": ""})
        return said["label"], said["better"]

    return score_table(run, part, about, "events")


def differences(run: RunView) -> str:
    """Return paired differences between models, when the run holds them."""
    if "differences" not in run.tables:
        return ""
    table = run.table("differences")
    table = table[(table["group"] == "all") & (table["model"] != "oracle")]
    if not len(table):
        return ""
    rows = [
        [
            DATA_NAMES.get(row["data"], row["data"]),
            f"{model_label(row['model'])} – {model_label(row['reference'])}",
            _metric(run, row["metric"]),
            _months(row),
            blocks.estimate(row["value"], row["low"], row["high"]),
            f"{row['p']:.3f}",
            f"{row['p_holm']:.3f}",
        ]
        for row in table.to_dict("records")
    ]
    head = ["Patients", "Models", "Score", "Months", "Difference", "p", "p after Holm's correction"]
    return blocks.folded(
        "Differences between models, on the same patients", blocks.table(head, rows, numbers_from=3)
    )


def _months(row: Mapping[Hashable, Any]) -> str:
    return "" if math.isnan(row["horizon_months"]) else f"{row['horizon_months']:g}"


def _metric(run: RunView, name: str) -> str:
    return str(run.facts["metrics"].get(name, {}).get("label", words(name)))


def optimism(run: RunView) -> str:
    """Return what scores on the patients learnt from owe to that, where the run refitted on resamples."""
    table = run.table("optimism") if "optimism" in run.tables else pd.DataFrame()
    if not len(table):
        return ""
    figures = ("apparent", "optimism", "corrected", "out_of_bag", "overfitting", "corrected_632_plus")
    rows = [
        [
            model_label(row["model"]), _metric(run, row["metric"]), _months(row),
            *("" if math.isnan(row[name]) else f"{row[name]:.3f}" for name in figures),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    shown = ("Apparent", "Optimism", "Corrected", "Outside the resample", "Overfitting", ".632+")
    head = ["Model", "Score", "Months", *shown]
    caption = f"{int(table['replicates'].iloc[0])} bootstrap resamples of the training cohort, each refitted."
    return blocks.table(head, rows, caption=caption, numbers_from=2)


def ablation(run: RunView) -> str:
    """Return one model with every combination of modalities, where the run asked for it."""
    table = run.table("ablation") if "ablation" in run.tables else pd.DataFrame()
    if not len(table):
        return ""
    rows = [
        [
            words(row["use"]), words(row["modalities"]), int(row["columns"]), _metric(run, row["metric"]),
            _months(row), blocks.estimate(row["value"], row["low"], row["high"]),
            blocks.estimate(row["difference"], row["difference_low"], row["difference_high"]),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    head = ["Use", "Modalities", "Columns", "Score", "Months", "Value", "Less that with everything"]
    name = model_label(run.facts["analysis"]["ablation"]["model"])
    return blocks.table(head, rows, caption=f"{name}; differences on the same resamples.", numbers_from=4)


def subgroups(run: RunView) -> str:
    """Return Uno's C of every model by subgroup."""
    table = run.table("scores")
    rows = table[(table["metric"] == "uno_c") & (table["data"] == table["data"].iloc[-1])]
    return subgroup_table(rows, "Events", "Uno's C")


def performance_figures(run: RunView) -> str:
    """Return all scores with their intervals as one figure."""
    both = len(set(run.table("scores")["data"])) > 1
    marks = ", open marks cross-validation, filled marks external test" if both else ""
    return blocks.figures(run.figures("scores"), f"Scores with intervals{marks}.")


def calibration(run: RunView) -> str:
    """Return the calibration figures: one open, the others folded."""
    pngs = run.figures("calibration_external_*") or run.figures("calibration_*")
    pngs = sorted(pngs, key=lambda p: [float(w) for w in p.stem.split("_") if w.replace(".", "").isdigit()])
    if not pngs:
        return "<p>No calibration figures.</p>"
    wanted = f"_{run.facts['analysis']['explanation']['horizon_months']:g}_months"
    shown = next((p for p in pngs if p.stem.endswith(wanted)), pngs[0])
    caption = "Observed against predicted probability of being event-free; bars below count the predictions."
    others = [blocks.figure(p, caption) for p in pngs if p != shown]
    return blocks.figure(shown, caption) + (
        blocks.folded("Other horizons", "".join(others)) if others else ""
    )


def roc(run: RunView) -> str:
    """Return the figures of discrimination over time."""
    pngs = run.figures("roc_external") or run.figures("roc_*")
    return blocks.figures(pngs, "ROC curves at each horizon, weighted for censoring, and the area over time.")


def decisions(run: RunView) -> str:
    """Return decision curves, and what each model adds at a few thresholds."""
    table = run.table("decisions")
    if not len(table):
        return ""
    data = "external" if "external" in set(table["data"]) else str(table["data"].iloc[0])
    table = table[(table["data"] == data) & (table["model"] != "everybody")]
    known = table["horizon_months"].unique()
    near = float(known[np.argmin(np.abs(known - explained_horizon(run)))])
    rows = table[table["horizon_months"] == near]
    thresholds = [t for t in sorted(rows["threshold"].unique()) if round(100 * t) in SHOWN_THRESHOLDS]
    models = models_in(rows)
    made = []
    for threshold in thresholds:
        at = rows[rows["threshold"] == threshold].set_index("model")
        per_100 = (100 * at.loc[models, ["gain", "gain_low", "gain_high"]]).itertuples(index=False)
        cells = [blocks.estimate(value, low, high, 1) for value, low, high in per_100]
        made.append([f"{threshold:.0%}", *cells])
    caption = (
        f"Net benefit per 100 patients beyond the better of acting on everybody and on nobody, "
        f"{DATA_NAMES.get(data, data)}, {near:g} months."
    )
    return blocks.figures(
        run.figures("decisions_*"),
        "Net benefit over the risk from which one would act; bands are pointwise intervals.",
    ) + blocks.folded(
        "Gain at some thresholds",
        blocks.table(["Threshold", *map(model_label, models)], made, caption=caption, shaded=shaded(models)),
    )
