"""Findings about outcomes: inverted events, other units, contradictions."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sksurv.datasets import load_breast_cancer, load_gbsg2, load_veterans_lung_cancer, load_whas500

from pipeline.cohort_check import check_cohort, outcome_findings
from pipeline.cohort_check.findings import Finding
from pipeline.cohort_check.outcomes import late_events

from .sound_cohort import checks, sound


def public(name: str) -> tuple[np.ndarray, np.ndarray]:
    loaders = {"veterans": load_veterans_lung_cancer, "gbsg2": load_gbsg2, "whas500": load_whas500,
               "breast": load_breast_cancer}  # fmt: skip
    y = loaders[name]()[1]
    event, months = y.dtype.names
    return np.asarray(y[months], dtype=float) / 30.4375, np.asarray(y[event], dtype=bool)


def coding_faults(months: np.ndarray, event: np.ndarray) -> list[Finding]:
    frame = pd.DataFrame({"os_months": months, "died": event})
    return [f for f in outcome_findings(frame) if f.severity == "fault" and f.check == "event_coding"]


@pytest.mark.parametrize("name", ["veterans", "gbsg2", "whas500", "breast"])
def test_public_data_sets_are_not_taken_for_inverted(name):
    assert not coding_faults(*public(name))


@pytest.mark.parametrize("name", ["gbsg2", "whas500", "breast"])
def test_public_data_sets_inverted_are_found(name):
    months, event = public(name)
    assert coding_faults(months, ~event)


def test_with_nine_censored_patients_inversion_shows_as_few_events():
    months, event = public("veterans")
    findings = outcome_findings(pd.DataFrame({"os_months": months, "died": ~event}))
    assert "few_events" in {f.check for f in findings}


@settings(max_examples=60, deadline=None)
@given(st.integers(100, 400), st.floats(6, 40), st.floats(0, 20), st.floats(6, 30), st.integers(0, 10_000))
def test_trials_of_any_maturity_are_told_from_their_inversion(n, median, minimum, accrual, seed):
    rng = np.random.default_rng(seed)
    death = rng.exponential(median / math.log(2), n)
    cut = minimum + rng.uniform(0, accrual, n)
    months, event = np.minimum(death, cut), death <= cut
    assert not coding_faults(months, event)
    if 40 <= event.sum() <= n - 40 and minimum >= 6:
        assert coding_faults(months, ~event)


def test_late_events_is_the_mann_whitney_statistic():
    from scipy.stats import mannwhitneyu

    made = sound().observed
    months, died = made["os_months"].to_numpy().round(), made["died"].to_numpy()
    u = mannwhitneyu(months[died], months[~died], alternative="greater").statistic
    assert late_events(months, died)[0] == pytest.approx(u / (died.sum() * (~died).sum()))


def test_the_longest_followed_all_having_events_is_a_warning():
    months = np.concatenate([np.arange(1.0, 91.0), np.arange(91.0, 101.0)])
    event = np.arange(100) % 2 == 0
    event[90:] = True
    findings = outcome_findings(pd.DataFrame({"os_months": months, "died": event}))
    assert ("warning", "event_coding") in {(f.severity, f.check) for f in findings}


def test_nearly_everybody_dying_is_a_warning_only():
    made = sound()
    made.observed["died"] = made.observed["progressed_or_died"] = True
    found = {f.check: f.severity for f in check_cohort(made)}
    assert found["event_share"] == "warning"
    assert "fault" not in found.values()


@pytest.mark.parametrize(("unit", "check"), [(30.4375, "fault"), (4.348, "warning"), (1 / 12, "warning")])
def test_other_units_of_time(unit, check):
    made = sound().observed
    months = made["os_months"] * unit
    findings = outcome_findings(
        made.assign(os_months=months.round() if unit > 1 else months, pfs_months=months)
    )
    assert (check, "os_months") in {(f.severity, f.column) for f in findings if f.check == "time_unit"}


def test_a_confirmed_fault_is_a_warning():
    frame = sound().observed
    frame = frame.assign(os_months=frame["os_months"] * 30.4375)
    severities = {
        f.severity for f in outcome_findings(frame, confirmed=["time_unit"]) if f.check == "time_unit"
    }
    assert severities == {"warning"}


def test_confirmed_checks_come_with_the_cohort():
    made = sound()
    made.observed["os_months"] *= 30.4375
    assert ("time_unit", "os_months") in checks(made, "fault")
    assert ("time_unit", "os_months") in checks(
        replace(made, manifest={"confirmed": ["time_unit"]}), "warning"
    )


def test_contradictions_between_the_endpoints():
    made = sound()
    frame = made.observed
    at_end = frame.index[frame["died"] & (frame["pfs_months"] == frame["os_months"])]
    frame.loc[at_end[-2:], "progressed_or_died"] = False
    frame.loc[0, "pfs_months"] = frame.loc[0, "os_months"] + 3
    frame.loc[~frame["progressed_or_died"], "best_response"] = "PD"
    found = {f.check: f for f in check_cohort(made)}
    assert found["death_not_counted"].count == 2
    assert found["pfs_after_os"].positions == (0,)
    assert found["response_contradicts_pfs"].severity == "warning"


def test_no_events_and_no_patients():
    made = sound()
    made.observed["died"] = False
    assert ("no_events", "died") in checks(made, "fault")
    assert checks(sound().take(pd.Index([], name="patient"))) == {("no_patients", "")}
