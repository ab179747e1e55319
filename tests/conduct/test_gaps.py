"""Missing values: shares met in expectation, and dependence that a regression finds again."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import expit

from pipeline.schema import InputError
from synthetic_data.conduct.gaps import GapSpec, build_gaps, standing
from synthetic_data.copula import GRID_MASS
from synthetic_data.markers import Setting, draw_markers

N = 60_000
DRIVERS = ("ecog_ps", "nlr", "pdl1_tps_percent", "male")


@pytest.fixture(scope="module")
def draw(markers):
    chosen = {k: markers[k] for k in ("age", "sex", "ecog_ps", "nlr", "pdl1_tps", "il6", "tmb_tissue")}
    return draw_markers(chosen, Setting(), N, np.random.default_rng(4))


def by_column(draw):
    return {m.simulation.column: m for m in draw.margins.values()}


def numbers(draw):
    return {c: m.numbers(draw.scores[c].to_numpy()) for c, m in by_column(draw).items()}


def solved(draw, column, **fields):
    return build_gaps({column: GapSpec(**fields)}, draw.margins, draw.dependence)[column]


def absent(gap, draw, seed=8):
    return np.random.default_rng(seed).random(N) < gap.chance(numbers(draw))


def logistic(exposures, event):
    """Maximum-likelihood slopes and their standard errors, by Newton's method."""
    X = np.column_stack([np.ones(len(event)), *exposures])
    beta = np.zeros(X.shape[1])
    for _ in range(25):
        p = expit(X @ beta)
        information = X.T @ (X * (p * (1 - p))[:, None])
        beta += np.linalg.solve(information, X.T @ (event - p))
    return beta[1:], np.sqrt(np.diag(np.linalg.inv(information)))[1:]


CASES = [
    ("il6_pg_per_ml", {"mechanism": "mcar", "share": 0.2}),
    ("il6_pg_per_ml", {"mechanism": "mar", "share": 0.3, "drivers": {"ecog_ps": 1.2}}),
    ("il6_pg_per_ml", {"mechanism": "mar", "share": 0.3, "drivers": {"ecog_ps": 0.8, "nlr": -0.6}}),
    ("pdl1_tps_percent", {"mechanism": "mnar", "share": 0.25, "strength": -1.0}),
    ("nlr", {"mechanism": "mnar", "share": 0.1, "strength": 0.9, "drivers": {"male": 0.5}}),
]


@pytest.mark.parametrize(("column", "fields"), CASES)
def test_the_share_is_met(draw, column, fields):
    gap = solved(draw, column, **fields)
    share, wanted = absent(gap, draw).mean(), fields["share"]
    assert abs(share - wanted) < 4 * math.sqrt(wanted * (1 - wanted) / N)
    assert abs(np.mean(gap.chance(numbers(draw))) - wanted) < 0.004  # less the chance of who is missing


@pytest.mark.parametrize(("column", "fields"), CASES[1:])
def test_the_dependence_comes_back(draw, column, fields):
    gap = solved(draw, column, **fields)
    strengths = {c: strength for c, (_, _, strength) in gap.tables.items()}
    exposures = [np.interp(numbers(draw)[c], *standing(by_column(draw)[c])) for c in strengths]
    slopes, errors = logistic(exposures, absent(gap, draw))
    assert (np.abs(slopes - list(strengths.values())) < 4 * errors).all()


def test_the_dependence_test_can_fail(draw):
    """Completely at random, the regression finds no such slope."""
    gap = solved(draw, "il6_pg_per_ml", **CASES[0][1])
    exposure = np.interp(numbers(draw)["ecog_ps"], *standing(by_column(draw)["ecog_ps"]))
    slopes, errors = logistic([exposure], absent(gap, draw))
    assert abs(slopes[0]) < 4 * errors[0] < 1.2


def test_mnar_biases_what_is_left_and_mcar_does_not(draw):
    values = numbers(draw)["nlr"]
    logs = np.log(values)
    error = logs.std() / math.sqrt(N)
    mnar = absent(solved(draw, "nlr", mechanism="mnar", share=0.3, strength=1.0), draw)
    mcar = absent(solved(draw, "nlr", mechanism="mcar", share=0.3), draw)
    assert logs[~mnar].mean() < logs.mean() - 20 * error
    assert abs(logs[~mcar].mean() - logs.mean()) < 4 * error


def test_a_standing_depends_on_the_value_alone_and_averages_zero(draw):
    for margin in draw.margins.values():
        values, standings = standing(margin)
        assert (np.diff(values) > 0).all()
        assert (np.diff(standings) > 0).all()
        assert abs(GRID_MASS @ np.interp(margin.tabulated(), values, standings)) < 1e-6


def test_what_cannot_be_is_refused(draw):
    for fields, message in (
        ({"mechanism": "mar", "share": 0.1}, "must name a column"),
        ({"mechanism": "mcar", "share": 0.1, "drivers": {"nlr": 1}}, "depends on nothing"),
        ({"mechanism": "mnar", "share": 0.1}, "belongs to mnar"),
        ({"mechanism": "mar", "share": 0.1, "drivers": {"nlr": 1}, "strength": 1}, "belongs to mnar"),
    ):
        with pytest.raises(ValidationError, match=message):
            GapSpec(**fields)
    with pytest.raises(InputError) as error:
        build_gaps(
            {
                "shoe_size": GapSpec(share=0.1),
                "nlr": GapSpec(mechanism="mar", share=0.1, drivers={"nlr": 1, "hat_size": 1}),
            },
            draw.margins,
            draw.dependence,
        )
    for words in ("'shoe_size' is not drawn", "'hat_size' is not drawn", "names itself"):
        assert words in str(error.value)


@st.composite
def legal_gaps(draw):
    mechanism = draw(st.sampled_from(["mcar", "mar", "mnar"]))
    strength = st.floats(-3, 3).filter(lambda x: abs(x) > 0.05)
    least = {"mcar": 0, "mar": 1, "mnar": 0}[mechanism]
    drivers = {} if mechanism == "mcar" else draw(
        st.dictionaries(st.sampled_from(DRIVERS), strength, min_size=least, max_size=3)
    )  # fmt: skip
    own = draw(strength) if mechanism == "mnar" else 0.0
    return GapSpec(mechanism=mechanism, share=draw(st.floats(0.01, 0.95)), drivers=drivers, strength=own)


@given(spec=legal_gaps())
def test_any_legal_share_is_met_in_expectation(draw, spec):
    gap = build_gaps({"il6_pg_per_ml": spec}, draw.margins, draw.dependence)["il6_pg_per_ml"]
    chance = np.broadcast_to(gap.chance(numbers(draw)), N)
    assert (chance > 0).all()
    assert (chance < 1).all()
    assert abs(chance.mean() - spec.share) < 5 * chance.std() / math.sqrt(N) + 5e-4


def test_a_marker_can_be_said_to_be_known_of_everybody(draw) -> None:
    gap = solved(draw, "nlr", share=0.0)
    assert not absent(gap, draw).any()
    assert gap.account()["intercept"] is None
    with pytest.raises(ValidationError, match="depends on nothing"):
        GapSpec(mechanism="mar", share=0.0, drivers={"nlr": 1.0})
