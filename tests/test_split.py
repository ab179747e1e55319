"""Folds and holdout: a partition, stratified, and tied to the patient rather than to the row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.schema import ARM, OUTCOMES, SITE, Cohort, Column, InputError
from pipeline.split import folds, holdout

AGE = Column("age_years", "baseline", "number", modality="clinical")


def cohort(n: int, share: float = 0.6, arms: int = 2, seed: int = 0) -> Cohort:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "age_years": rng.normal(60, 8, n), "os_months": rng.exponential(12, n), "died": rng.random(n) < share,
    }, index=pd.Index([f"P{i}" for i in range(n)], name="patient"))  # fmt: skip
    columns = (AGE, *OUTCOMES[:2])
    if arms:
        frame["arm"] = rng.choice([f"arm{i}" for i in range(arms)], n)
        columns = (ARM, *columns)
    return Cohort("drawn", frame, columns, simulated=True)


sizes = st.tuples(
    st.integers(40, 150), st.floats(0.3, 0.9), st.integers(0, 3), st.integers(2, 8), st.integers(0, 10_000)
)


@settings(max_examples=40, deadline=None)
@given(sizes)
def test_folds_of_a_repeat_are_a_partition(drawn):
    n, share, arms, k, seed = drawn
    made = cohort(n, share, arms, seed)
    for repeat in range(2):
        parts = [f for f in folds(made, "os", k, 2, np.random.default_rng(seed)) if f.repeat == repeat]
        assert [f.fold for f in parts] == list(range(k))
        tested = [p for f in parts for p in f.test]
        assert sorted(tested) == sorted(made.observed.index)
        for f in parts:
            assert set(f.train) | set(f.test) == set(made.observed.index)
            assert not set(f.train) & set(f.test)


@settings(max_examples=40, deadline=None)
@given(sizes)
def test_every_fold_has_its_share_of_each_stratum(drawn):
    n, share, arms, k, seed = drawn
    made = cohort(n, share, arms, seed)
    frame = made.observed
    strata = frame["died"].astype(str) + (frame["arm"] if arms else "")
    for f in folds(made, "os", k, 1, np.random.default_rng(seed)):
        inside = strata[f.test].value_counts().reindex(strata.unique(), fill_value=0)
        assert (inside - strata.value_counts() / k).abs().max() < 1
        assert abs(len(f.test) - n / k) < 1
        assert abs(frame.loc[f.test, "died"].sum() - frame["died"].sum() / k) < 1


def test_a_split_without_strata_fails_the_test_above():
    made = cohort(150, 0.3, 2)
    shuffled = np.random.default_rng(0).permutation(150).reshape(5, 30)
    events = made.observed["died"].to_numpy()[shuffled].sum(axis=1)
    assert np.abs(events - events.mean()).max() >= 1


def same(first, second) -> bool:
    return all(a.test.equals(b.test) and a.train.equals(b.train) for a, b in zip(first, second, strict=True))


def test_the_generator_decides_and_nothing_else():
    made = cohort(100)
    first = folds(made, "os", 5, 2, np.random.default_rng(3))
    assert same(first, folds(made, "os", 5, 2, np.random.default_rng(3)))
    assert not same(first, folds(made, "os", 5, 2, np.random.default_rng(4)))


def test_more_repeats_leave_the_first_as_they_were():
    made = cohort(100)
    few = folds(made, "os", 5, 2, np.random.default_rng(3))
    assert same(few, folds(made, "os", 5, 6, np.random.default_rng(3))[:10])


def test_repeats_differ():
    parts = folds(cohort(100), "os", 5, 2, np.random.default_rng(3))
    assert set(parts[0].test) != set(parts[5].test)


def test_a_patient_keeps_the_fold_when_rows_are_reordered():
    made = cohort(100)
    turned = made.take(made.observed.index[::-1])
    for a, b in zip(
        folds(made, "os", 5, 2, np.random.default_rng(3)),
        folds(turned, "os", 5, 2, np.random.default_rng(3)),
        strict=True,
    ):
        assert set(a.test) == set(b.test)
        assert list(a.test) == list(reversed(b.test))


def test_fewer_events_than_folds_are_refused():
    made = cohort(60, share=0.0)
    made.observed.loc["P0":"P2", "died"] = True
    with pytest.raises(InputError, match="has 3 events of os, fewer than the 5 folds"):
        folds(made, "os", 5, 1, np.random.default_rng(0))
    assert len(folds(made, "os", 3, 1, np.random.default_rng(0))) == 3


def test_one_fold_is_refused():
    with pytest.raises(InputError, match=r"folds must be at least 2\. Got 1 instead"):
        folds(cohort(60), "os", 1, 1, np.random.default_rng(0))


@settings(max_examples=40, deadline=None)
@given(st.integers(40, 200), st.floats(0.15, 0.85), st.integers(0, 10_000))
def test_holdout_takes_its_share_of_patients_and_events(n, share, seed):
    made = cohort(n, seed=seed)
    f = holdout(made, "os", share, np.random.default_rng(seed))
    assert sorted([*f.train, *f.test]) == sorted(made.observed.index)
    assert abs(len(f.test) - share * n) <= 1
    died = made.observed["died"]
    assert abs(died[f.test].sum() - share * died.sum()) <= 1


def test_holdout_that_leaves_a_side_without_events_is_refused():
    made = cohort(60, share=0.0)
    made.observed.loc["P0", "died"] = True
    with pytest.raises(InputError, match="choose a share nearer to one half"):
        holdout(made, "os", 0.2, np.random.default_rng(0))
    with pytest.raises(InputError, match=r"between 0 and 1\. Got 1.5 instead"):
        holdout(cohort(60), "os", 1.5, np.random.default_rng(0))


def sited(n: int, sites: int, seed: int = 0) -> Cohort:
    made = cohort(n, seed=seed)
    frame = made.observed.assign(site=np.random.default_rng(seed).choice([f"s{i}" for i in range(sites)], n))
    return Cohort("sited", frame, (*made.columns, SITE), simulated=True)


def test_groups_stay_whole_and_every_patient_is_tested_once() -> None:
    made = sited(200, 11)
    site = made.observed["site"]
    for repeat in range(2):
        parts = [f for f in folds(made, "os", 4, 2, np.random.default_rng(1), "site") if f.repeat == repeat]
        assert sorted(p for f in parts for p in f.test) == sorted(made.observed.index)
        for f in parts:
            assert not set(site[f.train]) & set(site[f.test])
        events = [int(made.observed.loc[f.test, "died"].sum()) for f in parts]
        assert max(events) - min(events) <= made.observed.groupby("site")["died"].sum().max()


def test_as_many_folds_as_groups_leave_each_out_once() -> None:
    made = sited(150, 6)
    parts = folds(made, "os", 6, 1, np.random.default_rng(0), "site")
    left_out = [set(made.observed.loc[f.test, "site"]) for f in parts]
    assert sorted(min(s) for s in left_out) == sorted(made.observed["site"].unique())
    assert all(len(s) == 1 for s in left_out)


@pytest.mark.parametrize(
    ("by", "n_folds", "repeats", "said"),
    [
        ("trial", 3, 1, "has no groups 'trial'; use 'patient' or one of arm, site"),
        ("age_years", 3, 1, "has no groups 'age_years'"),
        ("site", 8, 1, "has 6 groups of 'site', fewer than 8 folds; set folds to 6"),
        ("site", 6, 2, "every repeat would be the same; set repeats to 1"),
    ],
)
def test_groups_that_cannot_be_divided_are_named(by: str, n_folds: int, repeats: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        folds(sited(150, 6), "os", n_folds, repeats, np.random.default_rng(0), by)


def test_a_patient_without_a_group_is_a_fault() -> None:
    made = sited(100, 4)
    frame = made.observed.copy()
    frame.loc["P3", "site"] = None
    with pytest.raises(InputError, match="'site' is missing for 1 patients"):
        folds(
            Cohort("gaps", frame, made.columns, simulated=True), "os", 3, 1, np.random.default_rng(0), "site"
        )
