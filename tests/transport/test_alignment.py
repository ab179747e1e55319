"""Two cohorts made alike: shared columns, the test cohort's missing values, one arm."""

from dataclasses import replace

import numpy as np
import pytest
from made_cohort import TREATED, made_cohort

from pipeline.schema import InputError
from pipeline.transport import align, shared_columns


def test_training_rows_lose_values_as_the_test_cohort_does():
    train, test = made_cohort(4000, 1), made_cohort(300, 2)
    frame = test.observed.copy()
    frame.loc[frame.index[:150], ["nlr", "noise"]] = np.nan
    test = replace(test, observed=frame)
    made, seen = align(train, test, np.random.default_rng(0), [TREATED], [TREATED])
    assert "arm" not in made.observed
    assert len(seen) == (test.observed["arm"] == TREATED).sum()
    for name in ("nlr", "pdl1_tps_percent"):
        at_test = seen.observed[name].isna().mean()
        own = 0.1 if name == "pdl1_tps_percent" else 0.0  # what was missing stays missing
        expected = 1 - (1 - at_test) * (1 - own)
        assert made.observed[name].isna().mean() == pytest.approx(expected, abs=0.04)
    # Missing together, as in the test cohort: patterns are drawn, not columns.
    assert (made.observed["nlr"].isna() == made.observed["noise"].isna()).all()
    assert made.observed["os_months"].notna().all()


def test_only_what_both_have_is_kept_and_a_clash_of_units_is_refused():
    train, test = made_cohort(50, 1), made_cohort(50, 2)
    lean = replace(
        test,
        observed=test.observed.drop(columns="male"),
        columns=tuple(c for c in test.columns if c.name != "male"),
    )
    assert "male" not in shared_columns(train, lean)
    days = tuple(replace(c, unit="days") if c.name == "age_years" else c for c in test.columns)
    with pytest.raises(InputError, match=r"age_years is a number in years .* and a number in days"):
        shared_columns(train, replace(test, columns=days))


def test_an_arm_that_is_not_there_is_refused():
    with pytest.raises(InputError, match=r"has no arm 'placebo'; it has 'chemotherapy', 'pembrolizumab'"):
        align(made_cohort(50, 1), made_cohort(50, 2), np.random.default_rng(0), ["placebo"])
