"""The cohort check: each finding on a cohort that has just that fault, none on one that has not."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sksurv.datasets import load_breast_cancer, load_gbsg2, load_veterans_lung_cancer, load_whas500

from pipeline.cohort_check import check_cohort, findings_table, median_follow_up, outcome_findings
from pipeline.cohort_check.findings import Finding
from pipeline.cohort_check.leakage import concordance
from pipeline.cohort_check.outcomes import late_events
from pipeline.schema import ARM, OUTCOMES, Cohort, Column

GOLDEN = json.loads((Path(__file__).parent / "golden" / "table_one.json").read_text())
AGE = Column("age_years", "baseline", "number", "Age", "years", "clinical", low=18, high=100)
MALE = Column("male", "baseline", "boolean", "Male", modality="clinical")
SMOKING = Column("smoking", "baseline", "category", "Smoking", modality="clinical")
COLUMNS = (ARM, AGE, MALE, SMOKING, *OUTCOMES)


def sound(n: int = 240, seed: int = 0) -> Cohort:
    rng = np.random.default_rng(seed)
    death, cut, worse = rng.exponential(25, n), rng.uniform(8, 30, n), rng.exponential(20, n)
    os = np.minimum(death, cut)
    frame = pd.DataFrame({
        "arm": rng.choice(["control", "drug"], n), "age_years": rng.normal(63, 9, n).clip(20, 95),
        "male": rng.random(n) < 0.6, "smoking": rng.choice(["never", "former", "current"], n),
        "os_months": os, "died": death <= cut, "pfs_months": np.minimum(worse, os),
        "progressed_or_died": (death <= cut) | (worse < os), "best_response": "SD",
    }, index=pd.RangeIndex(n, name="patient"))  # fmt: skip
    return Cohort("sound", frame, COLUMNS, simulated=True, control_arm="control")


def with_column(made: Cohort, column: Column, values: object) -> Cohort:
    return replace(
        made, observed=made.observed.assign(**{column.name: values}), columns=(*made.columns, column)
    )


def checks(made: Cohort, severity: str | None = None) -> set[tuple[str, str]]:
    return {(f.check, f.column) for f in check_cohort(made) if severity in (None, f.severity)}


def marker(name: str = "marker", **options: object) -> Column:
    return Column(name, "baseline", "number", name, modality="blood", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(5))
def test_a_sound_cohort_has_notes_only(seed):
    assert {f.severity for f in check_cohort(sound(seed=seed))} == {"note"}


def test_events_and_follow_up_are_noted():
    made = sound()
    note = next(f for f in check_cohort(made) if f.check == "events" and f.column == "died")
    assert note.count == made.observed["died"].sum()
    assert "median follow-up" in note.message


@pytest.mark.parametrize("group", ["overall", "control", "drug"])
def test_median_follow_up_is_that_of_r(group):
    data = GOLDEN["data"]
    rows = np.array([group in ("overall", arm) for arm in data["arm"]])
    months, died = (np.array(data[name])[rows] for name in ("months", "died"))
    assert median_follow_up(months, died) == pytest.approx(GOLDEN["follow_up"][group], rel=1e-9)


def test_median_follow_up_of_hand_counted_cases():
    assert median_follow_up(np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4, dtype=bool)) == 2
    assert math.isinf(median_follow_up(np.array([1.0, 2.0]), np.ones(2, dtype=bool)))
    # The death at month 2 leaves the risk set before the two censorings of that month: 2 of 3 remain at 1.
    months, event = np.array([1.0, 2.0, 2.0, 2.0, 5.0]), np.array([False, True, False, False, False])
    assert median_follow_up(months, event) == 2


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


# ---- outcomes ----------------------------------------------------------------------------------------


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


# ---- columns -----------------------------------------------------------------------------------------


def test_what_the_schema_refuses_is_one_fault():
    made = sound()
    made.observed.loc[3, "age_years"] = 400
    (finding,) = check_cohort(made)
    assert (finding.severity, finding.check) == ("fault", "declaration")
    assert "age_years" in finding.message


@pytest.mark.parametrize(
    ("values", "options", "check", "severity"),
    [
        (1.0, {}, "constant", "warning"),
        (np.nan, {}, "empty_column", "warning"),
        (np.where(np.arange(240) % 3 > 0, np.nan, np.arange(240.0)), {}, "missing", "warning"),
        (np.where(np.arange(240) % 9 > 0, np.arange(240.0), np.nan), {}, "missing", "note"),
        (np.where(np.arange(240) % 3 > 0, np.arange(240.0), 100.5), {}, "imputed", "warning"),
        (np.where(np.arange(240) % 3 > 0, np.arange(240.0), 240.0), {}, "limit", "note"),
        (np.where(np.arange(240) == 7, np.inf, np.arange(240.0)), {}, "infinite", "fault"),
        (np.arange(240.0) - 5, {"positive": True}, "negative", "fault"),
    ],
)
def test_faults_of_a_number_column(values, options, check, severity):
    made = with_column(sound(), marker(**options), values)
    assert (check, "marker") in checks(made, severity)


def test_a_score_of_few_values_is_not_taken_for_imputed():
    made = with_column(sound(), marker("ecog_ps"), np.arange(240) % 2)
    assert not {c for c in checks(made) if c[1] == "ecog_ps"}


def test_free_text_in_a_category():
    column = Column("comment", "baseline", "category", modality="clinical")
    assert ("many_levels", "comment") in checks(
        with_column(sound(), column, [f"t{i}" for i in range(240)]), "warning"
    )


def test_arms():
    made = sound()
    made.observed.loc[0:4, "arm"] = "rare"
    made.observed.loc[5, "arm"] = None
    found = checks(replace(made, control_arm="placebo"))
    assert {("small_arm", "arm"), ("arm_missing", "arm"), ("control_arm", "arm")} <= found


def test_identical_patients():
    made = sound()
    made.observed.iloc[7] = made.observed.iloc[3]
    assert ("identical_patients", "") in checks(made, "warning")


def test_a_cohort_without_baseline_columns():
    made = sound()
    bare = replace(
        made, observed=made.observed[["arm", *(c.name for c in OUTCOMES)]], columns=(ARM, *OUTCOMES)
    )
    assert ("no_baseline", "") in checks(bare, "fault")


# ---- leakage -----------------------------------------------------------------------------------------


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


def test_the_table_lists_faults_first():
    made = sound()
    made.observed["died"] = False
    table = findings_table(check_cohort(made))
    assert list(table) == ["severity", "check", "column", "count", "message", "remedy"]
    order = table["severity"].map({"fault": 0, "warning": 1, "note": 2})
    assert order.is_monotonic_increasing
    assert order.iloc[0] == 0
    assert list(findings_table([])) == list(table)


def test_the_check_changes_nothing():
    made = sound()
    before = made.observed.copy()
    check_cohort(made)
    pd.testing.assert_frame_equal(made.observed, before)
