"""The immune state: six standardised scores, each in the direction its findings give."""

import math

import numpy as np
import pytest

from synthetic_data.immune_state import STATES, immune_state
from synthetic_data.markers import Eligibility, Setting, draw_markers

N = 20_000


@pytest.fixture(scope="module")
def draw(markers):
    return draw_markers(markers, Setting(), N, np.random.default_rng(6))


@pytest.fixture(scope="module")
def states(draw):
    return immune_state(draw)


def test_six_states_for_every_patient(states, draw):
    assert list(states) == [
        "myeloid_inflammation", "antigen_scarcity", "antigen_presentation_defect", "stromal_exclusion",
        "t_cell_exhaustion", "weak_nk_surveillance",
    ]  # fmt: skip
    assert states.index.equals(draw.values.index)
    assert np.isfinite(states.to_numpy()).all()


def test_states_are_standardised_in_the_reference_population(states):
    assert (states.mean().abs() < 4.5 / math.sqrt(N)).all()
    np.testing.assert_allclose(states.std(), 1.0, atol=4.5 / math.sqrt(2 * N) + 0.015)  # heavy-tailed parts


@pytest.mark.parametrize(
    ("state", "loading"), [(s, x) for s, loadings in STATES.items() for x in loadings],
    ids=lambda x: x if isinstance(x, str) else x.marker,
)  # fmt: skip
def test_each_marker_moves_its_state_the_way_it_says(markers, draw, states, state, loading):
    """More of the marker, all else equal: checked on residuals given the state's other markers."""
    columns = [markers[x.marker].simulate.column for x in STATES[state]]
    table = np.column_stack(
        [
            draw.margins[x.marker].numbers(draw.scores[c].to_numpy())
            for x, c in zip(STATES[state], columns, strict=True)
        ]
    )
    positive = [markers[x.marker].simulate.positive for x in STATES[state]]
    table[:, positive] = np.log(table[:, positive])
    design = np.column_stack([np.ones(N), table])
    slopes = np.linalg.lstsq(design, states[state].to_numpy(), rcond=None)[0][1:]
    position = [x.marker for x in STATES[state]].index(loading.marker)
    assert slopes[position] * loading.weight > 0


def test_every_loading_has_a_reason_and_a_drawn_marker(markers):
    for loadings in STATES.values():
        for loading in loadings:
            assert loading.reason
            assert loading.marker in markers
            assert loading.weight != 0


def test_states_tell_different_things(states):
    among = states.corr().to_numpy()
    assert np.abs(among[np.triu_indices(6, 1)]).max() < 0.5


def test_a_selected_trial_moves_the_mean(markers):
    setting = Setting(eligibility={"pdl1_tps_percent": Eligibility(at_least=50)})
    selected = immune_state(draw_markers(markers, setting, 5_000, np.random.default_rng(6)))
    assert selected["t_cell_exhaustion"].mean() > 0.3


def test_an_excluded_driver_counts_as_absent(markers):
    setting = Setting(
        eligibility={"egfr_mutant": Eligibility(equals=False), "alk_rearranged": Eligibility(equals=False)}
    )
    selected = immune_state(draw_markers(markers, setting, 5_000, np.random.default_rng(6)))
    assert selected["antigen_scarcity"].mean() < -0.05


def test_states_need_only_the_markers_that_are_drawn(markers):
    few = {k: markers[k] for k in ("nlr", "crp", "albumin")}
    states = immune_state(draw_markers(few, Setting(), 5_000, np.random.default_rng(6)))
    assert states["myeloid_inflammation"].std() == pytest.approx(1.0, abs=0.05)
    assert (states["weak_nk_surveillance"] == 0).all()
