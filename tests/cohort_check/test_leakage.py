"""Outcomes in disguise among the columns, and the concordance that finds them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort_check.leakage import concordance
from pipeline.schema import Column

from .sound_cohort import GOLDEN, checks, marker, sound, with_column


def test_univariable_concordance_is_that_of_r():
    data = GOLDEN["data"]
    c = concordance(np.array(data["months"]), np.array(data["died"], dtype=bool), np.array(data["age"]))
    assert c == pytest.approx(GOLDEN["concordance_age"], rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 4)), min_size=2, max_size=25))
def test_concordance_with_ties_is_that_of_scikit_survival(rows):
    from sksurv.exceptions import NoComparablePairException
    from sksurv.metrics import concordance_index_censored

    months, event, risk = (np.array(c) for c in zip(*rows, strict=True))
    try:
        expected = concordance_index_censored(event.astype(bool), months, risk.astype(float))[0]
    except (NoComparablePairException, ValueError, RuntimeWarning):
        expected = math.nan
    if math.isnan(expected):  # no pair to compare
        expected = 0.5
    assert concordance(months, event.astype(bool), risk) == pytest.approx(expected, rel=1e-9)


def test_the_outcome_in_disguise_is_a_fault():
    made = sound()
    made = with_column(made, marker(), 3 - 2 * made.observed["os_months"])
    assert ("leakage", "marker") in checks(made, "fault")


def test_a_strong_honest_marker_is_not_suspected():
    rng = np.random.default_rng(5)
    made = sound()
    marked = with_column(made, marker(), np.log(made.observed["os_months"]) + rng.normal(0, 2, 240))
    c = concordance(*(marked.observed[n].to_numpy() for n in ("os_months", "died", "marker")))
    assert 0.6 < max(c, 1 - c) < 0.85
    assert ("leakage", "marker") not in checks(marked)


def test_a_category_made_of_the_outcome_is_suspected():
    made = sound()
    column = Column("class", "baseline", "category", modality="clinical")
    levels = pd.qcut(made.observed["os_months"], 10).astype(str)
    assert ("leakage", "class") in checks(with_column(made, column, levels), "warning")


def test_a_column_filled_in_only_after_the_event():
    made = sound()
    days = np.where(made.observed["progressed_or_died"], np.arange(240.0) % 97, np.nan)
    assert ("informative_missing", "marker") in checks(with_column(made, marker(), days), "warning")


@pytest.mark.parametrize("name", ["best_response_2", "irae_any", "os_event", "progression_day", "last_visit"])
def test_names_of_outcomes_among_baseline_columns(name):
    rng = np.random.default_rng(0)
    assert ("named_like_an_outcome", name) in checks(with_column(sound(), marker(name), rng.random(240)))


@pytest.mark.parametrize(
    "name", ["dose", "osteopenia", "nlr", "tmb_mutations_per_mb", "copy_number_loss", "prior_lines"]
)
def test_innocent_names(name):
    rng = np.random.default_rng(0)
    assert not {c for c in checks(with_column(sound(), marker(name), rng.random(240))) if c[1] == name}
