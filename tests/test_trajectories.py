"""Serial measurements: RECIST gives back what was drawn, nothing follows death, sums look like lesions."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.artifacts import load_cohort, save_cohort
from pipeline.schema import Cohort, InputError
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec, read_cohort_spec
from synthetic_data.trajectories import (
    ASSAYS,
    Fates,
    Tumours,
    VisitSpec,
    best_response,
    draw_tumours,
    first_progression,
)
from synthetic_data.trajectories.blood import KINETICS, true_course

ROOT = Path(__file__).resolve().parents[1]
LESIONS = ROOT.parent / "shared" / "realdata" / "laleh2022_lesion_size_long.csv"
DAY = 1 / 30.4375
SIX_WEEKLY = VisitSpec(every_weeks=6, until_months=36)


@lru_cache(maxsize=8)
def drawn(
    n: int = 1500, seed: int = 1, trial: str = "KEYNOTE-189", visits: VisitSpec | None = SIX_WEEKLY
) -> Cohort:
    spec = CohortSpec(name="c", trial=trial, visits=visits)
    return simulate_cohort(spec, n, np.random.default_rng(seed))


def visits_of(cohort: Cohort) -> pd.DataFrame:
    assert cohort.visits is not None
    return cohort.visits


def true_visits(cohort: Cohort) -> pd.DataFrame:
    assert cohort.truth is not None
    assert cohort.truth.visits is not None
    return cohort.truth.visits


def random_fates(n: int, seed: int) -> Fates:
    """Fates by the rules of the outcome model, more extreme than any trial's."""
    rng = np.random.default_rng(seed)
    os = rng.exponential(rng.choice([2.0, 12.0, 60.0], n))
    pfs = np.minimum(os, rng.exponential(rng.choice([1.0, 6.0, 40.0], n)))
    watched = rng.exponential(30.0, n)
    assessed, eligible = watched > 1.4, pfs > 1.4
    drawn_response = np.where(pfs <= 2.1, "PD", rng.choice(["SD", "PR", "CR"], n))
    drawn_response = np.where(eligible & (rng.random(n) < 0.3), rng.choice(["PR", "CR"], n), drawn_response)
    response = np.where(~assessed | (os <= 1.4), "NE", drawn_response)
    return Fates(np.exp(rng.uniform(np.log(10), np.log(400), n)), response, pfs, os, watched)


def scanned(fates: Fates, tumours: Tumours, planned: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums, months and new lesions on planned visits and on the day of progression, in order of time."""
    n = len(fates.pfs_months)
    on_day = np.where(fates.progressed, fates.pfs_months, np.inf)
    months = np.sort(np.column_stack([np.broadcast_to(planned, (n, len(planned))), on_day]), axis=1)
    seen = months <= np.minimum(fates.os_months, fates.watched_months)[:, None]
    seen[:, 0] = True
    at = np.where(seen, months, 0.0)
    return np.where(seen, tumours.sum_mm(at), np.nan), months, tumours.new_lesion(at) & seen


# --- RECIST


def row(*sums: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    months = np.arange(len(sums), dtype=float)[None, :] * 1.5
    return np.array([sums], dtype=float), months, np.zeros((1, len(sums)), dtype=bool)


@pytest.mark.parametrize(
    ("sums", "response", "column"),
    [
        ((100, 70, 69), "PR", 3),
        ((100, 71, 71), "SD", 3),
        ((100, 20, 0), "CR", 3),
        ((100, 119, 119), "SD", 3),
        ((100, 120, 90), "PD", 1),
        ((100, 50, 60), "PR", 2),
        ((20, 10, 14.9), "PR", 3),  # up by 49 % but not by 5 mm
        ((20, 10, 15), "PR", 2),
        ((100, 0, 5), "CR", 2),
        ((100, np.nan, 120), "SD", 2),  # 91 days without progression
        ((100, np.nan, np.nan), "NE", 3),
    ],
)
def test_recist_by_hand(sums: tuple[float, ...], response: str, column: int) -> None:
    assert first_progression(*row(*sums)).column[0] == column
    assert best_response(*row(*sums), np.array([np.inf]))[0] == response


def test_a_new_lesion_is_progression_whatever_the_sum() -> None:
    sums, months, new = row(100, 60, 50)
    new[0, 1] = True
    assert first_progression(sums, months, new).months[0] == 1.5
    assert best_response(sums, months, new, np.array([np.inf]))[0] == "PD"


# --- the growth-inhibition model


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), weeks=st.sampled_from([2, 3, 4, 6]))
def test_error_free_sums_give_back_best_response_and_progression(seed: int, weeks: int) -> None:
    fates = random_fates(300, seed)
    planned = VisitSpec(every_weeks=weeks, until_months=60).planned_months()
    tumours = draw_tumours(fates, planned, np.random.default_rng(seed))
    sums, months, new = scanned(fates, tumours, planned)
    seen = fates.progressed & (fates.pfs_months <= fates.watched_months)
    found = first_progression(sums, months, new).months
    np.testing.assert_allclose(found[seen], fates.pfs_months[seen])
    assert np.isinf(found[~seen]).all()

    death = np.where(fates.os_months <= fates.watched_months, fates.os_months, np.inf)
    response = best_response(sums, months, new, death)
    failed = np.minimum(fates.pfs_months, fates.os_months)
    # best responses are drawn on uncensored times, and dated here by the day
    clear = (fates.response != "NE") & (np.abs(failed - 2.1) > DAY)
    clear &= (fates.response != "PD") | (failed <= fates.watched_months)
    assert (response[clear] == fates.response[clear]).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), months=st.lists(st.integers(1, 40), min_size=1, max_size=8, unique=True))
def test_any_schedule_gives_back_progression_within_a_visit(seed: int, months: list[int]) -> None:
    fates = random_fates(200, seed)
    planned = VisitSpec(months=tuple(map(float, sorted(months)))).planned_months()
    tumours = draw_tumours(fates, planned, np.random.default_rng(seed))
    sums = tumours.sum_mm(planned)
    assert np.isfinite(sums).all()
    assert (sums >= 0).all()
    at = np.broadcast_to(planned, sums.shape)
    found = first_progression(sums, at, tumours.new_lesion(at)).months
    last_before = np.where(planned < fates.pfs_months[:, None], planned, 0).max(axis=1)
    assert (found[fates.progressed] > last_before[fates.progressed]).all()


def test_another_patients_fate_is_not_given_back() -> None:
    fates = random_fates(400, 5)
    planned = SIX_WEEKLY.planned_months()
    tumours = draw_tumours(fates, planned, np.random.default_rng(5))
    other = np.random.default_rng(0).permutation(400)
    shuffled = Tumours(*(getattr(tumours, f)[other] for f in tumours.__dataclass_fields__))
    sums, months, new = scanned(fates, shuffled, planned)
    found = first_progression(sums, months, new).months
    seen = fates.progressed & (fates.pfs_months <= fates.watched_months)
    assert np.isclose(found[seen], fates.pfs_months[seen]).mean() < 0.4


def test_the_curve_is_the_closed_form() -> None:
    one = Tumours(*(np.array([x]) for x in (100.0, 0.1, 0.8, 0.5, 10.0, np.inf)))
    t = np.array([0.0, 1.0, 4.0, 9.0])
    np.testing.assert_allclose(one.log_ratio(t)[0], 0.1 * t - 0.8 * (1 - np.exp(-0.5 * t)) / 0.5)
    smallest = np.log(0.8 / 0.1) / 0.5  # where growth balances inhibition
    fine = np.linspace(0, 10, 20_001)
    assert abs(fine[one.log_ratio(fine)[0].argmin()] - smallest) < 1e-3
    late = np.diff(one.log_ratio(np.array([9.999, 10.0, 10.001]))[0])
    assert late[1] / late[0] == pytest.approx(1.0, abs=1e-3)  # no kink where growth starts to slow


# --- the table of visits


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


def test_ctdna_has_its_zero_class_and_runs_ahead_of_scans() -> None:
    cohort = drawn(trial="POPLAR")
    true, seen = true_visits(cohort), visits_of(cohort)
    column = "ctdna_molecules_per_ml"
    none_before = true[true["months"] == 0].set_index("patient")[column] == 0
    never = true["patient"].map(none_before)
    assert 0.03 < none_before.mean() < 0.2
    assert (true.loc[never, column] == 0).all()
    assert (seen.loc[seen["months"] > 0, column].dropna().loc[lambda x: x > 0] >= 0.5).all()
    start = true[true["months"] == 0].set_index("patient")
    response = cohort.observed["best_response"]
    at = true[np.isclose(true["months"], 2 * 42 * DAY) & ~never].set_index("patient")
    ratio = np.log(at[column] / start.loc[at.index, column])
    responders = response.loc[at.index].isin(["CR", "PR"]).to_numpy()
    # register: a fall by half at nine weeks tells responders from the others in most (82 and 75 %)
    assert (ratio[responders] < np.log(0.5)).mean() > 0.75
    assert (ratio[~responders] >= np.log(0.5)).mean() > 0.6


def test_blood_follows_response_and_progression() -> None:
    cohort = drawn(2500, trial="POPLAR")
    true = true_visits(cohort)
    start = true[true["months"] == 0].set_index("patient")
    at = true[np.isclose(true["months"], 2 * 42 * DAY)].set_index("patient")
    response = cohort.observed["best_response"].loc[at.index]
    for column in ("crp_mg_per_l", "il6_pg_per_ml", "il8_pg_per_ml", "nlr"):
        change = np.log(at[column] / start.loc[at.index, column])
        falls = change[response.isin(["CR", "PR"]).to_numpy()].median()
        assert falls < change[(response == "PD").to_numpy()].median() - 0.15, column


def test_only_a_checkpoint_inhibitor_wakes_t_cells() -> None:
    cohort = drawn()
    true = true_visits(cohort)
    start = true[true["months"] == 0].set_index("patient")["activated_cd8_percent"]
    at = true[np.isclose(true["months"], 42 * DAY)].set_index("patient")["activated_cd8_percent"]
    change = np.log(at / start.loc[at.index]).groupby(cohort.observed.loc[at.index, "arm"], observed=True)
    medians = change.median()
    assert medians["pembrolizumab_chemo"] > 0.4
    assert abs(medians["placebo_chemo"]) < 0.1


def test_kinetics_start_at_the_baseline_and_keep_zero() -> None:
    tumours = Tumours(*(np.full(3, x) for x in (80.0, 0.05, 0.3, 0.5, 6.0, np.inf)))
    months = np.tile([0.0, 1.0, 5.0], (3, 1))
    for kinetics in KINETICS.values():
        base = np.array([0.0, 1.0, 10.0])
        course = true_course(
            kinetics, base, months, tumours, np.ones(3, dtype=bool), np.ones(3), np.random.default_rng(0)
        )
        np.testing.assert_array_equal(course[:, 0], base)
        assert (course[0] == 0).all()


# --- files, messages


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


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({}, "give either `months`"),
        ({"every_weeks": 6}, "give either `months`"),
        ({"months": (1.0,), "every_weeks": 6, "until_months": 12}, "give either `months`"),
        ({"months": (2.0, 1.0)}, "months must increase"),
        ({"months": (1.0, 1.001)}, "at least a day apart"),
        ({"every_weeks": 1, "until_months": 240}, "must plan 1 to 199 visits"),
        ({"months": (1.0,), "assays": ("csf",)}, "tumour_size"),
        ({"months": (1.0,), "missed_fraction": 1.0}, "less than 1"),
    ],
)
def test_a_faulty_block_says_why(block: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        VisitSpec.model_validate(block)


def test_a_faulty_block_of_a_file_names_its_field(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("trial: POPLAR\nvisits: {every_weeks: 6}\n")
    with pytest.raises(InputError, match=r"mine\.yaml: visits: .*give either `months`"):
        read_cohort_spec(path)


def test_an_assay_whose_marker_is_not_drawn_is_named() -> None:
    spec = CohortSpec(name="c", trial="POPLAR", markers=("nlr", "pdl1_tps"), visits=SIX_WEEKLY)
    with pytest.raises(InputError, match=r"visits: crp_mg_per_l.*target_lesions_mm not drawn"):
        simulate_cohort(spec, 20, np.random.default_rng(0))


def test_every_course_states_what_it_rests_on() -> None:
    account = drawn().manifest["visits"]
    assert set(account["kinetics"]) == set(ASSAYS) - {"tumour_size"}
    assert set(visits_of(drawn())) - {"patient"} == set(account["columns"])
    assert all("assumed" in r or "doi" in r for r in account["kinetics"].values())


def test_the_shipped_example_has_visits() -> None:
    spec = read_cohort_spec(ROOT / "configs" / "cohorts" / "keynote_189_visits.yaml")
    assert spec.visits is not None
    plain = read_cohort_spec(ROOT / "configs" / "cohorts" / "keynote_189.yaml")
    assert spec.model_copy(update={"visits": None, "name": plain.name}) == plain


# --- real lesions


def real_changes(weeks: int) -> pd.Series:
    """Relative change of one target lesion near a week, lung cancer studies, baseline of 10 mm or more."""
    table = pd.read_csv(LESIONS, dtype={"patient": str})
    table = table[table["study"].isin(["Study1", "Study2", "Study3"])]
    key = table["study_arm"] + " " + table["patient"]
    size = table["long_diam_mm"].where(table["long_diam_raw"] != "TOO SMALL TO MEASURE", 2.5)
    table = pd.DataFrame({"key": key, "day": table["day"], "mm": size}).dropna()
    base = table[table["day"] <= 7].sort_values("day").groupby("key")["mm"].last()
    later = table[table["day"] > 7]
    return changes(later, base[base >= 10], weeks)


def simulated_changes(weeks: int) -> pd.Series:
    """The same of simulated sums in POPLAR, one visit after progression, two scans or more as in the file."""
    spec = VisitSpec(every_weeks=6, until_months=12, after_progression_months=1.5)
    table = visits_of(drawn(3000, trial="POPLAR", visits=spec)).rename(
        columns={"patient": "key", "target_lesions_mm": "mm"}
    )
    table = table.assign(day=table["months"] / DAY).dropna(subset=["mm"])
    base = table[table["months"] == 0].set_index("key")["mm"]
    later = table[table["months"] > 0]
    later = later[later["key"].map(later.groupby("key").size()) >= 2]
    return changes(later, base, weeks)


def changes(later: pd.DataFrame, base: pd.Series, weeks: int) -> pd.Series:
    near = later.assign(change=later["mm"] / later["key"].map(base) - 1, off=(later["day"] - 7 * weeks).abs())
    near = near[(near["off"] <= 10.5) & near["change"].notna()].sort_values("off")
    return near.groupby("key")["change"].first()


needs_lesions = pytest.mark.skipif(not LESIONS.is_file(), reason="the open lesion table is not here")
PARTS = [0.1, 0.25, 0.5, 0.75, 0.9]


@needs_lesions
@pytest.mark.parametrize("weeks", [6, 12, 18, 24])
def test_sums_change_about_as_real_lesions_do(weeks: int) -> None:
    # One lesion scatters more than a sum of two or three, so the tolerance is wide at the edges.
    real, made = real_changes(weeks), simulated_changes(weeks)
    gap = np.abs(real.quantile(PARTS).to_numpy() - made.quantile(PARTS).to_numpy())
    assert (gap <= [0.12, 0.12, 0.12, 0.12, 0.2]).all(), (weeks, gap)
    assert 0.6 < made.std() / real.std() < 1.15


@needs_lesions
def test_the_comparison_with_real_lesions_can_fail() -> None:
    gap = np.abs(
        real_changes(6).quantile(PARTS).to_numpy() - simulated_changes(24).quantile(PARTS).to_numpy()
    )
    assert gap.max() > 0.25
