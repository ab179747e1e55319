"""Subgroups divide the patients, the same way in both cohorts."""

import numpy as np
import pytest
from made_cohort import CONTROL, TREATED

from pipeline.evaluate import check_subgroups, subgroup_rows
from pipeline.schema import InputError


def test_groups_divide_the_patients(train):
    groups = subgroup_rows(train, ("arm", "age_years", "male", "pdl1_tps_percent"))
    assert len(groups["all"]) == len(train)
    assert {f"arm={TREATED}", f"arm={CONTROL}", "male=yes", "male=no"} <= set(groups)
    for column in ("arm", "age_years", "male", "pdl1_tps_percent"):
        parts = [rows for name, rows in groups.items() if name.startswith(f"{column}=")]
        assert sorted(np.concatenate(parts)) == list(range(len(train)))
    missing = train.observed["pdl1_tps_percent"].isna().sum()
    assert len(groups["pdl1_tps_percent=missing"]) == missing > 0


def test_a_group_means_the_same_in_both_cohorts(train, held_out):
    cut = train.observed["age_years"].median()
    here, there = (subgroup_rows(c, ("age_years",), train) for c in (train, held_out))
    assert list(here) == list(there)
    older = next(rows for name, rows in there.items() if ">" in name)
    assert (held_out.observed["age_years"].iloc[older] > cut).all()


def test_a_subgroup_column_that_is_not_there_is_named(train):
    with pytest.raises(InputError, match="subgroups: cohort 'train' has no column 'region'"):
        check_subgroups(("arm", "region"), [train])
    with pytest.raises(InputError, match="no column 'died'"):  # an outcome forms no subgroup
        check_subgroups(("died",), [train])
