"""What the figures of a cohort count."""

from __future__ import annotations

import pytest

from pipeline import figures


def test_the_flow_counts_patients_and_events(cohort):
    table = figures.flow_table(cohort, "os").set_index("arm")
    assert table["patients"].sum() == len(cohort)
    assert (table["events"] + table["censored"]).equals(table["patients"])
    assert table["events"].sum() == cohort.observed["died"].sum()
    assert table["all_measured"].sum() == cohort.observed["tmb"].notna().sum()


def test_missing_shares_are_those_of_the_cohort(cohort):
    table = figures.missing_table(cohort).set_index("column")["missing"]
    assert table["tmb"] == pytest.approx(cohort.observed["tmb"].isna().mean())
    assert table["age"] == 0


def test_correlations_are_ranked_and_ordered_by_modality(cohort):
    table = figures.marker_correlations(cohort)
    assert list(table.index) == ["Age", "Tumour mutational burden", "Interleukin-6"]
    from scipy.stats import spearmanr

    frame = cohort.observed[["age", "tmb"]].dropna()
    assert table.iloc[0, 1] == pytest.approx(spearmanr(frame["age"], frame["tmb"]).statistic)
