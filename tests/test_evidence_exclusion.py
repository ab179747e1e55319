"""Evidence without the figures of some patients: nothing of theirs is left."""

import pytest

from pipeline.schema import InputError
from synthetic_data.evidence import load_register
from synthetic_data.evidence.marker_figures import MarkerEffect
from synthetic_data.evidence_exclusion import SamePatients, without_patients

LORIS = "Chang TG et al. Nat Cancer 2024;5:1158-1175, doi:10.1038/s43018-024-00772-7 (table)"
MSK = SamePatients.of(LORIS, ("MSK", "MSKCC"))


def test_citations_are_read_from_text_and_names_are_whole_words():
    assert MSK.citations == {"10.1038/s43018-024-00772-7"}
    assert MSK.named("NSCLC, MSK ICI cohort")
    assert not MSK.named("MSKELETAL", None)
    assert not SamePatients.of("no citation").named("MSK")


def test_no_figure_of_these_patients_is_left():
    register = load_register()
    strict, used = without_patients(register, MSK)
    assert {u.use for u in used} == {"used", "substitute", "excluded"}
    assert not [u for u in without_patients(strict, MSK)[1] if u.use == "excluded"]
    for name, marker in strict.markers.items():
        if marker.simulate is None:
            continue
        assert not MSK.named(marker.simulate.reason), name
        for effect in marker.simulate.effects:
            if effect.published is not None:
                figure = register.markers[effect.published_marker or name].effects[effect.published]
                assert not MSK.cited(figure.source), (name, effect)
            assert effect.joint != "msk_cox", name


def test_substitutes_stand_where_a_figure_is_put_aside_and_nowhere_else():
    register = load_register()
    untouched, used = without_patients(register, SamePatients())
    assert {u.use for u in used} == {"used"}
    assert untouched.markers["nlr"].simulate.effects == register.markers["nlr"].simulate.effects
    strict, _ = without_patients(register, MSK)
    nlr = strict.markers["nlr"].simulate
    assert [(e.endpoint, e.ratio, e.threshold) for e in nlr.effects] == [("os", 1.76, 5), ("pfs", 1.73, 5)]
    assert nlr.parameters == register.markers["nlr"].simulate.parameters  # of OAK, so it stays
    assert strict.markers["albumin"].simulate.parameters == {"mean": 3.44, "sd": 0.6}
    assert strict.markers["hed"].simulate is None  # no margin but theirs


def test_a_substitute_of_the_same_patients_is_refused():
    register = load_register()
    nlr = register.markers["nlr"]
    theirs = MarkerEffect(endpoint="os", ratio=1.5, transform="ln", basis="assumed", reason="as at MSK")
    block = nlr.simulate.model_copy(
        update={"substitute": nlr.simulate.substitute.model_copy(update={"effects": (theirs,)})}
    )
    markers = {**register.markers, "nlr": nlr.model_copy(update={"simulate": block})}
    with pytest.raises(InputError, match=r"marker 'nlr': the substitute of its effect on os is theirs too"):
        without_patients(type(register)(register.folder, register.trials, markers), MSK)


def test_a_derived_value_is_theirs_when_the_figures_it_names_are():
    register = load_register()
    nlr = register.markers["nlr"]
    derived = MarkerEffect(
        endpoint="os", ratio=1.5, transform="ln", basis="derived", reason="of effects 12 and 14"
    )
    block = nlr.simulate.model_copy(update={"effects": (derived,)})
    markers = {**register.markers, "nlr": nlr.model_copy(update={"simulate": block})}
    strict, _ = without_patients(type(register)(register.folder, register.trials, markers), MSK)
    assert derived not in strict.markers["nlr"].simulate.effects
