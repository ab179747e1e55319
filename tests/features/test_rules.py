"""What a column becomes, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from pipeline.features import FeatureBuilder
from pipeline.schema import ARM, SITE, InputError

from .drawn_columns import COLUMNS, drawn, fact, levels, number, only

# ---- what comes out ------------------------------------------------------------------------------------


def test_features_are_complete_floats_indexed_by_patient():
    frame = drawn(200)
    features = FeatureBuilder(COLUMNS).fit_transform(frame)
    assert (features.dtypes == np.float64).all()
    assert np.isfinite(features.to_numpy()).all()
    assert features.index.equals(frame.index)
    assert list(features) == [
        "arm=drug", "age", "age__missing", "crp_mg_per_l", "crp_mg_per_l__missing", "male", "male__missing",
        "smoking=never", "smoking=current", "smoking__missing",
    ]  # fmt: skip


def test_no_outcome_and_no_site_becomes_a_feature():
    frame = drawn(200).assign(site="a", os_log_hazard=1.0)
    builder = FeatureBuilder((*COLUMNS, SITE)).fit(frame)
    assert set(builder.sources["column"]) == {"arm", "age", "crp_mg_per_l", "male", "smoking"}


def test_numbers_are_winsorised_and_standardised():
    values = np.arange(1001.0)
    values[-1] = 1e9
    z = only(number("x")).fit_transform(pd.DataFrame({"x": values}))["x"]
    clipped = np.clip(values, np.quantile(values, 0.01), np.quantile(values, 0.99))
    np.testing.assert_allclose(z, (clipped - clipped.mean()) / clipped.std(), rtol=1e-12)


def test_ratio_scales_are_compared_by_factors():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.lognormal(0, 1, 500)})
    builder = only(number("x", positive=True)).fit(frame)
    z = builder.transform(pd.DataFrame({"x": [0.5, 1.0, 2.0]}))["x"].to_numpy()
    assert z[2] - z[1] == pytest.approx(z[1] - z[0], rel=1e-12)
    other_unit = only(number("x", positive=True)).fit_transform(1000 * frame)
    np.testing.assert_allclose(other_unit, builder.transform(frame), atol=1e-9)


def test_zeros_on_a_ratio_scale_stand_half_below_the_smallest_value():
    frame = pd.DataFrame({"x": [0.0] * 50 + [1.0] * 50 + [2.0] * 50 + [4.0] * 50})
    rule = only(number("x", positive=True)).fit(frame).rules_[0]
    assert rule.offset == 0.5
    assert only(number("x", positive=True)).fit(frame[50:]).rules_[0].offset == 0


def test_a_zero_that_training_never_showed_stays_finite():
    builder = only(number("x", positive=True)).fit(pd.DataFrame({"x": np.arange(1.0, 100.0)}))
    z = builder.transform(pd.DataFrame({"x": [0.0, 1.0]}))["x"]
    assert np.isfinite(z).all()
    assert z[0] == z[1]


def test_missing_numbers_become_the_training_median_and_say_so():
    frame = pd.DataFrame({"x": [*np.arange(90.0), *[np.nan] * 10]})
    features = only(number("x")).fit_transform(frame)
    assert features["x__missing"].tolist() == [0.0] * 90 + [1.0] * 10
    known, filled = features["x"][:90], features["x"][90:]
    np.testing.assert_allclose(filled, np.median(known), atol=1e-12)


@pytest.mark.parametrize(
    ("n", "missing", "shown"), [(100, 9, False), (100, 10, True), (1000, 49, False), (1000, 50, True)]
)
def test_an_indicator_needs_five_percent_and_ten_patients(n, missing, shown):
    values = np.arange(float(n))
    values[:missing] = np.nan
    assert ("x__missing" in only(number("x")).fit(pd.DataFrame({"x": values})).feature_names_) == shown


def test_two_columns_missing_together_share_one_indicator():
    frame = pd.DataFrame({"x": [np.nan] * 20 + [*np.arange(80.0)]})
    frame["y"] = frame["x"] ** 2
    names = only(number("x"), number("y")).fit(frame).feature_names_
    assert names == ["x", "x__missing", "y"]


def test_facts_are_zero_and_one_whatever_their_type():
    truth = [True, False, True, True] * 10
    expected = np.array(truth, dtype=float)
    for values in (
        truth,
        pd.array(truth, dtype="boolean"),
        expected,
        pd.Series(truth, dtype=object),
        expected.astype(int),
    ):
        out = only(fact("male")).fit_transform(pd.DataFrame({"male": values}))["male"]
        np.testing.assert_array_equal(out, expected)


def test_a_missing_fact_becomes_the_more_frequent():
    frame = pd.DataFrame({"male": pd.array([True] * 6 + [False] * 3 + [None], dtype="boolean")})
    assert only(fact("male")).fit_transform(frame)["male"].iloc[-1] == 1


def test_the_most_frequent_level_is_the_reference():
    frame = pd.DataFrame({"smoking": ["former"] * 50 + ["never"] * 30 + ["current"] * 20})
    builder = only(levels("smoking")).fit(frame)
    assert builder.feature_names_ == ["smoking=never", "smoking=current"]
    features = builder.transform(pd.DataFrame({"smoking": ["never", "former", "pipe", None]}))
    assert features.to_numpy().tolist() == [[1, 0], [0, 0], [0, 0], [0, 0]]


def test_rare_levels_are_pooled_and_take_in_the_unseen():
    frame = pd.DataFrame({"h": ["a"] * 700 + ["b"] * 270 + ["c"] * 12 + ["d"] * 10 + ["e"] * 8})
    builder = only(levels("h")).fit(frame)
    assert builder.feature_names_ == ["h=b", "h=other"]
    features = builder.transform(pd.DataFrame({"h": ["a", "b", "c", "unseen", None]}))
    assert features.to_numpy().tolist() == [[0, 0], [1, 0], [0, 1], [0, 1], [0, 0]]


def test_a_pool_that_stays_rare_joins_the_reference():
    frame = pd.DataFrame({"h": ["a"] * 700 + ["b"] * 290 + ["c"] * 10})
    assert only(levels("h")).fit(frame).feature_names_ == ["h=b"]


def test_arms_stand_against_the_control():
    frame = pd.DataFrame({"arm": ["drug", "control", "combination"] * 10})
    builder = FeatureBuilder((ARM,), control_arm="control").fit(frame)
    assert builder.feature_names_ == ["arm=combination", "arm=drug"]
    assert builder.transform(frame[:3]).to_numpy().tolist() == [[0, 1], [0, 0], [1, 0]]


def test_an_arm_never_learnt_from_is_refused():
    builder = FeatureBuilder((ARM,)).fit(pd.DataFrame({"arm": ["a", "b"] * 5}))
    with pytest.raises(InputError, match=r"arm 'c' was not learnt from; known arms are \['a', 'b'\]"):
        builder.transform(pd.DataFrame({"arm": ["a", "c"]}))
    one = FeatureBuilder((ARM, number("x"))).fit(pd.DataFrame({"arm": "a", "x": np.arange(10.0)}))
    assert one.transform(pd.DataFrame({"arm": ["z"], "x": [1.0]})).shape == (1, 1)


def test_constant_columns_are_dropped():
    n = 40
    frame = pd.DataFrame({
        "x": 1.0, "y": np.nan, "male": True, "smoking": "never", "arm": "a", "z": np.arange(float(n)),
    }, index=range(n))  # fmt: skip
    columns = (ARM, number("x"), number("y"), fact("male"), levels("smoking"), number("z"))
    assert FeatureBuilder(columns).fit(frame).feature_names_ == ["z"]


# ---- what it refuses -----------------------------------------------------------------------------------


def test_missing_columns_are_all_named():
    frame = drawn(50).rename(columns={"smoking": "smoking_"}).drop(columns="male")
    with pytest.raises(InputError) as error:
        FeatureBuilder(COLUMNS).fit(frame)
    assert "column 'male' is missing" in str(error.value)
    assert "column 'smoking' is missing; nearest is 'smoking_'" in str(error.value)


@pytest.mark.parametrize(
    ("column", "values", "part"),
    [
        (number("x"), ["a", 1.0, "b"], "column 'x' holds 2 values that are not numbers"),
        (number("x"), [1.0, np.inf, 2.0], "column 'x' holds 1 infinite values"),
        (fact("x"), [0, 1, 2], "column 'x' holds 1 values that are neither true nor false"),
        (ARM, ["a", None, "b"], "column 'arm' is missing for 1 patients"),
    ],
)
def test_values_of_another_kind(column, values, part):
    with pytest.raises(InputError) as error:
        only(column).fit(pd.DataFrame({column.name: values}))
    assert part in str(error.value)


def test_no_rows_and_no_fit():
    with pytest.raises(InputError, match="no rows"):
        FeatureBuilder(COLUMNS).fit(drawn(50).iloc[:0])
    with pytest.raises(NotFittedError):
        FeatureBuilder(COLUMNS).transform(drawn(50))
