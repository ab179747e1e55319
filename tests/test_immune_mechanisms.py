"""Mechanisms: a column speaks of one, some are deficits, and strategies are those of the register."""

from collections import Counter

from experiments.strategies import strategies
from pipeline.immune_mechanisms import deficit_of, deficits, mechanism_of, mechanisms
from synthetic_data.evidence import load_register
from synthetic_data.immune_state import STATES
from synthetic_data.resistance import CAUSES


def test_deficits_are_the_causes_that_are_drawn():
    assert set(deficits()) == set(CAUSES)


def test_a_column_speaks_of_one_mechanism_and_so_do_its_series():
    counts = Counter(c for m in mechanisms().values() for c in m.columns)
    assert max(counts.values()) == 1
    assert deficit_of("nlr") == deficit_of("nlr__slope") == "myeloid_inflammation"
    assert (mechanism_of("age_years"), deficit_of("age_years")) == ("host", "")
    assert mechanism_of("shoe_size") == ""


def test_every_marker_of_the_generator_has_a_mechanism():
    drawn = {m.simulate.column for m in load_register().markers.values() if m.simulate is not None}
    assert drawn - {"squamous"} <= {c for m in mechanisms().values() for c in m.columns}


def test_a_state_s_heaviest_loading_speaks_of_its_deficit():
    register = load_register()
    for cause, state in CAUSES.items():
        heaviest = max(STATES[state], key=lambda x: abs(x.weight))
        simulated = register.marker(heaviest.marker).simulate
        assert simulated is not None
        assert deficit_of(simulated.column) == cause


def test_strategies_name_negative_trials_too():
    table = strategies(load_register())
    assert set(table["deficit"]) == set(deficits())
    canopy = table[(table["trial"] == "CANOPY-1")].iloc[0]
    assert (canopy["hazard_ratio"], canopy["low"], canopy["high"]) == (0.87, 0.7, 1.1)
    assert canopy["reading"] == "no difference shown"
    better = table[table["reading"] == "better"]
    assert (better["high"] < 1).all()
    assert len(better)
    classes = {c for t in load_register().trials.values() for a in t.arms for c in a.classes}
    assert {c for d in deficits().values() for c in d.classes} <= classes
