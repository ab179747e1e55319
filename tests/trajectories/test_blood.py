"""Blood follows the tumour: zero classes, leads, response, and what only an inhibitor does."""

from __future__ import annotations

import numpy as np

from synthetic_data.trajectories import Fates, Tumours
from synthetic_data.trajectories.blood import KINETICS, true_course

from .drawn_visits import DAY, drawn, true_visits, visits_of


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
    # molecular response tells responders from the others in most (register: 82 and 75 %)
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
    times = np.array([4.0, 8.0, 20.0])
    fates = Fates(np.full(3, 80.0), np.array(["PR", "SD", "PD"]), times, times + 2.0, np.full(3, 36.0))
    months = np.tile([0.0, 1.0, 5.0], (3, 1))
    for kinetics in KINETICS.values():
        base = np.array([0.0, 1.0, 10.0])
        course = true_course(
            kinetics, base, months, tumours, fates, np.ones(3, dtype=bool), np.random.default_rng(0)
        )
        np.testing.assert_array_equal(course[:, 0], base)
        assert (course[0] == 0).all()
