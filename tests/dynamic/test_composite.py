"""The likelihood of stacked rows: its curvature beside the sandwich, and where it must be the plain one."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.dynamic.bayes_supermodel import BayesSupermodelOptions
from pipeline.dynamic.composite import Rows, composite_likelihood, working_correlation
from pipeline.models.partial_likelihood import RiskSets
from pipeline.models.posterior import Heterogeneity
from pipeline.models.robust import clustered_covariance, score_residuals

from .alike_rows import LANDMARKS, made_stack, prior_of

FLAT = Heterogeneity(heterogeneity=(0.0,))
BETA = np.array([0.6, -0.4, 0.2])


def rows_of(stack, prior):
    y = stack.y
    return Rows(prior.centred(stack.table), y["time"], y["event"], stack.patient, stack.landmarks)


@pytest.fixture(scope="module")
def many():
    """Enough patients for the clustered variance to be trusted in every direction."""
    stack = made_stack(1500, BETA, np.random.default_rng(2))
    prior = prior_of(stack, 0.0, 1e6)
    return rows_of(stack, prior), prior


def test_errors_equal_those_clustered_by_patient_in_every_direction(many):
    rows, prior = many
    found = composite_likelihood(prior, FLAT, rows)
    at = found.at
    information = RiskSets.of(rows.x, rows.months, rows.event).information(at)
    residuals = score_residuals(rows.x, rows.months, rows.event, at)
    sandwich = clustered_covariance(residuals, information, rows.patient)  # held to R's in its own test
    ours = np.sqrt(np.diag(np.linalg.inv(found.information)))
    theirs = np.sqrt(np.diag(sandwich))
    plain = np.sqrt(np.diag(np.linalg.inv(information)))
    # 1,500 patients know a standard error to about 3 %; the working correlation is a model
    np.testing.assert_allclose(ours / theirs, 1, atol=0.15)
    assert np.max(np.abs(plain / theirs - 1)) > 0.35  # what counts rows as independent misses by far
    power = np.trace(np.linalg.solve(information, np.linalg.inv(sandwich))) / len(at)
    one_for_all = plain / np.sqrt(power)
    assert np.max(np.abs(one_for_all / theirs - 1)) > 0.15  # and one power for all directions as well


def test_the_maximum_stays_where_it_is(many):
    rows, prior = many
    found = composite_likelihood(prior, FLAT, rows)
    assert np.abs(np.linalg.solve(found.information, found.score)).max() < 1e-4


def test_rows_of_a_single_landmark_are_independent():
    stack = made_stack(200, BETA, np.random.default_rng(3))
    first = stack.landmarks == LANDMARKS[0]
    alone = replace(stack, table=stack.table[first], y=stack.y[first], patient=np.arange(int(first.sum())))
    prior = prior_of(stack, 0.1, 0.05)
    rows = rows_of(alone, prior)
    found = composite_likelihood(prior, FLAT, rows)
    sets = RiskSets.of(rows.x, rows.months, rows.event)
    assert found.worth == pytest.approx(1.0)
    np.testing.assert_allclose(found.information, sets.information(found.at), atol=1e-4)
    np.testing.assert_allclose(found.score, sets.gradient(found.at)[1], atol=1e-4)


def test_a_row_is_worth_less_the_nearer_landmarks_are(many):
    rows, prior = many
    correlation, hazard, worth = working_correlation(rows, np.zeros(len(prior.mean)))
    assert 0.2 < worth < 0.5  # an event is counted up to five times
    assert np.all(np.diff(correlation[0]) < 0)
    assert hazard.sum() == pytest.approx(rows.event.sum())  # as Breslow's hazard has it
    patients = np.random.default_rng(0).permutation(
        len(rows.patient)
    )  # as if each row were another patient's
    strangers = replace(rows, patient=np.arange(len(patients)))
    assert working_correlation(strangers, np.zeros(len(prior.mean)))[2] == pytest.approx(1.0)


def test_more_coefficients_than_patients_are_no_hindrance():
    stack = made_stack(6, BETA, np.random.default_rng(5))
    prior = prior_of(made_stack(500, BETA, np.random.default_rng(6)), 0.2, 0.3)
    found = composite_likelihood(prior, BayesSupermodelOptions(), rows_of(stack, prior))
    assert np.isfinite(found.score).all()
    assert np.linalg.eigvalsh(found.information).min() > -1e-8


def test_own_order_does_not_depend_on_the_order_given(many):
    rows, _ = many
    turn = np.random.default_rng(1).permutation(len(rows.months))
    turned = Rows(rows.x[turn], rows.months[turn], rows.event[turn], rows.patient[turn], rows.landmark[turn])
    one, other = rows.in_own_order(), turned.in_own_order()
    for name in ("x", "months", "event", "patient", "landmark"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert len(np.unique(one.patient)) == len(np.unique(rows.patient))
