"""Who responds: classifiers of objective response, beside the published rate and the truth."""

from __future__ import annotations

from typing import Final

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.metrics.probability import PROBABILITY_METRICS
from pipeline.report import blocks
from pipeline.report.sections.score_tables import score_table, subgroup_table
from pipeline.report.sections.wording import DATA_NAMES, words

RULES: Final = {
    "no_response": "count as patients without a response, as in the rates that trials print",
    "left_out": "are left out, of training and of judging",
}


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
        "".join(_score_table(run, overall[overall["data"] == data]) for data in order)
        + blocks.bullets([*counted, f"Patients who were never evaluated {rule}."])
        + blocks.figures(
            run.figures("response"),
            "Above, scores with bootstrap intervals; below, the share that responded in tenths of the "
            "patients by predicted probability, with Wilson intervals.",
        )
        + _subgroups(scores[scores["data"] == order[0]])
    )


def _score_table(run: RunView, part: pd.DataFrame) -> str:
    return score_table(run, part, PROBABILITY_METRICS.__getitem__, "responders")


def _subgroups(scores: pd.DataFrame) -> str:
    table = subgroup_table(scores[scores["metric"] == "auc"], "Responders")
    return blocks.folded("AUC within subgroups", table) if table else ""
