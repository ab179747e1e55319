"""The table of visits: nothing after death, the outcome given back, the same bits, errors as stated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.artifacts import load_cohort, save_cohort
from pipeline.schema import InputError
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec
from synthetic_data.trajectories import (
    ASSAYS,
    VisitSpec,
    best_response,
    first_progression,
)
from synthetic_data.trajectories.blood import KINETICS

from .drawn_visits import SIX_WEEKLY, drawn, true_visits, visits_of


def test_nothing_is_measured_after_death_loss_or_the_cut() -> None:
    cohort = drawn()
    assert cohort.truth is not None
    for table in (visits_of(cohort), true_visits(cohort)):
        rows = cohort.truth.patients.loc[table["patient"]]
        assert (table["months"].to_numpy() <= rows["os_event_months"].to_numpy()).all()
        last = cohort.observed.loc[table["patient"], "os_months"].to_numpy()
        assert (table["months"].to_numpy() <= last + 1e-9).all()
        assert set(table["patient"]) == set(cohort.observed.index)
        later = table[table["planned"]]
        left = np.minimum(rows["dropout_months"].to_numpy()[table["planned"]], np.inf)
        assert (later["months"].to_numpy() <= left).all()


@settings(max_examples=6)
@given(
    seed=st.integers(0, 1000),
    missed=st.sampled_from([0.0, 0.3]),
    after=st.sampled_from([None, 0.0, 2.0]),
    months=st.lists(st.integers(1, 30), min_size=1, max_size=6, unique=True),
)
def test_any_legal_block_gives_a_legal_table(
    seed: int, missed: float, after: float | None, months: list[int]
) -> None:
    schedule = tuple(map(float, sorted(months)))
    spec = VisitSpec(months=schedule, missed_fraction=missed, after_progression_months=after)
    cohort = simulate_cohort(
        CohortSpec(name="c", trial="POPLAR", visits=spec), 120, np.random.default_rng(seed)
    )
    table = visits_of(cohort)
    by_patient = table.groupby("patient", sort=False)
    assert (by_patient["months"].diff().dropna() > 0).all()
    assert (by_patient["months"].first() == 0).all()
    assert (by_patient["visit"].first() == 0).all()
    if after is not None:
        known = cohort.observed.loc[table["patient"]]
        progressed = known["progressed_or_died"].to_numpy(dtype=bool)
        assert (table["months"].to_numpy() <= known["pfs_months"].to_numpy() + after + 1e-9)[progressed].all()


def test_recist_of_the_true_table_agrees_with_the_cohorts_outcome() -> None:
    cohort = drawn()
    true = true_visits(cohort)
    place = true.groupby("patient").cumcount()
    wide = true.assign(place=place).pivot_table(
        index="patient", columns="place", values=["target_lesions_mm", "months", "new_lesion"], dropna=False
    )
    sums = wide["target_lesions_mm"].to_numpy(dtype=float)
    new = np.nan_to_num(wide["new_lesion"].to_numpy(dtype=float)) > 0
    outcome = cohort.observed.loc[wide.index]
    death = np.where(outcome["died"], outcome["os_months"], np.inf)
    months = np.where(np.isfinite(sums), wide["months"].to_numpy(dtype=float), np.inf)
    progression = first_progression(sums, months, new).months
    assert cohort.truth is not None
    fate = cohort.truth.patients.loc[wide.index]
    seen = (outcome["progressed_or_died"] & (fate["pfs_event_months"] < fate["os_event_months"])).to_numpy()
    scan = np.isclose(progression, outcome["pfs_months"])
    assert scan[seen].mean() > 0.99  # the day itself may be the day of death, when nobody is scanned
    assert np.isinf(progression[~seen]).all()
    drawn_response = outcome["best_response"].to_numpy().astype(str)
    judged = drawn_response != "NE"
    same = best_response(sums, months, new, death) == drawn_response
    assert same[judged].mean() > 0.99


def test_visits_start_from_the_recorded_baseline() -> None:
    cohort = drawn()
    first = visits_of(cohort).query("months == 0").set_index("patient")
    for column in ("target_lesions_mm", "ctdna_molecules_per_ml", "nlr", "crp_mg_per_l", "il6_pg_per_ml"):
        pd.testing.assert_series_equal(
            first[column], cohort.observed[column].loc[first.index], check_names=False, check_dtype=False
        )


def test_visits_leave_the_patients_as_they_were_and_repeat() -> None:
    with_visits, without = drawn(), drawn(visits=None)
    pd.testing.assert_frame_equal(with_visits.observed, without.observed)
    assert without.visits is None
    spec = CohortSpec(name="c", trial="KEYNOTE-189", visits=SIX_WEEKLY)
    again = simulate_cohort(spec, 1500, np.random.default_rng(1))
    pd.testing.assert_frame_equal(visits_of(again), visits_of(with_visits))
    assert not visits_of(drawn(seed=2)).equals(visits_of(with_visits))


def test_an_assay_left_out_leaves_the_others_as_they_were() -> None:
    fewer = drawn(visits=VisitSpec(every_weeks=6, until_months=36, assays=("nlr", "il8")))
    kept = [c for c in visits_of(fewer) if c not in ("patient", "visit", "planned", "months")]
    assert kept == ["nlr", "il8_pg_per_ml"]
    pd.testing.assert_frame_equal(visits_of(fewer), visits_of(drawn())[list(visits_of(fewer))])


def test_missed_visits_failed_assays_and_noise_are_as_stated() -> None:
    spec = VisitSpec(every_weeks=6, until_months=36, missed_fraction=0.2, failed_fraction=0.1)
    cohort = drawn(visits=spec)
    true, seen = true_visits(cohort), visits_of(cohort)
    planned = true["planned"] & (true["months"] > 0)
    share = 1 - true.loc[planned, "took_place"].mean()
    assert share == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / planned.sum()))
    later = seen[seen["months"] > 0]
    assert later["nlr"].isna().mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / len(later)))
    exact = true[true["took_place"]].reset_index(drop=True)
    error = np.log(seen["nlr"] / exact["nlr"])[(seen["months"] > 0) & (seen["nlr"] > 1)].dropna()
    assert error.std() == pytest.approx(KINETICS["nlr"].error, rel=0.05)
    silent = drawn(visits=spec.model_copy(update={"noise": 0.0}))
    quiet = visits_of(silent)["nlr"] / exact["nlr"]
    assert np.abs(np.log(quiet[(seen["months"] > 0) & (exact["nlr"] > 1)].dropna())).max() < 0.01


def test_an_assay_whose_marker_is_not_drawn_is_named() -> None:
    spec = CohortSpec(name="c", trial="POPLAR", markers=("nlr", "pdl1_tps"), visits=SIX_WEEKLY)
    with pytest.raises(InputError, match=r"visits: crp_mg_per_l.*target_lesions_mm not drawn"):
        simulate_cohort(spec, 20, np.random.default_rng(0))


def test_every_course_states_what_it_rests_on() -> None:
    account = drawn().manifest["visits"]
    assert set(account["kinetics"]) == set(ASSAYS) - {"tumour_size"}
    assert set(visits_of(drawn())) - {"patient"} == set(account["columns"])
    assert all("assumed" in r or "doi" in r for r in account["kinetics"].values())


def test_visits_survive_the_folder_and_a_change_is_noticed(tmp_path: Path) -> None:
    cohort = drawn(60)
    folder = save_cohort(cohort, tmp_path / "c")
    again = load_cohort(folder)
    pd.testing.assert_frame_equal(visits_of(again), visits_of(cohort))
    pd.testing.assert_frame_equal(true_visits(again), true_visits(cohort))
    assert not {"took_place"} & set(pd.read_csv(folder / "visits.csv").columns)
    changed = visits_of(cohort).assign(nlr=1.0)
    changed.to_parquet(folder / "visits.parquet")
    with pytest.raises(InputError, match=r"visits\.parquet has changed"):
        load_cohort(folder)
    (folder / "visits.parquet").unlink()
    with pytest.raises(InputError, match=r"visits\.parquet has changed"):
        load_cohort(folder)


def test_taking_patients_takes_their_visits() -> None:
    cohort = drawn(60)
    some = cohort.observed.index[3:7]
    assert set(visits_of(cohort.take(some))["patient"]) == set(some)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.drop(columns="months"), "column 'months' is missing"),
        (lambda v: v.assign(patient="nobody"), "of patients who are not in the cohort"),
        (lambda v: v.assign(months=-1.0), "months are negative"),
        (lambda v: v.assign(months=v["months"] * 40), "after death or the end of follow-up"),
        (lambda v: v.sort_values("months"), "must stand together by patient"),
        (lambda v: v.assign(nlr="high"), "'nlr' must hold numbers"),
    ],
)
def test_a_table_that_cannot_be_is_refused(change: object, message: str) -> None:
    cohort = drawn(60)
    assert callable(change)
    with pytest.raises(InputError, match=message):
        replace(cohort, visits=change(visits_of(cohort)))
