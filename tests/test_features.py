"""Features: learnt on training rows only, without gaps, and stored exactly."""

from __future__ import annotations

import json
import math
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from pipeline.features import DERIVED, FeatureBuilder
from pipeline.features.derived import ALIASES, columns_of
from pipeline.schema import ARM, OUTCOMES, SITE, Column, InputError


def number(name: str, modality: str = "blood", positive: bool = False) -> Column:
    return Column(name, "baseline", "number", name, "", modality, positive=positive)  # type: ignore[arg-type]


def fact(name: str) -> Column:
    return Column(name, "baseline", "boolean", name, modality="clinical")


def levels(name: str) -> Column:
    return Column(name, "baseline", "category", name, modality="clinical")


COLUMNS = (
    ARM,
    number("age"),
    number("crp_mg_per_l", positive=True),
    fact("male"),
    levels("smoking"),
    *OUTCOMES,
)


def drawn(n: int, seed: int = 0, missing: float = 0.2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "arm": rng.choice(["control", "drug"], n), "age": rng.normal(63, 9, n),
        "crp_mg_per_l": rng.lognormal(2, 1, n) * (rng.random(n) > 0.1),
        "male": pd.array(rng.random(n) < 0.6, dtype="boolean"),
        "smoking": rng.choice(["never", "former", "current"], n, p=[0.2, 0.6, 0.2]),
        "os_months": rng.exponential(12, n), "died": rng.random(n) < 0.7,
    }, index=pd.Index([f"P{i}" for i in range(n)], name="patient"))  # fmt: skip
    for name in ("age", "crp_mg_per_l", "male", "smoking"):
        frame.loc[rng.random(n) < missing, name] = None
    return frame


def only(*columns: Column, **options: object) -> FeatureBuilder:
    return FeatureBuilder(columns, **options)  # type: ignore[arg-type]


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


# ---- properties ----------------------------------------------------------------------------------------

frames = st.builds(drawn, st.integers(30, 120), st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 0.4]))


@settings(max_examples=40, deadline=None)
@given(frames, frames)
def test_no_test_row_has_a_say(train, test):
    alone = FeatureBuilder(COLUMNS).fit(train)
    beside = FeatureBuilder(COLUMNS).fit(train)
    beside.transform(test)
    pd.testing.assert_frame_equal(alone.transform(train), beside.transform(train))
    together = beside.transform(pd.concat([train, test]))
    pd.testing.assert_frame_equal(together.iloc[: len(train)], alone.transform(train))
    assert json.dumps(alone.to_dict()) == json.dumps(beside.to_dict())


def test_a_builder_that_saw_the_test_rows_fails_the_test_above():
    train, test = drawn(100, 1), drawn(100, 2)
    leaky = FeatureBuilder(COLUMNS).fit(pd.concat([train, test]))
    assert not leaky.transform(train).equals(FeatureBuilder(COLUMNS).fit(train).transform(train))


@settings(max_examples=40, deadline=None)
@given(frames)
def test_stored_as_json_and_back_it_is_the_same(frame):
    builder = FeatureBuilder(COLUMNS, control_arm="control").fit(frame)
    again = FeatureBuilder.from_dict(json.loads(json.dumps(builder.to_dict(), allow_nan=False)))
    assert again.transform(frame).equals(builder.transform(frame))
    assert again.to_dict() == builder.to_dict()
    assert again.sources.equals(builder.sources)
    assert again.get_params() == builder.get_params()


@settings(max_examples=20, deadline=None)
@given(frames, st.integers(0, 100))
def test_order_of_rows_and_columns_is_irrelevant(frame, seed):
    rng = np.random.default_rng(seed)
    turned = frame.iloc[rng.permutation(len(frame))][list(rng.permutation(frame.columns))]
    first, second = FeatureBuilder(COLUMNS).fit(frame), FeatureBuilder(COLUMNS).fit(turned)
    assert first.feature_names_ == second.feature_names_
    shared = [n for n in first.feature_names_ if n in second.feature_names_]
    pd.testing.assert_frame_equal(
        second.transform(frame)[shared], first.transform(frame)[shared], rtol=1e-9, atol=1e-12
    )


@settings(max_examples=20, deadline=None)
@given(frames)
def test_one_patient_alone_is_treated_as_among_others(frame):
    builder = FeatureBuilder(COLUMNS).fit(frame)
    whole = builder.transform(frame)
    for i in (0, len(frame) - 1):
        pd.testing.assert_frame_equal(builder.transform(frame.iloc[[i]]), whole.iloc[[i]])


def test_the_input_is_left_as_it_was():
    frame = drawn(100)
    before = frame.copy()
    FeatureBuilder(COLUMNS).fit_transform(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_fitting_again_forgets_what_was_learnt():
    builder = FeatureBuilder((ARM, number("x")))
    builder.fit(pd.DataFrame({"arm": ["a", "b"] * 10, "x": np.arange(20.0)}))
    builder.fit(pd.DataFrame({"arm": ["c", "d"] * 10, "x": np.arange(20.0)}))
    assert builder.feature_names_ == ["arm=d", "x"]


def test_scikit_learn_can_clone_it_and_put_it_in_a_pipeline():
    frame = drawn(100)
    builder = FeatureBuilder(COLUMNS, control_arm="control").fit(frame)
    copy = clone(builder)
    assert copy.get_params() == builder.get_params()
    assert not hasattr(copy, "rules_")
    pipeline = make_pipeline(clone(builder)).fit(frame)
    assert list(pipeline.get_feature_names_out()) == builder.feature_names_
    pd.testing.assert_frame_equal(pipeline.transform(frame), builder.transform(frame))


def test_stored_features_of_another_version_are_refused():
    stored = FeatureBuilder(COLUMNS).fit(drawn(60)).to_dict()
    with pytest.raises(InputError, match="version 99"):
        FeatureBuilder.from_dict({**stored, "version": 99})


def test_sources_tell_where_every_feature_comes_from():
    builder = FeatureBuilder(COLUMNS).fit(drawn(200))
    sources = builder.sources
    assert sources["feature"].tolist() == builder.feature_names_
    by = sources.set_index("feature")
    assert by.loc["arm=drug", ["column", "modality", "kind"]].tolist() == ["arm", "treatment", "arm"]
    missing = by.loc["crp_mg_per_l__missing", ["column", "modality", "kind"]]
    assert missing.tolist() == [
        "crp_mg_per_l",
        "blood",
        "missing",
    ]


# ---- derived features ----------------------------------------------------------------------------------

INFLAMMATION = (
    number("crp_mg_per_l", positive=True), number("il6_pg_per_ml", "cytokine", True),
    number("albumin_g_per_dl"),
)  # fmt: skip


def inflamed(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame({
        "crp_mg_per_l": rng.lognormal(2, 1, n), "il6_pg_per_ml": rng.lognormal(1, 1, n),
        "albumin_g_per_dl": rng.normal(3.8, 0.4, n),
    })  # fmt: skip


def test_the_inflammatory_signature_is_the_mean_of_its_markers():
    frame = inflamed()
    features = only(*INFLAMMATION).fit_transform(frame)
    raw = (features["crp_mg_per_l"] + features["il6_pg_per_ml"] - features["albumin_g_per_dl"]) / 3
    clipped = raw.clip(*np.quantile(raw, [0.01, 0.99]))
    expected = (clipped - clipped.mean()) / clipped.std(ddof=0)
    np.testing.assert_allclose(features["inflammatory_signature"], expected, atol=1e-12)


def test_a_missing_marker_leaves_the_signature_to_the_others():
    frame = inflamed()
    builder = only(*INFLAMMATION).fit(frame)
    row = frame.iloc[[0]].assign(il6_pg_per_ml=np.nan)
    z = builder.transform(frame.iloc[[0]]).iloc[0]
    rule = builder.derived_[0]
    pair = np.clip((z["crp_mg_per_l"] - z["albumin_g_per_dl"]) / 2, rule.low, rule.high)
    assert builder.transform(row)["inflammatory_signature"].iloc[0] == pytest.approx(
        (pair - rule.centre) / rule.spread
    )
    nothing = builder.transform(pd.DataFrame(np.nan, index=[0], columns=list(frame)))
    assert nothing["inflammatory_signature"].iloc[0] == pytest.approx((rule.fill - rule.centre) / rule.spread)


def test_too_few_markers_or_no_wish_make_no_signature():
    frame = inflamed()
    assert "inflammatory_signature" not in only(*INFLAMMATION[:2]).fit(frame).feature_names_
    assert "inflammatory_signature" not in only(*INFLAMMATION, derived=False).fit(frame).feature_names_


def test_the_derived_ratio_of_neutrophils():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"neutrophils_per_nl": rng.uniform(2, 9, 100)})
    frame["leukocytes_per_nl"] = frame["neutrophils_per_nl"] + rng.uniform(1, 4, 100)
    frame.loc[0, "leukocytes_per_nl"] = 1.0  # fewer leukocytes than neutrophils: not a ratio
    columns = (number("neutrophils_per_nl", positive=True), number("leukocytes_per_nl", positive=True))
    features = only(*columns).fit_transform(frame)
    dnlr = frame["neutrophils_per_nl"] / (frame["leukocytes_per_nl"] - frame["neutrophils_per_nl"])
    assert features["dnlr"][1:].corr(dnlr[1:], method="spearman") > 0.999
    assert np.isfinite(features["dnlr"]).all()
    measured = only(*columns, number("dnlr", positive=True)).fit(frame.assign(dnlr=dnlr.clip(lower=0.1)))
    assert measured.feature_names_.count("dnlr") == 1
    assert measured.sources.set_index("feature").loc["dnlr", "kind"] == "value"


def test_every_derived_feature_is_declared_whole():
    assert len({d.name for d in DERIVED}) == len(DERIVED)
    for d in DERIVED:
        assert d.reference
        assert {*d.sources, *d.unless} <= set(ALIASES)
        everything = frozenset(ALIASES[s][0] for s in d.sources if s not in d.unless)
        assert set(columns_of(d, everything)) == set(d.sources)
        assert columns_of(d, frozenset()) == {}


# ---- speed ---------------------------------------------------------------------------------------------


def test_two_thousand_patients_take_no_time():
    rng = np.random.default_rng(0)
    n, columns, frame = 2000, [], {}
    for i in range(30):
        columns.append(number(f"x{i}", positive=i % 2 == 0))
        frame[f"x{i}"] = np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(size=n))
    for i in range(15):
        columns.append(fact(f"b{i}"))
        frame[f"b{i}"] = rng.random(n) < 0.3
    builder, table = FeatureBuilder(tuple(columns)), pd.DataFrame(frame)
    builder.fit(table)
    best = math.inf
    for _ in range(5):
        start = time.perf_counter()
        builder.transform(table)
        best = min(best, time.perf_counter() - start)
    assert best < 0.03
