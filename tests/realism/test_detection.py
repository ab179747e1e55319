"""Telling real from simulated: blind to equal tables, keen on unequal ones, honest on unseen patients."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.realism import detect
from pipeline.schema import InputError

from .made_patients import COLUMNS, patients

SETS = {"all": [c.name for c in COLUMNS]}


@pytest.fixture(scope="module")
def real():
    return patients(120, np.random.default_rng(1))


def test_patients_of_one_population_cannot_be_told_apart(real) -> None:
    told = detect(real, patients(240, np.random.default_rng(2)), COLUMNS, SETS, np.random.default_rng(3))
    assert told.scores["auc"].between(0.36, 0.64).all()  # memory of the training patients would give 1
    assert told.scores["control"].between(0.36, 0.64).all()


def test_what_differs_is_found_and_named(real) -> None:
    older = patients(240, np.random.default_rng(2), age=72.0)
    told = detect(real, older, COLUMNS, SETS, np.random.default_rng(3))
    assert (told.scores["auc"] > 0.7).all()
    assert told.importance["column"].iloc[0] == "age_years"
    assert told.importance["drop"].iloc[0] > 0.1
    assert told.importance.set_index("column").loc["male", "drop"] < 0.05


def test_gaps_alone_give_a_table_away(real) -> None:
    holed = patients(240, np.random.default_rng(2))
    holed.loc[np.random.default_rng(4).random(240) < 0.5, "nlr"] = np.nan
    told = detect(real, holed, COLUMNS, {"nlr": ["nlr"]}, np.random.default_rng(3))
    assert told.scores.set_index("classifier").loc["boosted trees", "auc"] > 0.6


def test_the_same_seed_gives_the_same_answer(real) -> None:
    few, drawn = real.head(40), patients(80, np.random.default_rng(2))
    one, two = (detect(few, drawn, COLUMNS, {"n": ["nlr"]}, np.random.default_rng(3)) for _ in range(2))
    assert one.scores.equals(two.scores)


def test_too_few_simulated_patients_are_refused(real) -> None:
    with pytest.raises(InputError, match="at least 240 simulated"):
        detect(real, patients(239, np.random.default_rng(2)), COLUMNS, SETS, np.random.default_rng(3))
