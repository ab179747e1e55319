"""Cumulative incidence of adverse events with progression and death before them."""

import numpy as np
import pandas as pd
import pytest

from pipeline.toxicity import competing_outcome, cumulative_incidence

from .test_immortal_time import with_events


def test_the_first_of_event_and_death_counts():
    cohort = with_events(300, 8)
    months, cause = competing_outcome(cohort)
    first = cohort.events.set_index("patient")["onset_months"].reindex(cohort.observed.index)
    had = first.notna().to_numpy()
    np.testing.assert_array_equal(cause == 1, had)
    np.testing.assert_allclose(months[had], first[had])
    np.testing.assert_array_equal(cause[~had] == 2, cohort.observed["died"][~had])


def test_incidence_is_that_of_two_constant_rates():
    cohort = with_events(4000, 9)
    table = cumulative_incidence(cohort)
    assert set(table["arm"]) == set(cohort.observed["arm"])
    for _, part in table.groupby("arm"):
        at = part[part["months"] <= 6].iloc[-1]
        rate, rival = 0.1, 0.06
        truth = rate / (rate + rival) * (1 - np.exp(-(rate + rival) * at["months"]))
        assert at["incidence"] == pytest.approx(truth, abs=3.3 * np.sqrt(truth * (1 - truth) / 2000))
        assert at["low"] < at["incidence"] < at["high"]
        assert (part["incidence"] + part["competing"] <= 1 + 1e-9).all()


def test_counting_death_as_censoring_would_overstate_it():
    cohort = with_events(4000, 9)
    months, cause = competing_outcome(cohort)
    order = np.argsort(months)
    at_risk = len(months) - np.arange(len(months))
    naive = 1 - np.prod(np.where((cause[order] == 1) & (months[order] <= 12), 1 - 1 / at_risk, 1.0))
    right = cumulative_incidence(cohort)
    right = right[right["months"] <= 12].groupby("arm")["incidence"].last().mean()
    assert naive > right + 0.05
    assert isinstance(right, float) or pd.api.types.is_float(right)
