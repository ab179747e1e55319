"""The builder: learnt on training rows only, stored exactly, and fast."""

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
from sklearn.pipeline import make_pipeline

from pipeline.features import FeatureBuilder
from pipeline.schema import ARM, InputError

from .drawn_columns import COLUMNS, drawn, fact, number

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
