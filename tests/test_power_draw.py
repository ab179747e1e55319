"""A plan's patients under each scenario: those that the cohort's file with the same words would draw."""

import numpy as np
import pytest

from experiments.cohorts import resolve_simulated
from experiments.power_draw import Drawing
from experiments.power_plan import Scenario
from synthetic_data.cohort import simulate_cohort

GAP = {"mechanism": "mar", "share": 0.4, "drivers": {"pdl1_tps_percent": 1.0}}


@pytest.fixture(scope="module")
def spec():
    return resolve_simulated("keynote_189", 10).spec


@pytest.fixture(scope="module")
def drawing(spec):
    return Drawing.solve(spec, np.random.default_rng(4))


def test_a_scenario_draws_what_a_file_would(spec, drawing):
    scenario = Scenario.model_validate(
        {"missing": {"nlr": GAP}, "visits": {"months": [1.5, 3.0], "assays": ["nlr", "tumour_size"]}}
    )
    filed = spec.model_copy(update={"missing": scenario.missing, "visits": scenario.visits})
    expected = simulate_cohort(filed, 150, np.random.default_rng(4), workers=1)
    drawn = drawing.patients(scenario, 150)
    assert drawn.observed.equals(expected.observed)
    assert drawn.visits.equals(expected.visits)
    assert drawn.manifest == expected.manifest


def test_patients_and_their_fates_are_the_same_under_every_scenario(drawing):
    whole = drawing.patients(Scenario(), 200)
    again = drawing.patients(Scenario(), 200)
    assert whole.observed.equals(again.observed)
    less = drawing.patients(Scenario.model_validate({"markers": ["blood"], "missing": {"nlr": GAP}}), 200)
    assert less.observed["pfs_months"].equals(whole.observed["pfs_months"])
    known = less.observed["nlr"].notna()
    assert known.mean() == pytest.approx(0.6, abs=0.15)
    assert (less.observed["nlr"][known] == whole.observed["nlr"][known])[whole.observed["nlr"].notna()].all()
    assert "pdl1_tps_percent" not in less.names()


def test_words_say_what_differs():
    scenario = Scenario.model_validate({"missing": {"nlr": GAP, "tumour": {"share": 0.3}}})
    said = "nlr missing in 40% (MAR, by pdl1_tps_percent); tumour missing in 30% (MCAR)"
    assert scenario.described() == said
