"""Evaluation: nobody is judged by a model that knew them, scores are paired, horizons are honest."""

from dataclasses import replace

import numpy as np
import pytest
from made_cohort import CONTROL, TREATED, made_cohort

from pipeline.config import Analysis, Bootstrap, CrossValidation
from pipeline.evaluate import (
    build_models,
    calibration_table,
    check_horizons,
    check_subgroups,
    cross_validate,
    differences,
    external,
    fit_models,
    gap_to_oracle,
    judge,
    model_context,
    prediction_months,
    roc_table,
    score,
    scoring,
    shuffled_control,
    subgroup_rows,
)
from pipeline.evaluate.horizons import followed_to, unusable
from pipeline.metrics import METRICS
from pipeline.models import null_prediction
from pipeline.schema import InputError, outcome

ANALYSIS = Analysis(
    horizons_months=(6, 12, 18),
    models={"cox": {"penalties": (0.01,)}, "rsf": {"n_estimators": 10}, "pdl1": {}, "oracle": {}},
    subgroups=("arm", "age_years"),
    cross_validation=CrossValidation(folds=3, repeats=2),
    bootstrap=Bootstrap(replicates=40),
)


@pytest.fixture(scope="module")
def train():
    return made_cohort(300, seed=1, name="train")


@pytest.fixture(scope="module")
def held_out():
    return made_cohort(300, seed=2, name="test")


@pytest.fixture(scope="module")
def out_of_fold(train):
    return cross_validate(train, ANALYSIS, np.random.default_rng(7))


@pytest.fixture(scope="module")
def models(train):
    return fit_models(train, ANALYSIS, np.random.default_rng(8))


@pytest.fixture(scope="module")
def outside(models, train, held_out):
    return external(models, train, held_out, ANALYSIS)


@pytest.fixture(scope="module")
def judgement(out_of_fold, outside):
    return judge([out_of_fold, outside], ANALYSIS, np.random.default_rng(9))


@pytest.fixture(scope="module")
def scores(judgement):
    return score(judgement)


# --- predictions ---


def test_every_patient_is_predicted_once_a_repeat(out_of_fold, train):
    assert set(out_of_fold.models) == set(ANALYSIS.models)
    for repeats in out_of_fold.models.values():
        assert len(repeats) == 2
        for prediction in repeats:
            assert len(prediction) == len(train)
            assert np.isfinite(prediction.survival).all()
    assert (np.sort(np.unique(out_of_fold.fold)) == [0, 1, 2]).all()


def test_nobody_is_predicted_from_their_own_fold(out_of_fold, train):
    y = outcome(train.observed, "os")
    months = prediction_months(ANALYSIS)
    for repeat in range(2):
        for fold in range(3):
            inside = out_of_fold.fold[repeat] == fold
            others = y[~inside]
            want = null_prediction(others["time"], others["event"], 1, months).survival[0]
            np.testing.assert_allclose(out_of_fold.null[repeat].survival[inside] - want, 0, atol=1e-12)


def test_a_patient_s_own_outcome_does_not_reach_their_prediction(out_of_fold, train):
    inside = out_of_fold.fold[0] == 0
    changed = train.observed.copy()
    # Times of one fold change hands among patients of equal status, which leaves the folds as they are.
    for status in (True, False):
        rows = np.flatnonzero(inside & (changed["died"] == status).to_numpy())
        changed.iloc[rows, changed.columns.get_loc("os_months")] = changed["os_months"].to_numpy()[rows[::-1]]
    again = cross_validate(replace(train, observed=changed), ANALYSIS, np.random.default_rng(7))
    np.testing.assert_array_equal(again.fold, out_of_fold.fold)
    for name in ("cox", "rsf", "pdl1"):
        before, after = (p.models[name][0].survival for p in (out_of_fold, again))
        np.testing.assert_array_equal(after[inside], before[inside])
        assert not np.array_equal(after[~inside], before[~inside])  # the others did learn from them


def test_the_same_seed_gives_the_same_bits(out_of_fold, train):
    again = cross_validate(train, ANALYSIS, np.random.default_rng(7))
    for name in ANALYSIS.models:
        for one, two in zip(again.models[name], out_of_fold.models[name], strict=True):
            np.testing.assert_array_equal(one.survival, two.survival)


def test_what_each_fit_chose_is_kept(out_of_fold):
    chosen = out_of_fold.parameters
    assert list(chosen.columns) == ["model", "repeat", "fold", "parameter", "value"]
    penalties = chosen[(chosen["model"] == "cox") & (chosen["parameter"] == "penalty")]
    assert len(penalties) == 6


def test_external_patients_have_their_own_truth(outside, held_out):
    months = prediction_months(ANALYSIS)
    np.testing.assert_allclose(outside.models["oracle"][0].survival, held_out.truth.survival("os", months))


def test_progress_is_told_to_the_end(train):
    told = []
    fit_models(train, ANALYSIS, np.random.default_rng(0), lambda *step: told.append(step))
    assert [done for _, done, _ in told] == [1, 2, 3, 4]
    assert {total for *_, total in told} == {4}


def test_models_use_only_the_features_named(train):
    analysis = ANALYSIS.model_copy(update={"features": ("age_years", "male")})
    context = model_context(train, analysis)
    assert [c.name for c in context.columns] == ["age_years", "male", "arm"]


def test_an_unknown_feature_is_named(train):
    with pytest.raises(InputError, match=r"cohort 'train' has no baseline column 'os_months', 'agee'"):
        model_context(train, ANALYSIS.model_copy(update={"features": ("os_months", "agee", "nlr")}))


def test_all_faults_of_the_models_are_told_at_once(train):
    real = replace(train, truth=None, simulated=False)
    analysis = ANALYSIS.model_copy(
        update={"models": {"oracle": {}, "cox": {"alpha": 1}, "lasso": {}, "rsf": {}}}
    )
    with pytest.raises(
        InputError, match=r"oracle needs the truth.*unknown option 'alpha'.*unknown model 'lasso'"
    ):
        build_models(real, analysis)


# --- horizons ---


def test_prediction_months_hold_every_horizon():
    months = prediction_months(Analysis(horizons_months=(1.3, 7, 24)))
    assert {1.3, 7.0, 24.0} <= set(months)
    assert (np.diff(months) > 0).all()
    assert months[0] > 0
    assert months[-1] == 24
    assert len(prediction_months(Analysis(horizons_months=(120,)))) == 60


def test_a_horizon_beyond_follow_up_is_refused_before_any_work(train, held_out):
    check_horizons(ANALYSIS, [train, held_out])
    analysis = ANALYSIS.model_copy(update={"horizons_months": (6.0, 48.0)})
    with pytest.raises(InputError, match=r"horizons_months: 48 lies beyond.*cohort 'train'.*cohort 'test'"):
        check_horizons(analysis, [train, held_out])


def test_the_horizon_offered_instead_is_accepted(train):
    longest = np.floor(followed_to(outcome(train.observed, "os")) * 10) / 10
    update = {"horizons_months": (6.0, float(longest))}
    check_horizons(ANALYSIS.model_copy(update=update), [train])
    update = {"horizons_months": (6.0, float(longest) + 0.2)}
    with pytest.raises(InputError, match=f"use horizons up to {longest:g}"):
        check_horizons(ANALYSIS.model_copy(update=update), [train])


def test_the_explained_horizon_is_checked_too(train):
    explanation = ANALYSIS.explanation.model_copy(update={"horizon_months": 60.0})
    with pytest.raises(InputError, match="explanation: horizon_months: 60"):
        check_horizons(ANALYSIS.model_copy(update={"explanation": explanation}), [train])


def test_an_endpoint_that_is_not_there_is_named(train):
    with pytest.raises(InputError, match="cohort 'train' does not hold 'pfs'; it has os"):
        check_horizons(ANALYSIS.model_copy(update={"endpoint": "pfs"}), [train])


def test_follow_up_ends_with_the_tenth_patient_from_the_end():
    y = np.empty(50, dtype=[("event", bool), ("time", float)])
    y["time"], y["event"] = np.arange(1, 51), True
    assert followed_to(y) == pytest.approx(41, abs=1e-9)
    assert unusable(y, 40.0) == ""
    assert "9 of 50" in unusable(y, 41.0)
    assert "4 events" in unusable(y, 4.0)
    assert followed_to(y[:10]) == 0


# --- subgroups ---


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


# --- scores ---


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
    assert len(whole) == 4 * (3 + 5 * 3)  # four models, three metrics without and five with three horizons


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


def test_a_model_differs_from_itself_by_nothing(out_of_fold):
    twins = replace(out_of_fold, models=dict.fromkeys(("cox", "twin"), out_of_fold.models["cox"]))
    found = differences(judge([twins], ANALYSIS, np.random.default_rng(0)), "cox")
    assert set(found["model"]) == {"twin"}
    assert (found[["value", "low", "high", "better"]] == 0).all().all()


def test_differences_are_paired_and_turn_around(judgement, scores):
    one, two = differences(judgement, "pdl1"), differences(judgement, "cox")
    keys = ["data", "metric", "horizon_months", "group"]
    a = one[one["model"] == "cox"].set_index(keys).sort_index()
    b = two[two["model"] == "pdl1"].set_index(keys).sort_index()
    np.testing.assert_allclose(a["value"], -b["value"], atol=1e-12)
    np.testing.assert_allclose(a["low"], -b["high"], atol=1e-12)
    row = a.loc[("external", "brier", 12.0, "all")]
    value = scores.set_index(["model", *keys]).sort_index()["value"]
    want = (
        value[("cox", "external", "brier", 12.0, "all")] - value[("pdl1", "external", "brier", 12.0, "all")]
    )
    assert row["value"] == pytest.approx(want, abs=1e-12)
    assert row["better"] > 0.9  # lower is better, and Cox knows more


def test_pairing_narrows_the_interval(judgement, scores):
    paired = differences(judgement, "oracle").query("model == 'cox' and metric == 'ibs' and group == 'all'")
    single = scores.query("model == 'cox' and metric == 'ibs' and group == 'all'")
    assert (paired["high"] - paired["low"]).max() < 0.7 * (single["high"] - single["low"]).min()


def test_a_reference_that_was_not_judged_is_refused(judgement):
    with pytest.raises(InputError, match="model 'lasso' was not judged; there are cox, oracle, pdl1, rsf"):
        differences(judgement, "lasso")


def test_the_gap_to_the_oracle_is_positive_where_the_oracle_is_better(judgement, scores):
    gaps = gap_to_oracle(judgement).query("group == 'all' and data == 'external' and model == 'pdl1'")
    gaps = gaps.set_index("metric")
    assert gaps.loc["harrell_c", "gap"] > 0.05
    assert gaps.loc["ibs", "gap"] > 0  # though a lower score is the better one
    assert (gaps["low"] <= gaps["gap"]).mean() > 0.9


def test_without_an_oracle_there_is_no_gap(out_of_fold):
    alone = replace(out_of_fold, models={"cox": out_of_fold.models["cox"]})
    assert gap_to_oracle(judge([alone], ANALYSIS, np.random.default_rng(0))).empty


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


# --- curves ---


def test_tables_behind_the_figures(out_of_fold, outside):
    calibration = calibration_table([out_of_fold, outside], ANALYSIS, np.random.default_rng(0))
    assert list(calibration.columns) == [
        "model", "data", "horizon_months", "kind", "predicted", "observed", "low", "high", "patients",
    ]  # fmt: skip
    assert set(calibration["model"]) == set(ANALYSIS.models)
    assert set(calibration["horizon_months"]) == {6.0, 12.0, 18.0}
    roc = roc_table([out_of_fold, outside], ANALYSIS)
    assert list(roc.columns) == [
        "model", "data", "horizon_months", "threshold", "false_positive_rate", "true_positive_rate",
    ]  # fmt: skip
    assert len(roc.groupby(["model", "data", "horizon_months"])) == 24


# --- the sentinel ---


def test_shuffled_outcomes_teach_nothing(train):
    assert 0.47 <= shuffled_control(train, ANALYSIS, np.random.default_rng(3)) <= 0.53


def test_real_outcomes_would_fail_the_sentinel(scores):
    found = scores.query("model == 'cox' and metric == 'harrell_c' and group == 'all'")["value"]
    assert (found > 0.53).all()
