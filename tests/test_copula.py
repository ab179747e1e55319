"""The copula's mathematics against closed forms and against R."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from synthetic_data.copula import (
    GRID,
    both_above,
    correlated_scores,
    correlation_of,
    expansion,
    latent_correlation,
    latent_from_odds_ratio,
    lower_root,
    nearest_correlation,
    spread,
)

GOLDEN = Path(__file__).parent / "golden"
UNIFORM = ndtr(GRID)


def above(threshold: float) -> np.ndarray:
    return (threshold < GRID).astype(float)


def random_symmetric(seed: int, size: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    matrix = np.tanh(0.8 * rng.normal(size=(size, size)))
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 1.0)
    return matrix


@pytest.mark.parametrize("rho", [-0.9, -0.4, 0.0, 0.3, 0.8])
def test_spearman_of_normal_scores_has_its_closed_form(rho):
    assert correlation_of(UNIFORM, UNIFORM, rho) == pytest.approx(6 / math.pi * math.asin(rho / 2), abs=1e-6)


@pytest.mark.parametrize("target", [-0.7, -0.2, 0.1, 0.6])
def test_spearman_is_inverted_by_the_sine_formula(target):
    found = latent_correlation(UNIFORM, UNIFORM, target)
    assert found == pytest.approx(2 * math.sin(math.pi / 6 * target), abs=1e-6)


@pytest.mark.parametrize("rho", [-0.6, 0.2, 0.5, 0.8])
def test_medians_of_normal_scores_correlate_by_the_arcsine(rho):
    assert correlation_of(above(0.0), above(0.0), rho) == pytest.approx(
        2 / math.pi * math.asin(rho), abs=2e-3
    )


def test_pearson_of_lognormals_has_its_closed_form():
    first, second, rho = 0.5, 0.8, 0.6
    expected = (math.exp(rho * first * second) - 1) / math.sqrt(
        (math.exp(first**2) - 1) * (math.exp(second**2) - 1)
    )
    assert correlation_of(np.exp(first * GRID), np.exp(second * GRID), rho) == pytest.approx(
        expected, rel=1e-6
    )


def test_expansion_of_the_score_itself_is_its_first_polynomial():
    coefficients = expansion(GRID)
    assert coefficients[1] == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(np.delete(coefficients, 1), 0.0, atol=1e-4)
    assert spread(GRID) == pytest.approx(1.0, abs=1e-5)


def test_an_unreachable_correlation_stops_at_the_bound():
    assert latent_correlation(above(-2.0), above(2.0), 0.9) == 0.98
    assert latent_correlation(above(0.0), above(0.0), -0.999) == -0.98


def test_a_constant_correlates_with_nothing():
    assert latent_correlation(np.ones_like(GRID), UNIFORM, 0.5) == 0.0
    assert correlation_of(np.ones_like(GRID), UNIFORM, 0.5) == 0.0


def test_bivariate_normal_agrees_with_mvtnorm():
    for row in json.loads((GOLDEN / "bivariate_normal.json").read_text()):
        assert both_above(row["a"], row["b"], row["rho"]) == pytest.approx(row["both"], abs=1e-7)


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.floats(-0.9, 0.9))
def test_the_odds_ratio_is_inverted(first, second, rho):
    p, q, both = ndtr(-first), ndtr(-second), both_above(first, second, rho)
    odds = both * (1 - p - q + both) / ((p - both) * (q - both))
    assert latent_from_odds_ratio(first, second, odds) == pytest.approx(rho, abs=1e-5)


def test_an_odds_ratio_of_one_is_independence():
    assert latent_from_odds_ratio(0.3, -1.0, 1.0) == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("case", ["higham", "four", "positive"])
def test_nearest_correlation_agrees_with_nearpd(case):
    golden = json.loads((GOLDEN / "nearest_correlation.json").read_text())[case]
    found = nearest_correlation(np.array(golden["target"], dtype=float), least_eigenvalue=1e-10)
    np.testing.assert_allclose(found, golden["nearest"], atol=2e-6)


def test_the_golden_comparison_can_fail():
    golden = json.loads((GOLDEN / "nearest_correlation.json").read_text())["four"]
    target = np.array(golden["target"], dtype=float)
    values, vectors = np.linalg.eigh(target)
    clipped = vectors * np.maximum(values, 0) @ vectors.T
    scale = np.sqrt(np.diag(clipped))
    # clipping eigenvalues and rescaling is the shortcut that is not the nearest one
    assert np.abs(clipped / np.outer(scale, scale) - golden["nearest"]).max() > 1e-3


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12))
def test_the_repaired_matrix_is_a_correlation_matrix(seed, size):
    repaired = nearest_correlation(random_symmetric(seed, size))
    np.testing.assert_allclose(repaired, repaired.T)
    np.testing.assert_array_equal(np.diag(repaired), 1.0)
    assert np.linalg.eigvalsh(repaired)[0] > 0
    lower_root(repaired)


def test_a_matrix_that_is_positive_definite_is_left_alone():
    matrix = np.array([[1.0, 0.4, -0.2], [0.4, 1.0, 0.1], [-0.2, 0.1, 1.0]])
    np.testing.assert_array_equal(nearest_correlation(matrix), matrix)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 8))
def test_a_fixed_block_is_kept_to_the_bit(seed, size):
    block = nearest_correlation(random_symmetric(seed, size))
    target = random_symmetric(seed + 1, size + 1)
    target[:size, :size] = block
    extended = nearest_correlation(target, fixed=size)
    assert (extended[:size, :size] == block).all()
    assert np.linalg.eigvalsh(extended)[0] > 0


def test_a_block_that_is_no_correlation_matrix_cannot_be_kept():
    bad = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    with pytest.raises(ValueError, match="leading 3 x 3 block"):
        nearest_correlation(np.block([[bad, np.zeros((3, 1))], [np.zeros((1, 3)), np.ones((1, 1))]]), fixed=3)


def test_the_root_is_cholesky_and_nested():
    matrix = nearest_correlation(random_symmetric(3, 9))
    root = lower_root(matrix)
    np.testing.assert_allclose(root, np.linalg.cholesky(matrix), atol=1e-12)
    assert (lower_root(matrix[:6, :6]) == root[:6, :6]).all()


def test_a_singular_matrix_has_no_root():
    with pytest.raises(ValueError, match="row 1"):
        lower_root(np.ones((2, 2)))


def test_scores_have_the_correlations_asked_for():
    matrix = nearest_correlation(random_symmetric(5, 6))
    n = 40_000
    scores = correlated_scores(lower_root(matrix), np.random.default_rng(0).standard_normal((6, n)))
    error = np.abs(np.corrcoef(scores) - matrix) / ((1 - matrix**2 + 1e-12) / math.sqrt(n))
    assert error[np.triu_indices(6, 1)].max() < 4.5  # standard errors


def test_earlier_scores_do_not_change_when_a_row_is_added():
    matrix = nearest_correlation(random_symmetric(7, 7))
    noise = np.random.default_rng(1).standard_normal((7, 20_000))
    root = lower_root(matrix)
    assert (correlated_scores(root, noise)[:5] == correlated_scores(root[:5, :5], noise[:5])).all()


def test_scores_are_the_matrix_product():
    root = lower_root(nearest_correlation(random_symmetric(9, 5)))
    noise = np.random.default_rng(2).standard_normal((5, 1000))
    np.testing.assert_allclose(correlated_scores(root, noise), root @ noise, atol=1e-12)


def test_quantiles_and_probabilities_are_inverse_on_the_grid():
    inner = np.abs(GRID) < 5
    np.testing.assert_allclose(ndtri(UNIFORM[inner]), GRID[inner], atol=1e-8)
