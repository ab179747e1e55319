"""What each marker adds to a patient's log hazard: mean zero, in the published direction, where it acts."""

import json
import math

import numpy as np
import pytest

from pipeline.schema import InputError
from synthetic_data.contributions import EffectModel, acts, conditional_log_hazards
from synthetic_data.evidence.marker_figures import MarkerEffect
from synthetic_data.markers import Eligibility, Setting, draw_markers

N = 20_000


@pytest.fixture(scope="module")
def draw(markers):
    return draw_markers(markers, Setting(), N, np.random.default_rng(2))


@pytest.mark.parametrize("endpoint", ["os", "pfs", "response"])
@pytest.mark.parametrize("inhibitor", [True, False])
def test_contributions_average_to_zero_over_the_population(markers, draw, endpoint, inhibitor):
    table = conditional_log_hazards(markers, draw, endpoint, inhibitor)
    error = 4.5 * table.std() / math.sqrt(N) + 1e-4
    assert (table.mean().abs() < error).all()
    assert list(table.index) == list(draw.values.index)
    assert set(table) <= set(draw.values)


def test_the_drawn_spread_is_the_calculated_one(markers, draw):
    table = conditional_log_hazards(markers, draw, "os", True)
    assert table.sum(axis=1).std() == pytest.approx(table.attrs["spread_with_checkpoint_inhibitor"], rel=0.03)


def test_predictive_markers_act_under_checkpoint_inhibition_only(markers, draw):
    with_inhibitor = conditional_log_hazards(markers, draw, "os", True)
    without = conditional_log_hazards(markers, draw, "os", False)
    only = {"tmb_mutations_per_mb", "tertiary_lymphoid_structures", "proton_pump_inhibitor", "hla_divergence"}
    assert only <= set(with_inhibitor)
    assert only.isdisjoint(without)
    for column in ("nlr", "albumin_g_per_dl", "liver_metastases"):
        np.testing.assert_array_equal(with_inhibitor[column], without[column])


def test_pdl1_protects_under_checkpoint_inhibition_and_not_without(markers, draw):
    high = draw.values["pdl1_tps_percent"] >= 50
    with_inhibitor = conditional_log_hazards(markers, draw, "os", True)["pdl1_tps_percent"]
    without = conditional_log_hazards(markers, draw, "os", False)["pdl1_tps_percent"]
    assert with_inhibitor[high].mean() < -0.05
    assert without[high].mean() > 0


@pytest.mark.parametrize(
    ("column", "worse"),
    [
        ("nlr", True), ("albumin_g_per_dl", False), ("ldh_u_per_l", True), ("il6_pg_per_ml", True),
        ("tmb_mutations_per_mb", False), ("ecog_ps", True), ("metastatic_sites", True),
    ],
)  # fmt: skip
def test_directions_are_the_published_ones(markers, draw, column, worse):
    part = conditional_log_hazards(markers, draw, "os", True)[column]
    values = draw.values[column]
    high, low = part[values > values.median()].mean(), part[values <= values.median()].mean()
    assert (high > low) == worse


def test_constant_markers_contribute_nothing(markers):
    setting = Setting(eligibility={"egfr_mutant": Eligibility(equals=False)})
    drawn = draw_markers(markers, setting, 50, np.random.default_rng(0))
    assert "egfr_mutant" not in conditional_log_hazards(markers, drawn, "os", True)


def test_eligibility_centres_contributions_on_the_eligible(markers):
    setting = Setting(eligibility={"pdl1_tps_percent": Eligibility(at_least=50)})
    drawn = draw_markers(markers, setting, N, np.random.default_rng(0))
    part = conditional_log_hazards(markers, drawn, "os", True)["pdl1_tps_percent"]
    assert abs(part.mean()) < 4.5 * part.std() / math.sqrt(N)


def test_an_unknown_endpoint_is_refused(markers, draw):
    with pytest.raises(InputError, match="unknown endpoint 'dfs'; known: os, pfs, response"):
        conditional_log_hazards(markers, draw, "dfs", True)


def test_the_account_is_ready_for_json_and_names_what_is_univariable(markers, draw):
    account = json.loads(json.dumps(conditional_log_hazards(markers, draw, "os", True).attrs))
    assert "metastatic_sites" in account["univariable_only"]
    assert "nlr" not in account["univariable_only"]
    row = next(r for r in account["effects"] if r["column"] == "nlr")
    assert row["published_ratio"] == 1.514
    assert 1 < row["conditional_ratio"] < 1.514


def test_an_effect_acts_where_it_says():
    every, inhibitor, other = (
        MarkerEffect.model_construct(acts_in=place)
        for place in ("every_arm", "checkpoint_inhibitor", "other")
    )
    assert acts(every, True)
    assert acts(every, False)
    assert acts(inhibitor, True)
    assert not acts(inhibitor, False)
    assert acts(other, False)
    assert not acts(other, True)


def test_totals_and_what_is_received_are_sums_of_the_same_parts(markers, draw):
    parts = EffectModel.of(markers, draw.dependence, draw.margins, "os").contributions(draw.values)
    inhibitor = np.random.default_rng(0).random(N) < 0.5
    received = np.sum(list(parts.received(inhibitor).values()), axis=0)
    for kind in (True, False):
        total = np.sum(list(parts.by_column(kind).values()), axis=0)
        np.testing.assert_allclose(parts.total(kind), total, atol=1e-12)
        np.testing.assert_allclose(received[inhibitor == kind], total[inhibitor == kind], atol=1e-12)
        assert np.abs(received - total)[inhibitor != kind].max() > 0.1  # the twin
