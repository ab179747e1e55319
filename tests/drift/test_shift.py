"""Shift of single markers: indices in closed form, tests that hold their level, gaps and new levels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.drift import comparable, marker_shift, population_stability
from pipeline.schema import Column, InputError

NUMBER = Column("x", "baseline", "number", "X", "mg")
FACT = Column("f", "baseline", "boolean", "F")
LEVEL = Column("c", "baseline", "category", "C", categories=("a", "b", "d"))


def of(old: object, new: object, column: Column) -> dict[str, object]:
    frames = [pd.DataFrame({column.name: values}) for values in (old, new)]
    return marker_shift(frames[0], frames[1], [column]).iloc[0].to_dict()


def test_the_index_of_two_shares_is_the_formula() -> None:
    p, q = 0.5, 0.3
    expected = (q - p) * np.log(q / p) + (p - q) * np.log((1 - q) / (1 - p))
    found, _ = population_stability(np.array([p, 1 - p]) * 1e6, np.array([q, 1 - q]) * 1e6)
    assert found == pytest.approx(expected, rel=1e-4)


def test_the_index_of_shifted_normals_nears_the_square_of_the_shift() -> None:
    # The symmetrised divergence of N(0, 1) and N(d, 1) is d squared; ten bins lose a little of it.
    rng = np.random.default_rng(0)
    found = of(rng.normal(size=200_000), rng.normal(0.5, size=200_000), NUMBER)
    assert 0.22 < found["psi"] < 0.25
    assert found["smd"] == pytest.approx(0.5, abs=0.01)
    assert of(rng.normal(size=200_000), rng.normal(0.7, size=200_000), NUMBER)["psi"] > 0.4  # it can fail


def test_by_chance_the_index_stays_below_its_bound_in_19_of_20() -> None:
    rng = np.random.default_rng(1)
    found = [of(rng.normal(size=300), rng.normal(size=150), NUMBER) for _ in range(400)]
    above = np.mean([f["psi"] > f["psi_chance"] for f in found])
    assert 0.02 < above < 0.09  # 5 %, four standard errors about it


@pytest.mark.parametrize("kind", ["number", "fact", "level", "rare"])
def test_tests_hold_their_level(kind: str) -> None:
    rng = np.random.default_rng(2)

    def draw(n: int) -> object:
        if kind == "number":
            return rng.normal(size=n)
        if kind == "level":
            return rng.choice(["a", "b", "d"], n, p=[0.6, 0.3, 0.1])
        return rng.random(n) < (0.4 if kind == "fact" else 0.01)

    column = {"number": NUMBER, "level": LEVEL}.get(kind, FACT)
    p = np.array([of(draw(250), draw(200), column)["p"] for _ in range(300)])
    p = np.nan_to_num(p, nan=1.0)  # nobody has it on either side: nothing to test
    assert (p < 0.05).mean() < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 300)


def test_the_tests_are_those_of_the_kind() -> None:
    rng = np.random.default_rng(3)
    assert of(rng.normal(size=99), rng.normal(1, size=99), NUMBER)["test"] == "Kolmogorov-Smirnov"
    assert of(rng.random(99) < 0.5, rng.random(99) < 0.9, FACT)["test"] == "χ²"
    assert of([True] * 2 + [False] * 98, [True] * 4 + [False] * 60, FACT)["test"] == "Fisher"


def test_a_column_that_is_not_there_is_missing_for_everybody() -> None:
    found = marker_shift(pd.DataFrame({"x": np.arange(50.0)}), pd.DataFrame(index=range(40)), [NUMBER]).iloc[
        0
    ]
    assert found["missing_new"] == 1
    assert found["missing_p"] < 1e-20
    assert np.isnan(found["psi"])
    assert np.isnan(found["p"])


def test_gaps_are_compared_apart_from_values() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=400)
    found = of(values, np.where(rng.random(400) < 0.4, np.nan, values), NUMBER)
    assert found["missing_p"] < 1e-20
    assert found["p"] > 0.5


def test_unseen_levels_are_counted_among_all_new_patients() -> None:
    found = of(["a"] * 50 + ["b"] * 50, ["a"] * 30 + ["d"] * 10 + [None] * 10, LEVEL)
    assert found["unseen"] == pytest.approx(10 / 50)


def test_a_column_in_another_unit_is_refused() -> None:
    other = Column("x", "baseline", "number", "X", "g")
    assert comparable([NUMBER, FACT], [NUMBER]) == (NUMBER, FACT)
    with pytest.raises(InputError, match="x is a number in mg for the run and a number in g now"):
        comparable([NUMBER], [other])
