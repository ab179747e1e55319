"""A whole synthetic cohort: reproducible, faithful, consistent, its truth out of reach of a model."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.schema import Cohort, InputError
from synthetic_data.cohort import simulate_cohort
from synthetic_data.cohort_spec import CohortSpec, plan_cohort, read_cohort_spec
from synthetic_data.evidence import load_register
from synthetic_data.fidelity import fidelity
from synthetic_data.population import prepare

COHORTS = Path(__file__).resolve().parents[1] / "configs" / "cohorts"
KEYNOTE_189 = CohortSpec(name="keynote_189", trial="KEYNOTE-189")


def drawn(n: int, seed: int = 1, **options: object) -> Cohort:
    spec = KEYNOTE_189.model_copy(update=options)
    return simulate_cohort(spec, n, np.random.default_rng(seed))


def digest(frame: pd.DataFrame) -> int:
    return int(pd.util.hash_pandas_object(frame, index=True).sum())


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return drawn(6_000)


def test_the_same_seed_gives_the_same_bits(cohort: Cohort) -> None:
    again, other = drawn(6_000), drawn(6_000, seed=2)
    assert cohort.truth is not None
    assert again.truth is not None
    assert digest(again.observed) == digest(cohort.observed)
    assert digest(again.truth.patients) == digest(cohort.truth.patients)
    assert digest(other.observed) != digest(cohort.observed)


def test_the_number_of_workers_changes_no_bit_and_more_patients_only_append_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("synthetic_data.patients.BLOCK", 512)
    monkeypatch.setattr("synthetic_data.cohort.BLOCK", 512)
    population = prepare(plan_cohort(KEYNOTE_189), load_register())

    def many(n: int, workers: int, seed: int = 1) -> Cohort:
        return simulate_cohort(population, n, np.random.default_rng(seed), workers=workers)

    one, three, more = many(1300, 1), many(1300, 3), many(1700, 2)
    for first, second in ((one, three), (one, more)):
        assert first.truth is not None
        assert second.truth is not None
        pd.testing.assert_frame_equal(first.observed, second.observed.iloc[:1300], check_exact=True)
        pd.testing.assert_frame_equal(first.truth.patients, second.truth.patients[:1300], check_exact=True)
    assert digest(many(1300, 1, seed=2).observed) != digest(one.observed)
    assert one.truth is not None
    times = one.truth.patients["os_event_months"]
    assert np.intersect1d(times[:512], times[512:1024]).size == 0  # blocks are other patients


def test_progression_never_follows_death_in_truth_or_in_the_database(cohort: Cohort) -> None:
    seen = cohort.observed
    assert (seen["pfs_months"] <= seen["os_months"]).all()
    assert (seen.loc[seen["died"] & (seen["pfs_months"] == seen["os_months"]), "progressed_or_died"]).all()
    assert cohort.truth is not None
    truth = cohort.truth.patients
    assert (truth["pfs_event_months"] <= truth["os_event_months"]).all()


def test_at_least_thirty_markers_of_six_modalities(cohort: Cohort) -> None:
    markers = [c for c in cohort.columns if c.role == "baseline"]
    assert len(markers) >= 30
    assert len({c.modality for c in markers}) >= 6
    columns = " ".join(c.name for c in markers)
    for cytokine in ("il1b", "il6", "il8", "il10", "tnf", "ifn", "cxcl12", "ccl21", "vegf"):
        assert cytokine in columns


def test_no_column_of_the_truth_is_in_the_table(cohort: Cohort) -> None:
    assert cohort.truth is not None
    assert set(cohort.truth.patients) & set(cohort.observed) <= {"arm"}
    assert set(cohort.observed) == set(cohort.names())


def test_no_marker_ranks_patients_as_well_as_the_truth(cohort: Cohort) -> None:
    from lifelines.utils import concordance_index

    assert cohort.truth is not None
    seen = cohort.observed
    truth = cohort.truth.survival("os", np.array([18.0]), seen.index)[:, 0]
    ceiling = concordance_index(seen["os_months"], truth, seen["died"])
    for column in (c for c in cohort.columns if c.role == "baseline" and c.kind == "number"):
        known = seen[column.name].notna()
        c = concordance_index(
            seen.loc[known, "os_months"], seen.loc[known, column.name], seen.loc[known, "died"]
        )
        assert abs(c - 0.5) < ceiling - 0.5, column.name


@pytest.mark.parametrize("name", ["keynote_189", "pacific", "impower133"])
def test_the_population_curve_is_the_published_one_by_construction(name: str) -> None:
    plan = plan_cohort(read_cohort_spec(COHORTS / f"{name}.yaml"))
    cohort = simulate_cohort(plan.spec, 3_000, np.random.default_rng(3))
    table = fidelity(cohort, plan)
    built = table[table["built_on"] & table["kind"].isin(["median", "landmark"])]
    assert len(built) >= 6
    medians, rates = built[built["kind"] == "median"], built[built["kind"] == "landmark"]
    np.testing.assert_allclose(medians["expected"], medians["published"], rtol=0.02)
    np.testing.assert_allclose(rates["expected"], rates["published"], atol=0.005)


def test_a_cohort_of_another_trial_fails_the_comparison() -> None:
    """The twin of the test above: the figures of one trial are not met by the patients of another."""
    cohort = drawn(3_000)
    plan = plan_cohort(KEYNOTE_189)
    other = plan_cohort(CohortSpec(name="x", trial="KEYNOTE-407"))
    swapped = replace(plan, curves=other.curves, follow_up_months=24.0)
    table = fidelity(cohort, swapped)
    assert not table.loc[table["kind"] == "median", "within"].all()


def test_response_rates_are_the_published_ones(cohort: Cohort) -> None:
    table = fidelity(cohort, plan_cohort(KEYNOTE_189)).query("kind == 'objective_response'")
    np.testing.assert_allclose(table["expected"], table["published"], atol=1e-6)
    assert table["within"].all()


def test_responders_live_longer(cohort: Cohort) -> None:
    seen = cohort.observed
    responded = seen["best_response"].isin(["CR", "PR"])
    assert seen.loc[responded, "pfs_months"].median() > 1.5 * seen.loc[~responded, "pfs_months"].median()


def test_the_true_log_hazard_comes_back_with_slope_one(cohort: Cohort) -> None:
    from lifelines import CoxPHFitter

    assert cohort.truth is not None
    truth = cohort.truth.patients.loc[cohort.observed.index]
    own = np.where(
        truth["arm"] == "placebo_chemo",
        truth["os_log_hazard[placebo_chemo]"],
        truth["os_log_hazard[pembrolizumab_chemo]"],
    )
    table = cohort.observed[["os_months", "died"]].assign(own=own, arm=truth["arm"])
    slope = CoxPHFitter().fit(table, "os_months", "died", strata="arm").params_["own"]
    error = 1 / math.sqrt(table["died"].sum() * own.var())
    assert abs(slope - 1) < 4 * error
    assert abs(slope - 0.8) > 4 * error  # the twin


def test_contributions_and_the_unmeasured_part_add_up_to_the_log_hazard(cohort: Cohort) -> None:
    assert cohort.truth is not None
    truth = cohort.truth.patients
    single = truth.filter(regex=r"^os_contribution\[")
    parts = single.astype(float).sum(axis=1) + truth["unmeasured_log_hazard"]
    own = np.where(
        truth["arm"] == "placebo_chemo",
        truth["os_log_hazard[placebo_chemo]"],
        truth["os_log_hazard[pembrolizumab_chemo]"],
    )
    np.testing.assert_allclose(parts, own, atol=2e-6)  # as near as single precision comes


def test_every_patient_has_a_fate_under_every_arm(cohort: Cohort) -> None:
    assert cohort.truth is not None
    months = np.array([6.0, 24.0])
    curves = {arm: cohort.truth.survival("os", months, arm=arm) for arm in cohort.truth.arms}
    assert set(curves) == {"placebo_chemo", "pembrolizumab_chemo"}
    assert curves["pembrolizumab_chemo"].mean() > curves["placebo_chemo"].mean() + 0.05


def test_values_are_missing_only_when_defects_are_asked_for() -> None:
    assert drawn(500, defects=False).observed.notna().all().all()
    assert drawn(500).observed.isna().any().any()


def test_eligibility_holds_for_everyone() -> None:
    spec = read_cohort_spec(COHORTS / "keynote_024.yaml")
    cohort = simulate_cohort(spec, 800, np.random.default_rng(0))
    assert (cohort.observed["pdl1_tps_percent"].dropna() >= 50).all()


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_patients_are_refused(n: int) -> None:
    with pytest.raises(InputError, match=f"needs at least 2 patients. Got {n}"):
        drawn(n)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trial": "KEYNOTE-198"}, "KEYNOTE-189"),
        ({"arms": ("nivolumab",)}, "has no arm 'nivolumab'.*placebo_chemo"),
        ({"markers": ("nosuchmarker",)}, "no marker 'nosuchmarker'"),
    ],
)
def test_names_that_do_not_exist_are_answered_with_those_that_do(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        drawn(100, **options)


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trial: OAK\naccrual: 3\n", r"mine.yaml: unknown key 'accrual'.*accrual_months"),
        ("trial: OAK\naccrual_months: soon\n", r"mine.yaml: accrual_months: .*Got 'soon'"),
        ("trial: [OAK\n", r"mine.yaml, line 2: not valid YAML"),
        ("- OAK\n", r"mine.yaml: must hold 'key: value' lines"),
        ("accrual_months: 3\n", r"mine.yaml: trial: Field required"),
    ],
)
def test_a_faulty_cohort_file_is_named_with_its_field(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_cohort_spec(write(tmp_path, text))


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_cohort_spec(write(tmp_path, "trial: OAK\naccrual_months: -1\ndropout: 2\nfollow_up_months: x\n"))
    assert str(caught.value).count("mine.yaml") == 3


DRAWN = [p for p in sorted(COHORTS.glob("*.yaml")) if "kind: trial" in p.read_text()]


@pytest.mark.parametrize("path", DRAWN, ids=lambda p: p.stem)
def test_every_shipped_trial_cohort_can_be_planned(path: Path) -> None:
    plan = plan_cohort(read_cohort_spec(path))
    if plan.spec.arms is not None:  # a file that names its arms draws those and no other
        assert set(plan.arms) == set(plan.spec.arms)
        return
    assert plan.control_arm is not None
    assert len(plan.arms) >= 2


def test_a_cut_before_the_end_of_accrual_keeps_the_response_rate_of_those_enrolled() -> None:
    cohort = drawn(20_000, follow_up_months=4.0, accrual_months=18.0)
    assert len(cohort.observed) < 15_000
    for arm, published in (("placebo_chemo", 0.199), ("pembrolizumab_chemo", 0.483)):
        seen = cohort.observed.loc[cohort.observed["arm"] == arm, "best_response"].isin(["CR", "PR"])
        assert abs(seen.mean() - published) < 4 * math.sqrt(published * (1 - published) / len(seen))
