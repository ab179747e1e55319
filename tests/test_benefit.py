"""Predictive effects: through the immune state where the mechanism is known, directly elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.schema import Truth
from synthetic_data.benefit import MECHANISMS, BenefitModel, LogHazard
from synthetic_data.cohort import population_of, simulate_cohort
from synthetic_data.cohort_spec import CohortSpec, read_cohort_spec
from synthetic_data.contributions import Contributions
from synthetic_data.evidence import load_register
from synthetic_data.immune_state import StatePieces, totals
from synthetic_data.population import Population
from synthetic_data.treatments import Modifier, Treatment

HYPOTHETICAL = Path(__file__).parents[1] / "configs" / "cohorts" / "pembrolizumab_il6_hypothetical.yaml"
WITH, WITHOUT = Treatment(True), Treatment(False)


@pytest.fixture(scope="module")
def population() -> Population:
    return population_of(CohortSpec(name="benefit", trial="KEYNOTE-189", benefit_weight=1.0))


@pytest.fixture(scope="module")
def patients(population: Population) -> tuple[Contributions, StatePieces]:
    draw = population.markers.draw(20_000, np.random.default_rng(3))
    return population.effects["os"].contributions(draw.values), population.immune.pieces(draw)


@pytest.fixture(scope="module")
def model(patients: tuple[Contributions, StatePieces]) -> BenefitModel:
    return BenefitModel.of("os", *patients, weight=1.0)


@pytest.fixture(scope="module")
def apart(model: BenefitModel, patients: tuple[Contributions, StatePieces]) -> LogHazard:
    return model.apart(*patients)


def published_benefit(published: Contributions) -> np.ndarray:
    return published.total(True) - published.total(False)


def test_without_an_inhibitor_only_prognosis_is_felt(
    apart: LogHazard, patients: tuple[Contributions, StatePieces]
) -> None:
    np.testing.assert_allclose(apart.total(WITHOUT), patients[0].total(False), atol=1e-12)
    assert np.abs(apart.total(WITH) - apart.total(WITHOUT)).max() > 0.1


def test_what_is_published_of_each_marker_still_holds(
    model: BenefitModel, apart: LogHazard, patients: tuple[Contributions, StatePieces]
) -> None:
    """The regression of the drawn benefit on a state's markers gives their published effects back."""
    published, _ = patients
    with_one, without = published.by_column(True), published.by_column(False)
    for state, (columns, _) in MECHANISMS.items():
        known = [c for c in columns if c in model.direct and np.ptp(with_one[c]) > 0]
        effects = np.stack([with_one[c] - without.get(c, 0.0) for c in known], axis=1)
        drawn = apart.through[state] + sum(apart.direct.get(c, 0.0) for c in known)
        found, *_ = np.linalg.lstsq(effects, drawn, rcond=None)
        np.testing.assert_allclose(found, 1.0, atol=1e-6)
        only_direct = sum(apart.direct.get(c, 0.0) for c in known)  # the twin: the state left out
        lacking, *_ = np.linalg.lstsq(effects, only_direct + 0 * drawn, rcond=None)
        assert np.abs(lacking - 1).max() > 0.1


def test_no_marker_acts_through_a_state_beyond_its_published_effect(model: BenefitModel) -> None:
    assert set(model.paths) == set(MECHANISMS)
    assert min(model.direct.values()) >= 0
    assert model.direct["pdl1_tps_percent"] < 1
    assert model.direct["antibiotics"] == 1  # no mechanism among the six states


def test_states_act_the_way_their_mechanism_says(model: BenefitModel) -> None:
    for state in ("antigen_scarcity", "antigen_presentation_defect", "stromal_exclusion"):
        assert model.paths[state] > 0  # less benefit
    assert model.paths["t_cell_exhaustion"] < 0


def test_a_marker_nothing_is_published_of_matters_as_far_as_it_tells_of_the_state(
    apart: LogHazard,
) -> None:
    groups = {WITH: np.ones(20_000, dtype=bool)}
    others = {WITHOUT: np.ones(20_000, dtype=bool)}
    column = "copy_number_altered_fraction"
    felt, unfelt = apart.received(groups)[column], apart.received(others)[column]
    assert np.ptp(felt - unfelt) > 0.01


def test_contributions_by_marker_add_up_under_every_treatment(apart: LogHazard) -> None:
    treated = np.arange(20_000) % 2 == 0
    agent = Treatment(True, (Modifier("il6", "myeloid_inflammation", -0.3, -0.2),))
    parts = apart.received({agent: treated, WITHOUT: ~treated})
    total = np.sum(list(parts.values()), axis=0)
    np.testing.assert_allclose(total[treated], apart.total(agent)[treated], atol=1e-10)
    np.testing.assert_allclose(total[~treated], apart.total(WITHOUT)[~treated], atol=1e-10)


def test_the_weight_multiplies_benefit_and_leaves_prognosis(
    patients: tuple[Contributions, StatePieces], apart: LogHazard
) -> None:
    half = BenefitModel.of("os", *patients, weight=0.5).apart(*patients)
    np.testing.assert_allclose(half.total(WITHOUT), apart.total(WITHOUT))
    np.testing.assert_allclose(
        half.total(WITH) - half.total(WITHOUT), 0.5 * (apart.total(WITH) - apart.total(WITHOUT)), atol=1e-12
    )


def test_a_state_without_pieces_leaves_effects_direct(patients: tuple[Contributions, StatePieces]) -> None:
    nothing = {state: {} for state in MECHANISMS}
    model = BenefitModel.of("os", patients[0], nothing, weight=1.0)
    assert model.paths == {}
    benefit = model.apart(patients[0], nothing)
    np.testing.assert_allclose(
        benefit.total(WITH) - benefit.total(WITHOUT), published_benefit(patients[0]), atol=1e-12
    )


def test_the_truth_takes_benefit_apart(population: Population) -> None:
    cohort = simulate_cohort(population, 2_000, np.random.default_rng(0))
    assert cohort.truth is not None
    truth = cohort.truth.patients
    parts = truth[[c for c in truth if c.startswith("benefit_contribution[")]]
    ratio = truth["os_log_hazard[pembrolizumab_chemo]"] - truth["os_log_hazard[placebo_chemo]"]
    np.testing.assert_allclose(parts.sum(axis=1), ratio, atol=1e-5)  # single precision
    by_marker = truth[[c for c in truth if c.startswith("os_modification[")]]
    np.testing.assert_allclose(by_marker.sum(axis=1), ratio, atol=1e-5)
    assert "os_modification[pdl1_tps_percent]" in by_marker
    assert "os_modification[albumin_g_per_dl]" not in by_marker  # prognostic in every arm alike
    assert "benefit_contribution[antigen_scarcity]" in parts
    assert not any(c.startswith("benefit_contribution") for c in cohort.observed)
    assert set(cohort.manifest["benefit"]) == {"os", "pfs"}


def test_learnt_effects_are_drawn_unless_the_spec_says_otherwise() -> None:
    from synthetic_data.cohort_spec import plan_cohort
    from synthetic_data.subgroup_effects import load_learnt_effects

    learnt = load_learnt_effects()
    assert 0 < learnt.weight < 1.5
    assert learnt.weight > 2 * learnt.weight_error
    register = load_register()
    assert plan_cohort(CohortSpec(name="a", trial="OAK"), register).benefit_weight == learnt.weight
    chosen = CohortSpec(name="a", trial="OAK", benefit_weight=0.0)
    assert plan_cohort(chosen, register).benefit_weight == 0.0


def inflamed_and_not(truth: Truth, arm: str) -> list[float]:
    state = truth.patients["myeloid_inflammation"]
    groups = (state > state.quantile(0.75), state < state.quantile(0.25), state > -np.inf)
    month = np.array([24.0])
    return [float(truth.survival("os", month, truth.patients.index[g], arm).mean()) for g in groups]


def test_benefit_of_the_hypothetical_arm_is_concentrated_where_inflammation_is_high() -> None:
    cohort = simulate_cohort(read_cohort_spec(HYPOTHETICAL), 8_000, np.random.default_rng(1))
    assert cohort.truth is not None
    composed = inflamed_and_not(cohort.truth, "hypothetical_pembrolizumab_il6")
    backbone = inflamed_and_not(cohort.truth, "pembrolizumab")
    gained, lost, overall = (a - b for a, b in zip(composed, backbone, strict=True))
    assert gained > 0.1
    assert lost < 0
    assert 0.01 < overall < 0.08  # on average what it was composed of: a hazard ratio of 0.87
    assert "benefit_contribution[il6 x myeloid_inflammation]" in cohort.truth.patients
    chemo = inflamed_and_not(cohort.truth, "chemo")  # the twin: chemotherapy gains nothing there
    assert chemo[0] - backbone[0] < 0


def test_states_are_the_sum_of_their_pieces(population: Population) -> None:
    draw = population.markers.draw(50, np.random.default_rng(0))
    states = population.immune.states(draw)
    for state, total in totals(population.immune.pieces(draw), 50).items():
        np.testing.assert_array_equal(states[state], total)
