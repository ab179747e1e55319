"""Judging figures: tolerances, chance and counts in closed form."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from synthetic_data.verification import judged, missed, summary, tolerance


def row(kind: str, published: float, reproduced: float, **more: object) -> dict[str, object]:
    off = reproduced - published
    gap = {"median": off / published, "hazard_ratio": math.log(reproduced / published)}.get(kind, off)
    figure = {
        "arm": "a", "endpoint": "os", "kind": kind, "months": 12.0, "published": published, "low": None,
        "high": None, "expected": published, "reproduced": reproduced, "gap": gap, "standard_error": 1e-6,
        "built_on": True, "within": True,
    }  # fmt: skip
    return figure | more


def judge(*rows: dict[str, object]) -> pd.DataFrame:
    return judged(pd.DataFrame(list(rows)))


def test_medians_may_miss_by_two_per_cent() -> None:
    table = judge(row("median", 10.0, 10.19), row("median", 10.0, 10.21))
    assert table["within"].tolist() == [True, False]


def test_no_chance_excuses_curves_that_miss() -> None:
    table = judge(
        row("landmark", 0.5, 0.5, expected=0.5049, standard_error=1.0),
        row("landmark", 0.5, 0.5, expected=0.5051, standard_error=1.0),
    )
    assert table["within"].tolist() == [True, False]


def test_a_wide_interval_allows_half_of_it() -> None:
    table = judge(
        row("median", 10.0, 10.9, low=8.0, high=12.0), row("median", 10.0, 11.1, low=8.0, high=12.0)
    )
    assert table["within"].tolist() == [True, False]
    np.testing.assert_allclose(tolerance(table), [0.1, 0.1])


def test_rates_may_miss_by_half_a_point() -> None:
    table = judge(row("landmark", 0.5, 0.5049), row("landmark", 0.5, 0.5051))
    assert table["within"].tolist() == [True, False]


def test_chance_is_shared_by_all_the_figures_looked_at() -> None:
    """Three standard errors beyond the tolerance: a miss of a lone figure, chance among five hundred."""
    off = row("landmark", 0.5, 0.5 + 0.005 + 3 * 0.004, standard_error=0.004)
    assert not judged(pd.DataFrame([off]))["within"].item()
    assert judged(pd.DataFrame([off]), figures=500)["within"].item()


def test_a_hazard_ratio_outside_its_interval_is_excused_by_chance_only_if_the_curves_give_it() -> None:
    drawn = {"low": 0.5, "high": 0.8, "standard_error": 0.1}
    table = judge(
        row("hazard_ratio", 0.7, 0.85, expected=0.7, **drawn),
        row("hazard_ratio", 0.7, 0.85, expected=0.85, **drawn),
        row("hazard_ratio", 0.7, 1.40, expected=0.7, **drawn),
    )
    assert table["within"].tolist() == [True, False, False]


def test_what_was_not_built_on_cannot_be_missed() -> None:
    table = judge(row("median", 10.0, 20.0, built_on=False, within=False))
    assert missed(table).empty


def test_z_counts_both_errors() -> None:
    table = judge(
        row("hazard_ratio", 0.7, 0.8, low=0.5, high=0.98, standard_error=0.1),
        row("landmark", 0.5, 0.52, standard_error=0.01),
    )
    published = math.log(0.98 / 0.5) / (2 * 1.959964)
    assert table["z"].iloc[0] == pytest.approx(math.log(0.8 / 0.7) / math.hypot(published, 0.1), rel=1e-6)
    assert table["z"].iloc[1] == pytest.approx(2.0)


def test_assumed_response_rates_are_no_published_figures() -> None:
    table = judge(row("objective_response", 0.3, 0.3, built_on=False), row("objective_response", 0.3, 0.3))
    assert len(table) == 1


def test_the_summary_counts_without_chance() -> None:
    table = judge(
        row("median", 10.0, 10.5, expected=10.0, standard_error=0.05),
        row("median", 10.0, 10.0, expected=10.3),
        row("hazard_ratio", 0.7, 0.9, low=0.5, high=0.8, expected=0.9),
        row("hazard_ratio", 0.7, 0.7),
    )
    medians, ratios = summary(table)
    assert (medians["figures"], medians["met"], medians["exact"], medians["of"]) == (2, 1, 1, 2)
    assert (ratios["figures"], ratios["exact"], ratios["of"]) == (2, 0, 1)  # one has no interval


def test_figures_of_other_kinds_keep_their_judgement() -> None:
    """Adverse events, say, come with a rule of their own."""
    table = judge(
        row("adverse_event", 0.1, 0.2, expected=math.nan), row("adverse_event", 0.1, 0.1, within=False)
    )
    assert table["within"].tolist() == [True, False]
    assert [r["kind"] for r in summary(table)] == ["adverse_event"]
