"""Tables of scores with a column a model: a row a score, or a row a subgroup."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from pipeline.artifacts import RunView
from pipeline.models.labels import COMPARATORS, model_label
from pipeline.report import blocks
from pipeline.report.blocks import Markup, text
from pipeline.report.sections.wording import BETTER, DATA_NAMES, estimates, models_in, shaded, words


def score_table(
    run: RunView,
    part: pd.DataFrame,
    about: Callable[[str], tuple[str, str]],
    counted: str,
) -> str:
    """Return the scores of one set of patients; nothing without any.

    Bold is the best of the models that learnt from patients, where there are several: published rules and
    scores are what these are held against, and the oracle is shaded.

    Parameters
    ----------
    run : RunView
    part : DataFrame
        `model`, `data`, `metric`, `horizon_months`, `value`, `low`, `high`, `patients`, `events`.
    about : callable
        A metric's label, and which values are better: a key of `BETTER`.
    counted : str
        What the caption calls `events`.
    """
    if not len(part):
        return ""
    models = models_in(part)
    compared = [model for model in models if model not in COMPARATORS]
    rows = []
    for _, line in part.groupby(["metric", "horizon_months"], sort=False, dropna=False):
        label, better = about(str(line["metric"].iloc[0]))
        months = float(line["horizon_months"].iloc[0])
        at = "" if pd.isna(months) else f" at {months:g} months"
        by_model = line.set_index("model")
        values = by_model["value"].reindex(compared)
        best = _best(values, better) if len(compared) > 1 else None
        said = f'{text(label + at)} <span class="arrow">{text(BETTER.get(better, ""))}</span>'
        rows.append([Markup(said), *estimates(by_model, models, best)])
    first = part.iloc[0]
    caption = (
        f"{words(DATA_NAMES.get(first['data'], first['data']))}: {int(first['patients']):,} patients, "
        f"{int(first['events']):,} {counted}. Small figures: bootstrap intervals at "
        f"{run.facts['analysis']['bootstrap']['level']:.0%}."
        + (" Bold: best of the models that learnt from patients." if len(compared) > 1 else "")
    )
    return blocks.table(["Score", *map(model_label, models)], rows, caption=caption, shaded=shaded(models))


def _best(values: pd.Series[float], direction: str) -> str | None:
    values = values.dropna()
    if not len(values):
        return None
    distance = {"higher": -values, "lower": values, "one": (values - 1).abs(), "zero": values.abs()}.get(
        direction
    )
    return None if distance is None else str(distance.idxmin())


def subgroup_table(rows: pd.DataFrame, counted: str, label: str = "") -> str:
    """Return one score by subgroup; nothing where there is none but all patients, or no such score.

    Parameters
    ----------
    rows : DataFrame
        `model`, `data`, `group`, `value`, `low`, `high`, `patients`, `events`, of one metric and one `data`.
    counted : str
        Heading of `events`.
    label : str, optional
        What the score is called, for a caption that also says on which patients it was taken.
    """
    if set(rows["group"]) <= {"all"}:
        return ""
    models = models_in(rows)
    made = []
    for group, part in rows.groupby("group", sort=False):
        cells = estimates(part.set_index("model"), models)
        named = "All patients" if group == "all" else words(str(group).replace("=", ": "))
        made.append([named, int(part["patients"].iloc[0]), int(part["events"].iloc[0]), *cells])
    head = ["Subgroup", "Patients", counted, *map(model_label, models)]
    caption = f"{label}, {DATA_NAMES.get(str(rows['data'].iloc[0]), '')}." if label else ""
    return blocks.table(head, made, caption=caption, shaded=shaded(models))
