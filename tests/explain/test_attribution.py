"""An attribution: checked for its sum, grouped, and taken apart by patient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.explain import TOLERANCE, AdditivityError

from .made_explanation import attribution_of

# The additivity check


@pytest.mark.parametrize(
    ("error", "refused"), [(0.5 * TOLERANCE, False), (2 * TOLERANCE, True), (np.nan, True)]
)
def test_the_additivity_check_stops_at_its_tolerance(error, refused):
    contributions = np.random.default_rng(0).normal(size=(5, 3, 1))
    prediction = contributions.sum(axis=1)
    contributions[2, 1, 0] += error
    if refused:
        with pytest.raises(AdditivityError):
            attribution_of(contributions, prediction=prediction)
    else:
        assert attribution_of(contributions, prediction=prediction).additivity_error == pytest.approx(error)


def test_contributions_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"must have shape \(5, 3, 1\). Got \(5, 2, 1\)"):
        replace(attribution_of(np.zeros((5, 3, 1))), contributions=np.zeros((5, 2, 1)))


# Grouping


@pytest.mark.parametrize("level", ["feature", "column", "modality", "mechanism"])
@pytest.mark.parametrize("name", ["cox", "rsf"])
def test_groups_keep_the_sum(name, level, explained):
    grouped = explained[name].grouped(level)
    assert grouped.level == level
    np.testing.assert_allclose(
        grouped.contributions.sum(axis=1), explained[name].contributions.sum(axis=1), atol=1e-12
    )


def test_features_of_a_column_are_summed(explained):
    full = explained["rsf"]
    rows = (full.sources["column"] == "tmb").to_numpy()
    assert rows.sum() == 2  # the value, and whether it is missing
    grouped = full.grouped("column")
    at = grouped.sources["feature"].tolist().index("tmb")
    np.testing.assert_allclose(
        grouped.contributions[:, at], full.contributions[:, rows].sum(axis=1), rtol=0, atol=1e-15
    )
    assert grouped.labels[at] == "Tumour mutational burden (mut/Mb)"


def test_the_tidy_table_adds_up_too(explained):
    tidy = explained["rsf"].tidy()
    by = ["patient", "horizon_months"]
    total = tidy.groupby(by)["contribution"].sum() + tidy.groupby(by)["base"].first()
    np.testing.assert_allclose(total, tidy.groupby(by)["prediction"].first(), atol=1e-9)
    assert len(tidy) == explained["rsf"].contributions.size


def test_taking_patients_keeps_their_rows_together(explained):
    full, some = explained["rsf"], explained["rsf"].take([3, 0])
    assert list(some.patients) == [full.patients[3], full.patients[0]]
    np.testing.assert_array_equal(some.contributions[0], full.contributions[3])
    assert some.observed.index.tolist() == list(some.patients)


def test_an_unexplained_horizon_is_refused(explained):
    assert explained["rsf"].position(12) == 1
    assert explained["cox"].position(12) == 0
    with pytest.raises(ValueError, match="not explained at 24 months"):
        explained["rsf"].position(24)


def test_columns_are_summed_by_immune_mechanism_and_none_is_in_two(explained):
    found = explained["rsf"].grouped("mechanism")
    by = dict(zip(found.labels, found.contributions.transpose(1, 0, 2), strict=True))
    columns = explained["rsf"].grouped("column")
    names = columns.sources["feature"].tolist()
    np.testing.assert_allclose(by["Treatment"], columns.contributions[:, names.index("arm")])
    assert "Other" in by  # columns of no mechanism, such as the toy's age
