"""A whole study drawn as its cohort file asks: shares, bias that the truth shows, and crossover undone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.features.builder import FeatureBuilder
from pipeline.schema import InputError
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec, plan_cohort, read_cohort_spec
from synthetic_data.conduct_fidelity import conduct_rows
from synthetic_data.fidelity import two_arm_hazard_ratio
from synthetic_data.follow_up import observe
from synthetic_data.patients import BLOCK, draw_block
from synthetic_data.population import prepare

FILE = Path(__file__).parents[2] / "configs" / "cohorts" / "keynote_189_sites.yaml"
N = 20_000
FEW = ("age", "ecog_ps", "bmi", "pdl1_tps", "nlr", "albumin", "ldh", "crp", "tmb_tissue", "n_met_sites")


@pytest.fixture(scope="module")
def population(register):
    spec = read_cohort_spec(FILE).model_copy(update={"markers": FEW, "eligibility": {}})
    return prepare(plan_cohort(spec, register), register)


@pytest.fixture(scope="module")
def cohort(population):
    return simulate_cohort(population, N, np.random.default_rng(5), workers=1)


def test_everything_asked_for_is_drawn(cohort, population):
    rows = pd.DataFrame(conduct_rows(cohort, population.plan)).set_index("kind")
    assert rows["within"].all(), rows[["published", "reproduced", "gap", "standard_error"]]
    assert rows.index.str.startswith("crossover_").sum() == 1
    assert {"missing_crp_mg_per_l", "lost", "share_of_europe"} <= set(rows.index)


def test_the_rows_can_fail(cohort, population):
    """A study without crossover and gaps, held against the same account, misses them."""
    observed, truth = cohort.observed.copy(), cohort.truth.patients.copy()
    truth["crossover_event_months"], observed["crp_mg_per_l"] = np.inf, 5.0
    other = replace(cohort, observed=observed, truth=replace(cohort.truth, patients=truth))
    rows = pd.DataFrame(conduct_rows(other, population.plan)).set_index("kind")
    assert not rows.loc[rows.index.str.startswith("crossover_"), "within"].any()
    assert not rows.loc["missing_crp_mg_per_l", "within"]


def test_crossover_dilutes_the_ratio_and_the_truth_without_it_restores_it(cohort, population):
    truth = cohort.truth.patients
    treated = (truth["arm"] == "pembrolizumab_chemo").to_numpy()

    def ratio(column):
        shown = observe(truth.assign(os_event_months=truth[column]), population.cut_month)
        return two_arm_hazard_ratio(
            shown["os_months"].to_numpy(), shown["died"].to_numpy(), treated[truth.index.isin(shown.index)]
        )

    seen, without = ratio("os_event_months"), ratio("os_event_months_without_crossover")
    assert without < seen - 0.04
    control = truth[~treated]
    switched = np.isfinite(control["crossover_event_months"])
    same = control["os_event_months"] == control["os_event_months_without_crossover"]
    assert same[~switched].all()
    assert (control["os_event_months"] >= control["os_event_months_without_crossover"] - 1e-9).all()
    assert np.isinf(truth.loc[treated, "crossover_event_months"]).all()


def test_true_survival_counts_the_switch_in_and_can_leave_it_out(cohort):
    truth = cohort.truth
    control = truth.patients[truth.patients["arm"] == "placebo_chemo"]
    months = np.array([6.0, 12.0, 24.0, 48.0])
    for switching, column in ((True, "os_event_months"), (False, "os_event_months_without_crossover")):
        true = truth.survival("os", months, control.index, switching=switching).mean(axis=0)
        drawn = (control[column].to_numpy()[:, None] > months).mean(axis=0)
        error = np.sqrt(true * (1 - true) / len(control))
        assert (np.abs(true - drawn) < 4 * error + 0.003).all()
    with_it, without = (truth.survival("os", months, control.index, switching=s) for s in (True, False))
    assert (with_it.mean(axis=0)[1:] > without.mean(axis=0)[1:] + 0.005).all()


def kaplan_meier(months, event, at):
    order = np.argsort(months, kind="stable")
    steps = np.where(event[order], 1 - 1 / np.arange(len(months), 0, -1), 1.0)
    return float(np.prod(steps[months[order] <= at]))


@pytest.mark.parametrize(("unmeasured", "biased"), [(2.5, True), (0.0, False)])
def test_informative_loss_biases_kaplan_meier_and_ignorable_loss_does_not(register, unmeasured, biased):
    spec = CohortSpec(
        name="loss", trial="KEYNOTE-189", markers=("age", "ecog_ps"), dropout_per_month=0.05,
        informative_dropout={"unmeasured": unmeasured}, unmeasured_log_hazard_sd=1.0,
    )  # fmt: skip
    drawn = simulate_cohort(plan_cohort(spec, register), N, np.random.default_rng(3), register, workers=1)
    truth = drawn.truth.patients
    event = (truth["os_event_months"] <= truth["dropout_months"]).to_numpy()
    months = np.minimum(truth["os_event_months"], truth["dropout_months"]).to_numpy()
    true = float((truth["os_event_months"] > 18).mean())
    gap, error = kaplan_meier(months, event, 18) - true, np.sqrt(true * (1 - true) / N)
    assert (gap > 8 * error) if biased else (abs(gap) < 4 * error)


def test_values_go_missing_where_their_mechanism_says(population):
    block = draw_block(population, (1, 2, 3, 4), 0, N, "x")
    seen = block.observed
    ecog = seen["ecog_ps"].to_numpy(dtype=float)
    known = ~np.isnan(ecog)
    for column, depends in (("ldh_u_per_l", True), ("albumin_g_per_dl", False)):
        absent = seen[column].isna().to_numpy()[known]
        gap = absent[ecog[known] >= 1].mean() - absent[ecog[known] < 1].mean()
        assert (gap > 0.05) if depends else (abs(gap) < 0.02)


def test_a_site_without_the_test_knows_no_result(cohort):
    sites = cohort.manifest["conduct"]["sites"]["sites"]
    for test, column in (("ngs", "tmb_mutations_per_mb"), ("pdl1", "pdl1_tps_percent")):
        lacking = [s["site"] for s in sites if test in s["lacks"]]
        inside = cohort.observed["site"].isin(lacking)
        assert inside.any()
        assert cohort.observed.loc[inside, column].isna().all()
        assert cohort.observed.loc[~inside, column].notna().mean() > 0.5


def test_the_same_bits_whatever_the_workers_and_more_patients_only_append(population):
    one, two = (
        simulate_cohort(population, BLOCK + 500, np.random.default_rng(1), workers=w) for w in (1, 2)
    )
    pd.testing.assert_frame_equal(one.observed, two.observed)
    pd.testing.assert_frame_equal(one.truth.patients, two.truth.patients)
    fewer = simulate_cohort(population, 700, np.random.default_rng(1), workers=1)
    pd.testing.assert_frame_equal(fewer.truth.patients, one.truth.patients.iloc[:700])


def test_neither_truth_nor_what_comes_later_reaches_a_feature_frame(cohort):
    later = set(cohort.names("post_baseline"))
    assert later == {"crossed_over", "crossover_months"}
    some = cohort.take(cohort.observed.index[:500])
    builder = FeatureBuilder(some.columns)
    names = list(builder.fit_transform(some.observed).columns)
    forbidden = (*later, *cohort.truth.patients.columns.drop("arm"))
    assert names
    assert not [n for n in names for f in forbidden if n.startswith(f)]


def test_blocks_that_contradict_each_other_are_refused(register):
    with pytest.raises(ValueError, match="defects: false"):
        CohortSpec(name="x", trial="OAK", defects=False, missing={"nlr": {"share": 0.1}})
    with pytest.raises(ValueError, match="associated by 1"):
        CohortSpec(name="x", trial="OAK", association=2, crossover={})
    spec = CohortSpec(name="x", trial="OAK", markers=("age",), missing={"shoe_size": {"share": 0.1}})
    with pytest.raises(InputError, match="'shoe_size' is not drawn"):
        prepare(plan_cohort(spec, register), register)
