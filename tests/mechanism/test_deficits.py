"""Deficits: a marker speaks of one, and strategies are those of the register."""

from collections import Counter

from experiments.strategies import strategies
from pipeline.mechanism import DEFICITS, deficit_of
from synthetic_data.evidence import load_register
from synthetic_data.resistance import CAUSES


def test_deficits_are_the_causes_that_are_drawn():
    assert set(DEFICITS) == set(CAUSES)


def test_a_marker_speaks_of_one_deficit_and_so_do_its_series():
    counts = Counter(m for d in DEFICITS.values() for m in d.markers)
    assert max(counts.values()) == 1
    assert deficit_of("nlr") == deficit_of("nlr__slope") == "myeloid_inflammation"
    assert deficit_of("age_years") == ""


def test_strategies_name_negative_trials_too():
    table = strategies(load_register())
    assert set(table["deficit"]) == set(DEFICITS)
    canopy = table[(table["trial"] == "CANOPY-1")].iloc[0]
    assert (canopy["hazard_ratio"], canopy["low"], canopy["high"]) == (0.87, 0.7, 1.1)
    assert canopy["reading"] == "no difference shown"
    better = table[table["reading"] == "better"]
    assert (better["high"] < 1).all()
    assert len(better)
    classes = {c for t in load_register().trials.values() for a in t.arms for c in a.classes}
    assert {c for d in DEFICITS.values() for c in d.classes} <= classes
