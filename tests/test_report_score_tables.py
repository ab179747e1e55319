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


def test_bold_is_the_best_that_learnt_as_the_caption_says_and_no_comparator(small_run: Path) -> None:
    run = load_run(small_run)
    comparators = {"oracle": 0.9, "loris": 0.8, "pdl1": 0.75, "published_rate": 0.5}
    part = scored({"cox": 0.7, "rsf": 0.6} | comparators)
    higher = score_table(run, part, lambda _: ("AUC", "higher"), "responders")
    lower = score_table(run, part, lambda _: ("AUC", "lower"), "responders")
    for table, bold in ((higher, "0.700"), (lower, "0.600")):
        assert table.count("<b>") == 1
        assert f"<b>{bold}" in table
        assert "Bold: best of the models that learnt from patients." in table
    assert "External test: 200 patients, 80 responders." in higher
    assert score_table(run, part.iloc[:0], lambda _: ("AUC", "higher"), "events") == ""


def test_without_two_models_that_learnt_nothing_is_bold_and_the_caption_does_not_say_so(
    small_run: Path,
) -> None:
    for models in ({"loris": 0.8, "oracle": 0.9}, {"cox": 0.6, "loris": 0.8}):
        table = score_table(load_run(small_run), scored(models), lambda _: ("AUC", "higher"), "events")
        assert "0.800" in table
        assert "<b>" not in table
        assert "Bold" not in table


def test_subgroups_are_named_under_a_caption_of_the_score() -> None:
    rows = pd.concat([scored({"cox": 0.7}), scored({"cox": 0.6}, group="arm=placebo")])
    table = subgroup_table(rows, "Events", "Harrell C")
    assert "Harrell C, external test." in table
    assert "Arm: placebo" in table
    assert "caption" not in subgroup_table(rows, "Events")


def test_without_subgroups_or_scores_there_is_no_table() -> None:
    assert subgroup_table(scored({"cox": 0.7}), "Events", "Harrell C") == ""
    assert subgroup_table(scored({"cox": 0.7}).iloc[:0], "Events", "Harrell C") == ""
