"""Dynamic models judged: patients apart, landmarks side by side."""

import numpy as np
import pytest

from pipeline.dynamic import (
    DynamicAnalysis,
    cross_validate_landmarks,
    fit_dynamic,
    judging,
    judging_analysis,
    predict_landmarks,
    risk_over_time,
    risk_sets,
)
from pipeline.evaluate import differences, judge, score
from pipeline.schema import InputError

from .joint_patients import joint_patients

ANALYSIS = DynamicAnalysis(
    endpoint="os",
    landmarks_months=(3, 6, 400),
    models={"baseline_cox": {"penalties": [0.3]}, "supermodel": {"penalties": [0.1]}},
    metrics=("auc", "brier"),
    bootstrap={"replicates": 60},
)


@pytest.fixture(scope="module")
def train():
    return joint_patients(400, 7)


@pytest.fixture(scope="module")
def external(train):
    fitted = fit_dynamic(train, ANALYSIS, np.random.default_rng(1))
    return fitted, predict_landmarks({"train": fitted}, joint_patients(400, 8), ANALYSIS)


def test_gain_over_baseline_comes_with_a_paired_interval(external):
    judged = judge(external[1], judging_analysis(ANALYSIS), np.random.default_rng(2))
    table = differences(judged, "baseline_cox").set_index(["data", "metric"])
    for landmark in ("external at 3 months", "external at 6 months"):
        gain = table.loc[(landmark, "auc")]
        assert gain["low"] > 0.05
    assert set(score(judged)["data"]) == {"external at 3 months", "external at 6 months"}


def test_nobody_is_predicted_by_a_model_that_saw_them(train, monkeypatch):
    seen, asked = [], []
    fit, table_at = judging.fit_dynamic, judging._table_at
    monkeypatch.setattr(
        judging, "fit_dynamic", lambda c, *a, **k: seen.append(set(c.observed.index)) or fit(c, *a, **k)
    )
    monkeypatch.setattr(
        judging, "_table_at",
        lambda c, *a: asked.append((len(seen), set(c.observed.index))) or table_at(c, *a),
    )  # fmt: skip
    found = cross_validate_landmarks(train, ANALYSIS, np.random.default_rng(3))
    assert len(seen) == 5
    assert all(not (patients & seen[number - 1]) for number, patients in asked)
    assert set.union(*(patients for _, patients in asked)) == set(train.observed.index)
    for predictions in found:
        for repeats in predictions.models.values():
            assert np.isfinite(repeats[0].risk).all()
            assert np.isfinite(repeats[0].survival).all()


def test_cross_validation_agrees_with_the_external_test(train, external):
    rng = np.random.default_rng(4)
    inside = score(judge(cross_validate_landmarks(train, ANALYSIS, rng), judging_analysis(ANALYSIS), rng))
    outside = score(judge(external[1], judging_analysis(ANALYSIS), rng))
    for landmark in (3, 6):
        values = [
            table.set_index(["data", "model", "metric"]).loc[
                (f"{kind} at {landmark} months", "supermodel", "auc"), "value"
            ]
            for kind, table in (("cross-validation", inside), ("external", outside))
        ]
        assert abs(values[0] - values[1]) < 0.08  # two samples of 300: a standard error of 0.04 together


def test_risk_sets_count_patients_and_events(external):
    table = risk_sets(external[1], ANALYSIS)
    expected = joint_patients(400, 8).observed
    for landmark, row in zip((3, 6), table.itertuples(), strict=True):
        left = expected[expected["os_months"] > landmark]
        assert row.patients == len(left)
        assert row.events == int((left["died"] & (left["os_months"] <= landmark + 6)).sum())


def test_risk_over_time_has_a_row_a_landmark_survived(external):
    table = risk_over_time(external[1], ANALYSIS)
    assert table["risk"].between(0, 1).all()
    counts = table[table["model"] == "supermodel"].groupby("landmark_months").size()
    assert counts[3] == (joint_patients(400, 8).observed["os_months"] > 3).sum()
    assert set(counts.index) == {3, 6}
    first = external[1][0]
    at_six = np.flatnonzero(first.models["supermodel"][0].months == 6)[0]
    expected = 1 - first.models["supermodel"][0].survival[:, at_six]
    found = table[(table["model"] == "supermodel") & (table["landmark_months"] == 3)]["risk"]
    np.testing.assert_allclose(found, expected)


def test_landmarks_nobody_reaches_are_an_error(train):
    late = ANALYSIS.model_copy(update={"landmarks_months": (400.0,)})
    with pytest.raises(InputError, match="nobody"):
        predict_landmarks({}, train, late)
