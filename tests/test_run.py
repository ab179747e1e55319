from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_cohort import CONTROL, TREATED, made_cohort
from made_run import SMALL

from pipeline.config import Analysis
from pipeline.run import TABLES, RunPlan, RunResult, analyse, plan, stage_generator
from pipeline.run.analyse import additivity_check, ceiling_checks, event_free, shuffled_limits
from pipeline.run.describe import arm_table, arms_in_order, typical_patients
from pipeline.schema import Cohort, InputError


def changed(analysis: Analysis, **fields: object) -> Analysis:
    return Analysis.model_validate(analysis.model_dump() | fields)


def refused(analysis: Analysis, train: Cohort, external: Cohort | None = None) -> str:
    with pytest.raises(InputError) as caught:
        plan(analysis, train, external)
    return str(caught.value)


# --- before anything runs


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"models": {"coxx": {}}}, "unknown model 'coxx'"),
        ({"models": {"rsf": {"trees": 5}}}, "unknown option 'trees'"),
        ({"metrics": ["unos_c"]}, "unknown metric 'unos_c'; did you mean 'uno_c'"),
        ({"subgroups": ["race"]}, "no column 'race'"),
        ({"features": ["nlr", "nlrr"]}, "no baseline column 'nlrr'"),
        ({"horizons_months": [60, 90]}, "60, 90 all lie beyond the follow-up"),
        ({"optimism": {"metrics": ["c"]}}, "optimism: metrics: unknown metric 'c'"),
        ({"ablation": {"model": "gbm"}}, "ablation: model 'gbm' is none of the models"),
        ({"ablation": {"metrics": ["c"]}}, "ablation: metrics: unknown metric 'c'"),
        ({"ablation": {}, "features": ["nlr", "noise"]}, "has columns of 'blood' only"),
        ({"cross_validation": {"by": "site"}}, "cross_validation: by: cohort 'made' has no groups 'site'"),
        ({"endpoint": "pfs"}, "does not hold 'pfs'"),
    ],
)
def test_a_plan_refuses_what_the_cohort_cannot_give(
    small_analysis: Analysis, fields: dict[str, object], said: str
) -> None:
    assert said in refused(changed(small_analysis, **fields), made_cohort(200, 1))


def test_a_plan_tells_every_fault_at_once(small_analysis: Analysis) -> None:
    asked = changed(small_analysis, metrics=["nope"], subgroups=["race"], models={"coxx": {}})
    told = refused(asked, made_cohort(200, 1))
    assert all(word in told for word in ("'nope'", "'race'", "'coxx'"))


def test_the_oracle_needs_the_truth_of_both_cohorts(small_analysis: Analysis) -> None:
    train = made_cohort(200, 1)
    blind = replace(made_cohort(200, 2, name="elsewhere"), truth=None)
    assert "oracle needs the truth" in refused(small_analysis, replace(train, truth=None))
    assert "which cohort 'elsewhere' lacks" in refused(small_analysis, train, blind)


def test_an_external_cohort_must_have_the_columns_learnt_from(small_analysis: Analysis) -> None:
    train, other = made_cohort(200, 1), made_cohort(200, 2, name="elsewhere")
    kept = tuple(c for c in other.columns if c.name != "nlr")
    other = replace(other, columns=kept, observed=other.observed.drop(columns="nlr"))
    assert "cohort 'elsewhere' lacks 1 columns to learn from ('nlr')" in refused(small_analysis, train, other)
    shared = changed(small_analysis, features=["age_years", "noise", "pdl1_tps_percent"])
    assert plan(shared, train, other).external is other


def test_a_cohort_without_events_or_with_too_few_patients_is_refused(small_analysis: Analysis) -> None:
    cohort = made_cohort(200, 1)
    nobody = replace(cohort, observed=cohort.observed.assign(died=False))
    assert "died" in refused(small_analysis, nobody)
    few = replace(cohort, observed=cohort.observed.iloc[:20])
    assert "too few for 2-fold cross-validation" in refused(small_analysis, few)
    seven = replace(cohort, observed=cohort.observed.assign(died=np.arange(200) < 7))
    split = small_analysis.cross_validation.model_copy(update={"folds": 5})
    assert "; take `folds: 2`" in refused(changed(small_analysis, cross_validation=split), seven)


def test_a_horizon_that_no_fold_can_speak_about_is_dropped_and_reported(small_analysis: Analysis) -> None:
    asked = changed(small_analysis, horizons_months=[6, 12, 90], models={"cox": {"penalties": [0.1]}})
    planned = plan(asked, made_cohort(200, 1))
    assert planned.analysis.horizons_months == (6, 12)
    assert planned.analysis.tau_months is None  # the folds decide
    found = analyse(planned, np.random.default_rng(0))
    assert found.analysis.horizons_months == (6, 12)
    assert found.analysis.tau_months is not None
    assert any("horizons dropped: 90 months" in note for note in found.notes)
    horizons = found.tables["horizons"]
    assert len(horizons) == 1 + 2 * 2  # the cohort, and both sides of two folds
    assert found.analysis.tau_months == np.floor(horizons["usable_to_months"].min() * 10) / 10


def test_the_folds_that_fix_tau_are_those_judged(small_plan: RunPlan, small_result: RunResult) -> None:
    from pipeline.evaluate import validation_folds

    rng, _ = stage_generator(np.random.default_rng(3), "cross-validation").spawn(2)
    parts = validation_folds(small_plan.train, small_plan.analysis, rng)
    told = small_result.tables["predictions"].query("data == 'cross-validation' and model == 'cox'")
    for part in parts:
        rows = small_plan.train.observed.index.get_indexer(part.test)
        here = told[(told["repeat"] == part.repeat) & told["row"].isin(rows)]
        assert set(here["fold"]) == {part.fold}


def test_the_external_cohort_is_the_one_explained(small_plan: RunPlan, small_analysis: Analysis) -> None:
    assert small_plan.explained is small_plan.external
    assert plan(small_analysis, small_plan.train).explained is small_plan.train


# --- random streams


def test_stages_have_streams_of_their_own() -> None:
    rng = np.random.default_rng(5)
    first = stage_generator(rng, "fit").random(4)
    rng.spawn(3)
    rng.random(10)
    assert np.array_equal(first, stage_generator(rng, "fit").random(4))
    assert not np.array_equal(first, stage_generator(rng, "judge").random(4))
    assert not np.array_equal(first, stage_generator(np.random.default_rng(6), "fit").random(4))


def test_children_of_different_parents_differ() -> None:
    one, two = np.random.default_rng(5).spawn(2)
    assert stage_generator(one, "fit").random() != stage_generator(two, "fit").random()


# --- the result


def test_every_table_is_documented_and_every_documented_table_is_there(small_result: RunResult) -> None:
    told = {name for name in TABLES if not name.startswith("response_")}  # of response only where asked for
    assert set(small_result.tables) == told


def test_the_same_seed_gives_the_same_tables(small_plan: RunPlan, small_result: RunResult) -> None:
    again = analyse(small_plan, np.random.default_rng(3))
    for name, table in small_result.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table, obj=name)


def test_another_seed_gives_other_scores(small_plan: RunPlan, small_result: RunResult) -> None:
    other = analyse(small_plan, np.random.default_rng(4))
    assert not other.tables["scores"]["value"].equals(small_result.tables["scores"]["value"])


def test_every_check_of_a_sound_run_passes(small_result: RunResult) -> None:
    assert {c.name for c in small_result.checks} == {
        "explanations_add_up",
        "oracle_is_ceiling",
        "shuffled_outcomes_teach_nothing",
    }
    assert all(c.passed for c in small_result.checks), small_result.checks


def test_the_oracle_stands_beside_every_model_with_intervals(small_result: RunResult) -> None:
    scores = small_result.tables["scores"]
    overall = scores[(scores["group"] == "all") & (scores["metric"] == "harrell_c")]
    assert set(map(tuple, overall[["model", "data"]].to_numpy())) == {
        (model, data)
        for model in ("cox", "rsf", "pdl1", "oracle")
        for data in ("cross-validation", "external")
    }
    assert (overall["low"] <= overall["value"]).all()
    assert (overall["value"] <= overall["high"]).all()


def test_a_model_above_the_oracle_fails_the_check(small_result: RunResult) -> None:
    scores = small_result.tables["scores"].copy()
    rows = (scores["model"] == "cox") & (scores["metric"] == "harrell_c") & (scores["group"] == "all")
    scores.loc[rows, "value"] = 0.99
    (check,) = ceiling_checks(scores)
    assert not check.passed
    assert "cox harrell_c 0.990" in check.detail


def test_there_is_no_ceiling_without_an_oracle(small_result: RunResult) -> None:
    scores = small_result.tables["scores"]
    assert ceiling_checks(scores[scores["model"] != "oracle"]) == []


def test_a_gap_in_an_explanation_fails_the_check() -> None:
    assert additivity_check({"cox": 1e-9}).passed
    assert not additivity_check({"cox": 1e-9, "rsf": 1e-3}).passed


def test_small_cohorts_leave_more_to_chance() -> None:
    assert shuffled_limits(2000) == pytest.approx((0.47, 0.53))
    assert shuffled_limits(250) == pytest.approx((0.44, 0.56))


def test_explanations_add_up_for_every_explained_patient(small_result: RunResult) -> None:
    table = small_result.tables["contributions"].fillna({"horizon_months": -1.0})
    by_patient = table.groupby(["model", "row", "horizon_months"])
    total = by_patient["contribution"].sum() + by_patient["base"].first()
    assert np.abs(total - by_patient["prediction"].first()).max() < 1e-6
    assert table.groupby("model")["row"].nunique().eq(12).all()


def test_patients_are_rows_and_never_identifiers(small_analysis: Analysis) -> None:
    cohort = made_cohort(200, 1)
    secret = cohort.observed.set_axis(pd.Index([f"secret-{i}" for i in range(200)], name="patient"))
    assert cohort.truth is not None
    truth = replace(cohort.truth, patients=cohort.truth.patients.set_axis(secret.index))
    result = analyse(
        plan(small_analysis, replace(cohort, observed=secret, truth=truth)), np.random.default_rng(1)
    )
    for name, table in result.tables.items():
        said = table.to_csv()
        assert "secret-" not in said, name


def test_predictions_are_those_of_the_fitted_models(small_plan: RunPlan, small_result: RunResult) -> None:
    table = small_result.tables["predictions"]
    mine = table[(table["data"] == "external") & (table["model"] == "cox") & (table["horizon_months"] == 12)]
    assert small_plan.external is not None
    fresh = small_result.models["cox"].predict(small_plan.external.observed, np.array([12.0]))
    np.testing.assert_allclose(mine["survival"], fresh.survival[:, 0], rtol=1e-12)


def test_a_real_cohort_has_no_agreement_and_no_gap(small_analysis: Analysis) -> None:
    real = replace(made_cohort(200, 1), truth=None, simulated=False)
    asked = changed(small_analysis, models={"cox": {"penalties": [0.1]}})
    result = analyse(plan(asked, real), np.random.default_rng(1))
    assert "agreement_summary" not in result.tables
    assert not len(result.tables["gap_to_oracle"])
    assert "differences" not in result.tables
    assert [c.name for c in result.checks] == ["explanations_add_up", "shuffled_outcomes_teach_nothing"]


# --- tables about patients


def test_the_arm_table_is_cox_on_arm_alone() -> None:
    from lifelines import CoxPHFitter

    cohort = made_cohort(400, 7)
    table = arm_table(cohort, "os").set_index("arm")
    frame = cohort.observed.assign(treated=(cohort.observed["arm"] == TREATED).astype(float))
    fitted = CoxPHFitter().fit(frame[["treated", "os_months", "died"]], "os_months", "died")
    assert table.loc[TREATED, "hazard_ratio"] == pytest.approx(np.exp(fitted.params_["treated"]), rel=1e-9)
    assert np.isnan(table.loc[CONTROL, "hazard_ratio"])
    assert list(table.index) == [TREATED, CONTROL]


def test_arms_come_with_the_control_last() -> None:
    assert arms_in_order(made_cohort(100, 1)) == [TREATED, CONTROL]


def test_typical_patients_are_nobody() -> None:
    cohort = made_cohort(300, 1)
    made = typical_patients(cohort)
    assert list(made.columns) == [c.name for c in cohort.columns if c.role in ("baseline", "arm")]
    assert made["nlr"].iloc[1] == pytest.approx(cohort.observed["nlr"].median())
    merged = cohort.observed.merge(made, on=["age_years", "nlr", "noise"])
    assert not len(merged)


def test_calibration_is_turned_to_event_free_probabilities() -> None:
    risks = pd.DataFrame({"predicted": [0.2], "observed": [0.3], "low": [0.25], "high": [0.4]})
    turned = event_free(risks).iloc[0]
    assert turned.to_list() == pytest.approx([0.8, 0.7, 0.6, 0.75])


def test_published_scores_join_wherever_their_inputs_are() -> None:
    train = made_cohort(60, 4)
    analysis = Analysis.model_validate(SMALL | {"published": "auto"})
    planned = plan(analysis, train)
    assert list(planned.analysis.models) == ["cox", "rsf", "pdl1", "nlr", "oracle"]
    (line,) = planned.notes
    assert line.startswith("published scores left out for want of columns: tmb (needs tmb_mutations_per_mb)")
    assert "lipi (needs dnlr, ldh_u_per_l)" in line
    assert list(plan(Analysis.model_validate(SMALL), train).analysis.models) == list(SMALL["models"])
