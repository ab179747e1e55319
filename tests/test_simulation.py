"""The `simulate` blocks: what is refused, and that every figure is the register's own."""

import math

import pytest
from pydantic import ValidationError

from synthetic_data.evidence import load_register
from synthetic_data.evidence.marker_figures import Association, MarkerEffect, Part
from synthetic_data.evidence.simulation import Missing, Simulation, TrialMargin

NORMAL = {
    "column": "age_years",
    "label": "Age",
    "kind": "number",
    "order": 10,
    "family": "normal",
    "parameters": {"mean": 64, "sd": 9},
    "margin": "assumed",
    "reason": "made up",
}
EFFECT = {"endpoint": "os", "ratio": 1.2, "published": 0}


def effects(markers):
    return [(name, effect) for name, m in markers.items() for effect in m.simulate.effects]


def test_a_complete_block_is_read():
    assert Simulation.model_validate(NORMAL).column == "age_years"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "Extra inputs"),
        ({"parameters": {"mean": 64}}, "takes the parameters mean, sd"),
        ({"parameters": {"mean": 64, "sd": 0}}, "sd must be positive"),
        ({"kind": "boolean"}, "does not draw kind boolean"),
        ({"column": "Age"}, "should match pattern"),
        ({"low": 90, "high": 20}, "low 90 must lie under high 20"),
        ({"levels": {"a": 1.0}}, "levels to family categorical"),
        ({"loadings": {"inflammation": 0.8, "tobacco": 0.7}}, "squared loadings"),
        (
            {"family": "bernoulli", "kind": "boolean", "parameters": {"prevalence": 1.2}},
            "prevalence must lie",
        ),
        (
            {"family": "categorical", "kind": "category", "parameters": {}, "levels": {"a": 0.5, "b": 0.4}},
            "must sum to 1. Got 0.9",
        ),
        (
            {"family": "categorical", "parameters": {}, "levels": {"a": 0.5, "b": 0.5}},
            "levels of a number must be numbers",
        ),
        (
            {"family": "quantiles", "parameters": {}, "quantiles": [[0, 0], [0.6, 5], [0.4, 9], [1, 10]]},
            "quantiles must rise",
        ),
        ({"overrides": [{"parameters": {"sd": -1}, "reason": "x"}]}, "sd must be positive"),
        ({"effects": [EFFECT | {"transform": "level", "level": "red"}]}, "names the level 'red'"),
        ({"effects": [EFFECT | {"transform": "ln"}]}, "can be 0 needs an offset"),
    ],
)
def test_what_is_not_a_margin_is_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        Simulation.model_validate(NORMAL | change)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"transform": "at_least"}, "threshold belongs to transform at_least"),
        ({"transform": "linear", "threshold": 3}, "threshold belongs to transform at_least"),
        ({"transform": "level"}, "level belongs to transform level"),
        ({"transform": "linear", "published": None}, "published gives the register's position"),
        ({"transform": "linear", "published": None, "basis": "assumed"}, "needs a reason"),
        ({"transform": "linear", "joint": "msk"}, "joint model is adjusted"),
        ({"transform": "linear", "ratio": 0}, "greater than 0"),
    ],
)
def test_what_is_not_an_effect_is_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        MarkerEffect.model_validate({"endpoint": "os", "ratio": 1.2, "published": 0} | fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"measure": "spearman", "value": 1.2}, "between -1 and 1"),
        ({"measure": "odds_ratio", "value": 2.0}, "it needs both"),
        (
            {"measure": "odds_ratio", "value": -2, "self_part": {"at_least": 1}, "other_part": {"below": 1}},
            "is positive",
        ),
        ({"measure": "spearman", "value": 0.2, "self_part": {"at_least": 1}}, "it needs both|odds_ratio"),
    ],
)
def test_what_is_not_an_association_is_refused(fields, message):
    if fields.get("self_part") and fields["measure"] == "spearman":
        fields = fields | {"other_part": {"at_least": 1}}
    with pytest.raises(ValidationError, match=message):
        Association.model_validate({"marker": "nlr", "published": 0} | fields)


def test_parts_and_missing_values_are_checked():
    with pytest.raises(ValidationError, match="either bounds"):
        Part()
    with pytest.raises(ValidationError, match="must lie under"):
        Part(at_least=5, below=1)
    with pytest.raises(ValidationError, match="under mar"):
        Missing(fraction=0.1, mechanism="mar")
    assert TrialMargin().shares == {}


def test_a_block_cannot_be_changed():
    block = Simulation.model_validate(NORMAL)
    with pytest.raises(ValidationError, match="frozen"):
        block.order = 20


def test_at_least_forty_markers_of_six_modalities_are_drawn(markers):
    modalities = {m.simulate.modality or m.modality for m in markers.values()}
    assert len(markers) >= 40
    assert len(modalities) == 8


def test_the_named_cytokines_are_drawn(markers):
    columns = {m.simulate.column for m in markers.values()}
    wanted = ["il1b", "il6", "il8", "il10", "tnf_alpha", "ifn_gamma", "cxcl12", "ccl21", "vegf"]
    assert {f"{name}_pg_per_ml" for name in wanted} <= columns


def test_columns_and_orders_are_unique(markers):
    for field in ("column", "order"):
        values = [getattr(m.simulate, field) for m in markers.values()]
        assert len(set(values)) == len(values), field


def test_every_published_effect_is_the_registers_figure(markers):
    register = load_register().markers
    for name, effect in effects(markers):
        if effect.published is None:
            continue
        entry = register[effect.published_marker or name].effects[effect.published]
        expected = 1 / entry.estimate if effect.inverse else entry.estimate
        assert effect.ratio == pytest.approx(expected, rel=1e-5), (name, effect.published)


def test_published_effects_are_of_the_same_endpoint(markers):
    register = load_register().markers
    names = {"os": "OS", "pfs": "PFS", "response": "objective_response"}
    for name, effect in effects(markers):
        if effect.published is not None:
            entry = register[effect.published_marker or name].effects[effect.published]
            assert entry.endpoint == names[effect.endpoint], (name, effect.published)


def test_adjusted_effects_are_adjusted_in_the_register(markers):
    register = load_register().markers
    for name, effect in effects(markers):
        if effect.published is not None:
            entry = register[effect.published_marker or name].effects[effect.published]
            assert effect.adjusted == (entry.adjusted == "yes"), (name, effect.published)


def test_thresholds_agree_with_the_registers_cut_offs(markers):
    for name, effect in effects(markers):
        if effect.published is None or effect.transform != "at_least":
            continue
        entry = markers[name].effects[effect.published]
        scale = 10.0 if name == "crp" else 1.0  # printed in mg/dL
        if entry.contrast.kind == "threshold" and entry.contrast.cutoff is not None:
            assert effect.threshold == pytest.approx(entry.contrast.cutoff * scale), name


def test_published_correlations_are_the_registers_figures(markers):
    seen = 0
    for name, marker in markers.items():
        for pair in marker.simulate.correlations:
            if pair.published is not None:
                assert pair.value == marker.correlations[pair.published].value, (name, pair.marker)
                seen += 1
    assert seen >= 30


def test_correlations_name_markers_that_are_drawn(markers):
    for name, marker in markers.items():
        assert {pair.marker for pair in marker.simulate.correlations} <= set(markers) - {name}


def test_missing_values_depend_on_columns_that_are_drawn(markers):
    columns = {m.simulate.column for m in markers.values()}
    for marker in markers.values():
        missing = marker.simulate.missing
        assert missing.depends_on is None or missing.depends_on in columns


def test_the_median_and_quartiles_printed_for_nlr_are_the_margins():
    marker = load_register().markers["nlr"]
    printed = next(d for d in marker.distributions if "OAK" in d.population)
    parameters = marker.simulate.parameters
    assert parameters["median"] == printed.median
    assert parameters["log_sd"] == pytest.approx(math.log(printed.iqr[1] / printed.iqr[0]) / 1.349, abs=0.01)
