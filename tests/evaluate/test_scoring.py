"""Scores are one tidy table."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluate import judge, score, scoring
from pipeline.metrics import METRICS
from pipeline.metrics.calibration import slope_within_folds

from .small_study import ANALYSIS


def test_scores_are_one_tidy_table(scores):
    assert list(scores.columns) == [
        "model", "data", "metric", "horizon_months", "group", "patients", "events", "value", "low", "high",
    ]  # fmt: skip
    assert set(scores["data"]) == {"cross-validation", "external"}
    assert set(scores["metric"]) == set(METRICS)
    by_horizon = scores["metric"].map(lambda m: METRICS[m].by_horizon)
    assert (scores["horizon_months"].notna() == by_horizon).all()
    keys = ["model", "data", "metric", "horizon_months", "group"]
    assert not scores.duplicated(keys).any()
    whole = scores[(scores["group"] == "all") & (scores["data"] == "external")]
    horizons = {True: 3, False: 1}
    assert len(whole) == 4 * sum(horizons[metric.by_horizon] for metric in METRICS.values())
    assert list(dict.fromkeys(whole["metric"])) == list(ANALYSIS.metrics)


def test_intervals_hold_their_value_mostly(scores):
    ranked = scores[scores["metric"].isin(["harrell_c", "uno_c", "auc", "brier", "ibs"])]
    assert ((ranked["low"] <= ranked["value"]) & (ranked["value"] <= ranked["high"])).mean() > 0.97


def test_scores_of_an_external_cohort_are_the_metric_itself(scores, outside):
    row = scores.query("model == 'cox' and data == 'external' and metric == 'auc' and group == 'all'")
    got = row.set_index("horizon_months")["value"][12.0]
    prediction = outside.models["cox"][0]
    assert got == pytest.approx(METRICS["auc"](outside.y, prediction, outside.null[0], 12.0)[0], abs=1e-12)


def test_ranking_is_judged_within_folds_and_averaged_over_repeats(scores, out_of_fold):
    values = []
    for prediction, null, fold in zip(
        out_of_fold.models["rsf"], out_of_fold.null, out_of_fold.fold, strict=True
    ):
        parts = [np.flatnonzero(fold == k) for k in range(3)]
        each = [METRICS["harrell_c"](out_of_fold.y[r], prediction.take(r), null.take(r))[0] for r in parts]
        values.append(np.average(each, weights=[len(r) for r in parts]))
    row = scores.query(
        "model == 'rsf' and data == 'cross-validation' and metric == 'harrell_c' and group == 'all'"
    )
    assert row["value"].item() == pytest.approx(np.mean(values), abs=1e-12)


def test_the_slope_compares_patients_of_one_fold_only_and_is_averaged_over_repeats(scores, out_of_fold):
    one = np.ones((1, len(out_of_fold.y)))
    repeats = list(zip(out_of_fold.models["cox"], out_of_fold.fold, strict=True))
    within = [slope_within_folds(out_of_fold.y, p, 12.0, one, fold)[0] for p, fold in repeats]
    pooled = [METRICS["calibration_slope"](out_of_fold.y, p, p, 12.0)[0] for p, _ in repeats]
    row = scores.query(
        "model == 'cox' and data == 'cross-validation' and metric == 'calibration_slope' and group == 'all'"
    )
    got = row.set_index("horizon_months")["value"][12.0]
    assert got == pytest.approx(np.mean(within), abs=1e-12)
    assert abs(got - np.mean(pooled)) > 1e-3


def test_the_null_model_ranks_at_exactly_one_half_out_of_fold(out_of_fold):
    # Pooled over folds it would not: which fold patients fell into would tell them apart.
    null = {"null": tuple(replace(p, risk=1 - p.survival[:, -1]) for p in out_of_fold.null)}
    judged = replace(out_of_fold, models=null)
    table = score(judge([judged], ANALYSIS.model_copy(update={"subgroups": ()}), np.random.default_rng(0)))
    assert table.set_index("metric").loc["harrell_c", "value"] == pytest.approx(0.5, abs=1e-12)
    pooled = METRICS["harrell_c"](out_of_fold.y, null["null"][0], out_of_fold.null[0])[0]
    assert abs(pooled - 0.5) > 1e-3


def test_the_oracle_is_the_ceiling(scores):
    best = scores[(scores["group"] == "all") & (scores["metric"] == "uno_c")]
    table = best.pivot_table(index="data", columns="model", values="value")
    # 300 patients: sampling may favour a model by a little.
    assert (table["oracle"] >= table[["cox", "rsf", "pdl1"]].max(axis=1) - 0.02).all()


def test_judging_does_not_depend_on_the_number_of_workers(judgement, out_of_fold, outside, monkeypatch):
    monkeypatch.setattr(scoring, "WORKERS", 1)
    alone = judge([out_of_fold, outside], ANALYSIS, np.random.default_rng(9))
    np.testing.assert_array_equal(alone.values, judgement.values)


def test_another_seed_gives_other_intervals_and_the_same_values(judgement, out_of_fold, outside):
    other = judge([out_of_fold, outside], ANALYSIS, np.random.default_rng(10))
    np.testing.assert_array_equal(other.values[:, 0], judgement.values[:, 0])
    assert not np.array_equal(other.values[:, 1:], judgement.values[:, 1:])


def test_what_a_small_group_cannot_tell_is_left_out_and_listed(out_of_fold, train):
    few = np.arange(len(train)) < 8
    observed = train.observed.assign(male=few)
    judged = replace(out_of_fold, cohort=replace(train, observed=observed))
    analysis = ANALYSIS.model_copy(update={"subgroups": ("male",)})
    found = judge([judged], analysis, np.random.default_rng(0))
    assert "male=yes" not in set(found.rows["group"])
    row = found.dropped[found.dropped["group"] == "male=yes"]
    assert "8 patients" in row["reason"].item()


def test_a_horizon_a_group_cannot_tell_is_left_out_and_listed(out_of_fold, train):
    late = train.observed["os_months"] > 16
    observed = train.observed.assign(male=~late)  # "yes": nobody followed past 16 months
    judged = replace(out_of_fold, cohort=replace(train, observed=observed))
    analysis = ANALYSIS.model_copy(update={"subgroups": ("male",)})
    found = judge([judged], analysis, np.random.default_rng(0))
    group = found.rows[found.rows["group"] == "male=yes"]
    assert set(group["horizon_months"].dropna()) == {6.0, 12.0}
    dropped = found.dropped.query("group == 'male=yes' and horizon_months == 18")
    assert any("follow-up too short" in reason for reason in dropped["reason"])
    assert np.isfinite(found.values[:, 0]).all()


def test_a_median_over_horizons_needs_no_other_metric(out_of_fold, judgement):
    only = ANALYSIS.model_copy(update={"metrics": ("median_auc",), "subgroups": ()})
    alone = judge([out_of_fold], only, np.random.default_rng(9))
    assert set(alone.rows["metric"]) == {"median_auc"}
    mine = (judgement.rows["data"] == "cross-validation") & (judgement.rows["group"] == "all")
    areas = judgement.values[mine & (judgement.rows["metric"] == "auc") & (judgement.rows["model"] == "cox")]
    here = judgement.values[
        mine & (judgement.rows["metric"] == "median_auc") & (judgement.rows["model"] == "cox")
    ]
    np.testing.assert_array_equal(here[0], np.median(areas, axis=0))


def test_a_group_that_is_not_followed_to_tau_has_no_score_up_to_it(out_of_fold, train):
    late = train.observed["os_months"] > 16
    judged = replace(out_of_fold, cohort=replace(train, observed=train.observed.assign(male=~late)))
    found = judge([judged], ANALYSIS.model_copy(update={"subgroups": ("male",)}), np.random.default_rng(0))
    dropped = found.dropped.query("group == 'male=yes' and metric in ('uno_c', 'ibs')")
    assert len(dropped) == 2
    assert all("18 needed" in reason for reason in dropped["reason"])
    kept = found.rows[found.rows["group"] == "male=yes"]
    assert not {"uno_c", "ibs"} & set(kept["metric"])
    assert "harrell_c" in set(kept["metric"])
