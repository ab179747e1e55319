"""Who responds: classifiers of objective response, beside the published rate and the truth."""

from __future__ import annotations

from typing import Final

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.metrics.probability import PROBABILITY_METRICS
from pipeline.models.labels import model_label
from pipeline.report import blocks
from pipeline.report.blocks import Markup, text
from pipeline.report.sections.wording import (
    BETTER,
    DATA_NAMES,
    best_model,
    estimates,
    models_in,
    shaded,
    words,
)

RULES: Final = {
    "no_response": "count as patients without a response, as in the rates that trials print",
    "left_out": "are left out, of training and of judging",
}
NOT_LEARNT: Final = ("oracle", "published_rate")


def response(run: RunView) -> str:
    """Return scores, calibration and what stands for the never evaluated; nothing where not asked for."""
    if "response_scores" not in run.tables:
        return ""
    scores = run.table("response_scores")
    order = sorted(dict.fromkeys(scores["data"]), key=lambda data: data != "external")
    rule = RULES[run.facts["analysis"]["response"]["never_evaluated"]]
    counted = [
        f"{words(DATA_NAMES.get(r['data'], r['data']))}: {r['responders']:,} of {r['judged']:,} patients had "
        f"an objective response; {r['never_evaluated']:,} were never evaluated."
        for r in run.table("response_patients").to_dict("records")
    ]
    overall = scores[scores["group"] == "all"]
    return (
        "".join(_score_table(run, overall[overall["data"] == data], data) for data in order)
        + blocks.bullets([*counted, f"Patients who were never evaluated {rule}."])
        + blocks.figures(
            run.figures("response"),
            "Above, scores with bootstrap intervals; below, the share that responded in tenths of the "
            "patients by predicted probability, with Wilson intervals.",
        )
        + _subgroups(scores[scores["data"] == order[0]])
    )


def _score_table(run: RunView, part: pd.DataFrame, data: str) -> str:
    models = models_in(part)
    rows = []
    for metric, line in part.groupby("metric", sort=False):
        about = PROBABILITY_METRICS[str(metric)]
        by_model = line.set_index("model")
        best = best_model(by_model["value"].drop(list(NOT_LEARNT), errors="ignore"), about.better)
        said = f'{text(about.label)} <span class="arrow">{text(BETTER[about.better])}</span>'
        rows.append([Markup(said), *estimates(by_model, models, best)])
    first = part.iloc[0]
    caption = (
        f"{words(DATA_NAMES.get(data, data))}: {int(first['patients']):,} patients, "
        f"{int(first['events']):,} responders. Small figures: bootstrap intervals at "
        f"{run.facts['analysis']['bootstrap']['level']:.0%}. Bold: best, oracle and published rate aside."
    )
    return blocks.table(["Score", *map(model_label, models)], rows, caption=caption, shaded=shaded(models))


def _subgroups(scores: pd.DataFrame) -> str:
    rows = scores[scores["metric"] == "auc"]
    if set(rows["group"]) <= {"all"}:
        return ""
    models = models_in(rows)
    made = []
    for group, part in rows.groupby("group", sort=False):
        label = "All patients" if group == "all" else words(str(group).replace("=", ": "))
        size = int(part["patients"].iloc[0]), int(part["events"].iloc[0])
        made.append([label, *size, *estimates(part.set_index("model"), models)])
    head = ["Subgroup", "Patients", "Responders", *map(model_label, models)]
    return blocks.folded("AUC within subgroups", blocks.table(head, made, shaded=shaded(models)))
