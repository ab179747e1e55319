"""Published scores: formulas as printed, hand-computed values, and which cohorts they can be read in."""

import math

import numpy as np
import pytest

from pipeline.models.published_scores import INPUTS, SCORES, lacking, sources_of
from pipeline.schema import Column
from synthetic_data.evidence import load_register

PATIENT = {
    "tmb": 60.0, "pdl1": 80.0, "prior_systemic_therapy": 1.0, "albumin": 4.0, "nlr": 30.0, "age": 90.0,
    "dnlr": 3.5, "ldh": 420.0, "ecog": 2.0, "pack_years": 50.0, "liver_metastases": 1.0,
}  # fmt: skip


def value(name, **changes):
    inputs = {k: np.array([v]) for k, v in (PATIENT | changes).items()}
    return float(SCORES[name].value(inputs)[0])


def logistic(s):
    return 1 / (1 + math.exp(-s))


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        # 0.0353*50 + 0.0111*80 - 0.375 + 0.2924*4 - 0.0103*25 - 1.5593 = 1.6308
        ("loris", {}, logistic(1.6308)),
        # 0.0353*10 + 0 - 0 + 0.2924*3.5 - 0.0103*5 - 1.5593 = -0.2344
        ("loris", {"tmb": 10, "pdl1": 0, "prior_systemic_therapy": 0, "albumin": 3.5, "nlr": 5},
         logistic(-0.2344)),
        # 0.0371*50 - 0.8775 + 0.5382*4 - 0.033*25 + 0.0049*85 + 0.0008 - 2.0886 = 0.634
        ("loris_pan_cancer", {}, logistic(0.634)),
        ("loris_pan_cancer", {"tmb": 0, "prior_systemic_therapy": 0, "albumin": 0, "nlr": 0, "age": 0},
         logistic(-2.0878)),
        ("lipi", {}, 2), ("lipi", {"ldh": 200}, 1), ("lipi", {"dnlr": 3, "ldh": 250}, 0),
        ("epsilon", {}, 4), ("epsilon", {"pack_years": 43}, 5),
        ("epsilon", {"ecog": 1, "liver_metastases": 0, "ldh": 399, "nlr": 3.9}, 0),
        ("nlr", {}, 30), ("dnlr", {}, 3.5), ("tmb", {}, 60),
    ],
)  # fmt: skip
def test_values_computed_by_hand_from_the_printed_formulas(name, changes, expected):
    assert value(name, **changes) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("name", "formula"), [("loris", "NSCLC"), ("loris_pan_cancer", "pan-cancer")])
def test_loris_has_the_coefficients_of_the_evidence_register(name, formula):
    printed = next(f for f in load_register().models["loris"].formulas if f.name == formula)
    named = {"pdl1_tps": "pdl1", "cancer_type_nsclc": None, "cancer_type_sclc": None}
    rng = np.random.default_rng(0)
    for _ in range(20):
        patient = {k: float(rng.uniform(0, 100)) for k in PATIENT}
        total = printed.intercept
        for term in printed.terms:
            key = named.get(term.feature, term.feature)
            x = 1.0 * (term.feature == "cancer_type_nsclc") if key is None else patient[key]
            total += term.coefficient * (x if term.cap is None else min(x, term.cap))
        assert value(name, **patient) == pytest.approx(logistic(total), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "need", "worse"),
    [("loris", "nlr", 1), ("loris", "albumin", -1), ("loris_pan_cancer", "tmb", -1), ("tmb", "tmb", -1),
     ("nlr", "nlr", 1), ("lipi", "ldh", 1), ("epsilon", "pack_years", -1), ("epsilon", "ecog", 1)],
)  # fmt: skip
def test_risk_rises_with_what_is_worse(name, need, worse):
    low, high = ({k: np.array([v]) for k, v in (PATIENT | {need: x}).items()} for x in (1.0, 500.0))
    start = {k: np.array([1.0]) for k in PATIENT}
    step = SCORES[name].risk(start | {need: high[need]}) - SCORES[name].risk(start | {need: low[need]})
    assert np.sign(step[0]) == worse


def test_every_score_has_inputs_that_are_declared_a_source_and_a_population():
    for name, score in SCORES.items():
        assert set(score.needs) <= set(INPUTS), name
        assert score.source, name
        assert score.population, name


def columns(*names):
    return {n: Column(n, "baseline", "number", n, modality="blood") for n in names}


def test_inputs_are_found_under_other_names_and_made_of_counts():
    assert sources_of("albumin", columns("albumin_g_per_l")) == {"albumin": ("albumin_g_per_l", 0.1)}
    assert set(sources_of("nlr", columns("neutrophils_per_nl", "lymphocytes_per_nl"))) == {
        "neutrophils", "lymphocytes"
    }  # fmt: skip
    assert sources_of("nlr", columns("neutrophils_per_nl")) == {}
    level = Column("pdl1_tps_percent", "baseline", "category", modality="tumour")
    assert sources_of("pdl1", {"pdl1_tps_percent": level}) == {}


def test_what_a_cohort_lacks_is_named_by_its_column():
    assert lacking(SCORES["lipi"].needs, columns("dnlr")) == ["ldh_u_per_l"]
    assert lacking(SCORES["lipi"].needs, columns("dnlr"), {"ldh": 1.0}) == []
    assert lacking(SCORES["lipi"].needs, columns("dnlr", "ldh_u_per_l")) == []
