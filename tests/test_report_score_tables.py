"""Tables of scores: which value is bold, what a caption says, and nothing where nothing was scored."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.artifacts import load_run
from pipeline.report.sections.score_tables import score_table, subgroup_table


def scored(values: dict[str, float], metric: str = "auc", group: str = "all") -> pd.DataFrame:
    rows = [
        {"model": model, "data": "external", "metric": metric, "horizon_months": float("nan"), "group": group,
         "patients": 200, "events": 80, "value": v, "low": v - 0.1, "high": v + 0.1}
        for model, v in values.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_best_is_bold_by_its_direction_and_those_aside_never(small_run: Path) -> None:
    run, part = load_run(small_run), scored({"cox": 0.7, "rsf": 0.6, "oracle": 0.9})
    higher = score_table(run, part, lambda _: ("AUC", "higher"), "responders", "best")
    lower = score_table(run, part, lambda _: ("AUC", "lower"), "responders", "best")
    both = score_table(run, part, lambda _: ("AUC", "higher"), "responders", "best", ("oracle", "cox"))
    for table, bold in ((higher, "0.700"), (lower, "0.600"), (both, "0.600")):
        assert table.count("<b>") == 1
        assert f"<b>{bold}" in table
    assert "External test: 200 patients, 80 responders." in higher
    assert score_table(run, part.iloc[:0], lambda _: ("AUC", "higher"), "events", "best") == ""


def test_subgroups_are_named_under_a_caption_of_the_score() -> None:
    rows = pd.concat([scored({"cox": 0.7}), scored({"cox": 0.6}, group="arm=placebo")])
    table = subgroup_table(rows, "Events", "Harrell C")
    assert "Harrell C, external test." in table
    assert "Arm: placebo" in table
    assert "caption" not in subgroup_table(rows, "Events")


def test_without_subgroups_or_scores_there_is_no_table() -> None:
    assert subgroup_table(scored({"cox": 0.7}), "Events", "Harrell C") == ""
    assert subgroup_table(scored({"cox": 0.7}).iloc[:0], "Events", "Harrell C") == ""
