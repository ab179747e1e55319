"""Defects: limits of detection and missing values, after the truth is fixed."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from pipeline.schema import InputError, check_table
from synthetic_data.copula import GRID, GRID_MASS
from synthetic_data.defects import add_defects, log_odds_of_missing
from synthetic_data.evidence.simulation import Missing
from synthetic_data.markers import Setting, draw_markers

N = 20_000


@pytest.fixture(scope="module")
def draw(markers):
    return draw_markers(markers, Setting(), N, np.random.default_rng(3))


@pytest.fixture(scope="module")
def observed(markers, draw):
    return add_defects(markers, draw, np.random.default_rng(9))


def with_block(markers, name, **fields):
    """One marker's block, changed."""
    block = markers[name].simulate.model_copy(update=fields)
    return {**markers, name: markers[name].model_copy(update={"simulate": block})}


def test_the_table_still_is_what_its_columns_declare(draw, observed):
    check_table(observed, draw.columns)
    assert list(observed) == list(draw.values)


def test_the_truth_is_not_touched(markers, draw):
    before = draw.values.copy()
    add_defects(markers, draw, np.random.default_rng(1))
    pd.testing.assert_frame_equal(draw.values, before)


def test_values_go_missing_as_often_as_declared(markers, observed):
    for marker in markers.values():
        fraction = marker.simulate.missing.fraction
        share = observed[marker.simulate.column].isna().mean()
        assert abs(share - fraction) <= 4 * math.sqrt(fraction * (1 - fraction) / N), marker.id


def test_the_missingness_test_can_fail(markers, observed):
    fraction = markers["tls"].simulate.missing.fraction + 0.03
    share = observed["tertiary_lymphoid_structures"].isna().mean()
    assert abs(share - fraction) > 4 * math.sqrt(fraction * (1 - fraction) / N)


def test_what_is_not_missing_is_the_truth_or_a_limit(markers, draw, observed):
    for marker in markers.values():
        s = marker.simulate
        seen = observed[s.column].dropna()
        truth = draw.values.loc[seen.index, s.column]
        if s.detection_limit is not None:
            truth = truth.mask(truth < s.detection_limit, s.detection_limit / 2)
        assert (seen.astype(str) == truth.astype(seen.dtype).astype(str)).all(), marker.id


def test_under_the_limit_stands_half_of_it(markers, draw, observed):
    limit = markers["il6"].simulate.detection_limit
    under = (draw.values["il6_pg_per_ml"] < limit) & observed["il6_pg_per_ml"].notna()
    assert under.any()
    assert (observed.loc[under, "il6_pg_per_ml"] == limit / 2).all()


def test_or_the_limit_itself_when_so_declared(markers, draw):
    changed = with_block(markers, "il6", below_limit="limit", detection_limit=3.0)
    seen = add_defects(changed, draw, np.random.default_rng(9))["il6_pg_per_ml"]
    assert seen.min() == 3.0


def test_missing_at_random_depends_on_the_named_column(draw, observed):
    missing = observed["tmb_mutations_per_mb"].isna()
    many = draw.values["metastatic_sites"] >= 4
    assert missing[many].mean() - missing[~many].mean() > 0.05


def test_missing_completely_at_random_depends_on_nothing(draw, observed):
    missing = observed["hla_loh"].isna()
    high = draw.values["nlr"] > draw.values["nlr"].median()
    se = math.sqrt(0.2 * 0.8 / N * 4)
    assert abs(missing[high].mean() - missing[~high].mean()) < 4 * se


def test_booleans_with_missing_values_are_numbers(observed):
    assert set(observed["kras_mutant"].dropna().unique()) == {0.0, 1.0}
    assert observed["male"].dtype == bool


def test_the_same_seed_gives_the_same_gaps(markers, draw, observed):
    again = add_defects(markers, draw, np.random.default_rng(9))
    pd.testing.assert_frame_equal(again, observed, check_exact=True)
    other = add_defects(markers, draw, np.random.default_rng(10))
    assert not other["hla_loh"].isna().equals(observed["hla_loh"].isna())


def test_one_markers_gaps_do_not_depend_on_anothers(markers, draw, observed):
    changed = with_block(markers, "tls", missing=Missing(fraction=0.9))
    redrawn = draw_markers(changed, Setting(), N, np.random.default_rng(3))
    again = add_defects(changed, redrawn, np.random.default_rng(9))
    assert again["tertiary_lymphoid_structures"].isna().mean() > 0.85
    rest = [c for c in observed if c != "tertiary_lymphoid_structures"]
    pd.testing.assert_frame_equal(again[rest], observed[rest], check_exact=True)


def test_dependence_on_a_column_that_is_not_drawn_is_refused(markers):
    few = {k: markers[k] for k in ("tmb_tissue", "age")}
    drawn = draw_markers(few, Setting(), 100, np.random.default_rng(0))
    with pytest.raises(InputError, match="names 'metastatic_sites', which is not drawn"):
        add_defects(few, drawn, np.random.default_rng(0))


@given(st.floats(0.01, 0.95), st.floats(0, 3))
def test_the_intercept_gives_the_fraction(fraction, strength):
    missing = Missing(fraction=fraction, mechanism="mar", depends_on="nlr", strength=strength)
    chance = expit(log_odds_of_missing(missing) + strength * GRID)
    assert GRID_MASS @ chance == pytest.approx(fraction, abs=1e-9)


def test_whoever_lacks_the_usual_test_lacks_the_rarer_one(markers):
    second_line = Setting(setting="metastatic_2L")
    drawn = draw_markers(markers, second_line, N, np.random.default_rng(3))
    seen = add_defects(markers, drawn, np.random.default_rng(9))
    gaps = seen[["egfr_mutant", "alk_rearranged", "kras_mutant"]].isna()
    assert gaps.mean().to_numpy() == pytest.approx([0.16, 0.5, 0.69], abs=0.015)
    assert (gaps["egfr_mutant"] <= gaps["alk_rearranged"]).all()
    assert (gaps["alk_rearranged"] <= gaps["kras_mutant"]).all()
    squamous = drawn.values["squamous"]
    assert gaps[squamous].mean().min() > gaps[~squamous].mean().min() + 0.05
    first_line = add_defects(markers, draw_markers(markers, Setting(), N, np.random.default_rng(3)),
                             np.random.default_rng(9))  # fmt: skip
    assert (first_line["egfr_mutant"].isna() & first_line["kras_mutant"].notna()).any()  # the twin


def test_a_trials_own_share_without_a_result_is_used(markers):
    untested = Setting(setting="metastatic_2L", baseline={"egfr_unknown": 0.42})
    drawn = draw_markers(markers, untested, N, np.random.default_rng(3))
    seen = add_defects(markers, drawn, np.random.default_rng(9))
    assert seen["egfr_mutant"].isna().mean() == pytest.approx(0.42, abs=0.02)
    assert seen["kras_mutant"].isna().mean() == pytest.approx(0.69, abs=0.02)
