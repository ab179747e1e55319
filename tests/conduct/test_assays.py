"""Laboratories: shifts and scales come back from the measurements, and stay out of the truth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.schema import InputError
from synthetic_data.conduct.assays import Batch, BatchSpec, batch_account, build_batches
from synthetic_data.margins import margin_of
from synthetic_data.setting import Setting

SITES = 12


@pytest.fixture(scope="module")
def margins(markers):
    return {m.simulate.column: margin_of(m.simulate, Setting()) for m in markers.values()}


def measured(margins, column, spec, n=60_000, seed=2):
    margin = margins[column]
    batch = build_batches(spec, [margin], SITES, np.random.default_rng(seed))[column]
    rng = np.random.default_rng(seed + 1)
    site = rng.integers(0, SITES, n)
    values = margin.numbers(rng.standard_normal(n))
    return batch, site, values, batch.measured(values, site)


def test_shift_and_factor_come_back_on_the_log_scale(margins):
    batch, site, values, seen = measured(margins, "crp_mg_per_l", BatchSpec(shift_sd=0.4, scale_sd=0.2))
    for s in range(SITES):
        rows = (site == s) & (values > np.quantile(values, 0.2)) & (values < np.quantile(values, 0.95))
        logs, seen_logs = np.log(values[rows]) - batch.centre, np.log(seen[rows]) - batch.centre
        slope, intercept = np.polyfit(logs, seen_logs, 1)
        assert math.isclose(slope, batch.factor[s], abs_tol=0.02)  # CRP is rounded
        assert math.isclose(intercept, batch.shift[s], abs_tol=0.02)


def test_the_recovery_test_can_fail(margins):
    batch, site, values, seen = measured(margins, "crp_mg_per_l", BatchSpec(shift_sd=0.4, scale_sd=0.2))
    other = np.roll(batch.shift, 1)
    gaps = [np.mean(np.log(seen[site == s]) - np.log(values[site == s])) - other[s] for s in range(SITES)]
    assert max(map(abs, gaps)) > 0.1


def test_shifts_are_in_standard_deviations_of_the_marker(margins):
    shifts = []
    for seed in range(100):
        batch, *_ = measured(margins, "albumin_g_per_dl", BatchSpec(shift_sd=0.5, scale_sd=0), 10, seed)
        shifts.append(batch.shift)
        assert (batch.factor == 1).all()
    sd = margins["albumin_g_per_dl"].numbers(np.random.default_rng(0).standard_normal(100_000)).std()
    expected, n = 0.5 * sd, 100 * SITES
    assert abs(np.std(shifts) - expected) < 4 * expected / math.sqrt(2 * n) + 0.01 * expected


def test_zeros_stay_zero_and_limits_hold(margins):
    _, _, values, seen = measured(margins, "ctdna_molecules_per_ml", BatchSpec(shift_sd=1, scale_sd=0.5))
    assert (values == 0).any()
    assert (seen[values == 0] == 0).all()
    _, _, values, seen = measured(margins, "pdl1_tps_percent", BatchSpec(shift_sd=1, scale_sd=0.5))
    assert seen.min() >= 0
    assert seen.max() <= 100
    assert not np.array_equal(values, seen)


def test_only_continuous_markers_are_measured_differently(margins):
    spec = BatchSpec(columns=("nlr", "male"))
    with pytest.raises(InputError, match=r"sites\.batch: 'male' cannot be measured differently"):
        build_batches(spec, list(margins.values()), SITES, np.random.default_rng(0))
    one = build_batches(BatchSpec(columns=("nlr",)), list(margins.values()), 3, np.random.default_rng(0))
    assert set(one) == {"nlr"}


def test_the_account_names_every_site(margins):
    batches = build_batches(BatchSpec(), [margins["nlr"]], 2, np.random.default_rng(0))
    account = batch_account(batches, ["a", "b"])
    assert account["nlr"]["scale"] == "log"
    assert set(account["nlr"]["shift"]) == {"a", "b"}


@given(
    shift=st.floats(-2, 2), factor=st.floats(0.2, 3), logarithmic=st.booleans(), seed=st.integers(0, 999)
)
def test_measuring_keeps_the_order_of_patients_of_a_site(shift, factor, logarithmic, seed):
    batch = Batch(1.0, np.array([shift]), np.array([factor]), logarithmic, 0.0, 50.0, None)
    values = np.sort(np.random.default_rng(seed).gamma(1.0, 4.0, 50))
    seen = batch.measured(values, np.zeros(50, dtype=int))
    assert (np.diff(seen) >= 0).all()
    assert seen.min() >= 0
    assert seen.max() <= 50
